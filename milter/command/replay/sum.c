/* Of replay.h, the summary. */
#include "policy/base/number.h"
#include "milter/base/json.h"
#include "milter/base/print.h"
#include "milter/command/command.h"
#include "milter/command/replay/replay.h"

/* Pairs of a rule that are shown without --all. */
#define SHOWN 10

static const char *const reasons[AG_LEFT_REASONS] = {
	[AG_WAY_UNKNOWN] = "messages whose beginning is not in the log",
	[AG_WAY_MADE] =
	    "messages that the MTA made: bounces, forwards, notices",
	[AG_WAY_UNASKED] = "messages of this host, of which no milter is asked",
	[AG_WAY_FILTER] = "messages that came back from a content filter",
	[AG_WAY_PROXY] =
	    "messages to smtpd_proxy_filter, from which they come again",
	[AG_LEFT_BY_FATE + AG_FATE_HELD] =
	    "messages that were held, recipients unknown",
	[AG_LEFT_BY_FATE + AG_FATE_DISCARDED] =
	    "messages that were discarded, recipients unknown",
	[AG_LEFT_BY_FATE + AG_FATE_REFUSED] =
	    "messages that were refused at DATA or later",
	[AG_LEFT_BY_FATE + AG_FATE_LOST] =
	    "messages whose connection was lost or timed out",
	[AG_LEFT_BY_FATE + AG_FATE_UNFINISHED] =
	    "messages that never reached the queue",
	[AG_LEFT_BY_RCPT] = "messages whose recipients are not in the log",
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
	[AG_WAY_PROXY] = "proxy_filter",
	[AG_WAY_MADE] = "mta_made",
	[AG_LEFT_BY_FATE + AG_FATE_HELD] = "held",
	[AG_LEFT_BY_FATE + AG_FATE_DISCARDED] = "discarded",
	[AG_LEFT_BY_FATE + AG_FATE_REFUSED] = "refused_content",
	[AG_LEFT_BY_FATE + AG_FATE_LOST] = "lost_connection",
	[AG_LEFT_BY_FATE + AG_FATE_UNFINISHED] = "never_queued",
	[AG_LEFT_BY_RCPT] = "no_recipients",
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

/* A month of a language that is not known, or no time stamp at all. */
static void
print_undated(const struct ag_maillog *log)
{
	if (log->undated == 0)
		return;
	printf("  %9llu  lines with a time stamp that is none, such as \"",
	    (unsigned long long)log->undated);
	ag_print_safely(stdout, ag_str(log->undated_line));
	printf("\"\n");
}

static void
print_left(const struct ag_replay *replay)
{
	uint64_t sum =
	    replay->left_out + replay->log.refused + replay->log.undated;

	for (int i = 0; i < AG_LEFT_REASONS; i++)
		sum += replay->left[i];
	if (sum > 0)
		printf("\nNot judged:\n");
	for (int i = 0; i < AG_LEFT_REASONS; i++)
		if (reasons[i] != NULL)
			print_number(replay->left[i], reasons[i]);
	print_number(replay->left_out, "recipients of very long lists");
	print_number(replay->log.refused, "refusals of that time");
	print_undated(&replay->log);
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
	if (replay->log.too_late > 0)
		printf("\n%llu lines are later than their file; a file whose "
		       "time stamps have no year must not hold\nmore than a "
		       "year.\n",
		    (unsigned long long)replay->log.too_late);
	if (replay->log.given_up > 0)
		printf("\n%llu messages were judged before the MTA was done "
		       "with them, because too many were\nunder way: with the "
		       "recipients known by then.\n",
		    (unsigned long long)replay->log.given_up);
}

/* ---- listeners ---- */

/* The name stands behind the port. */
static struct ag_str
name_of(const struct ag_replay *replay, const struct ag_listener_count *met)
{
	struct ag_str key = ag_strmap_key(&replay->listeners, met->key);

	return ag_str_skip(key, ag_str_find(key, ':') + 1);
}

/*
 * Whether the configuration may mean a listener whose port is not known: it
 * names ports, and does not name the listener.
 */
static bool
wants_port(const struct ag_replay *replay, struct ag_str name)
{
	struct ag_str words = ag_policy_text(replay->policy, AG_KEY_AUTH_ONLY);
	struct ag_str word;
	uint64_t port;
	bool ports = false;

	while (ag_str_word(&words, AG_BLANKS ",", &word)) {
		if (ag_str_ieq(word, name))
			return false;
		ports = ports || ag_number_parse(word, 65535, &port);
	}
	return ports;
}

static void
print_messages(uint64_t n)
{
	printf(": %llu message%s", (unsigned long long)n, n == 1 ? "" : "s");
}

static void
print_listeners(const struct ag_replay *replay)
{
	const struct ag_listener_count *met = replay->met.items;

	if (replay->judged.messages > 0)
		printf("\n");
	for (size_t i = 0; i < replay->met.n; i++) {
		struct ag_str name = name_of(replay, &met[i]);

		printf("listener ");
		ag_print_safely(stdout, name.len > 0 ? name : ag_str("-"));
		if (met[i].port > 0)
			printf(":%u", met[i].port);
		print_messages(met[i].messages);
		if (met[i].port == 0 && wants_port(replay, name))
			printf(", port not known; see --listener");
		printf("\n");
	}
	if (replay->local > 0) {
		printf("local submission");
		print_messages(replay->local);
		printf("\n");
	}
}

static json_t *
json_listeners(const struct ag_replay *replay)
{
	const struct ag_listener_count *met = replay->met.items;
	json_t *listeners = json_array();

	for (size_t i = 0; i < replay->met.n; i++) {
		json_t *listener = json_pack("{s:o,s:I}", "listener",
		    ag_json_text(name_of(replay, &met[i])), "messages",
		    (json_int_t)met[i].messages);

		if (met[i].port > 0)
			json_object_set_new(listener, "port",
			    json_integer((json_int_t)met[i].port));
		json_array_append_new(listeners, listener);
	}
	return listeners;
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
	print_listeners(replay);
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
	json_object_set_new(left, "undated_lines",
	    json_integer((json_int_t)replay->log.undated));
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
	json_object_set_new(summary, "mail_lines",
	    json_integer((json_int_t)replay->log.mail_lines));
	json_object_set_new(summary, "other_lines",
	    json_integer((json_int_t)replay->log.other_lines));
	json_object_set_new(summary, "messages",
	    json_integer((json_int_t)replay->log.begun));
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
	json_object_set_new(summary, "listeners", json_listeners(replay));
	json_object_set_new(summary, "local_submission",
	    json_integer((json_int_t)replay->local));
	json_object_set_new(summary, "not_judged", json_left(replay));
	json_object_set_new(summary, "tls_unknown",
	    json_integer((json_int_t)replay->tls_unknown));
	good = json_dumpf(line, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) == 0;
	fputc('\n', stdout);
	json_decref(line);
	return good;
}
