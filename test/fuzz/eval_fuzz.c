/*
 * All rules, by a policy that has everything.  The lines of the input are:
 *
 *	client
 *	listener's name
 *	its port
 *	login
 *	mechanism
 *	switches: t TLS, l local submission, 0 no From:, 2 the same From: twice
 *	sender, the MTA's reading, its mailer ("-": the MTA sent none)
 *	recipient, the MTA's reading, its mailer
 *	Sender:
 *	From:, all that is left
 */
#include "fuzz.h"

#include <string.h>

#include "policy/table/login.h"
#include "policy/base/number.h"
#include "rich.h"

/* 2026-07-01T12:00:00Z */
#define NOW INT64_C(1782907200)

/* The request, and what it borrows. */
struct session {
	struct ag_request request;
	struct ag_mailbox login;
	struct ag_path sender;
	struct ag_path rcpt;
	struct ag_str from[2];
	struct ag_str sender_field;
	char author[AG_ADDRESS_MAX];
};

static void
take_path(struct ag_path *path, struct ag_str *rest)
{
	struct ag_str none = AG_STR("-"), argument = fuzz_line(rest);
	struct ag_str mta = fuzz_line(rest), mailer = fuzz_line(rest);

	ag_path_read(path, argument, ag_str_eq(mta, none) ? NULL : &mta,
	    ag_str_eq(mailer, none) ? NULL : &mailer);
}

static void
take_connection(struct ag_request *request, struct ag_str *rest)
{
	uint64_t port = 0;

	ag_ip_parse(&request->client, fuzz_line(rest));
	request->listener = fuzz_line(rest);
	ag_number_parse(fuzz_line(rest), 65535, &port);
	request->port = (unsigned)port;
}

static void
take_login(struct session *session, struct ag_str *rest)
{
	struct ag_str login = fuzz_line(rest);

	if (login.len > 0 && ag_login_parse(&session->login, login))
		session->request.login = &session->login;
	session->request.mechanism = fuzz_line(rest);
}

static void
take_fields(struct session *session, struct ag_str rest, size_t nfrom)
{
	struct ag_request *request = &session->request;

	session->sender_field = fuzz_line(&rest);
	session->from[0] = session->from[1] = rest;
	request->sender_field = &session->sender_field;
	request->nsender_field = session->sender_field.len > 0;
	/* from the same bytes: what they hold does not depend on the name */
	request->resent_from = session->sender_field;
	request->from = session->from;
	request->nfrom = nfrom;
	request->author = session->author;
}

static size_t
count_from(struct ag_str switches)
{
	if (ag_str_has(switches, '0'))
		return 0;
	return ag_str_has(switches, '2') ? 2 : 1;
}

static void
take_session(struct session *session, struct ag_str rest)
{
	struct ag_request *request = &session->request;
	struct ag_str switches;

	memset(session, 0, sizeof(*session));
	request->now = NOW;
	take_connection(request, &rest);
	take_login(session, &rest);
	switches = fuzz_line(&rest);
	request->tls = ag_str_has(switches, 't');
	request->local_submission = ag_str_has(switches, 'l');
	take_path(&session->sender, &rest);
	request->sender = &session->sender;
	take_path(&session->rcpt, &rest);
	request->rcpt = &session->rcpt;
	take_fields(session, rest, count_from(switches));
}

/* ---- what must hold ---- */

struct steps {
	const struct ag_policy *policy;
	const struct ag_request *request;
	unsigned next; /* the rules come in order */
	bool decided;
};

static void
expect_good_words(const struct ag_policy *policy,
    const struct ag_request *request, const struct ag_finding *finding)
{
	char said[AG_REPLY_TEXT_MAX];
	struct ag_buf out = AG_BUF(said);

	ag_policy_say(policy, request, finding, &out);
	HOLDS(out.len < sizeof(said) && strlen(said) == out.len);
	HOLDS(fuzz_is_printable(ag_buf_get(&out)));
}

static void
check_step(void *arg, enum ag_outcome outcome, const struct ag_finding *finding)
{
	struct steps *steps = arg;

	HOLDS(!steps->decided && finding->rule >= steps->next);
	HOLDS(ag_rule_stage(finding->rule) == steps->request->stage);
	HOLDS(finding->why != NULL);
	steps->next = finding->rule + 1;
	steps->decided = outcome == AG_OBJECTED;
	if (outcome != AG_OBJECTED && outcome != AG_WOULD_OBJECT)
		return;
	HOLDS(finding->verdict != AG_CONTINUE && finding->reply != NULL);
	expect_good_words(steps->policy, steps->request, finding);
}

static bool
is_same(const struct ag_decision *a, const struct ag_decision *b)
{
	const struct ag_finding *x = &a->finding, *y = &b->finding;

	return a->verdict == b->verdict && x->rule == y->rule &&
	    x->verdict == y->verdict && x->reply == y->reply &&
	    x->at.file == y->at.file && x->at.line == y->at.line &&
	    x->note == y->note && x->why == y->why &&
	    ag_str_eq(x->domain, y->domain);
}

/* Judges one stage; an explanation is the decision it explains. */
static enum ag_verdict
judge(const struct ag_policy *policy, const struct ag_request *request)
{
	struct steps steps = { policy, request, 0, false };
	struct ag_trace trace = { check_step, &steps };
	struct ag_decision told = ag_policy_eval(policy, request, &trace);
	struct ag_decision decision = ag_policy_eval(policy, request, NULL);
	bool passed = decision.verdict == AG_CONTINUE;

	HOLDS(is_same(&decision, &told));
	HOLDS(steps.decided != passed);
	HOLDS(passed == (decision.finding.reply == NULL));
	HOLDS(passed == (decision.finding.rule == AG_RULE_NONE));
	HOLDS(decision.verdict == decision.finding.verdict);
	return decision.verdict;
}

/* The kill list is looked at whatever else the client says. */
static bool
is_killed(const struct ag_policy *policy, const struct ag_request *request)
{
	char login[AG_ADDRESS_MAX], client[AG_IP_TEXT_MAX];

	if (request->stage == AG_STAGE_CONNECT)
		return strcmp(ag_ip_write(&request->client, client),
			   RICH_KILLED_CLIENT) == 0;
	return request->stage == AG_STAGE_MAIL &&
	    ag_str_eq(ag_policy_login(policy, request, login),
		ag_str(RICH_KILLED_LOGIN));
}

static void
judge_stage(const struct ag_policy *whole, const struct ag_policy *part,
    struct ag_request *request, enum ag_stage stage)
{
	enum ag_verdict verdict;

	request->stage = stage;
	verdict = judge(whole, request);
	if (is_killed(whole, request))
		HOLDS(verdict != AG_CONTINUE);
	if (stage == AG_STAGE_RCPT && request->local_submission)
		HOLDS(verdict == AG_CONTINUE);
	/* what is taken out of the sender map never permits more */
	if (verdict != AG_CONTINUE)
		HOLDS(judge(part, request) != AG_CONTINUE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ag_policy *whole, *part;
	struct session session;

	if (whole == NULL) {
		whole = rich_policy(true);
		part = rich_policy(false);
	}
	take_session(&session, fuzz_text(data, size));
	for (unsigned stage = 0; stage <= AG_STAGE_HEADER; stage++)
		judge_stage(whole, part, &session.request,
		    (enum ag_stage)stage);
	return 0;
}
