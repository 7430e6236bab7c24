#include "findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../milter/logtime.h"
#include "number.h"

static int64_t
instant(const char *text)
{
	int64_t t;

	assert_true(ag_number_instant(ag_str(text), &t));
	return t;
}

/* "TIME|REST", or "-" where there is no time stamp. */
static void
expect_taken(struct ag_logclock *clock, const char *line, const char *expected)
{
	struct ag_str rest = ag_str(line);
	char got[200] = "-", when[AG_INSTANT_MAX];
	int64_t t;

	if (ag_logtime_take(clock, &rest, &t))
		snprintf(got, sizeof(got), "%s|%.*s",
		    ag_number_write_instant(t, when), AG_STR_ARG(rest));
	else
		assert_ptr_equal(rest.ptr, line);
	expect_text(line, got, expected);
}

static void
test_forms(void **state)
{
	/* local time is that of middle Europe, see CMakeLists.txt */
	static const struct {
		const char *line;
		const char *expected;
	} rows[] = {
		{ "Nov 21 12:00:00 mx x", "2026-11-21T11:00:00Z|mx x" },
		{ "Nov  1 00:00:59 mx", "2026-10-31T23:00:59Z|mx" },
		{ "Jul  2 12:00:00 mx", "2026-07-02T10:00:00Z|mx" },
		{ "Nov 21 12:00:60 mx", "2026-11-21T11:01:00Z|mx" },
		{ "2026-11-21T12:00:00Z mx", "2026-11-21T12:00:00Z|mx" },
		{ "2026-11-21T12:00:00+01:00 mx", "2026-11-21T11:00:00Z|mx" },
		{ "2026-11-21T12:00:00.123456+01:00 mx",
		    "2026-11-21T11:00:00Z|mx" },
		{ "2026-11-21T12:00:00-0330 mx", "2026-11-21T15:30:00Z|mx" },
		{ "2026-11-21T12:00:00.5+0100  mx", "2026-11-21T11:00:00Z|mx" },
		{ "", "-" },
		{ "Nov 21 12:00:00", "-" },
		{ "Nov 32 12:00:00 mx", "-" },
		{ "Nov  0 12:00:00 mx", "-" },
		{ "Now 21 12:00:00 mx", "-" },
		{ "Nov 21 24:00:00 mx", "-" },
		{ "Nov 21 12:60:00 mx", "-" },
		{ "Nov 21 12-00-00 mx", "-" },
		{ "Nov 21 1x:00:00 mx", "-" },
		{ "2026-13-21T12:00:00Z mx", "-" },
		{ "2026-11-21T12:00:00 mx", "-" },
		{ "2026-11-21T12:00:00+1 mx", "-" },
		{ "2026-11-21T12:00:00+99:00 mx", "-" },
		{ "2026-11-21T12:00:00.", "-" },
		{ "2026-11-21", "-" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct ag_logclock clock;

		ag_logclock_begin(&clock, instant("2026-11-22T03:00:00Z"));
		expect_taken(&clock, rows[i].line, rows[i].expected);
	}
}

/* The file was last written in January. */
static void
test_end_of_year(void **state)
{
	struct ag_logclock clock;

	(void)state;
	ag_logclock_begin(&clock, instant("2027-01-05T00:00:00Z"));
	expect_taken(&clock, "Nov 30 12:00:00 x", "2026-11-30T11:00:00Z|x");
	expect_taken(&clock, "Dec 31 23:59:59 x", "2026-12-31T22:59:59Z|x");
	expect_taken(&clock, "Jan  1 00:00:00 x", "2026-12-31T23:00:00Z|x");
	expect_taken(&clock, "Dec 31 23:59:59 x", "2026-12-31T22:59:59Z|x");
	expect_taken(&clock, "Jan  1 01:00:00 x", "2027-01-01T00:00:00Z|x");
	expect_taken(&clock, "Jan  4 12:00:00 x", "2027-01-04T11:00:00Z|x");
}

/* A line may be a little later than the file's time says. */
static void
test_year_of_first_line(void **state)
{
	static const struct {
		const char *end;
		const char *line;
		const char *expected;
	} rows[] = {
		{ "2026-12-31T22:00:00Z", "Jan  1 01:00:00 x",
		    "2027-01-01T00:00:00Z|x" },
		{ "2026-03-01T00:00:00Z", "Mar  2 12:00:00 x",
		    "2026-03-02T11:00:00Z|x" },
		{ "2026-03-01T00:00:00Z", "Mar  9 12:00:00 x",
		    "2025-03-09T11:00:00Z|x" },
		{ "2028-03-01T00:00:00Z", "Feb 29 12:00:00 x",
		    "2028-02-29T11:00:00Z|x" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct ag_logclock clock;

		ag_logclock_begin(&clock, instant(rows[i].end));
		expect_taken(&clock, rows[i].line, rows[i].expected);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_end_of_year),
		cmocka_unit_test(test_year_of_first_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
