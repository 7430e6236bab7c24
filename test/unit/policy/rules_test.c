#include "findings.h"

#include "policy/rules.h"

/* The contract's table of rules, in its order. */
static void
test_order_stage_and_name(void **state)
{
	static const char *const table[] = {
		"connect kill_client",
		"mail auth_only_listener",
		"mail kill_login",
		"mail bad_address",
		"mail kill_sender",
		"mail auth_mechanism",
		"mail auth_tls",
		"mail sender_login_match",
		"mail foreign_sender_match",
		"mail role_sender_auth",
		"rcpt bad_address",
		"rcpt local_sender_auth",
		"rcpt outgoing_auth",
		"header from_header_match",
		"header from_header_local_auth",
	};

	(void)state;
	assert_int_equal(ROWS(table), AG_RULE_COUNT);
	for (unsigned i = 0; i < AG_RULE_COUNT; i++) {
		char text[80];
		struct ag_buf buf = AG_BUF(text);

		ag_buf_printf(&buf, "%s %s",
		    ag_stage_name(ag_rule_stage((enum ag_rule)i)),
		    ag_rule_name((enum ag_rule)i));
		expect_text("rule", text, table[i]);
	}
	expect_text("none", ag_rule_name(AG_RULE_NONE), "none");
}

static void
test_stages_are_rows(void **state)
{
	(void)state;
	expect_number("first", ag_rule_first(AG_STAGE_CONNECT), 0);
	expect_number("last", ag_rule_first(AG_STAGE_HEADER + 1),
	    AG_RULE_COUNT);
	for (unsigned stage = 0; stage <= AG_STAGE_HEADER; stage++)
		for (unsigned i = ag_rule_first(stage);
		    i < ag_rule_first(stage + 1); i++)
			expect_number(ag_rule_name((enum ag_rule)i),
			    ag_rule_stage((enum ag_rule)i), stage);
}

static void
test_modes(void **state)
{
	static const char *const none[] = { "", "Off", "ENFORCE", "on", "yes",
		"enforced", "off " };
	enum ag_mode mode;

	(void)state;
	for (unsigned i = AG_OFF; i <= AG_ENFORCE; i++) {
		const char *name = ag_mode_name((enum ag_mode)i);

		assert_true(ag_mode_parse(ag_str(name), &mode));
		expect_number(name, mode, i);
	}
	for (size_t i = 0; i < ROWS(none); i++)
		expect_number(none[i], ag_mode_parse(ag_str(none[i]), &mode),
		    false);
	/* "the stricter holds" is a comparison */
	assert_true(AG_OFF < AG_MONITOR && AG_MONITOR < AG_ENFORCE);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_stage_and_name),
		cmocka_unit_test(test_stages_are_rows),
		cmocka_unit_test(test_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
