#include "findings.h"

#include <string.h>

#include "policy/reply.h"

/* "CODE|STATUS|TEXT", or why it is no reply. */
static void
expect_reply(enum ag_rule rule, const char *text, const char *expected)
{
	char got[600], reason[600];
	struct ag_buf out = AG_BUF(got), why = AG_BUF(reason);
	struct ag_reply reply;

	if (ag_reply_parse(&reply, ag_str(text), rule, &why))
		ag_buf_printf(&out, "%s|%s|%.*s", reply.code, reply.status,
		    AG_STR_ARG(reply.text));
	else
		ag_buf_text(&out, reason);
	expect_text(text, got, expected);
}

static void
test_replies(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} table[] = {
		{ "550 5.7.1 Refused", "550|5.7.1|Refused" },
		{ "450 4.7.1 Later", "450|4.7.1|Later" },
		{ "400 4.0.0 x", "400|4.0.0|x" },
		{ "599 5.999.999 x", "599|5.999.999|x" },
		{ "  550   5.7.1   two  words  ", "550|5.7.1|two  words" },
		{ "550 5.7.1 100% sure {no} %x",
		    "550|5.7.1|100% sure {no} %x" },
		{ "550 5.7.1 <%{sender}> %{client} %{login} %{domain} %{rule} "
		  "%{listener}",
		    "550|5.7.1|<%{sender}> %{client} %{login} %{domain} %{rule} "
		    "%{listener}" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_reply(AG_RULE_KILL_CLIENT, table[i].text,
		    table[i].expected);
}

#define NO_CODE(code) \
	"begins with \"" code \
	"\", not with a code from 400 to 599; write CODE " \
	"STATUS TEXT, such as 550 5.7.1 Refused"
#define HANGS_UP \
	"uses a code that makes the MTA hang up; take another than 421 and 521"
#define NO_STATUS(class) "has no status such as " class ".7.1 behind its code"
#define NO_TEXT "has no text behind code and status"
#define NOT_ASCII "has a byte in its text that is not printable ASCII"

static void
test_bad_replies(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} table[] = {
		{ "", NO_CODE("") },
		{ "Refused", NO_CODE("Refused") },
		{ "5.7.1 Refused", NO_CODE("5.7.1") },
		{ "550-5.7.1 Refused", NO_CODE("550-5.7.1") },
		{ "55 5.7.1 Refused", NO_CODE("55") },
		{ "5500 5.7.1 Refused", NO_CODE("5500") },
		{ "250 2.0.0 Fine", NO_CODE("250") },
		{ "354 3.0.0 Go on", NO_CODE("354") },
		{ "399 4.0.0 x", NO_CODE("399") },
		{ "600 5.0.0 x", NO_CODE("600") },
		{ "055 5.0.0 x", NO_CODE("055") },
		{ "REJECT", NO_CODE("REJECT") },
		{ "421 4.7.1 Bye", HANGS_UP },
		{ "521 5.7.1 Bye", HANGS_UP },
		{ "550", NO_STATUS("5") },
		{ "550 Refused", NO_STATUS("5") },
		{ "450 Later", NO_STATUS("4") },
		{ "550 5.7 Refused", NO_STATUS("5") },
		{ "550 5.7.1.1 Refused", NO_STATUS("5") },
		{ "550 5.7.01 Refused", NO_STATUS("5") },
		{ "550 5.7.1000 Refused", NO_STATUS("5") },
		{ "550 6.7.1 Refused", NO_STATUS("5") },
		{ "550 5..1 Refused", NO_STATUS("5") },
		{ "550 5.7.1. Refused", NO_STATUS("5") },
		{ "550 4.7.1 Refused",
		    "has a code that begins with 5 and a status that begins with "
		    "4; both must be of one class" },
		{ "450 5.7.1 Refused",
		    "has a code that begins with 4 and a status that begins with "
		    "5; both must be of one class" },
		{ "550 2.0.0 Refused",
		    "has a code that begins with 5 and a status that begins with "
		    "2; both must be of one class" },
		{ "550 5.7.1", NO_TEXT },
		{ "550 5.7.1  ", NO_TEXT },
		{ "550 5.7.1 a\tb", NOT_ASCII },
		{ "550 5.7.1 a\r\nb", NOT_ASCII },
		{ "550 5.7.1 a\x7f", NOT_ASCII },
		{ "550 5.7.1 gr\xc3\xbc\xc3\x9f", NOT_ASCII },
		{ "550 5.7.1 %{", "has %{ without }" },
		{ "550 5.7.1 %{client", "has %{ without }" },
		{ "550 5.7.1 %{user}",
		    "has %{user}; known are client login sender rcpt domain rule "
		    "listener address why" },
		{ "550 5.7.1 %{}",
		    "has %{}; known are client login sender rcpt domain rule "
		    "listener address why" },
		{ "550 5.7.1 %{Client}",
		    "has %{Client}; known are client login sender rcpt domain "
		    "rule listener address why" },
		{ "550 5.7.1 %{client} %{ client}",
		    "has %{ client}; known are client login sender rcpt domain "
		    "rule listener address why" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_reply(AG_RULE_OUTGOING_AUTH, table[i].text,
		    table[i].expected);
}

/* Only a rule of RCPT knows a recipient. */
static void
test_recipient_of_each_rule(void **state)
{
	(void)state;
	for (unsigned i = 0; i < AG_RULE_COUNT; i++) {
		enum ag_rule rule = (enum ag_rule)i;

		expect_reply(rule, "550 5.7.1 no %{rcpt}",
		    ag_rule_stage(rule) == AG_STAGE_RCPT ?
			"550|5.7.1|no %{rcpt}" :
			"has %{rcpt}, but no recipient is known yet when this "
			"rule is judged");
	}
}

/* Only a rule about From: knows an address in it, or what is wrong with it. */
static void
test_from_of_each_rule(void **state)
{
	(void)state;
	for (unsigned i = 0; i < AG_RULE_COUNT; i++) {
		enum ag_rule rule = (enum ag_rule)i;
		bool header = ag_rule_stage(rule) == AG_STAGE_HEADER;

		expect_reply(rule, "550 5.7.1 no %{address}",
		    header ? "550|5.7.1|no %{address}" :
			     "has %{address}, but only the rules about From: "
			     "know one");
		expect_reply(rule, "550 5.7.1 no %{why}",
		    header ? "550|5.7.1|no %{why}" :
			     "has %{why}, but only the rules about From: know "
			     "one");
	}
}

static void
test_length(void **state)
{
	char text[500] = "550 5.7.1 ", expected[500] = "550|5.7.1|";

	(void)state;
	memset(text + 10, 'x', 401);
	memset(expected + 10, 'x', 400);
	expect_reply(AG_RULE_KILL_CLIENT, text,
	    "has a text of more than 400 bytes");
	text[410] = '\0';
	expect_reply(AG_RULE_KILL_CLIENT, text, expected);
}

static void
test_bytes_that_no_c_string_has(void **state)
{
	struct ag_str text = AG_STR("550 5.7.1 a\0b");
	struct ag_reply reply;
	char reason[200];
	struct ag_buf why = AG_BUF(reason);

	(void)state;
	assert_false(ag_reply_parse(&reply, text, AG_RULE_KILL_CLIENT, &why));
	expect_text("NUL", reason, NOT_ASCII);
}

static void
test_temporary(void **state)
{
	struct ag_reply reply;
	char reason[200];
	struct ag_buf why = AG_BUF(reason);

	(void)state;
	assert_true(ag_reply_parse(&reply, ag_str("450 4.7.1 x"),
	    AG_RULE_KILL_CLIENT, &why));
	assert_true(ag_reply_is_temporary(&reply));
	assert_true(ag_reply_parse(&reply, ag_str("550 5.7.1 x"),
	    AG_RULE_KILL_CLIENT, &why));
	assert_false(ag_reply_is_temporary(&reply));
}

static void
expect_filled(const char *text, const struct ag_reply_values *values,
    const char *expected)
{
	char got[AG_REPLY_TEXT_MAX], reason[200];
	struct ag_buf out = AG_BUF(got), why = AG_BUF(reason);
	struct ag_reply reply;

	assert_true(ag_reply_parse(&reply, ag_str(text),
	    AG_RULE_LOCAL_SENDER_AUTH, &why));
	ag_reply_fill(&reply, values, &out);
	expect_text(text, got, expected);
}

static void
test_filling_in(void **state)
{
	static const struct ag_reply_values values = {
		.client = AG_STR("192.0.2.1"),
		.login = AG_STR("alice@example.com"),
		.sender = AG_STR("bob@example.com"),
		.rcpt = AG_STR("carol@example.net"),
		.domain = AG_STR("example.com"),
		.rule = AG_STR("local_sender_auth"),
		.listener = AG_STR("smtp"),
	};
	static const struct {
		const char *text;
		const char *expected;
	} table[] = {
		{ "550 5.7.1 plain", "plain" },
		{ "550 5.7.1 %{client}", "192.0.2.1" },
		{ "550 5.7.1 %{login}", "alice@example.com" },
		{ "550 5.7.1 <%{sender}>: %{rcpt}",
		    "<bob@example.com>: carol@example.net" },
		{ "550 5.7.1 %{domain}%{domain}", "example.comexample.com" },
		{ "550 5.7.1 %{rule} at %{listener}.",
		    "local_sender_auth at smtp." },
		{ "550 5.7.1 100% %%{client} % {client} }",
		    "100% %192.0.2.1 % {client} }" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_filled(table[i].text, &values, table[i].expected);
}

/* What a client typed neither breaks a line nor is read as a placeholder. */
static void
test_values_are_made_printable(void **state)
{
	static const struct ag_reply_values values = {
		.sender = AG_STR("a\r\n250 ok\0\x7f\xc3\xa5"),
		.rcpt = AG_STR("%{client}%s"),
		.client = AG_STR("192.0.2.1"),
	};

	(void)state;
	expect_filled("550 5.7.1 <%{sender}>", &values, "<a?\?250 ok?\?\?\?>");
	expect_filled("550 5.7.1 <%{rcpt}>", &values, "<%{client}%s>");
	expect_filled("550 5.7.1 <%{login}>", &values, "<>");
}

static void
test_values_are_cut(void **state)
{
	char address[400], expected[AG_REPLY_TEXT_MAX + 1] = "<";
	struct ag_reply_values values = { .sender = { address, 400 } };

	(void)state;
	memset(address, 'x', sizeof(address));
	memset(expected + 1, 'x', 320);
	memcpy(expected + 321, ">", 2);
	expect_filled("550 5.7.1 <%{sender}>", &values, expected);
	/* the whole text is cut as well */
	memset(expected, 'x', AG_REPLY_TEXT_MAX - 1);
	expected[AG_REPLY_TEXT_MAX - 1] = '\0';
	expect_filled("550 5.7.1 %{sender}%{sender}%{sender}", &values,
	    expected);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_bad_replies),
		cmocka_unit_test(test_recipient_of_each_rule),
		cmocka_unit_test(test_from_of_each_rule),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_bytes_that_no_c_string_has),
		cmocka_unit_test(test_temporary),
		cmocka_unit_test(test_filling_in),
		cmocka_unit_test(test_values_are_made_printable),
		cmocka_unit_test(test_values_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
