#include "findings.h"

#include <string.h>

#include "policy/config/ini.h"

static struct ag_values values;
static struct ag_arena arena;
static struct findings findings;

static void
read_text(struct ag_str text, enum ag_place place)
{
	ag_arena_free(&arena);
	findings_begin(&findings);
	ag_ini_read(&values, text, "x.ini", place, &arena, &findings.diag);
}

static int
forget(void **state)
{
	(void)state;
	ag_arena_free(&arena);
	return 0;
}

struct mistake {
	const char *text;
	const char *findings;
};

static void
expect_mistakes(const struct mistake *table, size_t n, enum ag_place place)
{
	for (size_t i = 0; i < n; i++) {
		read_text(ag_str(table[i].text), place);
		expect_findings(table[i].text, &findings, table[i].findings);
	}
}

/* "LINE:TEXT", or "default:TEXT". */
static void
expect_setting(const char *text, enum ag_key key, const char *expected)
{
	const struct ag_value *value = &values.value[key];
	char got[1100];
	struct ag_buf buf = AG_BUF(got);

	if (ag_value_is_given(value))
		ag_buf_printf(&buf, "%u", value->origin.line);
	else
		ag_buf_text(&buf, "default");
	ag_buf_printf(&buf, ":%.*s", AG_STR_ARG(value->text));
	expect_text(text, got, expected);
}

static void
test_empty_file(void **state)
{
	(void)state;
	static const char *const table[] = { "", "\n\n", "; a comment\n# one\n",
		"[milter]\n", " \t\n[rules]" };

	for (size_t i = 0; i < ROWS(table); i++) {
		read_text(ag_str(table[i]), AG_SERVER);
		expect_findings(table[i], &findings, "");
		expect_setting(table[i], AG_KEY_TIMEOUT, "default:2h");
	}
}

static void
test_values_and_their_lines(void **state)
{
	static const char text[] = "# comment\n"
				   "[milter]\n"
				   "socket = inet:8891@127.0.0.1   ; the port\n"
				   "  Timeout=90s\n"
				   "\n"
				   "[LOG]   # about the log\n"
				   "ident\t=\tgate\t# tab\n"
				   "[lists]\n"
				   "kill =\n"
				   "relay = ; none\n"
				   "[milter]\n"
				   "user = \"auth;gate\" ; quoted\n"
				   "socket_group = 'post # fix'\r\n"
				   "[reply]\n"
				   "kill_client = \"554 5.7.1 Go; see #7\"\n"
				   "kill_login = '554 5.7.1 Say \"please\"'\n"
				   "[auth]\n"
				   "authserv_id = \"\"\n"
				   "realm = example.com";

	(void)state;
	read_text(ag_str(text), AG_SERVER);
	expect_findings(text, &findings, "");
	expect_setting("socket", AG_KEY_SOCKET, "3:inet:8891@127.0.0.1");
	expect_setting("timeout", AG_KEY_TIMEOUT, "4:90s");
	expect_setting("ident", AG_KEY_IDENT, "7:gate");
	expect_setting("kill", AG_KEY_KILL, "9:");
	expect_setting("relay", AG_KEY_RELAY, "10:");
	expect_setting("user", AG_KEY_USER, "12:auth;gate");
	expect_setting("group", AG_KEY_SOCKET_GROUP, "13:post # fix");
	expect_setting("reply", AG_KEY_REPLY_KILL_CLIENT,
	    "15:554 5.7.1 Go; see #7");
	expect_setting("reply", AG_KEY_REPLY_KILL_LOGIN,
	    "16:554 5.7.1 Say \"please\"");
	expect_setting("id", AG_KEY_AUTHSERV_ID, "18:");
	expect_setting("realm", AG_KEY_REALM, "19:example.com");
	expect_setting("left out", AG_KEY_ON_ERROR, "default:tempfail");
}

static void
test_odd_but_good_values(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} table[] = {
		{ "[milter]\nuser = a = b\n", "2:a = b" },
		{ "[milter]\nuser = a \"b\" c\n", "2:a \"b\" c" },
		{ "[milter]\nuser = it's\n", "2:it's" },
		{ "[milter]\nuser = a:b\n", "2:a:b" },
		{ "[milter]\nuser = a\\b\n", "2:a\\b" },
		{ "[milter]\nuser = [a]\n", "2:[a]" },
		{ "[milter]\nuser = %s%n\n", "2:%s%n" },
		{ "[milter]\nuser = \"  a  \"\n", "2:  a  " },
		{ "[milter]\nuser = ''\n", "2:" },
		{ "[milter]\nuser = \"a=b\"\n", "2:a=b" },
		{ "[milter]\nuser = \"it's\"\n", "2:it's" },
		{ "[milter]\nuser = \xc3\xa5\n", "2:\xc3\xa5" },
		{ "[ milter ]\nuser = a\n", "2:a" },
		{ "[milter]\nuser = a ; b ; c # d\n", "2:a" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		read_text(ag_str(table[i].text), AG_SERVER);
		expect_findings(table[i].text, &findings, "");
		expect_setting(table[i].text, AG_KEY_USER, table[i].expected);
	}
}

static void
test_unknown_keys(void **state)
{
	static const struct mistake table[] = {
		{ "[milter]\nsokcet = x\n",
		    "error x.ini:2: [milter] has no key sokcet; did you mean "
		    "[milter] socket?\n" },
		{ "[rules]\nlocal_sender_aut = off\n",
		    "error x.ini:2: [rules] has no key local_sender_aut; did you "
		    "mean [rules] local_sender_auth?\n" },
		{ "[milter]\ntime-out = 2h\n",
		    "error x.ini:2: [milter] has no key time-out; did you mean "
		    "[milter] timeout?\n" },
		{ "[rules]\nkill client = off\n",
		    "error x.ini:2: [rules] has no key kill client; did you mean "
		    "[rules] kill_client?\n" },
		/* misspelt here goes before right elsewhere */
		{ "[reply]\nkill_cleint = 554 5.7.1 x\n",
		    "error x.ini:2: [reply] has no key kill_cleint; did you mean "
		    "[reply] kill_client?\n" },
		{ "[log]\ntimeout = 2h\n",
		    "error x.ini:2: timeout belongs in [milter], not in [log]\n" },
		{ "[auth]\nsender_login_match = off\n",
		    "error x.ini:2: sender_login_match belongs in [rules], not "
		    "in [auth]\n" },
		{ "[log]\nxyzzyxyzzy = 1\n",
		    "error x.ini:2: [log] has no key xyzzyxyzzy\n" },
		/* bad_address is always enforced */
		{ "[rules]\nbad_address = off\n",
		    "error x.ini:2: [rules] has no key bad_address\n" },
	};

	(void)state;
	expect_mistakes(table, ROWS(table), AG_SERVER);
}

static void
test_unknown_sections(void **state)
{
	static const struct mistake table[] = {
		{ "[miltre]\nsocket = x\nnonsense\n",
		    "error x.ini:1: there is no section [miltre]; did you mean "
		    "[milter]?\n" },
		{ "[rule]\n",
		    "error x.ini:1: there is no section [rule]; did you mean "
		    "[rules]?\n" },
		{ "[database]\n",
		    "error x.ini:1: there is no section [database]\n" },
		{ "[]\n", "error x.ini:1: there is no section []\n" },
		{ "[milter:a]\n",
		    "error x.ini:1: there is no section [milter:a]; did you mean "
		    "[milter]?\n" },
		{ "[milter\nsocket = x\n",
		    "error x.ini:1: the section has no closing ]\n"
		    "error x.ini:2: socket = x: must be unix:/PATH, "
		    "inet:PORT@HOST or inet6:PORT@HOST\n" },
		{ "[milter] x\n",
		    "error x.ini:1: there is text behind the section's ]\n" },
		{ "[milter]]\n",
		    "error x.ini:1: there is text behind the section's ]\n" },
		{ "timeout = 2h\n[milter]\n",
		    "error x.ini:1: the line stands in front of the first "
		    "[section]\n" },
		/* what follows an unknown section is not judged, the next is */
		{ "[miltre]\na = b\n[milter]\ntimeout = x\n",
		    "error x.ini:1: there is no section [miltre]; did you mean "
		    "[milter]?\n"
		    "error x.ini:4: timeout = x: must be a time such as 90s, "
		    "15m, 2h or 30d\n" },
		{ "[domain]\naliases = a.example\n",
		    "error x.ini:1: [domain] belongs in a domain's file, "
		    "domains/NAME.ini\n" },
	};

	(void)state;
	expect_mistakes(table, ROWS(table), AG_SERVER);
}

static void
test_section_with_comment(void **state)
{
	static const char *const table[] = { "[milter] ; a\ntimeout = 1h\n",
		"[milter]\t# ] [\ntimeout = 1h\n",
		"[milter]   \ntimeout = 1h\n", "[MILTER]\r\ntimeout = 1h\r\n" };

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		read_text(ag_str(table[i]), AG_SERVER);
		expect_findings(table[i], &findings, "");
		expect_setting(table[i], AG_KEY_TIMEOUT, "2:1h");
	}
}

static void
test_keys_given_twice(void **state)
{
	static const struct mistake table[] = {
		{ "[milter]\ntimeout = 1h\ntimeout = 2h\n",
		    "error x.ini:3: timeout is there twice, see line 2\n" },
		/* the same key in another case, in the section taken up again
		 */
		{ "[milter]\ntimeout = 1h\n[log]\n[MILTER]\nTimeOut = 2h\n",
		    "error x.ini:5: TimeOut is there twice, see line 2\n" },
		{ "[milter]\ntimeout = 1h\ntimeout = 1h\ntimeout = 1h\n",
		    "error x.ini:3: timeout is there twice, see line 2\n"
		    "error x.ini:4: timeout is there twice, see line 2\n" },
		/* keys of one name in two sections are two keys */
		{ "[milter]\non_error = accept\n[archive]\non_error = accept\n",
		    "" },
		{ "[milter]\ntimeout = soon\ntimeout = 1h\n",
		    "error x.ini:2: timeout = soon: must be a time such as 90s, "
		    "15m, 2h or 30d\n"
		    "error x.ini:3: timeout is there twice, see line 2\n" },
	};

	(void)state;
	expect_mistakes(table, ROWS(table), AG_SERVER);
}

/* One of each type; settings_test has them all. */
static void
test_wrong_types(void **state)
{
	static const char text[] = "[milter]\n"
				   "socket = /run/x\n"
				   "timeout = 010\n"
				   "delay_reject = on\n"
				   "[rules]\n"
				   "auth_tls = yes\n"
				   "[metrics]\n"
				   "listen = 9909\n"
				   "[reply]\n"
				   "kill_client = 250 2.0.0 ok\n"
				   "[auth]\n"
				   "realm =\n"
				   "[log]\n"
				   "ident =\n";

	(void)state;
	read_text(ag_str(text), AG_SERVER);
	expect_findings(text, &findings,
	    "error x.ini:2: socket = /run/x: must be unix:/PATH, inet:PORT@HOST "
	    "or inet6:PORT@HOST\n"
	    "error x.ini:3: timeout = 010: must be a time such as 90s, 15m, 2h "
	    "or 30d\n"
	    "error x.ini:4: delay_reject = on: must be yes or no\n"
	    "error x.ini:6: auth_tls = yes: must be off, monitor or enforce\n"
	    "error x.ini:8: listen = 9909: must be ADDRESS:PORT, such as "
	    "127.0.0.1:9909 or [::1]:9909\n"
	    "error x.ini:10: kill_client = 250 2.0.0 ok: begins with \"250\", "
	    "not with a code from 400 to 599; write CODE STATUS TEXT, such as "
	    "550 5.7.1 Refused\n"
	    "error x.ini:14: ident = : must be one word\n");
	/* what is wrong keeps its default */
	expect_setting("timeout", AG_KEY_TIMEOUT, "default:2h");
	expect_setting("auth_tls", AG_KEY_MODE_AUTH_TLS, "default:off");
	expect_setting("realm", AG_KEY_REALM, "12:");
}

static void
test_comment_signs(void **state)
{
	static const struct mistake table[] = {
		{ "[milter]\nuser = a;b\n",
		    "error x.ini:2: ; needs quotes here: \"a;b\"\n" },
		{ "[milter]\nuser = a#b\n",
		    "error x.ini:2: # needs quotes here: \"a#b\"\n" },
		{ "[milter]\nuser = mail; the user\n",
		    "error x.ini:2: ; needs quotes here: \"mail; the user\"\n" },
		{ "[milter]\nuser =;a\n",
		    "error x.ini:2: ; needs quotes here: \";a\"\n" },
		{ "[milter]\nuser = a\"b;c\n",
		    "error x.ini:2: ; needs quotes here: 'a\"b;c'\n" },
		/* in a reply even behind a blank */
		{ "[reply]\nkill_client = 554 5.7.1 Go ; away\n",
		    "error x.ini:2: ; needs quotes here: \"554 5.7.1 Go ; "
		    "away\"\n" },
		{ "[reply]\nkill_client = 554 5.7.1 Ticket #7\n",
		    "error x.ini:2: # needs quotes here: \"554 5.7.1 Ticket "
		    "#7\"\n" },
		{ "[REPLY]\nkill_client = 554 5.7.1 Say \"x\" ; y\n",
		    "error x.ini:2: ; needs quotes here: '554 5.7.1 Say \"x\" ; "
		    "y'\n" },
		{ "[reply]\nkill_client = \"554 5.7.1 x\" ; comment\n", "" },
		/* a line that is a comment is one, in a reply section too */
		{ "[reply]\n;kill_client = 250 x\n#kill_login\n", "" },
	};

	(void)state;
	expect_mistakes(table, ROWS(table), AG_SERVER);
}

static void
test_quotes(void **state)
{
	static const struct mistake table[] = {
		{ "[milter]\nuser = \"a\n",
		    "error x.ini:2: the quote \" is not closed\n" },
		{ "[milter]\nuser = 'a\"\n",
		    "error x.ini:2: the quote ' is not closed\n" },
		{ "[milter]\nuser = \"a\"b\n",
		    "error x.ini:2: there is text behind the closing quote\n" },
		{ "[milter]\nuser = \"a\" b\n",
		    "error x.ini:2: there is text behind the closing quote\n" },
		{ "[milter]\nuser = \"a\";b\n",
		    "error x.ini:2: there is text behind the closing quote\n" },
		{ "[milter]\ntimeout = \"\"\n",
		    "error x.ini:2: timeout = : must be a time such as 90s, 15m, "
		    "2h or 30d\n" },
	};

	(void)state;
	expect_mistakes(table, ROWS(table), AG_SERVER);
}

#define NEITHER \
	"the line is neither \"[section]\" nor \"key = value\" nor a comment\n"
#define JOINS \
	"the line ends in \\, which would join the next one to it; write it as " \
	"one line\n"

static void
test_broken_lines(void **state)
{
	static const struct mistake table[] = {
		{ "[milter]\ntimeout\n", "error x.ini:2: " NEITHER },
		{ "[milter]\ntimeout 2h\n", "error x.ini:2: " NEITHER },
		{ "[milter]\n= 2h\n", "error x.ini:2: " NEITHER },
		{ "[milter]\ntimeout: 2h\n", "error x.ini:2: " NEITHER },
		{ "[milter]\nuser = a\\\ntimeout = 1h\n",
		    "error x.ini:2: " JOINS },
		{ "[milter]\nuser = a\\   \n", "error x.ini:2: " JOINS },
		{ "[milter]\nuser = a\\\r\n", "error x.ini:2: " JOINS },
		{ "[milter]\\\n",
		    "error x.ini:1: there is text behind the section's ]\n" },
		/* one mistake hides no other */
		{ "[milter]\ntimeout\nsokcet = x\nuser = a;b\n",
		    "error x.ini:2: " NEITHER
		    "error x.ini:3: [milter] has no key sokcet; did you mean "
		    "[milter] socket?\n"
		    "error x.ini:4: ; needs quotes here: \"a;b\"\n" },
		/* a comment may end in a backslash */
		{ "; x\\\n[milter]\ntimeout = 1h\n", "" },
		{ "[milter]\nuser = a\x01\n",
		    "error x.ini:2: user = a\\x01: has a control byte\n" },
	};

	(void)state;
	expect_mistakes(table, ROWS(table), AG_SERVER);
}

/*
 * What is checked is in force: releases of iniparser differ in what these are.
 */
static void
test_values_that_iniparsers_read_otherwise(void **state)
{
	static const struct {
		const char *value;
		const char *expected;
	} table[] = {
		{ "\"\\\\server\\mail\"", "2:\\\\server\\mail" },
		{ "\"550 5.1.1 \\\"", "2:550 5.1.1 \\" },
		{ "\"kill\\.list\"", "2:kill\\.list" },
		{ "'\\n\\t'", "2:\\n\\t" },
		{ "\"a ; b # c\"", "2:a ; b # c" },
		{ "'a \"b\" ; c'", "2:a \"b\" ; c" },
		{ "\"it's\\; so\"", "2:it's\\; so" },
		{ "\"\"", "2:" },
		{ "' '", "2: " },
		{ "\"\t a \t\"", "2:\t a \t" },
		{ "\\\"a\\\"", "2:\\\"a\\\"" },
		{ "a\\b  c", "2:a\\b  c" },
		{ "\"[a]=b:c\"", "2:[a]=b:c" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		char text[200];
		struct ag_buf buf = AG_BUF(text);

		ag_buf_printf(&buf, "[milter]\nuser = %s\ntimeout = 1h\n",
		    table[i].value);
		read_text(ag_str(text), AG_SERVER);
		expect_findings(text, &findings, "");
		expect_setting(text, AG_KEY_USER, table[i].expected);
		expect_setting(text, AG_KEY_TIMEOUT, "3:1h");
	}
}

/* The comment behind it is cut off: then the line ends in a backslash. */
static void
test_backslash_in_front_of_a_comment(void **state)
{
	static const char text[] = "[milter]\n"
				   "user = a\\ ; comment\n"
				   "timeout = 1h\n";

	(void)state;
	read_text(ag_str(text), AG_SERVER);
	expect_findings(text, &findings, "error x.ini:2: " JOINS);
	expect_setting(text, AG_KEY_TIMEOUT, "3:1h");
}

/* It must not swallow the section header below it either. */
static void
test_backslash_in_front_of_a_section(void **state)
{
	static const char text[] = "[milter]\n"
				   "user = a\\ # comment\n"
				   "[auth]\n";

	(void)state;
	read_text(ag_str(text), AG_SERVER);
	expect_findings(text, &findings, "error x.ini:2: " JOINS);
	expect_setting(text, AG_KEY_USER, "default:");
}

static void
test_nul_byte(void **state)
{
	static const char text[] = "[milter]\nuser = a\0b\ntimeout = 1h\n";

	(void)state;
	read_text((struct ag_str){ text, sizeof(text) - 1 }, AG_SERVER);
	expect_findings(text, &findings,
	    "error x.ini:2: the line has a NUL byte; is this a text file?\n");
	expect_setting(text, AG_KEY_TIMEOUT, "3:1h");
}

static void
test_byte_order_mark(void **state)
{
	static const char text[] = "\xef\xbb\xbf[milter]\nsokcet = x\n";

	(void)state;
	read_text(ag_str(text), AG_SERVER);
	expect_findings(text, &findings,
	    "error x.ini:1: the file begins with a byte order mark; save it as "
	    "plain UTF-8\n"
	    "error x.ini:2: [milter] has no key sokcet; did you mean [milter] "
	    "socket?\n");
}

/* "[milter]", then user = and n bytes in all, then another key. */
static void
read_long_line(size_t n)
{
	static char text[3000];
	static const char begin[] = "[milter]\nuser = ",
			  end[] = "\ntimeout = 1h";

	memset(text, 'x', sizeof(text));
	memcpy(text, begin, sizeof(begin) - 1);
	memcpy(text + 9 + n, end, sizeof(end));
	read_text(ag_str(text), AG_SERVER);
}

static void
test_long_lines(void **state)
{
	(void)state;
	read_long_line(1000);
	expect_findings("1000 bytes", &findings, "");
	assert_int_equal(values.value[AG_KEY_USER].text.len, 993);
	read_long_line(1001);
	expect_findings("1001 bytes", &findings,
	    "error x.ini:2: the line is longer than 1000 bytes; put long lists "
	    "into a file\n");
	expect_setting("user", AG_KEY_USER, "default:");
	/* it fails the line, not the file */
	expect_setting("timeout", AG_KEY_TIMEOUT, "3:1h");
	read_long_line(2500);
	assert_int_equal(findings.n, 1);
}

/* However long the value, the finding says what is wrong with it. */
static void
test_long_bad_value(void **state)
{
	static char text[1100] = "[rules]\nrole_senders = a@b ";

	(void)state;
	memset(text + strlen(text), 'x', 950);
	read_text(ag_str(text), AG_SERVER);
	expect_findings(text, &findings,
	    "error x.ini:2: role_senders = a@b xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xx...: has a@b, which is not the part of an address before the "
	    "@\n");
}

static void
test_file_of_a_domain(void **state)
{
	static const struct mistake table[] = {
		{ "[domain]\naliases = example.org\nsubdomains = yes\n"
		  "accounts = x\n"
		  "[rules]\nlocal_sender_auth = enforce\nrole_senders = root\n"
		  "[relay]\nallow = 192.0.2.1\nfile = x\n"
		  "[reply]\noutgoing_auth = 554 5.7.1 no\n"
		  "[archive]\nenabled = no\ndir = /x\n",
		    "" },
		{ "[rules]\nkill_client = off\n",
		    "error x.ini:2: kill_client is the server's; set it in "
		    "authgate.ini\n" },
		{ "[rules]\nauth_tls = off\nforeign_sender_match = off\n",
		    "error x.ini:2: auth_tls is the server's; set it in "
		    "authgate.ini\n"
		    "error x.ini:3: foreign_sender_match is the server's; set it "
		    "in authgate.ini\n" },
		{ "[reply]\nkill_client = 554 5.7.1 x\n",
		    "error x.ini:2: kill_client is the server's; set it in "
		    "authgate.ini\n" },
		{ "[archive]\nretention = 90d\n",
		    "error x.ini:2: retention is the server's; set it in "
		    "authgate.ini\n" },
		{ "[milter]\nsocket = unix:/x\n[auth]\n[lists]\n",
		    "error x.ini:1: [milter] is the server's; set it in "
		    "authgate.ini\n"
		    "error x.ini:3: [auth] is the server's; set it in "
		    "authgate.ini\n"
		    "error x.ini:4: [lists] is the server's; set it in "
		    "authgate.ini\n" },
		{ "[domain]\nalias = example.org\n",
		    "error x.ini:2: [domain] has no key alias; did you mean "
		    "[domain] aliases?\n" },
		{ "[domian]\n",
		    "error x.ini:1: there is no section [domian]; did you mean "
		    "[domain]?\n" },
		{ "[domain]\nallow = 192.0.2.1\n",
		    "error x.ini:2: allow belongs in [relay], not in [domain]\n" },
	};

	(void)state;
	expect_mistakes(table, ROWS(table), AG_DOMAIN);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_file),
		cmocka_unit_test(test_values_and_their_lines),
		cmocka_unit_test(test_odd_but_good_values),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_unknown_sections),
		cmocka_unit_test(test_section_with_comment),
		cmocka_unit_test(test_keys_given_twice),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_comment_signs),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_broken_lines),
		cmocka_unit_test(test_values_that_iniparsers_read_otherwise),
		cmocka_unit_test(test_backslash_in_front_of_a_comment),
		cmocka_unit_test(test_backslash_in_front_of_a_section),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_byte_order_mark),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_long_bad_value),
		cmocka_unit_test(test_file_of_a_domain),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
