#include "findings.h"

#include <stdlib.h>

#include "milter/base/lines.h"

/* The lengths of the lines, each with the line's first byte. */
static void
expect_lines(const char *name, const char *text, size_t len,
    const char *expected)
{
	static struct ag_lines lines;
	char got[400];
	struct ag_buf buf = AG_BUF(got);
	struct ag_str line;
	FILE *in = len > 0 ? fmemopen((void *)text, len, "r") :
			     fopen("/dev/null", "r");

	assert_non_null(in);
	ag_lines_begin(&lines, in);
	while (ag_lines_next(&lines, &line))
		ag_buf_printf(&buf, "%.1s%zu ", line.len > 0 ? line.ptr : "",
		    line.len);
	fclose(in);
	expect_text(name, got, expected);
}

static void
test_short_lines(void **state)
{
	(void)state;
	expect_lines("empty", "", 0, "");
	expect_lines("one", "a\n", 2, "a1 ");
	expect_lines("no newline at the end", "a\nbc", 4, "a1 b2 ");
	expect_lines("empty lines", "\n\na\n\n", 5, "0 0 a1 0 ");
	expect_lines("NUL", "a\0b\nc\n", 6, "a3 c1 ");
}

/* A long line is cut, and what follows it is whole. */
static void
test_long_lines(void **state)
{
	static char text[6 * AG_LINE_MAX];
	static const struct {
		size_t len; /* of the first line */
		const char *expected;
	} rows[] = {
		{ AG_LINE_MAX - 1, "a65535 b2 " },
		{ AG_LINE_MAX, "a65536 b2 " },
		{ AG_LINE_MAX + 1, "a65536 b2 " },
		{ 2 * AG_LINE_MAX - 1, "a65536 b2 " },
		{ 2 * AG_LINE_MAX, "a65536 b2 " },
		{ 2 * AG_LINE_MAX + 1, "a65536 b2 " },
		{ 5 * AG_LINE_MAX, "a65536 b2 " },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		memset(text, 'a', rows[i].len);
		memcpy(text + rows[i].len, "\nbb\n", 4);
		expect_lines(rows[i].expected, text, rows[i].len + 4,
		    rows[i].expected);
	}
	memset(text, 'a', 3 * AG_LINE_MAX);
	expect_lines("without an end", text, 3 * AG_LINE_MAX, "a65536 ");
}

/* Lines of all lengths stand at all places of the buffer. */
static void
test_many_lines(void **state)
{
	static struct ag_lines lines;
	char *text;
	size_t len, n = 0;
	FILE *out = open_memstream(&text, &len), *in;
	struct ag_str line, begin;

	(void)state;
	assert_non_null(out);
	for (int i = 0; i < 3000; i++)
		fprintf(out, "%0*d\n", i % 331 + 1, i % 10);
	fclose(out);
	in = fmemopen(text, len, "r");
	assert_non_null(in);
	ag_lines_begin(&lines, in);
	begin = ag_lines_peek(&lines);
	assert_true(ag_str_starts(begin, "0\n01\n"));
	for (; ag_lines_next(&lines, &line); n++) {
		assert_int_equal(line.len, n % 331 + 1);
		assert_int_equal(line.ptr[line.len - 1], '0' + n % 10);
	}
	assert_int_equal(n, 3000);
	fclose(in);
	free(text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_lines),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_many_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
