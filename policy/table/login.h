/*
 * login.h - logins in the one form in which they are compared
 *
 * What the MTA sends as {auth_authen}, and what stands in lists and maps, is
 * lower case, completed by the realm, its alias domain folded.  A tag in a
 * login means itself.  A user of a Windows domain that is ours,
 * "EXAMPLE\alice", is the user in the realm.
 */
#ifndef AG_LOGIN_H
#define AG_LOGIN_H

#include "policy/address/mailbox.h"
#include "policy/table/domains.h"

struct ag_login_form {
	char realm[AG_DOMAIN_MAX + 1]; /* empty: none */
	bool realm_replaces;
	const struct ag_str *windows; /* Windows domains, as logins have them */
	size_t nwindows;
	const struct ag_domains *domains;
};

/*
 * Reads a login as it is written: what stands before the last "@" and the
 * domain behind it.  False when it is too long, or for want of memory.
 */
bool ag_login_parse(struct ag_mailbox *login, struct ag_str text);

/*
 * The local part that a login has in form, which is the login's or a part of
 * it, and the domain: of the login, the form or the domains.
 */
struct ag_str ag_login_local(const struct ag_mailbox *login,
    const struct ag_login_form *form);
struct ag_str ag_login_domain(const struct ag_mailbox *login,
    const struct ag_login_form *form);

/* Brings a login into form. */
void ag_login_complete(struct ag_mailbox *login,
    const struct ag_login_form *form);

/* Puts the domain that has the accounts in place of an alias. */
void ag_login_fold(struct ag_mailbox *login, const struct ag_login_form *form);

/* Writes "local@domain", or the local part alone where there is no domain. */
struct ag_str ag_address_write(struct ag_str local, struct ag_str domain,
    char buf[static AG_ADDRESS_MAX]);
struct ag_str ag_login_write(const struct ag_mailbox *login,
    char buf[static AG_ADDRESS_MAX]);

#endif
