/* wrap.c - folds lines at 80 columns */
#include "milter/command/wrap.h"

#include <stdarg.h>
#include <stdlib.h>

#include <uniwidth.h>

#include "milter/base/print.h"
#include "milter/command/command.h"

/* How many columns bytes of UTF-8 take. */
static size_t
width_of(struct ag_str text)
{
	int width = u8_width((const uint8_t *)text.ptr, text.len, "UTF-8");

	return width > 0 ? (size_t)width : 0;
}

static void
fill_to(struct ag_wrap *wrap, size_t column)
{
	for (; wrap->column < column; wrap->column++)
		putc(' ', wrap->out);
}

static void
put(struct ag_wrap *wrap, struct ag_str word, size_t width)
{
	fwrite(word.ptr, 1, word.len, wrap->out);
	wrap->column += width;
}

/* A word with the blanks in front of it, which a new line takes away. */
static void
put_word(struct ag_wrap *wrap, struct ag_str blanks, struct ag_str word)
{
	size_t width = width_of(word);

	if (blanks.len > 0 && wrap->column > wrap->indent &&
	    wrap->column + blanks.len + width > AG_WRAP_WIDTH) {
		putc('\n', wrap->out);
		wrap->column = 0;
		fill_to(wrap, wrap->indent);
	} else {
		put(wrap, blanks, blanks.len);
	}
	put(wrap, word, width);
}

static void
put_words(struct ag_wrap *wrap, struct ag_str text)
{
	while (text.len > 0) {
		struct ag_str rest = ag_str_skip_any(text, " ");
		size_t blanks = text.len - rest.len;
		size_t word = ag_str_find(rest, ' ');

		put_word(wrap, ag_str_head(text, blanks),
		    ag_str_head(rest, word));
		text = ag_str_skip(rest, word);
	}
}

/* Prints what waits. */
static void
flush(struct ag_wrap *wrap)
{
	if (wrap->waiting == NULL)
		return;
	if (fclose(wrap->waiting) == 0)
		put_words(wrap, (struct ag_str){ wrap->text, wrap->len });
	free(wrap->text);
	wrap->waiting = NULL;
}

/* Where text goes: without memory it is printed as it comes. */
static FILE *
sink(struct ag_wrap *wrap)
{
	if (wrap->waiting == NULL)
		wrap->waiting = open_memstream(&wrap->text, &wrap->len);
	return wrap->waiting != NULL ? wrap->waiting : wrap->out;
}

void
ag_wrap_text(struct ag_wrap *wrap, struct ag_str text)
{
	ag_print_safely(sink(wrap), text);
}

void
ag_wrap_printf(struct ag_wrap *wrap, const char *format, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, format);
	len = vasprintf(&text, format, ap);
	va_end(ap);
	if (len < 0)
		return;
	ag_wrap_text(wrap, (struct ag_str){ text, (size_t)len });
	free(text);
}

void
ag_wrap_to(struct ag_wrap *wrap, size_t column)
{
	flush(wrap);
	if (wrap->column > column)
		ag_wrap_end(wrap);
	fill_to(wrap, column);
}

void
ag_wrap_last(struct ag_wrap *wrap, size_t column, struct ag_str text)
{
	size_t width = width_of(text);
	size_t room = width < AG_WRAP_WIDTH ? AG_WRAP_WIDTH - width : 0;

	if (column > room)
		column = room > wrap->indent ? room : wrap->indent;
	flush(wrap);
	/* two blanks stand in front of it */
	if (wrap->column > 0 && wrap->column + 2 > column)
		ag_wrap_end(wrap);
	fill_to(wrap, column);
	ag_wrap_text(wrap, text);
	ag_wrap_end(wrap);
}

void
ag_wrap_end(struct ag_wrap *wrap)
{
	flush(wrap);
	putc('\n', wrap->out);
	wrap->column = 0;
}
