/*
 * print.h - text for people, of which some may come from outside
 */
#ifndef AG_PRINT_H
#define AG_PRINT_H

#include <stdarg.h>
#include <stdio.h>

#include "policy/base/text.h"

/*
 * For all that is shown to people and may hold what came from outside, as
 * ag_buf_plain() writes it: a text; a text in a column, which is at least so
 * many characters wide; a line, to which a newline is added.
 */
void ag_print_safely(FILE *out, struct ag_str text);
void ag_print_column(FILE *out, struct ag_str text, size_t width);
void ag_print_line(FILE *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void ag_print_vline(FILE *out, const char *format, va_list ap);

#endif
