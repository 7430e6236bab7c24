#include "findings.h"

#include "policy/table/names.h"

static void
add(struct ag_names *names, const char *name, int64_t until, unsigned line,
    struct findings *findings)
{
	struct ag_entry entry = { until, "a reason", { "kill.list", line } };

	assert_true(ag_names_add(names, ag_str(name), &entry, &findings->diag));
}

/* The line of the live entry, 0 when there is none. */
static void
expect_line(const struct ag_names *names, const char *name, int64_t now,
    unsigned expected)
{
	const struct ag_entry *entry = ag_names_find(names, ag_str(name), now);

	expect_number(name, entry != NULL ? entry->origin.line : 0, expected);
}

static void
test_names_with_end_dates(void **state)
{
	struct ag_names names = { 0 };
	struct findings findings;

	(void)state;
	findings_begin(&findings);
	expect_line(&names, "alice@example.com", 0, 0);
	add(&names, "alice@example.com", AG_NEVER, 1, &findings);
	add(&names, "bob@example.com", 100, 2, &findings);
	expect_findings("two names", &findings, "");
	expect_line(&names, "alice@example.com", 0, 1);
	expect_line(&names, "Alice@example.com", 0, 0);
	expect_line(&names, "bob@example.com", 99, 2);
	expect_line(&names, "bob@example.com", 100, 0);
	expect_line(&names, "carol@example.com", 0, 0);
	expect_text("note",
	    ag_names_find(&names, ag_str("bob@example.com"), 0)->note,
	    "a reason");
	ag_names_free(&names);
}

static void
test_longer_lived_of_two_counts(void **state)
{
	struct ag_names names = { 0 };
	struct findings findings;

	(void)state;
	findings_begin(&findings);
	add(&names, "a", 200, 1, &findings);
	add(&names, "a", 100, 2, &findings);
	add(&names, "b", 100, 3, &findings);
	add(&names, "b", AG_NEVER, 4, &findings);
	expect_findings("twice", &findings,
	    "warning kill.list:2: a is there twice, see kill.list:1; the "
	    "longer-lived counts\n"
	    "warning kill.list:4: b is there twice, see kill.list:3; the "
	    "longer-lived counts\n");
	expect_line(&names, "a", 150, 1);
	expect_line(&names, "a", 200, 0);
	expect_line(&names, "b", 150, 4);
	ag_names_free(&names);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_with_end_dates),
		cmocka_unit_test(test_longer_lived_of_two_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
