/* compiled.c - what holds in a scope */
#include "policy/compiled.h"

const struct ag_scope *
ag_policy_scope(const struct ag_policy *policy, const struct ag_domain *domain)
{
	return domain->local && domain->file != AG_SERVER_FILE ?
	    policy->files[domain->file] :
	    &policy->server;
}

static bool
is_server(const struct ag_policy *policy, const struct ag_scope *scope)
{
	return scope == &policy->server;
}

static const struct ag_value *
own_or_servers(const struct ag_policy *policy, const struct ag_scope *scope,
    enum ag_key key)
{
	const struct ag_value *own = &scope->values->value[key];
	enum ag_place place = ag_setting(key)->place;

	if (is_server(policy, scope) || ag_value_is_given(own) ||
	    place == AG_DOMAIN)
		return own;
	return &policy->server.values->value[key];
}

static enum ag_mode
mode_of(const struct ag_value *value)
{
	enum ag_mode mode = AG_OFF;

	ag_mode_parse(value->text, &mode);
	return mode;
}

const struct ag_value *
ag_scope_value(const struct ag_policy *policy, const struct ag_scope *scope,
    enum ag_key key)
{
	const struct ag_value *value = own_or_servers(policy, scope, key);
	const struct ag_value *servers = &policy->server.values->value[key];

	/* else an anonymous client would pick the laxest domain */
	if (key == AG_KEY_MODE_OUTGOING_AUTH &&
	    mode_of(servers) > mode_of(value))
		return servers;
	return value;
}
