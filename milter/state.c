#include "state.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "../policy/number.h"
#include "count.h"
#include "json.h"
#include "log.h"

/* Of more findings only the number is kept. */
#define FINDINGS_MAX 500u

static int64_t started;

static struct {
	unsigned generation;
	uint64_t digest;
	int64_t since;
	struct ag_policy_sizes sizes;
} in_force;

static struct {
	int64_t at;
	bool failed;
	json_t *findings;
	unsigned left_out;
} last;

void
ag_state_begin(void)
{
	started = time(NULL);
}

void
ag_state_loading(void)
{
	json_decref(last.findings);
	last.findings = json_array();
	last.left_out = 0;
	last.at = time(NULL);
}

bool
ag_state_finding(enum ag_severity severity, const struct ag_origin *where,
    const char *text)
{
	char at[AG_ORIGIN_MAX];
	struct ag_buf place = AG_BUF(at);

	if (json_array_size(last.findings) >= FINDINGS_MAX) {
		last.left_out++;
		return false;
	}
	ag_origin_write(where, &place);
	json_array_append_new(last.findings,
	    json_pack("{ss so so}", "severity", ag_severity_name(severity),
		"at", ag_json_text(ag_buf_get(&place)), "text",
		ag_json_text(ag_str(text))));
	return true;
}

unsigned
ag_state_findings_left_out(void)
{
	return last.left_out;
}

void
ag_state_loaded(const struct ag_policy *policy, unsigned generation)
{
	last.failed = false;
	in_force.generation = generation;
	in_force.digest = ag_policy_digest(policy);
	in_force.since = last.at;
	in_force.sizes = ag_policy_sizes(policy);
}

void
ag_state_failed(void)
{
	last.failed = true;
}

/* ---- JSON ---- */

static json_t *
time_text(int64_t at)
{
	char text[AG_INSTANT_MAX];

	return json_string(ag_number_write_instant(at, text));
}

static json_t *
policy_object(void)
{
	char digest[17];

	snprintf(digest, sizeof(digest), "%016llx",
	    (unsigned long long)in_force.digest);
	return json_pack("{si ss so sI sI sI sI sI}", "generation",
	    (int)in_force.generation, "digest", digest, "since",
	    time_text(in_force.since), "domain_files",
	    (json_int_t)in_force.sizes.domain_files, "local_domains",
	    (json_int_t)in_force.sizes.local_domains, "kill_entries",
	    (json_int_t)in_force.sizes.killed, "relay_networks",
	    (json_int_t)in_force.sizes.relays, "sender_map_addresses",
	    (json_int_t)in_force.sizes.senders);
}

static json_t *
load_object(void)
{
	return json_pack("{so sb sO sI}", "at", time_text(last.at), "failed",
	    (int)last.failed, "findings", last.findings, "findings_left_out",
	    (json_int_t)last.left_out);
}

static json_t *
decision_object(enum ag_rule rule)
{
	json_t *object = json_pack("{ss ss}", "rule",
	    rule == AG_RULE_NONE ? "on_error" : ag_rule_name(rule), "stage",
	    rule == AG_RULE_NONE ? "-" : ag_stage_name(ag_rule_stage(rule)));

	for (unsigned i = 0; i < AG_COUNT_KINDS; i++)
		json_object_set_new(object, ag_count_name((enum ag_counted)i),
		    json_integer((json_int_t)ag_count_decisions(rule,
			(enum ag_counted)i)));
	return object;
}

static json_t *
decisions_array(void)
{
	json_t *array = json_array();

	for (unsigned rule = 0; rule <= AG_RULE_COUNT; rule++)
		json_array_append_new(array,
		    decision_object((enum ag_rule)rule));
	return array;
}

static json_t *
counts_object(void)
{
	struct ag_log_counts log = ag_log_counts();

	return json_pack("{sI sI sI sI so sI sI}", "sessions_open",
	    (json_int_t)ag_count_sessions_open(), "sessions",
	    (json_int_t)ag_count_sessions(), "messages",
	    (json_int_t)ag_count_messages(), "recipients_accepted",
	    (json_int_t)ag_count_recipients(), "decisions", decisions_array(),
	    "log_lines_waiting", (json_int_t)log.waiting, "log_lines_dropped",
	    (json_int_t)log.dropped);
}

static char *
dump(json_t *object)
{
	char *text = json_dumps(object, JSON_INDENT(1) | JSON_ENSURE_ASCII);

	json_decref(object);
	return text;
}

char *
ag_state_status(void)
{
	json_t *object = json_pack("{ss si so sI so so}", "version",
	    AUTHGATE_VERSION, "pid", (int)getpid(), "started",
	    time_text(started), "uptime", (json_int_t)(time(NULL) - started),
	    "policy", policy_object(), "last_load", load_object());

	json_object_update_new(object, counts_object());
	return dump(object);
}

char *
ag_state_reload(void)
{
	return dump(json_pack("{so so}", "policy", policy_object(), "last_load",
	    load_object()));
}
