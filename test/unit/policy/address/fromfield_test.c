#include "findings.h"

#include "policy/address/fromfield.h"

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
		{ "A?=B@b.example", "a?=b@b.example " },
		{ "\xef\xbc\xa0\xe2\x80\x8b <a@b.example>", "a@b.example " },
		{ "a@\xef\xbd\x82.ex\xc2\xad"
		  "ample\xe3\x80\x82",
		    "a@b.example " },
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
		{ "\"al\rice\"@example.com", "!" },
		{ "alice@example.com\r", "!" },
		{ "Alice\n<alice@example.com>", "!" },
		{ "=?utf-8?q?alice?=@example.com", "!" },
		{ "=?utf-8?q?alice@example.com", "!" },
		{ "<alice@=?utf-8?q?example.com?=>", "!" },
		{ "alice\xef\xbc\xa0"
		  "example.com",
		    "!" },
		{ "alice\xef\xb9\xab"
		  "x@example.com",
		    "!" },
		{ "<alice@example.com\xc2\xa0>", "!" },
		{ "<alice@\xe2\x80\x8e"
		  "example.com>",
		    "!" },
		{ "<alice@exa\xe2\x80\xa8mple.com>", "!" },
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

/* Of a field that cannot be read, the address in angle brackets. */
static void
test_one_address(void **state)
{
	static const struct row table[] = {
		{ "alice@example.com <alice@example.com>",
		    "alice@example.com" },
		{ "Smith, Alice <Alice@Example.com>", "alice@example.com" },
		{ "[x]: A \\ \"; (<alice@example.com>", "alice@example.com" },
		{ "A, <alice@example.com> (x),;\r\n ", "alice@example.com" },
		{ "Smith, Alice", "-" },
		{ "Smith, Alice <alice>", "-" },
		{ "A <alice@example.com> b", "-" },
		{ "A <alice@example.com> (", "-" },
		{ "A <alice@example.com>, <b@example.com>", "-" },
		{ "A <a@b.example, alice@example.com>", "-" },
		{ "> A <alice@example.com", "-" },
		{ "<A <alice@example.com>", "-" },
		{ "A <alice@example.com>>", "-" },
		{ "A\x01, <alice@example.com>", "-" },
		{ "A, <al ice@example.com>", "-" },
		{ "A, <@b.example:alice@example.com>", "-" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		char got[AG_ADDRESS_MAX];
		struct ag_buf out = AG_BUF(got);
		struct ag_mailbox mailbox;

		if (ag_from_one(ag_str(table[i].value), &mailbox))
			ag_buf_printf(&out, "%s@%s", mailbox.local,
			    mailbox.domain);
		else
			ag_buf_char(&out, '-');
		expect_text(table[i].value, got, table[i].expected);
	}
}

/* Of a field that mentions an address only a plain one is read alike by all. */
static void
test_clear_fields(void **state)
{
	static const char *const clear[] = {
		"\"a@b.example\" <x@f.example>",
		" \"a@b.example, <a@b.example>\" x (a@b.example) <x@f.example> ",
		"(a@b.example) <x.y@f.example> (c) (d)",
		"x@f.example (a@b.example)",
		"x@f.example ((c) \\) (d)",
		"\"\" <(c)x@f.example>",
	};
	static const char *const unclear[] = {
		"\"a@b.example\"<x.@f.example>",
		"\"a@b.example\" <x@f..example>",
		"\"a@b.example\" <x@f.ex\xc3\xa4mple>",
		"\"a@b.example\" < x@f.example>",
		"\"a@b.example\" <x@f.example >",
		"\"a@b.example\"\"\" <x@f.example>",
		"\"a@b.example\"x <x@f.example>",
		"\"a\\@b.example\" <x@f.example>",
		"\"a\r\n @b.example\" <x@f.example>",
		"\"\" (a@b.example) <x@f.example>",
		"(a@b.example)x <x@f.example>",
		"((c)a@b.example) <x@f.example>",
		"(<a@b.example>) <x@f.example>",
		"x@f.example (a()a@b.example)",
		"x@f.example (\r\n a@b.example)",
		"x: \"a@b.example\" <x@f.example>;",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(clear); i++)
		if (!ag_from_is_clear(ag_str(clear[i]), 1))
			fail_msg("unclear: %s", clear[i]);
	for (size_t i = 0; i < ROWS(unclear); i++)
		if (ag_from_is_clear(ag_str(unclear[i]), 1))
			fail_msg("clear: %s", unclear[i]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_deep_comments),
		cmocka_unit_test(test_one_address),
		cmocka_unit_test(test_clear_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
