/* control.c - the control socket: takes requests, sends answers */
#include "milter/daemon/control.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "policy/policy.h"
#include "milter/base/ask.h"
#include "milter/base/fixed.h"
#include "milter/base/log.h"
#include "milter/base/socket.h"
#include "milter/daemon/watch.h"

#define MODE 0660

static int
open_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void
remove_stale(const char *path)
{
	struct stat st;

	/* whoever listens at the milter's socket is this daemon */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
}

/* Of the socket that this process has made, or -1. */
static int mark = -1;

/* For the daemon's user, and for the group that the milter's socket has. */
static bool
permit(void)
{
	struct ag_str user = ag_fixed_text(AG_KEY_USER);
	struct ag_str group = ag_fixed_text(AG_KEY_SOCKET_GROUP);
	const struct passwd *owner = user.len > 0 ? getpwnam(user.ptr) : NULL;
	const struct group *of = group.len > 0 ? getgrnam(group.ptr) : NULL;
	uid_t uid = geteuid() == 0 && owner != NULL ? owner->pw_uid : (uid_t)-1;

	return ag_socket_give(mark, MODE, uid,
	    of != NULL ? of->gr_gid : (gid_t)-1);
}

static bool
listen_at(int fd, const struct sockaddr_un *address)
{
	mode_t old;
	bool bound;

	remove_stale(address->sun_path);
	/* nobody gets in before it listens */
	old = umask(ag_socket_umask(MODE));
	bound =
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
	umask(old);
	if (!bound)
		return false;
	mark = ag_socket_mark(address->sun_path);
	return permit() && listen(fd, 8) == 0;
}

int
ag_control_open(void)
{
	struct sockaddr_un address = { 0 };
	int fd;

	errno = ENAMETOOLONG;
	fd = ag_ask_address(ag_fixed_text(AG_KEY_SOCKET), &address) ?
	    open_socket() :
	    -1;
	if (fd >= 0 && listen_at(fd, &address))
		return fd;
	ag_log(LOG_WARNING,
	    "\"authgate status\" and \"authgate reload\" will not work: %s: %s",
	    address.sun_path, strerror(errno));
	ag_control_remove();
	if (fd >= 0)
		close(fd);
	return -1;
}

void
ag_control_remove(void)
{
	struct sockaddr_un address = { 0 };

	if (ag_ask_address(ag_fixed_text(AG_KEY_SOCKET), &address))
		ag_socket_take_away(address.sun_path, &mark);
}
