#include "findings.h"

#include "fromfield.h"

/* The addresses, each with a blank behind it, and "!" where it breaks off. */
static void
expect_field(struct ag_str value, const char *shown, const char *expected)
{
	struct ag_from_iter iter = ag_from_iter(value);
	enum ag_from_status status;
	struct ag_mailbox mailbox;
	char got[900];
	struct ag_buf out = AG_BUF(got);

	while ((status = ag_from_next(&iter, &mailbox)) == AG_FROM_ADDRESS ||
	    status == AG_FROM_BARE)
		ag_buf_printf(&out, "%s%s%s ", mailbox.local,
		    status == AG_FROM_ADDRESS ? "@" : "", mailbox.domain);
	if (status == AG_FROM_UNREADABLE)
		ag_buf_char(&out, '!');
	expect_text(shown, got, expected);
}

struct row {
	const char *value;
	const char *expected;
};

static void
expect_fields(const struct row *table, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_field(ag_str(table[i].value), table[i].value,
		    table[i].expected);
}

static void
test_addresses(void **state)
{
	static const struct row table[] = {
		{ "alice@example.com", "alice@example.com " },
		{ " Alice@Example.COM. ", "alice@example.com " },
		{ "<alice@example.com>", "alice@example.com " },
		{ "Alice A. <alice@example.com>", "alice@example.com " },
		{ "\"Alice, A <x@y>\" <alice@example.com>",
		    "alice@example.com " },
		{ "alice@example.com (Alice <x@y>)", "alice@example.com " },
		{ "(a(b)\\)) alice (c) @ (d) example.com",
		    "alice@example.com " },
		{ "Alice\r\n\t<alice@example.com>", "alice@example.com " },
		{ "\"alice\"@example.com", "alice@example.com " },
		{ "\"a b\"@example.com", "a b@example.com " },
		{ "alice@[192.0.2.1]", "alice@[192.0.2.1] " },
		{ "alice@ex\xc3\xa4mple.com", "alice@xn--exmple-cua.com " },
		{ "=?utf-8?q?Alice?= <alice@example.com>",
		    "alice@example.com " },
		{ "a@b.example, C <c@d.example>", "a@b.example c@d.example " },
		{ "all: a@b.example, c@d.example;",
		    "a@b.example c@d.example " },
		{ "all: a@b.example;, c@d.example",
		    "a@b.example c@d.example " },
		{ "nobody:;", "" },
		{ "nobody: (c) ; (d)", "" },
		{ "\"ceo@listed.example\":;", "" },
		{ "nobody:;, a@b.example", "a@b.example " },
		{ "Alice", "alice " },
		{ "<alice>", "alice " },
		{ "A. B. <Alice>, c@d.example", "alice c@d.example " },
		{ "\"al ice\" (c)", "al ice " },
		{ "a@b.example, x", "a@b.example x " },
		{ "(\\() a@b.example", "a@b.example " },
	};

	(void)state;
	expect_fields(table, ROWS(table));
}

static void
test_unreadable(void **state)
{
	static const struct row table[] = {
		{ "", "!" },
		{ "   ", "!" },
		{ "Alice Bob", "!" },
		{ "<>", "!" },
		{ "alice@", "!" },
		{ "@example.com", "!" },
		{ "<al ice>", "!" },
		{ "<alice> bob", "!" },
		{ "ceo%example.com@localhost", "!" },
		{ "<example.com!ceo@localhost>", "!" },
		{ "example.com!ceo", "!" },
		{ "ceo%example.com", "!" },
		{ "\"a\\\"b@c\"@example.com", "!" },
		{ "\"ceo@example.com\"@localhost", "!" },
		{ "\"@x:ceo\"@localhost", "!" },
		{ "alice@example.com <bob@example.net>", "!" },
		{ "alice@example.com bob", "!" },
		{ "<alice@example.com> bob", "!" },
		{ "<alice@example.com> <bob@example.net>", "!" },
		{ "<<alice@example.com>>", "!" },
		{ "<alice@example.com", "!" },
		{ "alice@example.com>", "!" },
		{ "<@a.example:alice@example.com>", "!" },
		{ "\"alice@example.com", "!" },
		{ "(alice@example.com", "!" },
		{ "alice@example.com)", "!" },
		{ "alice@b@example.com", "!" },
		{ "al ice@example.com", "!" },
		{ "alice@exa mple.com", "!" },
		{ "alice@example..com", "!" },
		{ "alice@[192.0.2.1", "!" },
		{ "a@b.example;", "!" },
		{ "a@b.example,", "!" },
		{ ",a@b.example", "!" },
		{ "a@b.example,,c@d.example", "a@b.example !" },
		{ "all: a@b.example", "!" },
		{ "all:", "!" },
		{ "all: ", "!" },
		{ "all: (c)", "!" },
		{ "all: a@b.example, c@d.example", "a@b.example !" },
		{ "none:;, all: a@b.example", "!" },
		{ "all: one: a@b.example;;", "!" },
		{ ":a@b.example;", "!" },
		{ "ali\x01"
		  "ce@example.com",
		    "!" },
		{ "\"a\x01\"@example.com", "!" },
		{ "(\x01) a@b.example", "!" },
		{ "(\\\x01) a@b.example", "!" },
		{ "(\\\x7f) a@b.example", "!" },
		{ "a@b.example (\\\x01)", "!" },
		{ "a@b.example (\\", "!" },
		{ "\"\\\x01\"@b.example", "!" },
		{ "\xe5lice@example.com", "!" },
	};

	(void)state;
	expect_fields(table, ROWS(table));
}

static void
test_nul_byte(void **state)
{
	static const struct ag_str table[] = { AG_STR("a\0@b.example"),
		AG_STR("a@b.example\0"), AG_STR("\"a\0\"@b.example"),
		AG_STR("(\0) a@b.example"), AG_STR("(\\\0) a@b.example"),
		AG_STR("\"\\\0\"@b.example"), AG_STR("a@b.example\0, x@y") };

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_field(table[i], "NUL", "!");
}

static void
test_deep_comments(void **state)
{
	char text[200];
	struct ag_buf buf = AG_BUF(text);

	(void)state;
	for (int i = 0; i < 32; i++)
		ag_buf_char(&buf, '(');
	for (int i = 0; i < 32; i++)
		ag_buf_char(&buf, ')');
	ag_buf_text(&buf, "a@b.example");
	expect_field(ag_buf_get(&buf), "32 deep", "a@b.example ");
	buf = AG_BUF(text);
	for (int i = 0; i < 33; i++)
		ag_buf_char(&buf, '(');
	for (int i = 0; i < 33; i++)
		ag_buf_char(&buf, ')');
	ag_buf_text(&buf, "a@b.example");
	expect_field(ag_buf_get(&buf), "33 deep", "!");
}

/* The domains, each with a blank behind it, one only once; "-" is none. */
static void
expect_domains(struct ag_str value, const char *shown, const char *expected)
{
	struct ag_from_scan scan = ag_from_scan(value);
	struct ag_mailbox mailbox, before = { .domain_len = 0 };
	char got[900];
	struct ag_buf out = AG_BUF(got);

	for (bool again = false; ag_from_scan_next(&scan, &mailbox);
	     again = !again) {
		if (!again || !ag_mailbox_eq(&mailbox, &before))
			ag_buf_printf(&out, "%s ",
			    mailbox.domain_len > 0 ? mailbox.domain : "-");
		before = mailbox;
	}
	expect_text(shown, got, expected);
}

/* Of what cannot be read any domain that some program may find counts. */
static void
test_domains_of_an_unreadable_field(void **state)
{
	static const struct row table[] = {
		{ "", "" },
		{ "Alice", "" },
		{ "ceo@Example.COM.,", "example.com " },
		{ "ceo@example.com <x@f.example>", "example.com f.example " },
		{ "<ceo@example.com> x", "example.com " },
		{ "<@a.example:ceo@example.com>", "a.example example.com " },
		{ "\"x\" ceo@example.com", "example.com " },
		{ "\"ceo@example.com\":;", "example.com " },
		{ "ceo@ (c) example.com", "example.com " },
		{ "ceo@\r\n example.com", "example.com " },
		{ "ceo@ex\xc3\xa4mple.com;", "xn--exmple-cua.com " },
		{ "x@b@example.com", "b example.com " },
		{ "x@@example.com", "- example.com " },
		{ "x@", "- " },
		{ "x@,example.com", "- " },
		{ "x@[192.0.2.1] y", "[192.0.2.1] " },
		{ "(ceo@example.com", "example.com " },
		{ "ceo@example.com\x01", "example.com " },
		{ "ceo@example.com..", "example.com " },
		{ "<ceo@example .com>", "example example.com " },
		{ "ceo@example . com", "example example.com " },
		{ "ceo@example.(x)com", "example example.com " },
		{ "ceo@example(x).\r\n com", "example example.com " },
		{ "ceo@example.com .evil.net",
		    "example.com "
		    "example.com.evil.net " },
		{ "ceo@example.com evil.net", "example.com " },
		{ "ceo%example.com@localhost", "example.com localhost " },
		{ "ceo%example.(c)com", "example example.com " },
		{ "a!example.com!ceo", "a example.com " },
		{ "a!(c)!ceo", "a - " },
		{ "ceo@localhost!x@f.example",
		    "localhost localhost f.example " },
		{ "x@[192.0.2.1", "- " },
	};
	static const struct ag_str nul = AG_STR("\0 ceo@example.com\0");

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_domains(ag_str(table[i].value), table[i].value,
		    table[i].expected);
	expect_domains(nul, "NUL", "example.com ");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_deep_comments),
		cmocka_unit_test(test_domains_of_an_unreadable_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
