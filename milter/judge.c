#include "judge.h"

#include "../policy/login.h"

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

static bool
judge_content(struct running *running, const struct ag_session_input *input)
{
	size_t passed = judge_recipients(running, input);
	bool header = true;

	if (passed > 0 && input->has_from_header) {
		running->request.from = &input->from_header;
		running->request.nfrom = 1;
		header = judge_stage(running, AG_STAGE_HEADER, NULL);
	}
	return header && passed == input->nrcpt;
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
		    .tls = input->tls,
		    .mta_name = input->mta_name,
		    .mta_completes = input->mta_completes } };
	struct ag_mailbox login;
	struct ag_path sender;

	*too_long = !ag_login_parse(&login, input->login);
	if (*too_long)
		return false;
	read_path(&sender, &input->from);
	running.request.login = &login;
	running.request.sender = &sender;
	return judge_stage(&running, AG_STAGE_CONNECT, NULL) &&
	    judge_stage(&running, AG_STAGE_MAIL, NULL) &&
	    judge_content(&running, input);
}
