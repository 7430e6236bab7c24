/* Of session.h, what comes behind the recipients: header, body, end. */
#include <stdlib.h>
#include <string.h>

#include "policy/address/results.h"
#include "policy/table/login.h"
#include "milter/base/log.h"
#include "milter/session/event.h"

/*
 * Fields that claim to be ours, in one message.  For each that is removed,
 * Postfix goes through the whole header once more.
 */
#define CLAIMS_MAX 100

/* An address, with a realm. */
#define JUDGED_MAX (2 * AG_ADDRESS_MAX)

static const struct ag_reply copy_reply = { "451", "4.3.0",
	AG_STR("Cannot keep a copy of this now, please try again later") };
static const struct ag_reply claims_reply = { "550", "5.7.1",
	AG_STR("Too many Authentication-Results fields in our name") };

/* ---- the copy ---- */

bool
ag_session_begins_copy(const struct ag_session *s)
{
	return s->message.copy != NULL && !ag_copy_has_begun(s->message.copy);
}

void
ag_session_set_queue_id(struct ag_session *s, const char *queue_id)
{
	ag_message_set_queue_id(&s->message, queue_id);
}

/*
 * What the copy says of the sender beside what was sent: the address where that
 * alone does not tell it, completed as a login is.
 */
static struct ag_str
judged_sender(const struct ag_message *m, char buf[static JUDGED_MAX])
{
	struct ag_buf text = ag_buf(buf, JUDGED_MAX);
	struct ag_str realm = ag_policy_text(m->snapshot.policy, AG_KEY_REALM);
	const struct ag_path *sender = &m->sender;
	const struct ag_mailbox *read =
	    sender->plainness == AG_PATH_PLAIN ? &sender->ours : &sender->mta;
	char address[AG_ADDRESS_MAX];

	if (sender->plainness == AG_PATH_NULL || read->local_len == 0 ||
	    (read == &sender->ours && (read->domain_len > 0 || realm.len == 0)))
		return ag_str(NULL);
	ag_buf_str(&text, ag_login_write(read, address));
	if (read->domain_len == 0 && realm.len > 0) {
		ag_buf_char(&text, '@');
		ag_buf_str(&text, realm);
	}
	return ag_buf_get(&text);
}

static void
begin_copy(struct ag_session *s)
{
	struct ag_message *m = &s->message;
	struct ag_request request = ag_message_request(s, AG_STAGE_MAIL);
	char client[AG_IP_TEXT_MAX] = "", login[AG_ADDRESS_MAX];
	char judged[JUDGED_MAX];
	struct ag_front front = { .sender = m->sender.sent,
		.judged = judged_sender(m, judged),
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
drop_copy(struct ag_message *m)
{
	ag_copy_free(m->copy);
	m->copy = NULL;
	m->copy_lost = NULL;
}

bool
ag_session_is_pending(const struct ag_session *s)
{
	return s->message.copy != NULL;
}

void
ag_session_lose_copy(struct ag_session *s, const char *why)
{
	drop_copy(&s->message);
	s->message.copy_lost = why;
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
copy_error(const struct ag_event *event, const char *why,
    struct ag_answer *answer)
{
	struct ag_finding finding = ag_event_unjudged(why);
	bool accept = ag_event_passes_uncopied(event->snapshot.policy);

	finding.reply = accept ? NULL : &copy_reply;
	ag_event_log(event, accept ? AG_COUNT_ACCEPT : AG_COUNT_TEMPFAIL,
	    AG_STAGE_HEADER, &finding, LOG_ERR);
	ag_count_copied(AG_COPY_FAILED);
	ag_count_decision(AG_RULE_NONE,
	    accept ? AG_COUNT_ACCEPT : AG_COUNT_TEMPFAIL);
	if (!accept)
		ag_event_answer(event, &finding, answer);
}

/* ---- the header ---- */

static bool
has_too_many_claims(const struct ag_message *m)
{
	return m->forged.n > CLAIMS_MAX;
}

/* NULL, or why the field cannot be kept in mind. */
static const char *
look_at_results(struct ag_message *m, const char *value)
{
	unsigned *number;

	m->results++;
	if (m->results_id[0] == '\0' || has_too_many_claims(m) ||
	    !ag_results_is_ours(ag_str(value), ag_str(m->results_id)))
		return NULL;
	number = ag_vec_add(&m->forged, sizeof(*number));
	if (number == NULL)
		return AG_NO_MEMORY;
	*number = m->results;
	return NULL;
}

void
ag_session_header(struct ag_session *s, const char *name, const char *value)
{
	struct ag_message *m = &s->message;
	enum ag_author_field field;
	const char *error = NULL;

	if (!m->open || name == NULL || value == NULL)
		return;
	if (copy_of(s) != NULL)
		ag_copy_header(m->copy, name, value, s->agreed.space);
	if (s->agreed.space && *value == ' ')
		value++;
	field = ag_author_field(&m->resent, ag_str(name));
	if (field != AG_FIELD_OTHER)
		error = ag_fields_keep(&m->fields[field], value);
	else if (ag_str_ieq(ag_str(name), ag_str(AG_RESULTS_NAME)))
		error = look_at_results(m, value);
	if (error != NULL)
		m->header_error = error;
}

static void
add_fields(struct ag_request *request, const struct ag_message *m)
{
	const struct ag_fields *from = m->fields[AG_FIELD_FROM];
	const struct ag_fields *sender = m->fields[AG_FIELD_SENDER];

	if (from != NULL) {
		request->from = from->value;
		request->nfrom = from->n;
		request->from_overflow = from->overflow;
	}
	/* one that counts is the only one */
	if (sender != NULL && !sender->overflow) {
		request->sender_field = sender->value;
		request->nsender_field = sender->n;
	}
	request->resent_from = ag_fields_only(m->fields[AG_FIELD_RESENT_FROM]);
	request->resent_sender =
	    ag_fields_only(m->fields[AG_FIELD_RESENT_SENDER]);
}

/* Whoever sends so many of them means the MTA no good. */
static void
refuse_claims(const struct ag_event *event, struct ag_answer *answer)
{
	const struct ag_value *key = ag_policy_value(event->snapshot.policy,
	    ag_str(NULL), AG_KEY_RESULTS_HEADER);
	struct ag_finding finding = { .rule = AG_RULE_NONE,
		.verdict = AG_REJECT,
		.reply = &claims_reply,
		.at = key->origin,
		.note = "more than 100 Authentication-Results fields claim to "
			"be ours" };

	ag_event_log_refusal(event, AG_STAGE_HEADER, &finding);
	ag_event_answer(event, &finding, answer);
}

static void
judge_header(struct ag_session *s, struct ag_answer *answer)
{
	struct ag_request request = ag_message_request(s, AG_STAGE_HEADER);
	struct ag_message *m = &s->message;
	struct ag_event event = { s, &request, m->snapshot, NULL };
	struct ag_trace trace = { ag_event_log_monitored, &event };
	char author[AG_ADDRESS_MAX];
	struct ag_decision decision;

	ag_answer_clear(answer);
	request.author = author;
	/* what is held is said at the end */
	if (!m->open || m->held)
		return;
	if (has_too_many_claims(m)) {
		refuse_claims(&event, answer);
		return;
	}
	if (m->undecided)
		return;
	if (m->header_error != NULL) {
		ag_event_error(&event, AG_STAGE_HEADER, m->header_error,
		    answer);
		return;
	}
	add_fields(&request, m);
	decision = ag_policy_eval(m->snapshot.policy, &request, &trace);
	if (decision.verdict == AG_CONTINUE)
		return;
	ag_event_log_refusal(&event, AG_STAGE_HEADER, &decision.finding);
	ag_event_answer(&event, &decision.finding, answer);
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
remove_forged(const struct ag_message *m, const struct ag_editor *editor)
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
	const struct ag_message *m = &s->message;
	struct ag_request request = ag_message_request(s, AG_STAGE_MAIL);
	char login[AG_ADDRESS_MAX], sender[AG_ADDRESS_MAX];
	char value[AG_RESULTS_MAX + 1];
	struct ag_str of = ag_policy_login(m->snapshot.policy, &request, login);
	struct ag_buf out = AG_BUF(value);

	if (of.len == 0)
		return true;
	/* where the MTA tells of the blank behind the colon, it adds none */
	if (s->agreed.space)
		ag_buf_char(&out, ' ');
	ag_results_write(&out, ag_str(m->results_id), of,
	    sender_text(&m->sender, sender));
	return editor->insert(editor->arg, value);
}

static void
edit(const struct ag_event *event, const struct ag_editor *editor,
    struct ag_answer *answer)
{
	struct ag_session *s = event->session;

	if (s->message.results_id[0] == '\0')
		return;
	/* where the MTA tells of no end of the header */
	if (has_too_many_claims(&s->message))
		refuse_claims(event, answer);
	else if (!remove_forged(&s->message, editor) ||
	    !insert_results(s, editor))
		ag_event_error(event, AG_STAGE_HEADER,
		    "the MTA took no change of Authentication-Results", answer);
}

void
ag_session_end(struct ag_session *s, const char *queue_id,
    const struct ag_editor *editor, struct ag_answer *answer)
{
	struct ag_request request = ag_message_request(s, AG_STAGE_MAIL);
	struct ag_message *m = &s->message;
	struct ag_event event = { s, &request, m->snapshot, NULL };
	const char *why = NULL;

	ag_answer_clear(answer);
	if (!m->open)
		return;
	ag_message_set_queue_id(m, queue_id);
	if (m->held)
		ag_event_say_held(&event, answer);
	else
		edit(&event, editor, answer);
	if (!m->held && answer->verdict == AG_CONTINUE)
		why = commit_copy(s);
	if (why != NULL)
		copy_error(&event, why, answer);
	if (m->logged)
		ag_event_log_id(s);
	ag_session_reset(s);
}
