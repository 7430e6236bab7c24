#include "findings.h"

#include "policy/base/number.h"

#define UNTOUCHED 4711

/* What a function left in its output, or "refused". */
static void
check(const char *text, bool ok, int64_t got, const char *expected)
{
	char shown[40];
	struct ag_buf buf = AG_BUF(shown);

	if (ok)
		ag_buf_printf(&buf, "%lld", (long long)got);
	else
		ag_buf_text(&buf, "refused");
	expect_text(text, shown, expected);
	if (!ok)
		expect_number(text, got, UNTOUCHED);
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		const char *expected;
	} table[] = {
		{ "0", 255, "0" },
		{ "7", 255, "7" },
		{ "255", 255, "255" },
		{ "256", 255, "refused" },
		{ "2550", 255, "refused" },
		{ "9", 5, "refused" },
		{ "0", 0, "0" },
		{ "1", 0, "refused" },
		{ "9223372036854775807", INT64_MAX, "9223372036854775807" },
		{ "9223372036854775808", INT64_MAX, "refused" },
		{ "18446744073709551616", UINT64_MAX, "refused" },
		{ "99999999999999999999999", UINT64_MAX, "refused" },
		{ "", 255, "refused" },
		{ "00", 255, "refused" },
		{ "01", 255, "refused" },
		{ "010", 255, "refused" },
		{ "-1", 255, "refused" },
		{ "+1", 255, "refused" },
		{ " 1", 255, "refused" },
		{ "1 ", 255, "refused" },
		{ "1x", 255, "refused" },
		{ "0x10", 255, "refused" },
		{ "1.0", 255, "refused" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		uint64_t n = UNTOUCHED;
		bool ok =
		    ag_number_parse(ag_str(table[i].text), table[i].max, &n);

		check(table[i].text, ok, (int64_t)n, table[i].expected);
	}
}

static void
test_largest_number(void **state)
{
	uint64_t n;

	(void)state;
	assert_true(
	    ag_number_parse(ag_str("18446744073709551615"), UINT64_MAX, &n));
	assert_true(n == UINT64_MAX);
}

static void
test_times(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} table[] = {
		{ "0", "0" },
		{ "0s", "0" },
		{ "90s", "90" },
		{ "15m", "900" },
		{ "2h", "7200" },
		{ "30d", "2592000" },
		{ "36525d", "3155760000" }, /* a hundred years */
		{ "36526d", "refused" },
		{ "3155760001s", "refused" },
		{ "", "refused" },
		{ "s", "refused" },
		{ "90", "refused" },
		{ "2H", "refused" },
		{ "2 h", "refused" },
		{ "2hours", "refused" },
		{ "1h30m", "refused" },
		{ "02h", "refused" },
		{ "-1s", "refused" },
		{ "2w", "refused" },
		{ "1.5h", "refused" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		int64_t n = UNTOUCHED;
		bool ok = ag_number_time(ag_str(table[i].text), &n);

		check(table[i].text, ok, n, table[i].expected);
	}
}

static void
test_sizes(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} table[] = {
		{ "0", "0" },
		{ "64K", "65536" },
		{ "10M", "10485760" },
		{ "5G", "5368709120" },
		{ "8589934591G", "9223372035781033984" },
		{ "8589934592G", "refused" },
		{ "", "refused" },
		{ "K", "refused" },
		{ "64", "refused" },
		{ "64k", "refused" },
		{ "64KB", "refused" },
		{ "1T", "refused" },
		{ "-1K", "refused" },
		{ "1.5G", "refused" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		uint64_t n = UNTOUCHED;
		bool ok = ag_number_size(ag_str(table[i].text), &n);

		check(table[i].text, ok, (int64_t)n, table[i].expected);
	}
}

/* "on" and "yikes" are the ones that iniparser has its own mind about. */
static void
test_truth_values(void **state)
{
	static const char *const neither[] = { "", "y", "n", "Yes", "YES", "No",
		"yikes", "yes ", "true", "false", "on", "off", "1", "0",
		"enabled" };
	bool yes = false;

	(void)state;
	assert_true(ag_number_yesno(ag_str("yes"), &yes) && yes);
	assert_true(ag_number_yesno(ag_str("no"), &yes) && !yes);
	for (size_t i = 0; i < ROWS(neither); i++) {
		yes = true;
		expect_number(neither[i],
		    ag_number_yesno(ag_str(neither[i]), &yes), false);
		expect_number(neither[i], yes, true);
	}
}

static void
test_file_modes(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} table[] = {
		{ "0660", "432" },
		{ "660", "432" },
		{ "0777", "511" },
		{ "000", "0" },
		{ "1777", "refused" },
		{ "0680", "refused" },
		{ "66", "refused" },
		{ "00660", "refused" },
		{ "", "refused" },
		{ "-660", "refused" },
		{ "rw-", "refused" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		unsigned mode = UNTOUCHED;
		bool ok = ag_number_mode(ag_str(table[i].text), &mode);

		check(table[i].text, ok, mode, table[i].expected);
	}
}

static void
test_instants(void **state)
{
	static const struct {
		const char *text;
		const char *instant;
		const char *until;
	} table[] = {
		{ "1970-01-01T00:00:00Z", "0", "0" },
		{ "2026-12-31T18:00:00Z", "1798740000", "1798740000" },
		{ "2024-02-29T23:59:59Z", "1709251199", "1709251199" },
		{ "2000-03-01T00:00:00Z", "951868800", "951868800" },
		{ "2038-01-19T03:14:08Z", "2147483648", "2147483648" },
		{ "9999-12-31T23:59:59Z", "253402300799", "253402300799" },
		/* a date alone: to the end of that day */
		{ "2026-12-31", "refused", "1798761600" },
		{ "1970-01-01", "refused", "86400" },
		{ "9999-12-31", "refused", "253402300800" },
		{ "2024-02-29", "refused", "1709251200" },
		{ "2023-02-29", "refused", "refused" },
		{ "2100-02-29", "refused", "refused" },
		{ "2000-02-29", "refused", "951868800" },
		{ "2026-04-31", "refused", "refused" },
		{ "2026-13-01", "refused", "refused" },
		{ "2026-00-01", "refused", "refused" },
		{ "2026-01-00", "refused", "refused" },
		{ "1969-12-31", "refused", "refused" },
		{ "2026-1-1", "refused", "refused" },
		{ "26-01-01", "refused", "refused" },
		{ "31.12.2026", "refused", "refused" },
		{ "2026/12/31", "refused", "refused" },
		{ "2026-12-31 ", "refused", "refused" },
		{ "2026-12-31Z", "refused", "refused" },
		{ "2026-12-31T18:00:00", "refused", "refused" },
		{ "2026-12-31T18:00Z", "refused", "refused" },
		{ "2026-12-31 18:00:00Z", "refused", "refused" },
		{ "2026-12-31t18:00:00z", "refused", "refused" },
		{ "2026-12-31T18:00:00+01:00", "refused", "refused" },
		{ "2026-12-31T18:00:00.5Z", "refused", "refused" },
		{ "2026-12-31T18:00:00Zx", "refused", "refused" },
		{ "2026-12-31T24:00:00Z", "refused", "refused" },
		{ "2026-12-31T23:60:00Z", "refused", "refused" },
		{ "2016-12-31T23:59:60Z", "refused", "refused" },
		{ "tomorrow", "refused", "refused" },
		{ "", "refused", "refused" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		int64_t n = UNTOUCHED, end = UNTOUCHED;
		bool ok = ag_number_instant(ag_str(table[i].text), &n);

		check(table[i].text, ok, n, table[i].instant);
		ok = ag_number_until(ag_str(table[i].text), &end);
		check(table[i].text, ok, end, table[i].until);
	}
}

static void
test_instants_are_written_as_they_are_read(void **state)
{
	static const char *const table[] = { "1970-01-01T00:00:00Z",
		"2024-02-29T23:59:59Z", "9999-12-31T23:59:59Z" };
	char text[AG_INSTANT_MAX];

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		int64_t n;

		assert_true(ag_number_instant(ag_str(table[i]), &n));
		expect_text(table[i], ag_number_write_instant(n, text),
		    table[i]);
	}
	/* the end of the last day that can be written */
	expect_text("9999-12-31", ag_number_write_instant(253402300800, text),
	    "10000-01-01T00:00:00Z");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_largest_number),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_truth_values),
		cmocka_unit_test(test_file_modes),
		cmocka_unit_test(test_instants),
		cmocka_unit_test(test_instants_are_written_as_they_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
