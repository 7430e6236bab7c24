/*
 * The rules.  One function a rule, in the order in which they are tried
 * (rules.h), named after it.
 *
 * Where an address can be taken in more than one way (views.h), each rule is
 * judged for each, and the strictest outcome holds.
 */
#include <string.h>

#include "policy/address/fromfield.h"
#include "policy/address/fromscan.h"
#include "policy/compiled.h"
#include "policy/views.h"

struct situation {
	const struct ag_policy *policy;
	const struct ag_request *request;
	struct ag_str login; /* in form; empty: nobody is logged in */
	char login_buf[AG_ADDRESS_MAX];
	struct ag_views sender;
	struct ag_views rcpt;
	struct ag_entry *entry; /* where a rule leaves one for its opinion */
	const char *from_fault; /* missing, double or unreadable, or NULL */
	struct ag_str from_fault_in; /* the field that cannot be read */
	bool from_riddle;            /* it may show any address to somebody */
	bool owns_sender_field; /* the login does; while authors are judged */
	bool traced; /* somebody wants to know why a rule is content */
};

/* What a rule thinks of one view. */
struct opinion {
	bool objects;
	bool listed; /* s->entry is of the list that decided */
	bool faulty; /* it is about s->from_fault */
	const char *why;
};

/* ---- what the rules ask ---- */

static bool
logged_in(const struct situation *s)
{
	return s->login.len > 0;
}

static bool
has_word(const struct ag_words *words, struct ag_str word)
{
	for (size_t i = 0; i < words->n; i++)
		if (ag_str_ieq(words->word[i], word))
			return true;
	return false;
}

/* Whether the client came through one of the listeners. */
static bool
is_among(const struct situation *s, const struct ag_listeners *listeners)
{
	for (size_t i = 0; i < listeners->nports; i++)
		if (listeners->port[i] == s->request->port)
			return true;
	return s->request->listener.len > 0 &&
	    has_word(&listeners->names, s->request->listener);
}

static bool
is_auth_only(const struct situation *s)
{
	return is_among(s, &s->policy->auth_only);
}

/* In the global relay list, or in that of the address's domain. */
static bool
is_trusted_over_smtp(const struct situation *s, const struct ag_scope *scope)
{
	const struct ag_scope *server = &s->policy->server;
	const struct ag_request *r = s->request;

	if (is_auth_only(s))
		return false;
	return ag_nets_row_hold(&server->relay, &r->client, r->now, NULL) ||
	    (scope != server &&
		ag_nets_row_hold(&scope->relay, &r->client, r->now, NULL));
}

/* What was not submitted over SMTP came through no listener. */
static bool
is_trusted(const struct situation *s, const struct ag_scope *scope)
{
	return s->request->local_submission || is_trusted_over_smtp(s, scope);
}

/* A domain's own list of exempt clients, or the server's. */
static const struct ag_nets_row *
exempt_list(const struct situation *s, const struct ag_scope *scope)
{
	const struct ag_value *own =
	    &scope->values->value[AG_KEY_FROM_HEADER_EXEMPT];

	return ag_value_is_given(own) ? &scope->from_exempt :
					&s->policy->server.from_exempt;
}

static struct ag_sender_key
map_key(const struct ag_view *v)
{
	return (struct ag_sender_key){ v->local_part, v->base, v->domain };
}

static bool
given_by_map(const struct situation *s, const struct ag_view *v)
{
	struct ag_sender_key key = map_key(v);

	return ag_senders_give(s->policy->senders, &key, s->login);
}

static bool
is_in_map(const struct situation *s, const struct ag_view *v)
{
	struct ag_sender_key key = map_key(v);

	return ag_senders_list(s->policy->senders, &key);
}

/* A login owns its own address, with a tag too. */
static bool
is_own_address(const struct situation *s, const struct ag_view *v)
{
	size_t n = ag_login_local(s->request->login, &s->policy->form).len;
	struct ag_str local = ag_str_head(s->login, n);
	struct ag_str domain = ag_str_skip(s->login, n + 1);

	return ag_policy_owns_itself(s->policy, domain) &&
	    ag_str_eq(domain, v->domain) &&
	    (ag_str_eq(local, v->local_part) || ag_str_eq(local, v->base));
}

static bool
owns(const struct situation *s, const struct ag_view *v)
{
	return is_own_address(s, v) || given_by_map(s, v);
}

static bool
is_role(const struct ag_view *v)
{
	return has_word(&v->scope->roles, v->local_part) ||
	    has_word(&v->scope->roles, v->base);
}

/* The address without its tag. */
static const struct ag_entry *
find_killed_base(const struct situation *s, const struct ag_names *killed,
    const struct ag_view *v)
{
	char text[AG_ADDRESS_MAX];

	if (v->sent_base.len == v->sent_local.len)
		return NULL;
	return ag_names_find(killed,
	    ag_address_write(v->sent_base, v->sent_domain, text),
	    s->request->now);
}

/* ".example.net": the domain and all below. */
static const struct ag_entry *
find_killed_above(const struct situation *s, const struct ag_names *killed,
    struct ag_str domain)
{
	const struct ag_entry *entry = NULL;
	char text[AG_DOMAIN_MAX + 2];
	struct ag_buf buf = AG_BUF(text);

	if (!s->policy->kills_below || !ag_domain_is_listable(domain))
		return NULL;
	ag_buf_char(&buf, '.');
	ag_buf_str(&buf, domain);
	for (; domain.len > 0 && entry == NULL;
	    domain = ag_domain_parent(domain))
		/* each begins with the dot before it */
		entry = ag_names_find(killed,
		    ag_str_skip(ag_buf_get(&buf), buf.len - domain.len - 1),
		    s->request->now);
	return entry;
}

static const struct ag_entry *
find_killed_sender(const struct situation *s, const struct ag_names *killed,
    const struct ag_view *v)
{
	int64_t now = s->request->now;
	const struct ag_entry *entry;
	struct ag_str address, domain;
	uint32_t by_address, by_domain;
	char text[AG_ADDRESS_MAX];

	if (v->sent_domain.len == 0 || killed->map.n == 0)
		return NULL;
	address = ag_address_write(v->sent_local, v->sent_domain, text);
	domain = ag_str_skip(address, v->sent_local.len);
	/* what they read first is fetched side by side */
	by_address = ag_names_expect(killed, address);
	by_domain = ag_names_expect(killed, domain);
	entry = ag_names_find_expected(killed, address, by_address, now);
	if (entry == NULL)
		entry = find_killed_base(s, killed, v);
	if (entry == NULL)
		entry = ag_names_find_expected(killed, domain, by_domain, now);
	return entry != NULL ? entry :
			       find_killed_above(s, killed, v->sent_domain);
}

static const struct ag_entry *
killed_sender(const struct situation *s, const struct ag_view *v)
{
	const struct ag_names_row *row = &s->policy->kill_senders;
	const struct ag_entry *entry = NULL;

	for (size_t i = 0; i < row->n && entry == NULL; i++)
		entry = find_killed_sender(s, row->table[i], v);
	return entry;
}

/* An address that exists, as far as its domain has a list of accounts. */
static bool
is_local_account(const struct situation *s, const struct ag_view *v)
{
	if (!v->local || v->accounts == NULL)
		return v->local;
	return ag_names_find(v->accounts, v->local_part, s->request->now) !=
	    NULL ||
	    ag_names_find(v->accounts, v->base, s->request->now) != NULL;
}

static bool
for_all_recipients(const struct situation *s,
    bool (*is)(const struct situation *, const struct ag_view *))
{
	for (unsigned i = 0; i < s->rcpt.n; i++)
		if (!is(s, &s->rcpt.view[i]))
			return false;
	return s->rcpt.n > 0;
}

static bool
is_local_recipient(const struct situation *s, const struct ag_view *v)
{
	(void)s;
	return v->local;
}

static struct opinion
pass(const char *why)
{
	return (struct opinion){ .objects = false, .why = why };
}

static struct opinion
object(const char *why)
{
	return (struct opinion){ .objects = true, .why = why };
}

static struct opinion
object_if_listed(const struct situation *s, const struct ag_entry *entry,
    const char *listed, const char *otherwise)
{
	if (entry == NULL)
		return pass(otherwise);
	*s->entry = *entry;
	return (
	    struct opinion){ .objects = true, .listed = true, .why = listed };
}

static struct opinion
object_to_fault(void)
{
	return (struct opinion){ .objects = true,
		.faulty = true,
		.why = "there is not one From: that can be read" };
}

/* ---- CONNECT ---- */

static struct opinion
kill_client(const struct situation *s, const struct ag_view *v)
{
	const struct ag_request *r = s->request;
	struct ag_entry entry;

	(void)v;
	if (!s->policy->kill_on_auth_only && is_auth_only(s))
		return pass("the listener is auth-only");
	return object_if_listed(s,
	    ag_nets_row_hold(&s->policy->kill, &r->client, r->now, &entry) ?
		&entry :
		NULL,
	    "the client is in the kill list",
	    "the client is not in the kill list");
}

/* ---- MAIL ---- */

static struct opinion
auth_only_listener(const struct situation *s, const struct ag_view *v)
{
	(void)v;
	if (!is_auth_only(s))
		return pass("the listener is not auth-only");
	return logged_in(s) ? pass("there is a login") :
			      object("auth-only listener, and no login");
}

static struct opinion
kill_login(const struct situation *s, const struct ag_view *v)
{
	(void)v;
	if (!logged_in(s))
		return pass("there is no login");
	return object_if_listed(s,
	    ag_names_row_find(&s->policy->kill_logins, s->login,
		s->request->now),
	    "the login is in the kill list",
	    "the login is not in the kill list");
}

static struct opinion
bad_sender(const struct situation *s, const struct ag_view *v)
{
	(void)v;
	return s->sender.bad ? object("the sender address cannot be read") :
			       pass("the sender address can be read");
}

static struct opinion
kill_sender(const struct situation *s, const struct ag_view *v)
{
	return object_if_listed(s, killed_sender(s, v),
	    "the sender is in the kill list",
	    "the sender is not in the kill list");
}

static struct opinion
auth_mechanism(const struct situation *s, const struct ag_view *v)
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
auth_tls(const struct situation *s, const struct ag_view *v)
{
	(void)v;
	if (!logged_in(s))
		return pass("there is no login");
	if (s->request->tls || ag_ip_is_loopback(&s->request->client))
		return pass(s->request->tls ? "the session is encrypted" :
					      "the client is this host");
	if (is_among(s, &s->policy->encrypted))
		return pass("TLS ended in front of the listener");
	return object("a login over a session without TLS");
}

static struct opinion
sender_login_match(const struct situation *s, const struct ag_view *v)
{
	if (!logged_in(s))
		return pass("there is no login");
	if (!v->local)
		return pass("the sender is not local");
	return owns(s, v) ? pass("the login owns the sender address") :
			    object("the login does not own the sender address");
}

static struct opinion
foreign_sender_match(const struct situation *s, const struct ag_view *v)
{
	if (!logged_in(s))
		return pass("there is no login");
	if (v->local || v->null)
		return pass(v->null ? "the null sender belongs to every login" :
				      "the sender is local");
	if (owns(s, v))
		return pass("the login owns the sender address");
	if (s->policy->foreign_listed_only && !is_in_map(s, v))
		return pass("the sender map does not have the address");
	return object("the login does not own the sender address");
}

static struct opinion
role_sender_auth(const struct situation *s, const struct ag_view *v)
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
bad_recipient(const struct situation *s, const struct ag_view *v)
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
local_sender_auth(const struct situation *s, const struct ag_view *v)
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
outgoing_auth(const struct situation *s, const struct ag_view *v)
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

/* ---- HEADER ---- */

/* The login owns each address of a field, of which there are n at most. */
static bool
owns_field(const struct situation *s, struct ag_str field, size_t n)
{
	struct ag_from_iter iter = ag_from_iter(field);
	enum ag_from_status status;
	struct ag_mailbox mailbox;
	size_t owned = 0;

	while ((status = ag_from_next(&iter, &mailbox)) == AG_FROM_ADDRESS) {
		struct ag_views views = { .n = 0 };

		if (!owns(s,
			ag_views_add(&views, s->policy,
			    ag_mailbox_local(&mailbox),
			    ag_mailbox_domain(&mailbox))))
			return false;
		owned++;
	}
	return status == AG_FROM_END && owned > 0 && owned <= n;
}

/*
 * The login owns what says who sent the message, or who sent it again: one
 * Sender: or Resent-Sender:, with one address, or Resent-From:.
 */
static bool
owns_sender_field(const struct situation *s)
{
	const struct ag_request *r = s->request;

	if (!logged_in(s))
		return false;
	return (r->nsender_field == 1 &&
		   owns_field(s, r->sender_field[0], 1)) ||
	    (r->resent_sender.ptr != NULL &&
		owns_field(s, r->resent_sender, 1)) ||
	    (r->resent_from.ptr != NULL &&
		owns_field(s, r->resent_from, SIZE_MAX));
}

/* For each address in From:, and without a view for what cannot be read. */
static struct opinion
from_header_match(const struct situation *s, const struct ag_view *v)
{
	if (!logged_in(s))
		return pass("there is no login");
	if (v == NULL)
		return s->from_fault != NULL ?
		    object_to_fault() :
		    pass("there is one From: that can be read");
	if (!v->local)
		return pass("no address in From: is local");
	if (owns(s, v))
		return pass("the login owns the address in From:");
	return v->scope->sender_suffices && s->owns_sender_field ?
	    pass("the login owns Sender:, Resent-From: or Resent-Sender:") :
	    object("the login does not own the address in From:");
}

static struct opinion
from_header_local_auth(const struct situation *s, const struct ag_view *v)
{
	const struct ag_request *r = s->request;
	const struct ag_scope *scope =
	    v != NULL ? v->scope : &s->policy->server;

	if (v != NULL ? !v->local : !s->from_riddle)
		return pass("no address in From: is local");
	if (logged_in(s) || is_trusted_over_smtp(s, scope))
		return pass(logged_in(s) ? "there is a login" :
					   "the client is trusted");
	if (ag_nets_row_hold(exempt_list(s, scope), &r->client, r->now, NULL))
		return pass("the client is exempt");
	if (v == NULL)
		return object_to_fault();
	return object("a local address in From:, no login, and the client is "
		      "not trusted");
}

/* ---- the list ---- */

/* Whose mode and reply hold, and so whether the views are judged one by one. */
enum whose { SERVERS, SENDERS, AUTHORS };

struct rule {
	struct opinion (
	    *judge)(const struct situation *, const struct ag_view *);
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
	[AG_RULE_OUTGOING_AUTH] = { outgoing_auth, SENDERS, true },
	[AG_RULE_FROM_HEADER_MATCH] = { from_header_match, AUTHORS, false },
	[AG_RULE_FROM_HEADER_LOCAL_AUTH] = { from_header_local_auth, AUTHORS,
	    false },
};

/* The scope whose mode for the rule holds for the view. */
static const struct ag_scope *
mode_scope(const struct situation *s, enum ag_rule rule,
    const struct ag_view *v)
{
	const struct ag_scope *server = &s->policy->server;

	if (rules[rule].mode == AUTHORS && v == NULL)
		return s->policy->strictest[rule];
	if (v == NULL || rules[rule].mode == SERVERS)
		return server;
	return v->scope;
}

#define STRICTEST 4

/*
 * How strict an outcome is: nothing, monitored with 4xx, with 5xx, enforced
 * with 4xx, with 5xx.
 */
static int
strictness(enum ag_mode mode, const struct ag_reply *reply)
{
	int permanent = !ag_reply_is_temporary(reply);

	if (mode == AG_OFF)
		return 0;
	return (mode == AG_ENFORCE ? 3 : 1) + permanent;
}

struct outcome {
	enum ag_outcome what;
	int strictness;
	struct ag_finding finding;
};

/* Of a From: that is no good the sender's domain speaks. */
static void
take_fault(const struct situation *s, struct ag_finding *finding)
{
	const struct ag_view *sender =
	    s->sender.n > 0 ? &s->sender.view[0] : NULL;

	finding->reply = sender != NULL ? &sender->scope->from_bad :
					  &s->policy->server.from_bad;
	finding->domain = sender != NULL ? sender->governed : ag_str(NULL);
	finding->fault = s->from_fault;
	finding->fault_in = s->from_fault_in;
}

static struct ag_finding
make_finding(const struct situation *s, enum ag_rule rule,
    const struct ag_view *v, struct opinion opinion)
{
	const struct ag_scope *speaker =
	    v != NULL && rules[rule].mode != SERVERS ? v->scope :
						       &s->policy->server;
	struct ag_finding finding = { .rule = rule,
		.verdict = AG_CONTINUE,
		.why = opinion.why };

	finding.reply = &speaker->reply[rule];
	finding.at = opinion.listed ? s->entry->origin :
				      mode_scope(s, rule, v)->mode_at[rule];
	finding.note = opinion.listed ? s->entry->note : NULL;
	finding.domain = v != NULL ? v->governed : ag_str(NULL);
	if (opinion.faulty)
		take_fault(s, &finding);
	if (opinion.objects)
		finding.verdict = ag_reply_is_temporary(finding.reply) ?
		    AG_TEMPFAIL :
		    AG_REJECT;
	return finding;
}

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

/* Not part of judge_view(), where most rules have nothing to say. */
__attribute__((noinline)) static void
note_opinion(const struct situation *s, enum ag_rule rule,
    const struct ag_view *v, struct opinion opinion, struct outcome *outcome)
{
	struct ag_finding finding = make_finding(s, rule, v, opinion);

	if (opinion.objects)
		take_objection(outcome, &finding,
		    mode_scope(s, rule, v)->mode[rule]);
	else
		outcome->finding = finding;
}

static void
judge_view(const struct situation *s, enum ag_rule rule,
    const struct ag_view *v, struct outcome *outcome)
{
	struct opinion opinion;
	bool first;

	if (mode_scope(s, rule, v)->mode[rule] == AG_OFF)
		return;
	opinion = rules[rule].judge(s, v);
	first = outcome->what == AG_SWITCHED_OFF;
	if (first)
		outcome->what = AG_PASSED;
	if (opinion.objects || (s->traced && first))
		note_opinion(s, rule, v, opinion, outcome);
}

/* The address in the room that the request has for it. */
static struct ag_str
keep_author(const struct situation *s, const struct ag_mailbox *mailbox)
{
	return s->request->author != NULL ?
	    ag_login_write(mailbox, s->request->author) :
	    ag_str(NULL);
}

static void
judge_author(const struct situation *s, enum ag_rule rule,
    const struct ag_mailbox *mailbox, struct outcome *outcome)
{
	struct ag_views views = { .n = 0 };
	int before = outcome->strictness;

	/* nothing can add to what the strictest one said */
	if (before == STRICTEST)
		return;
	ag_views_add_author(&views, s->policy, mailbox, s->request->mta_name);
	for (unsigned i = 0; i < views.n; i++)
		judge_view(s, rule, &views.view[i], outcome);
	if (outcome->strictness > before)
		outcome->finding.address = keep_author(s, mailbox);
}

/*
 * Whether a field that cannot be read is let through for its one address in
 * angle brackets, if nothing else in it is an address of somebody else's.
 */
static bool
has_one_author(const struct situation *s, struct ag_str field)
{
	struct ag_views views = { .n = 0 };
	struct ag_mailbox mailbox;

	if (!ag_from_one(field, &mailbox))
		return false;
	ag_views_add_author(&views, s->policy, &mailbox, s->request->mta_name);
	for (unsigned i = 0; i < views.n; i++)
		if (views.view[i].scope->from_strict)
			return false;
	return true;
}

/*
 * Whether a name without a domain gets one: from the MTA, or from that of the
 * login.  A part of the name in front of angle brackets does not.
 */
static bool
is_completed(const struct situation *s, enum ag_rule rule, struct ag_str field)
{
	if (s->request->mta_completes || s->request->local_submission)
		return true;
	return rule == AG_RULE_FROM_HEADER_MATCH && !has_one_author(s, field);
}

/*
 * Judges each address of a field; false when there is none, or when it cannot
 * be read.  A name without a domain is an address in one way of reading only.
 */
static bool
judge_field(const struct situation *s, enum ag_rule rule, struct ag_str field,
    struct outcome *outcome)
{
	struct ag_from_iter iter = ag_from_iter(field);
	enum ag_from_status status;
	struct ag_mailbox mailbox;
	unsigned n = 0;
	bool bare = false, completed = false;

	while ((status = ag_from_next(&iter, &mailbox)) == AG_FROM_ADDRESS ||
	    status == AG_FROM_BARE) {
		if (status == AG_FROM_BARE && !bare) {
			bare = true;
			completed = is_completed(s, rule, field);
		}
		if (status == AG_FROM_ADDRESS || completed)
			judge_author(s, rule, &mailbox, outcome);
		n++;
	}
	return status == AG_FROM_END && n > 0 && !bare &&
	    ag_from_is_clear(field, n);
}

/* While a field that cannot be read is searched. */
struct search {
	const struct situation *s;
	enum ag_rule rule;
	struct outcome *outcome;
};

static void
judge_found(void *arg, const struct ag_mailbox *mailbox)
{
	const struct search *search = arg;

	judge_author(search->s, search->rule, mailbox, search->outcome);
}

/* What is wrong with From: before it is read, or NULL. */
static const char *
from_fault(const struct ag_request *r)
{
	if (r->nfrom > 1 || (r->nfrom == 1 && r->from_overflow))
		return "more than one";
	if (r->from_overflow)
		return "cannot be read: it is too long";
	return r->nfrom == 0 ? "is missing" : NULL;
}

static void
note_unreadable(struct situation *s, struct ag_str field)
{
	if (s->from_fault != NULL)
		return;
	s->from_fault = "cannot be read";
	s->from_fault_in = field;
}

/*
 * What cannot be read may still show a local address to whoever gets the mail:
 * each that somebody may find in it counts.
 */
static void
judge_unreadable_field(struct situation *s, enum ag_rule rule,
    struct ag_str field, struct outcome *outcome)
{
	struct search search = { s, rule, outcome };

	if (rule == AG_RULE_FROM_HEADER_MATCH && !has_one_author(s, field)) {
		note_unreadable(s, field);
	} else if (!ag_from_scan(field, judge_found, &search)) {
		note_unreadable(s, field);
		s->from_riddle = true;
	}
}

static void
judge_authors(struct situation *s, enum ag_rule rule, struct outcome *outcome)
{
	s->from_fault = from_fault(s->request);
	s->from_fault_in = ag_str(NULL);
	s->from_riddle = s->request->from_overflow;
	s->owns_sender_field = owns_sender_field(s);
	for (size_t i = 0; i < s->request->nfrom; i++) {
		struct ag_str field = s->request->from[i];

		if (!judge_field(s, rule, field, outcome))
			judge_unreadable_field(s, rule, field, outcome);
	}
	judge_view(s, rule, NULL, outcome);
}

static struct ag_finding
switched_off(const struct situation *s, enum ag_rule rule)
{
	return (struct ag_finding){ .rule = rule,
		.at = s->policy->server.mode_at[rule],
		.why = "the rule is switched off" };
}

/* outcome->finding is there when the rule objects, or is traced. */
static void
judge(struct situation *s, enum ag_rule rule, struct outcome *outcome)
{
	outcome->what = AG_SWITCHED_OFF;
	outcome->strictness = 0;
	if (s->traced)
		outcome->finding = switched_off(s, rule);
	if (rules[rule].mode == AUTHORS)
		judge_authors(s, rule, outcome);
	/* a sender's domain goes into the reply and the log of every rule */
	else if (!rules[rule].each_view)
		judge_view(s, rule, s->sender.n > 0 ? &s->sender.view[0] : NULL,
		    outcome);
	for (unsigned i = 0; rules[rule].each_view && i < s->sender.n; i++)
		judge_view(s, rule, &s->sender.view[i], outcome);
}

/* Brings the request's login into form; empty where nobody is logged in. */
static struct ag_str
form_login(const struct ag_policy *policy, const struct ag_request *request,
    char buf[static AG_ADDRESS_MAX])
{
	const struct ag_mailbox *login = request->login;

	if (!policy->auth_enabled || login == NULL ||
	    login->local_len + login->domain_len == 0)
		return ag_str(NULL);
	return ag_address_write(ag_login_local(login, &policy->form),
	    ag_login_domain(login, &policy->form), buf);
}

static void
prepare(struct situation *s, const struct ag_policy *policy,
    const struct ag_request *request, const struct ag_trace *trace)
{
	uint32_t by_sender, by_rcpt = 0;

	s->policy = policy;
	s->request = request;
	s->login = ag_str(NULL);
	s->sender.n = s->rcpt.n = 0;
	s->traced = trace != NULL;
	if (request->stage == AG_STAGE_CONNECT)
		return;
	if (request->stage == AG_STAGE_RCPT)
		by_rcpt = ag_views_expect(policy, request->rcpt);
	by_sender = ag_views_expect(policy, request->sender);
	s->login = form_login(policy, request, s->login_buf);
	ag_views_find_expected(&s->sender, policy, request->sender, by_sender);
	if (request->stage == AG_STAGE_RCPT)
		ag_views_find_expected(&s->rcpt, policy, request->rcpt,
		    by_rcpt);
}

struct ag_decision
ag_policy_eval(const struct ag_policy *policy, const struct ag_request *request,
    const struct ag_trace *trace)
{
	struct ag_decision decision = { AG_CONTINUE, { .rule = AG_RULE_NONE } };
	struct ag_entry entry;
	struct situation s;

	s.entry = &entry;
	prepare(&s, policy, request, trace);
	if (s.sender.n > 0)
		decision.finding.domain = s.sender.view[0].governed;
	for (unsigned i = ag_rule_first(request->stage);
	    i < ag_rule_first(request->stage + 1); i++) {
		struct outcome outcome;

		judge(&s, (enum ag_rule)i, &outcome);
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
	return form_login(policy, request, buf);
}

#define FIELD_SHOWN 80 /* as many bytes of it */

/* A field on one line, its end left out where it is long. */
static void
write_field(struct ag_str field, struct ag_buf *out)
{
	size_t start = out->len;
	struct ag_str word;

	while (ag_str_word(&field, " \t\r\n", &word)) {
		size_t used = out->len - start;
		size_t room = used < FIELD_SHOWN ? FIELD_SHOWN - used : 0;

		if (used > 0)
			ag_buf_char(out, ' ');
		if (word.len <= room) {
			ag_buf_str(out, word);
			continue;
		}
		/* not in the middle of a letter */
		while (
		    room > 0 && ((unsigned char)word.ptr[room] & 0xc0) == 0x80)
			room--;
		ag_buf_str(out, ag_str_head(word, room));
		ag_buf_text(out, "...");
		return;
	}
	if (out->len == start)
		ag_buf_text(out, "it is empty");
}

void
ag_policy_write_fault(const struct ag_finding *finding, struct ag_buf *out)
{
	if (finding->fault == NULL)
		return;
	ag_buf_text(out, finding->fault);
	if (finding->fault_in.ptr != NULL) {
		ag_buf_text(out, ": ");
		write_field(finding->fault_in, out);
	}
}

void
ag_policy_say(const struct ag_policy *policy, const struct ag_request *request,
    const struct ag_finding *finding, struct ag_buf *out)
{
	char client[AG_IP_TEXT_MAX], login[AG_ADDRESS_MAX];
	char fault[AG_FAULT_MAX];
	struct ag_buf why = AG_BUF(fault);
	struct ag_reply_values values = { 0 };

	ag_policy_write_fault(finding, &why);
	values.why = ag_buf_get(&why);
	values.address = finding->address;
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
