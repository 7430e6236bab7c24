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
#include "policy/table/rows.h"

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
	/* as written; a domain's may be left out; of its part */
	const struct ag_values *values;
	enum ag_mode mode[AG_RULE_COUNT];
	struct ag_origin mode_at[AG_RULE_COUNT];
	struct ag_reply reply[AG_RULE_COUNT];
	struct ag_reply from_bad; /* to a From: that is no good */
	bool unless_local_recipient;
	struct ag_words roles;
	struct ag_nets_row relay; /* this file's own list */
	bool sender_suffices;
	bool from_strict;
	struct ag_nets_row from_exempt;
	const struct ag_names *accounts; /* local parts; NULL: no list */
	size_t archive; /* where copies are kept, or AG_NO_ARCHIVE */
};

/* A file that was read or looked for. */
struct ag_source {
	const char *shown;    /* relative to the main file's folder */
	uint64_t look;        /* what ag_file_look() saw before it was read */
	uint64_t fingerprint; /* ag_file_fingerprint() of what it gave */
};

struct ag_policy {
	atomic_uint shares;
	struct ag_vec sources;    /* struct ag_source */
	struct ag_strmap names;   /* of the sources, with their numbers */
	struct ag_vec parts;      /* const struct ag_part *, in order */
	struct ag_strmap digests; /* of the parts, with their numbers */
	struct ag_vec kept;       /* struct ag_kept */
	uint64_t digest; /* of names and contents of all that is in it */
	struct ag_arena arena;
	struct ag_scope server;
	const struct ag_scope *strictest[AG_RULE_COUNT]; /* by mode */
	struct ag_scope **files; /* of domains, by number */
	size_t nfiles;
	struct ag_domains domains;
	struct ag_nets_row kill;
	struct ag_names_row kill_logins;
	struct ag_names_row kill_senders; /* "a@b", "@b", ".b" */
	bool kills_below;                 /* one of them is ".b" */
	const struct ag_senders *senders;
	struct ag_login_form form;
	const struct ag_certificates *certificates;
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
