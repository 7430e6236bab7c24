/* state.c - what the daemon says of itself, as JSON */
#include "milter/daemon/state.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/number.h"
#include "milter/base/count.h"
#include "milter/base/json.h"
#include "milter/base/log.h"
#include "milter/daemon/engines.h"
#include "milter/daemon/good.h"

/* Of more findings only the number is kept. */
#define FINDINGS_MAX 500u

/* Changed by one thread, read by any; nobody holds the lock for long. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ag_facts facts;

/* Of the last attempt, for the one thread. */
static struct {
	int64_t at;
	json_t *findings;
	unsigned left_out;
	unsigned bad_lines;
	json_t *known; /* findings of the one before, if it is made again */
	json_t *kept;  /* files that stay as they were, and since when */
	bool news;
} last;

struct ag_facts
ag_state_facts(void)
{
	struct ag_facts copy;

	pthread_mutex_lock(&lock);
	copy = facts;
	pthread_mutex_unlock(&lock);
	return copy;
}

static void
publish(const struct ag_facts *changed)
{
	pthread_mutex_lock(&lock);
	facts = *changed;
	pthread_mutex_unlock(&lock);
}

void
ag_state_begin(void)
{
	struct ag_facts now = { .started = time(NULL) };

	publish(&now);
}

void
ag_state_loading(bool again)
{
	json_decref(last.known);
	last.known = last.findings;
	if (!again) {
		json_decref(last.known);
		last.known = NULL;
	}
	last.findings = json_array();
	last.left_out = 0;
	last.bad_lines = 0;
	last.news = !again;
	last.at = time(NULL);
}

static bool
is_known(const json_t *finding)
{
	size_t i;
	json_t *known;

	json_array_foreach(last.known, i,
	    known) if (json_equal(known, finding)) return true;
	return false;
}

bool
ag_state_finding(enum ag_severity severity, const struct ag_origin *where,
    const char *text)
{
	char at[AG_ORIGIN_MAX];
	struct ag_buf place = AG_BUF(at);
	json_t *finding;
	bool news;

	last.bad_lines += severity == AG_BAD_LINE;
	if (json_array_size(last.findings) >= FINDINGS_MAX) {
		last.left_out++;
		return false;
	}
	ag_origin_write(where, &place);
	finding = json_pack("{ss so so}", "severity",
	    ag_severity_name(severity), "at", ag_json_text(ag_buf_get(&place)),
	    "text", ag_json_text(ag_str(text)));
	news = !is_known(finding);
	last.news = last.news || news;
	json_array_append_new(last.findings, finding);
	return news;
}

bool
ag_state_has_news(void)
{
	return last.news;
}

unsigned
ag_state_findings_left_out(void)
{
	return last.left_out;
}

void
ag_state_loaded(const struct ag_policy *policy, unsigned generation)
{
	struct ag_facts now = ag_state_facts();

	/* the first is no reload */
	now.reloads += now.generation > 0;
	now.failed = false;
	now.generation = generation;
	now.digest = ag_policy_digest(policy);
	now.since = last.at;
	now.bad_lines = last.bad_lines;
	now.sizes = ag_policy_sizes(policy);
	publish(&now);
}

void
ag_state_failed(void)
{
	struct ag_facts now = ag_state_facts();

	now.failed = true;
	now.reloads_failed++;
	publish(&now);
}

/* ---- files that stay as they were ---- */

static json_t *
time_text(int64_t at)
{
	char text[AG_INSTANT_MAX];

	return json_string(ag_number_write_instant(at, text));
}

/* NULL: it is not among them. */
static const json_t *
find_kept(const char *shown)
{
	const json_t *file;
	size_t i;

	json_array_foreach(last.kept, i, file)
	{
		const char *name =
		    json_string_value(json_object_get(file, "file"));

		if (name != NULL && strcmp(name, shown) == 0)
			return file;
	}
	return NULL;
}

/* Since when it is so: since the attempt that found it first. */
static json_t *
kept_since(const char *shown)
{
	const json_t *file = find_kept(shown);

	return file != NULL ? json_incref(json_object_get(file, "since")) :
			      time_text(last.at);
}

static json_t *
kept_object(const struct ag_kept *kept)
{
	char at[AG_ORIGIN_MAX];
	struct ag_buf place = AG_BUF(at);

	/* a list may be missing that a line of another file names */
	bool inside = strcmp(kept->at.file, kept->shown) == 0;

	ag_origin_write(&kept->at, &place);
	return json_pack("{so so so si so sb}", "file",
	    ag_json_text(ag_str(kept->shown)), "since", kept_since(kept->shown),
	    "at", ag_json_text(ag_buf_get(&place)), "line",
	    inside ? (int)kept->at.line : 0, "text",
	    ag_json_text(ag_str(kept->why)), "never", (int)kept->never);
}

void
ag_state_keeps(const struct ag_policy *policy)
{
	struct ag_facts now = ag_state_facts();
	const struct ag_kept *kept;
	struct ag_buf names = AG_BUF(now.kept_names);
	json_t *files;

	if (policy == NULL)
		return;
	now.kept = (unsigned)ag_policy_kept(policy, &kept);
	files = json_array();
	for (size_t i = 0; i < now.kept; i++) {
		json_array_append_new(files, kept_object(&kept[i]));
		ag_buf_printf(&names, "%s%s", i > 0 ? " " : "", kept[i].shown);
	}
	json_decref(last.kept);
	last.kept = files;
	if (now.kept == 0)
		now.kept_names[0] = '\0';
	else
		now.failed = true;
	publish(&now);
}

/* ---- JSON ---- */

static json_t *
policy_object(const struct ag_facts *now)
{
	json_t *object =
	    json_pack("{si so sI}", "generation", (int)now->generation, "since",
		time_text(now->since), "bad_lines", (json_int_t)now->bad_lines);

	json_object_update_new(object,
	    ag_json_policy(now->digest, &now->sizes));
	return object;
}

static json_t *
load_object(const struct ag_facts *now)
{
	return json_pack("{so sb sO sI sO*}", "at", time_text(last.at),
	    "failed", (int)now->failed, "findings", last.findings,
	    "findings_left_out", (json_int_t)last.left_out, "kept", last.kept);
}

/* Without a rule, results_header alone refuses for good, and nothing else. */
static uint64_t
count_of(enum ag_rule rule, bool claims, enum ag_counted what)
{
	return rule == AG_RULE_NONE && claims != (what == AG_COUNT_REJECT) ?
	    0 :
	    ag_count_decisions(rule, what);
}

static json_t *
decision_object(enum ag_rule rule, bool claims)
{
	const char *name = claims ? "results_header" :
	    rule == AG_RULE_NONE  ? "on_error" :
				    ag_rule_name(rule);
	const char *stage = claims ? ag_stage_name(AG_STAGE_HEADER) :
	    rule == AG_RULE_NONE   ? "-" :
				     ag_stage_name(ag_rule_stage(rule));
	json_t *object = json_pack("{ss ss}", "rule", name, "stage", stage);

	for (unsigned i = 0; i < AG_COUNT_KINDS; i++)
		json_object_set_new(object, ag_count_name((enum ag_counted)i),
		    json_integer((
			json_int_t)count_of(rule, claims, (enum ag_counted)i)));
	return object;
}

static json_t *
decisions_array(void)
{
	json_t *array = json_array();

	for (unsigned rule = 0; rule <= AG_RULE_COUNT; rule++)
		json_array_append_new(array,
		    decision_object((enum ag_rule)rule, false));
	json_array_append_new(array, decision_object(AG_RULE_NONE, true));
	return array;
}

static json_t *
shortages_object(void)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < AG_SHORTAGES; i++)
		json_object_set_new(object,
		    ag_shortage_name((enum ag_shortage)i),
		    json_integer(
			(json_int_t)ag_count_shortages((enum ag_shortage)i)));
	return object;
}

static json_t *
counts_object(void)
{
	struct ag_log_counts log = ag_log_counts();

	return json_pack("{sI sI sI sI so sI sI sI sI sI so}", "sessions_open",
	    (json_int_t)ag_count_sessions_open(), "sessions",
	    (json_int_t)ag_count_sessions(), "messages",
	    (json_int_t)ag_count_messages(), "recipients_accepted",
	    (json_int_t)ag_count_recipients(), "decisions", decisions_array(),
	    "copies_kept", (json_int_t)ag_count_copies(AG_COPY_KEPT),
	    "copies_failed", (json_int_t)ag_count_copies(AG_COPY_FAILED),
	    "log_lines_waiting", (json_int_t)log.waiting, "log_lines_dropped",
	    (json_int_t)log.dropped, "log_lines_lost", (json_int_t)log.lost,
	    "shortages", shortages_object());
}

static json_t *
engine_object(void)
{
	struct ag_engine_facts engine = ag_engine_facts();

	return json_pack("{ss sI sI sI}", "name", engine.name, "threads",
	    (json_int_t)engine.threads, "connections",
	    (json_int_t)engine.connections, "bad_packets",
	    (json_int_t)engine.bad_packets);
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
	struct ag_facts now = ag_state_facts();
	json_t *object = json_pack("{ss si so sI so so so sI sI}", "version",
	    AUTHGATE_VERSION, "pid", (int)getpid(), "started",
	    time_text(now.started), "uptime",
	    (json_int_t)(time(NULL) - now.started), "engine", engine_object(),
	    "policy", policy_object(&now), "last_load", load_object(&now),
	    "reloads", (json_int_t)now.reloads, "reloads_failed",
	    (json_int_t)now.reloads_failed);

	json_object_set_new(object, "copies",
	    ag_good_fault() != NULL ? json_string(ag_good_fault()) :
				      json_null());
	json_object_update_new(object, counts_object());
	return dump(object);
}

static json_t *
reload_object(void)
{
	struct ag_facts now = ag_state_facts();

	return json_pack("{so so}", "policy", policy_object(&now), "last_load",
	    load_object(&now));
}

char *
ag_state_reload(void)
{
	return dump(reload_object());
}

char *
ag_state_look(const struct ag_known_file *file)
{
	json_t *object = reload_object();
	char fingerprint[17];

	snprintf(fingerprint, sizeof(fingerprint), "%016llx",
	    (unsigned long long)file->fingerprint);
	json_object_set_new(object, "config",
	    ag_json_text(ag_str(file->config)));
	if (file->shown != NULL) {
		json_object_set_new(object, "file", json_string(fingerprint));
		json_object_set_new(object, "file_kept",
		    json_boolean(find_kept(file->shown) != NULL));
	}
	return dump(object);
}
