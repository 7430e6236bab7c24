#include "findings.h"

#include "policy/address/fromscan.h"

struct row {
	const char *value;
	const char *expected;
};

static void
write_found(void *arg, const struct ag_mailbox *mailbox)
{
	ag_buf_printf(arg, "%s@%s ", mailbox->local, mailbox->domain);
}

/* What is found, each with a blank behind it, and "?" for a riddle. */
static void
expect_found(struct ag_str value, const char *shown, const char *expected)
{
	char got[900];
	struct ag_buf out = AG_BUF(got);

	if (!ag_from_scan(value, write_found, &out))
		ag_buf_char(&out, '?');
	expect_text(shown, got, expected);
}

static void
expect_rows(const struct row *table, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_found(ag_str(table[i].value), table[i].value,
		    table[i].expected);
}

static void
test_marks(void **state)
{
	static const struct row table[] = {
		{ "", "" },
		{ "Alice", "" },
		{ "ceo@Example.COM.,", "ceo@example.com " },
		{ "ceo@example.com <x@f.example>",
		    "ceo@example.com @example.comx x@f.example " },
		{ "<@a.example:ceo@example.com>",
		    "@a.example @a.exampleceo @example.com " },
		{ "\"ceo@example.com\":;", "@example.com " },
		{ "x@b@example.com", "x@b @example.com " },
		{ "x@@example.com", "@example.com " },
		{ "x@", "" },
		{ "ceo%example.com@localhost", "@example.com @localhost " },
		{ "a!example.com!ceo", "@a @example.com " },
		{ "a!exam ple.com!ceo", "@a @ple.com @example.com " },
		{ "a!(c)!ceo", "@a @c " },
		{ "x@[192.0.2.1] y",
		    "@[192.0.2.1] @192.0.2.1 "
		    "@192.0.2.1y " },
		{ "x@[192.0.2.1", "@192.0.2.1 " },
		{ "ceo\xef\xbc\xa0"
		  "example.com",
		    "@example.com " },
	};
	static const struct ag_str nul = AG_STR("\0 ceo@ex\0ample.com\0");

	(void)state;
	expect_rows(table, ROWS(table));
	expect_found(nul, "NUL", "@ex @example.com ");
}

/* The local part is told where everybody reads the same. */
static void
test_local_parts(void **state)
{
	static const struct row table[] = {
		{ "alice@a.example,", "alice@a.example " },
		{ " Alice@a.example,", "alice@a.example " },
		{ "x, <alice@a.example", "alice@a.example " },
		{ "x, alice@a.example", "alice@a.example " },
		{ "x alice@a.example", "@a.example " },
		{ "\"x\"alice@a.example", "@a.example " },
		{ "(x)alice@a.example", "@a.example " },
		{ "alice @a.example,", "@a.example " },
		{ "alice@ a.example,", "@a.example " },
		{ "alice@a.ex ample,", "alice@a.ex @a.example " },
		{ "al%ice@a.example,", "@ice @a.example " },
		{ "=?x@a.example,", "@a.example @a.example " },
		{ "\xe4@a.example,", "@a.example " },
		{ "\xc3\x84@a.example,", "\xc3\xa4@a.example " },
	};

	(void)state;
	expect_rows(table, ROWS(table));
}

static void
test_pieces(void **state)
{
	static const struct row table[] = {
		{ "ceo@\r\n example.com", "@example.com " },
		{ "ceo@\"example.com\"", "@example.com " },
		{ "ceo@\"\"example.com", "@example.com " },
		{ "ceo@<>example.com", "@example.com " },
		{ "<ceo@exam ple.com>", "ceo@exam @example.com " },
		{ "ceo@exam\x01ple.com", "ceo@exam @example.com " },
		{ "ceo@exam\x80ple.com", "ceo@exam @example.com " },
		{ "ceo@example.com\xe2", "ceo@example.com " },
		{ "ceo@exam\\ple.com", "ceo@exam @example.com " },
		{ "ceo@example . com", "ceo@example @example.com " },
		{ "ceo@.example..com..", "ceo@example.com " },
		{ "ceo@example.com .evil.net",
		    "ceo@example.com @example.com.evil.net " },
		/* comments are text, and left out */
		{ "ceo@ex(c)ample.com",
		    "ceo@ex @exc @excample.com "
		    "ceo@ex @example.com " },
		{ "ceo@ex(a(\\))b)ample.com",
		    "ceo@ex @exa @exab "
		    "@exabample.com ceo@ex "
		    "@example.com " },
		{ "ceo@(c)example.com", "@c @cexample.com @example.com " },
		{ "ceo@ex(ample.com",
		    "ceo@ex @example.com ceo@ex "
		    "@example.com " },
		{ "( ceo@ex(c)ample.com",
		    "@ex @exc @excample.com @ex "
		    "@example.com " },
	};

	(void)state;
	expect_rows(table, ROWS(table));
}

static void
test_code_points(void **state)
{
	static const struct row table[] = {
		{ "ceo@ex\xc3\xa4mple.com;", "ceo@xn--exmple-cua.com " },
		{ "ceo@exam\xc2\xa0ple.com", "ceo@exam @example.com " },
		{ "ceo@exam\xe2\x80\x8dple.com", "ceo@exam @example.com " },
		{ "ceo@exam\xe3\x85\xa4ple.com", "ceo@exam @example.com " },
		{ "ceo@exam\xc2\xadple.com", "ceo@exam @example.com " },
		{ "ceo@example\xef\xbc\x8e"
		  "com,",
		    "ceo@example.com " },
		{ "ceo@example\xe3\x80\x82"
		  "com,",
		    "ceo@example.com " },
		{ "ceo@\xef\xbd\x85xample.com,", "ceo@example.com " },
		{ "ceo@a\xef\xbc\x8d"
		  "b,",
		    "ceo@a-b " },
		{ "ceo@\xe2\x84\xa1.example,", "ceo@tel.example " },
		{ "ceo@\xf0\x9d\x90\x9example.com,", "ceo@example.com " },
	};

	(void)state;
	expect_rows(table, ROWS(table));
}

static void
test_encoded_words(void **state)
{
	static const struct row table[] = {
		{ "CEO <ceo@=?utf-8?Q?example.com?=>",
		    "@utf-8 @utf-8q @utf-8qexample.com @example.com " },
		{ "=?utf-8?b?Y2VvQGV4YW1wbGUuY29t?=@f.example",
		    "@f.example @example.com @f.example " },
		/* it may be any */
		{ "ceo@=?utf-7?q?x?=", "@utf-7 @utf-7q @utf-7qx ?" },
		{ "ceo@ex=?utf-7?q?x?=",
		    "ceo@ex @exutf-7 @exutf-7q @exutf-7qx ?" },
		/* not in the domain */
		{ "x@f.example =?latin1?q?x?=",
		    "x@f.example @f.examplelatin1 @f.examplelatin1q "
		    "@f.examplelatin1qx x@f.example @f.examplex " },
	};

	(void)state;
	expect_rows(table, ROWS(table));
}

/* ---- how much work ---- */

#define LONG (32 * 1024)

static void
count_found(void *arg, const struct ag_mailbox *mailbox)
{
	(void)mailbox;
	++*(unsigned *)arg;
}

/* A field of nothing but pattern. */
static bool
scan_long(const char *pattern, unsigned *found)
{
	static char text[LONG];
	size_t n = strlen(pattern);

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = pattern[i % n];
	*found = 0;
	return ag_from_scan((struct ag_str){ text, sizeof(text) }, count_found,
	    found);
}

/* However long the field is, so many names are asked for, and no more. */
static void
test_bounds(void **state)
{
	static const char *const table[] = { "@", "!", "@a", "a!", "%a", "@a ",
		"@a b c d e f g h ", "a b c d!", "@(", "@()", "@(a)b", "@\"",
		"@\xc3\xa4 ", "@[", "=?", "=?a?q?",
		"@=?utf-8?q?a?=", "=?utf-8?q?=40a?=", "@a(b(c)d)e " };

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		unsigned found;

		scan_long(table[i], &found);
		if (found > AG_FROM_SCAN_MAX)
			fail_msg("%s: %u names", table[i], found);
	}
}

/* What is searched no further is a riddle and not fine. */
static void
test_riddles(void **state)
{
	static const char *const table[] = { "@a ", "@(", "@a b c d e f g h ",
		"a b c d!" };
	char text[2 * LONG];
	struct ag_buf buf = AG_BUF(text);
	unsigned found;

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		if (scan_long(table[i], &found))
			fail_msg("%s is no riddle", table[i]);
	ag_buf_text(&buf, "ceo@ex(");
	for (int i = 0; i < 4096; i++)
		ag_buf_char(&buf, 'c');
	ag_buf_text(&buf, ")ample.com");
	assert_false(ag_from_scan(ag_buf_get(&buf), count_found, &found));
}

/* A list of many authors is none. */
static void
test_no_riddle(void **state)
{
	unsigned found;

	(void)state;
	assert_true(scan_long("Doe, John <john@remote.example>, ", &found));
	assert_true(scan_long("x", &found));
	assert_int_equal(found, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_local_parts),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_code_points),
		cmocka_unit_test(test_encoded_words),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_riddles),
		cmocka_unit_test(test_no_riddle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
