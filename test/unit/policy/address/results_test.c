#include "findings.h"

#include <string.h>

#include "policy/address/results.h"

#define ID "mx.example.com"

static void
test_ours(void **state)
{
	static const char *const ours[] = {
		ID "; auth=pass",
		"MX.Example.COM; auth=pass",
		" " ID " 1; none",
		ID "/1; none",
		"(comment) " ID " (another (inside)) ; none",
		"\"" ID "\"; none",
		"\"mx\\.example.com\"; none",
		"\r\n\t" ID "\r\n\t; none",
		ID ".; none",
		"mx.(c)example. \"com\"; none",
		ID,
		ID ";",
		/* nobody knows what others make of these */
		"",
		";",
		"(no end " ID "; auth=pass",
		"\"" ID "; auth=pass",
		"\"" ID "\x01\"; auth=pass",
		"@" ID "; auth=pass",
		"\x0b" ID "; auth=pass",
		ID "\x0b; auth=pass",
		"mx.exam\x0bple.com; auth=pass",
		"mx.exam\x7fple.com; auth=pass",
		"mx.exam<ple>.com; auth=pass",
		"mx.example,.com; auth=pass",
		"mx.\"example\".com; auth=pass",
		/* nor of so many words, each of which might be converted */
		"a b c d e f g h i; auth=pass",
		/* an encoded word may be anything */
		"=?utf-8?q?" ID "?=; auth=pass",
		"mx.=?utf-8?q?example.com?=; auth=pass",
		"\"=?utf-8?q?" ID "?=\"; auth=pass",
		"\"other =?utf-8?q?x?=\"; auth=pass",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(ours); i++)
		expect_number(ours[i],
		    ag_results_is_ours(ag_str(ours[i]), ag_str(ID)), true);
}

/* Each may be dropped or trimmed by whoever reads the field behind us. */
static void
test_odd_code_points(void **state)
{
	static const char *const marks[] = {
		"\xc2\xa0",         /* no-break space */
		"\xc2\x85",         /* next line */
		"\xc2\x9b",         /* a control */
		"\xc2\xad",         /* soft hyphen */
		"\xcd\x8f",         /* combining grapheme joiner */
		"\xd8\x9c",         /* Arabic letter mark */
		"\xe1\x85\x9f",     /* Hangul filler */
		"\xe1\x9a\x80",     /* Ogham space */
		"\xe1\xa0\x8e",     /* Mongolian vowel separator */
		"\xe2\x80\x83",     /* em space */
		"\xe2\x80\x8b",     /* zero width space */
		"\xe2\x80\x8c",     /* zero width non-joiner */
		"\xe2\x80\x8d",     /* zero width joiner */
		"\xe2\x80\x8e",     /* left-to-right mark */
		"\xe2\x80\xa8",     /* line separator */
		"\xe2\x80\xae",     /* right-to-left override */
		"\xe2\x80\xaf",     /* narrow no-break space */
		"\xe2\x81\xa0",     /* word joiner */
		"\xe2\x81\xa6",     /* left-to-right isolate */
		"\xe2\xa0\x80",     /* Braille pattern blank */
		"\xe3\x80\x80",     /* ideographic space */
		"\xe3\x85\xa4",     /* Hangul filler */
		"\xef\xb8\x8f",     /* variation selector */
		"\xef\xbb\xbf",     /* byte order mark */
		"\xef\xbe\xa0",     /* half-width Hangul filler */
		"\xf3\xa0\x80\xa1", /* a tag */
		"\xee\x80\x80",     /* private use */
		"\xa0", "\xff", "\xc2", "\xed\xa0\x80", /* no UTF-8 */
	};
	/* the mark stands for "|" */
	static const char *const places[] = { "|" ID, ID "|", "| " ID, ID " |",
		"mx|.example.com", "mx.|example.com", "mx.exa|mple.com",
		"mx.(x)|example.com", "\"" ID "|\"", "\"|mx.exam|ple.com\"",
		ID "| (x) 1" };

	(void)state;
	for (size_t i = 0; i < ROWS(marks); i++)
		for (size_t k = 0; k < ROWS(places); k++) {
			char value[200];
			struct ag_buf buf = AG_BUF(value);

			for (const char *c = places[k]; *c != '\0'; c++)
				if (*c == '|')
					ag_buf_text(&buf, marks[i]);
				else
					ag_buf_char(&buf, *c);
			ag_buf_text(&buf, "; auth=pass");
			expect_number(value,
			    ag_results_is_ours(ag_str(value), ag_str(ID)),
			    true);
		}
}

/* As UTS 46 maps them. */
static void
test_other_forms_of_letters(void **state)
{
	static const char *const ours[] = {
		"\xef\xbd\x8dx.example.com",
		"mx\xe3\x80\x82"
		"example.com",
		"mx\xef\xbc\x8e"
		"example\xef\xbd\xa1"
		"com",
		"mx.\xe2\x93\x94xample.com",
		"mx.exam\xe2\x84\x99le.com",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(ours); i++)
		expect_number(ours[i],
		    ag_results_is_ours(ag_str(ours[i]), ag_str(ID)), true);
}

static void
test_of_others(void **state)
{
	static const char *const others[] = {
		"other.example; auth=pass",
		"a.mx.example.com; auth=pass",
		"mx.example.com.au; auth=pass",
		"example.com; auth=pass smtp.mailfrom=mx.example.com",
		"(mx.example.com) other.example; auth=pass",
		"\"mx.example.com x\"; auth=pass",
		"mx.example 1; auth=pass .com",
		"a b c d e f g h; auth=pass",
		/* of some, which leave it out */
		"spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=" ID
		"; dkim=none header.d=none",
		"other.example/1; auth=pass",
		"other.example:25; auth=pass",
		"ex\xc3\xa4mple.com; auth=pass",
		"\xe4\xbe\x8b\xe5\xad\x90.example 1; auth=pass",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(others); i++)
		expect_number(others[i],
		    ag_results_is_ours(ag_str(others[i]), ag_str(ID)), false);
}

static void
test_names_of_other_letters(void **state)
{
	(void)state;
	expect_number("U-label and A-label",
	    ag_results_is_ours(ag_str("xn--exmple-cua.com; none"),
		ag_str("ex\xc3\xa4mple.com")),
	    true);
	expect_number("a name that is no domain",
	    ag_results_is_ours(ag_str("\"My Server\"; none"),
		ag_str("my server")),
	    true);
}

struct row {
	const char *login;
	const char *sender;
	const char *expected; /* behind the id */
};

static void
test_writing(void **state)
{
	static const struct row table[] = {
		{ "alice@example.com", "sales@example.com",
		    "alice@example.com smtp.mailfrom=sales@example.com" },
		{ "alice", "", "alice smtp.mailfrom=\"\"" },
		{ "a=b/c?@example.com", "x+tag@example.com",
		    "a=b/c?@example.com smtp.mailfrom=x+tag@example.com" },
		{ "a b@example.com", "a..b@example.com",
		    "\"a b\"@example.com smtp.mailfrom=\"a..b\"@example.com" },
		{ "a\"\\@example.com", "a;b@example.com",
		    "\"a\\\"\\\\\"@example.com "
		    "smtp.mailfrom=\"a;b\"@example.com" },
		{ "a@[192.0.2.1]", "a@b c",
		    "\"a@[192.0.2.1]\" smtp.mailfrom=\"a@b c\"" },
		{ "a\r\nX: y@example.com", "@example.com",
		    "\"a??X: y\"@example.com smtp.mailfrom=\"@example.com\"" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		char text[AG_RESULTS_MAX];
		char expected[AG_RESULTS_MAX] = ID "; auth=pass smtp.auth=";
		struct ag_buf out = AG_BUF(text);

		strcat(expected, table[i].expected);
		ag_results_write(&out, ag_str(ID), ag_str(table[i].login),
		    ag_str(table[i].sender));
		expect_text(table[i].login, text, expected);
	}
}

static void
test_long_lines(void **state)
{
	char local[257], text[AG_RESULTS_MAX], address[300] = "";
	struct ag_buf out = AG_BUF(text);
	struct ag_str rest, line;

	(void)state;
	memset(local, '"', 256);
	local[256] = '\0';
	strcat(strcat(address, local), "@example.com");
	ag_results_write(&out, ag_str("My \"Server\""), ag_str(address),
	    ag_str(address));
	assert_false(out.cut);
	assert_memory_equal(text, "\"My \\\"Server\\\"\"; auth=pass\n\tsmtp",
	    32);
	for (rest = ag_buf_get(&out); ag_str_line(&rest, &line);)
		assert_true(line.len < 900);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_odd_code_points),
		cmocka_unit_test(test_other_forms_of_letters),
		cmocka_unit_test(test_of_others),
		cmocka_unit_test(test_names_of_other_letters),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
