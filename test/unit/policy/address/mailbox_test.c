#include "findings.h"

#include <stdio.h>
#include <string.h>

#include "policy/table/login.h"

/* "plain LOCAL@DOMAIN", "plain LOCAL", "odd" or "null". */
static void
write_ours(const struct ag_path *path, struct ag_buf *out)
{
	static const char *const name[] = { "plain ", "odd", "null" };

	ag_buf_text(out, name[path->plainness]);
	if (path->plainness != AG_PATH_PLAIN)
		return;
	ag_buf_text(out, path->ours.local);
	if (path->ours.domain_len > 0)
		ag_buf_printf(out, "@%s", path->ours.domain);
}

static void
expect_ours(const char *shown, struct ag_str argument, const char *expected)
{
	char got[700];
	struct ag_buf out = AG_BUF(got);
	struct ag_path path;

	ag_path_read(&path, argument, NULL, NULL);
	write_ours(&path, &out);
	expect_text(shown, got, expected);
	expect_number(shown, path.reading, AG_MTA_ABSENT);
	expect_number(shown, path.mta_local, false);
}

#define ALICE "plain alice@example.com"

/*
 * All spellings that mean the sender alice@example.com to an MTA.  Only those
 * that can be read in one way are plain.
 */
static void
test_spellings_of_alice(void **state)
{
	static const struct {
		const char *argument;
		const char *expected;
	} table[] = {
		{ "<alice@example.com>", ALICE },
		{ "alice@example.com", ALICE },
		{ "<ALICE@EXAMPLE.COM>", ALICE },
		{ "<alice@Example.COM>", ALICE },
		{ "<alice@example.com.>", ALICE },
		{ "<alice@example.com..>", "odd" },
		{ "<alice>", "plain alice" },
		{ "<Alice>", "plain alice" },
		{ "<alice+tag@example.com>", "plain alice+tag@example.com" },
		{ "<\"alice\"@example.com>", ALICE },
		{ "<\\alice@example.com>", "odd" },
		{ "<al\\ice@example.com>", "odd" },
		{ "<alice\\@example.com>", "odd" },
		{ "<alice@mx.example.com>", "plain alice@mx.example.com" },
		{ "<alice@localhost>", "plain alice@localhost" },
		{ "<alice@localhost.example.com>",
		    "plain alice@localhost.example.com" },
		{ "<alice@[127.0.0.1]>", "plain alice@[127.0.0.1]" },
		{ "<alice@[IPv6:::1]>", "plain alice@[ipv6:::1]" },
		{ "<alice%example.com@localhost>", "odd" },
		{ "<alice%example.com@mx.example.com>", "odd" },
		{ "<alice%example.com@example.com>", "odd" },
		{ "<alice%example.com@>", "odd" },
		{ "<alice%example.com>", "odd" },
		{ "<alice%example.com@[127.0.0.1]>", "odd" },
		{ "<example.com!alice>", "odd" },
		{ "<example.com!alice@localhost>", "odd" },
		{ "<mx.example.com!example.com!alice>", "odd" },
		{ "<@remote.example:alice@example.com>", ALICE },
		{ "<@a.example,@b.example:alice@example.com>", ALICE },
		{ "<\"alice@example.com\"@localhost>", "odd" },
		{ "<\"alice@example.com\"@mx.example.com>", "odd" },
		{ "<\"alice@example.com\">", "odd" },
		{ "<alice@example.com@localhost>", "odd" },
		{ "<alice@example.com@mx.example.com>", "odd" },
		{ "<alice(comment)@example.com>", "odd" },
		{ "<alice@example.com(comment)>", "odd" },
		{ "<alice@(comment)example.com>", "odd" },
		{ "<(comment)alice@example.com>", "odd" },
		{ "<alice@example.com (comment)>", "odd" },
		{ "(comment)<alice@example.com>", "odd" },
		{ "<alice@example.com>(comment)", "odd" },
		{ "<Alice <alice@example.com>>", "odd" },
		{ "<<alice@example.com>>", "odd" },
		{ "alice@example.com>", "odd" },
		{ "<alice@example.com>>", "odd" },
		{ "<group: alice@example.com;>", "odd" },
		{ "<alice@ example.com>", "odd" },
		{ "<alice @example.com>", "odd" },
		{ "<alice@example.com >", "odd" },
		{ "< alice@example.com>", "odd" },
		{ "<alice\t@example.com>", "odd" },
		{ "<alice@example.com\x0b>", "odd" },
		{ "<alice@example.com>,<bob@example.com>", "odd" },
		{ "<alice@example.com>AUTH=<>", "odd" },
		{ "<a lice@example.com>", "odd" },
		{ "<alice@example.com;x>", "odd" },
		{ "<@example.com>", "odd" },
		{ "<\"\"@example.com>", "odd" },
		{ "<alice@ex\xc3\xa4mple.com>",
		    "plain alice@xn--exmple-cua.com" },
		{ "<alice@\xef\xbd\x85xample\xe3\x80\x82"
		  "com>",
		    ALICE },
		{ "<\xc3\xa5lice@example.com>",
		    "plain \xc3\xa5lice@example.com" },
		/* any capital, and one that is made of two characters */
		{ "<\xc3\x85lice@example.com>",
		    "plain \xc3\xa5lice@example.com" },
		{ "<\"A\xcc\x8alice\"@example.com>",
		    "plain \xc3\xa5lice@example.com" },
		{ "<\xe5lice@example.com>", "odd" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_ours(table[i].argument, ag_str(table[i].argument),
		    table[i].expected);
}

static void
test_null_path(void **state)
{
	static const char *const table[] = { "<>", "< >", "<   >", "", " " };

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_ours(table[i], ag_str(table[i]), "null");
	expect_ours("NULL", ag_str(NULL), "null");
	expect_ours("tab", ag_str("<\t>"), "odd");
	expect_ours("only one bracket", ag_str("<"), "odd");
	expect_ours("only the other", ag_str(">"), "odd");
}

static void
test_brackets_routes_and_quotes(void **state)
{
	static const struct {
		const char *argument;
		const char *expected;
	} table[] = {
		{ "<alice@example.com", "odd" },
		{ "<<>", "odd" },
		{ "<@a.example,@b.example,@c.example:a@b>", "plain a@b" },
		{ "<@a.example:\"alice\"@example.com>", ALICE },
		{ "<@a.example:alice>", "plain alice" },
		{ "<@a.example:>", "odd" },
		{ "<@a.example,:alice@example.com>", "odd" },
		{ "<@a.example,b.example:alice@example.com>", "odd" },
		{ "<@:alice@example.com>", "odd" },
		{ "<@[192.0.2.1]:alice@example.com>", "odd" },
		{ "<@a..example:alice@example.com>", "odd" },
		{ "<@a.example:@b.example:alice@example.com>", "odd" },
		{ "<a.example:alice@example.com>", "odd" },
		{ "<\"al\\ice\"@example.com>", ALICE },
		{ "<\"al\\\"ice\"@example.com>", "odd" },
		{ "<\"a\\\\b\"@example.com>", "odd" },
		{ "<\"a,b\"@example.com>", "plain a,b@example.com" },
		{ "<\"a b\"@example.com>", "odd" },
		{ "<\" alice\"@example.com>", "odd" },
		{ "<\"alice@example.com>", "odd" },
		{ "<\"alice\\\"@example.com>", "odd" },
		{ "<\"alice\\", "odd" },
		{ "<\"alice\"bob@example.com>", "odd" },
		{ "<\"alice\".bob@example.com>", "odd" },
		{ "<alice.\"bob\"@example.com>", "odd" },
		{ "<\"alice\"@>", "odd" },
		{ "<\"alice\">", "plain alice" },
		/* RFC 5321 wants quotes around these, but there is one reading
		 */
		{ "<a,b@example.com>", "plain a,b@example.com" },
		{ "<a;b@example.com>", "plain a;b@example.com" },
		{ "<a[b]@example.com>", "plain a[b]@example.com" },
		{ "<a:b@example.com>", "odd" },
		{ "<alice@[>", "odd" },
		{ "<alice@[]>", "odd" },
		{ "<alice@[192.0.2.1>", "odd" },
		{ "<alice@[192.0.2.1]x>", "odd" },
		{ "<alice@[a b]>", "odd" },
		{ "<alice@[a]b]>", "odd" },
		{ "<alice@example.com:x>", "odd" },
		{ "<#!$&'*+-/=?^_`{|}~@example.com>", "odd" },
		{ "<#$&'*+-/=?^_`{|}~@example.com>",
		    "plain #$&'*+-/=?^_`{|}~@example.com" },
		{ "<alice\x7f@example.com>", "odd" },
		{ "<alice\x01@example.com>", "odd" },
		{ "<alice\r\n@example.com>", "odd" },
		{ "<alice@.example.com>", "odd" },
		{ "<alice@example..com>", "odd" },
		{ "<alice@_x.example.com>", "plain alice@_x.example.com" },
		{ "<alice@\xf0\x9f\x98\x80.example>",
		    "plain alice@\xf0\x9f\x98\x80.example" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_ours(table[i].argument, ag_str(table[i].argument),
		    table[i].expected);
}

static void
test_nul_bytes(void **state)
{
	static const struct ag_str table[] = { AG_STR("<alice\0@example.com>"),
		AG_STR("<alice@example.com\0>"), AG_STR("<\"al\0\"@a.b>"),
		AG_STR("<alice@[1\0]>"), AG_STR("\0") };

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_ours("NUL", table[i], "odd");
}

/* n times c, then the rest. */
static struct ag_str
long_path(char *text, size_t n, const char *rest)
{
	memset(text, 'a', n);
	memcpy(text + n, rest, strlen(rest) + 1);
	return ag_str(text);
}

static void
test_lengths(void **state)
{
	char text[1000] = "x@";
	struct ag_path path;

	(void)state;
	ag_path_read(&path, long_path(text, 256, "@b.example"), NULL, NULL);
	assert_int_equal(path.plainness, AG_PATH_PLAIN);
	assert_int_equal(path.ours.local_len, 256);
	ag_path_read(&path, long_path(text, 257, "@b.example"), NULL, NULL);
	assert_int_equal(path.plainness, AG_PATH_ODD);
	memcpy(text, "x@", 2);
	long_path(text + 2, 255, "");
	ag_path_read(&path, ag_str(text), NULL, NULL);
	assert_int_equal(path.plainness, AG_PATH_PLAIN);
	assert_int_equal(path.ours.domain_len, 255);
	long_path(text + 2, 256, "");
	ag_path_read(&path, ag_str(text), NULL, NULL);
	assert_int_equal(path.plainness, AG_PATH_ODD);
}

/* What is logged: as sent, but for the brackets. */
static void
test_sent(void **state)
{
	static const struct {
		const char *argument;
		const char *expected;
	} table[] = {
		{ "<Alice@Example.com>", "Alice@Example.com" },
		{ "Alice@Example.com", "Alice@Example.com" },
		{ "<@a.example:alice@example.com>",
		    "@a.example:alice@example.com" },
		{ "<<alice@example.com>>", "<alice@example.com>" },
		{ "alice@example.com>", "alice@example.com>" },
		{ "<>", "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		char got[100];
		struct ag_buf buf = AG_BUF(got);
		struct ag_path path;

		ag_path_read(&path, ag_str(table[i].argument), NULL, NULL);
		ag_buf_str(&buf, path.sent);
		expect_text(table[i].argument, got, table[i].expected);
	}
}

/* "full LOCAL@DOMAIN", "bare LOCAL", "empty" or "unreadable". */
static void
expect_mta(const char *mta, const char *expected)
{
	static const char *const name[] = { "absent", "empty", "bare ", "full ",
		"unreadable" };
	struct ag_str text = ag_str(mta);
	char got[700];
	struct ag_buf out = AG_BUF(got);
	struct ag_path path;

	ag_path_read(&path, ag_str("<x@y.example>"), &text, NULL);
	ag_buf_text(&out, name[path.reading]);
	if (path.reading == AG_MTA_BARE || path.reading == AG_MTA_FULL)
		ag_buf_text(&out, path.mta.local);
	if (path.reading == AG_MTA_FULL)
		ag_buf_printf(&out, "@%s", path.mta.domain);
	expect_text(mta, got, expected);
}

/* What the two MTAs were seen to say of those spellings, and worse. */
static void
test_mta_readings(void **state)
{
	static const struct {
		const char *mta;
		const char *expected;
	} table[] = {
		{ "alice@example.com", "full alice@example.com" },
		{ "Alice@Example.Com.", "full alice@example.com" },
		{ "alice+tag@example.com", "full alice+tag@example.com" },
		{ "alice@mx.example.com", "full alice@mx.example.com" },
		{ "alice@localhost", "full alice@localhost" },
		{ "alice@[127.0.0.1]", "full alice@[127.0.0.1]" },
		{ "alice@[ipv6:::1]", "full alice@[ipv6:::1]" },
		{ "alice@[IPv6:::1]", "full alice@[ipv6:::1]" },
		{ "alice", "bare alice" },
		{ "\\alice", "bare \\alice" },
		{ "al\\ice", "bare al\\ice" },
		{ "group:alice", "bare group:alice" },
		{ "a.lice", "bare a.lice" },
		{ "\xc3\xa5lice", "bare \xc3\xa5lice" },
		{ "\xc3\x85lice", "bare \xc3\xa5lice" },
		{ "\xc5lice", "bare \xc5lice" },
		{ "alice@example.com;x", "full alice@example.com;x" },
		{ "alice%example.com@mx.example.com",
		    "full alice%example.com@mx.example.com" },
		{ "a@b@example.com", "full a@b@example.com" },
		{ "mailer-daemon@example.com",
		    "full mailer-daemon@example.com" },
		{ "\"alice\"@example.com", "full alice@example.com" },
		{ "\"a b\"@example.com", "full a b@example.com" },
		{ "\"a@b\"@example.com", "full a@b@example.com" },
		{ "\"a\\\"b\"@example.com", "full a\"b@example.com" },
		{ "\"alice@example.com\"", "bare alice@example.com" },
		{ "alice@ex\xc3\xa4mple.com", "full alice@xn--exmple-cua.com" },
		{ "alice@\xef\xbd\x85xample.com", "full alice@example.com" },
		{ "alice@example..com", "full alice@example..com" },
		{ "", "empty" },
		{ "@example.com", "unreadable" },
		{ "alice@", "unreadable" },
		{ "\"alice", "unreadable" },
		{ "\"alice@example.com", "unreadable" },
		{ "\"alice\"x@example.com", "unreadable" },
		{ "\"alice\\\"", "unreadable" },
		{ "\"\"", "unreadable" },
		{ "\"\"@example.com", "unreadable" },
		{ "ali\x0b"
		  "ce",
		    "unreadable" },
		{ "alice@example.com\x0b", "unreadable" },
		{ "alice\t@example.com", "unreadable" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_mta(table[i].mta, table[i].expected);
}

static void
test_mta_lengths(void **state)
{
	char text[1000] = "x@", expected[1100];
	struct ag_buf buf = AG_BUF(expected);

	(void)state;
	long_path(text, 256, "@b.example");
	ag_buf_printf(&buf, "full %s", text);
	expect_mta(text, expected);
	long_path(text, 257, "@b.example");
	expect_mta(text, "unreadable");
	memcpy(text, "x@", 2);
	long_path(text + 2, 256, "");
	expect_mta(text, "unreadable");
}

static void
test_mailers(void **state)
{
	static const struct {
		const char *mailer; /* NULL: absent */
		bool expected;
	} table[] = {
		{ NULL, false },
		{ "", false },
		{ "local", true },
		{ "Local", true },
		{ "virtual", true },
		{ "smtp", false },
		{ "esmtp", false },
		{ "relay", false },
		{ "localx", false },
		{ "error", false },
	};
	struct ag_str mta = AG_STR("alice");

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct ag_str mailer = ag_str(table[i].mailer);
		struct ag_path path;

		ag_path_read(&path, ag_str("<alice@example.com>"), &mta,
		    table[i].mailer != NULL ? &mailer : NULL);
		expect_number(table[i].mailer != NULL ? table[i].mailer : "-",
		    path.mta_local, table[i].expected);
	}
}

/* Addresses as an administrator writes them. */
static void
test_written_addresses(void **state)
{
	static const struct {
		const char *text;
		bool full;
		bool local;
	} table[] = {
		{ "alice@example.com", true, false },
		{ "alice@[192.0.2.1]", true, false },
		{ "\"alice\"@example.com", true, false },
		{ "alice", false, true },
		{ "postmaster", false, true },
		{ "", false, false },
		{ "@example.com", false, false },
		{ "alice@", false, false },
		{ "<alice@example.com>", false, false },
		{ "@a.example:alice@example.com", false, false },
		{ "alice%example.com@localhost", false, false },
		{ "a b@example.com", false, false },
		{ "a:b", false, false },
		{ "*", false, true },
	};
	struct ag_mailbox mailbox;

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		expect_number(table[i].text,
		    ag_mailbox_parse(&mailbox, ag_str(table[i].text)),
		    table[i].full);
		expect_number(table[i].text,
		    ag_mailbox_parse_local(&mailbox, ag_str(table[i].text)),
		    table[i].local);
	}
}

static void
test_equal_addresses(void **state)
{
	struct ag_mailbox a, b;

	(void)state;
	assert_true(ag_mailbox_parse(&a, ag_str("Alice@Example.com.")));
	assert_true(ag_mailbox_parse(&b, ag_str("\"alice\"@example.COM")));
	assert_true(ag_mailbox_eq(&a, &b));
	assert_true(ag_mailbox_parse(&b, ag_str("alice@example.org")));
	assert_false(ag_mailbox_eq(&a, &b));
	assert_true(ag_mailbox_parse(&b, ag_str("alic@example.com")));
	assert_false(ag_mailbox_eq(&a, &b));
}

static void
test_tags(void **state)
{
	static const struct {
		const char *local;
		const char *delimiters;
		size_t expected;
	} table[] = {
		{ "alice+list", "+", 5 },
		{ "alice+list+more", "+", 5 },
		{ "alice-list+x", "+-", 5 },
		{ "alice-list", "+", 10 },
		{ "alice+", "+", 5 },
		{ "+alice", "+", 6 }, /* the first character begins no tag */
		{ "+alice+x", "+", 6 },
		{ "++", "+", 1 },
		{ "+", "+", 1 },
		{ "", "+", 0 },
		{ "alice+list", "", 10 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_number(table[i].local,
		    (int64_t)ag_local_base(ag_str(table[i].local),
			ag_str(table[i].delimiters)),
		    (int64_t)table[i].expected);
}

/* What is settled is read as it stands, by both readers. */
static bool
is_settled(const char *shown, struct ag_str text)
{
	char written[AG_ADDRESS_MAX];
	struct ag_str domain;
	struct ag_mailbox mailbox, login;

	if (!ag_mailbox_is_settled(text, &domain))
		return false;
	expect_number(shown, ag_mailbox_parse(&mailbox, text), true);
	snprintf(written, sizeof(written), "%s@%s", mailbox.local,
	    mailbox.domain);
	assert_int_equal(strlen(written), text.len);
	assert_memory_equal(written, text.ptr, text.len);
	assert_true(ag_str_eq(domain, ag_mailbox_domain(&mailbox)));
	expect_number(shown, ag_login_parse(&login, text), true);
	assert_true(ag_mailbox_eq(&mailbox, &login));
	return true;
}

static void
test_settled(void **state)
{
	static const struct {
		const char *text;
		bool expected;
	} table[] = {
		{ "alice@example.com", true },
		{ "a.b-c_d+e0@x-1.y_z.example", true },
		{ "a@b", true },
		{ ".@b", true },
		{ "Alice@example.com", false },
		{ "alice@Example.com", false },
		{ "alice@example.com.", false },
		{ "alice@.example.com", false },
		{ "alice@example..com", false },
		{ "alice@", false },
		{ "@example.com", false },
		{ "alice", false },
		{ "", false },
		{ "a@b@c", false },
		{ "a@b+c", false },
		{ "until=a@b", false },
		{ "a@[192.0.2.1]", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_number(table[i].text,
		    is_settled(table[i].text, ag_str(table[i].text)),
		    table[i].expected);
}

static void
test_settled_bytes(void **state)
{
	static const char settled[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";

	(void)state;
	for (int c = 1; c < 256; c++) {
		bool is = strchr(settled, c) != NULL;
		char text[40];

		snprintf(text, sizeof(text), "al%cice@example.com", c);
		expect_number(text, is_settled(text, ag_str(text)),
		    is || c == '+');
		snprintf(text, sizeof(text), "alice@exam%cple.com", c);
		expect_number(text, is_settled(text, ag_str(text)), is);
	}
	assert_false(
	    is_settled("NUL", (struct ag_str)AG_STR("al\0ice@example.com")));
	assert_false(
	    is_settled("NUL", (struct ag_str)AG_STR("alice@exam\0ple.com")));
}

static void
test_settled_lengths(void **state)
{
	char text[600];

	(void)state;
	for (size_t local = 255; local <= 257; local++)
		for (size_t domain = 254; domain <= 256; domain++) {
			struct ag_str all = { text, local + 1 + domain };

			memset(text, 'x', sizeof(text));
			text[local] = '@';
			assert_int_equal(is_settled("long", all),
			    local <= AG_LOCAL_MAX && domain <= AG_DOMAIN_MAX);
		}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings_of_alice),
		cmocka_unit_test(test_null_path),
		cmocka_unit_test(test_brackets_routes_and_quotes),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_mta_readings),
		cmocka_unit_test(test_mta_lengths),
		cmocka_unit_test(test_mailers),
		cmocka_unit_test(test_written_addresses),
		cmocka_unit_test(test_equal_addresses),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_settled),
		cmocka_unit_test(test_settled_bytes),
		cmocka_unit_test(test_settled_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
