/* results.c - reads and writes Authentication-Results */
#include "policy/address/results.h"

#include <string.h>

#include "policy/address/domainname.h"
#include "policy/address/field.h"

/* Of a name and its version number: as many words as comments may make of it.
 */
#define WORDS_MAX 8

/* As much of a line as is always allowed (RFC 5322, 2.1.1), and some room. */
#define LINE_MAX_BYTES 900

/* Bytes that need no quotes: those of a token (RFC 2045). */
static bool
is_token_byte(char c)
{
	return (unsigned char)c >= 0x80 ||
	    (c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL);
}

/* ---- whose it is ---- */

static void
add_byte(void *id, char c)
{
	ag_buf_char(id, c);
}

/* Where the name is over: the results begin, or the one that comes first. */
static bool
is_at_end(const struct ag_str *rest)
{
	char c = ag_field_peek(rest);

	return rest->len == 0 || c == ';' || c == '=';
}

static bool
begins_word(char c)
{
	return c == '"' || is_token_byte(c);
}

/* Reads a word behind what there is; false when it cannot be read. */
static bool
take_word(struct ag_str *rest, struct ag_buf *id)
{
	if (ag_field_peek(rest) == '"')
		return ag_field_take_quoted(rest, add_byte, id) && !id->cut;
	for (; rest->len > 0 && is_token_byte(ag_field_peek(rest));
	    ag_field_take(rest, 1))
		ag_buf_char(id, ag_field_peek(rest));
	return !id->cut;
}

/*
 * Goes to the next word, past comments and bytes that are in no name, for some
 * program drops them; false when it cannot be told where it begins.
 */
static bool
skip_to_word(struct ag_str *rest)
{
	for (;;) {
		if (!ag_field_skip_blanks(rest))
			return false;
		if (is_at_end(rest) || begins_word(ag_field_peek(rest)))
			return true;
		if (ag_is_control(ag_field_peek(rest)))
			return false;
		ag_field_take(rest, 1);
	}
}

static bool
is_same_name(struct ag_str a, struct ag_str b)
{
	char x[AG_DOMAIN_MAX + 1], y[AG_DOMAIN_MAX + 1];

	if (ag_str_ieq(a, b))
		return true;
	return ag_domain_parse(a, x) == AG_DOMAIN_OK &&
	    ag_domain_parse(b, y) == AG_DOMAIN_OK && strcmp(x, y) == 0;
}

/*
 * Blanks and marks beyond ASCII, which are not seen or trimmed away, are in no
 * domain.  An encoded word may say anything (RFC 2047).
 */
static bool
is_readable_name(struct ag_str name)
{
	char domain[AG_DOMAIN_MAX + 1];

	if (name.len > 0 && memmem(name.ptr, name.len, "=?", 2) != NULL)
		return false;
	return ag_str_is_ascii(name) ||
	    ag_domain_parse(name, domain) == AG_DOMAIN_OK;
}

bool
ag_results_is_ours(struct ag_str value, struct ag_str id)
{
	char text[1000];
	struct ag_buf named = AG_BUF(text);

	if (!ag_field_skip_blanks(&value) ||
	    !begins_word(ag_field_peek(&value)))
		return true;
	/* "mx.example (comment) .com", for who drops comments first */
	for (unsigned n = 0; !is_at_end(&value); n++)
		if (n == WORDS_MAX || !take_word(&value, &named) ||
		    is_same_name(ag_buf_get(&named), id) ||
		    !is_readable_name(ag_buf_get(&named)) ||
		    !skip_to_word(&value))
			return true;
	return ag_str_starts(value, "=?");
}

/* ---- what ours says ---- */

static bool
are_all(struct ag_str text, bool (*is)(char c))
{
	for (size_t i = 0; i < text.len; i++)
		if (!is(text.ptr[i]))
			return false;
	return text.len > 0;
}

static bool
is_domain_byte(char c)
{
	return is_token_byte(c) && strchr("!#$%&'*+^`{|}~", c) == NULL;
}

/* Of atoms and the dots between them (RFC 5322, 3.2.3). */
static bool
is_local_byte(char c)
{
	return is_token_byte(c) || c == '/' || c == '=' || c == '?';
}

static bool
needs_no_quotes_before_at(struct ag_str local)
{
	return are_all(local, is_local_byte) && local.ptr[0] != '.' &&
	    local.ptr[local.len - 1] != '.' &&
	    memmem(local.ptr, local.len, "..", 2) == NULL;
}

static void
add_quoted(struct ag_buf *out, struct ag_str text)
{
	ag_buf_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '"' || c == '\\')
			ag_buf_char(out, '\\');
		ag_buf_char(out, ag_is_control(c) ? '?' : c);
	}
	ag_buf_char(out, '"');
}

static void
add_value(struct ag_buf *out, struct ag_str text)
{
	if (are_all(text, is_token_byte))
		ag_buf_str(out, text);
	else
		add_quoted(out, text);
}

/* An address; what is none, such as one with a literal, as a string. */
static void
add_address(struct ag_buf *out, struct ag_str text)
{
	size_t at = ag_str_rfind(text, '@');
	struct ag_str local = ag_str_head(text, at);

	if (at == text.len || local.len == 0 ||
	    !are_all(ag_str_skip(text, at + 1), is_domain_byte)) {
		add_value(out, text);
		return;
	}
	if (needs_no_quotes_before_at(local))
		ag_buf_str(out, local);
	else
		add_quoted(out, local);
	ag_buf_str(out, ag_str_skip(text, at));
}

static void
write_with(struct ag_buf *out, const char *blank, struct ag_str id,
    struct ag_str login, struct ag_str sender)
{
	add_value(out, id);
	ag_buf_text(out, "; auth=pass");
	ag_buf_text(out, blank);
	ag_buf_text(out, "smtp.auth=");
	add_address(out, login);
	ag_buf_text(out, blank);
	ag_buf_text(out, "smtp.mailfrom=");
	add_address(out, sender);
}

void
ag_results_write(struct ag_buf *out, struct ag_str id, struct ag_str login,
    struct ag_str sender)
{
	struct ag_buf whole = *out;

	write_with(&whole, " ", id, login, sender);
	if (whole.len - out->len <= LINE_MAX_BYTES)
		*out = whole;
	else
		write_with(out, "\n\t", id, login, sender);
}
