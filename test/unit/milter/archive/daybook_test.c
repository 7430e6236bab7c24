#include "findings.h"

#include "milter/archive/daybook.h"

#define HOUR INT64_C(3600)
#define DAY AG_DAY_SECONDS
#define TODAY (INT64_C(20000) * DAY) /* some day in 2024 */

/* A look: when, by both clocks, and what comes of it. */
struct step {
	const char *name;
	int64_t wall;   /* from TODAY on */
	int64_t steady; /* any */
	bool doubts;
	bool news;
	int64_t now; /* from TODAY on, or AG_NO_TIME */
};

static void
look_at(const struct step *step, size_t n, int64_t newest)
{
	struct ag_daybook book = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct ag_moment moment = { TODAY + step[i].wall,
			1000 + step[i].steady };
		struct ag_look_back look =
		    ag_daybook_look(&book, moment, newest);

		expect_number(step[i].name, look.doubts, step[i].doubts);
		expect_number(step[i].name, look.news, step[i].news);
		expect_number(step[i].name,
		    look.now == AG_NO_TIME ? AG_NO_TIME : look.now - TODAY,
		    step[i].now);
	}
}

#define LOOK(steps, newest) look_at(steps, ROWS(steps), newest)

static void
test_two_looks_an_hour_apart(void **state)
{
	static const struct step steps[] = {
		{ "the first", 0, 0, false, false, AG_NO_TIME },
		{ "soon", 60, 60, false, false, AG_NO_TIME },
		{ "just before", HOUR - 1, HOUR - 1, false, false, AG_NO_TIME },
		{ "an hour later", HOUR, HOUR, false, false, 0 },
		{ "what the first of them saw", HOUR + 60, HOUR + 60, false,
		    false, 0 },
		{ "two", 2 * HOUR, 2 * HOUR, false, false, HOUR },
		{ "after a night", DAY, DAY, false, false, 2 * HOUR },
		{ "and again", DAY + HOUR, DAY + HOUR, false, false, DAY },
	};

	(void)state;
	LOOK(steps, AG_NO_TIME);
	LOOK(steps, TODAY);
	LOOK(steps, TODAY - 7 * DAY);
}

/* Where many looks are asked for, each of them counts. */
static void
test_many_looks(void **state)
{
	struct ag_daybook book = { 0 };

	(void)state;
	for (int64_t s = 0; s < 5 * HOUR; s += 10) {
		struct ag_moment moment = { TODAY + s, s };
		struct ag_look_back look =
		    ag_daybook_look(&book, moment, AG_NO_TIME);

		expect_number("an hour before at least", true,
		    look.now <= TODAY + s - HOUR);
		expect_number("two hours before at most", true,
		    s < 2 * HOUR || look.now >= TODAY + s - 2 * HOUR);
	}
}

static void
test_a_short_jump(void **state)
{
	static const struct step steps[] = {
		{ "the first", 0, 0, false, false, AG_NO_TIME },
		{ "an hour", HOUR, HOUR, false, false, 0 },
		{ "six days ahead", HOUR + 6 * DAY, HOUR, false, false, 0 },
		{ "and back", 2 * HOUR, 2 * HOUR, false, false, HOUR },
		{ "six days ahead again", 3 * HOUR + 6 * DAY, 3 * HOUR, false,
		    false, 2 * HOUR },
		{ "set back for a moment", 3 * HOUR - DAY, 3 * HOUR, false,
		    false, 3 * HOUR - DAY },
		{ "ahead all the same", 4 * HOUR, 4 * HOUR, false, false,
		    3 * HOUR - DAY },
	};

	(void)state;
	LOOK(steps, AG_NO_TIME);
}

static void
test_a_jump_ahead(void **state)
{
	static const struct step steps[] = {
		{ "the first", 0, 0, false, false, AG_NO_TIME },
		{ "an hour", HOUR, HOUR, false, false, 0 },
		{ "four years", 1400 * DAY, 2 * HOUR, true, true, AG_NO_TIME },
		{ "still so", 1400 * DAY + HOUR, 3 * HOUR, true, false,
		    AG_NO_TIME },
		{ "set right", 4 * HOUR, 4 * HOUR, false, true, 4 * HOUR },
		{ "and on", 5 * HOUR, 5 * HOUR, false, false, 4 * HOUR },
	};

	(void)state;
	LOOK(steps, AG_NO_TIME);
}

/* Whoever does not set it right for a week means it. */
static void
test_a_clock_that_stays_so(void **state)
{
	static const struct step steps[] = {
		{ "the first", 0, 0, false, false, AG_NO_TIME },
		{ "four years", 1400 * DAY, HOUR, true, true, AG_NO_TIME },
		{ "three days", 1403 * DAY, HOUR + 3 * DAY, true, false,
		    AG_NO_TIME },
		{ "another time", -20 * DAY, HOUR + 4 * DAY, true, false,
		    AG_NO_TIME },
		{ "a week later", -13 * DAY - 1, HOUR + 11 * DAY - 1, true,
		    false, AG_NO_TIME },
		{ "it is believed", -13 * DAY, HOUR + 11 * DAY, false, true,
		    -20 * DAY },
		{ "and on", -13 * DAY + HOUR, 2 * HOUR + 11 * DAY, false, false,
		    -13 * DAY - 1 },
	};

	(void)state;
	LOOK(steps, AG_NO_TIME);
}

static void
test_a_start_with_another_clock(void **state)
{
	static const struct step late[] = {
		{ "the first", 8 * DAY + 1, 0, true, true, AG_NO_TIME },
		{ "an hour", 8 * DAY + HOUR + 1, HOUR, true, false,
		    AG_NO_TIME },
		{ "set right", 2 * HOUR, 2 * HOUR, false, true, 2 * HOUR },
		{ "and on", 3 * HOUR, 3 * HOUR, false, false, 2 * HOUR },
	};
	static const struct step early[] = {
		{ "2001", -8000 * DAY, 0, true, true, AG_NO_TIME },
		{ "an hour", -8000 * DAY + HOUR, HOUR, true, false,
		    AG_NO_TIME },
		{ "set right", 2 * HOUR, 2 * HOUR, false, true,
		    -8000 * DAY + HOUR },
		{ "and on", 3 * HOUR, 3 * HOUR, false, false, 2 * HOUR },
	};
	static const struct step near[] = {
		{ "a week without mail", 8 * DAY, 0, false, false, AG_NO_TIME },
		{ "an hour", 8 * DAY + HOUR, HOUR, false, false, 8 * DAY },
	};
	static const struct step before[] = {
		{ "a week ahead", -7 * DAY, 0, false, false, AG_NO_TIME },
		{ "an hour", -7 * DAY + HOUR, HOUR, false, false, -7 * DAY },
	};

	(void)state;
	LOOK(late, TODAY);
	LOOK(early, TODAY);
	LOOK(near, TODAY);
	LOOK(before, TODAY);
}

struct over {
	int64_t start; /* from TODAY on */
	int64_t seconds;
	int64_t now;
	int64_t idle;
	bool over;
};

static void
test_over(void **state)
{
	static const struct over table[] = {
		{ -11 * DAY, 10 * DAY, 0, AG_NO_TIME, true },
		{ -11 * DAY, 10 * DAY, -1, AG_NO_TIME, false },
		{ -11 * DAY, 10 * DAY, 0, 10 * DAY, true },
		{ -11 * DAY, 10 * DAY, 0, 10 * DAY - 1, false },
		{ -8000 * DAY, 90 * DAY, 0, HOUR, false },
		{ -1 * DAY, 0, 0, AG_NO_TIME, true },
		{ 0, 0, DAY - 1, AG_NO_TIME, false },
		{ -1 * DAY, 0, 0, DAY - 1, false },
		{ -1 * DAY, 0, 0, DAY, true },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_number("over",
		    ag_day_is_over(TODAY + table[i].start, table[i].seconds,
			TODAY + table[i].now, table[i].idle),
		    table[i].over);
	expect_number("never", ag_day_is_over(0, 0, AG_NO_TIME, AG_NO_TIME),
	    false);
}

static void
test_now(void **state)
{
	struct ag_moment first = ag_moment_now(), second = ag_moment_now();

	(void)state;
	expect_number("after 2020", first.wall > INT64_C(1577836800), true);
	expect_number("it goes on", second.steady >= first.steady, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_looks_an_hour_apart),
		cmocka_unit_test(test_many_looks),
		cmocka_unit_test(test_a_short_jump),
		cmocka_unit_test(test_a_jump_ahead),
		cmocka_unit_test(test_a_clock_that_stays_so),
		cmocka_unit_test(test_a_start_with_another_clock),
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
