#include "findings.h"

#include <string.h>

#include "policy/config/settings.h"

/* "" when the text is a value for the key, else why it is not. */
static void
expect_verdict(enum ag_key key, const char *text, const char *expected)
{
	char reason[600], got[600];
	struct ag_buf why = AG_BUF(reason), out = AG_BUF(got);

	if (!ag_setting_check(key, ag_str(text), &why))
		ag_buf_text(&out, reason);
	expect_text(text, got, expected);
}

static void
expect_good(enum ag_key key, const char *const *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_verdict(key, text[i], "");
}

static void
expect_bad(enum ag_key key, const char *const *text, size_t n,
    const char *expected)
{
	for (size_t i = 0; i < n; i++)
		expect_verdict(key, text[i], expected);
}

#define GOOD(key, ...) \
	do { \
		static const char *const good[] = { __VA_ARGS__ }; \
		expect_good(AG_KEY_##key, good, ROWS(good)); \
	} while (0)
#define BAD(key, message, ...) \
	do { \
		static const char *const bad[] = { __VA_ARGS__ }; \
		expect_bad(AG_KEY_##key, bad, ROWS(bad), message); \
	} while (0)

/* A default that its own check refuses could not be written down. */
static void
test_defaults_are_values(void **state)
{
	struct ag_values values;

	(void)state;
	ag_values_init(&values);
	for (unsigned i = 0; i < AG_KEY_COUNT; i++) {
		const struct ag_setting *s = ag_setting((enum ag_key)i);

		expect_verdict((enum ag_key)i, s->fallback, "");
		assert_true(
		    ag_str_eq(values.value[i].text, ag_str(s->fallback)));
		assert_false(ag_value_is_given(&values.value[i]));
	}
}

static void
test_every_key_is_found(void **state)
{
	(void)state;
	for (unsigned i = 0; i < AG_KEY_COUNT; i++) {
		const struct ag_setting *s = ag_setting((enum ag_key)i);

		expect_number(s->name,
		    ag_setting_find(ag_str(s->section), ag_str(s->name)), i);
	}
	assert_int_equal(ag_setting_find(ag_str("MILTER"), ag_str("Socket")),
	    AG_KEY_SOCKET);
	assert_int_equal(ag_setting_find(ag_str("log"), ag_str("socket")),
	    AG_KEY_NONE);
	assert_int_equal(ag_setting_find(ag_str(""), ag_str("")), AG_KEY_NONE);
}

static void
test_keys_of_rules(void **state)
{
	(void)state;
	for (unsigned i = 0; i < AG_RULE_COUNT; i++) {
		enum ag_rule rule = (enum ag_rule)i;
		enum ag_key mode = ag_rule_mode_key(rule);
		const char *name = ag_rule_name(rule);

		expect_text(name, ag_setting(ag_rule_reply_key(rule))->section,
		    "reply");
		if (strcmp(name, "bad_address") == 0) {
			expect_number(name, mode, AG_KEY_NONE);
			continue;
		}
		expect_text(name, ag_setting(mode)->section, "rules");
		expect_text(name, ag_setting(mode)->name, name);
		expect_text(name, ag_setting(ag_rule_reply_key(rule))->name,
		    name);
	}
	expect_text("sender",
	    ag_setting(ag_rule_reply_key(AG_RULE_BAD_SENDER))->name,
	    "bad_sender");
	expect_text("recipient",
	    ag_setting(ag_rule_reply_key(AG_RULE_BAD_RECIPIENT))->name,
	    "bad_recipient");
}

/* kill_*, auth_* and foreign_sender_match are the server's. */
static void
test_rules_of_a_domain(void **state)
{
	(void)state;
	for (unsigned i = 0; i < AG_RULE_COUNT; i++) {
		enum ag_key key = ag_rule_mode_key((enum ag_rule)i);
		struct ag_str name = ag_str(ag_rule_name((enum ag_rule)i));
		bool server = ag_str_starts(name, "kill_") ||
		    ag_str_starts(name, "auth_") ||
		    ag_str_eq(name, ag_str("foreign_sender_match"));

		if (key == AG_KEY_NONE)
			continue;
		expect_number(name.ptr, ag_setting(key)->place,
		    server ? AG_SERVER : AG_BOTH);
	}
}

static void
test_truth_values_and_modes(void **state)
{
	(void)state;
	GOOD(DELAY_REJECT, "yes", "no");
	BAD(DELAY_REJECT, "must be yes or no", "", "on", "off", "Yes", "1",
	    "yikes", "true");
	GOOD(MODE_AUTH_TLS, "off", "monitor", "enforce");
	BAD(MODE_AUTH_TLS, "must be off, monitor or enforce", "", "on", "yes",
	    "Enforce", "enforced", "off, monitor");
	GOOD(ON_ERROR, "tempfail", "accept");
	BAD(ON_ERROR, "must be tempfail or accept", "", "reject", "Accept");
}

static void
test_times_sizes_and_permissions(void **state)
{
	(void)state;
	GOOD(TIMEOUT, "0", "90s", "15m", "2h", "30d");
	BAD(TIMEOUT, "must be a time such as 90s, 15m, 2h or 30d", "", "2",
	    "2 h", "2H", "-1s", "010", "ever");
	GOOD(ARCHIVE_MIN_FREE, "0", "64K", "10M", "5G");
	BAD(ARCHIVE_MIN_FREE, "must be a size such as 64K, 10M or 5G", "", "5",
	    "5g", "5 G", "5GB", "-5G");
	GOOD(SOCKET_MODE, "0660", "660");
	BAD(SOCKET_MODE, "must be permissions in octal, such as 0660", "", "66",
	    "0680", "01777", "rw-rw----");
}

static void
test_places_on_the_network(void **state)
{
	(void)state;
	GOOD(SOCKET, "unix:/run/a.sock", "inet:8891@127.0.0.1",
	    "inet6:8891@::1", "inet:1@localhost");
	BAD(SOCKET, "must be unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST", "",
	    "/run/a.sock", "unix:", "unix:a.sock", "unix:/", "local:/run/a",
	    "inet:8891", "inet:8891@", "inet:@127.0.0.1", "inet:0@127.0.0.1",
	    "inet:65536@127.0.0.1", "inet:smtp@127.0.0.1", "inet4:1@h",
	    "127.0.0.1:8891");
	GOOD(METRICS_LISTEN, "", "127.0.0.1:9909", "[::1]:9909", "0.0.0.0:1",
	    "[::]:65535", "[2001:db8::1]:9909");
	BAD(METRICS_LISTEN,
	    "must be ADDRESS:PORT, such as 127.0.0.1:9909 or [::1]:9909",
	    "9909", ":9909", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
	    "127.0.0.1:65536", "127.0.0.1:09909", "127.0.0.1:+1",
	    "127.0.0.1:http", "*:9909", "localhost:9909", "127.1:9909",
	    "127.0.0.1 :9909", "127.0.0.1: 9909", "::1:9909", "::1", "[::1]",
	    "[::1]9909", "[::1:9909", "[]:9909", "[127.0.0.1]:9909",
	    "[fe80::1%lo]:9909", "127.0.0.1:9909 [::1]:9909");
	GOOD(AUTH_ONLY, "", "submission", "submission 465, 587", "65535");
	BAD(AUTH_ONLY, "has 0, which is not a port from 1 to 65535", "0",
	    "submission 0");
	BAD(AUTH_ONLY, "has 65536, which is not a port from 1 to 65535",
	    "465 65536");
	BAD(AUTH_ONLY, "has 0465, which is not a port from 1 to 65535", "0465");
	BAD(AUTH_ONLY,
	    "has submission:587, which is both; write either the name or the "
	    "port of a listener",
	    "submission:587", "smtps submission:587 465");
	BAD(AUTH_ONLY,
	    "has :587, which is both; write either the name or the port of a "
	    "listener",
	    ":587");
}

static void
test_words(void **state)
{
	(void)state;
	GOOD(IDENT, "authgate", "a-b");
	BAD(IDENT, "must be one word", "", "two words", "two\twords");
	GOOD(ARCHIVE_DIR, "/var/lib/authgate/archive", "/");
	BAD(ARCHIVE_DIR, "must be a path that begins with /", "", "archive",
	    "./archive", "~/archive");
	GOOD(FACILITY, "mail", "daemon", "local0", "local7");
	BAD(FACILITY,
	    "must be one of auth authpriv cron daemon ftp kern lpr mail news "
	    "syslog user uucp local0 local1 local2 local3 local4 local5 local6 "
	    "local7",
	    "", "Mail", "local8", "LOG_MAIL", "mail daemon");
	GOOD(SOCKET_GROUP, "", "postfix");
	GOOD(KILL, "", "a", "a /b/c");
	GOOD(RECIPIENT_DELIMITER, "", "+", "+-", "=");
	BAD(RECIPIENT_DELIMITER,
	    "must be characters such as + or +- without blanks; not letters, "
	    "digits or one of \"(),:;<>@[\\]",
	    "+ -", "a", "Z", "1", "@", "+\xc3\xa5", "[+]", "+,-", "\"+\"",
	    "(+)", "+\\");
}

static void
test_domains_and_local_parts(void **state)
{
	(void)state;
	GOOD(REALM, "", "example.com", "EXAMPLE.com.", "ex\xc3\xa4mple.com",
	    "_x.example");
	BAD(REALM, "must be one domain name; this is not a domain name", "a b",
	    "example..com", "\xf0\x9f\x98\x80.example", "alice@example.com");
	BAD(REALM,
	    "must be one domain name; this is not a domain name; write "
	    "example.com",
	    "@example.com", ".example.com", "*.example.com", "[example.com]",
	    "example.com,");
	GOOD(ALIASES, "", "example.org", "example.org, ex\xc3\xa4mple.org");
	BAD(ALIASES,
	    "has @example.org, which is not a domain name; write example.org",
	    "example.net @example.org");
	BAD(ALIASES,
	    "has .example.org, which is not a domain name; write example.org",
	    ".example.org");
	BAD(LOGIN_DOMAINS,
	    "has 192.0.2.1, which is an address of a host, not a domain name",
	    "192.0.2.1");
	GOOD(ROLE_SENDERS, "", "postmaster", "postmaster, abuse  webmaster",
	    "\xc3\xa5lice");
	BAD(ROLE_SENDERS,
	    "has abuse@example.com, which is not the part of an address "
	    "before the @",
	    "postmaster abuse@example.com");
	BAD(ROLE_SENDERS,
	    "has a%b, which is not the part of an address before the @", "a%b");
	GOOD(WINDOWS_DOMAINS, "", "EXAMPLE", "EXAMPLE, corp.example.com  A-1",
	    "\xc3\x96VE");
	BAD(WINDOWS_DOMAINS,
	    "has \"EXAMPLE\\\"; write what stands in front of the backslash of a "
	    "login, such as EXAMPLE",
	    "EXAMPLE\\", "CORP EXAMPLE\\");
	BAD(WINDOWS_DOMAINS,
	    "has \"@example.com\"; write what stands in front of the backslash "
	    "of a login, such as EXAMPLE",
	    "@example.com");
	BAD(WINDOWS_DOMAINS,
	    "has \"*\"; write what stands in front of the backslash of a login, "
	    "such as EXAMPLE",
	    "*");
}

#define LISTENER ", which is neither the name nor the port of a listener"
#define MECHANISM ", which is not the name of a SASL mechanism"
#define WRAPPED ", which has quotes or brackets, which belong to no word"
#define TABLE \
	", which is a lookup table of Postfix; authgate reads the text file " \
	"behind it"

/* What other languages put around words and between them. */
static void
test_quotes_and_brackets(void **state)
{
	(void)state;
	GOOD(MECHANISMS, "", "PLAIN LOGIN", "plain, scram-sha-256-plus",
	    "KERBEROS_V4", "X");
	BAD(MECHANISMS, "has \"LOGIN\"" MECHANISM "; write LOGIN",
	    "PLAIN \"LOGIN\"");
	BAD(MECHANISMS, "has [PLAIN]" MECHANISM "; write PLAIN", "[PLAIN]");
	BAD(MECHANISMS, "has 'PLAIN'" MECHANISM "; write PLAIN", "'PLAIN'");
	BAD(MECHANISMS, "has PLAIN|LOGIN" MECHANISM, "PLAIN|LOGIN");
	BAD(MECHANISMS, "has PLAIN:LOGIN" MECHANISM, "PLAIN:LOGIN");
	BAD(MECHANISMS, "has -PLAIN-AND-SO-ON-AND-SO" MECHANISM,
	    "-PLAIN-AND-SO-ON-AND-SO");
	BAD(MECHANISMS, "has *" MECHANISM, "*");
	GOOD(AUTH_ONLY, "MTA-v4", "mx.example.com", "postfix/submission",
	    "192.0.2.1", "2001.example");
	BAD(AUTH_ONLY, "has \"smtps\"" LISTENER "; write smtps",
	    "submission, \"smtps\"");
	BAD(AUTH_ONLY, "has [submission" LISTENER "; write submission",
	    "[submission, smtps]");
	BAD(AUTH_ONLY, "has ['submission'" LISTENER "; write submission",
	    "['submission', 'smtps']");
	BAD(AUTH_ONLY, "has submission|465" LISTENER, "submission|465");
	BAD(AUTH_ONLY, "has *" LISTENER, "*");
	BAD(AUTH_ONLY, "has -" LISTENER, "submission - smtps");
	BAD(AUTH_ONLY, "has 587/tcp, which is not a port from 1 to 65535",
	    "587/tcp");
	BAD(AUTH_ONLY, "has 465-587, which is not a port from 1 to 65535",
	    "465-587");
	BAD(KILL, "has [a.list" WRAPPED "; write a.list", "[a.list, b.list]");
	BAD(KILL, "has \"b.list\"" WRAPPED "; write b.list",
	    "a.list \"b.list\"");
	BAD(KILL, "has a.list;b.list, which has a sign that divides no words",
	    "a.list;b.list");
	BAD(SENDER_LOGINS, "has hash:/etc/postfix/senders" TABLE,
	    "hash:/etc/postfix/senders");
	GOOD(SENDER_LOGINS, "source:panel", "a:b");
	GOOD(ROLE_SENDERS, "\"postmaster\"", "o'brien");
	BAD(ROLE_SENDERS,
	    "has [postmaster, which is not the part of an address before the "
	    "@; write postmaster",
	    "[postmaster, abuse]");
	BAD(ROLE_SENDERS,
	    "has postmaster|abuse, which is not the part of an address before "
	    "the @",
	    "postmaster|abuse");
	BAD(ROLE_SENDERS,
	    "has post*, which has a *, and no pattern stands here", "post*");
}

static void
test_replies(void **state)
{
	(void)state;
	GOOD(REPLY_KILL_CLIENT, "554 5.7.1 Go away; now #1");
	GOOD(REPLY_OUTGOING_AUTH, "554 5.7.1 no %{rcpt}");
	BAD(REPLY_KILL_CLIENT,
	    "has %{rcpt}, but no recipient is known yet when this rule is "
	    "judged",
	    "554 5.7.1 no %{rcpt}");
	BAD(REPLY_BAD_SENDER,
	    "has %{rcpt}, but no recipient is known yet when this rule is "
	    "judged",
	    "501 5.1.7 no %{rcpt}");
	GOOD(REPLY_BAD_RECIPIENT, "501 5.1.3 no %{rcpt}");
	BAD(REPLY_KILL_CLIENT,
	    "begins with \"\", not with a code from 400 to 599; write CODE "
	    "STATUS TEXT, such as 550 5.7.1 Refused",
	    "");
}

static void
test_control_bytes(void **state)
{
	(void)state;
	BAD(SOCKET_GROUP, "has a control byte",
	    "post\x01"
	    "fix",
	    "post\x7f", "a\rb");
	BAD(KILL, "has a control byte", "a\x1b[31m");
	/* a tab separates words */
	GOOD(ROLE_SENDERS, "abuse\twebmaster");
}

static void
test_endpoints(void **state)
{
	static const struct {
		const char *text, *address;
		unsigned port;
	} table[] = {
		{ "127.0.0.1:9909", "127.0.0.1", 9909 },
		{ "0.0.0.0:1", "0.0.0.0", 1 },
		{ "[::1]:65535", "::1", 65535 },
		{ "[2001:DB8::0:1]:80", "2001:db8::1", 80 },
		{ "[::ffff:192.0.2.1]:80", "192.0.2.1", 80 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		char written[AG_IP_TEXT_MAX];
		struct ag_ip address = { AG_IP_UNKNOWN, 0, 0 };
		unsigned port = 0;

		assert_true(
		    ag_endpoint_parse(ag_str(table[i].text), &address, &port));
		expect_text(table[i].text, ag_ip_write(&address, written),
		    table[i].address);
		expect_number(table[i].text, port, table[i].port);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_values),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_every_key_is_found),
		cmocka_unit_test(test_keys_of_rules),
		cmocka_unit_test(test_rules_of_a_domain),
		cmocka_unit_test(test_truth_values_and_modes),
		cmocka_unit_test(test_times_sizes_and_permissions),
		cmocka_unit_test(test_places_on_the_network),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_domains_and_local_parts),
		cmocka_unit_test(test_quotes_and_brackets),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_control_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
