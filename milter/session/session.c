/* session.c - one connection: CONNECT, MAIL, RCPT */
#include "milter/session/session.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/base/number.h"
#include "policy/table/login.h"
#include "milter/base/fixed.h"
#include "milter/session/event.h"

/* What does not fit is cut; NULL is kept as an empty text. */
static void
keep_text(const char *text, char *to, size_t size)
{
	struct ag_buf buf = ag_buf(to, size);

	ag_buf_str(&buf, ag_str(text));
}

/* ---- requests ---- */

struct ag_request
ag_message_request(const struct ag_session *s, enum ag_stage stage)
{
	const struct ag_message *m = &s->message;

	return (struct ag_request){ .stage = stage,
		.now = time(NULL),
		.client = s->client,
		.listener = ag_str(s->listener),
		.port = s->port,
		.local_submission = s->local_submission,
		.login = &m->login,
		.mechanism = ag_str(m->mechanism),
		.tls = m->tls,
		.sender = &m->sender,
		.mta_name = ag_str(m->mta_name),
		.mta_completes = m->mta_completes };
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
	s->id = next_id();
	s->has_room = ag_limits_have_room();
	ag_count_session_begins();
	return s;
}

void
ag_session_reset(struct ag_session *s)
{
	/* then all of it is zero already */
	if (!s->message.open)
		return;
	for (unsigned i = 0; i < AG_FIELD_COUNT; i++)
		ag_fields_free(s->message.fields[i]);
	ag_copy_free(s->message.copy); /* it borrows the policy */
	ag_vec_free(&s->message.forged);
	ag_policy_unref(s->message.snapshot.policy);
	free(s->message.argument);
	memset(&s->message, 0, sizeof(s->message));
}

/* A policy that has been replaced is freed by who replaced it, not here. */
static void
drop_policy(struct ag_session *s)
{
	ag_policy_unref(s->snapshot.policy);
	s->snapshot.policy = NULL;
}

void
ag_session_free(struct ag_session *s)
{
	if (s == NULL)
		return;
	ag_session_reset(s);
	drop_policy(s);
	ag_count_session_ends();
	free(s);
}

bool
ag_session_has_room(const struct ag_session *s)
{
	return s->has_room;
}

void
ag_session_negotiate(struct ag_session *s, struct ag_wants *wants)
{
	const struct ag_policy *policy;

	drop_policy(s);
	s->snapshot = ag_store_get();
	s->negotiated = true;
	policy = s->snapshot.policy;
	wants->connect = ag_policy_has_killed_networks(policy) || !s->has_room;
	wants->mail = !ag_fixed_delays();
	wants->content = ag_archives_any(policy);
	wants->edits = ag_policy_yes(policy, AG_KEY_RESULTS_HEADER);
	wants->header = wants->edits ||
	    ag_policy_mode(policy, AG_RULE_FROM_HEADER_MATCH) != AG_OFF ||
	    ag_policy_mode(policy, AG_RULE_FROM_HEADER_LOCAL_AUTH) != AG_OFF;
	wants->certificates = ag_policy_has_certificates(policy);
	ag_wants_name_macros(wants);
}

void
ag_session_agree(struct ag_session *s, const struct ag_agreed *agreed)
{
	s->agreed = *agreed;
	if (agreed->silent_connect || !s->has_room)
		drop_policy(s);
}

const struct ag_agreed *
ag_session_agreed(const struct ag_session *s)
{
	return &s->agreed;
}

void
ag_session_not_judged(enum ag_shortage shortage, struct ag_answer *answer)
{
	ag_answer_unjudged(answer);
	ag_limits_report(shortage);
	ag_count_decision(AG_RULE_NONE,
	    answer->verdict == AG_CONTINUE ? AG_COUNT_ACCEPT :
					     AG_COUNT_TEMPFAIL);
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
	if (c->is_unreadable)
		return false;
	if (c->client.family == AG_IP_UNKNOWN)
		return c->daemon_name == NULL || *c->daemon_name == '\0';
	return c->client.family == AG_IP_V4 && c->client.lo == 0x7f000001 &&
	    c->client_port == 0 && parse_port(c->daemon_port) == 0;
}

static void
judge_client(struct ag_session *s, struct ag_answer *answer)
{
	struct ag_request request = ag_message_request(s, AG_STAGE_CONNECT);
	struct ag_event event = { s, &request, s->snapshot, NULL };
	struct ag_trace trace = { ag_event_log_monitored, &event };
	struct ag_decision decision =
	    ag_policy_eval(s->snapshot.policy, &request, &trace);

	if (decision.verdict == AG_CONTINUE)
		return;
	ag_event_log_refusal(&event, AG_STAGE_CONNECT, &decision.finding);
	ag_event_answer(&event, &decision.finding, answer);
}

void
ag_session_connect(struct ag_session *s, const struct ag_connect *c,
    struct ag_answer *answer)
{
	ag_answer_clear(answer);
	keep_text(c->name, s->name, sizeof(s->name));
	keep_text(c->daemon_name, s->listener, sizeof(s->listener));
	s->port = parse_port(c->daemon_port);
	s->client = c->client;
	s->local_submission = is_local_submission(c);
	/* a long connection would keep it from being freed */
	if (s->snapshot.policy != NULL)
		judge_client(s, answer);
	drop_policy(s);
}

/* ---- MAIL ---- */

void
ag_message_set_queue_id(struct ag_message *m, const char *queue_id)
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
	struct ag_message *m = &s->message;
	struct ag_str id =
	    ag_policy_text(m->snapshot.policy, AG_KEY_AUTHSERV_ID);

	if (!ag_policy_yes(m->snapshot.policy, AG_KEY_RESULTS_HEADER) ||
	    (s->negotiated && !s->agreed.asked_edits))
		return;
	if (id.len == 0)
		id = ag_str(mta_name);
	if (s->negotiated && !s->agreed.edits)
		m->header_error = "the MTA allows no change of header fields";
	else if (id.len == 0 || id.len >= sizeof(m->results_id))
		m->header_error = "the MTA tells no name, in the macro j";
	else
		ag_str_copy_lower(id, m->results_id);
}

/*
 * Sendmail tells of every certificate, and in {verify} whether it is good, of
 * Postfix's there is the CN, and only when it is.  So a subject without
 * {verify} that is not a CN is nothing to go by.
 */
static void
read_certificate(struct ag_certificate *certificate, const struct ag_mail *mail)
{
	struct ag_str subject = ag_str(mail->cert_subject);

	if (mail->verify == NULL) {
		if (!ag_str_starts(subject, "/"))
			certificate->cn = subject;
		return;
	}
	if (!ag_str_eq(ag_str(mail->verify), ag_str("OK")))
		return;
	certificate->encoded = true;
	certificate->subject = subject;
	certificate->cn = ag_str(mail->cn_subject);
	certificate->fingerprint =
	    ag_str(mail->cert_fp != NULL ? mail->cert_fp : mail->cert_md5);
}

/* False as ag_policy_read_login(). */
static bool
read_login(struct ag_session *s, const struct ag_mail *mail)
{
	struct ag_credentials of = { .login = ag_str(mail->authen) };

	if (s->agreed.certificates)
		read_certificate(&of.certificate, mail);
	return ag_policy_read_login(s->message.snapshot.policy, &of,
	    &s->message.login);
}

/*
 * Postfix leaves what comes from elsewhere as it is, Sendmail adds its name to
 * what has no domain; of another it is not known.
 */
static void
keep_mta(struct ag_message *m, const struct ag_mail *mail)
{
	keep_text(mail->mta_name, m->mta_name, sizeof(m->mta_name));
	m->mta_completes =
	    !ag_str_starts(ag_str(mail->mta_version), "Postfix ");
}

/* NULL, or why the message cannot be judged. */
static const char *
open_message(struct ag_session *s, const struct ag_mail *mail)
{
	struct ag_message *m = &s->message;
	struct ag_str addr, mailer;

	ag_session_reset(s);
	drop_policy(s); /* where no CONNECT came */
	s->messages++;
	ag_count_message();
	m->open = true;
	m->snapshot = ag_store_get();
	ag_message_set_queue_id(m, mail->queue_id);
	begin_results(s, mail->mta_name);
	keep_mta(m, mail);
	ag_path_read(&m->sender, ag_str(NULL), NULL, NULL);
	if (mail->argument == NULL)
		return "MAIL without an argument";
	m->argument = strdup(mail->argument);
	if (m->argument == NULL)
		return AG_NO_MEMORY;
	ag_path_read(&m->sender, ag_str(m->argument), macro(mail->addr, &addr),
	    macro(mail->mailer, &mailer));
	if (m->sender.no_memory)
		return AG_NO_MEMORY;
	if (!read_login(s, mail)) {
		bool memory = m->login.no_memory;

		memset(&m->login, 0, sizeof(m->login));
		return memory ? AG_NO_MEMORY : "the login is too long";
	}
	keep_text(mail->type, m->mechanism, sizeof(m->mechanism));
	m->tls = mail->tls_version != NULL && *mail->tls_version != '\0';
	return NULL;
}

/*
 * Keeps a refusal that is not said now.  The finding's pointers lead into the
 * message's snapshot, which lives as long as the message.
 */
static void
hold(struct ag_message *m, enum ag_stage stage,
    const struct ag_finding *finding)
{
	m->held = true;
	m->held_stage = stage;
	m->refusal = *finding;
}

/* Whether a refusal of MAIL has to wait. */
static bool
must_wait(const struct ag_session *s, enum ag_stage stage)
{
	if (s->agreed.silent_mail || !s->negotiated)
		return true;
	/* local submission can be refused at MAIL, never at RCPT; a killed
	 * client is refused on contact */
	return ag_fixed_delays() && !s->local_submission &&
	    stage != AG_STAGE_CONNECT;
}

static void
refuse_mail(struct ag_session *s, const struct ag_event *event,
    enum ag_stage stage, const struct ag_finding *finding,
    struct ag_answer *answer)
{
	if (must_wait(s, stage)) {
		hold(&s->message, stage, finding);
		return;
	}
	ag_event_log_refusal(event, stage, finding);
	ag_event_answer(event, finding, answer);
	/* no abort follows a refused MAIL */
	ag_session_reset(s);
}

static void
mail_error(struct ag_session *s, const struct ag_event *event, const char *why,
    struct ag_answer *answer)
{
	struct ag_finding finding = ag_event_unjudged(why);

	if (ag_event_passes(event, AG_STAGE_MAIL, &finding))
		s->message.undecided = true;
	else
		refuse_mail(s, event, AG_STAGE_MAIL, &finding, answer);
}

/* A long connection ends where its client has come into the kill list. */
static struct ag_decision
judge_client_again(const struct ag_session *s)
{
	struct ag_request request = ag_message_request(s, AG_STAGE_CONNECT);

	return ag_policy_eval(s->message.snapshot.policy, &request, NULL);
}

void
ag_session_mail(struct ag_session *s, const struct ag_mail *mail,
    struct ag_answer *answer)
{
	const char *why = open_message(s, mail);
	struct ag_request request = ag_message_request(s, AG_STAGE_MAIL);
	struct ag_event event = { s, &request, s->message.snapshot, NULL };
	struct ag_trace trace = { ag_event_log_monitored, &event };
	enum ag_stage stage = AG_STAGE_CONNECT;
	struct ag_decision decision;

	ag_answer_clear(answer);
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
	struct ag_request request = ag_message_request(s, AG_STAGE_MAIL);
	struct ag_event event = { s, &request, ag_store_get(), NULL };

	ag_path_read(&none, ag_str(NULL), NULL, NULL);
	request.sender = &none;
	ag_event_error(&event, AG_STAGE_RCPT, "RCPT without MAIL", answer);
	ag_policy_unref(event.snapshot.policy);
}

static void
judge_rcpt(struct ag_event *event, struct ag_request *request,
    struct ag_answer *answer)
{
	struct ag_trace trace = { ag_event_log_monitored, event };
	struct ag_decision decision;

	request->rcpt = event->rcpt;
	decision = ag_policy_eval(event->snapshot.policy, request, &trace);
	if (decision.verdict == AG_CONTINUE) {
		ag_count_recipient();
		ag_event_log_accepted(event, &decision.finding);
		return;
	}
	ag_event_log_refusal(event, AG_STAGE_RCPT, &decision.finding);
	ag_event_answer(event, &decision.finding, answer);
}

/* Those who are let through are in the copy, if one is kept. */
static void
note_for_copy(struct ag_session *s, const struct ag_path *path)
{
	struct ag_message *m = &s->message;

	if (m->held || !ag_archives_any(m->snapshot.policy))
		return;
	if (!s->agreed.content) {
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
		m->copy_lost = AG_NO_MEMORY;
}

void
ag_session_rcpt(struct ag_session *s, const struct ag_rcpt *rcpt,
    struct ag_answer *answer)
{
	struct ag_request request = ag_message_request(s, AG_STAGE_RCPT);
	struct ag_message *m = &s->message;
	struct ag_str addr, mailer;
	struct ag_path path;
	struct ag_event event = { s, &request, m->snapshot, &path };

	ag_answer_clear(answer);
	if (!m->open) {
		rcpt_without_mail(s, answer);
		return;
	}
	ag_message_set_queue_id(m, rcpt->queue_id);
	ag_path_read(&path, ag_str(rcpt->argument), macro(rcpt->addr, &addr),
	    macro(rcpt->mailer, &mailer));
	request.rcpt = &path;
	if (m->undecided)
		ag_count_recipient();
	else if (!m->held && path.no_memory && !s->local_submission)
		ag_event_error(&event, AG_STAGE_RCPT, AG_NO_MEMORY, answer);
	else if (!m->held)
		judge_rcpt(&event, &request, answer);
	else if (!s->local_submission)
		ag_event_say_held(&event, answer);
	if (answer->verdict == AG_CONTINUE)
		note_for_copy(s, &path);
}
