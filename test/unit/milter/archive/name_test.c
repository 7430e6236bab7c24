#include "findings.h"

#include <inttypes.h>
#include <string.h>

#include "milter/archive/name.h"

static void
test_names_differ(void **state)
{
	char a[AG_COPYNAME_MAX], b[AG_COPYNAME_MAX], day[AG_DAY_MAX];
	struct ag_copyname parts;
	int64_t start;

	(void)state;
	ag_copyname_make(a, day);
	ag_copyname_make(b, day);
	assert_string_not_equal(a, b);
	assert_true(ag_copyname_read(ag_str(a), &parts));
	assert_false(parts.whole);
	assert_true(ag_day_read(ag_str(day), &start));
	assert_true(parts.seconds >= start && parts.seconds < start + 86400);
}

static void
test_what_a_name_says(void **state)
{
	char name[AG_COPYNAME_MAX], day[AG_DAY_MAX];
	struct ag_copyname parts;

	(void)state;
	ag_copyname_make(name, day);
	ag_copyname_finish(name, 12345678901, 0xfedcba9876543210);
	assert_null(strchr(name, '/'));
	assert_null(strchr(name, ':'));
	assert_true(ag_copyname_read(ag_str(name), &parts));
	assert_true(parts.whole);
	assert_true(parts.size == 12345678901);
	assert_true(parts.sum == 0xfedcba9876543210);
	/* as a mail reader leaves it in cur/ */
	strcat(name, ":2,S");
	assert_true(ag_copyname_read(ag_str(name), &parts));
	assert_true(parts.whole);
}

static void
test_other_names(void **state)
{
	static const struct {
		const char *name;
		bool read, whole;
	} table[] = {
		{ "1.M2P3R4Q5.h,S=6,X=0123456789abcdef", true, true },
		{ "1.M2P3R4Q5.h,S=6,X=0123456789abcdef:2,", true, true },
		{ "1.M2P3R4Q5.h,X=0123456789abcdef,S=6", true, true },
		{ "1.M2P3R4Q5.h,W=7,S=6,X=0123456789abcdef", true, true },
		{ "1.M2P3R4Q5.h", true, false },
		{ "1.M2P3R4Q5.h,S=6", true, false },
		{ "1.M2P3R4Q5.h,S=06,X=0123456789abcdef", true, false },
		{ "1.M2P3R4Q5.h,S=-6,X=0123456789abcdef", true, false },
		{ "1.M2P3R4Q5.h,S=6,X=0123456789ABCDEF", true, false },
		{ "1.M2P3R4Q5.h,S=6,X=0123456789abcde", true, false },
		{ "1.M2P3R4Q5.h,S=6,X=0123456789abcdefa", true, false },
		{ "1.M2P3R4Q5.h:2,S=6,X=0123456789abcdef", true, false },
		{ "", false, false },
		{ ".", false, false },
		{ "1", false, false },
		{ "1.M2", false, false },
		{ "x.M2P3R4Q5.h", false, false },
		{ "1.2.h", false, false },
		/* what other programs call their files */
		{ "1.M2P3.h,S=6,W=7:2,S", false, false },
		{ "1.M2P3V4I5.h,S=6", false, false },
		{ "1.M2P3R4.h,S=6,X=0123456789abcdef", false, false },
		{ "1.M2P3Q5.h,S=6,X=0123456789abcdef", false, false },
		{ "1.M2P3R4Q5,S=6,X=0123456789abcdef", false, false },
		{ "1.M2P3R4Q5.,S=6,X=0123456789abcdef", false, false },
		{ "1.MP3R4Q5.h", false, false },
		{ "1.M2P3RxQ5.h", false, false },
		{ "1.M2P3R4Q5_6.h", false, false },
		{ "1.M02P03R0000000fQ0.h.example", true, false },
		{ "dovecot-uidlist", false, false },
		{ "99999999999999999999.M2P3R4Q5.h", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct ag_copyname parts;
		bool read = ag_copyname_read(ag_str(table[i].name), &parts);

		expect_number(table[i].name, read, table[i].read);
		expect_number(table[i].name, parts.whole, table[i].whole);
	}
}

static void
test_days(void **state)
{
	static const char *const none[] = { "", "2026-1-01", "2026-02-30",
		"2026-11-22x", "2026-11-22T00:00:00Z", "lost+found",
		"....-..-.." };
	int64_t start = 0;

	(void)state;
	assert_true(ag_day_read(ag_str("1970-01-02"), &start));
	assert_true(start == 86400);
	for (size_t i = 0; i < ROWS(none); i++)
		expect_number(none[i], ag_day_read(ag_str(none[i]), &start),
		    false);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_differ),
		cmocka_unit_test(test_what_a_name_says),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
