/* views.c - the ways in which an envelope address can be taken */
#include "policy/views.h"

static void
set_sent(struct ag_view *view, const struct ag_policy *policy,
    struct ag_str local_part)
{
	view->sent_local = local_part;
	view->sent_base = ag_str_head(local_part,
	    ag_local_base(local_part, policy->delimiters));
}

static struct ag_view *
add_view(struct ag_views *views, const struct ag_policy *policy,
    struct ag_str local_part)
{
	struct ag_view *view = &views->view[views->n++];
	size_t base = ag_local_base(local_part, policy->delimiters);
	const struct ag_str none = { NULL, 0 };

	view->scope = &policy->server;
	view->governed = view->domain = view->sent_domain = none;
	view->local = view->null = false;
	view->accounts = NULL;
	/* not as a whole: a slice that was just put together in two halves is
	 * slow to be copied */
	view->local_part.ptr = view->base.ptr = local_part.ptr;
	view->sent_local.ptr = view->sent_base.ptr = local_part.ptr;
	view->local_part.len = view->sent_local.len = local_part.len;
	view->base.len = view->sent_base.len = base;
	return view;
}

static void
add_null(struct ag_views *views, const struct ag_policy *policy)
{
	add_view(views, policy, ag_str(NULL))->null = true;
}

/* In a domain of which it is known what it is. */
static struct ag_view *
add_in(struct ag_views *views, const struct ag_policy *policy,
    struct ag_str local_part, struct ag_str name,
    const struct ag_domain *domain)
{
	struct ag_view *view = add_view(views, policy, local_part);

	view->scope = ag_policy_scope(policy, domain);
	view->local = domain->local;
	view->domain = domain->folded;
	view->governed = domain->governed;
	view->sent_domain = name;
	if (domain->is_account_domain)
		view->accounts = view->scope->accounts;
	return view;
}

struct ag_view *
ag_views_add(struct ag_views *views, const struct ag_policy *policy,
    struct ag_str local_part, struct ag_str name)
{
	struct ag_domain domain = ag_domains_find(&policy->domains, name);

	return add_in(views, policy, local_part, name, &domain);
}

/*
 * What the MTA treats as local by itself: the main file's, and also that of
 * the realm, where the realm is ours.  A kill entry is compared with the domain
 * that was sent; where none was, the user is the realm's here too.
 */
static void
add_local_by_mta(struct ag_views *views, const struct ag_policy *policy,
    struct ag_str local_part, const struct ag_mailbox *sent)
{
	struct ag_str realm = ag_str(policy->form.realm);
	struct ag_domain domain = ag_domains_find(&policy->domains, realm);
	struct ag_view *view = add_view(views, policy, local_part), *in_realm;

	view->local = true;
	view->domain = domain.folded;
	set_sent(view, policy, ag_mailbox_local(sent));
	view->sent_domain =
	    sent->domain_len > 0 ? ag_mailbox_domain(sent) : realm;
	if (!domain.local)
		return;
	in_realm = ag_views_add(views, policy, local_part, realm);
	in_realm->sent_local = view->sent_local;
	in_realm->sent_base = view->sent_base;
	in_realm->sent_domain = view->sent_domain;
}

static bool
is_local_domain(const struct ag_policy *policy,
    const struct ag_mailbox *mailbox)
{
	return mailbox->domain_len > 0 &&
	    ag_domains_find(&policy->domains, ag_mailbox_domain(mailbox)).local;
}

/* 127.0.0.1 without brackets, which some take for a literal. */
static bool
is_loopback(struct ag_str domain)
{
	struct ag_ip address;

	return ag_ip_parse(&address, domain) && ag_ip_is_loopback(&address);
}

/* "mx" and "mx.example.com" */
static bool
is_name_of(struct ag_str mta_name, struct ag_str domain)
{
	while (mta_name.len > 0 && mta_name.ptr[mta_name.len - 1] == '.')
		mta_name.len--;
	return ag_str_ieq(domain, mta_name) ||
	    ag_str_ieq(domain,
		ag_str_head(mta_name, ag_str_find(mta_name, '.')));
}

/* The MTA's own host, or one of its addresses, in its own words. */
static bool
is_host_itself(struct ag_str domain, struct ag_str mta_name)
{
	return domain.len == 0 || domain.ptr[0] == '[' ||
	    ag_str_eq(domain, ag_str("localhost")) ||
	    ag_str_eq(domain, ag_str("localhost.localdomain")) ||
	    is_loopback(domain) || is_name_of(mta_name, domain);
}

void
ag_views_add_author(struct ag_views *views, const struct ag_policy *policy,
    const struct ag_mailbox *mailbox, struct ag_str mta_name)
{
	struct ag_str local = ag_mailbox_local(mailbox);
	struct ag_str domain = ag_mailbox_domain(mailbox);

	if (is_host_itself(domain, mta_name) &&
	    !is_local_domain(policy, mailbox))
		add_local_by_mta(views, policy, local, mailbox);
	else
		ag_views_add(views, policy, local, domain);
}

static void
add_ours(struct ag_views *views, const struct ag_policy *policy,
    const struct ag_path *path)
{
	const struct ag_mailbox *ours = &path->ours;

	if (ours->domain_len > 0)
		ag_views_add(views, policy, ag_mailbox_local(ours),
		    ag_mailbox_domain(ours));
	else
		add_local_by_mta(views, policy, ag_mailbox_local(ours), ours);
}

static void
add_mta(struct ag_views *views, const struct ag_policy *policy,
    const struct ag_path *path)
{
	const struct ag_mailbox *mta = &path->mta;

	if (path->mta_local && !is_local_domain(policy, mta))
		add_local_by_mta(views, policy, ag_mailbox_local(mta), mta);
	else
		ag_views_add(views, policy, ag_mailbox_local(mta),
		    ag_mailbox_domain(mta));
}

/* The MTA names a domain; ours, which is known, is none of our domains. */
static void
add_both(struct ag_views *views, const struct ag_policy *policy,
    const struct ag_path *path, const struct ag_domain *ours)
{
	bool plain = path->plainness == AG_PATH_PLAIN;
	bool same = plain && ag_mailbox_eq(&path->ours, &path->mta);

	if (same && !path->mta_local) {
		add_in(views, policy, ag_mailbox_local(&path->ours),
		    ag_mailbox_domain(&path->ours), ours);
		return;
	}
	if (plain && !same)
		add_ours(views, policy, path);
	add_mta(views, policy, path);
}

/* The MTA names no domain, which means local; or nothing of use. */
static void
add_without_mta(struct ag_views *views, const struct ag_policy *policy,
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

static struct ag_str
plain_domain(const struct ag_path *path)
{
	return path->plainness == AG_PATH_PLAIN ?
	    ag_mailbox_domain(&path->ours) :
	    ag_str(NULL);
}

uint32_t
ag_views_expect(const struct ag_policy *policy, const struct ag_path *path)
{
	struct ag_str name = plain_domain(path);

	return name.len > 0 ? ag_domains_expect(&policy->domains, name) : 0;
}

void
ag_views_find(struct ag_views *views, const struct ag_policy *policy,
    const struct ag_path *path)
{
	ag_views_find_expected(views, policy, path,
	    ag_views_expect(policy, path));
}

static struct ag_str
base_of(const struct ag_policy *policy, struct ag_str local)
{
	return ag_str_head(local, ag_local_base(local, policy->delimiters));
}

/* The MTA reads another name in the same domain, and no tag makes it that. */
static bool
is_read_otherwise(const struct ag_policy *policy, const struct ag_path *path)
{
	const struct ag_mailbox *ours = &path->ours, *mta = &path->mta;

	return path->reading == AG_MTA_FULL && !ag_mailbox_eq(ours, mta) &&
	    ag_str_eq(ag_mailbox_domain(ours), ag_mailbox_domain(mta)) &&
	    !ag_str_eq(base_of(policy, ag_mailbox_local(ours)),
		base_of(policy, ag_mailbox_local(mta)));
}

/* Of another domain only the administrator's own tables make it one. */
static void
add_local(struct ag_views *views, const struct ag_policy *policy,
    const struct ag_path *path, const struct ag_domain *ours)
{
	add_in(views, policy, ag_mailbox_local(&path->ours),
	    ag_mailbox_domain(&path->ours), ours);
	if (is_read_otherwise(policy, path))
		add_mta(views, policy, path);
}

void
ag_views_find_expected(struct ag_views *views, const struct ag_policy *policy,
    const struct ag_path *path, uint32_t expected)
{
	struct ag_str name = plain_domain(path);
	struct ag_domain ours = { .local = false };

	views->n = 0;
	views->bad = false;
	if (name.len > 0)
		ours =
		    ag_domains_find_expected(&policy->domains, name, expected);
	if (ours.local && path->reading != AG_MTA_EMPTY)
		add_local(views, policy, path, &ours);
	else if (path->reading == AG_MTA_FULL)
		add_both(views, policy, path, &ours);
	else
		add_without_mta(views, policy, path);
}
