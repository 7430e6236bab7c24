/*
 * fuzz.h - what the harnesses share
 *
 * A harness gives any bytes to one part of the library and says what must hold
 * of the answer.  The fuzzer keeps an input for which it does not.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "policy/base/text.h"

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run when it does not hold; unlike assert(), in every build. */
#define HOLDS(what) ((what) ? (void)0 : fuzz_ends(#what, __FILE__, __LINE__))

_Noreturn static inline void
fuzz_ends(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

static inline struct ag_str
fuzz_text(const uint8_t *data, size_t size)
{
	return (struct ag_str){ (const char *)data, size };
}

/* Takes a line off the text, or all of it; the empty slice at the end. */
static inline struct ag_str
fuzz_line(struct ag_str *text)
{
	struct ag_str line = { NULL, 0 };

	ag_str_line(text, &line);
	return line;
}

/* Printable ASCII, which has no line break either. */
static inline bool
fuzz_is_printable(struct ag_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < ' ' || s.ptr[i] > '~')
			return false;
	return true;
}

/* A finding is one line. */
static inline void
fuzz_check_finding(void *arg, enum ag_severity severity,
    const struct ag_origin *where, const char *text)
{
	(void)arg;
	(void)where;
	HOLDS(ag_severity_name(severity)[0] != '\0');
	HOLDS(text[0] != '\0');
	for (; *text != '\0'; text++)
		HOLDS(!ag_is_control(*text));
}

#endif
