/* Of replay.h, from a message of the log to what is objected to. */
#include <stdlib.h>

#include "policy/judge.h"
#include "milter/command/replay/replay.h"

/* A message, while it is judged. */
struct running {
	struct ag_replay *replay;
	const struct ag_mail *mail;
	const struct ag_session_input *input;
	const struct ag_session_rcpt *rcpt; /* NULL before RCPT */
	bool would_all;                     /* a monitored rule before RCPT */
	bool would;                         /* one at this stage */
	struct ag_replay_counts refused, warned;
};

static void
begin_stage(void *arg, const struct ag_request *request,
    const struct ag_session_rcpt *rcpt)
{
	struct running *running = arg;

	(void)request;
	running->rcpt = rcpt;
	running->would = false;
}

static void
note(struct running *running, const struct ag_objection *objection)
{
	struct ag_replay *replay = running->replay;

	ag_tally_add(&replay->tally, objection, replay->judged.messages);
	if (replay->options->json)
		replay->failed |= !ag_objection_print_json(objection, stdout);
	else if (replay->options->each)
		ag_objection_print(objection, stdout);
}

/* What is said before RCPT is said to all recipients. */
static void
note_all(struct running *running, const struct ag_request *request,
    const struct ag_finding *finding, bool would)
{
	const struct ag_session_input *input = running->input;
	char login[AG_ADDRESS_MAX], text[AG_REPLY_TEXT_MAX];
	struct ag_buf say = AG_BUF(text);
	struct ag_objection o = { .time = input->now,
		.id = running->mail->id,
		.client = input->client,
		.listener = input->listener,
		.port = input->port,
		.sender = request->sender->sent,
		.would = would,
		.finding = finding };

	o.domain_file =
	    ag_policy_domain_file(running->replay->policy, finding->domain);
	o.login = ag_policy_login(running->replay->policy, request, login);
	ag_policy_say(running->replay->policy, request, finding, &say);
	o.text = ag_buf_get(&say);
	for (size_t i = 0; i < input->nrcpt; i++) {
		if (running->rcpt != NULL && running->rcpt != &input->rcpt[i])
			continue;
		o.rcpt = input->rcpt[i].to;
		note(running, &o);
	}
}

static void
hear_rule(void *arg, const struct ag_request *request, enum ag_outcome outcome,
    const struct ag_finding *finding)
{
	struct running *running = arg;

	if (outcome != AG_WOULD_OBJECT)
		return;
	running->would = true;
	note_all(running, request, finding, true);
}

static void
hear_decision(void *arg, const struct ag_request *request,
    const struct ag_decision *decision)
{
	struct running *running = arg;
	bool over = decision->verdict != AG_CONTINUE;
	uint64_t n = running->rcpt != NULL ? 1 : running->input->nrcpt;

	if (over) {
		note_all(running, request, &decision->finding, false);
		running->refused.recipients += n;
	}
	if (running->rcpt == NULL)
		running->would_all = running->would_all || running->would;
	/* each recipient once: at its own stage, or where all ends */
	if ((running->would || running->would_all) &&
	    (running->rcpt != NULL || over))
		running->warned.recipients += n;
}

static void
add_counts(struct ag_replay_counts *sum, const struct ag_replay_counts *of)
{
	sum->recipients += of->recipients;
	sum->messages += of->recipients > 0;
}

static void
judge_input(struct ag_replay *replay, const struct ag_mail *mail,
    const struct ag_session_input *input)
{
	struct running running = { .replay = replay,
		.mail = mail,
		.input = input };
	struct ag_judge judge = { begin_stage, hear_rule, hear_decision,
		&running };
	bool too_long;

	replay->judged.messages++;
	ag_judge_session(replay->policy, input, &judge, &too_long);
	if (too_long) {
		replay->judged.messages--;
		replay->left[AG_LEFT_BY_LOGIN]++;
		return;
	}
	replay->judged.recipients += input->nrcpt;
	add_counts(&replay->refused, &running.refused);
	add_counts(&replay->would, &running.warned);
}

/* ---- from a message to what is judged ---- */

static bool
is_odd(const char *address)
{
	struct ag_path path;

	ag_path_read(&path, ag_str(address), NULL, NULL);
	return path.plainness == AG_PATH_ODD;
}

/*
 * How the MTA read a recipient, or NULL.  What an alias made of it says that
 * only where nothing else does; what only authgate logged was read somehow.
 */
static const char *
reading_of(const struct ag_mail_rcpt *rcpt)
{
	if (rcpt->addr != NULL && strcmp(rcpt->to, rcpt->addr) == 0)
		return rcpt->addr;
	if (!is_odd(rcpt->to))
		return NULL;
	return rcpt->addr != NULL ? rcpt->addr : rcpt->to;
}

static struct ag_session_rcpt
rcpt_of(const struct ag_mail_rcpt *rcpt)
{
	const char *reading = reading_of(rcpt);

	return (struct ag_session_rcpt){ .to = ag_str(rcpt->to),
		.has_addr = reading != NULL,
		.addr = ag_str(reading),
		.has_mailer = rcpt->local,
		.mailer = ag_str("local") };
}

/* How good a recipient's source is: authgate's own, a delivery, another. */
static int
rank_of(const struct ag_mail_rcpt *rcpt)
{
	return rcpt->logged ? 2 : !rcpt->told;
}

/* Those of the best source: two of them may spell one recipient otherwise. */
static size_t
fill_rcpts(const struct ag_mail *mail, struct ag_session_rcpt *out)
{
	const struct ag_mail_rcpt *rcpt = mail->rcpts.items;
	int best = 0;
	size_t n = 0;

	for (size_t i = 0; i < mail->rcpts.n; i++)
		if (rank_of(&rcpt[i]) > best)
			best = rank_of(&rcpt[i]);
	for (size_t i = 0; i < mail->rcpts.n; i++)
		if (rank_of(&rcpt[i]) == best)
			out[n++] = rcpt_of(&rcpt[i]);
	return n;
}

/* Of a recipient the log tells the mailer, of a sender it does not. */
static bool
is_mta_local(const struct ag_replay_options *options, struct ag_str address)
{
	const struct ag_str *domain = options->mta_local.items;
	size_t at = ag_str_rfind(address, '@');

	for (size_t i = 0; i < options->mta_local.n; i++)
		if (ag_str_ieq(ag_str_skip(address, at + 1), domain[i]))
			return true;
	return false;
}

static struct ag_session_rcpt
sender_of(const struct ag_replay_options *options, const struct ag_mail *mail)
{
	const char *from = mail->from != NULL ? mail->from : mail->told;
	struct ag_str logged = ag_str(from != NULL ? from : mail->sent);

	return (struct ag_session_rcpt){
		.to = ag_str(mail->sent != NULL ? mail->sent : from),
		.has_addr = true,
		.addr = logged,
		.has_mailer = is_mta_local(options, logged),
		.mailer = ag_str("local"),
	};
}

/* The ports that go with the usual names. */
static unsigned
port_of(struct ag_str listener)
{
	static const struct {
		const char *name;
		unsigned port;
	} known[] = { { "smtp", 25 }, { "submission", 587 }, { "smtps", 465 },
		{ "submissions", 465 }, { "MTA", 25 }, { "MSA", 587 },
		{ "MTA-v4", 25 }, { "MTA-v6", 25 }, { "MSP-v4", 587 },
		{ "MSP-v6", 587 }, { "TLSMTA", 465 }, { "MTA-SSL", 465 } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (ag_str_ieq(listener, ag_str(known[i].name)))
			return known[i].port;
	return 0;
}

/* False where mail of this listener is left out. */
static bool
fill_listener(const struct ag_replay_options *options,
    const struct ag_mail *mail, struct ag_session_input *input)
{
	const struct ag_renamed *renamed = options->renamed.items;

	input->listener = ag_str(mail->listener);
	input->port = mail->exact ? mail->port : port_of(input->listener);
	for (size_t i = 0; i < options->renamed.n; i++)
		if (ag_str_ieq(ag_str(mail->listener), renamed[i].from)) {
			input->listener = renamed[i].to;
			input->port = renamed[i].port > 0 ?
			    renamed[i].port :
			    port_of(renamed[i].to);
			return renamed[i].to.len > 0;
		}
	return true;
}

/* ---- the listeners ---- */

/* More names are nothing that a log has. */
#define LISTENERS_MAX 1000

static void
count_listener(struct ag_replay *replay, struct ag_str name, unsigned port)
{
	char text[300];
	struct ag_buf key = AG_BUF(text);
	struct ag_listener_count *met;
	uint32_t id;

	ag_buf_printf(&key, "%u:", port);
	for (size_t i = 0; i < name.len; i++)
		ag_buf_char(&key, ag_lower(name.ptr[i]));
	id = ag_strmap_find(&replay->listeners, ag_buf_get(&key));
	if (id == AG_NO_ID && replay->met.n == LISTENERS_MAX)
		return;
	if (id == AG_NO_ID) {
		id = ag_strmap_put(&replay->listeners, ag_buf_get(&key));
		met = ag_vec_add(&replay->met, sizeof(*met));
		if (id == AG_NO_ID || met == NULL) {
			replay->failed = true;
			return;
		}
		*met = (struct ag_listener_count){ id, port, 0 };
		ag_strmap_set_number(&replay->listeners, id,
		    (uint32_t)(replay->met.n - 1));
	}
	met = replay->met.items;
	met[ag_strmap_number(&replay->listeners, id)].messages++;
}

/* ---- one message ---- */

static struct ag_session_input
input_of(const struct ag_replay_options *options, const struct ag_mail *mail)
{
	return (struct ag_session_input){ .now = mail->time,
		.client = mail->client,
		.local_submission = mail->way == AG_WAY_LOCAL,
		.login = ag_str(mail->login),
		.mechanism = ag_str(mail->mechanism),
		.tls = mail->tls != AG_TLS_NO,
		.from = sender_of(options, mail) };
}

static void
judge_mail(struct ag_replay *replay, const struct ag_mail *mail)
{
	struct ag_session_input input = input_of(replay->options, mail);
	struct ag_session_rcpt *rcpt;

	if (!fill_listener(replay->options, mail, &input)) {
		replay->left[AG_LEFT_BY_LISTENER]++;
		return;
	}
	rcpt = calloc(mail->rcpts.n, sizeof(*rcpt));
	if (rcpt == NULL) {
		replay->failed = true;
		return;
	}
	input.rcpt = rcpt;
	input.nrcpt = fill_rcpts(mail, rcpt);
	replay->tls_unknown +=
	    input.login.len > 0 && mail->tls == AG_TLS_UNKNOWN;
	replay->left_out += mail->left_out;
	if (input.local_submission)
		replay->local++;
	else
		count_listener(replay, input.listener, input.port);
	judge_input(replay, mail, &input);
	free(rcpt);
}

/* Whether the log has both, sender and recipients. */
static bool
is_whole(const struct ag_mail *mail)
{
	return mail->rcpts.n > 0 &&
	    (mail->from != NULL || mail->sent != NULL || mail->told != NULL);
}

/* Of what is not whole, why; what has a sender came to the queue. */
static int
why_not_whole(const struct ag_mail *mail)
{
	if (mail->fate != AG_FATE_NONE)
		return AG_LEFT_BY_FATE + (int)mail->fate;
	if (mail->way != AG_WAY_SMTP && mail->way != AG_WAY_LOCAL)
		return (int)mail->way;
	return mail->from != NULL ? AG_LEFT_BY_RCPT :
				    AG_LEFT_BY_FATE + AG_FATE_UNFINISHED;
}

/* Why it is not judged, or -1. */
static int
why_left(const struct ag_replay_options *options, const struct ag_mail *mail)
{
	if (mail->time < options->since || mail->time >= options->until)
		return AG_LEFT_BY_TIME;
	if (mail->fate == AG_FATE_REFUSED || mail->fate == AG_FATE_UNFINISHED)
		return AG_LEFT_BY_FATE + (int)mail->fate;
	if (!is_whole(mail))
		return why_not_whole(mail);
	if (mail->no_login)
		return AG_LEFT_BY_LOGIN;
	if (mail->way != AG_WAY_SMTP && mail->way != AG_WAY_LOCAL)
		return (int)mail->way;
	return -1;
}

void
ag_replay_mail(void *arg, const struct ag_mail *mail)
{
	struct ag_replay *replay = arg;
	int reason = why_left(replay->options, mail);

	if (reason < 0)
		judge_mail(replay, mail);
	else
		replay->left[reason]++;
}
