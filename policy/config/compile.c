/* compile.c - turns values into what eval reads */
#include "policy/config/compile.h"

#include "policy/base/number.h"

static bool
is_server(const struct ag_policy *policy, const struct ag_scope *scope)
{
	return scope == &policy->server;
}

static enum ag_mode
mode_of(const struct ag_value *value)
{
	enum ag_mode mode = AG_OFF;

	ag_mode_parse(value->text, &mode);
	return mode;
}

static struct ag_str
text_of(const struct ag_policy *policy, const struct ag_scope *scope,
    enum ag_key key)
{
	return ag_scope_value(policy, scope, key)->text;
}

static bool
is_yes(const struct ag_policy *policy, const struct ag_scope *scope,
    enum ag_key key)
{
	bool yes = false;

	ag_number_yesno(text_of(policy, scope, key), &yes);
	return yes;
}

static struct ag_words
compile_words(struct ag_arena *arena, struct ag_str text)
{
	struct ag_words words = { NULL, 0 };
	struct ag_str rest = text, word;
	size_t n = 0;

	while (ag_str_word(&rest, AG_WORD_SEPARATORS, &word))
		n++;
	words.word = ag_arena_array(arena, n + 1, sizeof(*words.word));
	if (words.word == NULL)
		return words;
	while (ag_str_word(&text, AG_WORD_SEPARATORS, &word))
		words.word[words.n++] = word;
	return words;
}

/* Local parts, in the form in which those of addresses are compared. */
static struct ag_words
compile_locals(struct ag_arena *arena, struct ag_str text)
{
	struct ag_words words = compile_words(arena, text);

	for (size_t i = 0; i < words.n; i++) {
		struct ag_mailbox mailbox;

		if (ag_mailbox_parse_local(&mailbox, words.word[i]))
			words.word[i] =
			    ag_arena_str(arena, ag_mailbox_local(&mailbox));
	}
	return words;
}

/* ---- what both kinds of scope have ---- */

/*
 * The key beside its mode that makes a rule object.  Of a rule that is enforced
 * by default it is all that a file says of it.
 */
static enum ag_key
deciding_key(enum ag_rule rule)
{
	switch (rule) {
	case AG_RULE_AUTH_ONLY_LISTENER:
		return AG_KEY_AUTH_ONLY;
	case AG_RULE_AUTH_MECHANISM:
		return AG_KEY_MECHANISMS;
	case AG_RULE_ROLE_SENDER_AUTH:
		return AG_KEY_ROLE_SENDERS;
	default:
		return AG_KEY_NONE;
	}
}

/* The line that a rule's mode stands on, or what decides where none does. */
static struct ag_origin
mode_origin(const struct ag_policy *policy, const struct ag_scope *scope,
    enum ag_rule rule, const struct ag_value *mode)
{
	enum ag_key key = deciding_key(rule);

	if (ag_value_is_given(mode) || key == AG_KEY_NONE)
		return mode->origin;
	return ag_scope_value(policy, scope, key)->origin;
}

static void
compile_reply(const struct ag_policy *policy, const struct ag_scope *scope,
    enum ag_key key, enum ag_rule rule, struct ag_reply *reply)
{
	char reason[200];
	struct ag_buf why = AG_BUF(reason);

	/* it was read without a finding before */
	ag_reply_parse(reply, text_of(policy, scope, key), rule, &why);
}

static void
compile_rule(struct ag_policy *policy, struct ag_scope *scope,
    enum ag_rule rule)
{
	enum ag_key key = ag_rule_mode_key(rule);

	scope->mode[rule] = AG_ENFORCE;
	if (key != AG_KEY_NONE) {
		const struct ag_value *value =
		    ag_scope_value(policy, scope, key);

		scope->mode[rule] = mode_of(value);
		scope->mode_at[rule] = mode_origin(policy, scope, rule, value);
	}
	compile_reply(policy, scope, ag_rule_reply_key(rule), rule,
	    &scope->reply[rule]);
}

static void
compile_scope(struct ag_policy *policy, struct ag_scope *scope)
{
	for (unsigned rule = 0; rule < AG_RULE_COUNT; rule++)
		compile_rule(policy, scope, (enum ag_rule)rule);
	compile_reply(policy, scope, AG_KEY_REPLY_FROM_HEADER_BAD,
	    AG_RULE_FROM_HEADER_MATCH, &scope->from_bad);
	scope->unless_local_recipient =
	    is_yes(policy, scope, AG_KEY_UNLESS_LOCAL_RECIPIENT);
	scope->sender_suffices =
	    is_yes(policy, scope, AG_KEY_FROM_HEADER_SENDER_SUFFICES);
	scope->from_strict = is_yes(policy, scope, AG_KEY_FROM_HEADER_STRICT);
	scope->roles = compile_locals(&policy->arena,
	    text_of(policy, scope, AG_KEY_ROLE_SENDERS));
}

/* ---- the server ---- */

/* Each as it stands in front of the backslash of a login that was read. */
static void
compile_windows(struct ag_policy *policy)
{
	struct ag_words words = compile_words(&policy->arena,
	    text_of(policy, &policy->server, AG_KEY_WINDOWS_DOMAINS));

	for (size_t i = 0; i < words.n; i++) {
		struct ag_mailbox login;

		if (ag_login_parse(&login, words.word[i]))
			words.word[i] = ag_arena_str(&policy->arena,
			    ag_mailbox_local(&login));
	}
	policy->form.windows = words.word;
	policy->form.nwindows = words.n;
}

static void
compile_form(struct ag_policy *policy)
{
	policy->form.domains = &policy->domains;
	policy->form.realm_replaces =
	    is_yes(policy, &policy->server, AG_KEY_REALM_REPLACES);
	ag_domain_parse(text_of(policy, &policy->server, AG_KEY_REALM),
	    policy->form.realm);
	compile_windows(policy);
}

/* Each in the form that a login's domain has. */
static void
compile_login_domains(struct ag_policy *policy)
{
	struct ag_words words = compile_words(&policy->arena,
	    text_of(policy, &policy->server, AG_KEY_LOGIN_DOMAINS));

	for (size_t i = 0; i < words.n; i++) {
		char name[AG_DOMAIN_MAX + 1];
		struct ag_domain domain;

		ag_domain_parse(words.word[i], name);
		domain = ag_domains_find(&policy->domains, ag_str(name));
		words.word[i] = ag_arena_str(&policy->arena, domain.folded);
	}
	policy->login_domains = words;
}

/* Those of the words that are ports; the others are names. */
static struct ag_listeners
compile_listeners(struct ag_arena *arena, struct ag_str text)
{
	struct ag_listeners of = { .names = compile_words(arena, text) };
	uint64_t port;

	of.port = ag_arena_array(arena, of.names.n + 1, sizeof(*of.port));
	if (of.port == NULL)
		return of;
	for (size_t i = 0; i < of.names.n; i++)
		if (ag_number_parse(of.names.word[i], 65535, &port))
			of.port[of.nports++] = (unsigned)port;
	return of;
}

void
ag_compile_server(struct ag_policy *policy)
{
	struct ag_scope *server = &policy->server;

	compile_form(policy);
	compile_login_domains(policy);
	policy->auth_enabled = is_yes(policy, server, AG_KEY_AUTH_ENABLED);
	policy->mechanisms = compile_words(&policy->arena,
	    text_of(policy, server, AG_KEY_MECHANISMS));
	policy->auth_only = compile_listeners(&policy->arena,
	    text_of(policy, server, AG_KEY_AUTH_ONLY));
	policy->encrypted = compile_listeners(&policy->arena,
	    text_of(policy, server, AG_KEY_ENCRYPTED));
	policy->kill_on_auth_only =
	    is_yes(policy, server, AG_KEY_KILL_ON_AUTH_ONLY);
	policy->foreign_listed_only =
	    is_yes(policy, server, AG_KEY_FOREIGN_SENDER_LISTED_ONLY);
	policy->delimiters =
	    text_of(policy, server, AG_KEY_RECIPIENT_DELIMITER);
	compile_scope(policy, server);
}

void
ag_compile_domain(struct ag_policy *policy, struct ag_scope *scope)
{
	compile_scope(policy, scope);
}

static bool
has_below(const struct ag_names_row *row)
{
	for (size_t i = 0; i < row->n; i++) {
		const struct ag_strmap *map = &row->table[i]->map;

		for (uint32_t id = ag_strmap_first(map); id != AG_NO_ID;
		    id = ag_strmap_next(map, id))
			if (ag_str_starts(ag_strmap_key(map, id), "."))
				return true;
	}
	return false;
}

void
ag_compile_finish(struct ag_policy *policy)
{
	policy->kills_below = has_below(&policy->kill_senders);
	for (unsigned rule = 0; rule < AG_RULE_COUNT; rule++) {
		policy->strictest[rule] = &policy->server;
		for (size_t i = 0; i < policy->nfiles; i++)
			if (policy->files[i]->mode[rule] >
			    policy->strictest[rule]->mode[rule])
				policy->strictest[rule] = policy->files[i];
	}
	ag_archives_compile(policy);
}

/* ---- what makes little sense together ---- */

static void
warn_of_looser(const struct ag_policy *policy, const struct ag_scope *scope,
    struct ag_diag *diag)
{
	const struct ag_value *own =
	    &scope->values->value[AG_KEY_MODE_OUTGOING_AUTH];
	enum ag_mode server = policy->server.mode[AG_RULE_OUTGOING_AUTH];

	if (ag_value_is_given(own) && mode_of(own) < server)
		ag_diag_report(diag, AG_WARNING, &own->origin,
		    "outgoing_auth = %.*s is looser than authgate.ini's %s, which "
		    "holds: a domain can only make it stricter",
		    AG_STR_ARG(own->text), ag_mode_name(server));
}

/* Who is not logged in at all may still send as anybody. */
static void
warn_of_match_alone(const struct ag_policy *policy,
    const struct ag_scope *scope, struct ag_diag *diag)
{
	const struct ag_value *match =
	    &scope->values->value[AG_KEY_MODE_SENDER_LOGIN_MATCH];
	const struct ag_value *auth =
	    &scope->values->value[AG_KEY_MODE_LOCAL_SENDER_AUTH];

	if (scope->mode[AG_RULE_SENDER_LOGIN_MATCH] != AG_ENFORCE ||
	    scope->mode[AG_RULE_LOCAL_SENDER_AUTH] == AG_ENFORCE)
		return;
	/* what is only inherited was warned of where it stands */
	if (!is_server(policy, scope) && !ag_value_is_given(match) &&
	    !ag_value_is_given(auth))
		return;
	ag_diag_report(diag, AG_WARNING,
	    ag_value_is_given(match) ? &match->origin : &auth->origin,
	    "sender_login_match is enforced and local_sender_auth is not: who "
	    "does not log in may still send as any local address");
}

static void
warn_without_realm(const struct ag_policy *policy, struct ag_diag *diag)
{
	const struct ag_value *value = policy->server.values->value;

	if (policy->form.realm[0] != '\0')
		return;
	if (policy->form.realm_replaces)
		ag_diag_report(diag, AG_WARNING,
		    &value[AG_KEY_REALM_REPLACES].origin,
		    "realm_replaces does nothing without a realm");
	if (policy->form.nwindows > 0)
		ag_diag_report(diag, AG_WARNING,
		    &value[AG_KEY_WINDOWS_DOMAINS].origin,
		    "windows_domains makes logins without @, which own nothing "
		    "but what the map gives them; set a realm");
}

/* Nobody is asked for a password there. */
static void
warn_of_open_metrics(const struct ag_policy *policy, struct ag_diag *diag)
{
	const struct ag_value *value =
	    &policy->server.values->value[AG_KEY_METRICS_LISTEN];
	struct ag_ip address;
	unsigned port;

	if (ag_endpoint_parse(value->text, &address, &port) &&
	    !ag_ip_is_loopback(&address))
		ag_diag_report(diag, AG_WARNING, &value->origin,
		    "[metrics] listen = %.*s: whoever reaches this address "
		    "reads the numbers, for there is no password; 127.0.0.1 "
		    "and [::1] are for this host alone",
		    AG_STR_ARG(value->text));
}

/* Every address is on the left, or none is. */
static void
warn_of_listed_only(const struct ag_policy *policy, struct ag_diag *diag)
{
	const struct ag_sender_key any = { .local = { NULL, 0 } };
	const struct ag_value *value =
	    &policy->server.values->value[AG_KEY_FOREIGN_SENDER_LISTED_ONLY];

	if (!policy->foreign_listed_only)
		return;
	if (ag_senders_list(policy->senders, &any))
		ag_diag_report(diag, AG_WARNING, &value->origin,
		    "foreign_sender_listed_only does nothing: the sender map "
		    "has * on the left, which is every address");
	if (ag_senders_size(policy->senders) == 0)
		ag_diag_report(diag, AG_WARNING, &value->origin,
		    "foreign_sender_listed_only leaves foreign_sender_match "
		    "nothing to refuse: there is no sender map; name one in "
		    "[auth] sender_logins");
}

void
ag_compile_check(const struct ag_policy *policy, struct ag_diag *diag)
{
	warn_without_realm(policy, diag);
	warn_of_open_metrics(policy, diag);
	warn_of_listed_only(policy, diag);
	warn_of_match_alone(policy, &policy->server, diag);
	for (size_t i = 0; i < policy->nfiles; i++) {
		warn_of_match_alone(policy, policy->files[i], diag);
		warn_of_looser(policy, policy->files[i], diag);
	}
}
