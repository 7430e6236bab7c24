#include "findings.h"

#include <string.h>

#include "policy/address/domainname.h"

/* The name in its form, "?" and the name when unconvertible, or "bad". */
static void
expect_name(struct ag_str name, const char *shown, const char *expected)
{
	char out[AG_DOMAIN_MAX + 1], got[AG_DOMAIN_MAX + 2];
	struct ag_buf buf = AG_BUF(got);

	switch (ag_domain_parse(name, out)) {
	case AG_DOMAIN_OK:
		ag_buf_text(&buf, out);
		break;
	case AG_DOMAIN_UNCONVERTIBLE:
		ag_buf_printf(&buf, "?%s", out);
		break;
	case AG_DOMAIN_NO_MEMORY:
		ag_buf_text(&buf, "no memory");
		break;
	case AG_DOMAIN_BAD:
		ag_buf_text(&buf, "bad");
		break;
	}
	expect_text(shown, got, expected);
}

static void
test_names(void **state)
{
	static const struct {
		const char *name;
		const char *expected;
	} table[] = {
		{ "example.com", "example.com" },
		{ "EXAMPLE.Com", "example.com" },
		{ "example.com.", "example.com" },
		{ "localhost", "localhost" },
		/* ASCII is taken as it is */
		{ "_dmarc.ex_ample.com", "_dmarc.ex_ample.com" },
		{ "a--b.example", "a--b.example" },
		{ "-a-.example", "-a-.example" },
		{ "xn--exmple-cua.com", "xn--exmple-cua.com" },
		{ "XN--EXMPLE-CUA.COM", "xn--exmple-cua.com" },
		{ "xn--!", "bad" },
		{ "xn--zzzzzzzzzzz.com", "xn--zzzzzzzzzzz.com" },
		/* U-labels */
		{ "ex\xc3\xa4mple.com", "xn--exmple-cua.com" },
		{ "ex\xc3\xa4mple.com.", "xn--exmple-cua.com" },
		{ "EX\xc3\x84MPLE.COM", "xn--exmple-cua.com" },
		{ "exa\xcc\x88mple.com", "xn--exmple-cua.com" },
		{ "b\xc3\xbc"
		  "cher.xn--exmple-cua.com",
		    "xn--bcher-kva.xn--exmple-cua.com" },
		{ "fa\xc3\x9f.de", "xn--fa-hia.de" }, /* not transitional */
		{ "\xef\xbd\x85xample.com", "example.com" }, /* full width */
		{ "example\xe3\x80\x82"
		  "com",
		    "example.com" }, /* ideographic full stop */
		{ "example.com\xe3\x80\x82", "example.com" },
		{ "\xd0\xb4\xd0\xbe\xd0\xbc.example", "xn--d1aqf.example" },
		/* no label can be made of these */
		{ "\xf0\x9f\x98\x80.example", "?\xf0\x9f\x98\x80.example" },
		{ "\xcc\x88.Example", "?\xcc\x88.example" },
		{ "a\xe2\x80\x8d\xc3\xa4.example",
		    "?a\xe2\x80\x8d\xc3\xa4.example" },
		/* no names */
		{ "", "bad" },
		{ ".", "bad" },
		{ "..", "bad" },
		{ "example.com..", "bad" },
		{ ".example.com", "bad" },
		{ "example..com", "bad" },
		{ "exa mple.com", "bad" },
		{ "example.com ", "bad" },
		{ "example.com\t", "bad" },
		{ "user@example.com", "bad" },
		{ "example.com;x", "bad" },
		{ "[192.0.2.1]", "bad" },
		{ "example.com(c)", "bad" },
		{ "*.example.com", "bad" },
		{ "example.com/", "bad" },
		{ "example.com:25", "bad" },
		{ "ex\xe4mple.com", "bad" }, /* not UTF-8 */
		{ "ex\xc3", "bad" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_name(ag_str(table[i].name), table[i].name,
		    table[i].expected);
}

static void
test_length(void **state)
{
	char name[300], longest[AG_DOMAIN_MAX + 1];

	(void)state;
	memset(name, 'a', sizeof(name));
	for (size_t i = 9; i < sizeof(name); i += 10)
		name[i] = '.';
	memcpy(longest, name, AG_DOMAIN_MAX);
	longest[AG_DOMAIN_MAX] = '\0';
	expect_name((struct ag_str){ name, 255 }, "255 bytes", longest);
	expect_name((struct ag_str){ name, 256 }, "256 bytes", "bad");
	name[255] = '.';
	expect_name((struct ag_str){ name, 256 }, "255 and a dot", longest);
	/* a U-label that fits, an A-label that does not */
	memcpy(name, "\xc3\xa4", 2);
	memset(name + 2, 'b', 61);
	name[63] = '.';
	memcpy(name + 64, "de", 3);
	expect_name(ag_str(name), "long label",
	    "?\xc3\xa4"
	    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.de");
}

static void
test_nul(void **state)
{
	struct ag_str name = AG_STR("example.com\0");

	(void)state;
	expect_name(name, "NUL", "bad");
	expect_name(ag_str(NULL), "NULL", "bad");
}

static void
test_listable(void **state)
{
	(void)state;
	assert_true(ag_domain_is_listable(ag_str("xn--exmple-cua.com")));
	assert_false(ag_domain_is_listable(ag_str("\xf0\x9f\x98\x80.example")));
}

static void
test_parents(void **state)
{
	struct ag_str name = AG_STR("a.b.example");

	(void)state;
	name = ag_domain_parent(name);
	assert_true(ag_str_eq(name, ag_str("b.example")));
	name = ag_domain_parent(name);
	assert_true(ag_str_eq(name, ag_str("example")));
	name = ag_domain_parent(name);
	assert_int_equal(name.len, 0);
	name = ag_domain_parent(name);
	assert_int_equal(name.len, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_listable),
		cmocka_unit_test(test_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
