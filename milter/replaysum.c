/* Of replay.h, the summary. */
#include "../policy/number.h"
#include "replay.h"

/* Pairs of a rule that are shown without --all. */
#define SHOWN 10

static const char *const reasons[AG_LEFT_REASONS] = {
	[AG_WAY_UNKNOWN] =
	    "messages whose beginning is not in the log, or that "
	    "the MTA made",
	[AG_WAY_UNASKED] = "messages of this host, of which no milter is asked",
	[AG_WAY_FILTER] = "messages that came back from a content filter",
	[AG_LEFT_BY_LOGIN] =
	    "messages of a login that the log does not tell, or too long",
	[AG_LEFT_BY_LISTENER] = "messages of a listener that was left out",
	[AG_LEFT_BY_TIME] = "messages before --since or after --until",
};

/* For JSON. */
static const char *const reason_keys[AG_LEFT_REASONS] = {
	[AG_WAY_UNKNOWN] = "unknown_origin",
	[AG_WAY_UNASKED] = "no_milter",
	[AG_WAY_FILTER] = "content_filter",
	[AG_LEFT_BY_LOGIN] = "unknown_login",
	[AG_LEFT_BY_LISTENER] = "listener",
	[AG_LEFT_BY_TIME] = "time",
};

static struct ag_replay_counts
passed(const struct ag_replay *replay)
{
	return (struct ag_replay_counts){ replay->judged.messages -
		    replay->refused.messages,
		replay->judged.recipients - replay->refused.recipients };
}

static void
print_counts(const char *what, struct ag_replay_counts counts)
{
	printf("%-24s %11llu %11llu\n", what,
	    (unsigned long long)counts.messages,
	    (unsigned long long)counts.recipients);
}

static void
print_number(uint64_t n, const char *what)
{
	if (n > 0)
		printf("  %9llu  %s\n", (unsigned long long)n, what);
}

static void
print_read(const struct ag_maillog *log)
{
	char first[AG_INSTANT_MAX], last[AG_INSTANT_MAX];

	printf("Read %llu lines, %llu of them of mail",
	    (unsigned long long)log->lines,
	    (unsigned long long)log->mail_lines);
	if (log->mail_lines > 0)
		printf(", %s to %s", ag_number_write_instant(log->first, first),
		    ag_number_write_instant(log->last, last));
	printf(".\n\n");
}

static bool
is_on(const struct ag_replay *replay, enum ag_rule rule)
{
	return ag_policy_mode(replay->policy, rule) != AG_OFF;
}

static void
print_left(const struct ag_replay *replay)
{
	uint64_t sum = replay->left_out + replay->log.refused;

	for (int i = 0; i < AG_LEFT_REASONS; i++)
		sum += replay->left[i];
	if (sum > 0)
		printf("\nNot judged:\n");
	for (int i = 0; i < AG_LEFT_REASONS; i++)
		if (reasons[i] != NULL)
			print_number(replay->left[i], reasons[i]);
	print_number(replay->left_out, "recipients of very long lists");
	print_number(replay->log.refused, "refusals of that time");
}

/* What could make the numbers other than they would have been. */
static void
print_doubts(const struct ag_replay *replay)
{
	if (replay->tls_unknown > 0 && is_on(replay, AG_RULE_AUTH_TLS))
		printf("\nauth_tls: of %llu messages of a login the log does "
		       "not tell whether the session was\nencrypted; it was "
		       "taken to be.\n",
		    (unsigned long long)replay->tls_unknown);
	if (is_on(replay, AG_RULE_FROM_HEADER_MATCH) ||
	    is_on(replay, AG_RULE_FROM_HEADER_LOCAL_AUTH))
		printf("\nfrom_header_match and from_header_local_auth were "
		       "not judged: a log has no From:.\n");
	if (replay->log.given_up > 0)
		printf("\n%llu messages were judged before the MTA was done "
		       "with them, because too many were\nunder way: with the "
		       "recipients known by then.\n",
		    (unsigned long long)replay->log.given_up);
}

/* The file in which the administrator gives senders to logins. */
static struct ag_str
map_of(const struct ag_policy *policy)
{
	struct ag_str files = ag_policy_text(policy, AG_KEY_SENDER_LOGINS);
	struct ag_str first;

	return ag_str_word(&files, AG_BLANKS, &first) ? first :
							ag_str("senders.map");
}

void
ag_replay_print(const struct ag_replay *replay)
{
	print_read(&replay->log);
	printf("%-24s %11s %11s\n", "", "messages", "recipients");
	print_counts("Judged", replay->judged);
	print_counts("  let through", passed(replay));
	print_counts("  refused", replay->refused);
	print_counts("  objected to by monitor", replay->would);
	print_left(replay);
	print_doubts(replay);
	ag_tally_print(&replay->tally, replay->options->all ? SIZE_MAX : SHOWN,
	    map_of(replay->policy), stdout);
}

static json_t *
json_counts(uint64_t messages, uint64_t recipients)
{
	return json_pack("{s:I,s:I}", "messages", (json_int_t)messages,
	    "recipients", (json_int_t)recipients);
}

static json_t *
json_left(const struct ag_replay *replay)
{
	json_t *left = json_object();

	for (int i = 0; i < AG_LEFT_REASONS; i++)
		if (reason_keys[i] != NULL)
			json_object_set_new(left, reason_keys[i],
			    json_integer((json_int_t)replay->left[i]));
	json_object_set_new(left, "recipients_past_limit",
	    json_integer((json_int_t)replay->left_out));
	json_object_set_new(left, "refused_then",
	    json_integer((json_int_t)replay->log.refused));
	return left;
}

static json_t *
json_rules(const struct ag_replay *replay, bool would)
{
	json_t *rules = json_object();

	for (int i = 0; i < AG_RULE_COUNT; i++) {
		const struct ag_tally_count *count =
		    &replay->tally.rule[would][i];
		const char *name = ag_rule_name((enum ag_rule)i);

		if (count->recipients > 0)
			json_object_set_new(rules, name,
			    json_counts(count->messages, count->recipients));
	}
	return rules;
}

/* ---- as JSON ---- */

bool
ag_replay_print_json(const struct ag_replay *replay)
{
	struct ag_replay_counts let_through = passed(replay);
	json_t *summary = json_object();
	json_t *line = json_pack("{s:o}", "summary", summary);
	bool good;

	json_object_set_new(summary, "lines",
	    json_integer((json_int_t)replay->log.lines));
	json_object_set_new(summary, "judged",
	    json_counts(replay->judged.messages, replay->judged.recipients));
	json_object_set_new(summary, "passed",
	    json_counts(let_through.messages, let_through.recipients));
	json_object_set_new(summary, "refused",
	    json_counts(replay->refused.messages, replay->refused.recipients));
	json_object_set_new(summary, "monitored",
	    json_counts(replay->would.messages, replay->would.recipients));
	json_object_set_new(summary, "refused_by", json_rules(replay, false));
	json_object_set_new(summary, "monitored_by", json_rules(replay, true));
	json_object_set_new(summary, "not_judged", json_left(replay));
	json_object_set_new(summary, "tls_unknown",
	    json_integer((json_int_t)replay->tls_unknown));
	good = json_dumpf(line, stdout, JSON_COMPACT) == 0;
	fputc('\n', stdout);
	json_decref(line);
	return good;
}
