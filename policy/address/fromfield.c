/* fromfield.c - reads the addresses in From:, and scans what cannot be read */
#include "policy/address/fromfield.h"

#include <string.h>

#include "policy/address/encoded.h"
#include "policy/address/field.h"

struct ag_from_iter
ag_from_iter(struct ag_str value)
{
	return (struct ag_from_iter){ value, false, false };
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
		if (rest->len == 0 ||
		    !ag_field_is_word_byte(ag_field_peek(rest)))
			return true;
		for (;
		    rest->len > 0 && ag_field_is_word_byte(ag_field_peek(rest));
		    ag_field_take(rest, 1))
			add_byte(words, ag_field_peek(rest));
	}
	return false;
}

/* "@" in other forms: whoever folds them finds an address before it. */
static bool
has_other_mark(struct ag_str local)
{
	return local.len > 0 &&
	    (memmem(local.ptr, local.len, "\xef\xbc\xa0", 3) != NULL ||
		memmem(local.ptr, local.len, "\xef\xb9\xab", 3) != NULL);
}

/*
 * Whether some MTA or mail program finds a way to another address in a local
 * part, as Sendmail does in "ceo%example.com@localhost".
 */
static bool
has_route(struct ag_str local)
{
	for (const char *c = "%!:\"\\()<>@"; *c != '\0'; c++)
		if (ag_str_has(local, *c))
			return true;
	return has_other_mark(local) || ag_encoded_begins(local);
}

static bool
is_local_part(struct ag_str local)
{
	return local.len > 0 && ag_str_is_utf8(local) && !has_route(local);
}

/* One word that can be a local part and nothing else. */
static bool
is_one_local_part(const struct words *words)
{
	return words->n == 1 && !words->too_long &&
	    is_local_part(ag_mailbox_local(words->first));
}

bool
ag_from_local(struct ag_str word, struct ag_mailbox *mailbox)
{
	if (word.len > AG_LOCAL_MAX || !is_local_part(word))
		return false;
	ag_str_copy_lower(word, mailbox->local);
	mailbox->local_len = word.len;
	return ag_mailbox_fold_local(mailbox);
}

static size_t
domain_length(struct ag_str rest)
{
	size_t n = 0;

	if (ag_field_peek(&rest) == '[')
		return ag_str_find(ag_str_head(rest, AG_DOMAIN_MAX), ']') + 1;
	while (n < rest.len && ag_field_is_word_byte(rest.ptr[n]))
		n++;
	return n;
}

/*
 * Reads a domain as it is read behind any local part.  One that IDNA does not
 * know is none: a mail program shows it as another.
 */
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
	return ag_domain_is_listable(ag_mailbox_domain(mailbox));
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
	if (!is_one_local_part(words) || !ag_mailbox_fold_local(words->first))
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

/* A line break that does not fold. */
static bool
has_stray_break(struct ag_str value)
{
	for (size_t i = 0; i < value.len; i++) {
		char next = i + 1 < value.len ? value.ptr[i + 1] : '\0';

		if (value.ptr[i] == '\r' && next != '\n')
			return true;
		if (value.ptr[i] == '\n' && next != ' ' && next != '\t')
			return true;
	}
	return false;
}

enum ag_from_status
ag_from_next(struct ag_from_iter *iter, struct ag_mailbox *mailbox)
{
	for (;;) {
		struct words words = { .first = mailbox };
		enum ag_from_status status;

		memset(mailbox, 0, sizeof(*mailbox));
		if (!iter->begun && has_stray_break(iter->rest))
			return AG_FROM_UNREADABLE;
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

/* ---- what mentions other addresses ---- */

static size_t
count_marks(struct ag_str value)
{
	size_t n = 0;

	for (size_t i = 0; i < value.len; i++)
		n += value.ptr[i] == '@';
	return n;
}

/* Takes the text between two bytes, with none of those in not in it. */
static bool
take_between(struct ag_str *rest, char end, const char * not)
{
	size_t n = ag_str_find(ag_str_skip(*rest, 1), end);
	struct ag_str text = ag_str_head(ag_str_skip(*rest, 1), n);

	for (size_t i = 0; i < text.len; i++)
		if (ag_is_control(text.ptr[i]) || strchr(not, text.ptr[i]))
			return false;
	if (n == 0 || n + 1 >= rest->len)
		return false;
	ag_field_take(rest, n + 2);
	return true;
}

static void
skip_spaces(struct ag_str *rest)
{
	while (rest->len > 0 && ag_field_is_space(ag_field_peek(rest)))
		ag_field_take(rest, 1);
}

/* ASCII words with single dots between them. */
static bool
take_dot_atom(struct ag_str *rest)
{
	char before = '.';

	for (; rest->len > 0; ag_field_take(rest, 1)) {
		char c = ag_field_peek(rest);

		if ((unsigned char)c >= 0x80 || !ag_field_is_word_byte(c))
			break;
		if (c == '.' && before == '.')
			return false;
		before = c;
	}
	return before != '.';
}

static bool
take_plain_address(struct ag_str *rest)
{
	if (!take_dot_atom(rest) || ag_field_peek(rest) != '@')
		return false;
	ag_field_take(rest, 1);
	return take_dot_atom(rest);
}

static bool
take_plain_angle(struct ag_str *rest)
{
	ag_field_take(rest, 1);
	if (!take_plain_address(rest) || ag_field_peek(rest) != '>')
		return false;
	ag_field_take(rest, 1);
	return true;
}

static const char not_in_comments[] = "()<>\"\\";

/* Behind the address nothing but comments. */
static bool
is_plain_tail(struct ag_str rest)
{
	for (;;) {
		skip_spaces(&rest);
		if (rest.len == 0)
			return true;
		if (ag_field_peek(&rest) != '(' ||
		    !take_between(&rest, ')', not_in_comments))
			return false;
	}
}

/* A word, quoted string or comment of a name, up to a blank or the address. */
static bool
take_plain_word(struct ag_str *rest)
{
	char c = ag_field_peek(rest);

	if (c == '"') {
		if (!take_between(rest, '"', "\\"))
			return false;
	} else if (c == '(') {
		if (!take_between(rest, ')', not_in_comments))
			return false;
	} else if (!ag_field_is_word_byte(c))
		return false;
	while (rest->len > 0 && ag_field_is_word_byte(ag_field_peek(rest)) &&
	    c != '"' && c != '(')
		ag_field_take(rest, 1);
	c = ag_field_peek(rest);
	return ag_field_is_space(c) || c == '<';
}

static bool
is_plain(struct ag_str value)
{
	struct ag_str rest = value;

	skip_spaces(&rest);
	if (take_plain_address(&rest))
		return is_plain_tail(rest);
	for (rest = value;;) {
		skip_spaces(&rest);
		if (ag_field_peek(&rest) == '<')
			return take_plain_angle(&rest) && is_plain_tail(rest);
		if (!take_plain_word(&rest))
			return false;
	}
}

bool
ag_from_is_clear(struct ag_str value, size_t addresses)
{
	return count_marks(value) == addresses || is_plain(value);
}

/* ---- what is no RFC 5322 ---- */

/* Control bytes are for nobody to guess; line breaks fold. */
static bool
has_control(struct ag_str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (ag_is_control(value.ptr[i]) &&
		    !ag_field_is_space(value.ptr[i]))
			return true;
	return false;
}

/* Nothing but blanks, comments and separators. */
static bool
is_tail(struct ag_str rest)
{
	while (ag_field_skip_blanks(&rest)) {
		char c = ag_field_peek(&rest);

		if (c != ',' && c != ';')
			return rest.len == 0;
		ag_field_take(&rest, 1);
	}
	return false;
}

static bool
is_one_address(struct ag_str value, struct ag_mailbox *mailbox)
{
	struct ag_from_iter iter = ag_from_iter(value);
	struct ag_mailbox more;

	return ag_from_next(&iter, mailbox) == AG_FROM_ADDRESS &&
	    ag_from_next(&iter, &more) == AG_FROM_END;
}

bool
ag_from_one(struct ag_str value, struct ag_mailbox *mailbox)
{
	size_t begin = ag_str_find(value, '<');
	size_t end = ag_str_find(value, '>');

	if (has_control(value) || begin >= end || end == value.len ||
	    ag_str_rfind(value, '<') != begin ||
	    ag_str_rfind(value, '>') != end)
		return false;
	return is_tail(ag_str_skip(value, end + 1)) &&
	    is_one_address(ag_str_head(ag_str_skip(value, begin),
			       end + 1 - begin),
		mailbox);
}
