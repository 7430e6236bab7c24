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

static size_t
domain_length(struct ag_str rest)
{
	size_t n = 0;

	if (ag_field_peek(&rest) == '[')
		return ag_str_find(rest, ']') + 1;
	while (n < rest.len && is_word_byte(rest.ptr[n]))
		n++;
	return n;
}

/* Takes "@domain", behind one word. */
static bool
take_domain(struct ag_str *rest, const struct words *words)
{
	struct ag_mailbox *mailbox = words->first;
	struct ag_mailbox whole;
	char text[AG_DOMAIN_MAX + 8];
	struct ag_buf address = AG_BUF(text);
	size_t n;

	if (words->n != 1 || words->too_long || mailbox->local_len == 0 ||
	    !ag_str_is_utf8(ag_mailbox_local(mailbox)) ||
	    ag_field_peek(rest) != '@')
		return false;
	ag_field_take(rest, 1);
	if (!ag_field_skip_blanks(rest))
		return false;
	n = domain_length(*rest);
	if (n > rest->len)
		return false;
	/* the domain is read as behind any local part */
	ag_buf_text(&address, "a@");
	ag_buf_str(&address, ag_str_head(*rest, n));
	if (address.cut || !ag_mailbox_parse(&whole, ag_buf_get(&address)))
		return false;
	memcpy(mailbox->domain, whole.domain, sizeof(whole.domain));
	mailbox->domain_len = whole.domain_len;
	ag_field_take(rest, n);
	return ag_field_skip_blanks(rest);
}

/* Takes "<address>", behind a name or nothing. */
static bool
take_angle(struct ag_str *rest, struct ag_mailbox *mailbox)
{
	struct words words = { .first = mailbox };

	memset(mailbox, 0, sizeof(*mailbox));
	ag_field_take(rest, 1);
	if (!take_words(rest, &words) || !take_domain(rest, &words) ||
	    ag_field_peek(rest) != '>')
		return false;
	ag_field_take(rest, 1);
	return ag_field_skip_blanks(rest);
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
		bool ok;

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
		ok = ag_field_peek(&iter->rest) == '<' ?
		    take_angle(&iter->rest, mailbox) :
		    take_domain(&iter->rest, &words);
		return ok && take_separator(iter) ? AG_FROM_ADDRESS :
						    AG_FROM_UNREADABLE;
	}
}

bool
ag_from_next_domain(struct ag_str *rest, struct ag_mailbox *mailbox)
{
	struct words words = { .n = 1, .first = mailbox };
	size_t at = ag_str_find(*rest, '@');
	struct ag_str domain = ag_str_skip(*rest, at);

	if (at == rest->len)
		return false;
	memset(mailbox, 0, sizeof(*mailbox));
	mailbox->local[0] = 'a';
	mailbox->local_len = 1;
	take_domain(&domain, &words);
	*rest = ag_str_skip(*rest, at + 1);
	return true;
}
