/* event.c - logs and answers what was judged */
#include "milter/session/event.h"

#include <stdio.h>
#include <string.h>

#include "milter/base/fixed.h"
#include "milter/base/log.h"

/* ---- lines ---- */

static void
add_session(struct ag_buf *line, const struct ag_session *s)
{
	char id[32];

	snprintf(id, sizeof(id), "%08x-%u", s->id, s->messages);
	ag_log_key(line, "s", ag_str(id));
	ag_log_key(line, "q", ag_str(s->message.queue_id));
}

static void
add_message(struct ag_buf *line, const struct ag_event *event)
{
	const struct ag_request *r = event->request;
	bool mail = r->stage != AG_STAGE_CONNECT;
	char login[AG_ADDRESS_MAX];

	ag_log_key(line, "login",
	    mail ? ag_policy_login(event->snapshot.policy, r, login) :
		   ag_str(NULL));
	ag_log_key(line, "mech", mail ? r->mechanism : ag_str(NULL));
	ag_log_key(line, "from", mail ? r->sender->sent : ag_str(NULL));
	ag_log_key(line, "to",
	    event->rcpt != NULL ? event->rcpt->sent : ag_str(NULL));
}

/* What the rules about From: found. */
static void
add_author(struct ag_buf *line, const struct ag_finding *finding)
{
	char text[AG_FAULT_MAX];
	struct ag_buf why = AG_BUF(text);

	if (finding->rule == AG_RULE_NONE ||
	    ag_rule_stage(finding->rule) != AG_STAGE_HEADER)
		return;
	ag_policy_write_fault(finding, &why);
	ag_log_key(line, "address", finding->address);
	ag_log_key(line, "why", ag_buf_get(&why));
}

static void
add_finding(struct ag_buf *line, const struct ag_event *event,
    const struct ag_finding *finding)
{
	char at[AG_ORIGIN_MAX] = "", say[AG_REPLY_TEXT_MAX] = "";
	char reply[AG_REPLY_TEXT_MAX + 20] = "";
	struct ag_buf place = AG_BUF(at), text = AG_BUF(say);

	if (finding->rule != AG_RULE_NONE || finding->at.file != NULL)
		ag_origin_write(&finding->at, &place);
	ag_log_key(line, "domain", finding->domain);
	ag_log_key(line, "at", ag_str(at));
	if (finding->note != NULL)
		ag_log_key(line, "note", ag_str(finding->note));
	add_author(line, finding);
	if (finding->reply != NULL) {
		ag_policy_say(event->snapshot.policy, event->request, finding,
		    &text);
		snprintf(reply, sizeof(reply), "%s %s %s", finding->reply->code,
		    finding->reply->status, say);
	}
	ag_log_key(line, "reply", ag_str(reply));
}

/* Without a rule, results_header alone refuses for good. */
static struct ag_str
rule_name(const struct ag_finding *finding)
{
	if (finding->rule != AG_RULE_NONE)
		return ag_str(ag_rule_name(finding->rule));
	if (finding->verdict == AG_REJECT)
		return ag_str("results_header");
	return ag_str(finding->note != NULL ? "on_error" : NULL);
}

void
ag_event_log(const struct ag_event *event, enum ag_counted verdict,
    enum ag_stage stage, const struct ag_finding *finding, int priority)
{
	struct ag_session *s = event->session;
	char text[AG_LOG_LINE_MAX], client[AG_IP_TEXT_MAX];
	struct ag_buf line = AG_BUF(text);

	ag_log_key(&line, "verdict", ag_str(ag_count_name(verdict)));
	ag_log_key(&line, "rule", rule_name(finding));
	ag_log_key(&line, "stage", ag_str(ag_stage_name(stage)));
	add_session(&line, s);
	ag_log_key(&line, "client",
	    ag_str(s->client.family != AG_IP_UNKNOWN ?
		    ag_ip_write(&s->client, client) :
		    NULL));
	ag_log_key(&line, "name", ag_str(s->name));
	ag_log_listener(&line, ag_str(s->listener), s->port);
	add_message(&line, event);
	add_finding(&line, event, finding);
	ag_buf_printf(&line, " gen=%u", event->snapshot.generation);
	ag_log_fit(&line);
	ag_log(priority, "%s", text);
	s->message.logged = s->message.open;
}

void
ag_event_log_id(const struct ag_session *s)
{
	char text[AG_LOG_LINE_MAX];
	struct ag_buf line = AG_BUF(text);

	add_session(&line, s);
	ag_log(LOG_NOTICE, "%s", text);
}

void
ag_event_log_refusal(const struct ag_event *event, enum ag_stage stage,
    const struct ag_finding *finding)
{
	enum ag_counted verdict = finding->verdict == AG_TEMPFAIL ?
	    AG_COUNT_TEMPFAIL :
	    AG_COUNT_REJECT;

	ag_count_decision(finding->rule, verdict);
	ag_event_log(event, verdict, stage, finding, LOG_NOTICE);
}

void
ag_event_log_monitored(void *arg, enum ag_outcome outcome,
    const struct ag_finding *finding)
{
	const struct ag_event *event = arg;

	if (outcome != AG_WOULD_OBJECT)
		return;
	ag_count_decision(finding->rule, AG_COUNT_WOULD_REJECT);
	ag_event_log(event, AG_COUNT_WOULD_REJECT, event->request->stage,
	    finding, LOG_NOTICE);
}

void
ag_event_log_accepted(const struct ag_event *event,
    const struct ag_finding *finding)
{
	if (ag_policy_yes(event->snapshot.policy, AG_KEY_ACCEPTED))
		ag_event_log(event, AG_COUNT_ACCEPT, AG_STAGE_RCPT, finding,
		    LOG_INFO);
}

/* ---- answers ---- */

void
ag_answer_clear(struct ag_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
}

static void
refuse(struct ag_answer *answer, enum ag_verdict verdict,
    const struct ag_reply *reply)
{
	answer->verdict = verdict;
	memcpy(answer->code, reply->code, sizeof(answer->code));
	memcpy(answer->status, reply->status, sizeof(answer->status));
}

void
ag_event_answer(const struct ag_event *event, const struct ag_finding *finding,
    struct ag_answer *answer)
{
	struct ag_buf text = AG_BUF(answer->text);

	refuse(answer, finding->verdict, finding->reply);
	ag_policy_say(event->snapshot.policy, event->request, finding, &text);
}

/* ---- what cannot be judged ---- */

/* What is said where nothing can be decided and on_error is tempfail. */
static const struct ag_reply error_reply = { "451", "4.3.0",
	AG_STR("Cannot decide about this now, please try again later") };

struct ag_finding
ag_event_unjudged(const char *why)
{
	return (struct ag_finding){ .rule = AG_RULE_NONE,
		.verdict = AG_TEMPFAIL,
		.reply = &error_reply,
		.note = why,
		.why = why };
}

bool
ag_event_passes(const struct ag_event *event, enum ag_stage stage,
    const struct ag_finding *finding)
{
	struct ag_finding passed = *finding;

	if (!ag_fixed_accepts_on_error())
		return false;
	passed.reply = NULL;
	ag_count_decision(AG_RULE_NONE, AG_COUNT_ACCEPT);
	ag_event_log(event, AG_COUNT_ACCEPT, stage, &passed, LOG_ERR);
	return true;
}

void
ag_event_error(const struct ag_event *event, enum ag_stage stage,
    const char *why, struct ag_answer *answer)
{
	struct ag_finding finding = ag_event_unjudged(why);

	if (ag_event_passes(event, stage, &finding))
		return;
	ag_event_log_refusal(event, stage, &finding);
	ag_event_answer(event, &finding, answer);
}

void
ag_event_say_held(const struct ag_event *event, struct ag_answer *answer)
{
	struct ag_message *m = &event->session->message;

	ag_event_log_refusal(event, m->held_stage, &m->refusal);
	ag_event_answer(event, &m->refusal, answer);
}

bool
ag_event_passes_uncopied(const struct ag_policy *policy)
{
	return ag_str_eq(ag_policy_text(policy, AG_KEY_ARCHIVE_ON_ERROR),
	    ag_str("accept"));
}

/* Nobody would write them. */
static bool
needs_copies(void)
{
	struct ag_snapshot in_force = ag_store_get();
	bool needs = ag_archives_any(in_force.policy) &&
	    !ag_event_passes_uncopied(in_force.policy);

	ag_policy_unref(in_force.policy);
	return needs;
}

void
ag_answer_unjudged(struct ag_answer *answer)
{
	struct ag_buf text = AG_BUF(answer->text);

	ag_answer_clear(answer);
	if (ag_fixed_accepts_on_error() && !needs_copies())
		return;
	refuse(answer, AG_TEMPFAIL, &error_reply);
	ag_buf_str(&text, error_reply.text);
}
