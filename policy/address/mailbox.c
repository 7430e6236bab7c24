/* mailbox.c - reads envelope addresses: ours and the MTA's reading */
#include "policy/address/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include <unicase.h>

struct ag_str
ag_mailbox_local(const struct ag_mailbox *mailbox)
{
	return (struct ag_str){ mailbox->local, mailbox->local_len };
}

struct ag_str
ag_mailbox_domain(const struct ag_mailbox *mailbox)
{
	return (struct ag_str){ mailbox->domain, mailbox->domain_len };
}

bool
ag_mailbox_eq(const struct ag_mailbox *a, const struct ag_mailbox *b)
{
	return ag_str_eq(ag_mailbox_local(a), ag_mailbox_local(b)) &&
	    ag_str_eq(ag_mailbox_domain(a), ag_mailbox_domain(b));
}

/* No address; what its texts hold does not count. */
static void
clear(struct ag_mailbox *mailbox)
{
	mailbox->local_len = mailbox->domain_len = 0;
	mailbox->local[0] = mailbox->domain[0] = '\0';
	mailbox->no_memory = false;
}

/* Adds a byte to the local part, false when it is full. */
static bool
add_local(struct ag_mailbox *mailbox, char c)
{
	if (mailbox->local_len == AG_LOCAL_MAX)
		return false;
	mailbox->local[mailbox->local_len++] = ag_lower(c);
	mailbox->local[mailbox->local_len] = '\0';
	return true;
}

/* As it is, in lower case; false when it is too long. */
static bool
set_domain_raw(struct ag_mailbox *mailbox, struct ag_str domain)
{
	if (domain.len > AG_DOMAIN_MAX)
		return false;
	ag_str_copy_lower(domain, mailbox->domain);
	mailbox->domain_len = domain.len;
	return true;
}

static enum ag_domain_status
set_domain_name(struct ag_mailbox *mailbox, struct ag_str domain)
{
	enum ag_domain_status status = ag_domain_parse(domain, mailbox->domain);

	mailbox->no_memory = status == AG_DOMAIN_NO_MEMORY;
	mailbox->domain_len = strlen(mailbox->domain);
	return status;
}

/*
 * Takes a quoted string off the front of *text and adds what it stands for to
 * the local part.  False when it is not closed or too long.
 */
static bool
take_quoted(struct ag_str *text, struct ag_mailbox *mailbox)
{
	size_t i = 1;

	for (; i < text->len && text->ptr[i] != '"'; i++) {
		if (text->ptr[i] == '\\' && ++i == text->len)
			return false;
		if (!add_local(mailbox, text->ptr[i]))
			return false;
	}
	if (i >= text->len)
		return false;
	*text = ag_str_skip(*text, i + 1);
	return true;
}

/* Sets the local part as it stands, in lower case; false when it is too long.
 */
static bool
set_local_raw(struct ag_mailbox *mailbox, struct ag_str local)
{
	if (local.len > AG_LOCAL_MAX)
		return false;
	ag_str_copy_lower(local, mailbox->local);
	mailbox->local_len = local.len;
	return true;
}

/* The folded text is at folded, in that buffer or allocated. */
static bool
take_folded(struct ag_mailbox *mailbox, const uint8_t *folded, size_t n)
{
	if (n > AG_LOCAL_MAX)
		return false;
	memcpy(mailbox->local, folded, n);
	mailbox->local[n] = '\0';
	mailbox->local_len = n;
	return true;
}

bool
ag_mailbox_fold_local(struct ag_mailbox *mailbox)
{
	struct ag_str local = ag_mailbox_local(mailbox);
	uint8_t buf[AG_LOCAL_MAX], *folded;
	size_t n = sizeof(buf);
	bool fits;

	if (ag_str_is_ascii(local) || !ag_str_is_utf8(local))
		return true;
	folded = u8_casefold((const uint8_t *)local.ptr, local.len, NULL,
	    UNINORM_NFC, buf, &n);
	mailbox->no_memory = folded == NULL;
	if (folded == NULL)
		return false;
	fits = take_folded(mailbox, folded, n);
	if (folded != buf)
		free(folded);
	return fits;
}

/* Takes everything before the first "@" as it stands. */
static bool
take_unquoted(struct ag_str *text, struct ag_mailbox *mailbox)
{
	size_t n = ag_str_find(*text, '@');

	if (!set_local_raw(mailbox, ag_str_head(*text, n)))
		return false;
	*text = ag_str_skip(*text, n);
	return true;
}

/* What some mail program reads as more than part of a name. */
static bool
is_special(char c)
{
	switch (c) {
	case '%':
	case '!':
	case ':':
	case '"':
	case '\\':
	case '(':
	case ')':
	case '<':
	case '>':
	case '@':
	case ' ':
		return true;
	default:
		return ag_is_control(c);
	}
}

static bool
is_plain_local(struct ag_str local)
{
	for (size_t i = 0; i < local.len; i++)
		if (is_special(local.ptr[i]))
			return false;
	return local.len > 0 && ag_str_is_utf8(local);
}

/* An address literal of RFC 5321 section 4.1.3, not looked into. */
static bool
is_literal(struct ag_str domain)
{
	if (domain.len < 3 || domain.ptr[0] != '[' ||
	    domain.ptr[domain.len - 1] != ']')
		return false;
	for (size_t i = 1; i < domain.len - 1; i++)
		if ((unsigned char)domain.ptr[i] <= ' ' ||
		    (unsigned char)domain.ptr[i] >= 0x7f ||
		    strchr("[]\\@<>()\"", domain.ptr[i]) != NULL)
			return false;
	return true;
}

static bool
set_domain(struct ag_mailbox *mailbox, struct ag_str domain)
{
	if (is_literal(domain))
		return set_domain_raw(mailbox, domain);
	return set_domain_name(mailbox, domain) != AG_DOMAIN_BAD;
}

/* Reads what is plain, with or without a domain. */
static bool
parse_plain(struct ag_mailbox *mailbox, struct ag_str text)
{
	bool taken;

	clear(mailbox);
	taken = text.len > 0 && text.ptr[0] == '"' ?
	    take_quoted(&text, mailbox) :
	    take_unquoted(&text, mailbox);
	if (!taken || !is_plain_local(ag_mailbox_local(mailbox)) ||
	    !ag_mailbox_fold_local(mailbox))
		return false;
	return text.len == 0 ||
	    (text.ptr[0] == '@' && set_domain(mailbox, ag_str_skip(text, 1)));
}

bool
ag_mailbox_parse(struct ag_mailbox *mailbox, struct ag_str text)
{
	return parse_plain(mailbox, text) && mailbox->domain_len > 0;
}

bool
ag_mailbox_parse_local(struct ag_mailbox *mailbox, struct ag_str text)
{
	return parse_plain(mailbox, text) && mailbox->domain_len == 0;
}

/* Lower-case letters, digits and "-", "." and "_"; 64 bytes a word. */
static bool
is_settled_byte(char c)
{
	static const uint64_t settled[4] = { UINT64_C(0x03ff600000000000),
		UINT64_C(0x07fffffe80000000), 0, 0 };
	unsigned char byte = (unsigned char)c;

	return (settled[byte >> 6] >> (byte & 63) & 1) != 0;
}

/* How many bytes at the front of text a settled local part can have. */
static size_t
settled_local(struct ag_str text)
{
	size_t n = 0;

	while (n < text.len &&
	    (is_settled_byte(text.ptr[n]) || text.ptr[n] == '+'))
		n++;
	return n <= AG_LOCAL_MAX ? n : 0;
}

/* The same of a domain; no label is empty. */
static size_t
settled_domain(struct ag_str text)
{
	bool empty = false;
	char before = '.';
	size_t n = 0;

	for (; n < text.len && is_settled_byte(text.ptr[n]); n++) {
		empty |= text.ptr[n] == '.' && before == '.';
		before = text.ptr[n];
	}
	return !empty && before != '.' && n <= AG_DOMAIN_MAX ? n : 0;
}

size_t
ag_mailbox_settled_part(struct ag_str text, struct ag_str *domain)
{
	size_t at = settled_local(text);

	*domain = ag_str(NULL);
	if (at == 0 || at == text.len || text.ptr[at] != '@')
		return 0;
	*domain = ag_str_skip(text, at + 1);
	domain->len = settled_domain(*domain);
	return domain->len > 0 ? at + 1 + domain->len : 0;
}

bool
ag_mailbox_is_settled(struct ag_str text, struct ag_str *domain)
{
	size_t n = ag_mailbox_settled_part(text, domain);

	return n > 0 && n == text.len;
}

static bool
is_hop(struct ag_str hop)
{
	char name[AG_DOMAIN_MAX + 1];

	return hop.len > 0 && hop.ptr[0] == '@' &&
	    ag_domain_parse(ag_str_skip(hop, 1), name) != AG_DOMAIN_BAD;
}

/* "@a,@b:" in front of an address: RFC 5321 section 4.1.1.3 has it ignored. */
static bool
drop_route(struct ag_str *text)
{
	struct ag_str route = ag_str_head(*text, ag_str_find(*text, ':'));
	size_t comma;

	if (text->len == 0 || text->ptr[0] != '@')
		return true;
	if (route.len == text->len)
		return false;
	*text = ag_str_skip(*text, route.len + 1);
	while ((comma = ag_str_find(route, ',')) < route.len) {
		if (!is_hop(ag_str_head(route, comma)))
			return false;
		route = ag_str_skip(route, comma + 1);
	}
	return is_hop(route);
}

/* Takes the angle brackets off; false when there is only one of them. */
static bool
drop_brackets(struct ag_str *text)
{
	bool opens = text->len > 0 && text->ptr[0] == '<';
	bool closes = text->len > 0 && text->ptr[text->len - 1] == '>';

	if (opens && closes && text->len >= 2)
		*text = ag_str_head(ag_str_skip(*text, 1), text->len - 2);
	return opens == closes;
}

static bool
is_null_path(struct ag_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != ' ')
			return false;
	return true;
}

static enum ag_plainness
read_ours(struct ag_path *path)
{
	struct ag_str text = path->sent;

	if (!drop_brackets(&path->sent))
		return AG_PATH_ODD;
	text = path->sent;
	if (is_null_path(text))
		return AG_PATH_NULL;
	if (!drop_route(&text) || !parse_plain(&path->ours, text))
		return AG_PATH_ODD;
	return AG_PATH_PLAIN;
}

/* The MTA's local part: quoted as a whole, or as it stands. */
static bool
set_mta_local(struct ag_mailbox *mailbox, struct ag_str local)
{
	if (local.len > 0 && local.ptr[0] == '"')
		return take_quoted(&local, mailbox) && local.len == 0;
	return set_local_raw(mailbox, local);
}

/* The MTA says what it will do, so its domain may be of any form. */
static bool
set_mta_domain(struct ag_mailbox *mailbox, struct ag_str domain)
{
	if (set_domain_name(mailbox, domain) != AG_DOMAIN_BAD)
		return true;
	return domain.len > 0 && set_domain_raw(mailbox, domain);
}

static enum ag_mta_reading
read_mta(struct ag_mailbox *mailbox, struct ag_str text)
{
	size_t at = ag_str_rfind(text, '@');

	clear(mailbox);
	if (text.len == 0)
		return AG_MTA_EMPTY;
	/* an "@" in quotes does not divide */
	if (text.ptr[text.len - 1] == '"')
		at = text.len;
	if (ag_str_has_control(text) ||
	    !set_mta_local(mailbox, ag_str_head(text, at)) ||
	    mailbox->local_len == 0 || !ag_mailbox_fold_local(mailbox))
		return AG_MTA_UNREADABLE;
	if (at == text.len)
		return AG_MTA_BARE;
	if (!set_mta_domain(mailbox, ag_str_skip(text, at + 1)))
		return AG_MTA_UNREADABLE;
	return AG_MTA_FULL;
}

void
ag_path_read(struct ag_path *path, struct ag_str argument,
    const struct ag_str *mta, const struct ag_str *mailer)
{
	clear(&path->ours);
	clear(&path->mta);
	path->sent = argument;
	path->plainness = read_ours(path);
	path->reading =
	    mta != NULL ? read_mta(&path->mta, *mta) : AG_MTA_ABSENT;
	path->no_memory = path->ours.no_memory || path->mta.no_memory;
	path->mta_local = mailer != NULL &&
	    (ag_str_ieq(*mailer, ag_str("local")) ||
		ag_str_ieq(*mailer, ag_str("virtual")));
}

size_t
ag_local_base(struct ag_str local, struct ag_str delimiters)
{
	size_t base = local.len;

	/* there is one delimiter, nearly everywhere */
	for (size_t i = 0; i < delimiters.len; i++) {
		struct ag_str rest = ag_str_skip(ag_str_head(local, base), 1);
		size_t at = ag_str_find(rest, delimiters.ptr[i]);

		if (at < rest.len)
			base = at + 1;
	}
	return base;
}
