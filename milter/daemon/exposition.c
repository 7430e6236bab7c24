/* exposition.c - writes the counters as Prometheus text */
#include "milter/daemon/exposition.h"

#include <inttypes.h>

/* ---- the format; all words in it are our own and need no escapes ---- */

static void
begin(struct ag_buf *out, const char *name, const char *type, const char *help)
{
	ag_buf_printf(out,
	    "# HELP authgate_%s %s\n"
	    "# TYPE authgate_%s %s\n",
	    name, help, name, type);
}

/* A series of one value. */
static void
put_one(struct ag_buf *out, const char *name, const char *type,
    const char *help, uint64_t value)
{
	begin(out, name, type, help);
	ag_buf_printf(out, "authgate_%s %" PRIu64 "\n", name, value);
}

static void
put_labelled(struct ag_buf *out, const char *name, const char *label,
    const char *word, uint64_t value)
{
	ag_buf_printf(out, "authgate_%s{%s=\"%s\"} %" PRIu64 "\n", name, label,
	    word, value);
}

/* ---- what it holds, in the order of the manual ---- */

static void
write_process(const struct ag_numbers *numbers, struct ag_buf *out)
{
	begin(out, "build_info", "gauge", "Always 1; the version is a label.");
	put_labelled(out, "build_info", "version", AUTHGATE_VERSION, 1);
	put_one(out, "start_time_seconds", "gauge",
	    "When the daemon was started, in seconds since 1970.",
	    (uint64_t)numbers->facts.started);
}

static void
write_engine(const struct ag_engine_facts *engine, struct ag_buf *out)
{
	begin(out, "engine_info", "gauge",
	    "Always 1; who speaks the milter protocol is a label.");
	put_labelled(out, "engine_info", "engine", engine->name, 1);
	put_one(out, "engine_threads", "gauge",
	    "Threads that serve connections; 0: one each.", engine->threads);
	put_one(out, "engine_connections", "gauge",
	    "Connections that are open.", engine->connections);
	put_one(out, "bad_packets_total", "counter",
	    "Malformed packets, each of which ended its connection.",
	    engine->bad_packets);
}

static void
write_mail(const struct ag_numbers *numbers, struct ag_buf *out)
{
	put_one(out, "sessions_open", "gauge", "Connections of the MTA.",
	    numbers->sessions_open);
	put_one(out, "sessions_total", "counter",
	    "Connections of the MTA since the start.", numbers->sessions);
	put_one(out, "messages_total", "counter", "Messages that began.",
	    numbers->messages);
	put_one(out, "recipients_accepted_total", "counter",
	    "Recipients that were let through.", numbers->recipients);
}

static bool
can_decide(enum ag_rule rule, enum ag_counted verdict)
{
	switch (verdict) {
	case AG_COUNT_WOULD_REJECT:
		/* a rule without a mode is always enforced */
		return rule != AG_RULE_NONE &&
		    ag_rule_mode_key(rule) != AG_KEY_NONE;
	case AG_COUNT_ACCEPT:
		return rule == AG_RULE_NONE;
	case AG_COUNT_REJECT:
	case AG_COUNT_TEMPFAIL:
	case AG_COUNT_KINDS:
		break;
	}
	return true;
}

/*
 * Where no rule decides, on_error does, and it refuses nothing for good;
 * results_header does.
 */
static void
put_decision(struct ag_buf *out, enum ag_rule rule, enum ag_counted verdict,
    uint64_t value)
{
	bool none = rule == AG_RULE_NONE;
	bool claims = none && verdict == AG_COUNT_REJECT;

	ag_buf_printf(out,
	    "authgate_decisions_total{rule=\"%s\",stage=\"%s\","
	    "verdict=\"%s\"} %" PRIu64 "\n",
	    claims   ? "results_header" :
		none ? "on_error" :
		       ag_rule_name(rule),
	    claims   ? ag_stage_name(AG_STAGE_HEADER) :
		none ? "-" :
		       ag_stage_name(ag_rule_stage(rule)),
	    ag_count_name(verdict), value);
}

/* Zeros too: else the first one that is counted is no increase. */
static void
write_decisions(const struct ag_numbers *numbers, struct ag_buf *out)
{
	begin(out, "decisions_total", "counter",
	    "Refusals, and what monitored rules would have refused.");
	for (unsigned rule = 0; rule <= AG_RULE_COUNT; rule++)
		for (unsigned i = 0; i < AG_COUNT_KINDS; i++)
			if (can_decide((enum ag_rule)rule, (enum ag_counted)i))
				put_decision(out, (enum ag_rule)rule,
				    (enum ag_counted)i,
				    numbers->decisions[rule][i]);
}

static void
write_sizes(const struct ag_policy_sizes *sizes, struct ag_buf *out)
{
	put_one(out, "policy_domain_files", "gauge",
	    "Files of domains in the policy in force.", sizes->domain_files);
	put_one(out, "policy_local_domains", "gauge",
	    "Names of local domains in it.", sizes->local_domains);
	put_one(out, "policy_kill_entries", "gauge",
	    "Entries of the kill lists in it.", sizes->killed);
	put_one(out, "policy_relay_networks", "gauge",
	    "Networks of the server's relay lists in it.", sizes->relays);
	put_one(out, "policy_sender_map_addresses", "gauge",
	    "Addresses of the sender map in it.", sizes->senders);
}

static void
write_policy(const struct ag_facts *facts, struct ag_buf *out)
{
	put_one(out, "policy_generation", "gauge",
	    "Number of the policy in force; 1 is that of the start.",
	    facts->generation);
	put_one(out, "policy_loaded_timestamp_seconds", "gauge",
	    "When the policy in force was read, in seconds since 1970.",
	    (uint64_t)facts->since);
	write_sizes(&facts->sizes, out);
	put_one(out, "policy_bad_lines", "gauge",
	    "Bad lines of lists that it passes over.", facts->bad_lines);
}

static void
write_reloads(const struct ag_facts *facts, struct ag_buf *out)
{
	begin(out, "reloads_total", "counter",
	    "Reloads, by what became of them.");
	put_labelled(out, "reloads_total", "result", "ok", facts->reloads);
	put_labelled(out, "reloads_total", "result", "failed",
	    facts->reloads_failed);
	put_one(out, "last_reload_successful", "gauge",
	    "0 when the files as they are now could not be used.",
	    !facts->failed);
	put_one(out, "parts_kept", "gauge",
	    "Files whose last good version is in force.", facts->kept);
}

static void
write_copies(const uint64_t copies[static AG_COPY_KINDS], struct ag_buf *out)
{
	begin(out, "archive_messages_total", "counter",
	    "Messages of which copies were to be kept.");
	put_labelled(out, "archive_messages_total", "result", "kept",
	    copies[AG_COPY_KEPT]);
	put_labelled(out, "archive_messages_total", "result", "failed",
	    copies[AG_COPY_FAILED]);
}

static void
write_log(const struct ag_log_counts *log, struct ag_buf *out)
{
	put_one(out, "log_lines_waiting", "gauge",
	    "Log lines that syslog has not taken yet.", log->waiting);
	put_one(out, "log_lines_dropped_total", "counter",
	    "Log lines for which there was no room.", log->dropped);
	put_one(out, "log_lines_lost_total", "counter",
	    "Log lines that no syslog was there to take.", log->lost);
}

static void
write_shortages(const uint64_t shortages[static AG_SHORTAGES],
    struct ag_buf *out)
{
	begin(out, "shortages_total", "counter",
	    "Connections that were not judged, by what was missing.");
	for (unsigned i = 0; i < AG_SHORTAGES; i++)
		put_labelled(out, "shortages_total", "of",
		    ag_shortage_name((enum ag_shortage)i), shortages[i]);
}

void
ag_exposition_write(const struct ag_numbers *numbers, struct ag_buf *out)
{
	write_process(numbers, out);
	write_engine(&numbers->engine, out);
	write_mail(numbers, out);
	write_decisions(numbers, out);
	write_policy(&numbers->facts, out);
	write_reloads(&numbers->facts, out);
	write_copies(numbers->copies, out);
	write_log(&numbers->log, out);
	write_shortages(numbers->shortages, out);
}
