/*
 * wrap.h - lines for a terminal of 80 columns
 *
 * For what people read.  Programs ask for --json, where nothing is folded.
 */
#ifndef AG_WRAP_H
#define AG_WRAP_H

#include <stdio.h>

#include "policy/base/text.h"
#include "milter/base/print.h"

#define AG_WRAP_WIDTH 80

/* A line that is being printed.  Begin with the other members 0. */
struct ag_wrap {
	FILE *out;
	size_t indent; /* of the lines after the first */
	size_t column; /* where the line stands, without what waits */
	FILE *waiting; /* what has been added since */
	char *text;
	size_t len;
};

/*
 * Adds bytes that may come from outside, as ag_print_safely() prints them.  A
 * new line takes the place of a blank where a word would end beyond the width;
 * a word that is too long for a line of its own stays whole.  What was added
 * is printed, and nothing left in memory, by the functions below.
 */
void ag_wrap_text(struct ag_wrap *wrap, struct ag_str text);
void ag_wrap_printf(struct ag_wrap *wrap, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Goes on at a column, on a new line where this one is beyond it. */
void ag_wrap_to(struct ag_wrap *wrap, size_t column);

/* Prints text last: at the column, or further left where it needs the room. */
void ag_wrap_last(struct ag_wrap *wrap, size_t column, struct ag_str text);

/* Ends the line. */
void ag_wrap_end(struct ag_wrap *wrap);

#endif
