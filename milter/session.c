#include "session.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../policy/login.h"
#include "../policy/number.h"
#include "../policy/results.h"
#include "../policy/vec.h"
#include "count.h"
#include "fixed.h"
#include "limits.h"
#include "archive.h"
#include "log.h"
#include "store.h"

#define NAME_MAX_BYTES 256
#define MECHANISM_MAX 64
#define QUEUE_ID_MAX 64

/* From: fields that are kept; of more it is only known that they are there. */
#define FIELDS_MAX 64

/* The values of all fields of one name. */
struct fields {
	struct ag_str value[FIELDS_MAX]; /* each to be freed */
	size_t n;
	bool overflow;
};

/* What belongs to one message; all zero bytes are none. */
struct message {
	bool open;
	struct ag_snapshot snapshot; /* in force at its MAIL, until it ends */
	char *argument;              /* of MAIL; the sender borrows it */
	struct ag_path sender;
	struct ag_mailbox login;
	char mechanism[MECHANISM_MAX];
	bool tls;
	char queue_id[QUEUE_ID_MAX];
	bool logged;    /* something was, so say the queue id */
	bool undecided; /* let through at MAIL by on_error, not judged */
	bool held;      /* refused at MAIL, still to be said */
	enum ag_stage held_stage;
	struct ag_finding refusal;
	struct fields *from; /* made with the first field */
	struct fields *sender_field;
	const char *header_error; /* why the header cannot be judged, or NULL */
	char results_id[NAME_MAX_BYTES]; /* empty: results are left alone */
	unsigned results;                /* fields of that name, so far */
	struct ag_vec forged;  /* unsigned: which of them claim to be ours */
	struct ag_copy *copy;  /* NULL: none is kept */
	const char *copy_lost; /* why it is not kept although it should be */
};

struct ag_session {
	struct ag_snapshot snapshot; /* of the negotiation */
	unsigned id;
	unsigned messages;
	bool has_room;
	bool negotiated; /* else it follows another on one connection */
	bool content;    /* all of each message is given */
	bool space;      /* with the blank behind the colon of a field */
	bool silent[AG_STAGE_HEADER + 1];
	bool asked_for_edits; /* the header and leave to change it */
	bool may_edit;
	char name[NAME_MAX_BYTES];
	char listener[NAME_MAX_BYTES];
	unsigned port;
	struct ag_ip client;
	bool local_submission;
	struct message message;
};

static const char *const no_memory = "not enough memory";

/* What is said where nothing can be decided and on_error is tempfail. */
static const struct ag_reply error_reply = { "451", "4.3.0",
	AG_STR("Cannot decide about this now, please try again later") };

static const struct ag_reply copy_reply = { "451", "4.3.0",
	AG_STR("Cannot keep a copy of this now, please try again later") };

static struct ag_finding
error_finding(const char *why)
{
	return (struct ag_finding){ .rule = AG_RULE_NONE,
		.verdict = AG_TEMPFAIL,
		.reply = &error_reply,
		.note = why,
		.why = why };
}

/* What does not fit is cut; NULL is kept as an empty text. */
static void
keep_text(const char *text, char *to, size_t size)
{
	struct ag_buf buf = ag_buf(to, size);

	ag_buf_str(&buf, ag_str(text));
}

/* ---- requests ---- */

static struct ag_request
make_request(const struct ag_session *s, enum ag_stage stage)
{
	const struct message *m = &s->message;

	return (struct ag_request){ .stage = stage,
		.now = time(NULL),
		.client = s->client,
		.listener = ag_str(s->listener),
		.port = s->port,
		.local_submission = s->local_submission,
		.login = &m->login,
		.mechanism = ag_str(m->mechanism),
		.tls = m->tls,
		.sender = &m->sender };
}

/* ---- lines ---- */

/* A line is about a request, judged by a snapshot. */
struct event {
	struct ag_session *session;
	const struct ag_request *request;
	struct ag_snapshot snapshot;
	const struct ag_path *rcpt; /* NULL: no recipient */
};

static void
add_session(struct ag_buf *line, const struct ag_session *s)
{
	char id[32];

	snprintf(id, sizeof(id), "%08x-%u", s->id, s->messages);
	ag_log_key(line, "s", ag_str(id));
	ag_log_key(line, "q", ag_str(s->message.queue_id));
}

static void
add_listener(struct ag_buf *line, const struct ag_session *s)
{
	char text[NAME_MAX_BYTES + 16];
	struct ag_buf listener = AG_BUF(text);

	ag_buf_text(&listener, s->listener);
	if (s->port > 0)
		ag_buf_printf(&listener, ":%u", s->port);
	ag_log_key(line, "listener", ag_buf_get(&listener));
}

static void
add_message(struct ag_buf *line, const struct event *event)
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

static void
add_finding(struct ag_buf *line, const struct event *event,
    const struct ag_finding *finding)
{
	char at[AG_ORIGIN_MAX] = "", say[AG_REPLY_TEXT_MAX] = "";
	char reply[AG_REPLY_TEXT_MAX + 20] = "";
	struct ag_buf place = AG_BUF(at), text = AG_BUF(say);

	if (finding->rule != AG_RULE_NONE)
		ag_origin_write(&finding->at, &place);
	ag_log_key(line, "domain", finding->domain);
	ag_log_key(line, "at", ag_str(at));
	if (finding->note != NULL)
		ag_log_key(line, "note", ag_str(finding->note));
	if (finding->reply != NULL) {
		ag_policy_say(event->snapshot.policy, event->request, finding,
		    &text);
		snprintf(reply, sizeof(reply), "%s %s %s", finding->reply->code,
		    finding->reply->status, say);
	}
	ag_log_key(line, "reply", ag_str(reply));
}

static struct ag_str
rule_name(const struct ag_finding *finding)
{
	if (finding->rule != AG_RULE_NONE)
		return ag_str(ag_rule_name(finding->rule));
	return ag_str(finding->note != NULL ? "on_error" : NULL);
}

static void
log_event(const struct event *event, enum ag_counted verdict,
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
	add_listener(&line, s);
	add_message(&line, event);
	add_finding(&line, event, finding);
	ag_buf_printf(&line, " gen=%u", event->snapshot.generation);
	ag_log(priority, "%s", text);
	s->message.logged = s->message.open;
}

static void
log_refusal(const struct event *event, enum ag_stage stage,
    const struct ag_finding *finding)
{
	enum ag_counted verdict = finding->verdict == AG_TEMPFAIL ?
	    AG_COUNT_TEMPFAIL :
	    AG_COUNT_REJECT;

	ag_count_decision(finding->rule, verdict);
	log_event(event, verdict, stage, finding, LOG_NOTICE);
}

static void
log_monitored(void *arg, enum ag_outcome outcome,
    const struct ag_finding *finding)
{
	const struct event *event = arg;

	if (outcome != AG_WOULD_OBJECT)
		return;
	ag_count_decision(finding->rule, AG_COUNT_WOULD_REJECT);
	log_event(event, AG_COUNT_WOULD_REJECT, event->request->stage, finding,
	    LOG_NOTICE);
}

static void
log_accepted(const struct event *event, const struct ag_finding *finding)
{
	if (ag_policy_yes(event->snapshot.policy, AG_KEY_ACCEPTED))
		log_event(event, AG_COUNT_ACCEPT, AG_STAGE_RCPT, finding,
		    LOG_INFO);
}

/* ---- answers ---- */

static void
answer_continue(struct ag_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
}

static void
answer_refusal(const struct event *event, const struct ag_finding *finding,
    struct ag_answer *answer)
{
	struct ag_buf text = AG_BUF(answer->text);

	answer->verdict = finding->verdict;
	memcpy(answer->code, finding->reply->code, sizeof(answer->code));
	memcpy(answer->status, finding->reply->status, sizeof(answer->status));
	ag_policy_say(event->snapshot.policy, event->request, finding, &text);
}

/* ---- the session ---- */

static unsigned
next_id(void)
{
	static atomic_uint last;
	unsigned zero = 0;

	/* starts anew with each process, and far from where the last one was */
	atomic_compare_exchange_strong(&last, &zero,
	    (unsigned)time(NULL) * 2654435761u);
	return atomic_fetch_add(&last, 1) + 1;
}

struct ag_session *
ag_session_new(void)
{
	struct ag_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->snapshot = ag_store_get();
	s->id = next_id();
	s->has_room = ag_limits_have_room();
	ag_count_session_begins();
	return s;
}

static void
free_fields(struct fields *fields)
{
	for (size_t i = 0; fields != NULL && i < fields->n; i++)
		free((char *)fields->value[i].ptr);
	free(fields);
}

void
ag_session_reset(struct ag_session *s)
{
	free_fields(s->message.from);
	free_fields(s->message.sender_field);
	ag_copy_free(s->message.copy); /* it borrows the policy */
	ag_vec_free(&s->message.forged);
	ag_policy_unref(s->message.snapshot.policy);
	free(s->message.argument);
	memset(&s->message, 0, sizeof(s->message));
}

void
ag_session_free(struct ag_session *s)
{
	if (s == NULL)
		return;
	ag_session_reset(s);
	ag_policy_unref(s->snapshot.policy);
	ag_count_session_ends();
	free(s);
}

bool
ag_session_has_room(const struct ag_session *s)
{
	return s->has_room;
}

bool
ag_session_takes_everyone(const struct ag_session *s)
{
	return !ag_policy_has_killed_networks(s->snapshot.policy);
}

void
ag_session_negotiated(struct ag_session *s)
{
	s->negotiated = true;
}

void
ag_session_set_silent(struct ag_session *s, enum ag_stage stage)
{
	s->silent[stage] = true;
}

bool
ag_session_is_silent(const struct ag_session *s, enum ag_stage stage)
{
	return s->silent[stage];
}

void
ag_session_not_judged(enum ag_shortage shortage, struct ag_answer *answer)
{
	struct ag_buf text = AG_BUF(answer->text);
	bool accept = ag_fixed_accepts_on_error();

	answer_continue(answer);
	ag_limits_report(shortage);
	ag_count_decision(AG_RULE_NONE,
	    accept ? AG_COUNT_ACCEPT : AG_COUNT_TEMPFAIL);
	if (accept)
		return;
	answer->verdict = AG_TEMPFAIL;
	memcpy(answer->code, error_reply.code, sizeof(answer->code));
	memcpy(answer->status, error_reply.status, sizeof(answer->status));
	ag_buf_str(&text, error_reply.text);
}

/* ---- CONNECT ---- */

static unsigned
parse_port(const char *text)
{
	uint64_t port = 0;

	ag_number_parse(ag_str(text), 65535, &port);
	return (unsigned)port;
}

/*
 * Postfix gives what comes from its sendmail command as 127.0.0.1 without
 * ports; Sendmail -bs has neither address nor listener.
 */
static bool
is_local_submission(const struct ag_connect *c)
{
	if (c->client.family == AG_IP_UNKNOWN)
		return c->daemon_name == NULL || *c->daemon_name == '\0';
	return c->client.family == AG_IP_V4 && c->client.lo == 0x7f000001 &&
	    c->client_port == 0 && parse_port(c->daemon_port) == 0;
}

void
ag_session_connect(struct ag_session *s, const struct ag_connect *c,
    struct ag_answer *answer)
{
	struct ag_request request;
	struct event event = { s, &request, s->snapshot, NULL };
	struct ag_trace trace = { log_monitored, &event };
	struct ag_decision decision;

	answer_continue(answer);
	keep_text(c->name, s->name, sizeof(s->name));
	keep_text(c->daemon_name, s->listener, sizeof(s->listener));
	s->port = parse_port(c->daemon_port);
	s->client = c->client;
	s->local_submission = is_local_submission(c);
	if (!s->negotiated)
		return;
	request = make_request(s, AG_STAGE_CONNECT);
	decision = ag_policy_eval(s->snapshot.policy, &request, &trace);
	if (decision.verdict == AG_CONTINUE)
		return;
	log_refusal(&event, AG_STAGE_CONNECT, &decision.finding);
	answer_refusal(&event, &decision.finding, answer);
}

/* ---- MAIL ---- */

static void
keep_queue_id(struct message *m, const char *queue_id)
{
	if (queue_id != NULL)
		keep_text(queue_id, m->queue_id, sizeof(m->queue_id));
}

static struct ag_str *
macro(const char *value, struct ag_str *slice)
{
	*slice = ag_str(value);
	return value != NULL ? slice : NULL;
}

/*
 * What a connection did not ask for begins with the next one.  Where it is not
 * known what was negotiated, trying shows it.
 */
static void
begin_results(struct ag_session *s, const char *mta_name)
{
	struct message *m = &s->message;
	struct ag_str id =
	    ag_policy_text(m->snapshot.policy, AG_KEY_AUTHSERV_ID);

	if (!ag_policy_yes(m->snapshot.policy, AG_KEY_RESULTS_HEADER) ||
	    (s->negotiated && !s->asked_for_edits))
		return;
	if (id.len == 0)
		id = ag_str(mta_name);
	if (s->negotiated && !s->may_edit)
		m->header_error = "the MTA allows no change of header fields";
	else if (id.len == 0 || id.len >= sizeof(m->results_id))
		m->header_error = "the MTA tells no name, in the macro j";
	else
		ag_str_copy_lower(id, m->results_id);
}

/* NULL, or why the message cannot be judged. */
static const char *
open_message(struct ag_session *s, const struct ag_mail *mail)
{
	struct message *m = &s->message;
	struct ag_str addr, mailer;

	ag_session_reset(s);
	s->messages++;
	ag_count_message();
	m->open = true;
	m->snapshot = ag_store_get();
	keep_queue_id(m, mail->queue_id);
	ag_path_read(&m->sender, ag_str(NULL), NULL, NULL);
	if (mail->argument == NULL)
		return "MAIL without an argument";
	m->argument = strdup(mail->argument);
	if (m->argument == NULL)
		return no_memory;
	ag_path_read(&m->sender, ag_str(m->argument), macro(mail->addr, &addr),
	    macro(mail->mailer, &mailer));
	if (m->sender.no_memory)
		return no_memory;
	if (!ag_login_parse(&m->login, ag_str(mail->authen))) {
		bool memory = m->login.no_memory;

		memset(&m->login, 0, sizeof(m->login));
		return memory ? no_memory : "the login is too long";
	}
	keep_text(mail->type, m->mechanism, sizeof(m->mechanism));
	m->tls = mail->tls_version != NULL && *mail->tls_version != '\0';
	begin_results(s, mail->mta_name);
	return NULL;
}

/*
 * Keeps a refusal that is not said now.  The finding's pointers lead into the
 * message's snapshot, which lives as long as the message.
 */
static void
hold(struct message *m, enum ag_stage stage, const struct ag_finding *finding)
{
	m->held = true;
	m->held_stage = stage;
	m->refusal = *finding;
}

/* Whether a refusal of MAIL has to wait. */
static bool
must_wait(const struct ag_session *s, enum ag_stage stage)
{
	if (s->silent[AG_STAGE_MAIL] || !s->negotiated)
		return true;
	/* local submission can be refused at MAIL, never at RCPT; a killed
	 * client is refused on contact */
	return ag_fixed_delays() && !s->local_submission &&
	    stage != AG_STAGE_CONNECT;
}

static void
refuse_mail(struct ag_session *s, const struct event *event,
    enum ag_stage stage, const struct ag_finding *finding,
    struct ag_answer *answer)
{
	if (must_wait(s, stage)) {
		hold(&s->message, stage, finding);
		return;
	}
	log_refusal(event, stage, finding);
	answer_refusal(event, finding, answer);
	/* no abort follows a refused MAIL */
	ag_session_reset(s);
}

/* Lets pass what cannot be judged, and says so; false where it must not. */
static bool
pass_by_on_error(const struct event *event, enum ag_stage stage,
    const struct ag_finding *finding)
{
	struct ag_finding passed = *finding;

	if (!ag_fixed_accepts_on_error())
		return false;
	passed.reply = NULL;
	ag_count_decision(AG_RULE_NONE, AG_COUNT_ACCEPT);
	log_event(event, AG_COUNT_ACCEPT, stage, &passed, LOG_ERR);
	return true;
}

static void
mail_error(struct ag_session *s, const struct event *event, const char *why,
    struct ag_answer *answer)
{
	struct ag_finding finding = error_finding(why);

	if (pass_by_on_error(event, AG_STAGE_MAIL, &finding))
		s->message.undecided = true;
	else
		refuse_mail(s, event, AG_STAGE_MAIL, &finding, answer);
}

static void
error_at(const struct event *event, enum ag_stage stage, const char *why,
    struct ag_answer *answer)
{
	struct ag_finding finding = error_finding(why);

	if (pass_by_on_error(event, stage, &finding))
		return;
	log_refusal(event, stage, &finding);
	answer_refusal(event, &finding, answer);
}

/* A long connection ends where its client has come into the kill list. */
static struct ag_decision
judge_client_again(const struct ag_session *s)
{
	struct ag_request request = make_request(s, AG_STAGE_CONNECT);

	return ag_policy_eval(s->message.snapshot.policy, &request, NULL);
}

void
ag_session_mail(struct ag_session *s, const struct ag_mail *mail,
    struct ag_answer *answer)
{
	const char *why = open_message(s, mail);
	struct ag_request request = make_request(s, AG_STAGE_MAIL);
	struct event event = { s, &request, s->message.snapshot, NULL };
	struct ag_trace trace = { log_monitored, &event };
	enum ag_stage stage = AG_STAGE_CONNECT;
	struct ag_decision decision;

	answer_continue(answer);
	if (why != NULL) {
		mail_error(s, &event, why, answer);
		return;
	}
	decision = judge_client_again(s);
	if (decision.verdict == AG_CONTINUE) {
		stage = AG_STAGE_MAIL;
		decision = ag_policy_eval(s->message.snapshot.policy, &request,
		    &trace);
	}
	if (decision.verdict != AG_CONTINUE)
		refuse_mail(s, &event, stage, &decision.finding, answer);
}

/* ---- RCPT ---- */

static void
rcpt_without_mail(struct ag_session *s, struct ag_answer *answer)
{
	struct ag_path none;
	struct ag_request request = make_request(s, AG_STAGE_MAIL);
	struct event event = { s, &request, s->snapshot, NULL };

	ag_path_read(&none, ag_str(NULL), NULL, NULL);
	request.sender = &none;
	error_at(&event, AG_STAGE_RCPT, "RCPT without MAIL", answer);
}

/* What was refused at MAIL is said to each recipient. */
static void
say_held(const struct event *event, struct ag_answer *answer)
{
	struct message *m = &event->session->message;

	log_refusal(event, m->held_stage, &m->refusal);
	answer_refusal(event, &m->refusal, answer);
}

static void
judge_rcpt(struct event *event, struct ag_request *request,
    struct ag_answer *answer)
{
	struct ag_trace trace = { log_monitored, event };
	struct ag_decision decision;

	request->rcpt = event->rcpt;
	decision = ag_policy_eval(event->snapshot.policy, request, &trace);
	if (decision.verdict == AG_CONTINUE) {
		ag_count_recipient();
		log_accepted(event, &decision.finding);
		return;
	}
	log_refusal(event, AG_STAGE_RCPT, &decision.finding);
	answer_refusal(event, &decision.finding, answer);
}

/* Those who are let through are in the copy, if one is kept. */
static void
note_for_copy(struct ag_session *s, const struct ag_path *path)
{
	struct message *m = &s->message;

	if (m->held || !ag_archives_any(m->snapshot.policy))
		return;
	if (!s->content) {
		/* what the connection did not ask for begins with the next */
		if (!s->negotiated)
			m->copy_lost = "it is not known what was negotiated";
		return;
	}
	if (m->copy == NULL)
		m->copy = ag_copy_new(m->snapshot.policy, &m->sender);
	if (m->copy != NULL)
		ag_copy_add_rcpt(m->copy, path);
	else
		m->copy_lost = no_memory;
}

void
ag_session_rcpt(struct ag_session *s, const struct ag_rcpt *rcpt,
    struct ag_answer *answer)
{
	struct ag_request request = make_request(s, AG_STAGE_RCPT);
	struct message *m = &s->message;
	struct ag_str addr, mailer;
	struct ag_path path;
	struct event event = { s, &request, m->snapshot, &path };

	answer_continue(answer);
	if (!m->open) {
		rcpt_without_mail(s, answer);
		return;
	}
	keep_queue_id(m, rcpt->queue_id);
	ag_path_read(&path, ag_str(rcpt->argument), macro(rcpt->addr, &addr),
	    macro(rcpt->mailer, &mailer));
	request.rcpt = &path;
	if (m->undecided)
		ag_count_recipient();
	else if (!m->held && path.no_memory && !s->local_submission)
		error_at(&event, AG_STAGE_RCPT, no_memory, answer);
	else if (!m->held)
		judge_rcpt(&event, &request, answer);
	else if (!s->local_submission)
		say_held(&event, answer);
	if (answer->verdict == AG_CONTINUE)
		note_for_copy(s, &path);
}

/* ---- the copy ---- */

bool
ag_session_needs_content(const struct ag_session *s)
{
	return ag_archives_any(s->snapshot.policy);
}

void
ag_session_set_content(struct ag_session *s, bool space)
{
	s->content = true;
	s->space = space;
}

bool
ag_session_begins_copy(const struct ag_session *s)
{
	return s->message.copy != NULL && !ag_copy_has_begun(s->message.copy);
}

void
ag_session_set_queue_id(struct ag_session *s, const char *queue_id)
{
	keep_queue_id(&s->message, queue_id);
}

static void
begin_copy(struct ag_session *s)
{
	struct message *m = &s->message;
	struct ag_request request = make_request(s, AG_STAGE_MAIL);
	char client[AG_IP_TEXT_MAX] = "", login[AG_ADDRESS_MAX];
	struct ag_front front = { .sender = m->sender.sent,
		.login = ag_policy_login(m->snapshot.policy, &request, login),
		.queue_id = ag_str(m->queue_id) };

	if (s->client.family != AG_IP_UNKNOWN)
		ag_ip_write(&s->client, client);
	front.client = ag_str(client);
	ag_copy_begin(m->copy, &front);
}

/* The copy of the message, begun, or NULL where none is kept. */
static struct ag_copy *
copy_of(struct ag_session *s)
{
	if (ag_session_begins_copy(s))
		begin_copy(s);
	return s->message.copy;
}

static void
drop_copy(struct message *m)
{
	ag_copy_free(m->copy);
	m->copy = NULL;
	m->copy_lost = NULL;
}

void
ag_session_body(struct ag_session *s, const unsigned char *bytes, size_t count)
{
	struct ag_copy *copy = copy_of(s);

	if (copy != NULL)
		ag_copy_body(copy, bytes, count);
}

/* NULL: all is on the disk, or none is kept. */
static const char *
commit_copy(struct ag_session *s)
{
	struct ag_copy *copy = copy_of(s);

	if (s->message.copy_lost != NULL)
		return s->message.copy_lost;
	return copy != NULL ? ag_copy_commit(copy) : NULL;
}

/* [archive] on_error, of the policy that wants the copy. */
static void
copy_error(const struct event *event, const char *why, struct ag_answer *answer)
{
	struct ag_finding finding = error_finding(why);
	bool accept = ag_str_eq(ag_policy_text(event->snapshot.policy,
				    AG_KEY_ARCHIVE_ON_ERROR),
	    ag_str("accept"));

	finding.reply = accept ? NULL : &copy_reply;
	log_event(event, accept ? AG_COUNT_ACCEPT : AG_COUNT_TEMPFAIL,
	    AG_STAGE_HEADER, &finding, LOG_ERR);
	ag_count_decision(AG_RULE_NONE,
	    accept ? AG_COUNT_ACCEPT : AG_COUNT_TEMPFAIL);
	if (!accept)
		answer_refusal(event, &finding, answer);
}

/* ---- the header ---- */

bool
ag_session_needs_header(const struct ag_session *s)
{
	const struct ag_policy *policy = s->snapshot.policy;

	return ag_policy_mode(policy, AG_RULE_FROM_HEADER_MATCH) != AG_OFF ||
	    ag_policy_mode(policy, AG_RULE_FROM_HEADER_LOCAL_AUTH) != AG_OFF ||
	    ag_session_needs_edits(s);
}

bool
ag_session_needs_edits(const struct ag_session *s)
{
	return ag_policy_yes(s->snapshot.policy, AG_KEY_RESULTS_HEADER);
}

void
ag_session_set_edits(struct ag_session *s, bool asked, bool allowed)
{
	s->asked_for_edits = asked;
	s->may_edit = allowed;
}

/* NULL, or why the field cannot be kept in mind. */
static const char *
look_at_results(struct message *m, const char *value)
{
	unsigned *number;

	m->results++;
	if (m->results_id[0] == '\0' ||
	    !ag_results_is_ours(ag_str(value), ag_str(m->results_id)))
		return NULL;
	number = ag_vec_add(&m->forged, sizeof(*number));
	if (number == NULL)
		return no_memory;
	*number = m->results;
	return NULL;
}

/* NULL, or why the field cannot be kept. */
static const char *
keep_field(struct fields **fields, const char *value)
{
	char *copy;

	if (*fields == NULL)
		*fields = calloc(1, sizeof(**fields));
	if (*fields == NULL)
		return no_memory;
	if ((*fields)->n == FIELDS_MAX) {
		(*fields)->overflow = true;
		return NULL;
	}
	copy = strdup(value);
	if (copy == NULL)
		return no_memory;
	(*fields)->value[(*fields)->n++] = ag_str(copy);
	return NULL;
}

void
ag_session_header(struct ag_session *s, const char *name, const char *value)
{
	struct message *m = &s->message;
	const char *error = NULL;

	if (!m->open || name == NULL || value == NULL)
		return;
	if (copy_of(s) != NULL)
		ag_copy_header(m->copy, name, value, s->space);
	if (s->space && *value == ' ')
		value++;
	if (ag_str_ieq(ag_str(name), ag_str("From")))
		error = keep_field(&m->from, value);
	else if (ag_str_ieq(ag_str(name), ag_str("Sender")))
		error = keep_field(&m->sender_field, value);
	else if (ag_str_ieq(ag_str(name), ag_str(AG_RESULTS_NAME)))
		error = look_at_results(m, value);
	if (error != NULL)
		m->header_error = error;
}

static void
add_fields(struct ag_request *request, const struct message *m)
{
	if (m->from != NULL) {
		request->from = m->from->value;
		request->nfrom = m->from->n;
		request->from_overflow = m->from->overflow;
	}
	if (m->sender_field != NULL) {
		request->sender_field = m->sender_field->value;
		request->nsender_field = m->sender_field->n;
	}
}

static void
judge_header(struct ag_session *s, struct ag_answer *answer)
{
	struct ag_request request = make_request(s, AG_STAGE_HEADER);
	struct message *m = &s->message;
	struct event event = { s, &request, m->snapshot, NULL };
	struct ag_trace trace = { log_monitored, &event };
	struct ag_decision decision;

	answer_continue(answer);
	/* what is held is said at the end */
	if (!m->open || m->held || m->undecided)
		return;
	if (m->header_error != NULL) {
		error_at(&event, AG_STAGE_HEADER, m->header_error, answer);
		return;
	}
	add_fields(&request, m);
	decision = ag_policy_eval(m->snapshot.policy, &request, &trace);
	if (decision.verdict == AG_CONTINUE)
		return;
	log_refusal(&event, AG_STAGE_HEADER, &decision.finding);
	answer_refusal(&event, &decision.finding, answer);
}

void
ag_session_end_of_header(struct ag_session *s, struct ag_answer *answer)
{
	judge_header(s, answer);
	/* neither an abort nor an end follows a refusal here */
	if (answer->verdict != AG_CONTINUE)
		drop_copy(&s->message);
	else if (copy_of(s) != NULL)
		ag_copy_end_of_header(s->message.copy);
}

/* ---- the end ---- */

/* From the last on: Postfix counts anew after each that is gone. */
static bool
remove_forged(const struct message *m, const struct ag_editor *editor)
{
	const unsigned *number = m->forged.items;

	for (size_t i = m->forged.n; i > 0; i--)
		if (!editor->remove(editor->arg, number[i - 1]))
			return false;
	return true;
}

/* The sender in the reading that is judged; empty for the null sender. */
static struct ag_str
sender_text(const struct ag_path *sender, char buf[static AG_ADDRESS_MAX])
{
	switch (sender->plainness) {
	case AG_PATH_PLAIN:
		return ag_login_write(&sender->ours, buf);
	case AG_PATH_NULL:
		break;
	case AG_PATH_ODD:
		return ag_login_write(&sender->mta, buf);
	}
	return ag_str(NULL);
}

static bool
insert_results(const struct ag_session *s, const struct ag_editor *editor)
{
	const struct message *m = &s->message;
	struct ag_request request = make_request(s, AG_STAGE_MAIL);
	char login[AG_ADDRESS_MAX], sender[AG_ADDRESS_MAX];
	char value[AG_RESULTS_MAX + 1];
	struct ag_str of = ag_policy_login(m->snapshot.policy, &request, login);
	struct ag_buf out = AG_BUF(value);

	if (of.len == 0)
		return true;
	/* where the MTA tells of the blank behind the colon, it adds none */
	if (s->space)
		ag_buf_char(&out, ' ');
	ag_results_write(&out, ag_str(m->results_id), of,
	    sender_text(&m->sender, sender));
	return editor->insert(editor->arg, value);
}

static void
edit(const struct event *event, const struct ag_editor *editor,
    struct ag_answer *answer)
{
	struct ag_session *s = event->session;

	if (s->message.results_id[0] == '\0')
		return;
	if (!remove_forged(&s->message, editor) || !insert_results(s, editor))
		error_at(event, AG_STAGE_HEADER,
		    "the MTA took no change of Authentication-Results", answer);
}

void
ag_session_end(struct ag_session *s, const char *queue_id,
    const struct ag_editor *editor, struct ag_answer *answer)
{
	struct ag_request request = make_request(s, AG_STAGE_MAIL);
	struct message *m = &s->message;
	struct event event = { s, &request, m->snapshot, NULL };
	const char *why = NULL;

	answer_continue(answer);
	if (!m->open)
		return;
	keep_queue_id(m, queue_id);
	if (m->held)
		say_held(&event, answer);
	else
		edit(&event, editor, answer);
	if (!m->held && answer->verdict == AG_CONTINUE)
		why = commit_copy(s);
	if (why != NULL)
		copy_error(&event, why, answer);
	if (m->logged)
		ag_log(LOG_NOTICE, "s=%08x-%u q=%s", s->id, s->messages,
		    m->queue_id[0] != '\0' ? m->queue_id : "-");
	ag_session_reset(s);
}
