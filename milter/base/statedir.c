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
open_outer(const char *path, struct ag_buf *why)
{
	int fd = open(path, FOLDER);
	const char *fault;

	if (fd < 0)
		return fail(why, path, strerror(errno));
	fault = find_fault(fd);
	if (fault == NULL)
		return fd;
	close(fd);
	return fail(why, path, fault);
}

static int
fail_inside(struct ag_buf *why, const char *path, const char *name)
{
	ag_buf_printf(why, "%s/%s: %s", path, name, strerror(errno));
	return -1;
}

/* Root's folder becomes the user's; a link stays what it is. */
static bool
give(int outer, const char *name, const char *user)
{
	const struct passwd *who =
	    geteuid() == 0 && user[0] != '\0' ? getpwnam(user) : NULL;

	return who == NULL ||
	    fchownat(outer, name, who->pw_uid, who->pw_gid,
		AT_SYMLINK_NOFOLLOW) == 0;
}

bool
ag_statedir_make(const char *path, const char *name, const char *user,
    struct ag_buf *why)
{
	bool made;
	int outer;

	if (mkdir(path, 0755) != 0 && errno != EEXIST) {
		fail(why, path, strerror(errno));
		return false;
	}
	outer = open_outer(path, why);
	if (outer < 0)
		return false;
	made = (mkdirat(outer, name, 0750) == 0 || errno == EEXIST) &&
	    give(outer, name, user);
	if (!made)
		fail_inside(why, path, name);
	close(outer);
	return made;
}

int
ag_statedir_open(const char *path, const char *name, struct ag_buf *why)
{
	int outer = open_outer(path, why), fd;

	if (outer < 0)
		return -1;
	fd = openat(outer, name, FOLDER);
	if (fd < 0)
		fail_inside(why, path, name);
	close(outer);
	return fd;
}

bool
ag_statedir_lock(int dir)
{
	/* held until the process ends */
	return flock(dir, LOCK_EX | LOCK_NB) == 0;
}
