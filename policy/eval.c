/*
 * The rules.  One function a rule, in the order in which they are tried
 * (rules.h), named after it.
 *
 * The sender and the recipient are judged as the MTA will treat them.  Where
 * more than one reading is possible, each is a view, every rule is judged for
 * each view, and the strictest outcome holds.
 */
#include <string.h>

#include "compiled.h"

/* One way in which an address can be taken. */
struct view {
	const struct ag_scope *scope; /* whose settings hold */
	bool local;
	bool null;
	struct ag_str local_part;
	struct ag_str base;   /* local_part without its tag */
	struct ag_str domain; /* folded; whose accounts it belongs to */
	struct ag_str sent_local;
	struct ag_str sent_domain; /* not folded: what a kill entry names */
	const struct ag_names *accounts; /* NULL: any address exists */
};

/* Ours without a domain, and the MTA's, each also in the realm. */
#define VIEWS_MAX 4

struct views {
	struct view view[VIEWS_MAX];
	unsigned n;
	bool bad; /* nobody can read the address */
};

struct situation {
	const struct ag_policy *policy;
	const struct ag_request *request;
	bool auth_only;           /* the listener is */
	struct ag_mailbox login;  /* in form */
	struct ag_str login_text; /* empty: nobody is logged in */
	char login_buf[AG_ADDRESS_MAX];
	struct views sender;
	struct views rcpt;
};

/* What a rule thinks of one view. */
struct opinion {
	bool objects;
	const char *why;
	const struct ag_entry *entry; /* of the list that decided */
};

/* ---- views ---- */

static struct view *
add_view(struct views *views, const struct ag_policy *policy,
    struct ag_str local_part)
{
	struct view *view = &views->view[views->n++];

	memset(view, 0, sizeof(*view));
	view->scope = &policy->server;
	view->local_part = view->sent_local = local_part;
	view->base = ag_str_head(local_part,
	    ag_local_base(local_part, policy->delimiters));
	return view;
}

static void
add_null(struct views *views, const struct ag_policy *policy)
{
	add_view(views, policy, ag_str(NULL))->null = true;
}

/* An address in a domain: ours or not. */
static struct view *
add_in_domain(struct views *views, const struct ag_policy *policy,
    struct ag_str local_part, struct ag_str name)
{
	struct ag_domain domain = ag_domains_find(&policy->domains, name);
	struct view *view = add_view(views, policy, local_part);

	view->scope = ag_policy_scope(policy, &domain);
	view->local = domain.local;
	view->domain = domain.folded;
	view->sent_domain = name;
	if (domain.is_account_domain && view->scope->has_accounts)
		view->accounts = &view->scope->accounts;
	return view;
}

/*
 * What the MTA treats as local by itself: the main file's, and also that of
 * the realm, where the realm is ours.  A kill entry is compared with the domain
 * that was sent; where none was, the user is the realm's here too.
 */
static void
add_local_by_mta(struct views *views, const struct ag_policy *policy,
    struct ag_str local_part, const struct ag_mailbox *sent)
{
	struct ag_str realm = ag_str(policy->form.realm);
	struct ag_domain domain = ag_domains_find(&policy->domains, realm);
	struct view *view = add_view(views, policy, local_part), *in_realm;

	view->local = true;
	view->domain = domain.folded;
	view->sent_local = ag_mailbox_local(sent);
	view->sent_domain =
	    sent->domain_len > 0 ? ag_mailbox_domain(sent) : realm;
	if (!domain.local)
		return;
	in_realm = add_in_domain(views, policy, local_part, realm);
	in_realm->sent_local = view->sent_local;
	in_realm->sent_domain = view->sent_domain;
}

static bool
is_local_domain(const struct ag_policy *policy,
    const struct ag_mailbox *mailbox)
{
	return mailbox->domain_len > 0 &&
	    ag_domains_find(&policy->domains, ag_mailbox_domain(mailbox)).local;
}

static void
add_ours(struct views *views, const struct ag_policy *policy,
    const struct ag_path *path)
{
	const struct ag_mailbox *ours = &path->ours;

	if (ours->domain_len > 0)
		add_in_domain(views, policy, ag_mailbox_local(ours),
		    ag_mailbox_domain(ours));
	else
		add_local_by_mta(views, policy, ag_mailbox_local(ours), ours);
}

static void
add_mta(struct views *views, const struct ag_policy *policy,
    const struct ag_path *path)
{
	const struct ag_mailbox *mta = &path->mta;

	if (path->mta_local && !is_local_domain(policy, mta))
		add_local_by_mta(views, policy, ag_mailbox_local(mta), mta);
	else
		add_in_domain(views, policy, ag_mailbox_local(mta),
		    ag_mailbox_domain(mta));
}

/* The MTA names a domain; ours is none of our domains. */
static void
add_both(struct views *views, const struct ag_policy *policy,
    const struct ag_path *path)
{
	if (path->plainness == AG_PATH_PLAIN &&
	    !ag_mailbox_eq(&path->ours, &path->mta))
		add_ours(views, policy, path);
	add_mta(views, policy, path);
}

/* The MTA names no domain, which means local; or nothing of use. */
static void
add_without_mta(struct views *views, const struct ag_policy *policy,
    const struct ag_path *path)
{
	bool plain = path->plainness == AG_PATH_PLAIN;

	if (plain && path->reading == AG_MTA_BARE)
		add_local_by_mta(views, policy, ag_mailbox_local(&path->mta),
		    &path->ours);
	else if (plain && path->reading == AG_MTA_ABSENT)
		add_ours(views, policy, path);
	else if (path->plainness == AG_PATH_NULL &&
	    (path->reading == AG_MTA_ABSENT || path->reading == AG_MTA_EMPTY))
		add_null(views, policy);
	else
		views->bad = true;
}

static void
find_views(struct views *views, const struct ag_policy *policy,
    const struct ag_path *path)
{
	bool full = path->reading == AG_MTA_FULL;

	views->n = 0;
	views->bad = false;
	/* ours alone: only the administrator's tables make another of it */
	if (path->plainness == AG_PATH_PLAIN && path->reading != AG_MTA_EMPTY &&
	    is_local_domain(policy, &path->ours))
		add_ours(views, policy, path);
	else if (full)
		add_both(views, policy, path);
	else
		add_without_mta(views, policy, path);
}

/* ---- what the rules ask ---- */

static bool
logged_in(const struct situation *s)
{
	return s->login_text.len > 0;
}

static bool
has_word(const struct ag_words *words, struct ag_str word)
{
	for (size_t i = 0; i < words->n; i++)
		if (ag_str_ieq(words->word[i], word))
			return true;
	return false;
}

static bool
is_auth_only(const struct ag_policy *policy, const struct ag_request *request)
{
	char port[16];
	struct ag_buf buf = AG_BUF(port);

	if (policy->auth_only.n == 0)
		return false;
	ag_buf_printf(&buf, "%u", request->port);
	return (request->listener.len > 0 &&
		   has_word(&policy->auth_only, request->listener)) ||
	    has_word(&policy->auth_only, ag_buf_get(&buf));
}

/* In the global relay list, or in that of the sender's domain. */
static bool
is_trusted(const struct situation *s, const struct ag_scope *scope)
{
	const struct ag_scope *server = &s->policy->server;
	const struct ag_request *r = s->request;

	/* what was not submitted over SMTP came through no listener */
	if (r->local_submission)
		return true;
	if (s->auth_only)
		return false;
	return ag_nets_hold(server->relay, &r->client, r->now) != NULL ||
	    (scope != server &&
		ag_nets_hold(scope->relay, &r->client, r->now) != NULL);
}

static bool
given_by_map(const struct situation *s, const struct view *v)
{
	struct ag_sender_key key = { v->local_part, v->base, v->domain };

	return ag_senders_give(s->policy->senders, &key, s->login_text);
}

/* A login owns its own address, with a tag too. */
static bool
is_own_address(const struct situation *s, const struct view *v)
{
	struct ag_str local = ag_mailbox_local(&s->login);
	struct ag_str domain = ag_mailbox_domain(&s->login);
	const struct ag_words *only = &s->policy->login_domains;

	return domain.len > 0 && ag_str_eq(domain, v->domain) &&
	    (ag_str_eq(local, v->local_part) || ag_str_eq(local, v->base)) &&
	    (only->n == 0 || has_word(only, domain));
}

static bool
owns(const struct situation *s, const struct view *v)
{
	return is_own_address(s, v) || given_by_map(s, v);
}

static bool
is_role(const struct view *v)
{
	return has_word(&v->scope->roles, v->local_part) ||
	    has_word(&v->scope->roles, v->base);
}

static const struct ag_entry *
find_killed(const struct situation *s, struct ag_str local,
    struct ag_str domain)
{
	char text[AG_ADDRESS_MAX];

	return ag_names_find(&s->policy->kill_senders,
	    ag_address_write(local, domain, text), s->request->now);
}

/* ".example.net": the domain and all below. */
static const struct ag_entry *
find_killed_above(const struct situation *s, struct ag_str domain)
{
	const struct ag_entry *entry = NULL;

	if (!ag_domain_is_listable(domain))
		return NULL;
	for (; domain.len > 0 && entry == NULL;
	     domain = ag_domain_parent(domain)) {
		char text[AG_ADDRESS_MAX];
		struct ag_buf buf = AG_BUF(text);

		ag_buf_char(&buf, '.');
		ag_buf_str(&buf, domain);
		entry = ag_names_find(&s->policy->kill_senders,
		    ag_buf_get(&buf), s->request->now);
	}
	return entry;
}

static const struct ag_entry *
killed_sender(const struct situation *s, const struct view *v)
{
	size_t base = ag_local_base(v->sent_local, s->policy->delimiters);
	const struct ag_entry *entry;

	if (v->sent_domain.len == 0)
		return NULL;
	entry = find_killed(s, v->sent_local, v->sent_domain);
	if (entry == NULL && base < v->sent_local.len)
		entry = find_killed(s, ag_str_head(v->sent_local, base),
		    v->sent_domain);
	if (entry == NULL)
		entry = find_killed(s, ag_str(NULL), v->sent_domain);
	return entry != NULL ? entry : find_killed_above(s, v->sent_domain);
}

/* An address that exists, as far as its domain has a list of accounts. */
static bool
is_local_account(const struct situation *s, const struct view *v)
{
	if (!v->local || v->accounts == NULL)
		return v->local;
	return ag_names_find(v->accounts, v->local_part, s->request->now) !=
	    NULL ||
	    ag_names_find(v->accounts, v->base, s->request->now) != NULL;
}

static bool
for_all_recipients(const struct situation *s,
    bool (*is)(const struct situation *, const struct view *))
{
	for (unsigned i = 0; i < s->rcpt.n; i++)
		if (!is(s, &s->rcpt.view[i]))
			return false;
	return s->rcpt.n > 0;
}

static bool
is_local_recipient(const struct situation *s, const struct view *v)
{
	(void)s;
	return v->local;
}

static struct opinion
pass(const char *why)
{
	return (struct opinion){ false, why, NULL };
}

static struct opinion
object(const char *why)
{
	return (struct opinion){ true, why, NULL };
}

static struct opinion
object_if_listed(const struct ag_entry *entry, const char *listed,
    const char *otherwise)
{
	return (struct opinion){ entry != NULL,
		entry != NULL ? listed : otherwise, entry };
}

/* ---- CONNECT ---- */

static struct opinion
kill_client(const struct situation *s, const struct view *v)
{
	const struct ag_request *r = s->request;

	(void)v;
	if (s->auth_only && !s->policy->kill_on_auth_only)
		return pass("the listener is auth-only");
	return object_if_listed(ag_nets_hold(s->policy->kill, &r->client,
				    r->now),
	    "the client is in the kill list",
	    "the client is not in the kill list");
}

/* ---- MAIL ---- */

static struct opinion
auth_only_listener(const struct situation *s, const struct view *v)
{
	(void)v;
	if (!s->auth_only)
		return pass("the listener is not auth-only");
	return logged_in(s) ? pass("there is a login") :
			      object("auth-only listener, and no login");
}

static struct opinion
kill_login(const struct situation *s, const struct view *v)
{
	(void)v;
	if (!logged_in(s))
		return pass("there is no login");
	return object_if_listed(ag_names_find(&s->policy->kill_logins,
				    s->login_text, s->request->now),
	    "the login is in the kill list",
	    "the login is not in the kill list");
}

static struct opinion
bad_sender(const struct situation *s, const struct view *v)
{
	(void)v;
	return s->sender.bad ? object("the sender address cannot be read") :
			       pass("the sender address can be read");
}

static struct opinion
kill_sender(const struct situation *s, const struct view *v)
{
	return object_if_listed(killed_sender(s, v),
	    "the sender is in the kill list",
	    "the sender is not in the kill list");
}

static struct opinion
auth_mechanism(const struct situation *s, const struct view *v)
{
	(void)v;
	if (!logged_in(s))
		return pass("there is no login");
	if (s->request->mechanism.len == 0 || s->policy->mechanisms.n == 0)
		return pass(s->policy->mechanisms.n == 0 ?
			"any mechanism is accepted" :
			"the mechanism is not known");
	return has_word(&s->policy->mechanisms, s->request->mechanism) ?
	    pass("the mechanism is accepted") :
	    object("the mechanism is not among those accepted");
}

static struct opinion
auth_tls(const struct situation *s, const struct view *v)
{
	(void)v;
	if (!logged_in(s))
		return pass("there is no login");
	if (s->request->tls || ag_ip_is_loopback(&s->request->client))
		return pass(s->request->tls ? "the session is encrypted" :
					      "the client is this host");
	return object("a login over a session without TLS");
}

static struct opinion
sender_login_match(const struct situation *s, const struct view *v)
{
	if (!logged_in(s))
		return pass("there is no login");
	if (!v->local)
		return pass("the sender is not local");
	return owns(s, v) ? pass("the login owns the sender address") :
			    object("the login does not own the sender address");
}

static struct opinion
foreign_sender_match(const struct situation *s, const struct view *v)
{
	if (!logged_in(s))
		return pass("there is no login");
	if (v->local || v->null)
		return pass(v->null ? "the null sender belongs to every login" :
				      "the sender is local");
	return given_by_map(s, v) ?
	    pass("the sender map gives the address to the login") :
	    object("the sender map does not give the address to the login");
}

static struct opinion
role_sender_auth(const struct situation *s, const struct view *v)
{
	if (!v->local || !is_role(v))
		return pass("the sender is not a local role address");
	if (logged_in(s) || is_trusted(s, v->scope))
		return pass(logged_in(s) ? "there is a login" :
					   "the client is trusted");
	return object(
	    "a role address, no login, and the client is not trusted");
}

/* ---- RCPT ---- */

/* A refusal would keep the mail in the MTA's queue for ever. */
static const char *const never_here = "local submission is not refused at RCPT";

static struct opinion
bad_recipient(const struct situation *s, const struct view *v)
{
	bool null = s->request->rcpt->plainness == AG_PATH_NULL;

	(void)v;
	if (s->request->local_submission)
		return pass(never_here);
	if (s->rcpt.bad || null)
		return object(null ? "nobody is the recipient" :
				     "the recipient address cannot be read");
	return pass("the recipient address can be read");
}

static struct opinion
local_sender_auth(const struct situation *s, const struct view *v)
{
	if (s->request->local_submission)
		return pass(never_here);
	if (!v->local)
		return pass("the sender is not local");
	if (logged_in(s) || is_trusted(s, v->scope))
		return pass(logged_in(s) ? "there is a login" :
					   "the client is trusted");
	if (v->scope->unless_local_recipient && !is_role(v) &&
	    for_all_recipients(s, is_local_account))
		return pass("the recipient is a local account");
	return object(
	    "a local sender, no login, and the client is not trusted");
}

static struct opinion
outgoing_auth(const struct situation *s, const struct view *v)
{
	if (s->request->local_submission)
		return pass(never_here);
	if (for_all_recipients(s, is_local_recipient))
		return pass("the recipient is local");
	if (logged_in(s) || is_trusted(s, v->scope))
		return pass(logged_in(s) ? "there is a login" :
					   "the client is trusted");
	return object("outgoing mail, no login, and the client is not trusted");
}

/* ---- the list ---- */

/* Whose mode and reply hold, and so whether the views are judged one by one. */
enum whose { SERVERS, SENDERS, STRICTER };

struct rule {
	struct opinion (*judge)(const struct situation *, const struct view *);
	enum whose mode;
	bool each_view;
};

static const struct rule rules[] = {
	[AG_RULE_KILL_CLIENT] = { kill_client, SERVERS, false },
	[AG_RULE_AUTH_ONLY_LISTENER] = { auth_only_listener, SERVERS, false },
	[AG_RULE_KILL_LOGIN] = { kill_login, SERVERS, false },
	[AG_RULE_BAD_SENDER] = { bad_sender, SERVERS, false },
	[AG_RULE_KILL_SENDER] = { kill_sender, SERVERS, true },
	[AG_RULE_AUTH_MECHANISM] = { auth_mechanism, SERVERS, false },
	[AG_RULE_AUTH_TLS] = { auth_tls, SERVERS, false },
	[AG_RULE_SENDER_LOGIN_MATCH] = { sender_login_match, SENDERS, true },
	[AG_RULE_FOREIGN_SENDER_MATCH] = { foreign_sender_match, SERVERS,
	    true },
	[AG_RULE_ROLE_SENDER_AUTH] = { role_sender_auth, SENDERS, true },
	[AG_RULE_BAD_RECIPIENT] = { bad_recipient, SERVERS, false },
	[AG_RULE_LOCAL_SENDER_AUTH] = { local_sender_auth, SENDERS, true },
	[AG_RULE_OUTGOING_AUTH] = { outgoing_auth, STRICTER, true },
};

#define NRULES (sizeof(rules) / sizeof(rules[0]))

/* The scope whose mode for the rule holds for the view. */
static const struct ag_scope *
mode_scope(const struct situation *s, enum ag_rule rule, const struct view *v)
{
	const struct ag_scope *server = &s->policy->server;

	if (v == NULL || rules[rule].mode == SERVERS)
		return server;
	if (rules[rule].mode == STRICTER &&
	    server->mode[rule] > v->scope->mode[rule])
		return server;
	return v->scope;
}

/* How strict an outcome is: nothing, monitored, 4xx, 5xx. */
static int
strictness(enum ag_mode mode, const struct ag_reply *reply)
{
	if (mode != AG_ENFORCE)
		return mode == AG_MONITOR;
	return ag_reply_is_temporary(reply) ? 2 : 3;
}

struct outcome {
	enum ag_outcome what;
	int strictness;
	struct ag_finding finding;
};

static void
take_objection(struct outcome *outcome, const struct ag_finding *finding,
    enum ag_mode mode)
{
	int strict = strictness(mode, finding->reply);

	if (strict <= outcome->strictness)
		return;
	outcome->strictness = strict;
	outcome->what = mode == AG_ENFORCE ? AG_OBJECTED : AG_WOULD_OBJECT;
	outcome->finding = *finding;
}

static void
judge_view(const struct situation *s, enum ag_rule rule, const struct view *v,
    struct outcome *outcome)
{
	const struct ag_scope *scope = mode_scope(s, rule, v);
	const struct ag_scope *speaker =
	    v != NULL && rules[rule].mode != SERVERS ? v->scope : scope;
	struct ag_finding finding = { .rule = rule };
	struct opinion opinion;

	if (scope->mode[rule] == AG_OFF)
		return;
	opinion = rules[rule].judge(s, v);
	finding.reply = &speaker->reply[rule];
	finding.verdict =
	    ag_reply_is_temporary(finding.reply) ? AG_TEMPFAIL : AG_REJECT;
	finding.at = opinion.entry != NULL ? &opinion.entry->origin :
					     &scope->mode_at[rule];
	finding.note = opinion.entry != NULL ? opinion.entry->note : NULL;
	finding.domain = v != NULL ? v->scope->name : ag_str(NULL);
	finding.why = opinion.why;
	if (opinion.objects) {
		take_objection(outcome, &finding, scope->mode[rule]);
	} else if (outcome->what == AG_SWITCHED_OFF) {
		outcome->what = AG_PASSED;
		finding.verdict = AG_CONTINUE;
		outcome->finding = finding;
	}
}

static struct outcome
judge(const struct situation *s, enum ag_rule rule)
{
	struct outcome outcome = { AG_SWITCHED_OFF, 0, { .rule = rule } };

	outcome.finding.at = &s->policy->server.mode_at[rule];
	outcome.finding.why = "the rule is switched off";
	/* a sender's domain goes into the reply and the log of every rule */
	if (!rules[rule].each_view)
		judge_view(s, rule, s->sender.n > 0 ? &s->sender.view[0] : NULL,
		    &outcome);
	for (unsigned i = 0; rules[rule].each_view && i < s->sender.n; i++)
		judge_view(s, rule, &s->sender.view[i], &outcome);
	return outcome;
}

static void
prepare(struct situation *s, const struct ag_policy *policy,
    const struct ag_request *request)
{
	s->policy = policy;
	s->request = request;
	s->auth_only = is_auth_only(policy, request);
	s->login_text = ag_str(NULL);
	s->sender.n = s->rcpt.n = 0;
	if (request->stage == AG_STAGE_CONNECT)
		return;
	if (policy->auth_enabled && request->login != NULL &&
	    request->login->local_len + request->login->domain_len > 0) {
		s->login = *request->login;
		ag_login_complete(&s->login, &policy->form);
		s->login_text = ag_login_write(&s->login, s->login_buf);
	}
	find_views(&s->sender, policy, request->sender);
	if (request->stage == AG_STAGE_RCPT)
		find_views(&s->rcpt, policy, request->rcpt);
}

struct ag_decision
ag_policy_eval(const struct ag_policy *policy, const struct ag_request *request,
    const struct ag_trace *trace)
{
	struct ag_decision decision = { AG_CONTINUE, { .rule = AG_RULE_NONE } };
	struct situation s;

	prepare(&s, policy, request);
	for (unsigned rule = 0; rule < NRULES; rule++) {
		struct outcome outcome;

		if (ag_rule_stage((enum ag_rule)rule) != request->stage)
			continue;
		outcome = judge(&s, (enum ag_rule)rule);
		if (trace != NULL)
			trace->step(trace->arg, outcome.what, &outcome.finding);
		if (outcome.what == AG_OBJECTED) {
			decision.verdict = outcome.finding.verdict;
			decision.finding = outcome.finding;
			break;
		}
	}
	return decision;
}

/* ---- words for the client ---- */

struct ag_str
ag_policy_login(const struct ag_policy *policy,
    const struct ag_request *request, char buf[static AG_ADDRESS_MAX])
{
	struct ag_mailbox login;

	if (!policy->auth_enabled || request->login == NULL)
		return ag_str(NULL);
	login = *request->login;
	ag_login_complete(&login, &policy->form);
	return ag_login_write(&login, buf);
}

void
ag_policy_say(const struct ag_policy *policy, const struct ag_request *request,
    const struct ag_finding *finding, struct ag_buf *out)
{
	char client[AG_IP_TEXT_MAX], login[AG_ADDRESS_MAX];
	struct ag_reply_values values = { 0 };

	values.client = ag_str(ag_ip_write(&request->client, client));
	values.listener = request->listener;
	values.rule = ag_str(ag_rule_name(finding->rule));
	values.domain = finding->domain;
	if (request->stage != AG_STAGE_CONNECT) {
		values.login = ag_policy_login(policy, request, login);
		values.sender = request->sender->sent;
	}
	if (request->stage == AG_STAGE_RCPT)
		values.rcpt = request->rcpt->sent;
	ag_reply_fill(finding->reply, &values, out);
}

const char *
ag_verdict_name(enum ag_verdict verdict)
{
	static const char *const name[] = { "continue", "tempfail", "reject" };

	return name[verdict];
}
