/*
 * archives.h - who keeps copies of mail, and in which directory
 *
 * The sender's domain and that of each recipient are asked; who is in no local
 * domain is governed by the main file.  Nothing here looks at a file system.
 */
#ifndef AG_ARCHIVES_H
#define AG_ARCHIVES_H

#include "policy/address/mailbox.h"

struct ag_policy;

/* A directory that a file names.  Two that are spelt alike are one. */
struct ag_archive {
	const char *dir; /* absolute, without a slash at its end */
	bool kept;       /* somebody keeps copies there */
};

/*
 * The directories of all files, those included where nothing is kept (now).
 * The array belongs to the policy.
 */
const struct ag_archive *ag_archives(const struct ag_policy *policy, size_t *n);

/* Whether anybody keeps copies. */
bool ag_archives_any(const struct ag_policy *policy);

/*
 * Sets the members of wanted, one for each directory in the same order, where a
 * copy of mail from or to this address is kept; leaves the others alone.
 */
void ag_archives_mark(const struct ag_policy *policy,
    const struct ag_path *path, bool *wanted);

/* For compile: gathers the directories when all scopes are read. */
void ag_archives_compile(struct ag_policy *policy);

#endif
