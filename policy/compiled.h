/*
 * compiled.h - what a policy is made of; for load, eval and policy only
 */
#ifndef AG_COMPILED_H
#define AG_COMPILED_H

#include <stdatomic.h>

#include "policy/archives.h"
#include "policy/base/packed.h"
#include "policy/config/certificates.h"
#include "policy/policy.h"
#include "policy/table/domains.h"
#include "policy/table/login.h"
#include "policy/table/names.h"

struct ag_words {
	struct ag_str *word;
	size_t n;
};

/* Listeners by name, without regard to case, or by port. */
struct ag_listeners {
	struct ag_words names;
	unsigned *port;
	size_t nports;
};

#define AG_NO_ARCHIVE SIZE_MAX

/* What holds for one file: the server's, or a domain's. */
struct ag_scope {
	struct ag_str name; /* the domain; empty for the server */
	const char *file;
	struct ag_values values; /* as written; a domain's may be left out */
	enum ag_mode mode[AG_RULE_COUNT];
	struct ag_origin mode_at[AG_RULE_COUNT];
	struct ag_reply reply[AG_RULE_COUNT];
	struct ag_reply from_bad; /* to a From: that is no good */
	bool unless_local_recipient;
	struct ag_words roles;
	struct ag_nets *relay; /* this file's own list */
	bool sender_suffices;
	bool from_strict;
	struct ag_nets *from_exempt;
	bool has_accounts;
	struct ag_names accounts; /* local parts */
	size_t archive;           /* where copies are kept, or AG_NO_ARCHIVE */
};

/* A file that was read; of a list also what it said, where that is kept. */
struct ag_source {
	const char *shown; /* relative to the main file's folder */
	struct ag_packed text;
};

struct ag_policy {
	atomic_uint shares;
	struct ag_vec sources; /* struct ag_source */
	uint64_t digest;       /* of names and contents of all of them */
	struct ag_arena arena;
	struct ag_scope server;
	const struct ag_scope *strictest[AG_RULE_COUNT]; /* by mode */
	struct ag_scope **files; /* of domains, by number */
	size_t nfiles;
	struct ag_domains domains;
	struct ag_nets *kill;
	struct ag_names kill_logins;
	struct ag_names kill_senders; /* "a@b", "@b", ".b" */
	bool kills_below;             /* one of them is ".b" */
	struct ag_senders *senders;
	struct ag_login_form form;
	struct ag_certificates certificates;
	bool auth_enabled;
	struct ag_words mechanisms;
	struct ag_words login_domains; /* folded */
	struct ag_listeners auth_only;
	struct ag_listeners encrypted;
	bool kill_on_auth_only;
	bool foreign_listed_only;
	struct ag_str delimiters;
	struct ag_archive *archives;
	size_t narchives;
};

/* The scope that a look-up in the domains led to. */
const struct ag_scope *ag_policy_scope(const struct ag_policy *policy,
    const struct ag_domain *domain);

/* What holds in a scope: its own value, or the server's. */
const struct ag_value *ag_scope_value(const struct ag_policy *policy,
    const struct ag_scope *scope, enum ag_key key);

/*
 * Whether a login of that domain, in form, owns its own address: [auth]
 * login_domains.
 */
bool ag_policy_owns_itself(const struct ag_policy *policy,
    struct ag_str domain);

void ag_policy_free(struct ag_policy *policy);

#endif
