/* print.c - prints text, and nothing that steers a terminal */
#include "milter/base/print.h"

#include <stdarg.h>
#include <stdlib.h>

/* More than a path and an address. */
#define PRINTED_MAX 8192

void
ag_print_safely(FILE *out, struct ag_str text)
{
	ag_print_column(out, text, 0);
}

void
ag_print_column(FILE *out, struct ag_str text, size_t width)
{
	size_t columns = 0;

	while (text.len > 0) {
		char piece[20];
		struct ag_buf shown = AG_BUF(piece);
		bool plain;
		size_t n = ag_str_piece(text, &plain);

		ag_buf_piece(&shown, ag_str_head(text, n), plain);
		fwrite(shown.ptr, 1, shown.len, out);
		columns += plain ? 1 : shown.len;
		text = ag_str_skip(text, n);
	}
	for (; columns < width; columns++)
		fputc(' ', out);
}

void
ag_print_vline(FILE *out, const char *format, va_list ap)
{
	char text[PRINTED_MAX];

	vsnprintf(text, sizeof(text), format, ap);
	ag_print_safely(out, ag_str(text));
	fputc('\n', out);
}

void
ag_print_line(FILE *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	ag_print_vline(out, format, ap);
	va_end(ap);
}
