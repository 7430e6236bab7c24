/*
 * lines.h - the lines of a file of any size, in memory of one size
 */
#ifndef AG_LINES_H
#define AG_LINES_H

#include <stdio.h>

#include "policy/base/text.h"

/* Of a longer line only so much is given; the rest is passed over. */
#define AG_LINE_MAX ((size_t)64 * 1024)

struct ag_lines {
	FILE *in;
	size_t first; /* not given yet */
	size_t end;
	bool over;    /* nothing comes any more */
	bool cutting; /* the rest of a long line */
	char buffer[2 * AG_LINE_MAX];
};

/* in stays the caller's. */
void ag_lines_begin(struct ag_lines *lines, FILE *in);

/*
 * The next line, without its newline, good until the next call.  False at the
 * end, or on an error, which ferror() tells.
 */
bool ag_lines_next(struct ag_lines *lines, struct ag_str *line);

/* What the file begins with; before the first line is taken. */
struct ag_str ag_lines_peek(struct ag_lines *lines);

#endif
