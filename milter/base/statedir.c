/* statedir.c - makes, opens and locks folders of [milter] state_dir */
#include "milter/base/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int
fail(struct ag_buf *why, const char *path, const char *what)
{
	ag_buf_printf(why, "%s: %s", path, what);
	return -1;
}

/* Who may write there could put links in the way of root. */
static const char *
find_fault(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "others may write to it; chmod 0755";
	if (geteuid() != 0 && st.st_uid != 0 && st.st_uid != geteuid())
		return "it belongs to another user";
	return NULL;
}

static int
open_outer(const char *path, bool make, struct ag_buf *why)
{
	const char *fault;
	int fd;

	if (make && mkdir(path, 0755) != 0 && errno != EEXIST)
		return fail(why, path, strerror(errno));
	fd = open(path, FOLDER);
	if (fd < 0)
		return fail(why, path, strerror(errno));
	fault = find_fault(fd);
	if (fault == NULL)
		return fd;
	close(fd);
	return fail(why, path, fault);
}

/* Root's folder becomes the user's. */
static bool
give(int fd, const char *user)
{
	const struct passwd *who =
	    geteuid() == 0 && user[0] != '\0' ? getpwnam(user) : NULL;

	return who == NULL || fchown(fd, who->pw_uid, who->pw_gid) == 0;
}

int
ag_statedir_open(const char *path, const char *name, bool make,
    const char *user, struct ag_buf *why)
{
	int outer = open_outer(path, make, why), fd, error = 0;

	if (outer < 0)
		return -1;
	if (make && mkdirat(outer, name, 0750) != 0 && errno != EEXIST)
		error = errno;
	fd = error == 0 ? openat(outer, name, FOLDER) : -1;
	if (error == 0 && (fd < 0 || (make && !give(fd, user))))
		error = errno;
	close(outer);
	if (error == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	ag_buf_printf(why, "%s/%s: %s", path, name, strerror(error));
	return -1;
}

bool
ag_statedir_lock(int dir)
{
	/* held until the process ends */
	return flock(dir, LOCK_EX | LOCK_NB) == 0;
}
