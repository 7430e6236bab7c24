#include "findings.h"

#include <string.h>

#include "results.h"

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
		/* nor of so many words, each of which might be converted */
		"a b c d e f g h i; auth=pass",
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
		cmocka_unit_test(test_of_others),
		cmocka_unit_test(test_names_of_other_letters),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
