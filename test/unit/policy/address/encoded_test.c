#include "findings.h"

#include "policy/address/encoded.h"

struct row {
	const char *value;
	const char *expected;
};

static void
test_decoding(void **state)
{
	static const struct row table[] = {
		{ "", "" },
		{ "Alice", "Alice" },
		{ "=?utf-8?Q?Al_ice=21?=", "|Al ice!|" },
		{ "=?UTF-8*en?q?=C3=a4?=x", "|\xc3\xa4|x" },
		{ "=?us-ascii?B?Q0VPQEE=?=", "|CEO@A|" },
		{ "=?utf-8?b?Q0VP\r\n QEE?=", "|CEO@A|" },
		{ "\"=?utf-8?q?a?= =?utf-8?q?b?=\"", "\"|a| |b|\"" },
		{ "a@=?utf-8?Q?b, c@d?=e", "a@|b, c@d|e" },
		{ "=?utf-8?q?a=?=", "|a=|" },
		{ "=?utf-8?q?a=4?=", "|a=4|" },
		{ "=?utf-8?q?a=4x?=", "|a=4x|" },
		{ "=?utf-8?q?\?=", "||" },
		{ "=?utf-8?b?A?=", "||" },
		{ "=??q?a?=",
		    "\xff"
		    "a|" },
		{ "=?latin1?q?=E4?=", "\xff\xe4|" },
		{ "\xff=?utf-7?q?a?=",
		    " \xff"
		    "a|" },
		/* none */
		{ "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
		{ "=?utf-8?q?a", "=?utf-8?q?a" },
		{ "=?utf-8?q?a?", "=?utf-8?q?a?" },
		{ "=?utf-8?q", "=?utf-8?q" },
		{ "=?utf-8", "=?utf-8" },
		{ "=?", "=?" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		char got[100];
		struct ag_buf out = AG_BUF(got);

		assert_true(ag_encoded_decode(ag_str(table[i].value), &out));
		for (size_t n = 0; n < out.len; n++)
			if (got[n] == AG_ENCODED_EDGE)
				got[n] = '|';
		expect_text(table[i].value, got, table[i].expected);
	}
}

static void
test_refusals(void **state)
{
	char text[10];
	struct ag_buf out = AG_BUF(text);

	(void)state;
	assert_true(ag_encoded_decode(ag_str("=?utf-8?q?alice?="), &out));
	out = AG_BUF(text);
	assert_false(ag_encoded_decode(ag_str("=?utf-8?q?alice. a?="), &out));
	out = AG_BUF(text);
	assert_false(
	    ag_encoded_decode(ag_str("=?utf-8?q?=?utf-8?q?a?="), &out));
}

static void
test_beginning(void **state)
{
	(void)state;
	assert_true(ag_encoded_begins(ag_str("x=?")));
	assert_false(ag_encoded_begins(ag_str("x= ?")));
	assert_false(ag_encoded_begins(ag_str("=")));
	assert_false(ag_encoded_begins(ag_str(NULL)));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decoding),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
