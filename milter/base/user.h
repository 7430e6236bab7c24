/*
 * user.h - the user that root becomes, [milter] user
 *
 * Root reads what the user can read and nothing else: a finding shows lines of
 * the files to more people than root.  So the user is put on while they are
 * read, taken off for the sockets, and become for good afterwards.  One thread
 * calls this, before there are others.
 */
#ifndef AG_USER_H
#define AG_USER_H

#include "policy/base/text.h"

/*
 * Acts as the user, for now; only root can, and goes on as root after
 * ag_user_take_off(), which is false when it cannot.  Returns 0, or an exit
 * status after a line on standard error.
 */
int ag_user_put_on(const char *name);
bool ag_user_take_off(void);

/*
 * Becomes the user, if name is not empty; who is that user already stays it.
 * 0, or an exit status after a line in the log.
 */
int ag_user_become(const char *name);

/*
 * Whether the daemon, started by who runs this, would be root and, with this
 * [milter] user, remain it; and what to say then.
 */
bool ag_user_stays_root(struct ag_str user);

#define AG_USER_STAYS_ROOT \
	"[milter] user names nobody: started as root, the daemon stays root; " \
	"write user = authgate, or another user of its own"

#endif
