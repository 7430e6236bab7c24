/* encoded.c - decodes encoded words as lenient readers do */
#include "policy/address/encoded.h"

/* "=?CHARSET?ENCODING?TEXT?=" */
struct word {
	struct ag_str charset;
	char encoding; /* 'b' or 'q' */
	struct ag_str text;
	size_t len; /* of all of it */
	bool open;  /* it has no end */
};

bool
ag_encoded_begins(struct ag_str text)
{
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.ptr[i] == '=' && text.ptr[i + 1] == '?')
			return true;
	return false;
}

/* The position of "?=", or text.len. */
static size_t
find_end(struct ag_str text)
{
	const char *end =
	    text.len > 0 ? memmem(text.ptr, text.len, "?=", 2) : NULL;

	return end != NULL ? (size_t)(end - text.ptr) : text.len;
}

/* Behind the charset: "?ENCODING?". */
static bool
is_encoding(struct ag_str rest)
{
	return rest.len > 2 && rest.ptr[2] == '?' &&
	    (ag_lower(rest.ptr[1]) == 'b' || ag_lower(rest.ptr[1]) == 'q');
}

/* Each byte of a text is looked at few times, whatever it holds. */
static bool
take_word(struct ag_str rest, struct word *word)
{
	struct ag_str text;
	size_t n;

	word->open = false;
	if (!ag_str_starts(rest, "=?"))
		return false;
	text = ag_str_skip(rest, 2);
	n = ag_str_find(text, '?');
	word->charset = ag_str_head(text, n);
	text = ag_str_skip(text, n);
	if (!is_encoding(text))
		return false;
	word->encoding = ag_lower(text.ptr[1]);
	text = ag_str_skip(text, 3);
	n = find_end(text);
	word->text = ag_str_head(text, n);
	word->len = rest.len - ag_str_skip(text, n + 2).len;
	word->open = n == text.len;
	return !word->open;
}

static void
decode_q(struct ag_str text, struct ag_buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		int high = i + 2 < text.len && text.ptr[i] == '=' ?
		    ag_hex_digit(text.ptr[i + 1]) :
		    -1;
		int low = high >= 0 ? ag_hex_digit(text.ptr[i + 2]) : -1;

		if (low >= 0) {
			ag_buf_char(out, (char)(high << 4 | low));
			i += 2;
		} else
			ag_buf_char(out,
			    text.ptr[i] == '_' ? ' ' : text.ptr[i]);
	}
}

/* 0 to 63, or -1. */
static int
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Other bytes are passed over. */
static void
decode_b(struct ag_str text, struct ag_buf *out)
{
	unsigned bits = 0, n = 0;

	for (size_t i = 0; i < text.len; i++) {
		int digit = base64_digit(text.ptr[i]);

		if (digit < 0)
			continue;
		bits = (bits << 6 | (unsigned)digit) & 0xffff;
		n += 6;
		if (n >= 8) {
			n -= 8;
			ag_buf_char(out, (char)(bits >> n & 0xff));
		}
	}
}

/* A language may stand behind it (RFC 2231). */
static bool
is_foreign(struct ag_str charset)
{
	struct ag_str name = ag_str_head(charset, ag_str_find(charset, '*'));

	return !ag_str_ieq(name, ag_str("utf-8")) &&
	    !ag_str_ieq(name, ag_str("us-ascii"));
}

/* False when another begins in it. */
static bool
decode_word(const struct word *word, struct ag_buf *out)
{
	ag_buf_char(out,
	    is_foreign(word->charset) ? AG_ENCODED_FOREIGN : AG_ENCODED_EDGE);
	if (word->encoding == 'b')
		decode_b(word->text, out);
	else
		decode_q(word->text, out);
	ag_buf_char(out, AG_ENCODED_EDGE);
	return !ag_encoded_begins(word->text);
}

bool
ag_encoded_decode(struct ag_str text, struct ag_buf *out)
{
	bool none_ahead = false; /* nothing ends there */
	struct word word = { .open = false };

	while (text.len > 0 && !out->cut) {
		if (!none_ahead && take_word(text, &word)) {
			if (!decode_word(&word, out))
				return false;
			text = ag_str_skip(text, word.len);
			continue;
		}
		none_ahead = none_ahead || word.open;
		ag_buf_char(out,
		    text.ptr[0] == AG_ENCODED_FOREIGN ? ' ' : text.ptr[0]);
		text = ag_str_skip(text, 1);
	}
	return !out->cut;
}
