#include "findings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "milter/daemon/exposition.h"

/*
 * A strict reader of the text format 0.0.4, as far as counters and gauges go:
 * each family has its HELP, then its TYPE, then all its samples, and comes
 * once; no two samples have the same name and labels.
 */

#define SAMPLES_MAX 200
#define SERIES_MAX 200

struct family {
	char name[100];
	bool has_type;
	bool is_counter;
	unsigned samples;
};

struct reader {
	struct family families[SAMPLES_MAX];
	size_t nfamilies;
	char series[SAMPLES_MAX][SERIES_MAX];
	uint64_t values[SAMPLES_MAX];
	size_t nsamples;
	const char *wrong; /* NULL: all is well so far */
};

static bool
is_name_char(char c, bool first)
{
	return c == '_' || (ag_lower(c) >= 'a' && ag_lower(c) <= 'z') ||
	    (!first && ag_is_digit(c));
}

static size_t
name_len(const char *s)
{
	size_t n = 0;

	while (is_name_char(s[n], n == 0))
		n++;
	return n;
}

/* What stands behind NAME="VALUE", or NULL. */
static const char *
skip_label(const char *s)
{
	size_t n = name_len(s);

	if (n == 0 || s[n] != '=' || s[n + 1] != '"')
		return NULL;
	for (s += n + 2; *s != '"'; s++) {
		if (*s == '\0')
			return NULL;
		/* a backslash stands only before n, " and itself */
		if (*s == '\\' && strchr("\\\"n", *++s) == NULL)
			return NULL;
		if (*s == '\0')
			return NULL;
	}
	return s + 1;
}

/* What stands behind {LABEL,LABEL}, which may be absent, or NULL. */
static const char *
skip_labels(const char *s)
{
	if (*s != '{')
		return s;
	do
		s = skip_label(s + 1);
	while (s != NULL && *s == ',');
	return s != NULL && *s == '}' ? s + 1 : NULL;
}

static struct family *
last_family(struct reader *r)
{
	return r->nfamilies > 0 ? &r->families[r->nfamilies - 1] : NULL;
}

static bool
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static const char *
read_help(struct reader *r, const char *s)
{
	size_t n = name_len(s);
	struct family *family = &r->families[r->nfamilies];

	if (n == 0 || n >= sizeof(family->name) || s[n] != ' ' ||
	    s[n + 1] == '\0')
		return "HELP without name or text";
	memcpy(family->name, s, n);
	family->name[n] = '\0';
	for (size_t i = 0; i < r->nfamilies; i++)
		if (strcmp(r->families[i].name, family->name) == 0)
			return "HELP twice";
	if (strchr(s, '\\') != NULL)
		return "HELP has an escape";
	r->nfamilies++;
	return NULL;
}

static const char *
read_type(struct reader *r, const char *s)
{
	struct family *family = last_family(r);
	size_t n = name_len(s);

	if (family == NULL || family->has_type || family->samples > 0 ||
	    strlen(family->name) != n || memcmp(family->name, s, n) != 0)
		return "TYPE not behind its HELP";
	family->has_type = true;
	family->is_counter = strcmp(s + n, " counter") == 0;
	if (!family->is_counter && strcmp(s + n, " gauge") != 0)
		return "an unknown TYPE";
	if (family->is_counter != ends_in(family->name, "_total"))
		return "only counters end in _total";
	return NULL;
}

static const char *
read_sample(struct reader *r, const char *s)
{
	struct family *family = last_family(r);
	size_t n = name_len(s);
	const char *end = skip_labels(s + n);
	char *series = r->series[r->nsamples];
	int used = 0;

	if (family == NULL || !family->has_type || strlen(family->name) != n ||
	    memcmp(family->name, s, n) != 0)
		return "a sample not behind its TYPE";
	if (end == NULL || *end != ' ' || end - s >= SERIES_MAX)
		return "labels that cannot be read";
	memcpy(series, s, (size_t)(end - s));
	series[end - s] = '\0';
	for (size_t i = 0; i < r->nsamples; i++)
		if (strcmp(r->series[i], series) == 0)
			return "a series twice";
	if (!ag_is_digit(end[1]) ||
	    sscanf(end + 1, "%" SCNu64 "%n", &r->values[r->nsamples], &used) !=
		1 ||
	    end[1 + used] != '\0')
		return "a value that is no number";
	family->samples++;
	r->nsamples++;
	return NULL;
}

static const char *
read_line(struct reader *r, const char *line)
{
	if (r->nsamples == SAMPLES_MAX || r->nfamilies == SAMPLES_MAX)
		return "too much";
	if (strncmp(line, "# HELP ", 7) == 0) {
		const struct family *family = last_family(r);

		if (family != NULL && family->samples == 0)
			return "a family without samples";
		return read_help(r, line + 7);
	}
	if (strncmp(line, "# TYPE ", 7) == 0)
		return read_type(r, line + 7);
	return read_sample(r, line);
}

/* Changes the text. */
static void
read_text(struct reader *r, char *text)
{
	char *end;

	memset(r, 0, sizeof(*r));
	for (; r->wrong == NULL && *text != '\0'; text = end + 1) {
		end = strchr(text, '\n');
		if (end == NULL) {
			r->wrong = "no newline at the end";
			return;
		}
		*end = '\0';
		r->wrong = read_line(r, text);
	}
	if (r->wrong == NULL && last_family(r) != NULL &&
	    last_family(r)->samples == 0)
		r->wrong = "a family without samples";
}

/* ---- the reader finds mistakes ---- */

#define HEAD "# HELP a_total x\n# TYPE a_total counter\n"

static void
test_reader(void **state)
{
	static const struct {
		const char *text, *wrong;
	} table[] = {
		{ HEAD "a_total 1\n", "" },
		{ HEAD "a_total{b=\"c\\\\\\\"\\n\",d=\"\"} 1\n", "" },
		{ HEAD "a_total 1", "no newline at the end" },
		{ HEAD, "a family without samples" },
		{ HEAD "# HELP b x\n", "a family without samples" },
		{ HEAD "a_total 1\n" HEAD "a_total{b=\"c\"} 1\n",
		    "HELP twice" },
		{ "# HELP a_total\n", "HELP without name or text" },
		{ "# TYPE a_total counter\n", "TYPE not behind its HELP" },
		{ "# HELP b x\n# TYPE a_total counter\n",
		    "TYPE not behind its HELP" },
		{ "# HELP a_total x\na_total 1\n",
		    "a sample not behind its TYPE" },
		{ HEAD "b 1\n", "a sample not behind its TYPE" },
		{ "# HELP a x\n# TYPE a counter\n",
		    "only counters end in _total" },
		{ "# HELP a_total x\n# TYPE a_total gauge\n",
		    "only counters end in _total" },
		{ "# HELP a x\n# TYPE a cuonter\n", "an unknown TYPE" },
		{ HEAD "a_total 1\na_total 2\n", "a series twice" },
		{ HEAD "a_total{b=\"c\"} 1\na_total{b=\"c\"} 1\n",
		    "a series twice" },
		{ HEAD "a_total{b=\"c\"d\"} 1\n",
		    "labels that cannot be read" },
		{ HEAD "a_total{b=\"\\c\"} 1\n", "labels that cannot be read" },
		{ HEAD "a_total{b=\"c} 1\n", "labels that cannot be read" },
		{ HEAD "a_total{2b=\"c\"} 1\n", "labels that cannot be read" },
		{ HEAD "a_total -1\n", "a value that is no number" },
		{ HEAD "a_total 1x\n", "a value that is no number" },
		{ HEAD "a_total  1\n", "a value that is no number" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct reader r;
		char text[400];

		strcpy(text, table[i].text);
		read_text(&r, text);
		expect_text(table[i].text, r.wrong != NULL ? r.wrong : "",
		    table[i].wrong);
	}
}

/* ---- the text ---- */

static void
write_and_read(const struct ag_numbers *numbers, struct reader *r)
{
	static char text[AG_EXPOSITION_MAX];
	struct ag_buf out = AG_BUF(text);

	ag_exposition_write(numbers, &out);
	assert_false(out.cut);
	read_text(r, text);
	expect_text("the exposition", r->wrong != NULL ? r->wrong : "", "");
}

/* NULL: there is no such series. */
static const uint64_t *
find(const struct reader *r, const char *series)
{
	for (size_t i = 0; i < r->nsamples; i++)
		if (strcmp(r->series[i], series) == 0)
			return &r->values[i];
	return NULL;
}

/* The same, of a small number; -1 where there is none. */
static int64_t
value_of(const struct reader *r, const char *series)
{
	const uint64_t *value = find(r, series);

	return value != NULL ? (int64_t)*value : -1;
}

static void
test_form(void **state)
{
	struct ag_numbers numbers = { .engine.name = "builtin" };
	struct reader r;

	(void)state;
	write_and_read(&numbers, &r);
	for (size_t i = 0; i < r.nfamilies; i++)
		assert_true(strncmp(r.families[i].name, "authgate_", 9) == 0);
	for (size_t i = 0; i < r.nsamples; i++)
		if (strstr(r.series[i], "_info{") == NULL &&
		    strcmp(r.series[i], "authgate_last_reload_successful") != 0)
			expect_number(r.series[i], (int64_t)r.values[i], 0);
}

/* Room enough, and no number is cut. */
static void
test_largest_numbers(void **state)
{
	struct ag_numbers numbers;
	struct reader r;

	(void)state;
	memset(&numbers, 0xff, sizeof(numbers));
	numbers.facts.failed = false;
	numbers.engine.name = "libmilter";
	numbers.facts.started = numbers.facts.since = INT64_MAX;
	write_and_read(&numbers, &r);
	assert_true(*find(&r, "authgate_sessions_total") == UINT64_MAX);
	assert_true(*find(&r, "authgate_log_lines_waiting") == UINT64_MAX);
}

static struct ag_numbers
different_numbers(void)
{
	struct ag_numbers numbers = {
		.facts = { .started = 1001,
		    .generation = 1002,
		    .since = 1003,
		    .bad_lines = 1023,
		    .sizes = { 1004, 1005, 1006, 1007, 1008 },
		    .failed = true,
		    .kept = 1027,
		    .reloads = 1009,
		    .reloads_failed = 1010 },
		.engine = { "builtin", 1024, 1025, 1026 },
		.sessions_open = 1011,
		.sessions = 1012,
		.messages = 1013,
		.recipients = 1014,
		.copies = { 1015, 1016 },
		.log = { 1017, 1018, 1022 },
		.shortages = { 1019, 1020, 1021 },
	};

	for (unsigned rule = 0; rule <= AG_RULE_COUNT; rule++)
		for (unsigned i = 0; i < AG_COUNT_KINDS; i++)
			numbers.decisions[rule][i] = 10 * rule + i;
	return numbers;
}

#define DECISIONS(rule, stage, verdict) \
	"authgate_decisions_total{rule=\"" rule "\",stage=\"" stage \
	"\",verdict=\"" verdict "\"}"

static void
test_each_number_in_its_place(void **state)
{
	static const struct {
		const char *series;
		int64_t value;
	} table[] = {
		{ "authgate_build_info{version=\"" AUTHGATE_VERSION "\"}", 1 },
		{ "authgate_start_time_seconds", 1001 },
		{ "authgate_policy_generation", 1002 },
		{ "authgate_policy_loaded_timestamp_seconds", 1003 },
		{ "authgate_policy_domain_files", 1004 },
		{ "authgate_policy_local_domains", 1005 },
		{ "authgate_policy_kill_entries", 1006 },
		{ "authgate_policy_relay_networks", 1007 },
		{ "authgate_policy_sender_map_addresses", 1008 },
		{ "authgate_last_reload_successful", 0 },
		{ "authgate_parts_kept", 1027 },
		{ "authgate_reloads_total{result=\"ok\"}", 1009 },
		{ "authgate_reloads_total{result=\"failed\"}", 1010 },
		{ "authgate_engine_info{engine=\"builtin\"}", 1 },
		{ "authgate_engine_threads", 1024 },
		{ "authgate_engine_connections", 1025 },
		{ "authgate_bad_packets_total", 1026 },
		{ "authgate_sessions_open", 1011 },
		{ "authgate_sessions_total", 1012 },
		{ "authgate_messages_total", 1013 },
		{ "authgate_recipients_accepted_total", 1014 },
		{ "authgate_archive_messages_total{result=\"kept\"}", 1015 },
		{ "authgate_archive_messages_total{result=\"failed\"}", 1016 },
		{ "authgate_log_lines_waiting", 1017 },
		{ "authgate_log_lines_dropped_total", 1018 },
		{ "authgate_log_lines_lost_total", 1022 },
		{ "authgate_policy_bad_lines", 1023 },
		{ "authgate_shortages_total{of=\"memory\"}", 1019 },
		{ "authgate_shortages_total{of=\"room_for_connections\"}",
		    1020 },
		{ "authgate_shortages_total{of=\"descriptors\"}", 1021 },
		{ DECISIONS("kill_client", "connect", "reject"),
		    10 * AG_RULE_KILL_CLIENT + AG_COUNT_REJECT },
		{ DECISIONS("kill_client", "connect", "tempfail"),
		    10 * AG_RULE_KILL_CLIENT + AG_COUNT_TEMPFAIL },
		{ DECISIONS("outgoing_auth", "rcpt", "would-reject"),
		    10 * AG_RULE_OUTGOING_AUTH + AG_COUNT_WOULD_REJECT },
		{ DECISIONS("bad_address", "mail", "reject"),
		    10 * AG_RULE_BAD_SENDER + AG_COUNT_REJECT },
		{ DECISIONS("bad_address", "rcpt", "reject"),
		    10 * AG_RULE_BAD_RECIPIENT + AG_COUNT_REJECT },
		{ DECISIONS("on_error", "-", "tempfail"),
		    10 * AG_RULE_NONE + AG_COUNT_TEMPFAIL },
		{ DECISIONS("on_error", "-", "accept"),
		    10 * AG_RULE_NONE + AG_COUNT_ACCEPT },
		{ DECISIONS("results_header", "header", "reject"),
		    10 * AG_RULE_NONE + AG_COUNT_REJECT },
		/* which cannot be */
		{ DECISIONS("bad_address", "rcpt", "would-reject"), -1 },
		{ DECISIONS("kill_client", "connect", "accept"), -1 },
		{ DECISIONS("on_error", "-", "reject"), -1 },
		{ DECISIONS("on_error", "-", "would-reject"), -1 },
	};
	struct ag_numbers numbers = different_numbers();
	struct reader r;

	(void)state;
	write_and_read(&numbers, &r);
	for (size_t i = 0; i < ROWS(table); i++)
		expect_number(table[i].series, value_of(&r, table[i].series),
		    table[i].value);
}

/* reject, tempfail, would-reject; but bad_address, twice; on_error,
 * and results_header. */
static void
test_every_pair_is_there(void **state)
{
	struct ag_numbers numbers = { .engine.name = "builtin" };
	struct reader r;
	int64_t n = 0;

	(void)state;
	write_and_read(&numbers, &r);
	for (size_t i = 0; i < r.nsamples; i++)
		n += strstr(r.series[i], "_decisions_total{") != NULL;
	expect_number("pairs", n, 3 * AG_RULE_COUNT - 2 + 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_largest_numbers),
		cmocka_unit_test(test_each_number_in_its_place),
		cmocka_unit_test(test_every_pair_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
