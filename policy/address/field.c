/* field.c - blanks, comments and quoted strings of header fields */
#include "policy/address/field.h"

#define COMMENT_DEPTH_MAX 32

bool
ag_field_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
ag_field_is_word_byte(char c)
{
	return (unsigned char)c >= 0x80 ||
	    (c > ' ' && c < 0x7f && strchr("()<>[]:;@\\,\"", c) == NULL);
}

char
ag_field_peek(const struct ag_str *rest)
{
	return rest->len > 0 ? rest->ptr[0] : '\0';
}

void
ag_field_take(struct ag_str *rest, size_t n)
{
	*rest = ag_str_skip(*rest, n);
}

static bool
is_forbidden(char c)
{
	return ag_is_control(c) && !ag_field_is_space(c);
}

static bool
skip_comment(struct ag_str *rest)
{
	unsigned depth = 0;

	do {
		char c = ag_field_peek(rest);

		if (c == '\\') {
			ag_field_take(rest, 1);
			c = 'x';
		}
		if (rest->len == 0 || is_forbidden(ag_field_peek(rest)))
			return false;
		if (c == '(' && ++depth > COMMENT_DEPTH_MAX)
			return false;
		if (c == ')')
			depth--;
		ag_field_take(rest, 1);
	} while (depth > 0);
	return true;
}

bool
ag_field_skip_blanks(struct ag_str *rest)
{
	for (;;) {
		while (rest->len > 0 && ag_field_is_space(ag_field_peek(rest)))
			ag_field_take(rest, 1);
		if (ag_field_peek(rest) != '(')
			return true;
		if (!skip_comment(rest))
			return false;
	}
}

bool
ag_field_take_quoted(struct ag_str *rest, void (*add)(void *arg, char c),
    void *arg)
{
	for (ag_field_take(rest, 1); ag_field_peek(rest) != '"';
	    ag_field_take(rest, 1)) {
		char c;

		if (ag_field_peek(rest) == '\\')
			ag_field_take(rest, 1);
		c = ag_field_peek(rest);
		if (rest->len == 0 || is_forbidden(c))
			return false;
		if (c != '\r' && c != '\n')
			add(arg, c);
	}
	ag_field_take(rest, 1);
	return true;
}
