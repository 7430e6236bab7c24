/*
 * text.h - byte slices, bounded writing, places in the configuration, findings
 *
 * The vocabulary shared by every unit of policy/.  Nothing here allocates,
 * logs or looks at the locale: "ignoring case" always means the twenty-six
 * ASCII letters.  Everything is free of state and may be called by any thread.
 */
#ifndef AG_TEXT_H
#define AG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A read-only run of bytes, not terminated, owned by somebody else.  The empty
 * slice may have a null pointer.
 */
struct ag_str {
	const char *ptr;
	size_t len;
};

/* A slice of a string literal, usable in static initializers. */
#define AG_STR(literal) { (literal), sizeof(literal) - 1 }

/* For printf: "%.*s". */
#define AG_STR_ARG(s) (int)(s).len, (s).ptr != NULL ? (s).ptr : ""

/* What separates the words of a line of a list, and those of a value. */
#define AG_BLANKS " \t"
#define AG_WORD_SEPARATORS " \t,"

/* A slice of a C string; NULL gives the empty slice. */
struct ag_str ag_str(const char *s);

/* Millions of calls read the lists: the smallest helpers cost no call. */
static inline char
ag_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool
ag_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 0 to 15, or -1. */
static inline int
ag_hex_digit(char c)
{
	if (ag_is_digit(c))
		return c - '0';
	c = ag_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool
ag_is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static inline bool
ag_str_eq(struct ag_str a, struct ag_str b)
{
	return a.len == b.len &&
	    (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool ag_str_ieq(struct ag_str a, struct ag_str b);

static inline bool
ag_str_starts(struct ag_str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && memcmp(s.ptr, prefix, n) == 0;
}

bool ag_str_has(struct ag_str s, char c);

/* The position of the first or the last c, or s.len. */
size_t ag_str_find(struct ag_str s, char c);
size_t ag_str_rfind(struct ag_str s, char c);

/* What is left without the first n bytes; n may exceed the length. */
static inline struct ag_str
ag_str_skip(struct ag_str s, size_t n)
{
	if (n > s.len)
		n = s.len;
	return n == 0 ? s : (struct ag_str){ s.ptr + n, s.len - n };
}

static inline struct ag_str
ag_str_head(struct ag_str s, size_t n)
{
	return (struct ag_str){ s.ptr, n < s.len ? n : s.len };
}

/* Without blanks, tabs and carriage returns at both ends. */
struct ag_str ag_str_trim(struct ag_str s);

/*
 * Takes the next run of bytes that are not in separators off the front of
 * *rest.  False when there is none.  Separators are bytes below 64: blanks,
 * digits, commas and the like.
 */
bool ag_str_word(struct ag_str *rest, const char *separators,
    struct ag_str *word);

/* What is left without the separators at the front. */
struct ag_str ag_str_skip_any(struct ag_str s, const char *separators);

/* Takes a line, without its newline, off the front of *rest. */
bool ag_str_line(struct ag_str *rest, struct ag_str *line);

/*
 * Takes off the byte order mark that some editors put in front of UTF-8 text;
 * whether there was one.
 */
bool ag_str_drop_mark(struct ag_str *text);

/*
 * As much of what stands in a file as a finding shows, whoever may read the
 * finding: so many bytes in whole characters, and "..." where there are more.
 */
#define AG_SHOWN_BYTES 40
#define AG_SHOWN_MAX (AG_SHOWN_BYTES * 4 + 4)
#define AG_SHOWN(s) ag_str_shown((s), (char[AG_SHOWN_MAX]){ 0 })
const char *ag_str_shown(struct ag_str s, char buf[static AG_SHOWN_MAX]);

bool ag_str_is_ascii(struct ag_str s);
bool ag_str_has_control(struct ag_str s);

/* Writes s in lower case, and a terminator; to has room for both. */
void ag_str_copy_lower(struct ag_str s, char *to);

/* Whether the bytes are well-formed UTF-8 (RFC 3629). */
bool ag_str_is_utf8(struct ag_str s);

/*
 * How many bytes at the front of s, which is not empty, go together: those of
 * a character, or one that is no UTF-8.  *plain: a terminal shows them, and
 * obeys none of them.  Control characters are not (C1 as well), nor marks that
 * turn or hide the text around them, nor separators of lines.
 */
size_t ag_str_piece(struct ag_str s, bool *plain);

/*
 * How many single changes (insert, drop, replace, swap neighbours) lead from
 * a to b, ignoring case; 99 when either is longer than 63 bytes.
 */
unsigned ag_str_distance(struct ag_str a, struct ag_str b);

/*
 * Writes into a buffer of fixed size and keeps it terminated.  What does not
 * fit is dropped and remembered in cut.
 */
struct ag_buf {
	char *ptr;
	size_t size;
	size_t len;
	bool cut;
};

/* A buf over an array; size must be at least 1. */
struct ag_buf ag_buf(char *array, size_t size);
#define AG_BUF(array) ag_buf((array), sizeof(array))

void ag_buf_char(struct ag_buf *buf, char c);
void ag_buf_str(struct ag_buf *buf, struct ag_str s);
void ag_buf_text(struct ag_buf *buf, const char *s);
void ag_buf_printf(struct ag_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct ag_str ag_buf_get(const struct ag_buf *buf);

/*
 * Writes what came from outside for people: bytes that are not plain as
 * "\x1b".  What fits is written in whole pieces.
 */
void ag_buf_plain(struct ag_buf *buf, struct ag_str s);

/* The word for n of a thing. */
const char *ag_plural(uint64_t n, const char *one, const char *many);

/* One piece of it, as ag_str_piece() gives it. */
void ag_buf_piece(struct ag_buf *buf, struct ag_str piece, bool plain);

/*
 * Where a setting was written.  A null file means a compiled-in default; line
 * 0 means the file as a whole.  Compiled objects keep their origin, so that a
 * log line can say which line of which file refused a message.
 */
struct ag_origin {
	const char *file;
	unsigned line;
};

#define AG_ORIGIN_MAX 320

/* Writes "FILE:LINE" or "default". */
void ag_origin_write(const struct ag_origin *origin, struct ag_buf *buf);

/*
 * How bad a finding is.  A bad line of a list is skipped and the rest holds;
 * an error means that the configuration cannot be used.
 */
enum ag_severity { AG_NOTE, AG_WARNING, AG_BAD_LINE, AG_ERROR };

/* "note", "warning", "bad line", "error". */
const char *ag_severity_name(enum ag_severity severity);

/*
 * Receives what the library has to say about a configuration, one finding a
 * call.  The text is valid only during the call and has no newline.
 */
typedef void ag_diag_fn(void *arg, enum ag_severity severity,
    const struct ag_origin *where, const char *text);

/*
 * A sink for findings.  The library counts; the caller prints.  Checking goes
 * on after an error, so that one run reports every mistake.
 */
struct ag_diag {
	ag_diag_fn *emit; /* may be NULL: count only */
	void *arg;
	unsigned errors;
	unsigned bad_lines;
	unsigned warnings;
};

/* where may be NULL.  The text is written as by ag_buf_plain(). */
void ag_diag_report(struct ag_diag *diag, enum ag_severity severity,
    const struct ag_origin *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
