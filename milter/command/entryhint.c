/* entryhint.c - says what was probably meant by what is no entry */
#include "milter/command/entryhint.h"

#include "policy/address/domainname.h"
#include "policy/table/nets.h"

static bool
is_address(struct ag_str text)
{
	struct ag_ip ip;

	return ag_ip_parse(&ip, text);
}

static bool
is_domain(struct ag_str text)
{
	char name[AG_DOMAIN_MAX + 1];

	return ag_str_has(text, '.') &&
	    ag_domain_parse(text, name) == AG_DOMAIN_OK;
}

/* Without the brackets of a literal or of a path. */
static struct ag_str
unwrap(struct ag_str text)
{
	const char *open = "[<\"", *close = "]>\"";

	for (int i = 0; i < 3; i++)
		if (text.len > 2 && text.ptr[0] == open[i] &&
		    text.ptr[text.len - 1] == close[i])
			return ag_str_head(ag_str_skip(text, 1), text.len - 2);
	return text;
}

/* An address with a port behind it, as logs have it, or in brackets. */
static bool
hint_client(struct ag_str entry, struct ag_buf *out)
{
	struct ag_str bare = unwrap(entry);
	size_t bracket = ag_str_rfind(entry, ']');
	size_t colon = ag_str_find(entry, ':');
	bool port = false;

	if (ag_str_starts(entry, "[") && bracket < entry.len) {
		bare = ag_str_head(ag_str_skip(entry, 1), bracket - 1);
		port = bracket + 1 < entry.len;
	} else if (colon < entry.len && colon == ag_str_rfind(entry, ':')) {
		bare = ag_str_head(entry, colon);
		port = true;
	}
	if (!is_address(bare) || ag_str_eq(bare, entry))
		return false;
	ag_buf_printf(out, "write %.*s%s", AG_STR_ARG(bare),
	    port ? "; an entry holds for every port" : "");
	return true;
}

/* 192.0.2.* and the like: as many whole numbers as there are. */
static bool
hint_wildcard(struct ag_str entry, struct ag_buf *out)
{
	struct ag_str rest = entry, number, head = { entry.ptr, 0 };
	char text[AG_IP_TEXT_MAX + 8];
	struct ag_buf network = AG_BUF(text);
	unsigned n = 0;

	if (entry.len < 3 || entry.ptr[entry.len - 1] != '*')
		return false;
	while (n < 3 && ag_str_word(&rest, ".*", &number)) {
		head.len = (size_t)(number.ptr + number.len - entry.ptr);
		n++;
	}
	if (ag_str_word(&rest, ".*", &number) || n == 0)
		return false;
	ag_buf_str(&network, head);
	for (unsigned i = n; i < 4; i++)
		ag_buf_text(&network, ".0");
	if (!is_address(ag_buf_get(&network)))
		return false;
	ag_buf_printf(out, "write %s/%u", text, 8 * n);
	return true;
}

static void
hint_name(struct ag_str entry, struct ag_buf *out)
{
	struct ag_str bare = unwrap(entry);
	size_t at = ag_str_rfind(bare, '@');
	struct ag_str domain = ag_str_skip(bare, at + 1);

	if (at == 0 && is_domain(domain))
		ag_buf_printf(out, "write sender:%.*s", AG_STR_ARG(bare));
	else if (at < bare.len && domain.len == 0)
		ag_buf_printf(out,
		    "write login:%.*s, or sender:%.*s@ and the domain", (int)at,
		    bare.ptr, (int)at, bare.ptr);
	else if (at < bare.len)
		ag_buf_printf(out, "write login:%.*s or sender:%.*s",
		    AG_STR_ARG(bare), AG_STR_ARG(bare));
	else if (bare.len > 1 && bare.ptr[0] == '.' &&
	    is_domain(ag_str_skip(bare, 1)))
		ag_buf_printf(out, "write sender:%.*s", AG_STR_ARG(bare));
	else if (is_domain(bare))
		ag_buf_printf(out,
		    "write sender:@%.*s for its addresses as senders, or the "
		    "IP address of that host",
		    AG_STR_ARG(bare));
	else
		ag_buf_printf(out, "write login:%.*s", AG_STR_ARG(bare));
}

/* A word that could be a name; everything else has a reason of its own. */
static bool
may_be_name(struct ag_str entry)
{
	bool letter = false;

	for (size_t i = 0; i < entry.len; i++) {
		char c = ag_lower(entry.ptr[i]);

		if (ag_is_control(c) || c == ' ' || c == '#' || c == '/' ||
		    c == ':')
			return false;
		letter = letter || (c >= 'a' && c <= 'z') ||
		    (unsigned char)c >= 0x80;
	}
	return letter && entry.ptr[0] != '!';
}

static bool
has_prefix(struct ag_str entry)
{
	static const char *const prefix[] = { "login:", "sender:", "user:",
		"from:" };

	for (size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++)
		if (ag_str_starts(entry, prefix[i]))
			return true;
	return false;
}

void
ag_entry_hint(struct ag_str entry, bool relay, struct ag_buf *out)
{
	if (hint_client(entry, out) || hint_wildcard(entry, out))
		return;
	if (relay && (has_prefix(entry) || may_be_name(entry)))
		ag_buf_text(out,
		    "this list holds clients: write an IP address or a "
		    "network");
	else if (may_be_name(entry))
		hint_name(entry, out);
}
