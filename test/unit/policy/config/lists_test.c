#include "findings.h"

#include <stdlib.h>
#include <string.h>

#include "policy/config/lists.h"

static struct ag_domains domains;
static struct ag_login_form form = { .realm = "example.com",
	.domains = &domains };
static struct ag_arena arena;
static struct findings findings;

/* example.com, with the alias example.org. */
static int
set_up(void **state)
{
	struct ag_origin at = { "domains/example.com.ini", 0 };
	struct ag_diag diag = { 0 };

	(void)state;
	return !ag_domains_add_file(&domains, ag_str("example.com"), 0, false,
		   &at, &diag) ||
	    !ag_domains_add_alias(&domains, ag_str("example.org"),
		ag_str("example.com"), &at, &diag);
}

static int
tear_down(void **state)
{
	(void)state;
	ag_domains_free(&domains);
	ag_arena_free(&arena);
	return 0;
}

/* The text may hold NUL. */
static struct ag_list
begin_bytes(struct ag_str text)
{
	findings_begin(&findings);
	return (struct ag_list){ .text = text,
		.at = { "x.list", 0 },
		.arena = &arena,
		.diag = &findings.diag,
		.form = &form };
}

static struct ag_list
begin(const char *text)
{
	return begin_bytes(ag_str(text));
}

/* What an entry says besides its name. */
static void
write_about(const struct ag_entry *entry, struct ag_buf *out)
{
	ag_buf_printf(out, ":%u", entry->origin.line);
	if (entry->until != AG_NEVER)
		ag_buf_printf(out, " until %lld", (long long)entry->until);
	if (entry->note != NULL)
		ag_buf_printf(out, " (%s)", entry->note);
	ag_buf_text(out, "\n");
}

static void
write_nets(const struct ag_nets *nets, struct ag_buf *out)
{
	for (size_t i = 0; i < ag_nets_size(nets); i++) {
		char text[AG_IP_TEXT_MAX];
		struct ag_net net;

		ag_nets_get(nets, i, &net);
		ag_buf_printf(out, "%s%s/%u", net.except ? "!" : "",
		    ag_ip_write(&net.prefix.net, text), net.prefix.bits);
		write_about(&net.entry, out);
	}
}

static void
write_names(const char *kind, const struct ag_names *names, struct ag_buf *out)
{
	const struct ag_entry *entries = names->entries.items;

	for (uint32_t i = ag_strmap_first(&names->map); i != AG_NO_ID;
	    i = ag_strmap_next(&names->map, i)) {
		ag_buf_printf(out, "%s%.*s", kind,
		    AG_STR_ARG(ag_strmap_key(&names->map, i)));
		write_about(&entries[ag_strmap_number(&names->map, i)], out);
	}
}

struct row {
	const char *text;
	const char *expected;
	const char *findings;
};

static void
expect_networks(const struct row *row, bool relay)
{
	struct ag_list list = begin(row->text);
	struct ag_nets *nets = ag_nets_new();
	char got[1000];
	struct ag_buf out = AG_BUF(got);

	list.relay = relay;
	assert_true(ag_list_networks(&list, nets));
	assert_true(ag_nets_finish(nets, &findings.diag));
	write_nets(nets, &out);
	ag_nets_free(nets);
	expect_text(row->text, got, row->expected);
	expect_findings(row->text, &findings, row->findings);
}

#define FOLLOWED \
	"is followed by something that is neither until= nor a # comment\n"
#define BAD_UNTIL \
	"has a bad until=; write until=2026-12-31 or " \
	"until=2026-12-31T18:00:00Z\n"
#define ANOTHER "has another entry behind it; write one a line\n"
#define NO_ADDRESS "is not an IPv4 or IPv6 address or network\n"

static void
test_networks(void **state)
{
	static const struct row table[] = {
		{ "", "", "" },
		{ "\n \t\n# only\n   # comments\r\n", "", "" },
		{ "192.0.2.1\n\n# c\n  2001:db8::/32  \r\n10.0.0.0/8",
		    "10.0.0.0/8:5\n192.0.2.1/32:1\n2001:db8::/32:4\n", "" },
		{ "!192.0.2.1 # not him\n192.0.2.0/24# close\n192.0.2.9 #\n",
		    "192.0.2.0/24:2 (close)\n!192.0.2.1/32:1 (not him)\n"
		    "192.0.2.9/32:3\n",
		    "" },
		{ "192.0.2.1 # two # signs\t \n",
		    "192.0.2.1/32:1 (two # signs)\n", "" },
		{ "192.0.2.1 until=2026-12-31 # a while\n",
		    "192.0.2.1/32:1 until 1798761600 (a while)\n", "" },
		{ "192.0.2.1\tuntil=2026-12-31T18:00:00Z\n",
		    "192.0.2.1/32:1 until 1798740000\n", "" },
		{ "192.0.2.10-192.0.2.12 until=1970-01-01 # r\n",
		    "192.0.2.10/31:1 until 86400 (r)\n"
		    "192.0.2.12/32:1 until 86400 (r)\n",
		    "" },
		{ "192.0.2.0/255.255.255.0\n", "192.0.2.0/24:1\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_networks(&table[i], i % 2 == 0);
}

/* A bad line is reported and skipped, the rest holds. */
static void
test_bad_networks(void **state)
{
	static const struct row table[] = {
		{ "10\n192.0.2.1\n010.0.0.1\n", "192.0.2.1/32:2\n",
		    "bad line x.list:1: 10 " NO_ADDRESS
		    "bad line x.list:3: 010.0.0.1 " NO_ADDRESS },
		{ "192.0.2.5/24\n", "",
		    "bad line x.list:1: 192.0.2.5/24 has host bits set; the "
		    "network is 192.0.2.0/24\n" },
		{ "1.2.3.4/-1\n", "",
		    "bad line x.list:1: 1.2.3.4/-1 has no prefix length from 0 "
		    "to 32 or netmask behind the /\n" },
		{ "192.0.2.20-192.0.2.10\n", "",
		    "bad line x.list:1: 192.0.2.20-192.0.2.10 runs backwards; "
		    "write the lower address first\n" },
		{ "192.0.2.10 - 192.0.2.20\n", "",
		    "bad line x.list:1: 192.0.2.10 " FOLLOWED },
		{ "192.0.2.1 192.0.2.2\n", "",
		    "bad line x.list:1: 192.0.2.1 " FOLLOWED },
		{ "192.0.2.1 OK\n", "",
		    "bad line x.list:1: 192.0.2.1 " FOLLOWED },
		{ "192.0.2.1 until=tomorrow\n", "",
		    "bad line x.list:1: 192.0.2.1 " BAD_UNTIL },
		{ "192.0.2.1 until=\n", "",
		    "bad line x.list:1: 192.0.2.1 " BAD_UNTIL },
		{ "192.0.2.1 until=2026-02-30\n", "",
		    "bad line x.list:1: 192.0.2.1 " BAD_UNTIL },
		{ "192.0.2.1 until = 2026-12-31\n", "",
		    "bad line x.list:1: 192.0.2.1 " FOLLOWED },
		{ "192.0.2.1 Until=2026-12-31\n", "",
		    "bad line x.list:1: 192.0.2.1 " FOLLOWED },
		{ "192.0.2.1 until=2026-12-31 until=2027-12-31\n", "",
		    "bad line x.list:1: 192.0.2.1 has until= twice\n" },
		{ "!!192.0.2.1\n", "",
		    "bad line x.list:1: !!192.0.2.1 " NO_ADDRESS },
		{ "!192.0.2.5/24\n192.0.2.1\n", "192.0.2.1/32:2\n",
		    "bad line x.list:1: !192.0.2.5/24 has host bits set; the "
		    "network is 192.0.2.0/24\n" },
		{ "mail.example.com\n", "",
		    "bad line x.list:1: mail.example.com " NO_ADDRESS },
		{ "login:alice@example.com\n", "",
		    "bad line x.list:1: login:alice@example.com " NO_ADDRESS },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_networks(&table[i], false);
}

/* In a relay list a bad exception would open what was to stay closed. */
static void
test_bad_exceptions_in_a_relay_list(void **state)
{
	static const struct row table[] = {
		{ "!192.0.2.5/24\n", "",
		    "error x.list:1: !192.0.2.5/24 has host bits set; the "
		    "network is 192.0.2.0/24\n" },
		{ "!\n", "", "error x.list:1: ! " NO_ADDRESS },
		{ "! 192.0.2.1\n", "",
		    "error x.list:1: ! must stand in front of a network without a "
		    "blank\n" },
		{ "!192.0.2.1 until=soon\n", "",
		    "error x.list:1: !192.0.2.1 " BAD_UNTIL },
		{ "!192.0.2.1 x\n", "",
		    "error x.list:1: !192.0.2.1 " FOLLOWED },
		{ "192.0.2.5/24\n", "",
		    "bad line x.list:1: 192.0.2.5/24 has host bits set; the "
		    "network is 192.0.2.0/24\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_networks(&table[i], true);
}

/* [relay] allow: entries in a row, of one line of the main file. */
static void
test_networks_in_a_value(void **state)
{
	static const struct row table[] = {
		{ "", "", "" },
		{ "127.0.0.0/8 ::1", "127.0.0.0/8:7\n::1/128:7\n", "" },
		{ "127.0.0.0/8,::1, !127.0.0.9",
		    "127.0.0.0/8:7\n!127.0.0.9/32:7\n::1/128:7\n", "" },
		{ "192.0.2.1 until=2026-12-31 192.0.2.2",
		    "192.0.2.1/32:7 until 1798761600\n192.0.2.2/32:7\n", "" },
		{ "10.1 192.0.2.1 !x", "192.0.2.1/32:7\n",
		    "error x.list:7: 10.1 " NO_ADDRESS
		    "error x.list:7: !x " NO_ADDRESS },
		{ "192.0.2.1 until=x", "",
		    "error x.list:7: 192.0.2.1 has a bad until=; write "
		    "until=2026-12-31\n" },
		{ "until=2026-12-31", "",
		    "error x.list:7: until=2026-12-31 is not an IPv4 or IPv6 "
		    "address or network\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct ag_list list = begin(table[i].text);
		struct ag_nets *nets = ag_nets_new();
		char got[1000];
		struct ag_buf out = AG_BUF(got);

		list.at.line = 7;
		assert_true(ag_list_words(&list, nets));
		assert_true(ag_nets_finish(nets, &findings.diag));
		write_nets(nets, &out);
		ag_nets_free(nets);
		expect_text(table[i].text, got, table[i].expected);
		expect_findings(table[i].text, &findings, table[i].findings);
	}
}

static void
expect_kill(const struct row *row)
{
	struct ag_list list = begin(row->text);
	struct ag_names logins = { 0 }, senders = { 0 };
	struct ag_nets *nets = ag_nets_new();
	char got[1000];
	struct ag_buf out = AG_BUF(got);

	assert_true(ag_list_kill(&list, nets, &logins, &senders));
	assert_true(ag_nets_finish(nets, &findings.diag));
	write_nets(nets, &out);
	write_names("login ", &logins, &out);
	write_names("sender ", &senders, &out);
	ag_nets_free(nets);
	ag_names_free(&logins);
	ag_names_free(&senders);
	expect_text(row->text, got, row->expected);
	expect_findings(row->text, &findings, row->findings);
}

#define EMOJI "\xf0\x9f\x98\x80.example"
#define NO_SENDER \
	" names no sender; write sender:user@example.net, " \
	"sender:@example.net or sender:.example.net\n"

static void
test_kill_list(void **state)
{
	static const struct row table[] = {
		{ "192.0.2.1 # spam\nlogin:alice@example.com until=2026-12-31 # "
		  "stolen\nsender:user@example.net # x\n",
		    "192.0.2.1/32:1 (spam)\n"
		    "login alice@example.com:2 until 1798761600 (stolen)\n"
		    "sender user@example.net:3 (x)\n",
		    "" },
		/* logins are completed, folded and in lower case */
		{ "login:Alice\nlogin:bob@Example.ORG\nlogin:c+x@example.net\n",
		    "login alice@example.com:1\nlogin bob@example.com:2\n"
		    "login c+x@example.net:3\n",
		    "" },
		/* senders are compared as sent: an alias is not folded */
		{ "sender:User@Example.ORG.\nsender:@Example.net\n"
		  "sender:.ex\xc3\xa4mple.com\nsender:u+tag@example.net\n",
		    "sender user@example.org:1\nsender @example.net:2\n"
		    "sender .xn--exmple-cua.com:3\nsender u+tag@example.net:4\n",
		    "" },
		{ "login:alice\nlogin:alice@example.org\n",
		    "login alice@example.com:1\n",
		    "warning x.list:2: alice@example.com is there twice, see "
		    "x.list:1; the longer-lived counts\n" },
		{ "login:\nlogin: alice\n", "",
		    "bad line x.list:1: login: names no login; write "
		    "login:alice@example.com\n"
		    "bad line x.list:2: login: " FOLLOWED },
		{ "sender:\nsender:user\nsender:@\nsender:.\nsender:a%b@c.d\n"
		  "sender:<a@b.c>\nsender:@.example.net\nsender:..example.net\n",
		    "",
		    "bad line x.list:1: sender:" NO_SENDER
		    "bad line x.list:2: sender:user" NO_SENDER
		    "bad line x.list:3: sender:@" NO_SENDER
		    "bad line x.list:4: sender:." NO_SENDER
		    "bad line x.list:5: sender:a%b@c.d" NO_SENDER
		    "bad line x.list:6: sender:<a@b.c> names no sender; write "
		    "sender:a@b.c\n"
		    "bad line x.list:7: sender:@.example.net names no sender; "
		    "write sender:.example.net\n"
		    "bad line x.list:8: sender:..example.net" NO_SENDER },
		{ "client:192.0.2.1\nalice@example.com\n!login:alice\n", "",
		    "bad line x.list:1: client:192.0.2.1 " NO_ADDRESS
		    "bad line x.list:2: alice@example.com " NO_ADDRESS
		    "bad line x.list:3: !login:alice " NO_ADDRESS },
		{ "login:alice until=never\n", "",
		    "bad line x.list:1: login:alice " BAD_UNTIL },
		/* a domain that cannot be converted is in no list */
		{ "sender:user@" EMOJI "\nsender:@" EMOJI "\nsender:." EMOJI
		  "\n",
		    "",
		    "bad line x.list:1: sender:user@" EMOJI NO_SENDER
		    "bad line x.list:2: sender:@" EMOJI NO_SENDER
		    "bad line x.list:3: sender:." EMOJI NO_SENDER },
		/* a bad exception opens nothing here */
		{ "!x\n", "", "bad line x.list:1: !x " NO_ADDRESS },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_kill(&table[i]);
}

/* Signs that begin comments in lists made for other programs. */
static void
test_comments_of_other_programs(void **state)
{
	static const struct row table[] = {
		{ "; list of 2026/11/30\n192.0.2.0/24 ; ref 1\n"
		  "198.51.100.0/24;ref 2\n// other list\n"
		  "203.0.113.1 // ref 3\n203.0.113.2//ref 4\n\t;\n/ /\n",
		    "192.0.2.0/24:2 (ref 1)\n198.51.100.0/24:3 (ref 2)\n"
		    "203.0.113.1/32:5 (ref 3)\n203.0.113.2/32:6 (ref 4)\n",
		    "bad line x.list:8: / " FOLLOWED },
		{ "192.0.2.1 until=2026-12-31; x # y // z\n",
		    "192.0.2.1/32:1 until 1798761600 (x # y // z)\n", "" },
		{ "192.0.2.1 # a; b // c\n192.0.2.2 ;; a\n192.0.2.3 ;\n",
		    "192.0.2.1/32:1 (a; b // c)\n192.0.2.2/32:2 (; a)\n"
		    "192.0.2.3/32:3\n",
		    "" },
		/* what would be lost */
		{ "192.0.2.1;192.0.2.2\n192.0.2.1; 192.0.2.2\n"
		  "!192.0.2.1//192.0.2.2\n",
		    "",
		    "bad line x.list:1: 192.0.2.1 " ANOTHER
		    "bad line x.list:2: 192.0.2.1 " ANOTHER
		    "bad line x.list:3: !192.0.2.1 " ANOTHER },
		{ "192.0.2.1 ;192.0.2.2\n", "192.0.2.1/32:1 (192.0.2.2)\n",
		    "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_networks(&table[i], false);
	expect_kill(&(struct row){ "login:a;x\nlogin:b;login:c\n",
	    "login a@example.com:1 (x)\n",
	    "bad line x.list:2: login:b " ANOTHER });
}

/* As main.cf has them, and as it has them by default on Debian. */
static void
test_networks_in_brackets(void **state)
{
	static const struct row table[] = {
		{ "[::1]/128\n[::ffff:127.0.0.0]/104\n[2001:db8::]/32\n",
		    "127.0.0.0/8:2\n::1/128:1\n2001:db8::/32:3\n", "" },
		{ "![2001:db8::1]\n[2001:db8::2]-[2001:db8::3]\n[192.0.2.1]\n",
		    "192.0.2.1/32:3\n!2001:db8::1/128:1\n2001:db8::2/127:2\n",
		    "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_networks(&table[i], true);
}

#define SENDER_IS(why, meant) " " why "; write sender:" meant "\n"
#define LOGIN_IS(why) " " why "; write login:alice@example.com\n"
#define ONLY_SENDER "names a domain, which only sender: takes"
#define NO_PATTERN "has a *, and no pattern stands here"

/* Each would stand there for ever, and refuse nobody. */
static void
test_entries_that_never_match(void **state)
{
	static const struct row table[] = {
		{ "login:@example.net\nlogin:.example.net\nlogin:*\n"
		  "login:*@example.net\nlogin:alice*\n",
		    "",
		    "bad line x.list:1: login:@example.net" LOGIN_IS(ONLY_SENDER) "bad line x.list:2: login:.example.net" LOGIN_IS(ONLY_SENDER) "bad line x.list:3: login:*" LOGIN_IS(
			NO_PATTERN) "bad line x.list:4: login:*@example.net" LOGIN_IS(NO_PATTERN) "bad line x.list:5: login:alice*" LOGIN_IS(NO_PATTERN) },
		{ "login:a@x.test,b@x.test\nlogin:<a@x.test>\nlogin:a@\n"
		  "login:@\nlogin:=\nlogin:login:a@x.test\nlogin:a@b..c\n",
		    "",
		    "bad line x.list:1: login:a@x.test,b@x.test is not a "
		    "login; write login:alice@example.com\n"
		    "bad line x.list:2: login:<a@x.test> is not a login; write "
		    "login:a@x.test\n"
		    "bad line x.list:3: login:a@ is not a login; write login:a\n"
		    "bad line x.list:4: login:@" LOGIN_IS(ONLY_SENDER) "bad line x.list:5: login:=" LOGIN_IS("is not a login") "bad line x.list:6: login:login:a@x.test" LOGIN_IS(
			"is not a login") "bad line x.list:7: login:a@b..c" LOGIN_IS("has no domain name behind the @") },
		/* a login may have what an address has not */
		{ "login:EXAMPLE\\alice\nlogin:o'brien\nlogin:uid=a+b%c/d\n"
		  "login:a@b@c.test\n",
		    "login example\\alice@example.com:1\n"
		    "login o'brien@example.com:2\n"
		    "login uid=a+b%c/d@example.com:3\nlogin a@b@c.test:4\n",
		    "" },
		{ "sender:*@x.test\nsender:@*.x.test\nsender:*.x.test\n"
		  "sender:x.test\nsender:@.x.test\nsender:a*@x.test\n"
		  "sender:*\nsender:mailto:a@x.test\nsender:a@x.test,\n"
		  "sender:a,b@x.test\nsender:a@\n",
		    "",
		    "bad line x.list:1: sender:*@x.test" SENDER_IS(NO_PATTERN,
			"@x.test") "bad line x.list:2: sender:@*.x.test" SENDER_IS(NO_PATTERN,
			".x.test") "bad line x.list:3: sender:*.x.test" SENDER_IS(NO_PATTERN,
			".x.test") "bad line x.list:4: sender:x.test" SENDER_IS("names no sender",
			"@x.test") "bad line x.list:5: sender:@.x.test" SENDER_IS("names no sender",
			".x.test") "bad line x.list:6: sender:a*@x.test" SENDER_IS(NO_PATTERN,
			"user@example.net, sender:@example.net or sender:.example.net") "bad line x.list:7: sender:*" SENDER_IS(NO_PATTERN,
			"user@example.net, sender:@example.net or sender:.example.net") "bad line x.list:8: sender:mailto:a@x.test" SENDER_IS("names no sender",
			"a@x.test") "bad line x.list:9: sender:a@x.test," SENDER_IS("names no sender",
			"a@x.test") "bad line x.list:10: sender:a,b@x.test" NO_SENDER
				    "bad line x.list:11: sender:a@" NO_SENDER },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_kill(&table[i]);
}

/* A file that is no list at all is not to be read in what is said of it. */
static void
test_long_bad_line(void **state)
{
	static const struct row table[] = {
		{ "root:$6$rounds=65536$Ab1xYz0123456789$aSecretOfSomeLength:1\n",
		    "",
		    "bad line x.list:1: root:$6$rounds=65536$Ab1xYz0123456789$aS"
		    "... is not an IPv4 or IPv6 address or network\n" },
		/* in whole characters */
		{ "123456789012345678901234567890123456789\xc3\xa4\n", "",
		    "bad line x.list:1: 123456789012345678901234567890123456789"
		    "... is not an IPv4 or IPv6 address or network\n" },
		{ "1234567890123456789012345678901234567890\n", "",
		    "bad line x.list:1: 1234567890123456789012345678901234567890"
		    " is not an IPv4 or IPv6 address or network\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_networks(&table[i], false);
}

static void
test_has_entries(void **state)
{
	(void)state;
	assert_false(ag_list_has_entries(ag_str("")));
	assert_false(ag_list_has_entries(ag_str("\n \t\r\n# a\n; b\n // c\n")));
	assert_true(ag_list_has_entries(ag_str("# a\n 10.0.0.1")));
}

static void
test_long_login(void **state)
{
	char text[400] = "login:";
	struct ag_list list;
	struct ag_names logins = { 0 }, senders = { 0 };
	struct ag_nets *nets = ag_nets_new();

	(void)state;
	memset(text + 6, 'x', 300);
	list = begin(text);
	assert_true(ag_list_kill(&list, nets, &logins, &senders));
	assert_int_equal(findings.diag.bad_lines, 1);
	assert_int_equal(logins.map.n, 0);
	ag_names_free(&logins);
	ag_nets_free(nets);
}

static void
test_local_domains(void **state)
{
	static const char text[] = "# ours\n"
				   "Example.NET.  OK\n"
				   ".ex\xc3\xa4mple.com anything # goes\n"
				   "user@example.net\n"
				   "..x\n"
				   "*.example.net\n"
				   "example.net\n"
				   "_x.example until=2026-12-31\n";
	static const char *const local[] = { "example.net",
		"xn--exmple-cua.com", "a.b.xn--exmple-cua.com", "_x.example" };
	struct ag_list list = begin(text);
	struct ag_domains found = { 0 };

	(void)state;
	assert_true(ag_list_domains(&list, &found));
	expect_findings(text, &findings,
	    "bad line x.list:4: user@example.net is not a domain name; write "
	    "example.com or .example.com\n"
	    "bad line x.list:5: ..x is not a domain name; write example.com or "
	    ".example.com\n"
	    "bad line x.list:6: *.example.net is not a domain name; write "
	    ".example.net\n"
	    "warning x.list:7: example.net is there twice\n");
	for (size_t i = 0; i < ROWS(local); i++)
		expect_number(local[i],
		    ag_domains_find(&found, ag_str(local[i])).local, true);
	assert_false(ag_domains_find(&found, ag_str("a.example.net")).local);
	assert_int_equal(found.map.n, 3);
	ag_domains_free(&found);
}

/* The second one would be lost without a word. */
static void
test_two_domains_on_a_line(void **state)
{
	static const char text[] = "one.example two.example\n"
				   "three.example mx.test OK\n"
				   "four.example OK # five.example\n"
				   "six.example relay:[mx.test]\n"
				   "seven.example //eight.example\n"
				   ";nine.example\n"
				   "ten.example;x\n"
				   "ten.example,eleven.example\n"
				   "http://twelve.example\n"
				   "192.0.2.1 x\n";
	struct ag_list list = begin(text);
	struct ag_domains found = { 0 };

	(void)state;
	assert_true(ag_list_domains(&list, &found));
	assert_int_equal(found.map.n, 5);
	ag_domains_free(&found);
	expect_findings(text, &findings,
	    "warning x.list:1: two.example is not read: of a line only the "
	    "first word counts; write one domain a line\n"
	    "warning x.list:2: mx.test is not read: of a line only the first "
	    "word counts; write one domain a line\n"
	    "bad line x.list:7: ten.example;x is not a domain name; write "
	    "example.com or .example.com\n"
	    "bad line x.list:8: ten.example,eleven.example is not a domain "
	    "name; write example.com or .example.com\n"
	    "bad line x.list:9: http://twelve.example is not a domain name; "
	    "write example.com or .example.com\n"
	    "bad line x.list:10: 192.0.2.1 is an address of a host, not a "
	    "domain name; write example.com or .example.com\n");
}

#define INDENTED \
	" has a blank in front, and would go on with the line above in a " \
	"Postfix table; write it there, or without the blank\n"

static void
test_indented_domains(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *findings;
	} table[] = {
		{ " a.test\n\tb.test\n# c\n  c.test x\n", 3, "" },
		{ "a.test\n\n OK\n", 1, "bad line x.list:3: OK" INDENTED },
		{ " a.test\nb.test\n\tOK\nc.test", 3,
		    "bad line x.list:3: OK" INDENTED },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct ag_list list = begin(table[i].text);
		struct ag_domains found = { 0 };

		assert_true(ag_list_domains(&list, &found));
		assert_int_equal(found.map.n, table[i].n);
		expect_findings(table[i].text, &findings, table[i].findings);
		ag_domains_free(&found);
	}
}

#define PATTERN " has a *, and no pattern stands here\n"
#define NO_ALICE \
	" is neither an address nor a local part of this domain; write alice\n"
#define NO_ACCOUNT " is neither an address nor a local part of this domain\n"

static void
test_accounts(void **state)
{
	static const struct row table[] = {
		{ "alice\nBob@Example.com # x\ncarol@example.org\n",
		    "alice:1\nbob:2 (x)\ncarol:3\n", "" },
		{ "alice until=2026-12-31\n", "alice:1 until 1798761600\n",
		    "" },
		{ "alice\nalice@example.org\n", "alice:1\n",
		    "warning x.list:2: alice is there twice, see x.list:1; the "
		    "longer-lived counts\n" },
		{ "alice@example.net\n@example.com\na%b\n<alice>\n", "",
		    "bad line x.list:1: alice@example.net" NO_ACCOUNT
		    "bad line x.list:2: @example.com" NO_ACCOUNT
		    "bad line x.list:3: a%b" NO_ACCOUNT
		    "bad line x.list:4: <alice> is neither an address nor a "
		    "local part of this domain; write alice\n" },
		{ "alice@sub.example.com\n", "",
		    "bad line x.list:1: alice@sub.example.com" NO_ACCOUNT },
		/* of a table the first word counts */
		{ "alice Alice Smith\nbob@example.com bob/Maildir/ // x\n"
		  "// c\n; c\ncarol ; x\n",
		    "alice:1\nbob:2 (x)\ncarol:5 (x)\n", "" },
		{ "alice until=x\nbob x until=2026-12-31\n", "bob:2\n",
		    "bad line x.list:1: alice " BAD_UNTIL },
		{ "*\nsales-*\n*@example.com\n", "",
		    "bad line x.list:1: *" PATTERN
		    "bad line x.list:2: sales-*" PATTERN
		    "bad line x.list:3: *@example.com" PATTERN },
		{ "alice:\nalice,\nalice;\n/^al/\n=\nmailto:al@example.com\n",
		    "",
		    "bad line x.list:1: alice:" NO_ALICE
		    "bad line x.list:2: alice," NO_ALICE
		    "bad line x.list:3: alice;" NO_ALICE
		    "bad line x.list:4: /^al/" NO_ACCOUNT
		    "bad line x.list:5: =" NO_ACCOUNT
		    "bad line x.list:6: mailto:al@example.com is neither an "
		    "address nor a local part of this domain; write "
		    "al@example.com\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct ag_list list = begin(table[i].text);
		struct ag_names accounts = { 0 };
		char got[500];
		struct ag_buf out = AG_BUF(got);

		assert_true(
		    ag_list_accounts(&list, ag_str("example.com"), &accounts));
		write_names("", &accounts, &out);
		ag_names_free(&accounts);
		expect_text(table[i].text, got, table[i].expected);
		expect_findings(table[i].text, &findings, table[i].findings);
	}
}

static void
write_owner(void *arg, struct ag_str left, struct ag_str login,
    const struct ag_origin *origin)
{
	ag_buf_printf(arg, "%.*s=%.*s:%u ", AG_STR_ARG(left), AG_STR_ARG(login),
	    origin->line);
}

/* Who may send as an address, by a map. */
static void
expect_owners(const char *map, const char *local, const char *domain,
    const char *expected, const char *expected_findings)
{
	struct ag_list list = begin(map);
	struct ag_senders *senders = ag_senders_new();
	struct ag_sender_key key = { ag_str(local), ag_str(local),
		ag_str(domain) };
	char got[500];
	struct ag_buf out = AG_BUF(got);

	assert_true(ag_list_senders(&list, senders));
	assert_true(ag_senders_finish(senders, &findings.diag));
	ag_senders_of_address(senders, &key, write_owner, &out);
	ag_senders_free(senders);
	expect_text(map, got, expected);
	expect_findings(map, &findings, expected_findings);
}

static void
test_sender_map(void **state)
{
	static const struct {
		const char *map;
		const char *local;
		const char *domain;
		const char *expected;
	} table[] = {
		{ "", "info", "example.com", "" },
		{ "info@example.com alice@example.com, bob@example.com\n",
		    "info", "example.com",
		    "info@example.com=alice@example.com:1 "
		    "info@example.com=bob@example.com:1 " },
		{ "info@example.com,alice@example.com bob@example.com", "info",
		    "example.com",
		    "info@example.com=alice@example.com:1 "
		    "info@example.com=bob@example.com:1 " },
		/* both sides folded, completed, in lower case */
		{ "# map\n\nInfo@Example.ORG. Alice, BOB@example.org # x\r\n",
		    "info", "example.com",
		    "info@example.com=alice@example.com:3 "
		    "info@example.com=bob@example.com:3 " },
		{ "info alice\n", "info", "example.com",
		    "info@example.com=alice@example.com:1 " },
		{ "@example.org alice\n", "any", "example.com",
		    "@example.com=alice@example.com:1 " },
		{ "* alice\n", "any", "example.net", "*=alice@example.com:1 " },
		{ "info@example.net *\n", "info", "example.net",
		    "info@example.net=*:1 " },
		{ "* *\n", "any", "", "*=*:1 " },
		/* a line goes on where the next begins with a blank */
		{ "info@example.com\n  alice,\n# between\n\n\tbob # c, d\n"
		  "x@example.com carol\n",
		    "info", "example.com",
		    "info@example.com=alice@example.com:1 "
		    "info@example.com=bob@example.com:1 " },
		{ "a@example.com b\n\n\nx@example.com carol\n", "x",
		    "example.com", "x@example.com=carol@example.com:4 " },
		/* an address literal, and a quoted local part */
		{ "\"info\"@[192.0.2.1] alice\n", "info", "[192.0.2.1]",
		    "info@[192.0.2.1]=alice@example.com:1 " },
		/* a right side is followed as written, folded or not */
		{ "info@example.com desk@example.org\ndesk dave\n", "info",
		    "example.com",
		    "info@example.com=desk@example.com:1 "
		    "info@example.com=dave@example.com:1 " },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_owners(table[i].map, table[i].local, table[i].domain,
		    table[i].expected, "");
}

#define NOT_LEFT \
	" is not an address; write user@example.com, @example.com, user or *\n"
#define NO_END " is not for this list, whose lines have no end date\n"
#define NOT_RIGHT " is not a login; a domain may stand on the left only\n"

#define WRITE_INFO " is not an address; write info@example.com\n"
#define PART " has a * that is not the whole word"
#define NO_LOGIN " is not a login"

static void
test_bad_lines_of_a_sender_map(void **state)
{
	static const struct {
		const char *map;
		const char *findings;
	} table[] = {
		{ "info@example.com\n",
		    "bad line x.list:1: info@example.com has no login behind "
		    "it\n" },
		{ "info@example.com # alice\n",
		    "bad line x.list:1: info@example.com has no login behind "
		    "it\n" },
		{ "info@example.com alice, @example.com\n",
		    "bad line x.list:1: @example.com" NOT_RIGHT },
		{ "info%x@example.com alice\n",
		    "bad line x.list:1: info%x@example.com" NOT_LEFT },
		{ "@ alice\n", "bad line x.list:1: @" NOT_LEFT },
		{ "@a..b alice\n", "bad line x.list:1: @a..b" NOT_LEFT },
		{ "<info@example.com> alice\n",
		    "bad line x.list:1: <info@example.com>" WRITE_INFO },
		{ "info@example.com: alice\n",
		    "bad line x.list:1: info@example.com:" WRITE_INFO },
		/* a domain that cannot be converted is in no list */
		{ "info@" EMOJI " alice\n",
		    "bad line x.list:1: info@" EMOJI NOT_LEFT },
		{ "@" EMOJI " alice\n", "bad line x.list:1: @" EMOJI NOT_LEFT },
		/* an end date would be taken for a login, or for ever */
		{ "info@example.com until=2026-12-31\n",
		    "bad line x.list:1: until=2026-12-31" NO_END },
		{ "info@example.com alice until=2026-12-31\n",
		    "bad line x.list:1: until=2026-12-31" NO_END },
		{ "info@example.com until=\n",
		    "bad line x.list:1: until=" NO_END },
		/* what can never match, and what was meant */
		{ "*@example.com alice\n",
		    "bad line x.list:1: *@example.com" PART
		    "; write @example.com\n" },
		{ "shop-*@example.com alice\n",
		    "bad line x.list:1: shop-*@example.com" PART
		    "; write user@example.com, @example.com, user or *\n" },
		{ "info@example.com *@example.com\n",
		    "bad line x.list:1: *@example.com" PART "\n" },
		{ "info@example.com alice*\n",
		    "bad line x.list:1: alice*" PART "\n" },
		{ "info@example.com = bob\n",
		    "bad line x.list:1: =" NO_LOGIN "\n" },
		{ "info@example.com -> bob\n",
		    "bad line x.list:1: ->" NO_LOGIN "\n" },
		{ "info@example.com =bob\n",
		    "bad line x.list:1: =bob" NO_LOGIN "\n" },
		{ "info@example.com : bob\n",
		    "bad line x.list:1: :" NO_LOGIN "\n" },
		{ "info@example.com bob;alice\n",
		    "bad line x.list:1: bob;alice" NO_LOGIN "\n" },
		{ "info@example.com <bob@example.com>\n",
		    "bad line x.list:1: <bob@example.com>" NO_LOGIN
		    "; write bob@example.com\n" },
		{ "info@example.com bob@\n",
		    "bad line x.list:1: bob@" NO_LOGIN "; write bob\n" },
		{ "info@example.com .example.com\n",
		    "bad line x.list:1: .example.com" NO_LOGIN "\n" },
		{ "info@example.com bob@" EMOJI "\n",
		    "bad line x.list:1: bob@" EMOJI
		    " has no domain name behind the @\n" },
		{ "info@example.com mailto:bob@example.com\n",
		    "bad line x.list:1: mailto:bob@example.com" NO_LOGIN
		    "; write bob@example.com\n" },
		{ "= bob\n", "bad line x.list:1: =" NOT_LEFT },
		{ "info@ bob\n",
		    "bad line x.list:1: info@ is not an address; write "
		    "info\n" },
		{ "192.0.2.1 bob\n", "bad line x.list:1: 192.0.2.1" NOT_LEFT },
		{ "/^info@/ bob\n",
		    "bad line x.list:1: /^info@/ is a regular expression, "
		    "which is not read; write user@example.com, @example.com, "
		    "user or *\n" },
		{ "@.example.com bob\n",
		    "bad line x.list:1: @.example.com is not an address; write "
		    "@example.com\n" },
		{ "\n# c\ninfo@example.com\n\nx\n",
		    "bad line x.list:3: info@example.com has no login behind "
		    "it\n"
		    "bad line x.list:5: x has no login behind it\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_owners(table[i].map, "info", "example.com", "",
		    table[i].findings);
}

#define INFO "info@example.com"
#define OWNED_BY(user) INFO "=" user "@example.com:1 "

/* Of an entry of several lines the others hold, but not without its end. */
static void
test_bad_line_of_an_entry(void **state)
{
	static const struct row table[] = {
		{ INFO " alice,\n  bob,\n  @x.test,\n  carol\n",
		    OWNED_BY("alice") OWNED_BY("bob") OWNED_BY("carol"),
		    "bad line x.list:3: @x.test" NOT_RIGHT },
		{ INFO
		    "\n bob @x.test carol # no\n# c\n alice @y.test\n dave\n",
		    OWNED_BY("dave"),
		    "bad line x.list:2: @x.test" NOT_RIGHT
		    "bad line x.list:4: @y.test" NOT_RIGHT },
		{ INFO "\n @x.test\n", "",
		    "bad line x.list:2: @x.test" NOT_RIGHT },
		{ INFO " alice @x.test\n bob\n", "",
		    "bad line x.list:1: @x.test" NOT_RIGHT },
		{ INFO " alice\n until=2026-12-31\n bob\n", "",
		    "bad line x.list:2: until=2026-12-31" NO_END },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_owners(table[i].text, "info", "example.com",
		    table[i].expected, table[i].findings);
}

/* With a bad line the others hold. */
static void
test_rest_of_a_sender_map_holds(void **state)
{
	(void)state;
	expect_owners("info@example.com @x.example\ninfo@example.com bob\n",
	    "info", "example.com", "info@example.com=bob@example.com:2 ",
	    "bad line x.list:1: @x.example" NOT_RIGHT);
}

/* No login has quotes: what is meant is perhaps another one. */
static void
test_quotes_on_the_right(void **state)
{
	static const char map[] = "x@example.com alice@example.com\n"
				  "y@example.com \"alice\"@example.com\n"
				  "z@example.com \"alice@example.com\"\n";
	static const char said[] =
	    "bad line x.list:2: \"alice\"@example.com is not a login\n"
	    "bad line x.list:3: \"alice@example.com\" is not a login; write "
	    "alice@example.com\n";

	(void)state;
	expect_owners(map, "x", "example.com",
	    "x@example.com=alice@example.com:1 ", said);
	expect_owners(map, "y", "example.com", "", said);
}

#define USER_NOT_DOMAIN \
	" is taken for a user, not a domain; for all addresses of the domain " \
	"write it with an @ in front"
#define NO_SUBDOMAINS \
	" is taken for a user: no left side stands for subdomains; write " \
	"@example.com for each domain"

/* A table for virtual(5) has such lines, and they give nothing to anybody. */
static void
test_domains_on_the_left(void **state)
{
	(void)state;
	expect_owners("example.org anything\n.example.net bob\n"
		      "john.smith bob\nmail.li bob\n",
	    "john.smith", "example.com",
	    "john.smith@example.com=bob@example.com:3 ",
	    "warning x.list:1: example.org" USER_NOT_DOMAIN
	    "\nwarning x.list:2: .example.net" NO_SUBDOMAINS
	    "\nwarning x.list:4: mail.li" USER_NOT_DOMAIN "\n");
	expect_owners("a.org x\nb.org x\nc.org x\nd.org x\ne.org x\nf.org x\n"
		      "g.org x\nh.org x\ni.org x\nj.org x\n",
	    "x", "example.com", "",
	    "warning x.list:1: a.org" USER_NOT_DOMAIN
	    "\nwarning x.list:2: b.org" USER_NOT_DOMAIN
	    "\nwarning x.list:3: c.org" USER_NOT_DOMAIN
	    "\nwarning x.list:4: d.org" USER_NOT_DOMAIN
	    "\nwarning x.list:5: e.org" USER_NOT_DOMAIN
	    "\nwarning x.list:6: f.org" USER_NOT_DOMAIN
	    "\nwarning x.list:7: g.org" USER_NOT_DOMAIN
	    "\nwarning x.list:8: h.org" USER_NOT_DOMAIN
	    "; more such lines are not shown\n");
}

#define JOINED \
	" has a blank in front, and so is one more login of the entry above; " \
	"write an entry of its own without\n"
#define FRONT \
	" has a blank in front; Postfix would read it as the rest of a line " \
	"above\n"

/* The line above takes it, which gives more than was meant. */
static void
test_entry_with_a_blank_in_front(void **state)
{
	static const struct row table[] = {
		{ INFO " alice\n desk@example.com bob@example.com\n",
		    OWNED_BY("alice") OWNED_BY("desk") OWNED_BY("bob"),
		    "warning x.list:2: desk@example.com" JOINED },
		{ INFO " alice, carol\n# c\n\n\tdesk@example.com\tbob # x\n",
		    OWNED_BY("alice") OWNED_BY("carol") OWNED_BY("desk")
			OWNED_BY("bob"),
		    "warning x.list:4: desk@example.com" JOINED },
		{ INFO " alice\n bob\n a@example.com b\n c@example.com d\n",
		    OWNED_BY("alice") OWNED_BY("bob") OWNED_BY("a")
			OWNED_BY("b") OWNED_BY("c") OWNED_BY("d"),
		    "warning x.list:3: a@example.com" JOINED
		    "warning x.list:4: c@example.com" JOINED },
		/* as entries of several lines are written */
		{ INFO "\n alice@example.com bob@example.com\n",
		    OWNED_BY("alice") OWNED_BY("bob"), "" },
		{ INFO " alice@example.com,\n bob@example.com carol\n",
		    OWNED_BY("alice") OWNED_BY("bob") OWNED_BY("carol"), "" },
		{ INFO " alice@example.com\n bob@example.com, carol\n",
		    OWNED_BY("alice") OWNED_BY("bob") OWNED_BY("carol"), "" },
		{ INFO " alice bob\n carol@example.com dave\n",
		    OWNED_BY("alice") OWNED_BY("bob") OWNED_BY("carol")
			OWNED_BY("dave"),
		    "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_owners(table[i].text, "info", "example.com",
		    table[i].expected, table[i].findings);
}

/* Where a word begins; elsewhere it would be part of a name. */
static void
test_comments_of_a_sender_map(void **state)
{
	static const struct row table[] = {
		{ "; c\n// c\n" INFO " alice ; bob\n",
		    INFO "=alice@example.com:3 ", "" },
		{ INFO " alice,// bob\n; c\n// c\n bob\n",
		    OWNED_BY("alice") OWNED_BY("bob"), "" },
		{ INFO " http://x\n", "",
		    "bad line x.list:1: http://x" NO_LOGIN "\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_owners(table[i].text, "info", "example.com",
		    table[i].expected, table[i].findings);
}

/* The line of a finding is that of the entry, not of a comment above it. */
static void
test_indented_first_entry(void **state)
{
	(void)state;
	expect_owners("# comment\n  info@example.com bob\n", "info",
	    "example.com", "info@example.com=bob@example.com:2 ",
	    "warning x.list:2: info@example.com" FRONT);
}

/* realm_replaces changes whose login it is, not which address is meant. */
static void
test_sender_map_with_replaced_realm(void **state)
{
	(void)state;
	form.realm_replaces = true;
	expect_owners("info@example.net bob@example.net\n", "info",
	    "example.net", "info@example.net=bob@example.com:1 ", "");
	expect_owners("info@example.net bob@example.net\n"
		      "bob@example.net carol\n",
	    "info", "example.net",
	    "info@example.net=bob@example.com:1 "
	    "info@example.net=carol@example.com:1 ",
	    "");
	form.realm_replaces = false;
}

/* A note that was there before is not kept again, and none is another's. */
static void
test_notes(void **state)
{
	static const char *const notes[] = { "spam", "maps", "spam", "ticket 1",
		"ticket 2", "ticket 1", "s", "m", "sxxm", "spam" };
	const char *kept[ROWS(notes)];
	char text[400];
	struct ag_buf all = AG_BUF(text);
	struct ag_list list;
	struct ag_item item;

	(void)state;
	for (size_t i = 0; i < ROWS(notes); i++)
		ag_buf_printf(&all, "10.0.0.%zu # %s\n", i, notes[i]);
	list = begin(text);
	for (size_t i = 0; i < ROWS(notes); i++) {
		assert_true(ag_list_next(&list, &item));
		kept[i] = item.about.note;
	}
	for (size_t i = 0; i < ROWS(notes); i++)
		assert_string_equal(kept[i], notes[i]);
	assert_ptr_equal(kept[3], kept[5]);
}

/* One more line of a long map, in the end of text. */
static void
add_line(struct ag_buf *text, unsigned i, const char *rest)
{
	ag_buf_printf(text, "a%u@example.net b@example.net%s\n", i, rest);
}

/*
 * A map of which the beginning says nothing of the rest, which is shorter or
 * longer and has more or fewer different texts.
 */
static void
expect_long_map(unsigned first, unsigned times, const char *rest)
{
	const unsigned lines = 140000;
	const size_t room = (size_t)lines * 100;
	char *text = malloc(room), got[200];
	struct ag_buf all = ag_buf(text, room), out = AG_BUF(got);
	struct ag_senders *senders = ag_senders_new();
	struct ag_sender_key key = { .local = AG_STR("a139999"),
		.base = AG_STR("a139999"),
		.domain = AG_STR("example.net") };
	struct ag_list list;

	assert_non_null(text);
	for (unsigned i = 0; i < lines; i++)
		add_line(&all, i < first ? i % times : i,
		    i < first ? "" : rest);
	list = begin(text);
	assert_true(ag_list_senders(&list, senders));
	assert_true(ag_senders_finish(senders, &findings.diag));
	assert_int_equal(ag_senders_size(senders),
	    lines - first + (times < first ? times : first));
	ag_senders_of_address(senders, &key, write_owner, &out);
	expect_text("long map", got,
	    *rest == '\0' ? "a139999@example.net=b@example.net:140000 " :
			    "a139999@example.net=b@example.net:140000 "
			    "a139999@example.net=c@example.net:140000 ");
	expect_findings("long map", &findings, "");
	ag_senders_free(senders);
	free(text);
}

static void
test_long_maps(void **state)
{
	(void)state;
	expect_long_map(70000, 1, "");
	expect_long_map(70000, 70000, ", c@example.net");
	expect_long_map(139000, 139000, "");
	expect_long_map(139000, 7, "                    , c@example.net");
}

/* ---- control bytes ---- */

/* Reads a list of one kind and counts its entries. */
typedef size_t count_fn(struct ag_list *list);

static size_t
count_networks(struct ag_list *list)
{
	struct ag_nets *nets = ag_nets_new();
	size_t n;

	assert_true(ag_list_networks(list, nets));
	assert_true(ag_nets_finish(nets, list->diag));
	n = ag_nets_size(nets);
	ag_nets_free(nets);
	return n;
}

static size_t
count_relays(struct ag_list *list)
{
	list->relay = true;
	return count_networks(list);
}

static size_t
count_killed(struct ag_list *list)
{
	struct ag_names logins = { 0 }, senders = { 0 };
	struct ag_nets *nets = ag_nets_new();
	size_t n;

	assert_true(ag_list_kill(list, nets, &logins, &senders));
	assert_true(ag_nets_finish(nets, list->diag));
	n = ag_nets_size(nets) + logins.map.n + senders.map.n;
	ag_nets_free(nets);
	ag_names_free(&logins);
	ag_names_free(&senders);
	return n;
}

static size_t
count_domains(struct ag_list *list)
{
	struct ag_domains found = { 0 };
	size_t n;

	assert_true(ag_list_domains(list, &found));
	n = found.map.n;
	ag_domains_free(&found);
	return n;
}

static size_t
count_accounts(struct ag_list *list)
{
	struct ag_names accounts = { 0 };
	size_t n;

	assert_true(ag_list_accounts(list, ag_str("example.com"), &accounts));
	n = accounts.map.n;
	ag_names_free(&accounts);
	return n;
}

static size_t
count_senders(struct ag_list *list)
{
	struct ag_senders *senders = ag_senders_new();
	size_t n;

	assert_true(ag_list_senders(list, senders));
	n = ag_senders_size(senders);
	ag_senders_free(senders);
	return n;
}

#define CONTROL " has a control byte; is this a text file?\n"
#define NO_DOMAIN " is not a domain name; write example.com or .example.com\n"

/* What no editor shows is no part of an entry.  */
static void
test_control_bytes(void **state)
{
	static const struct {
		count_fn *count;
		struct ag_str text;
		const char *findings;
	} table[] = {
		{ count_networks, AG_STR("192.0.2.1\0\n"),
		    "bad line x.list:1: 192.0.2.1\\x00" CONTROL },
		{ count_networks, AG_STR("!192.0.2.1\0\n"),
		    "bad line x.list:1: !192.0.2.1\\x00" CONTROL },
		{ count_networks, AG_STR("\0\n"),
		    "bad line x.list:1: \\x00" CONTROL },
		{ count_relays, AG_STR("192.0.2.1\x01\n"),
		    "bad line x.list:1: 192.0.2.1\\x01" CONTROL },
		{ count_relays, AG_STR("!192.0.2.1\x01\n"),
		    "error x.list:1: !192.0.2.1\\x01" CONTROL },
		{ count_relays,
		    AG_STR("!\x00"
			   "192.0.2.1\n"),
		    "error x.list:1: !\\x00"
		    "192.0.2.1" CONTROL },
		{ count_killed, AG_STR("192.0.2.1\x7f\n"),
		    "bad line x.list:1: 192.0.2.1\\x7f" CONTROL },
		{ count_killed, AG_STR("login:\0alice\n"),
		    "bad line x.list:1: login:\\x00"
		    "alice" CONTROL },
		{ count_killed, AG_STR("login:alice\x01\n"),
		    "bad line x.list:1: login:alice\\x01" CONTROL },
		{ count_killed, AG_STR("login:ali\rce\n"),
		    "bad line x.list:1: login:ali\\x0dce" CONTROL },
		{ count_killed, AG_STR("sender:user@example.net\0\n"),
		    "bad line x.list:1: sender:user@example.net\\x00" CONTROL },
		{ count_killed, AG_STR("sender:.example.net\x1b\n"),
		    "bad line x.list:1: sender:.example.net\\x1b" CONTROL },
		{ count_domains, AG_STR("example.net\x01\n"),
		    "bad line x.list:1: example.net\\x01" NO_DOMAIN },
		{ count_domains, AG_STR(".example\0.net\n"),
		    "bad line x.list:1: .example\\x00.net" NO_DOMAIN },
		{ count_accounts, AG_STR("alice\0\n"),
		    "bad line x.list:1: alice\\x00" CONTROL },
		{ count_accounts,
		    AG_STR("ali\x01"
			   "ce@example.com\n"),
		    "bad line x.list:1: ali\\x01ce@example.com" CONTROL },
		{ count_senders,
		    AG_STR("in\x01"
			   "fo@example.com bob\n"),
		    "bad line x.list:1: in\\x01fo@example.com" NOT_LEFT },
		{ count_senders, AG_STR("info@example.com\0 bob\n"),
		    "bad line x.list:1: info@example.com\\x00" NOT_LEFT },
		{ count_senders, AG_STR("info@example.com bob\x01\n"),
		    "bad line x.list:1: bob\\x01" CONTROL },
		{ count_senders, AG_STR("info@example.com \0bob\n"),
		    "bad line x.list:1: \\x00"
		    "bob" CONTROL },
		{ count_senders, AG_STR("info@example.com \0\n"),
		    "bad line x.list:1: \\x00" CONTROL },
		{ count_senders, AG_STR("info@example.com alice \0bob\n"),
		    "bad line x.list:1: \\x00"
		    "bob" CONTROL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct ag_list list = begin_bytes(table[i].text);

		expect_number(table[i].text.ptr, (int64_t)table[i].count(&list),
		    0);
		expect_findings(table[i].text.ptr, &findings,
		    table[i].findings);
	}
}

/* A comment may hold anything. */
static void
test_control_bytes_in_a_comment(void **state)
{
	static const struct ag_str text = AG_STR("192.0.2.1 # \0\x01\n");
	struct ag_list list = begin_bytes(text);

	(void)state;
	assert_int_equal(count_networks(&list), 1);
	expect_findings("comment", &findings, "");
}

/* An address is nobody's where the login is not to be read. */
static void
test_login_that_begins_with_nul(void **state)
{
	static const struct ag_str text = AG_STR("info@example.com \0bob\n");
	struct ag_list list = begin_bytes(text);
	struct ag_senders *senders = ag_senders_new();
	struct ag_sender_key key = { ag_str("info"), ag_str("info"),
		ag_str("example.com") };

	(void)state;
	assert_true(ag_list_senders(&list, senders));
	assert_true(ag_senders_finish(senders, &findings.diag));
	assert_false(ag_senders_give(senders, &key, ag_str("bob@example.com")));
	assert_false(
	    ag_senders_give(senders, &key, ag_str("mallory@example.net")));
	ag_senders_free(senders);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_bad_networks),
		cmocka_unit_test(test_bad_exceptions_in_a_relay_list),
		cmocka_unit_test(test_networks_in_a_value),
		cmocka_unit_test(test_kill_list),
		cmocka_unit_test(test_long_login),
		cmocka_unit_test(test_local_domains),
		cmocka_unit_test(test_two_domains_on_a_line),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_sender_map),
		cmocka_unit_test(test_bad_lines_of_a_sender_map),
		cmocka_unit_test(test_bad_line_of_an_entry),
		cmocka_unit_test(test_indented_domains),
		cmocka_unit_test(test_rest_of_a_sender_map_holds),
		cmocka_unit_test(test_quotes_on_the_right),
		cmocka_unit_test(test_domains_on_the_left),
		cmocka_unit_test(test_entry_with_a_blank_in_front),
		cmocka_unit_test(test_comments_of_a_sender_map),
		cmocka_unit_test(test_comments_of_other_programs),
		cmocka_unit_test(test_networks_in_brackets),
		cmocka_unit_test(test_entries_that_never_match),
		cmocka_unit_test(test_long_bad_line),
		cmocka_unit_test(test_has_entries),
		cmocka_unit_test(test_indented_first_entry),
		cmocka_unit_test(test_sender_map_with_replaced_realm),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_long_maps),
		cmocka_unit_test(test_control_bytes),
		cmocka_unit_test(test_control_bytes_in_a_comment),
		cmocka_unit_test(test_login_that_begins_with_nul),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
