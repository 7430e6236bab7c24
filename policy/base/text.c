/* text.c - byte slices, bounded buffers, UTF-8, findings */
#include "policy/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <unictype.h>
#include <unistr.h>

struct ag_str
ag_str(const char *s)
{
	return (struct ag_str){ s, s != NULL ? strlen(s) : 0 };
}

bool
ag_str_ieq(struct ag_str a, struct ag_str b)
{
	if (a.len != b.len)
		return false;
	/* mostly both are in lower case */
	if (ag_str_eq(a, b))
		return true;
	for (size_t i = 0; i < a.len; i++)
		if (ag_lower(a.ptr[i]) != ag_lower(b.ptr[i]))
			return false;
	return true;
}

bool
ag_str_has(struct ag_str s, char c)
{
	return ag_str_find(s, c) < s.len;
}

size_t
ag_str_find(struct ag_str s, char c)
{
	const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;

	return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

size_t
ag_str_rfind(struct ag_str s, char c)
{
	for (size_t i = s.len; i > 0; i--)
		if (s.ptr[i - 1] == c)
			return i - 1;
	return s.len;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct ag_str
ag_str_trim(struct ag_str s)
{
	size_t n = 0;

	while (n < s.len && is_blank(s.ptr[n]))
		n++;
	s = ag_str_skip(s, n);
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* The bytes of a set as bits; all of them are below 64. */
static uint64_t
bits_of(const char *set)
{
	uint64_t bits = 0;

	for (; *set != '\0'; set++)
		bits |= UINT64_C(1) << (*set & 63);
	return bits;
}

static bool
is_in(char c, uint64_t bits)
{
	return (unsigned char)c < 64 && (bits >> c & 1) != 0;
}

static struct ag_str
skip_any(struct ag_str s, uint64_t bits)
{
	size_t n = 0;

	while (n < s.len && is_in(s.ptr[n], bits))
		n++;
	return ag_str_skip(s, n);
}

struct ag_str
ag_str_skip_any(struct ag_str s, const char *separators)
{
	return skip_any(s, bits_of(separators));
}

bool
ag_str_word(struct ag_str *rest, const char *separators, struct ag_str *word)
{
	const uint64_t bits = bits_of(separators);
	struct ag_str s = skip_any(*rest, bits);
	size_t n = 0;

	while (n < s.len && !is_in(s.ptr[n], bits))
		n++;
	*word = ag_str_head(s, n);
	*rest = ag_str_skip(s, n);
	return n > 0;
}

bool
ag_str_line(struct ag_str *rest, struct ag_str *line)
{
	if (rest->len == 0)
		return false;
	*line = ag_str_head(*rest, ag_str_find(*rest, '\n'));
	*rest = ag_str_skip(*rest, line->len + 1);
	return true;
}

bool
ag_str_drop_mark(struct ag_str *text)
{
	bool marked = ag_str_starts(*text, "\xef\xbb\xbf");

	if (marked)
		*text = ag_str_skip(*text, 3);
	return marked;
}

static bool
is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* How many bytes to show; no character of UTF-8 is cut in two. */
static size_t
shown_bytes(struct ag_str s)
{
	size_t n = AG_SHOWN_BYTES;

	if (s.len <= AG_SHOWN_BYTES)
		return s.len;
	while (n > AG_SHOWN_BYTES - 3 && is_continuation(s.ptr[n]))
		n--;
	return n;
}

const char *
ag_str_shown(struct ag_str s, char buf[static AG_SHOWN_MAX])
{
	struct ag_buf out = ag_buf(buf, AG_SHOWN_MAX);
	size_t n = shown_bytes(s);

	for (size_t i = 0; i < n; i++) {
		/* the only one that would end the text */
		if (s.ptr[i] == '\0')
			ag_buf_text(&out, "\\x00");
		else
			ag_buf_char(&out, s.ptr[i]);
	}
	if (n < s.len)
		ag_buf_text(&out, "...");
	return buf;
}

bool
ag_str_is_ascii(struct ag_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] >= 0x80)
			return false;
	return true;
}

bool
ag_str_has_control(struct ag_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (ag_is_control(s.ptr[i]))
			return true;
	return false;
}

void
ag_str_copy_lower(struct ag_str s, char *to)
{
	for (size_t i = 0; i < s.len; i++)
		to[i] = ag_lower(s.ptr[i]);
	to[s.len] = '\0';
}

/* The length of the well-formed sequence at the front of s, or 0. */
static size_t
utf8_sequence(struct ag_str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4 || n > s.len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* over-long forms, surrogates, and what lies above U+10FFFF */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

bool
ag_str_is_utf8(struct ag_str s)
{
	if (ag_str_is_ascii(s))
		return true;
	while (s.len > 0) {
		size_t n = utf8_sequence(s);

		if (n == 0)
			return false;
		s = ag_str_skip(s, n);
	}
	return true;
}

/* Of a whole character: not a control, a mark of format or a separator. */
static bool
is_plain(struct ag_str character)
{
	const uint32_t hidden = UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf |
	    UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp;
	ucs4_t c;

	u8_mbtouc(&c, (const uint8_t *)character.ptr, character.len);
	return !uc_is_general_category_withtable(c, hidden);
}

size_t
ag_str_piece(struct ag_str s, bool *plain)
{
	size_t n = utf8_sequence(s);

	if (n == 1)
		*plain = !ag_is_control(s.ptr[0]);
	else
		*plain = n > 0 && is_plain(ag_str_head(s, n));
	return n > 0 ? n : 1;
}

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned
ag_str_distance(struct ag_str a, struct ag_str b)
{
	unsigned d[3][64];

	if (a.len > 63 || b.len > 63)
		return 99;
	for (unsigned j = 0; j <= b.len; j++)
		d[0][j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned *row = d[i % 3], *above = d[(i + 2) % 3];
		const unsigned *above2 = d[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			char x = ag_lower(a.ptr[i - 1]),
			     y = ag_lower(b.ptr[j - 1]);

			row[j] = min3(above[j] + 1, row[j - 1] + 1,
			    above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == ag_lower(b.ptr[j - 2]) &&
			    y == ag_lower(a.ptr[i - 2]) &&
			    above2[j - 2] + 1 < row[j])
				row[j] = above2[j - 2] + 1;
		}
	}
	return d[a.len % 3][b.len];
}

struct ag_buf
ag_buf(char *array, size_t size)
{
	array[0] = '\0';
	return (struct ag_buf){ array, size, 0, false };
}

void
ag_buf_char(struct ag_buf *buf, char c)
{
	if (buf->len + 1 >= buf->size) {
		buf->cut = true;
		return;
	}
	buf->ptr[buf->len++] = c;
	buf->ptr[buf->len] = '\0';
}

void
ag_buf_str(struct ag_buf *buf, struct ag_str s)
{
	size_t room = buf->size - 1 - buf->len;

	if (s.len > room) {
		s.len = room;
		buf->cut = true;
	}
	if (s.len > 0)
		memcpy(buf->ptr + buf->len, s.ptr, s.len);
	buf->len += s.len;
	buf->ptr[buf->len] = '\0';
}

void
ag_buf_text(struct ag_buf *buf, const char *s)
{
	ag_buf_str(buf, ag_str(s));
}

void
ag_buf_printf(struct ag_buf *buf, const char *format, ...)
{
	size_t room = buf->size - buf->len;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(buf->ptr + buf->len, room, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	buf->cut = buf->cut || (size_t)n >= room;
	buf->len += (size_t)n < room ? (size_t)n : room - 1;
}

struct ag_str
ag_buf_get(const struct ag_buf *buf)
{
	return (struct ag_str){ buf->ptr, buf->len };
}

void
ag_buf_piece(struct ag_buf *buf, struct ag_str piece, bool plain)
{
	char text[4 * sizeof("\\xff")];
	struct ag_buf escaped = AG_BUF(text);

	for (size_t i = 0; i < piece.len && !plain; i++)
		ag_buf_printf(&escaped, "\\x%02x", (unsigned char)piece.ptr[i]);
	if (!plain)
		piece = ag_buf_get(&escaped);
	if (piece.len < buf->size - buf->len)
		ag_buf_str(buf, piece);
	else
		buf->cut = true;
}

void
ag_buf_plain(struct ag_buf *buf, struct ag_str s)
{
	while (s.len > 0 && !buf->cut) {
		bool plain;
		size_t n = ag_str_piece(s, &plain);

		ag_buf_piece(buf, ag_str_head(s, n), plain);
		s = ag_str_skip(s, n);
	}
}

const char *
ag_plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

void
ag_origin_write(const struct ag_origin *origin, struct ag_buf *buf)
{
	if (origin == NULL || origin->file == NULL)
		ag_buf_text(buf, "default");
	else if (origin->line == 0)
		ag_buf_text(buf, origin->file);
	else
		ag_buf_printf(buf, "%s:%u", origin->file, origin->line);
}

const char *
ag_severity_name(enum ag_severity severity)
{
	static const char *const name[] = { "note", "warning", "bad line",
		"error" };

	return name[severity];
}

static void
count(struct ag_diag *diag, enum ag_severity severity)
{
	diag->errors += severity == AG_ERROR;
	diag->bad_lines += severity == AG_BAD_LINE;
	diag->warnings += severity == AG_WARNING;
}

void
ag_diag_report(struct ag_diag *diag, enum ag_severity severity,
    const struct ag_origin *where, const char *format, ...)
{
	char raw[1024], text[1024];
	struct ag_buf plain = AG_BUF(text);
	va_list ap;

	count(diag, severity);
	if (diag->emit == NULL)
		return;
	va_start(ap, format);
	vsnprintf(raw, sizeof(raw), format, ap);
	va_end(ap);
	ag_buf_plain(&plain, ag_str(raw));
	diag->emit(diag->arg, severity, where, text);
}
