/* settings.c - the table of keys, and what each key accepts */
#include "policy/config/settings.h"

#include "policy/address/domainname.h"
#include "policy/address/mailbox.h"
#include "policy/base/number.h"
#include "policy/config/words.h"
#include "policy/reply.h"

static const struct ag_setting table[] = {
#define ROW(id, section, name, type, place, def, help) \
	{ section, name, AG_TYPE_##type, AG_##place, def, help },
	AG_KEYS(ROW)
#undef ROW
};

const struct ag_setting *
ag_setting(enum ag_key key)
{
	return &table[key];
}

enum ag_key
ag_setting_find(struct ag_str section, struct ag_str name)
{
	for (unsigned i = 0; i < AG_KEY_COUNT; i++)
		if (ag_str_ieq(section, ag_str(table[i].section)) &&
		    ag_str_ieq(name, ag_str(table[i].name)))
			return (enum ag_key)i;
	return AG_KEY_NONE;
}

enum ag_key
ag_rule_mode_key(enum ag_rule rule)
{
	return ag_setting_find(ag_str("rules"), ag_str(ag_rule_name(rule)));
}

enum ag_key
ag_rule_reply_key(enum ag_rule rule)
{
	static const enum ag_key key[] = {
#define REPLY_KEY(id, stage, name, reply) AG_KEY_REPLY_##id,
		AG_RULES(REPLY_KEY)
#undef REPLY_KEY
	};

	return key[rule];
}

void
ag_values_init(struct ag_values *values)
{
	for (unsigned i = 0; i < AG_KEY_COUNT; i++)
		values->value[i] =
		    (struct ag_value){ ag_str(table[i].fallback), { NULL, 0 } };
}

bool
ag_value_is_given(const struct ag_value *value)
{
	return value->origin.file != NULL;
}

/* ---- one check a type ---- */

static bool
check_name(struct ag_str text, struct ag_buf *why)
{
	ag_buf_text(why, "must be one word");
	return text.len > 0 && !ag_str_has(text, ' ') &&
	    !ag_str_has(text, '\t');
}

static bool
check_yesno(struct ag_str text, struct ag_buf *why)
{
	bool yes;

	ag_buf_text(why, "must be yes or no");
	return ag_number_yesno(text, &yes);
}

static bool
check_mode(struct ag_str text, struct ag_buf *why)
{
	enum ag_mode mode;

	ag_buf_text(why, "must be off, monitor or enforce");
	return ag_mode_parse(text, &mode);
}

static bool
check_time(struct ag_str text, struct ag_buf *why)
{
	int64_t seconds;

	ag_buf_text(why, "must be a time such as 90s, 15m, 2h or 30d");
	return ag_number_time(text, &seconds);
}

static bool
check_size(struct ag_str text, struct ag_buf *why)
{
	uint64_t bytes;

	ag_buf_text(why, "must be a size such as 64K, 10M or 5G");
	return ag_number_size(text, &bytes);
}

static bool
check_file_mode(struct ag_str text, struct ag_buf *why)
{
	unsigned mode;

	ag_buf_text(why, "must be permissions in octal, such as 0660");
	return ag_number_mode(text, &mode);
}

static bool
parse_port(struct ag_str text, unsigned *port)
{
	uint64_t number = 0;

	if (!ag_number_parse(text, 65535, &number) || number == 0)
		return false;
	*port = (unsigned)number;
	return true;
}

static bool
is_port(struct ag_str text)
{
	unsigned port;

	return parse_port(text, &port);
}

static bool
check_socket(struct ag_str text, struct ag_buf *why)
{
	struct ag_str rest = ag_str_skip(text, ag_str_find(text, ':') + 1);
	size_t at = ag_str_find(rest, '@');

	ag_buf_text(why,
	    "must be unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST");
	if (ag_str_starts(text, "unix:"))
		return rest.len > 1 && rest.ptr[0] == '/';
	return (ag_str_starts(text, "inet:") ||
		   ag_str_starts(text, "inet6:")) &&
	    is_port(ag_str_head(rest, at)) && at + 1 < rest.len;
}

/* In brackets if, and only if, it has colons. */
static bool
parse_host(struct ag_str text, struct ag_ip *address)
{
	bool brackets = ag_str_starts(text, "[");

	return brackets == ag_str_has(text, ':') && ag_ip_parse(address, text);
}

bool
ag_endpoint_parse(struct ag_str text, struct ag_ip *address, unsigned *port)
{
	size_t colon = ag_str_rfind(text, ':');

	return colon < text.len &&
	    parse_host(ag_str_head(text, colon), address) &&
	    parse_port(ag_str_skip(text, colon + 1), port);
}

static bool
check_endpoint(struct ag_str text, struct ag_buf *why)
{
	struct ag_ip address;
	unsigned port;

	ag_buf_text(why,
	    "must be ADDRESS:PORT, such as 127.0.0.1:9909 or [::1]:9909");
	return text.len == 0 || ag_endpoint_parse(text, &address, &port);
}

static bool
check_directory(struct ag_str text, struct ag_buf *why)
{
	ag_buf_text(why, "must be a path that begins with /");
	return text.len > 0 && text.ptr[0] == '/';
}

static bool
check_either(struct ag_str text, const char *one, const char *other,
    struct ag_buf *why)
{
	ag_buf_printf(why, "must be %s or %s", one, other);
	return ag_str_eq(text, ag_str(one)) || ag_str_eq(text, ag_str(other));
}

static bool
check_facility(struct ag_str text, struct ag_buf *why)
{
	const char *known =
	    "auth authpriv cron daemon ftp kern lpr mail news "
	    "syslog user uucp local0 local1 local2 local3 local4 "
	    "local5 local6 local7";
	struct ag_str rest = ag_str(known), word;

	ag_buf_printf(why, "must be one of %s", known);
	while (ag_str_word(&rest, " ", &word))
		if (ag_str_eq(word, text))
			return true;
	return false;
}

/* What cannot stand in front of an @ without quotes begins no tag. */
static bool
check_delimiter(struct ag_str text, struct ag_buf *why)
{
	ag_buf_text(why,
	    "must be characters such as + or +- without blanks; "
	    "not letters, digits or one of \"(),:;<>@[\\]");
	for (size_t i = 0; i < text.len; i++) {
		char c = ag_lower(text.ptr[i]);

		if (c <= ' ' || c > '~' || ag_is_digit(c) ||
		    (c >= 'a' && c <= 'z') ||
		    ag_str_has(ag_str("\"(),:;<>@[\\]"), c))
			return false;
	}
	return true;
}

static bool
check_domain(struct ag_str text, struct ag_buf *why)
{
	char reason[300];
	struct ag_buf fault = AG_BUF(reason);

	if (text.len == 0 || ag_word_check(AG_WORD_DOMAIN, text, &fault))
		return true;
	ag_buf_printf(why, "must be one domain name; this %s", reason);
	return false;
}

/* NetBIOS names, or dotted ones. */
static bool
check_windows(struct ag_str text, struct ag_buf *why)
{
	const char *const never = "\\/:*?\"<>|@[];=+";
	struct ag_str word;

	while (ag_str_word(&text, AG_WORD_SEPARATORS, &word)) {
		size_t n = 0;

		while (n < word.len && strchr(never, word.ptr[n]) == NULL)
			n++;
		if (n == word.len)
			continue;
		ag_buf_printf(why,
		    "has \"%.*s\"; write what stands in front of the backslash "
		    "of a login, such as EXAMPLE",
		    AG_STR_ARG(word));
		return false;
	}
	return true;
}

/* The rule that a key of [reply] is for; one of them has two. */
static enum ag_rule
rule_of_reply(enum ag_key key)
{
	unsigned rule = 0;

	if (key == AG_KEY_REPLY_FROM_HEADER_BAD)
		return AG_RULE_FROM_HEADER_MATCH;
	while (ag_rule_reply_key((enum ag_rule)rule) != key)
		rule++;
	return (enum ag_rule)rule;
}

static bool
check_reply(enum ag_key key, struct ag_str text, struct ag_buf *why)
{
	struct ag_reply reply;

	return ag_reply_parse(&reply, text, rule_of_reply(key), why);
}

/* A tab is a blank. */
static bool
has_control(struct ag_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (ag_is_control(text.ptr[i]) && text.ptr[i] != '\t')
			return true;
	return false;
}

bool
ag_setting_check(enum ag_key key, struct ag_str text, struct ag_buf *why)
{
	if (has_control(text)) {
		ag_buf_text(why, "has a control byte");
		return false;
	}
	switch (table[key].type) {
	case AG_TYPE_NAME:
		return check_name(text, why);
	case AG_TYPE_LOCALS:
		return ag_words_check(AG_WORD_LOCAL, text, why);
	case AG_TYPE_SASL:
		return ag_words_check(AG_WORD_MECHANISM, text, why);
	case AG_TYPE_WORDS:
		return ag_words_check(AG_WORD_ANY, text, why);
	case AG_TYPE_FILES:
		return ag_words_check(AG_WORD_FILE, text, why);
	case AG_TYPE_YESNO:
		return check_yesno(text, why);
	case AG_TYPE_MODE:
		return check_mode(text, why);
	case AG_TYPE_ON_ERROR:
		return check_either(text, "tempfail", "accept", why);
	case AG_TYPE_ENGINE:
		return check_either(text, "builtin", "libmilter", why);
	case AG_TYPE_START:
		return check_either(text, "last_good", "strict", why);
	case AG_TYPE_TIME:
		return check_time(text, why);
	case AG_TYPE_SIZE:
		return check_size(text, why);
	case AG_TYPE_FILE_MODE:
		return check_file_mode(text, why);
	case AG_TYPE_SOCKET:
		return check_socket(text, why);
	case AG_TYPE_ENDPOINT:
		return check_endpoint(text, why);
	case AG_TYPE_DIRECTORY:
		return check_directory(text, why);
	case AG_TYPE_FACILITY:
		return check_facility(text, why);
	case AG_TYPE_LISTENERS:
		return ag_words_check(AG_WORD_LISTENER, text, why);
	case AG_TYPE_DELIMITER:
		return check_delimiter(text, why);
	case AG_TYPE_DOMAIN:
		return check_domain(text, why);
	case AG_TYPE_DOMAINS:
		return ag_words_check(AG_WORD_DOMAIN, text, why);
	case AG_TYPE_WINDOWS:
		return check_windows(text, why);
	case AG_TYPE_REPLY:
		return check_reply(key, text, why);
	case AG_TYPE_TEXT:
	case AG_TYPE_NETWORKS: /* read entry by entry when it is compiled */
		return true;
	}
	return true;
}
