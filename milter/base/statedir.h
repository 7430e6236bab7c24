/*
 * statedir.h - the folder for what authgate itself keeps, [milter] state_dir
 *
 * It belongs to root, or to the daemon's user where nobody else makes it; in it
 * is daemon/, the daemon's own.  Links are not followed.
 */
#ifndef AG_STATEDIR_H
#define AG_STATEDIR_H

#include "policy/base/text.h"

/*
 * Opens the folder name in the state directory.  Where make is true, both are
 * made if they are not there, and root gives the inner one to the user, who may
 * be "".  A descriptor, or -1 and why.
 */
int ag_statedir_open(const char *path, const char *name, bool make,
    const char *user, struct ag_buf *why);

/* Whether this process alone uses the folder, until it ends. */
bool ag_statedir_lock(int dir);

#endif
