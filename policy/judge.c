/* judge.c - takes a whole session through the policy at once */
#include "policy/judge.h"

#include "policy/address/authorfield.h"
#include "policy/table/login.h"

#define FIELDS_KEPT 64 /* of one name */

bool
ag_judge_takes_mechanism(struct ag_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = ag_lower(text.ptr[i]);

		if (!ag_is_digit(c) && (c < 'a' || c > 'z') && c != '-' &&
		    c != '_')
			return false;
	}
	return text.len <= 20;
}

struct running {
	const struct ag_policy *policy;
	const struct ag_judge *judge;
	struct ag_request request;
};

static void
pass_on(void *arg, enum ag_outcome outcome, const struct ag_finding *finding)
{
	struct running *running = arg;

	running->judge->rule(running->judge->arg, &running->request, outcome,
	    finding);
}

static bool
judge_stage(struct running *running, enum ag_stage stage,
    const struct ag_session_rcpt *rcpt)
{
	const struct ag_judge *judge = running->judge;
	struct ag_trace trace = { pass_on, running };
	struct ag_decision decision;

	running->request.stage = stage;
	judge->begin(judge->arg, &running->request, rcpt);
	decision = ag_policy_eval(running->policy, &running->request, &trace);
	judge->end(judge->arg, &running->request, &decision);
	return decision.verdict == AG_CONTINUE;
}

static void
read_path(struct ag_path *path, const struct ag_session_rcpt *from)
{
	ag_path_read(path, from->to, from->has_addr ? &from->addr : NULL,
	    from->has_mailer ? &from->mailer : NULL);
}

/* How many recipients are let through. */
static size_t
judge_recipients(struct running *running, const struct ag_session_input *input)
{
	size_t passed = 0;

	for (size_t i = 0; i < input->nrcpt; i++) {
		struct ag_path path;

		read_path(&path, &input->rcpt[i]);
		running->request.rcpt = &path;
		passed += judge_stage(running, AG_STAGE_RCPT, &input->rcpt[i]);
	}
	return passed;
}

bool
ag_judge_takes_field(struct ag_str text)
{
	size_t colon = ag_str_find(text, ':');

	for (size_t i = 0; i < colon; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return false;
	return colon > 0 && colon < text.len;
}

/* The fields that are judged; more of one name are not looked at. */
struct header {
	struct ag_resent resent;
	struct ag_str value[AG_FIELD_COUNT][FIELDS_KEPT];
	size_t n[AG_FIELD_COUNT];
	bool overflow;
};

static void
add_field(struct header *header, struct ag_str name, struct ag_str value)
{
	enum ag_author_field field = ag_author_field(&header->resent, name);

	if (field == AG_FIELD_OTHER)
		return;
	if (header->n[field] < FIELDS_KEPT)
		header->value[field][header->n[field]++] = value;
	else if (field == AG_FIELD_FROM)
		header->overflow = true;
}

/* As the daemon is told of it: the value without one blank in front. */
static void
add_line(struct header *header, struct ag_str line)
{
	size_t colon = ag_str_find(line, ':');
	struct ag_str value = ag_str_skip(line, colon + 1);

	add_field(header, ag_str_head(line, colon),
	    ag_str_skip(value, ag_str_starts(value, " ")));
}

static struct ag_str
only_field(const struct header *header, enum ag_author_field field)
{
	return header->n[field] == 1 ? header->value[field][0] : ag_str(NULL);
}

static void
fill_header(struct ag_request *request, const struct header *header)
{
	request->from = header->value[AG_FIELD_FROM];
	request->nfrom = header->n[AG_FIELD_FROM];
	request->from_overflow = header->overflow;
	request->sender_field = header->value[AG_FIELD_SENDER];
	request->nsender_field = header->n[AG_FIELD_SENDER];
	request->resent_from = only_field(header, AG_FIELD_RESENT_FROM);
	request->resent_sender = only_field(header, AG_FIELD_RESENT_SENDER);
}

static bool
judge_header(struct running *running, const struct ag_session_input *input)
{
	struct header header = { .overflow = false };
	char author[AG_ADDRESS_MAX];

	if (input->has_from_header)
		add_field(&header, ag_str("From"), input->from_header);
	for (size_t i = 0; i < input->nheader; i++)
		add_line(&header, input->header[i]);
	fill_header(&running->request, &header);
	running->request.author = author;
	return judge_stage(running, AG_STAGE_HEADER, NULL);
}

static bool
judge_content(struct running *running, const struct ag_session_input *input)
{
	size_t passed = judge_recipients(running, input);
	bool has_header = input->has_from_header || input->has_header;

	if (passed > 0 && has_header && !judge_header(running, input))
		return false;
	return passed == input->nrcpt;
}

static bool
has_certificate(const struct ag_session_input *input)
{
	return input->certificate.subject.len + input->certificate.cn.len +
	    input->certificate.fingerprint.len >
	    0;
}

bool
ag_judge_session(const struct ag_policy *policy,
    const struct ag_session_input *input, const struct ag_judge *judge,
    bool *too_long)
{
	struct running running = { policy, judge,
		{ .now = input->now,
		    .client = input->client,
		    .listener = input->listener,
		    .port = input->port,
		    .local_submission = input->local_submission,
		    .mechanism = input->mechanism,
		    .tls = input->tls || has_certificate(input),
		    .mta_name = input->mta_name,
		    .mta_completes = input->mta_completes } };
	struct ag_credentials of = { input->login, input->certificate };
	struct ag_mailbox login;
	struct ag_path sender;

	*too_long = !ag_policy_read_login(policy, &of, &login);
	if (*too_long)
		return false;
	read_path(&sender, &input->from);
	running.request.login = &login;
	running.request.sender = &sender;
	return judge_stage(&running, AG_STAGE_CONNECT, NULL) &&
	    judge_stage(&running, AG_STAGE_MAIL, NULL) &&
	    judge_content(&running, input);
}
