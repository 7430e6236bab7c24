#include "findings.h"

#include <string.h>

static void
test_equality_and_case(void **state)
{
	(void)state;
	assert_true(ag_str_eq(ag_str("abc"), ag_str("abc")));
	assert_false(ag_str_eq(ag_str("abc"), ag_str("abC")));
	assert_false(ag_str_eq(ag_str("abc"), ag_str("ab")));
	assert_true(ag_str_eq(ag_str(NULL), ag_str("")));
	assert_true(ag_str_ieq(ag_str("aBc@[`{z"), ag_str("AbC@[`{Z")));
	assert_false(ag_str_ieq(ag_str("@"), ag_str("`")));
	assert_false(ag_str_ieq(ag_str("ab"), ag_str("abc")));
	/* only the ASCII letters have case */
	assert_false(ag_str_ieq(ag_str("\xc4"), ag_str("\xe4")));
}

static void
test_byte_classes(void **state)
{
	(void)state;
	assert_int_equal(ag_lower('A'), 'a');
	assert_int_equal(ag_lower('Z'), 'z');
	assert_int_equal(ag_lower('['), '[');
	assert_true(ag_is_digit('0') && ag_is_digit('9'));
	assert_false(ag_is_digit('/') || ag_is_digit(':'));
	assert_true(ag_is_control('\0') && ag_is_control('\x1f') &&
	    ag_is_control('\x7f'));
	assert_false(ag_is_control(' ') || ag_is_control('\x80'));
}

static void
test_searching(void **state)
{
	struct ag_str s = AG_STR("a@b@c");

	(void)state;
	assert_int_equal(ag_str_find(s, '@'), 1);
	assert_int_equal(ag_str_rfind(s, '@'), 3);
	assert_int_equal(ag_str_find(s, 'x'), 5);
	assert_int_equal(ag_str_rfind(s, 'x'), 5);
	assert_int_equal(ag_str_find(ag_str(NULL), 'x'), 0);
	assert_int_equal(ag_str_rfind(ag_str(NULL), 'x'), 0);
	assert_true(ag_str_has(s, 'c'));
	assert_false(ag_str_has(s, '\0'));
	assert_true(ag_str_starts(s, "a@"));
	assert_true(ag_str_starts(s, ""));
	assert_false(ag_str_starts(s, "a@b@c@"));
	assert_false(ag_str_starts(ag_str(NULL), "a"));
}

static void
test_slicing(void **state)
{
	struct ag_str s = AG_STR("abc");

	(void)state;
	assert_true(ag_str_eq(ag_str_skip(s, 1), ag_str("bc")));
	assert_true(ag_str_eq(ag_str_head(s, 2), ag_str("ab")));
	assert_int_equal(ag_str_skip(s, 9).len, 0);
	assert_int_equal(ag_str_head(s, 9).len, 3);
	assert_int_equal(ag_str_skip(ag_str(NULL), 1).len, 0);
	assert_true(
	    ag_str_eq(ag_str_trim(ag_str(" \t a b\r ")), ag_str("a b")));
	assert_int_equal(ag_str_trim(ag_str(" \t\r")).len, 0);
	assert_int_equal(ag_str_trim(ag_str(NULL)).len, 0);
}

/* The pieces of a text, each in brackets. */
static void
write_pieces(struct ag_str rest, const char *separators, struct ag_buf *out)
{
	struct ag_str piece;

	while (separators != NULL ? ag_str_word(&rest, separators, &piece) :
				    ag_str_line(&rest, &piece))
		ag_buf_printf(out, "[%.*s]", AG_STR_ARG(piece));
}

static void
test_words_and_lines(void **state)
{
	static const struct {
		const char *text;
		const char *separators; /* NULL: lines */
		const char *expected;
	} table[] = {
		{ "", " ", "" },
		{ "   ", " ", "" },
		{ "a", " ", "[a]" },
		{ "  a b,c\td ", " \t,", "[a][b][c][d]" },
		{ "a,,b", ",", "[a][b]" },
		{ "a b", ",", "[a b]" },
		{ "", NULL, "" },
		{ "\n", NULL, "[]" },
		{ "a\n\nb\n", NULL, "[a][][b]" },
		{ "a\nb", NULL, "[a][b]" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		char pieces[100];
		struct ag_buf out = AG_BUF(pieces);

		write_pieces(ag_str(table[i].text), table[i].separators, &out);
		expect_text(table[i].text, pieces, table[i].expected);
	}
}

/* A NUL byte is never a separator. */
static void
test_word_with_nul(void **state)
{
	struct ag_str rest = AG_STR("a\0b c"), word;

	(void)state;
	assert_true(ag_str_word(&rest, " ", &word));
	assert_int_equal(word.len, 3);
	assert_int_equal(rest.len, 2);
}

static void
test_utf8(void **state)
{
	static const struct {
		const char *text;
		bool expected;
	} table[] = {
		{ "", true },
		{ "plain", true },
		{ "\xc3\xa5lice", true },     /* two bytes */
		{ "\xe3\x80\x82", true },     /* three */
		{ "\xf0\x9f\x98\x80", true }, /* four */
		{ "\xf4\x8f\xbf\xbf", true }, /* U+10FFFF */
		{ "\xed\x9f\xbf\xee\x80\x80",
		    true },        /* around the surrogates */
		{ "\x80", false }, /* goes on, without a begin */
		{ "\xc3", false }, /* cut */
		{ "\xe3\x80", false },
		{ "\xf0\x9f\x98", false },
		{ "\xc3(", false },
		{ "\xe3\x80(", false },
		{ "\xc0\xaf", false }, /* too long a form */
		{ "\xc1\xbf", false },
		{ "\xe0\x9f\xbf", false },
		{ "\xf0\x8f\xbf\xbf", false },
		{ "\xed\xa0\x80", false },     /* surrogate */
		{ "\xf4\x90\x80\x80", false }, /* above U+10FFFF */
		{ "\xf5\x80\x80\x80", false },
		{ "\xff", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_number(table[i].text,
		    ag_str_is_utf8(ag_str(table[i].text)), table[i].expected);
}

/* What a terminal would obey, or would show as something else than it is. */
static void
test_plain_text(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} table[] = {
		{ "", "" },
		{ "a b\"c\\d~", "a b\"c\\d~" },
		{ "\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80",
		    "\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\x1b[31m\t\n\x7f", "\\x1b[31m\\x09\\x0a\\x7f" },
		/* C1: U+0080, U+009B; U+00A0 is none */
		{ "\xc2\x80", "\\xc2\\x80" },
		{ "\xc2\x9b"
		  "31m",
		    "\\xc2\\x9b31m" },
		{ "\xc2\xa0", "\xc2\xa0" },
		/* that turn text around: U+061C, U+200E, U+200F, U+202A to
		 * U+202E, U+2066 to U+2069 */
		{ "\xd8\x9c", "\\xd8\\x9c" },
		{ "\xe2\x80\x8e", "\\xe2\\x80\\x8e" },
		{ "\xe2\x80\x8f", "\\xe2\\x80\\x8f" },
		{ "\xe2\x80\xaa", "\\xe2\\x80\\xaa" },
		{ "a\xe2\x80\xae"
		  "b",
		    "a\\xe2\\x80\\xaeb" },
		{ "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },
		{ "\xe2\x81\xa9", "\\xe2\\x81\\xa9" },
		/* that end lines: U+0085, U+2028, U+2029 */
		{ "\xc2\x85", "\\xc2\\x85" },
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },
		{ "\xe2\x80\xa9", "\\xe2\\x80\\xa9" },
		/* that nobody sees: U+00AD, U+200B, U+FEFF, U+E0041 */
		{ "\xc2\xad", "\\xc2\\xad" },
		{ "\xe2\x80\x8b", "\\xe2\\x80\\x8b" },
		{ "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },
		{ "\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81" },
		/* no UTF-8: alone, over-long, cut, a surrogate */
		{ "\x9b"
		  "a",
		    "\\x9ba" },
		{ "\xff\xc3\xa5", "\\xff\xc3\xa5" },
		{ "\xc0\x9b", "\\xc0\\x9b" },
		{ "\xe2\x80", "\\xe2\\x80" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct ag_buf buf = AG_BUF(text);

		ag_buf_plain(&buf, ag_str(table[i].text));
		expect_text(table[i].text, text, table[i].expected);
		assert_false(buf.cut);
	}
}

/* What does not fit is left out from the start of a piece on. */
static void
test_plain_text_is_cut(void **state)
{
	static const char *const expected[] = { "", "a", "a", "a", "a",
		"a\\x1b", "a\\x1b", "a\\x1b\xc3\xa5" };
	char text[20];

	(void)state;
	for (size_t size = 1; size <= ROWS(expected); size++) {
		struct ag_buf buf = ag_buf(text, size);

		ag_buf_plain(&buf, ag_str("a\x1b\xc3\xa5"));
		expect_text("cut", text, expected[size - 1]);
		assert_int_equal(buf.cut, size < ROWS(expected));
	}
}

static void
test_distance(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		unsigned expected;
	} table[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "socket", "SOCKET", 0 },
		{ "sokcet", "socket", 1 },  /* neighbours swapped */
		{ "soket", "socket", 1 },   /* dropped */
		{ "sockets", "socket", 1 }, /* inserted */
		{ "sockel", "socket", 1 },  /* replaced */
		{ "kitten", "sitting", 3 },
		{ "ab", "ba", 1 },
		{ "abcd", "badc", 2 },
	};
	char longest[65];

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		expect_number(table[i].a,
		    ag_str_distance(ag_str(table[i].a), ag_str(table[i].b)),
		    table[i].expected);
		expect_number(table[i].b,
		    ag_str_distance(ag_str(table[i].b), ag_str(table[i].a)),
		    table[i].expected);
	}
	memset(longest, 'x', 64);
	longest[64] = '\0';
	assert_int_equal(ag_str_distance(ag_str(longest), ag_str("x")), 99);
	assert_int_equal(ag_str_distance(ag_str("x"), ag_str(longest)), 99);
	assert_int_equal(ag_str_distance(ag_str_skip(ag_str(longest), 1),
			     ag_str("")),
	    63);
}

static void
test_buf_is_cut(void **state)
{
	char array[6];
	struct ag_buf buf = AG_BUF(array);

	(void)state;
	ag_buf_text(&buf, "ab");
	ag_buf_char(&buf, 'c');
	ag_buf_text(&buf, "de");
	expect_text("fits", array, "abcde");
	assert_false(buf.cut);
	ag_buf_char(&buf, 'f');
	expect_text("full", array, "abcde");
	assert_true(buf.cut);
	assert_int_equal(ag_buf_get(&buf).len, 5);
}

static void
test_buf_printf_is_cut(void **state)
{
	char array[6];
	struct ag_buf buf = AG_BUF(array);

	(void)state;
	ag_buf_printf(&buf, "%d", 12345);
	expect_text("fits", array, "12345");
	assert_false(buf.cut);
	buf = AG_BUF(array);
	ag_buf_printf(&buf, "%s-%d", "ab", 12345);
	expect_text("cut", array, "ab-12");
	assert_true(buf.cut);
	assert_int_equal(buf.len, 5);
	ag_buf_printf(&buf, "more");
	expect_text("full", array, "ab-12");
}

static void
test_smallest_buf(void **state)
{
	char array[1] = { 'x' };
	struct ag_buf buf = AG_BUF(array);

	(void)state;
	ag_buf_text(&buf, "a");
	assert_int_equal(array[0], '\0');
	assert_int_equal(buf.len, 0);
	assert_true(buf.cut);
}

static void
test_origin(void **state)
{
	static const struct {
		struct ag_origin origin;
		const char *expected;
	} table[] = {
		{ { "authgate.ini", 9 }, "authgate.ini:9" },
		{ { "domains/example.com.ini", 0 }, "domains/example.com.ini" },
		{ { NULL, 0 }, "default" },
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct ag_buf buf = AG_BUF(text);

		ag_origin_write(&table[i].origin, &buf);
		expect_text("origin", text, table[i].expected);
	}
	struct ag_buf buf = AG_BUF(text);
	ag_origin_write(NULL, &buf);
	expect_text("no origin", text, "default");
}

static void
test_findings_are_counted(void **state)
{
	struct findings findings;
	struct ag_origin at = { "kill.list", 3 };

	(void)state;
	findings_begin(&findings);
	ag_diag_report(&findings.diag, AG_NOTE, NULL, "a %s", "note");
	ag_diag_report(&findings.diag, AG_WARNING, &at, "b");
	ag_diag_report(&findings.diag, AG_BAD_LINE, &at, "c");
	ag_diag_report(&findings.diag, AG_BAD_LINE, &at, "d");
	ag_diag_report(&findings.diag, AG_ERROR, &at, "e");
	expect_findings("one of each", &findings,
	    "note default: a note\n"
	    "warning kill.list:3: b\n"
	    "bad line kill.list:3: c\n"
	    "bad line kill.list:3: d\n"
	    "error kill.list:3: e\n");
}

/* A terminal shows findings: what a file holds must not steer it. */
static void
test_findings_have_no_control_bytes(void **state)
{
	struct findings findings;

	(void)state;
	findings_begin(&findings);
	ag_diag_report(&findings.diag, AG_ERROR, NULL, "%s",
	    "a\nb\x1b[31m\x7f \xc3\xa5");
	expect_findings("control bytes", &findings,
	    "error default: a\\x0ab\\x1b[31m\\x7f \xc3\xa5\n");
}

static void
test_findings_without_a_listener(void **state)
{
	struct ag_diag diag = { 0 };

	(void)state;
	ag_diag_report(&diag, AG_ERROR, NULL, "x");
	assert_int_equal(diag.errors, 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equality_and_case),
		cmocka_unit_test(test_byte_classes),
		cmocka_unit_test(test_searching),
		cmocka_unit_test(test_slicing),
		cmocka_unit_test(test_words_and_lines),
		cmocka_unit_test(test_word_with_nul),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_plain_text),
		cmocka_unit_test(test_plain_text_is_cut),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_buf_is_cut),
		cmocka_unit_test(test_buf_printf_is_cut),
		cmocka_unit_test(test_smallest_buf),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_findings_are_counted),
		cmocka_unit_test(test_findings_have_no_control_bytes),
		cmocka_unit_test(test_findings_without_a_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
