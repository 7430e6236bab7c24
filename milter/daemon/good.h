/*
 * good.h - keeps on disk what the files said when they were last good
 *
 * A start that meets a broken file goes on by that copy.  A thread of its own
 * writes: mail and reloads never wait for it.
 */
#ifndef AG_GOOD_H
#define AG_GOOD_H

#include "policy/policy.h"

/* What a start needs to know of the copies. */
struct ag_copies {
	const char *config;
	const char *state_dir; /* where the main file names none */
	bool strict;           /* no copy is used */

	char path[4096];          /* the state directory */
	struct ag_goodcopy *all;  /* the daemon's; NULL: none */
	struct ag_goodcopy *main; /* root's own; NULL: none */
	struct ag_str main_text;  /* of the latter: the main file's */
	bool has_main;
	struct ag_good good;
};

/*
 * Finds root's own copy, before the user is put on.  A copy of the main file,
 * which names a user and paths, counts for root only if root made it.
 */
void ag_copies_begin(struct ag_copies *copies);

/*
 * Finds the others, as who reads the files.  What is returned is for the load;
 * NULL: there is none, or the start is to be strict.
 */
const struct ag_good *ag_copies_open(struct ag_copies *copies);
void ag_copies_close(struct ag_copies *copies);

/*
 * Makes the folders, as who the process is before it becomes the user; as root
 * writes root's own copy of the main file of the policy.  What cannot be done
 * is a warning in the log.
 */
void ag_good_prepare(const struct ag_copies *copies,
    const struct ag_policy *policy, const char *user);

/* Opens the daemon's folder, as the user. */
void ag_good_open(const struct ag_copies *copies);

/* The thread; an errno.  It writes the policy in force each time it is woken.
 */
int ag_good_start(const char *config);
void ag_good_wake(void);
void ag_good_stop(void);

/* NULL, or why no copies are written; for status, any thread. */
const char *ag_good_fault(void);

#endif
