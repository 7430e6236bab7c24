#include "findings.h"

#include <stdlib.h>
#include <string.h>

#include "milter/archive/front.h"

/* How many calls are served before there is no memory; all, without a limit. */
static unsigned served = (unsigned)-1;

/* realloc() is this one here. */
void *
scarce_realloc(void *old, size_t size)
{
	if (served == 0)
		return NULL;
	served--;
	return reallocarray(old, 1, size);
}

/* Writes the lines with one value for all that are not named here. */
static char *
write_front(const char *sender, char *const *rcpt, size_t n, const char *other)
{
	struct ag_front front = { .sender = ag_str(sender),
		.rcpt = rcpt,
		.nrcpt = n,
		.client = ag_str(other),
		.login = ag_str(other),
		.queue_id = ag_str(other) };
	size_t len;
	char *text = ag_front_write(&front, &len);

	assert_non_null(text);
	assert_int_equal(len, strlen(text));
	return text;
}

static bool
read_front(const char *text, struct ag_front_text *read)
{
	FILE *in = fmemopen((void *)text, strlen(text), "r");
	bool good;

	assert_non_null(in);
	good = ag_front_read(in, read);
	fclose(in);
	return good;
}

static void
test_the_lines(void **state)
{
	char bob[] = "bob@example.com", carol[] = "carol@example.net";
	char *const rcpt[] = { bob, carol };
	char *text = write_front("alice@example.com", rcpt, 2, "x");

	(void)state;
	expect_text("lines", text,
	    "Return-Path: <alice@example.com>\n"
	    "X-Authgate-Recipients: bob@example.com, carol@example.net\n"
	    "X-Authgate-Client: x\n"
	    "X-Authgate-Login: x\n"
	    "X-Authgate-Queue-Id: x\n");
	free(text);
	text = write_front("", rcpt, 0, "");
	expect_text("nothing", text,
	    "Return-Path: <>\n"
	    "X-Authgate-Recipients: -\n"
	    "X-Authgate-Client: -\n"
	    "X-Authgate-Login: -\n"
	    "X-Authgate-Queue-Id: -\n");
	free(text);
}

static void
test_how_the_sender_is_read(void **state)
{
	struct ag_front front = { .sender = ag_str("alice%x@y"),
		.judged = ag_str("alice@x") };
	struct ag_front_text read;
	size_t len;
	char *text = ag_front_write(&front, &len);

	(void)state;
	expect_text("lines", text,
	    "Return-Path: <alice%x@y>\n"
	    "X-Authgate-Sender: alice@x\n"
	    "X-Authgate-Recipients: -\n"
	    "X-Authgate-Client: -\n"
	    "X-Authgate-Login: -\n"
	    "X-Authgate-Queue-Id: -\n");
	assert_true(read_front(text, &read));
	assert_string_equal(read.sender, "alice%x@y");
	assert_string_equal(read.judged, "alice@x");
	assert_string_equal(read.rcpts, "");
	ag_front_free(&read);
	free(text);
}

/* Nobody adds lines of his own through a value. */
static void
test_values_are_made_safe(void **state)
{
	char bob[] = "b\nX-Authgate-Login: root@x\x7f\x01";
	char *const rcpt[] = { bob };
	char *text = write_front("a\r\n\r\nb\t", rcpt, 1, "\n\n");

	(void)state;
	expect_text("lines", text,
	    "Return-Path: <a????b?>\n"
	    "X-Authgate-Recipients: b?X-Authgate-Login: root@x??\n"
	    "X-Authgate-Client: ??\n"
	    "X-Authgate-Login: ??\n"
	    "X-Authgate-Queue-Id: ??\n");
	free(text);
}

static void
expect_short_lines(const char *text, size_t max)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		assert_true(len >= 1 && len <= max);
		text += len + 1;
	}
}

static void
test_many_recipients(void **state)
{
	enum { N = 1000 };
	char *rcpt[N], *text;
	struct ag_front_text read;
	struct ag_str rest, one;

	(void)state;
	for (size_t i = 0; i < N; i++)
		assert_true(asprintf(&rcpt[i], "user%zu@%zu.example.com", i,
				i * i) > 0);
	text = write_front("a@b", rcpt, N, "x");
	expect_short_lines(text, 78);
	assert_true(read_front(text, &read));
	rest = ag_str(read.rcpts);
	for (size_t i = 0; i < N; i++) {
		assert_true(ag_front_rcpt(&rest, &one));
		assert_true(ag_str_eq(one, ag_str(rcpt[i])));
		free(rcpt[i]);
	}
	assert_false(ag_front_rcpt(&rest, &one));
	ag_front_free(&read);
	free(text);
}

static void
test_very_long_value(void **state)
{
	char value[5000];
	char *const rcpt[] = { value };
	struct ag_front_text read;
	char *text;

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	text = write_front(value, rcpt, 1, value);
	expect_short_lines(text, 998);
	assert_true(read_front(text, &read));
	assert_string_equal(read.sender, value);
	assert_string_equal(read.rcpts, value);
	assert_string_equal(read.login, value);
	ag_front_free(&read);
	free(text);
}

static void
test_recipients_with_commas(void **state)
{
	static const char *const expected[] = { "\"a,b\"@x", "\"\\\",\"@y",
		"c@z" };
	struct ag_str rest = ag_str("\"a,b\"@x, \"\\\",\"@y,c@z"), one;

	(void)state;
	for (size_t i = 0; i < ROWS(expected); i++) {
		assert_true(ag_front_rcpt(&rest, &one));
		assert_true(ag_str_eq(one, ag_str(expected[i])));
	}
	assert_false(ag_front_rcpt(&rest, &one));
}

/* Never a text that is cut. */
static void
test_no_memory(void **state)
{
	static char value[30000];
	char *const rcpt[] = { value };
	struct ag_front front = { .rcpt = rcpt, .nrcpt = 1 };
	char *text = NULL;
	unsigned calls;
	size_t len;

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	for (calls = 0; text == NULL && calls < 100; calls++) {
		served = calls;
		text = ag_front_write(&front, &len);
	}
	served = (unsigned)-1;
	assert_non_null(text);
	/* the last one was served all it asked for */
	assert_true(calls >= 3 && calls <= 100);
	assert_true(len > sizeof(value));
	assert_int_equal(len, strlen(text));
	assert_non_null(strstr(text, "\nX-Authgate-Queue-Id: -\n"));
	free(text);
}

#define REST \
	"X-Authgate-Client: x\nX-Authgate-Login: -\nX-Authgate-Queue-Id: q\n"

static void
test_reading(void **state)
{
	static const char good[] = "Return-Path: <>\n"
				   "X-Authgate-Recipients: a@b,\n c@d\n" REST
				   "X-Authgate-Login: forged\n"
				   "X-Authgate-Sender: forged\n\nbody\n";
	static const char *const bad[] = {
		"\n",
		"Return-Path: <>\n",
		"Return-Path: a\nX-Authgate-Recipients: b\n" REST,
		"Return-Path: <a>\nX-Authgate-Recipients: b",
		"Subject: x\nReturn-Path: <a>\nX-Authgate-Recipients: b\n" REST,
		"Return-Path: <a>\nSubject: x\nX-Authgate-Recipients: b\n" REST,
		"X-Authgate-Sender: a\nX-Authgate-Recipients: b\n" REST,
		"Return-Path: <a>\nX-Authgate-Sender: a\n" REST,
		"Return-Path: <a>\nX-Authgate-Sender: a",
	};
	struct ag_front_text read;

	(void)state;
	assert_true(read_front(good, &read));
	assert_string_equal(read.sender, "");
	assert_null(read.judged);
	assert_string_equal(read.rcpts, "a@b,c@d");
	assert_string_equal(read.client, "x");
	assert_string_equal(read.login, "");
	assert_string_equal(read.queue_id, "q");
	ag_front_free(&read);
	for (size_t i = 0; i < ROWS(bad); i++) {
		expect_number(bad[i], read_front(bad[i], &read), false);
		ag_front_free(&read);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_lines),
		cmocka_unit_test(test_how_the_sender_is_read),
		cmocka_unit_test(test_values_are_made_safe),
		cmocka_unit_test(test_many_recipients),
		cmocka_unit_test(test_very_long_value),
		cmocka_unit_test(test_recipients_with_commas),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
