/* login.c - brings logins into the form in which they are compared */
#include "policy/table/login.h"

#include <string.h>

/* A domain of no known form stays what it is, in lower case. */
static bool
set_domain(struct ag_mailbox *login, struct ag_str domain)
{
	enum ag_domain_status status;

	if (domain.len > AG_DOMAIN_MAX)
		return false;
	status = ag_domain_parse(domain, login->domain);
	if (status != AG_DOMAIN_OK)
		ag_str_copy_lower(domain, login->domain);
	login->domain_len = strlen(login->domain);
	login->no_memory = status == AG_DOMAIN_NO_MEMORY;
	return !login->no_memory;
}

bool
ag_login_parse(struct ag_mailbox *login, struct ag_str text)
{
	size_t at = ag_str_rfind(text, '@');

	memset(login, 0, sizeof(*login));
	/* "alice@" names no domain, nor is it a login that a realm completes */
	if (at + 1 == text.len)
		at = text.len;
	if (at > AG_LOCAL_MAX)
		return false;
	ag_str_copy_lower(ag_str_head(text, at), login->local);
	login->local_len = at;
	if (!ag_mailbox_fold_local(login))
		return false;
	return at == text.len || set_domain(login, ag_str_skip(text, at + 1));
}

static void
put_domain(struct ag_mailbox *login, struct ag_str domain)
{
	memcpy(login->domain, domain.ptr, domain.len);
	login->domain[domain.len] = '\0';
	login->domain_len = domain.len;
}

static struct ag_str
fold(struct ag_str domain, const struct ag_login_form *form)
{
	return domain.len > 0 ? ag_domains_fold(form->domains, domain) : domain;
}

void
ag_login_fold(struct ag_mailbox *login, const struct ag_login_form *form)
{
	struct ag_str domain = ag_mailbox_domain(login);
	struct ag_str folded = fold(domain, form);

	if (folded.ptr != domain.ptr)
		put_domain(login, folded);
}

static bool
is_replaced(const struct ag_mailbox *login, const struct ag_login_form *form)
{
	return form->realm_replaces && form->realm[0] != '\0' &&
	    login->local_len > 0;
}

/* Whoever replaces domains takes "alice@" and "alice@x@y" for alice too. */
static struct ag_str
name_of(const struct ag_mailbox *login, const struct ag_login_form *form)
{
	struct ag_str local = ag_mailbox_local(login);
	size_t at = ag_str_find(local, '@');

	return is_replaced(login, form) && at > 0 ? ag_str_head(local, at) :
						    local;
}

/* Without a domain, or where the authentication server has put the realm. */
static bool
is_in_realm(const struct ag_mailbox *login, const struct ag_login_form *form)
{
	struct ag_str domain = ag_mailbox_domain(login);

	return domain.len == 0 || is_replaced(login, form) ||
	    ag_str_eq(fold(domain, form), fold(ag_str(form->realm), form));
}

static bool
is_windows_domain(struct ag_str name, const struct ag_login_form *form)
{
	for (size_t i = 0; i < form->nwindows; i++)
		if (ag_str_eq(form->windows[i], name))
			return true;
	return false;
}

struct ag_str
ag_login_local(const struct ag_mailbox *login, const struct ag_login_form *form)
{
	struct ag_str name = name_of(login, form);
	size_t slash = ag_str_find(name, '\\');
	struct ag_str user = ag_str_skip(name, slash + 1);

	if (user.len == 0 || ag_str_has(user, '\\') || ag_str_has(user, '@') ||
	    !is_windows_domain(ag_str_head(name, slash), form) ||
	    !is_in_realm(login, form))
		return name;
	return user;
}

struct ag_str
ag_login_domain(const struct ag_mailbox *login,
    const struct ag_login_form *form)
{
	bool completes = form->realm[0] != '\0' && login->local_len > 0 &&
	    login->domain_len == 0 && !ag_str_has(ag_mailbox_local(login), '@');

	if (completes || is_replaced(login, form))
		return fold(ag_str(form->realm), form);
	return fold(ag_mailbox_domain(login), form);
}

void
ag_login_complete(struct ag_mailbox *login, const struct ag_login_form *form)
{
	struct ag_str domain = ag_login_domain(login, form);
	struct ag_str local = ag_login_local(login, form);

	memmove(login->local, local.ptr, local.len);
	login->local_len = local.len;
	login->local[login->local_len] = '\0';
	if (domain.ptr != login->domain)
		put_domain(login, domain);
}

struct ag_str
ag_address_write(struct ag_str local, struct ag_str domain,
    char buf[static AG_ADDRESS_MAX])
{
	struct ag_buf out = ag_buf(buf, AG_ADDRESS_MAX);

	ag_buf_str(&out, local);
	if (domain.len > 0) {
		ag_buf_char(&out, '@');
		ag_buf_str(&out, domain);
	}
	return ag_buf_get(&out);
}

struct ag_str
ag_login_write(const struct ag_mailbox *login, char buf[static AG_ADDRESS_MAX])
{
	return ag_address_write(ag_mailbox_local(login),
	    ag_mailbox_domain(login), buf);
}
