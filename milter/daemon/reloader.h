/*
 * reloader.h - the policy: read at the start, and anew when its files change,
 * when SIGHUP comes, and when a command asks for it
 *
 * One thread does it, beside those that judge mail.
 */
#ifndef AG_RELOADER_H
#define AG_RELOADER_H

#include <stdatomic.h>

#include "milter/daemon/controlclients.h"
#include "milter/daemon/good.h"
#include "milter/daemon/watch.h"

struct ag_reloader {
	struct ag_watch watch;
	bool only_stderr; /* the log */
	int hangup;       /* descriptors: SIGHUP, the end */
	int stop;         /* less than 0: the engine needs no knocks */
	struct ag_control control;
	bool hangup_load;   /* the last attempt was one on SIGHUP */
	const char *accept; /* a list that it takes as it is, or NULL */
	const struct ag_copies *copies; /* of the start */
	int64_t remind_at; /* when to say again which files are kept */
	atomic_bool ended;
};

/*
 * The first load, which says on stderr what is wrong, and opens the log.  What
 * is broken is as good has it, which may be NULL.  With
 * a user, whose rights the process has for now, it names him where these are
 * too few.  0, or an exit status.
 */
int ag_reloader_load(struct ag_reloader *reloader, const char *user,
    const struct ag_good *good, const struct ag_policy **policy);

/* Puts a policy in force; takes over the caller's share. */
void ag_reloader_put(const struct ag_policy *policy);

/* Says in the log which one is in force. */
void ag_reloader_announce(void);

/*
 * The thread: takes changes of the files, SIGHUPs and commands until ended is
 * true and a signal comes.
 */
void *ag_reloader_run(void *reloader);

#endif
