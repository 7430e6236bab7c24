/* lines.c - reads lines of any length in memory of one size */
#include "milter/base/lines.h"

void
ag_lines_begin(struct ag_lines *lines, FILE *in)
{
	lines->in = in;
	lines->first = lines->end = 0;
	lines->over = lines->cutting = false;
}

static void
fill(struct ag_lines *lines)
{
	size_t kept = lines->end - lines->first, n;

	memmove(lines->buffer, lines->buffer + lines->first, kept);
	n = fread(lines->buffer + kept, 1, sizeof(lines->buffer) - kept,
	    lines->in);
	lines->first = 0;
	lines->end = kept + n;
	lines->over = n == 0;
}

/* Takes what is there up to a newline, or as much as fits. */
static bool
take(struct ag_lines *lines, struct ag_str *line)
{
	struct ag_str rest = { lines->buffer + lines->first,
		lines->end - lines->first };
	size_t n = ag_str_find(rest, '\n');
	bool whole = n < rest.len;

	if (!whole && n < AG_LINE_MAX && !lines->over)
		return false;
	*line = ag_str_head(rest, n < AG_LINE_MAX ? n : AG_LINE_MAX);
	lines->first += whole ? n + 1 : n;
	return n > 0 || whole;
}

bool
ag_lines_next(struct ag_lines *lines, struct ag_str *line)
{
	bool rest, whole;

	do {
		while (!take(lines, line)) {
			if (lines->over)
				return false;
			fill(lines);
		}
		whole =
		    lines->first > 0 && lines->buffer[lines->first - 1] == '\n';
		rest = lines->cutting;
		lines->cutting = !whole;
	} while (rest);
	return true;
}

struct ag_str
ag_lines_peek(struct ag_lines *lines)
{
	if (lines->end == 0)
		fill(lines);
	return (struct ag_str){ lines->buffer, lines->end };
}
