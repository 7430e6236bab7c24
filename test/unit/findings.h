/*
 * findings.h - what the unit tests share: findings as text, and rows
 *
 * A finding is written as authgate prints it, "SEVERITY PLACE: TEXT" and a
 * newline, so that a row of a table can hold all that is expected of an input
 * as one string.  A row that fails is shown with its input.
 */
#ifndef FINDINGS_H
#define FINDINGS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/base/text.h"

#define FINDINGS_MAX 64

struct finding {
	enum ag_severity severity;
	char where[AG_ORIGIN_MAX];
	char text[1024];
};

struct findings {
	struct ag_diag diag; /* give this to the library */
	struct finding item[FINDINGS_MAX];
	size_t n;
};

/* Forgets what there is; the diag may be used from then on. */
void findings_begin(struct findings *findings);

/* Fails the test unless the findings are those, and counted rightly. */
#define expect_findings(input, findings, expected) \
	expect_findings_at((input), (findings), (expected), __FILE__, __LINE__)
void expect_findings_at(const char *input, const struct findings *findings,
    const char *expected, const char *file, int line);

/* Fails the test unless the input led to the text that was expected. */
#define expect_text(input, got, expected) \
	expect_text_at((input), (got), (expected), __FILE__, __LINE__)
void expect_text_at(const char *input, const char *got, const char *expected,
    const char *file, int line);

/* The same for a number, and for a truth value. */
#define expect_number(input, got, expected) \
	expect_number_at((input), (got), (expected), __FILE__, __LINE__)
void expect_number_at(const char *input, int64_t got, int64_t expected,
    const char *file, int line);

/* How many rows a table has. */
#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

#endif
