/* fromscan.c - finds what somebody may read in a From: nobody should read */
#include "policy/address/fromscan.h"

#include <uninorm.h>
#include <unictype.h>
#include <unistr.h>

#include "policy/address/encoded.h"
#include "policy/address/field.h"
#include "policy/address/fromfield.h"

/* Bytes behind a mark in which its domain has to end. */
#define REACH 2048

/* Bytes of a field with its encoded words decoded. */
#define DECODED_MAX 8192

struct scan {
	bool decoded; /* the text that is looked at */
	bool riddle;
	unsigned told;
	ag_from_found_fn *found;
	void *arg;
};

/* ---- code points ---- */

enum kind {
	PART,  /* of a domain name */
	MARK,  /* '@' */
	OTHER, /* anything else */
	FOREIGN
};

struct point {
	enum kind kind;
	char ascii; /* what it stands for, or a null byte */
	size_t len;
};

static bool
is_name_byte(char c)
{
	char lower = ag_lower(c);

	return (lower >= 'a' && lower <= 'z') || ag_is_digit(c) || c == '-' ||
	    c == '_' || c == '.';
}

/* What remains of a full-width, small or other form of an ASCII byte. */
static ucs4_t
plain_form(ucs4_t point, bool *is_compound)
{
	ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
	int tag, n = uc_decomposition(point, &tag, parts);

	*is_compound = n > 1;
	/* UTS 46 has them for dots */
	if (point == 0x3002 || point == 0xff61)
		return '.';
	return n == 1 && parts[0] < 0x80 ? parts[0] : point;
}

static bool
is_visible_letter(ucs4_t point)
{
	return (uc_is_general_category(point, UC_CATEGORY_L) ||
		   uc_is_general_category(point, UC_CATEGORY_M) ||
		   uc_is_general_category(point, UC_CATEGORY_N)) &&
	    !uc_is_property(point, UC_PROPERTY_DEFAULT_IGNORABLE_CODE_POINT);
}

static struct point
classify_ascii(char c, size_t len)
{
	return (struct point){ is_name_byte(c) ? PART :
		    c == '@'                   ? MARK :
						 OTHER,
		c, len };
}

/* The code point at the front of a text that is not empty. */
static struct point
next_point(struct ag_str rest, bool decoded)
{
	struct point point = { OTHER, '\0', 1 };
	ucs4_t code, plain;
	bool is_compound;
	int n;

	if (rest.ptr[0] == AG_ENCODED_FOREIGN && decoded)
		point.kind = FOREIGN;
	if ((unsigned char)rest.ptr[0] < 0x80)
		return classify_ascii(rest.ptr[0], 1);
	n = u8_mbtoucr(&code, (const uint8_t *)rest.ptr, rest.len);
	if (n <= 0)
		return point;
	point.len = (size_t)n;
	plain = plain_form(code, &is_compound);
	if (plain < 0x80)
		return classify_ascii((char)plain, point.len);
	if (is_compound || is_visible_letter(code))
		point.kind = PART;
	return point;
}

/* ---- names ---- */

static struct ag_str
without_dots(struct ag_str name)
{
	while (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	return name;
}

/* Tells of a name, if it is one. */
static void
tell(struct scan *scan, struct ag_str local, struct ag_str name)
{
	struct ag_mailbox mailbox = { .local_len = 0 };
	enum ag_domain_status status;

	if (scan->riddle)
		return;
	status = ag_domain_parse(name, mailbox.domain);
	if (++scan->told > AG_FROM_SCAN_MAX || status == AG_DOMAIN_NO_MEMORY)
		scan->riddle = true;
	if (scan->riddle || status != AG_DOMAIN_OK)
		return;
	mailbox.domain_len = strlen(mailbox.domain);
	if (!ag_from_local(local, &mailbox))
		mailbox.local_len = 0;
	scan->found(scan->arg, &mailbox);
}

/* "[192.0.2.1]" */
static void
tell_literal(const struct scan *scan, struct ag_str rest)
{
	char text[AG_DOMAIN_MAX + 8];
	struct ag_buf address = AG_BUF(text);
	struct ag_mailbox mailbox;

	while (rest.len > 0 && ag_field_is_space(rest.ptr[0]))
		rest = ag_str_skip(rest, 1);
	if (rest.len == 0 || rest.ptr[0] != '[')
		return;
	rest = ag_str_head(rest, AG_DOMAIN_MAX);
	ag_buf_text(&address, "a@");
	ag_buf_str(&address, ag_str_head(rest, ag_str_find(rest, ']') + 1));
	if (!ag_mailbox_parse(&mailbox, ag_buf_get(&address)))
		return;
	mailbox.local_len = 0;
	mailbox.local[0] = '\0';
	scan->found(scan->arg, &mailbox);
}

/* Pieces that are put together to a name. */
struct run {
	char bytes[AG_DOMAIN_MAX + 1];
	size_t len;
	bool full;
	size_t told;         /* so many of the bytes have been told of */
	struct ag_str local; /* of a name that nothing interrupts */
	bool leaves_out_comments;
	bool has_comments;
	bool cut; /* there is more, out of reach */
};

static void
add_bytes(struct run *run, const char *bytes, size_t len)
{
	/* an empty label is left out, as some do */
	if (*bytes == '.' && (run->len == 0 || run->bytes[run->len - 1] == '.'))
		return;
	run->full = len > AG_DOMAIN_MAX - run->len;
	if (run->full)
		return;
	memcpy(run->bytes + run->len, bytes, len);
	run->len += len;
}

static void
add_point(struct run *run, struct ag_str rest, struct point point)
{
	if (point.ascii != '\0')
		add_bytes(run, &point.ascii, 1);
	else
		add_bytes(run, rest.ptr, point.len);
}

/* Where a piece ends the name may end. */
static void
end_piece(struct scan *scan, struct run *run)
{
	struct ag_str name =
	    without_dots((struct ag_str){ run->bytes, run->len });

	if (name.len > run->told)
		tell(scan, run->local, name);
	run->told = name.len;
	run->local = ag_str(NULL);
}

/* ---- behind a mark ---- */

/* The comment at the front, with those in it; 0: it has no end. */
static size_t
comment_length(struct ag_str rest)
{
	unsigned depth = 0;

	for (size_t i = 0; i < rest.len; i++) {
		if (rest.ptr[i] == '\\')
			i++;
		else if (rest.ptr[i] == '(')
			depth++;
		else if (rest.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* Takes a code point, or a comment; returns its length. */
static size_t
take_point(struct scan *scan, struct run *run, struct ag_str rest,
    struct point point)
{
	bool is_comment = point.ascii == '(';
	size_t comment;

	if (point.kind == PART) {
		add_point(run, rest, point);
		return point.len;
	}
	end_piece(scan, run);
	run->has_comments = run->has_comments || is_comment;
	if (!is_comment || !run->leaves_out_comments)
		return point.len;
	comment = comment_length(rest);
	if (comment == 0 && run->cut)
		scan->riddle = true;
	return comment > 0 ? comment : point.len;
}

/* Tells of the names behind a mark, up to the next one. */
static void
walk(struct scan *scan, struct run *run, struct ag_str rest)
{
	struct ag_str near = ag_str_head(rest, REACH);

	run->cut = near.len < rest.len;
	while (near.len > 0 && !run->full && !scan->riddle) {
		struct point point = next_point(near, scan->decoded);

		if (point.kind == MARK)
			break;
		/* whatever it says, it is the domain or a part of it */
		if (point.kind == FOREIGN && run->told == 0)
			scan->riddle = true;
		near = ag_str_skip(near, take_point(scan, run, near, point));
	}
	end_piece(scan, run);
	if (near.len == 0 && run->cut && !run->full)
		scan->riddle = true;
}

static void
tell_behind(struct scan *scan, struct ag_str local, struct ag_str rest)
{
	struct run run = { .local = local };

	tell_literal(scan, rest);
	walk(scan, &run, rest);
	if (!run.has_comments)
		return;
	run = (struct run){ .local = local, .leaves_out_comments = true };
	walk(scan, &run, rest);
}

/* ---- in front of a mark ---- */

/*
 * The word in front of an "@", where it stands alone: other words, quotes or
 * comments before it would be part of the local part to some.
 */
static struct ag_str
local_before(struct ag_str text)
{
	struct ag_str before, word;
	size_t n = 0;

	while (n < text.len && n <= AG_LOCAL_MAX &&
	    ag_field_is_word_byte(text.ptr[text.len - 1 - n]))
		n++;
	word = ag_str_skip(text, text.len - n);
	before = ag_str_head(text, text.len - n);
	while (before.len > 0 && ag_field_is_space(before.ptr[before.len - 1]))
		before.len--;
	if (before.len > 0 && before.ptr[before.len - 1] != '<' &&
	    before.ptr[before.len - 1] != ',')
		return ag_str(NULL);
	return word;
}

static bool
is_part_byte(char c)
{
	return (unsigned char)c >= 0x80 || is_name_byte(c);
}

/* Tells of the names in front of a "!", back to the mark before. */
static void
tell_before(struct scan *scan, struct ag_str text)
{
	const struct ag_str no_local = { NULL, 0 };
	char bytes[AG_DOMAIN_MAX + 1];
	size_t at = sizeof(bytes), told = at, steps = 0;

	for (; text.len > 0 && at > 0 && steps < REACH; steps++) {
		char c = text.ptr[--text.len];

		if (c == '@' || c == '%' || c == '!')
			break;
		if (is_part_byte(c))
			bytes[--at] = c;
		else if (at < told) {
			told = at;
			tell(scan, no_local,
			    (struct ag_str){ bytes + at, sizeof(bytes) - at });
		}
	}
	if (at < told)
		tell(scan, no_local,
		    (struct ag_str){ bytes + at, sizeof(bytes) - at });
	if (steps == REACH)
		scan->riddle = true;
}

/* ---- the field ---- */

static void
tell_around(struct scan *scan, struct ag_str before, struct point point,
    struct ag_str behind)
{
	bool plain = point.ascii == '@' && point.len == 1;

	if (point.ascii == '!')
		tell_before(scan, before);
	else if (point.kind == MARK || point.ascii == '%')
		tell_behind(scan, plain ? local_before(before) : ag_str(NULL),
		    behind);
}

static void
scan_text(struct scan *scan, struct ag_str text)
{
	struct ag_str rest = text;

	while (rest.len > 0 && !scan->riddle) {
		struct point point = next_point(rest, scan->decoded);
		struct ag_str before = ag_str_head(text, text.len - rest.len);

		rest = ag_str_skip(rest, point.len);
		tell_around(scan, before, point, rest);
	}
}

static void
scan_decoded(struct scan *scan, struct ag_str value)
{
	char text[DECODED_MAX];
	struct ag_buf decoded = AG_BUF(text);

	scan->decoded = true;
	scan->riddle = !ag_encoded_decode(value, &decoded);
	scan_text(scan, ag_buf_get(&decoded));
}

bool
ag_from_scan(struct ag_str value, ag_from_found_fn *found, void *arg)
{
	struct scan scan = { .found = found, .arg = arg };

	scan_text(&scan, value);
	if (!scan.riddle && ag_encoded_begins(value))
		scan_decoded(&scan, value);
	return !scan.riddle;
}
