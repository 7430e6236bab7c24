/* policy.c - what commands and the daemon ask a policy */
#include <stdlib.h>

#include "policy/base/number.h"
#include "policy/compiled.h"
#include "policy/config/part.h"

static void
free_parts(struct ag_policy *policy)
{
	const struct ag_part *const *part = policy->parts.items;

	for (size_t i = 0; i < policy->parts.n; i++)
		ag_part_unref(part[i]);
	ag_vec_free(&policy->parts);
	ag_strmap_free(&policy->digests);
}

uint64_t
ag_policy_digest(const struct ag_policy *policy)
{
	return policy->digest;
}

void
ag_policy_free(struct ag_policy *policy)
{
	free_parts(policy);
	ag_domains_free(&policy->domains);
	ag_vec_free(&policy->sources);
	ag_strmap_free(&policy->names);
	ag_vec_free(&policy->kept);
	ag_arena_free(&policy->arena);
	free(policy);
}

const struct ag_policy *
ag_policy_ref(const struct ag_policy *policy)
{
	if (policy != NULL)
		atomic_fetch_add(&((struct ag_policy *)policy)->shares, 1);
	return policy;
}

void
ag_policy_unref(const struct ag_policy *policy)
{
	struct ag_policy *mine = (struct ag_policy *)policy;

	if (mine != NULL && atomic_fetch_sub(&mine->shares, 1) == 1)
		ag_policy_free(mine);
}

bool
ag_policy_is_unshared(const struct ag_policy *policy)
{
	return atomic_load(&((struct ag_policy *)policy)->shares) == 1;
}

size_t
ag_policy_kept(const struct ag_policy *policy, const struct ag_kept **kept)
{
	*kept = policy->kept.items;
	return policy->kept.n;
}

static void
tell_texts(const struct ag_part *part,
    void (*file)(void *arg, const char *shown, const struct ag_packed *text),
    void *arg)
{
	for (size_t i = 0; i < part->nfiles; i++)
		file(arg, part->file[i].shown, &part->file[i].text);
}

void
ag_policy_texts(const struct ag_policy *policy,
    void (*file)(void *arg, const char *shown, const struct ag_packed *text),
    void *arg)
{
	const struct ag_part *const *part = policy->parts.items;

	for (size_t i = 0; i < policy->parts.n; i++)
		tell_texts(part[i], file, arg);
}

/* ---- what holds ---- */

const struct ag_value *
ag_policy_value(const struct ag_policy *policy, struct ag_str domain,
    enum ag_key key)
{
	struct ag_domain known = ag_domains_find(&policy->domains, domain);

	return ag_scope_value(policy, ag_policy_scope(policy, &known), key);
}

struct ag_str
ag_policy_text(const struct ag_policy *policy, enum ag_key key)
{
	return policy->server.values->value[key].text;
}

bool
ag_policy_yes(const struct ag_policy *policy, enum ag_key key)
{
	bool yes = false;

	ag_number_yesno(ag_policy_text(policy, key), &yes);
	return yes;
}

int64_t
ag_policy_time(const struct ag_policy *policy, enum ag_key key)
{
	int64_t seconds = 0;

	ag_number_time(ag_policy_text(policy, key), &seconds);
	return seconds;
}

uint64_t
ag_policy_size(const struct ag_policy *policy, enum ag_key key)
{
	uint64_t bytes = 0;

	ag_number_size(ag_policy_text(policy, key), &bytes);
	return bytes;
}

enum ag_mode
ag_policy_mode(const struct ag_policy *policy, enum ag_rule rule)
{
	return policy->strictest[rule]->mode[rule];
}

bool
ag_policy_has_killed_networks(const struct ag_policy *policy)
{
	return ag_nets_row_size(&policy->kill) > 0;
}

void
ag_policy_describe_domain(const struct ag_policy *policy, struct ag_str domain,
    struct ag_buf *out)
{
	struct ag_domain known = ag_domains_find(&policy->domains, domain);
	const struct ag_scope *scope = ag_policy_scope(policy, &known);

	ag_buf_str(out, domain);
	if (!known.local)
		ag_buf_text(out, " is not a local domain; the main file holds");
	else if (scope == &policy->server)
		ag_buf_text(out,
		    " is in a list of local domains; the main file "
		    "holds");
	else if (ag_str_eq(domain, scope->name))
		ag_buf_printf(out, " has a file of its own, %s", scope->file);
	else if (known.is_account_domain)
		ag_buf_printf(out, " is an alias in %s", scope->file);
	else
		ag_buf_printf(out, " is a subdomain that %s takes",
		    scope->file);
}

const char *
ag_policy_domain_file(const struct ag_policy *policy, struct ag_str domain)
{
	struct ag_domain known = ag_domains_find(&policy->domains, domain);
	const struct ag_scope *scope = ag_policy_scope(policy, &known);

	return scope != &policy->server ? scope->file : NULL;
}

/* ---- who may send as whom ---- */

bool
ag_policy_owns_itself(const struct ag_policy *policy, struct ag_str domain)
{
	const struct ag_words *only = &policy->login_domains;

	if (domain.len == 0)
		return false;
	for (size_t i = 0; i < only->n; i++)
		if (ag_str_eq(only->word[i], domain))
			return true;
	return only->n == 0;
}

/* Whether a login is an address, which is then its own. */
static bool
is_itself(const struct ag_policy *policy, const struct ag_mailbox *login)
{
	return ag_policy_owns_itself(policy, ag_mailbox_domain(login));
}

void
ag_policy_of_login(const struct ag_policy *policy, struct ag_str login,
    ag_senders_fn *found, void *arg)
{
	char text[AG_ADDRESS_MAX];
	struct ag_mailbox mailbox;
	struct ag_str form;

	if (ag_str_eq(login, ag_str("*"))) {
		ag_senders_of_login(policy->senders, login, found, arg);
		return;
	}
	if (!ag_login_parse(&mailbox, login))
		return;
	ag_login_complete(&mailbox, &policy->form);
	form = ag_login_write(&mailbox, text);
	if (is_itself(policy, &mailbox))
		found(arg, form, form, NULL);
	ag_senders_of_login(policy->senders, form, found, arg);
}

void
ag_policy_of_address(const struct ag_policy *policy, struct ag_str address,
    ag_senders_fn *found, void *arg)
{
	char text[AG_ADDRESS_MAX];
	struct ag_mailbox mailbox;
	struct ag_sender_key key;

	if (!ag_mailbox_parse(&mailbox, address))
		return;
	ag_login_fold(&mailbox, &policy->form);
	key.local = ag_mailbox_local(&mailbox);
	key.domain = ag_mailbox_domain(&mailbox);
	key.base = ag_str_head(key.local,
	    ag_local_base(key.local, policy->delimiters));
	if (is_itself(policy, &mailbox)) {
		struct ag_str own =
		    ag_address_write(key.base, key.domain, text);

		found(arg, own, own, NULL);
	}
	ag_senders_of_address(policy->senders, &key, found, arg);
}

void
ag_policy_of_domain(const struct ag_policy *policy, struct ag_str domain,
    ag_senders_fn *found, void *arg)
{
	char name[AG_DOMAIN_MAX + 1];
	struct ag_domain known;

	if (ag_str_eq(domain, ag_str("*"))) {
		ag_senders_of_domain(policy->senders, domain, found, arg);
		return;
	}
	if (ag_domain_parse(domain, name) != AG_DOMAIN_OK)
		return;
	known = ag_domains_find(&policy->domains, ag_str(name));
	if (known.local && ag_policy_owns_itself(policy, known.folded))
		found(arg, known.folded, ag_str("each login of the domain"),
		    NULL);
	ag_senders_of_domain(policy->senders, known.folded, found, arg);
}

bool
ag_policy_has_certificates(const struct ag_policy *policy)
{
	return policy->certificates->lines.n > 0;
}

bool
ag_policy_read_login(const struct ag_policy *policy,
    const struct ag_credentials *credentials, struct ag_mailbox *login)
{
	struct ag_str name = credentials->login;

	if (name.len == 0)
		name = ag_certificates_login(policy->certificates,
		    &credentials->certificate);
	return ag_login_parse(login, name);
}

const struct ag_login_form *
ag_policy_login_form(const struct ag_policy *policy)
{
	return &policy->form;
}

struct ag_policy_sizes
ag_policy_sizes(const struct ag_policy *policy)
{
	return (struct ag_policy_sizes){
		.domain_files = policy->nfiles,
		.local_domains = ag_domains_size(&policy->domains),
		.killed = ag_nets_row_size(&policy->kill) +
		    ag_names_row_size(&policy->kill_logins) +
		    ag_names_row_size(&policy->kill_senders),
		.relays = ag_nets_row_size(&policy->server.relay),
		.senders = ag_senders_size(policy->senders),
	};
}
