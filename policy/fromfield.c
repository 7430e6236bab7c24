#include "fromfield.h"

#include <string.h>

#include "field.h"

struct ag_from_iter
ag_from_iter(struct ag_str value)
{
	return (struct ag_from_iter){ value, false, false };
}

/* Bytes of atoms, and the dots between them. */
static bool
is_word_byte(char c)
{
	return (unsigned char)c >= 0x80 ||
	    (c > ' ' && c < 0x7f && strchr("()<>[]:;@\\,\"", c) == NULL);
}

/* Words in a row; of one word alone it is known what it says. */
struct words {
	unsigned n;
	struct ag_mailbox *first; /* its local part is the first word */
	bool too_long;
};

static void
add_byte(void *arg, char c)
{
	struct words *words = arg;
	struct ag_mailbox *mailbox = words->first;

	if (words->n > 0)
		return;
	if (mailbox->local_len == AG_LOCAL_MAX) {
		words->too_long = true;
		return;
	}
	mailbox->local[mailbox->local_len++] = ag_lower(c);
	mailbox->local[mailbox->local_len] = '\0';
}

static bool
take_words(struct ag_str *rest, struct words *words)
{
	for (; ag_field_skip_blanks(rest); words->n++) {
		if (ag_field_peek(rest) == '"') {
			if (!ag_field_take_quoted(rest, add_byte, words))
				return false;
			continue;
		}
		if (rest->len == 0 || !is_word_byte(ag_field_peek(rest)))
			return true;
		for (; rest->len > 0 && is_word_byte(ag_field_peek(rest));
		     ag_field_take(rest, 1))
			add_byte(words, ag_field_peek(rest));
	}
	return false;
}

/*
 * Whether some MTA finds a way to another address in a local part, as Sendmail
 * does in "ceo%example.com@localhost".
 */
static bool
has_route(struct ag_str local)
{
	for (const char *c = "%!:\"\\()<>@"; *c != '\0'; c++)
		if (ag_str_has(local, *c))
			return true;
	return false;
}

/* One word that can be a local part and nothing else. */
static bool
is_local_part(const struct words *words)
{
	struct ag_str local = ag_mailbox_local(words->first);

	return words->n == 1 && !words->too_long && local.len > 0 &&
	    ag_str_is_utf8(local) && !has_route(local);
}

static size_t
domain_length(struct ag_str rest)
{
	size_t n = 0;

	if (ag_field_peek(&rest) == '[')
		return ag_str_find(ag_str_head(rest, AG_DOMAIN_MAX), ']') + 1;
	while (n < rest.len && is_word_byte(rest.ptr[n]))
		n++;
	return n;
}

/* Reads a domain as it is read behind any local part. */
static bool
read_domain(struct ag_str domain, struct ag_mailbox *mailbox)
{
	struct ag_mailbox whole;
	char text[AG_DOMAIN_MAX + 8];
	struct ag_buf address = AG_BUF(text);

	ag_buf_text(&address, "a@");
	ag_buf_str(&address, domain);
	if (address.cut || !ag_mailbox_parse(&whole, ag_buf_get(&address)))
		return false;
	memcpy(mailbox->domain, whole.domain, sizeof(whole.domain));
	mailbox->domain_len = whole.domain_len;
	return true;
}

/* Takes "@domain". */
static bool
take_domain(struct ag_str *rest, struct ag_mailbox *mailbox)
{
	size_t n;

	ag_field_take(rest, 1);
	if (!ag_field_skip_blanks(rest))
		return false;
	n = domain_length(*rest);
	if (n > rest->len || !read_domain(ag_str_head(*rest, n), mailbox))
		return false;
	ag_field_take(rest, n);
	return ag_field_skip_blanks(rest);
}

/* Behind words: takes what makes them an address. */
static enum ag_from_status
take_address(struct ag_str *rest, const struct words *words)
{
	if (!is_local_part(words) || !ag_mailbox_fold_local(words->first))
		return AG_FROM_UNREADABLE;
	if (ag_field_peek(rest) != '@')
		return AG_FROM_BARE;
	return take_domain(rest, words->first) ? AG_FROM_ADDRESS :
						 AG_FROM_UNREADABLE;
}

/* Takes "<address>", behind a name or nothing. */
static enum ag_from_status
take_angle(struct ag_str *rest, struct ag_mailbox *mailbox)
{
	struct words words = { .first = mailbox };
	enum ag_from_status status;

	memset(mailbox, 0, sizeof(*mailbox));
	ag_field_take(rest, 1);
	if (!take_words(rest, &words))
		return AG_FROM_UNREADABLE;
	status = take_address(rest, &words);
	if (ag_field_peek(rest) != '>')
		return AG_FROM_UNREADABLE;
	ag_field_take(rest, 1);
	return ag_field_skip_blanks(rest) ? status : AG_FROM_UNREADABLE;
}

/* What may stand behind an address: a comma, the group's end, the end. */
static bool
take_separator(struct ag_from_iter *iter)
{
	char c = ag_field_peek(&iter->rest);

	if (c == ';' && iter->in_group) {
		iter->in_group = false;
		ag_field_take(&iter->rest, 1);
		if (!ag_field_skip_blanks(&iter->rest))
			return false;
		c = ag_field_peek(&iter->rest);
	}
	if (iter->rest.len == 0)
		return !iter->in_group;
	if (c != ',')
		return false;
	ag_field_take(&iter->rest, 1);
	/* a comma promises another address */
	return ag_field_skip_blanks(&iter->rest) && iter->rest.len > 0;
}

/* Takes what stands in front of a ":", and sees whether the group is empty. */
static bool
begin_group(struct ag_from_iter *iter, const struct words *words)
{
	if (words->n == 0 || iter->in_group)
		return false;
	iter->in_group = true;
	ag_field_take(&iter->rest, 1);
	if (!ag_field_skip_blanks(&iter->rest))
		return false;
	return ag_field_peek(&iter->rest) != ';' || take_separator(iter);
}

enum ag_from_status
ag_from_next(struct ag_from_iter *iter, struct ag_mailbox *mailbox)
{
	for (;;) {
		struct words words = { .first = mailbox };
		enum ag_from_status status;

		memset(mailbox, 0, sizeof(*mailbox));
		if (iter->begun && iter->rest.len == 0)
			return iter->in_group ? AG_FROM_UNREADABLE :
						AG_FROM_END;
		iter->begun = true;
		if (!take_words(&iter->rest, &words))
			return AG_FROM_UNREADABLE;
		if (ag_field_peek(&iter->rest) == ':') {
			if (!begin_group(iter, &words))
				return AG_FROM_UNREADABLE;
			continue;
		}
		status = ag_field_peek(&iter->rest) == '<' ?
		    take_angle(&iter->rest, mailbox) :
		    take_address(&iter->rest, &words);
		return take_separator(iter) ? status : AG_FROM_UNREADABLE;
	}
}

/* ---- what cannot be read ---- */

struct ag_from_scan
ag_from_scan(struct ag_str value)
{
	return (struct ag_from_scan){ value, false };
}

static bool
is_mark(char c)
{
	return c == '@' || c == '%' || c == '!';
}

static bool
is_piece_byte(char c)
{
	return is_word_byte(c) && !is_mark(c);
}

/* The bytes at the end of text that can be a domain. */
static struct ag_str
piece_before(struct ag_str text)
{
	size_t n = 0;

	while (n < text.len && is_piece_byte(text.ptr[text.len - 1 - n]))
		n++;
	return ag_str_skip(text, text.len - n);
}

/* Adds the bytes at the front of *rest that can be a domain. */
static void
take_piece(struct ag_str *rest, struct ag_buf *out)
{
	size_t n = 0;

	if (ag_field_peek(rest) == '[')
		n = domain_length(*rest);
	while (n < rest->len && is_piece_byte(rest->ptr[n]))
		n++;
	ag_buf_str(out, ag_str_head(*rest, n));
	ag_field_take(rest, n);
}

static bool
ends_in_dot(struct ag_str text)
{
	return text.len > 0 && text.ptr[text.len - 1] == '.';
}

/*
 * What stands behind a mark.  Joined: with the pieces that blanks and comments
 * around a dot divide (RFC 5322, section 4.4), which some programs put
 * together.
 */
static void
take_pieces(struct ag_str rest, bool joined, struct ag_buf *out)
{
	size_t before;

	if (!ag_field_skip_blanks(&rest))
		return;
	do {
		before = out->len;
		take_piece(&rest, out);
		if (!ag_field_skip_blanks(&rest) || out->len == before)
			return;
	} while (joined && !out->cut &&
	    (ag_field_peek(&rest) == '.' || ends_in_dot(ag_buf_get(out))));
}

static struct ag_str
without_dots(struct ag_str name)
{
	while (ends_in_dot(name))
		name.len--;
	return name;
}

bool
ag_from_scan_next(struct ag_from_scan *scan, struct ag_mailbox *mailbox)
{
	char text[AG_DOMAIN_MAX + 8];
	struct ag_buf domain = AG_BUF(text);
	size_t at = 0;

	while (at < scan->rest.len && !is_mark(scan->rest.ptr[at]))
		at++;
	if (at == scan->rest.len)
		return false;
	if (scan->rest.ptr[at] == '!')
		ag_buf_str(&domain, piece_before(ag_str_head(scan->rest, at)));
	else
		take_pieces(ag_str_skip(scan->rest, at + 1), scan->again,
		    &domain);
	memset(mailbox, 0, sizeof(*mailbox));
	mailbox->local[0] = 'a';
	mailbox->local_len = 1;
	if (!domain.cut)
		read_domain(without_dots(ag_buf_get(&domain)), mailbox);
	if (scan->again)
		scan->rest = ag_str_skip(scan->rest, at + 1);
	scan->again = !scan->again;
	return true;
}
