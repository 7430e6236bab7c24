#include "findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "milter/maillog/time.h"
#include "policy/base/number.h"

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
		/* without a zone, or with one behind a blank */
		{ "2026-11-21T12:00:00 mx", "2026-11-21T11:00:00Z|mx" },
		{ "2026-11-21 12:00:00,123 mx", "2026-11-21T11:00:00Z|mx" },
		{ "2026/07/02 12:00:00 mx", "2026-07-02T10:00:00Z|mx" },
		{ "2026-11-21 12:00:00 UTC mx", "2026-11-21T12:00:00Z|mx" },
		{ "2026-11-21 12:00:00 CET mx", "2026-11-21T11:00:00Z|mx" },
		{ "2026-10-25 02:30:00 CEST mx", "2026-10-25T00:30:00Z|mx" },
		{ "2026-10-25 02:30:00 CET mx", "2026-10-25T01:30:00Z|mx" },
		{ "2026-11-21 12:00:00 EST mx", "2026-11-21T17:00:00Z|mx" },
		{ "2026-11-21 12:00:00 -03 mx", "2026-11-21T15:00:00Z|mx" },
		{ "2026-11-21 12:00:00 +0530 mx", "2026-11-21T06:30:00Z|mx" },
		{ "2026-11-21T12:00:00+05 mx", "2026-11-21T07:00:00Z|mx" },
		{ "2026-11-21 12:00:00 MX x", "2026-11-21T11:00:00Z|MX x" },
		{ "Nov 21 12:00:00 UTC mx", "2026-11-21T12:00:00Z|mx" },
		/* fractions, and years */
		{ "Nov 21 12:00:00.123456 mx", "2026-11-21T11:00:00Z|mx" },
		{ "Nov 21 12:00:00 2025 mx", "2025-11-21T11:00:00Z|mx" },
		{ "Nov 21 2025 12:00:00 mx", "2025-11-21T11:00:00Z|mx" },
		{ "2025 Nov 21 12:00:00 mx", "2025-11-21T11:00:00Z|mx" },
		{ "Nov 21 12:00:00 1234 mx", "2026-11-21T11:00:00Z|1234 mx" },
		{ "Nov  1 12:00:00 mx", "2026-11-01T11:00:00Z|mx" },
		{ "Nov 01 12:00:00 mx", "2026-11-01T11:00:00Z|mx" },
		{ "Nov 1 12:00:00 mx", "2026-11-01T11:00:00Z|mx" },
		{ "1795262400.123456 mx", "2026-11-21T12:00:00Z|mx" },
		{ "1795262400 mx", "2026-11-21T12:00:00Z|mx" },
		{ "179526240 mx", "-" },
		{ "17952624000 mx", "-" },
		{ "1795262400.mx", "-" },
		{ "2026-02-29 12:00:00 mx", "-" },
		{ "2026-11-21 12:00:00", "-" },
		{ "1969-11-21 12:00:00 mx", "-" },
		{ "12026-11-21 12:00:00 mx", "-" },
		{ "Nov 31 12:00:00 mx", "-" },
		{ "Nov 021 12:00:00 mx", "-" },
		{ "Nov 21 1:00:00 mx", "-" },
		{ "maj 21 12:00:00 mx", "-" },
		{ "No 21 12:00:00 mx", "-" },
		{ ". 21 12:00:00 mx", "-" },
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

/* The short names of the locales, as glibc has them, one line a locale. */
static void
test_months(void **state)
{
	static const char *const locales[] = {
		"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
		"Jan Feb M\xc3\xa4r Apr Mai Jun Jul Aug Sep Okt Nov Dez",
		"J\xc3\xa4n Feb M\xc3\xa4r Apr Mai Jun Jul Aug Sep Okt Nov Dez",
		"janv. f\xc3\xa9vr. mars avril mai juin juil. ao\xc3\xbbt sept. "
		"oct. nov. d\xc3\xa9"
		"c.",
		"jan f\xc3\xa9v mar avr mai jun jui ao\xc3\xbb sep oct nov "
		"d\xc3\xa9"
		"c",
		"ene feb mar abr may jun jul ago sep oct nov dic",
		"ene. feb. mar. abr. may. jun. jul. ago. sept. oct. nov. dic.",
		"gen feb mar apr mag giu lug ago set ott nov dic",
	};
	char line[100], expected[100];
	struct ag_str names, name;

	(void)state;
	for (size_t i = 0; i < ROWS(locales); i++) {
		names = ag_str(locales[i]);
		for (int month = 1; month <= 12; month++) {
			struct ag_logclock clock;

			assert_true(ag_str_word(&names, " ", &name));
			ag_logclock_begin(&clock,
			    instant("2026-12-31T00:00:00Z"));
			snprintf(line, sizeof(line), "%.*s 05 23:30:00 mx",
			    AG_STR_ARG(name));
			snprintf(expected, sizeof(expected),
			    "2026-%02d-05T%d:30:00Z|mx", month,
			    month > 3 && month < 11 ? 21 : 22);
			expect_taken(&clock, line, expected);
		}
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
		{ "2029-02-01T00:00:00Z", "Feb 29 12:00:00 x",
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
		cmocka_unit_test(test_months),
		cmocka_unit_test(test_end_of_year),
		cmocka_unit_test(test_year_of_first_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
