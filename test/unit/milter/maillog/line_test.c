#include "findings.h"

#include <stdio.h>
#include <stdlib.h>

#include "milter/maillog/line.h"
#include "policy/base/number.h"

static const char *const kinds[] = { "other", "undated", "postfix", "sendmail",
	"own" };

/* "KIND TIME HOST TAG PID|TEXT" */
static void
expect_line(const char *text, const char *expected)
{
	struct ag_logclock clock;
	struct ag_logline line;
	char *scratch = malloc(AG_LOGLINE_MAX);
	char got[1000], when[AG_INSTANT_MAX];
	enum ag_logline_kind kind;

	assert_non_null(scratch);
	ag_logclock_begin(&clock, 1795392000); /* 2026-11-23 */
	kind = ag_logline_read(&clock, ag_str(text), scratch, &line);
	if (kind == AG_LOGLINE_OTHER || kind == AG_LOGLINE_UNDATED)
		snprintf(got, sizeof(got), "%s", kinds[kind]);
	else
		snprintf(got, sizeof(got), "%s %s %.*s %.*s %u|%.*s",
		    kinds[kind], ag_number_write_instant(line.time, when),
		    AG_STR_ARG(line.host), AG_STR_ARG(line.tag),
		    (unsigned)line.pid, AG_STR_ARG(line.text));
	expect_text(text, got, expected);
	free(scratch);
}

#define TAG "postfix/smtpd[101]: x"
#define ON_MX "postfix 2026-11-21T12:00:00Z mx postfix/smtpd 101|x"
#define ON_NONE "postfix 2026-11-21T12:00:00Z  postfix/smtpd 101|x"

/* What syslog daemons, journalctl and container engines write in front. */
static void
test_fronts(void **state)
{
	static const struct {
		const char *line;
		const char *expected;
	} rows[] = {
		{ "Nov 21 12:00:00 mx " TAG, ON_MX },
		{ "Nov 21 12:00:00 " TAG, ON_NONE },
		{ "<22>Nov 21 12:00:00 mx " TAG, ON_MX },
		{ "<22> Nov 21 12:00:00 mx " TAG, ON_MX },
		{ "Nov 21 12:00:00 <mail.info> mx " TAG, ON_MX },
		{ "Nov 21 12:00:00 <2.6> mx " TAG, ON_MX },
		{ "Nov 21 12:00:00 mx mail.info " TAG, ON_MX },
		{ "Nov 21 12:00:00 mx mail:info " TAG, ON_MX },
		{ "Sat Nov 21 12:00:00 2026 mail.warn " TAG, ON_NONE },
		{ "Sat Nov 21 12:00:00 2026 " TAG, ON_NONE },
		{ "Sat 2026-11-21 12:00:00 UTC mx " TAG, ON_MX },
		{ "Sa 2026-11-21 13:00:00 CET mx " TAG, ON_MX },
		{ "postfix-1  | Nov 21 12:00:00 mx " TAG, ON_MX },
		{ "postfix-1  | 2026-11-21T12:00:00Z " TAG,
		    "postfix 2026-11-21T12:00:00Z postfix-1 postfix/smtpd "
		    "101|x" },
		{ "\x1b[36mpostfix-1  | \x1b[0mNov 21 12:00:00 mx "
		  "postfix/smtpd[101]: x\x1b[0m",
		    ON_MX },
		{ "\x1b[1;33mm |\x1b[0m Nov 21 12:00:00 mx " TAG, ON_MX },
		/* the first time stamp holds */
		{ "2026-11-21T12:00:00.123456789Z Nov 20 11:00:00 mx " TAG,
		    ON_MX },
		{ "2026-11-21T12:00:00.1Z stdout F Nov 20 11:00:00 mx " TAG,
		    ON_MX },
		{ "2026-11-21T12:00:00.1Z stderr F " TAG, ON_NONE },
		{ "[pod/mail-0/mta] 2026-11-21T12:00:00Z " TAG, ON_NONE },
		{ "\xef\xbb\xbfNov 21 12:00:00 mx " TAG, ON_MX },
		/* a line in a line of the container engine */
		{ "Nov 21 12:00:00 h dockerd[7]: Nov 20 11:00:00 mx " TAG,
		    ON_MX },
		{ "Nov 21 12:00:00 mx 0123abcd[7]: " TAG, ON_MX },
		{ "Nov 21 12:00:00 h dockerd[7]: says " TAG, "other" },
		{ "Nov 21 12:00:00 mx kernel: x a/smtpd: y", "other" },
		/* no time stamp */
		{ TAG, "undated" },
		{ "maj 21 12:00:00 mx " TAG, "undated" },
		{ "[ 1234.567890] mx " TAG, "undated" },
		{ "mx " TAG, "undated" },
		{ "", "other" },
		{ " ", "other" },
		{ "<22>", "other" },
		{ "a b c d e f g h i j k l m n o p q r s t " TAG, "other" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		expect_line(rows[i].line, rows[i].expected);
}

static void
test_rfc5424(void **state)
{
	static const struct {
		const char *line;
		const char *expected;
	} rows[] = {
		{ "<22>1 2026-11-21T12:00:00.1+00:00 mx postfix/smtpd 101 - - x",
		    ON_MX },
		{ "<22>1 2026-11-21T12:00:00Z mx postfix/smtpd 101 - - "
		  "\xef\xbb\xbfx",
		    ON_MX },
		{ "<22>1 2026-11-21T12:00:00Z mx postfix/smtpd 101 mail [a@1 "
		  "b=\"c \\\"] d\" e=\"f\"][g h=\"\"] x",
		    ON_MX },
		{ "1 2026-11-21T12:00:00Z mx postfix/smtpd 101 - - x", ON_MX },
		{ "88 <22>1 2026-11-21T12:00:00Z mx postfix/smtpd 101 - - x",
		    ON_MX },
		{ "<30>1 2026-11-21T12:00:00Z h mta 7 mta - Nov 20 11:00:00 mx " TAG,
		    ON_MX },
		{ "<22>1 2026-11-21T12:00:00Z mx authgate 101 - - verdict=x",
		    "own 2026-11-21T12:00:00Z mx authgate 101|verdict=x" },
		{ "<22>1 - mx postfix/smtpd 101 - - x", "undated" },
		{ "<22>1 2026-11-21T12:00:00Z mx cron 101 - - x", "other" },
		{ "<22>1 2026-11-21T12:00:00Z mx postfix/smtpd 101",
		    "postfix 2026-11-21T12:00:00Z mx postfix/smtpd 101|" },
		{ "<22>1 2026-11-21T12:00:00Z", "other" },
		{ "<22>1 ", "other" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		expect_line(rows[i].line, rows[i].expected);
}

static void
test_json(void **state)
{
	static const struct {
		const char *line;
		const char *expected;
	} rows[] = {
		{ "{\"log\":\"Nov 20 11:00:00 mx postfix/smtpd[101]: x\\n\","
		  "\"stream\":\"stdout\",\"time\":\"2026-11-21T12:00:00.1Z\"}",
		    ON_MX },
		{ "{\"log\":\"Nov 21 12:00:00 mx postfix/smtpd[101]: x\\r\\n\"}",
		    ON_MX },
		{ "{\"log\":\"" TAG "\",\"time\":\"2026-11-21T12:00:00Z\"}",
		    ON_NONE },
		{ "{\"MESSAGE\":\"x\",\"SYSLOG_IDENTIFIER\":\"postfix/smtpd\","
		  "\"_PID\":\"101\",\"_HOSTNAME\":\"mx\","
		  "\"__REALTIME_TIMESTAMP\":\"1795262400123456\"}",
		    ON_MX },
		{ "{\"log\":7}", "other" },
		{ "{\"MESSAGE\":[1,2]}", "other" },
		{ "{\"a\":\"b\"}", "other" },
		{ "{", "other" },
		{ "{}", "other" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		expect_line(rows[i].line, rows[i].expected);
}

static void
test_tags(void **state)
{
	static const struct {
		const char *tag;
		const char *expected;
	} rows[] = {
		{ "postfix/submission/smtpd[1]: x",
		    "postfix 2026-11-21T12:00:00Z mx postfix/submission/smtpd "
		    "1|x" },
		{ "mymail/smtpd: x",
		    "postfix 2026-11-21T12:00:00Z mx mymail/smtpd 0|x" },
		{ "postfix/new-program[1]: x",
		    "postfix 2026-11-21T12:00:00Z mx postfix/new-program 1|x" },
		{ "postfix/smtpd[1]: [ID 197553 mail.info] x",
		    "postfix 2026-11-21T12:00:00Z mx postfix/smtpd 1|x" },
		{ "sendmail[1]: [ID 801593 mail.info] x",
		    "sendmail 2026-11-21T12:00:00Z mx sendmail 1|x" },
		{ "sm-mta[1]: x",
		    "sendmail 2026-11-21T12:00:00Z mx sm-mta 1|x" },
		{ "gate[1]: [ID 1 mail.notice] verdict=x",
		    "own 2026-11-21T12:00:00Z mx gate 1|verdict=x" },
		{ "gate[1]: s=1-1 q=A1",
		    "own 2026-11-21T12:00:00Z mx gate "
		    "1|s=1-1 q=A1" },
		{ "gate[1]: s=1-1", "other" },
		{ "/usr/sbin/cron[1]: x", "other" },
		{ "a/b[1]: x", "other" },
		{ "/smtpd[1]: x", "other" },
		{ "[1]: x", "other" },
		{ ":: x", "other" },
		{ "postfix/smtpd[1] x", "other" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char line[200];

		snprintf(line, sizeof(line), "2026-11-21T12:00:00Z mx %s",
		    rows[i].tag);
		expect_line(line, rows[i].expected);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fronts),
		cmocka_unit_test(test_rfc5424),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
