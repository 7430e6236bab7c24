/*
 * statedir.h - the folder for what authgate itself keeps, [milter] state_dir
 *
 * It belongs to root, or to the daemon's user where nobody else makes it; in it
 * is daemon/, the daemon's own.  Links are not followed.  Root may be without
 * the right to enter what is another's, as under a service manager: it makes
 * folders, and who owns them opens them.
 */
#ifndef AG_STATEDIR_H
#define AG_STATEDIR_H

#include "policy/base/text.h"

/*
 * Makes the state directory and the folder name in it, if they are not there;
 * root gives the latter to the user, who may be "".  False and why.
 */
bool ag_statedir_make(const char *path, const char *name, const char *user,
    struct ag_buf *why);

/* Opens the folder name in the state directory: a descriptor, or -1 and why. */
int ag_statedir_open(const char *path, const char *name, struct ag_buf *why);

/* Whether this process alone uses the folder, until it ends. */
bool ag_statedir_lock(int dir);

#endif
