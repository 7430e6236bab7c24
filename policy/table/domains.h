/*
 * domains.h - which domains are ours, and which file governs each
 *
 * A domain is governed by the file, or the alias in a file, of exactly its
 * name; else by the longest file name above it that takes its subdomains; else
 * by the main file, when a list of local domains has it.  Names are given as
 * domainname.h makes them.
 */
#ifndef AG_DOMAINS_H
#define AG_DOMAINS_H

#include "policy/base/vec.h"
#include "policy/table/strmap.h"

/* The number of the file that governs; the main file's is this. */
#define AG_SERVER_FILE UINT32_MAX

/* All zero bytes are an empty table. */
struct ag_domains {
	struct ag_strmap map;
	struct ag_vec claims; /* of files */
	bool top_takes_below; /* a name of one label takes all below it */
	/* of the files; each with the id of what it stands for in map */
	struct ag_strmap aliases;
	/* a table of lines of lists, which is looked at too; borrowed, may be
	 * NULL */
	const struct ag_domains *listed;
};

/* What is known of a domain. */
struct ag_domain {
	bool local;
	uint32_t file;        /* number of the governing file, AG_SERVER_FILE */
	struct ag_str folded; /* an alias's domain, else the name itself */
	bool is_account_domain; /* the file's name or alias: shares accounts */
	struct ag_str governed; /* the name that makes it local; of the table */
};

/*
 * A file, numbered by the caller, claims its name.  A second claim of one name
 * is reported as an error at origin.  False when there is no memory.  The
 * number AG_SERVER_FILE makes it a local domain under the main file's rules.
 */
bool ag_domains_add_file(struct ag_domains *domains, struct ag_str name,
    uint32_t file, bool subdomains, const struct ag_origin *origin,
    struct ag_diag *diag);

/* The file, which has been added under the name owner, claims an alias. */
bool ag_domains_add_alias(struct ag_domains *domains, struct ag_str alias,
    struct ag_str owner, const struct ag_origin *origin, struct ag_diag *diag);

/*
 * A line of a list: the name and, with below, all below it.  The same line
 * twice is a warning.
 */
bool ag_domains_add_listed(struct ag_domains *domains, struct ag_str name,
    bool below, const struct ag_origin *origin, struct ag_diag *diag);

/* folded borrows name or the table; governed is empty when it is not local. */
struct ag_domain ag_domains_find(const struct ag_domains *domains,
    struct ag_str name);

/* The same in two steps, as with ag_strmap_expect(). */
uint32_t ag_domains_expect(const struct ag_domains *domains,
    struct ag_str name);
struct ag_domain ag_domains_find_expected(const struct ag_domains *domains,
    struct ag_str name, uint32_t expected);

/* The name that an alias stands for, of the table; any other name itself. */
struct ag_str ag_domains_fold(const struct ag_domains *domains,
    struct ag_str name);

/* How many names there are. */
size_t ag_domains_size(const struct ag_domains *domains);

/* Gives back what memory is left over, when nothing more is added. */
void ag_domains_trim(struct ag_domains *domains);

void ag_domains_free(struct ag_domains *domains);

#endif
