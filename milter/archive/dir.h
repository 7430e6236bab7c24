/*
 * dir.h - the directories in which copies of mail are kept
 *
 * DIR/YYYY-MM-DD/ is a Maildir for each day, with tmp/, new/ and cur/.  All
 * that is made has mode 0700 and is synced, with the directory it stands in.
 * Any thread may call what is here, but none while it holds up an MTA for
 * nothing: all of it reads or writes the disk.
 */
#ifndef AG_ARCHIVEDIR_H
#define AG_ARCHIVEDIR_H

#include <sys/types.h>

#include "policy/base/vec.h"
#include "policy/policy.h"
#include "milter/archive/daybook.h"
#include "milter/archive/name.h"

/*
 * Makes the directories where the policy keeps copies, and removes from tmp/
 * what a crash has left there.  Where another process keeps copies in the same
 * directory, it waits for the end of that for so many seconds, at most.  One
 * that was ready before and has vanished is not made again.
 * Call it at the start and before a policy comes into force: limits.h is told
 * of the descriptors that it takes.
 * Returns 0, or EX_NOPERM, EX_CANTCREAT or EX_TEMPFAIL (another has it) after a
 * line in the log for each that cannot be used.
 */
int ag_archivedir_prepare(const struct ag_policy *policy, unsigned seconds);

/* Why a directory cannot be used, of an errno that came from here. */
const char *ag_archivedir_reason(int error);

/*
 * Makes the Maildir of a day, once; again: it was there, and has vanished.  The
 * directory itself is not made anew.  Returns 0 or errno, ELOOP where a link
 * stands in its place.  Whoever writes to the day calls it each time.
 */
int ag_archivedir_make_day(const char *dir, const char *day, bool again);

/*
 * For how many seconds nothing has been written to that day, in any directory,
 * by the steady clock; AG_NO_TIME where this process has not written to it.
 */
int64_t ag_archivedir_idle(const char *day);

/* A directory by its name, and which one it is. */
struct ag_archivedir_seen {
	const char *dir; /* borrowed */
	dev_t dev;
	ino_t ino;
};

/*
 * Adds a directory to those that were seen.  *same becomes NULL, or the name by
 * which it was seen before: through a link or a mount, one directory can have
 * two names.  Returns 0 or errno.
 */
int ag_archivedir_see(struct ag_vec *seen, const char *dir, const char **same);

/*
 * Opens DIR/DAY/SUB, to write there: no link is followed below the directory
 * itself, for whoever may write to it could lead copies elsewhere.  Returns a
 * descriptor, or -1 with errno: ELOOP for a link.
 */
int ag_archivedir_open(const char *dir, const char *day, const char *sub);

/* A day that is there. */
struct ag_archivedir_day {
	char day[AG_DAY_MAX];
};

/* Adds the days (struct ag_archivedir_day), oldest first; 0 or errno. */
int ag_archivedir_days(const char *dir, struct ag_vec *days);

/*
 * Tells of each file in DIR/DAY/SUB; at is DIR/DAY/SUB, opened.  Returns 0 or
 * errno.
 */
int ag_archivedir_each(const char *dir, const char *day, const char *sub,
    void (*file)(void *arg, int at, const char *name), void *arg);

#endif
