/* dialog.c - packets to the session, answers to packets */
#include "milter/engine/dialog.h"

#include <stdlib.h>

#include "policy/address/results.h"
#include "milter/engine/macros.h"
#include "milter/session/session.h"

#define REPLY_ACCEPT 'a' /* the whole connection */
#define REPLY_CONTINUE 'c'

/* Bytes that an answer and one change of a header field take at most. */
#define ANSWER_ROOM (AG_RESULTS_MAX + 2 * AG_REPLY_TEXT_MAX + 64)

struct ag_dialog {
	struct ag_session *session;
	struct ag_agreed agreed;
	uint32_t
	    offered; /* replies that the MTA can do without, among others */
	bool negotiated;
	bool connected;
	bool in_message;
	bool mail_macros; /* came since the last MAIL */
	size_t max;
	struct ag_macro_table macros;
};

/* What takes a packet: its answer goes to out; NULL, or what is wrong. */
typedef const char *take_fn(struct ag_dialog *d, struct ag_str data,
    struct ag_buf *out);

struct ag_dialog *
ag_dialog_new(void)
{
	struct ag_dialog *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->max = AG_FRAME_DATA_MAX;
	d->session = ag_session_new();
	if (d->session != NULL)
		return d;
	free(d);
	return NULL;
}

void
ag_dialog_free(struct ag_dialog *d)
{
	if (d == NULL)
		return;
	ag_session_free(d->session);
	ag_macro_table_forget(&d->macros, 0);
	free(d);
}

size_t
ag_dialog_max(const struct ag_dialog *d)
{
	return d->max;
}

bool
ag_dialog_is_in_message(const struct ag_dialog *d)
{
	return d->in_message;
}

bool
ag_dialog_needs_disk(const struct ag_dialog *d, const struct ag_frame *frame)
{
	return strchr("BELN", frame->command) != NULL &&
	    ag_session_is_pending(d->session);
}

void
ag_dialog_lose_copy(struct ag_dialog *d, const char *why)
{
	ag_session_lose_copy(d->session, why);
}

static const char *
macro(const struct ag_dialog *d, enum ag_macro name)
{
	return ag_macro_table_get(&d->macros, name);
}

/* ---- answers ---- */

static void
give(struct ag_buf *out, const struct ag_answer *answer)
{
	if (answer->verdict == AG_CONTINUE)
		ag_frame_write(out, REPLY_CONTINUE);
	else
		ag_frame_write_reply(out, answer->code, answer->status,
		    answer->text);
}

/*
 * Where nothing can be said: an MTA that was not able to agree on that waits
 * for a reply all the same.
 */
static void
keep_silent(const struct ag_dialog *d, enum ag_step step, struct ag_buf *out)
{
	if ((d->offered & step) == 0)
		ag_frame_write(out, REPLY_CONTINUE);
}

/* ---- the negotiation ---- */

/* Replies can always be left out, for keep_silent() makes up for the MTA. */
#define SILENT \
	((uint32_t)AG_STEP_SILENT_CONNECT | AG_STEP_SILENT_MAIL | \
	    AG_STEP_SILENT_HEADER)

/* What an MTA of the first version, which sends no bits, is able to do. */
#define FIRST_ACTIONS 0xf
#define FIRST_STEPS 0x3f

static const char *
take_offer(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	struct ag_offer offer;
	struct ag_wants wants;
	const char *why = ag_frame_read_offer(data, &offer);
	uint32_t steps;

	if (why != NULL)
		return why;
	if (offer.actions == 0)
		offer.actions = FIRST_ACTIONS;
	d->offered = offer.steps != 0 ? offer.steps : FIRST_STEPS;
	ag_session_negotiate(d->session, &wants);
	steps = ag_wants_steps(&wants) & (d->offered | SILENT);
	d->agreed = ag_wants_agree(&wants, steps, offer.actions);
	ag_session_agree(d->session, &d->agreed);
	d->negotiated = true;
	if (offer.version > AG_FRAME_VERSION)
		offer.version = AG_FRAME_VERSION;
	offer.actions &= ag_wants_actions(&wants);
	offer.steps = steps & d->offered;
	ag_frame_write_offer(out, &offer, wants.macros);
	return NULL;
}

/* ---- CONNECT ---- */

/* The whole connection is refused, or let through. */
static void
give_no_room(struct ag_buf *out)
{
	struct ag_answer answer;

	ag_session_not_judged(AG_SHORT_OF_DESCRIPTORS, &answer);
	if (answer.verdict == AG_CONTINUE)
		ag_frame_write(out, REPLY_ACCEPT);
	else
		give(out, &answer);
}

/* Where Postfix does not know the address it says "unknown": a stranger. */
static void
read_client(const struct ag_peer *peer, struct ag_connect *connect)
{
	connect->client.family = AG_IP_UNKNOWN;
	if (peer->family != '4' && peer->family != '6')
		return;
	connect->client_port = peer->port;
	connect->is_unreadable =
	    !ag_ip_parse(&connect->client, ag_str(peer->address));
}

static const char *
take_connect(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	struct ag_peer peer;
	struct ag_connect connect = { 0 };
	struct ag_answer answer;
	const char *why = ag_frame_read_peer(data, &peer);

	if (why != NULL)
		return why;
	read_client(&peer, &connect);
	d->connected = true;
	ag_macro_table_forget(&d->macros, AG_MACROS_HELO);
	if (!ag_session_has_room(d->session)) {
		give_no_room(out);
		return NULL;
	}
	connect.name = peer.name;
	connect.daemon_name = macro(d, AG_MACRO_DAEMON_NAME);
	connect.daemon_port = macro(d, AG_MACRO_DAEMON_PORT);
	ag_session_connect(d->session, &connect, &answer);
	if (d->agreed.silent_connect)
		keep_silent(d, AG_STEP_SILENT_CONNECT, out);
	else
		give(out, &answer);
	return NULL;
}

static const char *
take_helo(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	const char *name;
	const char *why = ag_frame_read_text(data, &name);

	if (why != NULL)
		return why;
	ag_macro_table_forget(&d->macros, AG_MACROS_MAIL);
	ag_frame_write(out, REPLY_CONTINUE);
	return NULL;
}

/* ---- the envelope ---- */

/* Nothing of a message is there when the next begins. */
static void
end_message(struct ag_dialog *d)
{
	d->in_message = false;
	d->mail_macros = false;
	ag_macro_table_forget(&d->macros, AG_MACROS_MAIL);
}

static const char *
take_mail(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	struct ag_mail mail = { 0 };
	struct ag_answer answer;
	const char *why = ag_frame_read_text(data, &mail.argument);

	if (why != NULL)
		return why;
	/* without a list of its own it has no login */
	ag_macro_table_forget(&d->macros,
	    d->mail_macros ? AG_MACROS_RCPT : AG_MACROS_MAIL);
	d->mail_macros = false;
	mail.authen = macro(d, AG_MACRO_AUTH_AUTHEN);
	mail.type = macro(d, AG_MACRO_AUTH_TYPE);
	mail.addr = macro(d, AG_MACRO_MAIL_ADDR);
	mail.mailer = macro(d, AG_MACRO_MAIL_MAILER);
	mail.tls_version = macro(d, AG_MACRO_TLS_VERSION);
	mail.queue_id = macro(d, AG_MACRO_QUEUE_ID);
	mail.mta_name = macro(d, AG_MACRO_MTA_NAME);
	mail.mta_version = macro(d, AG_MACRO_MTA_VERSION);
	mail.verify = macro(d, AG_MACRO_VERIFY);
	mail.cert_subject = macro(d, AG_MACRO_CERT_SUBJECT);
	mail.cn_subject = macro(d, AG_MACRO_CN_SUBJECT);
	mail.cert_fp = macro(d, AG_MACRO_CERT_FP);
	mail.cert_md5 = macro(d, AG_MACRO_CERT_MD5);
	d->in_message = true;
	ag_session_mail(d->session, &mail, &answer);
	if (d->agreed.silent_mail)
		keep_silent(d, AG_STEP_SILENT_MAIL, out);
	else
		give(out, &answer);
	if (answer.verdict != AG_CONTINUE)
		end_message(d);
	return NULL;
}

static const char *
take_rcpt(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	struct ag_rcpt rcpt = { 0 };
	struct ag_answer answer;
	const char *why = ag_frame_read_text(data, &rcpt.argument);

	if (why != NULL)
		return why;
	ag_macro_table_forget(&d->macros, AG_MACROS_DATA);
	rcpt.addr = macro(d, AG_MACRO_RCPT_ADDR);
	rcpt.mailer = macro(d, AG_MACRO_RCPT_MAILER);
	rcpt.queue_id = macro(d, AG_MACRO_QUEUE_ID);
	ag_session_rcpt(d->session, &rcpt, &answer);
	give(out, &answer);
	return NULL;
}

/* DATA, and commands that the MTA does not know: nothing is decided there. */
static const char *
take_and_continue(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	(void)d;
	(void)data;
	ag_frame_write(out, REPLY_CONTINUE);
	return NULL;
}

/* ---- the content ---- */

/* Postfix has one when the content comes, seldom before. */
static void
tell_queue_id(struct ag_dialog *d)
{
	if (ag_session_begins_copy(d->session))
		ag_session_set_queue_id(d->session,
		    macro(d, AG_MACRO_QUEUE_ID));
}

static const char *
take_header(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	const char *name, *value;
	const char *why = ag_frame_read_field(data, &name, &value);

	if (why != NULL)
		return why;
	tell_queue_id(d);
	ag_session_header(d->session, name, value);
	if (d->agreed.silent_header)
		keep_silent(d, AG_STEP_SILENT_HEADER, out);
	else
		ag_frame_write(out, REPLY_CONTINUE);
	return NULL;
}

static const char *
take_end_of_header(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	struct ag_answer answer;

	(void)data;
	ag_session_set_queue_id(d->session, macro(d, AG_MACRO_QUEUE_ID));
	ag_session_end_of_header(d->session, &answer);
	give(out, &answer);
	return NULL;
}

static void
pass_body(struct ag_dialog *d, struct ag_str data)
{
	tell_queue_id(d);
	ag_session_body(d->session, (const unsigned char *)data.ptr, data.len);
}

static const char *
take_body(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	pass_body(d, data);
	ag_frame_write(out, REPLY_CONTINUE);
	return NULL;
}

/* What is changed goes before the answer, for which room is left. */
static bool
has_room(const struct ag_buf *out)
{
	return out->size - out->len > ANSWER_ROOM;
}

static bool
remove_results(void *arg, unsigned number)
{
	struct ag_buf *out = arg;

	if (!has_room(out))
		return false;
	ag_frame_write_removal(out, number, AG_RESULTS_NAME);
	return true;
}

static bool
insert_results(void *arg, const char *value)
{
	struct ag_buf *out = arg;

	if (!has_room(out))
		return false;
	ag_frame_write_insertion(out, AG_RESULTS_NAME, value);
	return true;
}

static const char *
take_end(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	struct ag_editor editor = { remove_results, insert_results, out };
	struct ag_answer answer;

	if (data.len > 0)
		pass_body(d, data);
	ag_session_end(d->session, macro(d, AG_MACRO_QUEUE_ID), &editor,
	    &answer);
	give(out, &answer);
	end_message(d);
	return NULL;
}

/* ---- what ends something ---- */

static const char *
take_abort(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	(void)data;
	(void)out;
	ag_session_reset(d->session);
	end_message(d);
	return NULL;
}

/* A further session, with what was agreed on for the first. */
static const char *
take_quit_new(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	struct ag_wants wants;

	(void)data;
	(void)out;
	ag_session_free(d->session);
	d->session = ag_session_new();
	end_message(d);
	ag_macro_table_forget(&d->macros, AG_MACROS_CONNECT);
	d->connected = false;
	if (d->session == NULL)
		return NULL;
	ag_session_negotiate(d->session, &wants);
	ag_session_agree(d->session, &d->agreed);
	return NULL;
}

static const char *
take_macros(struct ag_dialog *d, struct ag_str data, struct ag_buf *out)
{
	struct ag_macros sent;
	const char *why = ag_frame_read_macros(data, &sent);

	(void)out;
	if (why != NULL)
		return why;
	if (sent.command == AG_FRAME_MAIL)
		d->mail_macros = true;
	return ag_macro_table_take(&d->macros, &sent) ?
	    NULL :
	    "there is not enough memory for its macros";
}

/* ---- all of them ---- */

static take_fn *
taker(char command)
{
	switch ((enum ag_frame_command)command) {
	case AG_FRAME_ABORT:
		return take_abort;
	case AG_FRAME_BODY:
		return take_body;
	case AG_FRAME_CONNECT:
		return take_connect;
	case AG_FRAME_MACROS:
		return take_macros;
	case AG_FRAME_END:
		return take_end;
	case AG_FRAME_HELO:
		return take_helo;
	case AG_FRAME_QUIT_NEW:
		return take_quit_new;
	case AG_FRAME_HEADER:
		return take_header;
	case AG_FRAME_MAIL:
		return take_mail;
	case AG_FRAME_END_OF_HEADER:
		return take_end_of_header;
	case AG_FRAME_NEGOTIATE:
		return take_offer;
	case AG_FRAME_RCPT:
		return take_rcpt;
	case AG_FRAME_DATA:
	case AG_FRAME_UNKNOWN:
		return take_and_continue;
	case AG_FRAME_QUIT:
		break;
	}
	return NULL;
}

/* NULL, or why the command cannot come here. */
static const char *
find_fault(const struct ag_dialog *d, char command)
{
	if (command == AG_FRAME_NEGOTIATE)
		return d->negotiated ? "it is a second negotiation" : NULL;
	if (!d->negotiated)
		return "it comes before the negotiation";
	if (command == AG_FRAME_CONNECT && d->connected)
		return "it is a second CONNECT";
	return NULL;
}

enum ag_dialog_status
ag_dialog_take(struct ag_dialog *d, const struct ag_frame *frame,
    struct ag_buf *out, const char **why)
{
	if (frame->command == AG_FRAME_QUIT)
		return AG_DIALOG_ENDS;
	*why = find_fault(d, frame->command);
	if (*why == NULL)
		*why = taker(frame->command)(d, frame->data, out);
	if (*why != NULL)
		return AG_DIALOG_BAD;
	return d->session != NULL ? AG_DIALOG_GOES_ON : AG_DIALOG_ENDS;
}
