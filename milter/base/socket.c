/* socket.c - opens the milter's socket with its mode and group */
#include "milter/base/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "policy/base/number.h"
#include "milter/base/fixed.h"
#include "milter/base/log.h"

/* Of the unix socket that this process has made, or -1. */
static int mark = -1;

/* The path of a unix socket or NULL. */
static const char *
unix_path(void)
{
	struct ag_str text = ag_fixed_text(AG_KEY_SOCKET);

	return ag_str_starts(text, "unix:") ? text.ptr + 5 : NULL;
}

static bool
answers(int family, const struct sockaddr *address, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected;

	if (fd < 0)
		return false;
	connected = connect(fd, address, len) == 0;
	close(fd);
	return connected;
}

static bool
somebody_answers(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path, path, strlen(path) + 1);
	return answers(AF_UNIX, (struct sockaddr *)&address, sizeof(address));
}

/* 0, or an exit status after a line; where systemd does not make it, nobody. */
static int
check_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct ag_str name = ag_str_head(ag_str(path),
	    slash != NULL ? (size_t)(slash - path) : 0);
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct ag_buf text = AG_BUF(folder);

	ag_buf_str(&text, name);
	if (name.len == 0 || access(folder, F_OK) == 0 || errno != ENOENT)
		return 0;
	ag_log(LOG_ERR,
	    "there is no directory %s for the socket; make it before each "
	    "start: install -d -m 0755 %s",
	    folder, folder);
	return EX_UNAVAILABLE;
}

/* 0, or an exit status after a line. */
static int
check_path(const char *path)
{
	struct stat st;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		ag_log(LOG_ERR, "the path of the socket is too long: %s", path);
		return EX_CONFIG;
	}
	if (lstat(path, &st) != 0) {
		if (errno == ENOENT)
			return check_folder(path);
		ag_log(LOG_ERR, "the socket %s: %s", path, strerror(errno));
		return EX_NOPERM;
	}
	if (!S_ISSOCK(st.st_mode)) {
		ag_log(LOG_ERR, "%s is there and is not a socket", path);
		return EX_CONFIG;
	}
	if (somebody_answers(path)) {
		ag_log(LOG_ERR, "another program answers on %s", path);
		return EX_UNAVAILABLE;
	}
	return 0;
}

/* False after a line. */
static bool
find_group(struct ag_str name, gid_t *gid)
{
	struct group *group;

	*gid = (gid_t)-1;
	if (name.len == 0)
		return true;
	group = getgrnam(name.ptr);
	if (group == NULL) {
		ag_log(LOG_ERR, "socket_group: there is no group %s", name.ptr);
		return false;
	}
	*gid = group->gr_gid;
	return true;
}

static mode_t
mode_wanted(void)
{
	unsigned mode = 0;

	ag_number_mode(ag_fixed_text(AG_KEY_SOCKET_MODE), &mode);
	return mode;
}

mode_t
ag_socket_umask(mode_t mode)
{
	return 0777 & ~mode;
}

/* The umask does it, unless the folder has an ACL for what is made in it. */
static bool
set_mode(int fd, mode_t is, mode_t mode)
{
	char path[40];

	if ((is & 0777) == (mode & 0777))
		return true;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, mode) == 0;
}

/* Whether it can be nothing else than what this process has made. */
static bool
is_ours(const struct stat *st)
{
	errno = EPERM;
	return S_ISSOCK(st->st_mode) && st->st_uid == geteuid() &&
	    st->st_nlink == 1;
}

int
ag_socket_mark(const char *path)
{
	return open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

bool
ag_socket_give(int fd, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	/* who gives it away may not change its mode any more */
	return fd >= 0 && fstat(fd, &st) == 0 && is_ours(&st) &&
	    set_mode(fd, st.st_mode, mode) &&
	    fchownat(fd, "", uid, gid, AT_EMPTY_PATH) == 0;
}

void
ag_socket_take_away(const char *path, int *fd)
{
	struct stat mine, there;

	if (*fd < 0)
		return;
	if (fstat(*fd, &mine) == 0 && S_ISSOCK(mine.st_mode) &&
	    lstat(path, &there) == 0 && mine.st_dev == there.st_dev &&
	    mine.st_ino == there.st_ino)
		unlink(path);
	close(*fd);
	*fd = -1;
}

static int
permit(const char *path, gid_t gid)
{
	mark = ag_socket_mark(path);
	if (ag_socket_give(mark, mode_wanted(), (uid_t)-1, gid))
		return 0;
	ag_log(LOG_ERR, "permissions of the socket %s: %s", path,
	    strerror(errno));
	ag_socket_remove();
	return EX_NOPERM;
}

/* False after a line. */
static bool
listen_at(struct ag_str text, bool replace, ag_socket_listen_fn *listen)
{
	/* who is of this process's group gets in before its own is set */
	mode_t old = umask(ag_socket_umask(mode_wanted()));
	bool open = listen(text.ptr, replace);
	int error = errno;

	umask(old);
	if (!open)
		ag_log(LOG_ERR, "cannot listen on %s: %s", text.ptr,
		    error != 0 ? strerror(error) : "it is refused");
	errno = error;
	return open;
}

int
ag_socket_open(ag_socket_listen_fn *listen)
{
	const char *path = unix_path();
	int status = path != NULL ? check_path(path) : 0;
	gid_t gid;

	if (status != 0)
		return status;
	if (!find_group(ag_fixed_text(AG_KEY_SOCKET_GROUP), &gid))
		return EX_CONFIG;
	if (!listen_at(ag_fixed_text(AG_KEY_SOCKET), path != NULL, listen))
		return errno == EACCES || errno == EPERM ? EX_NOPERM :
							   EX_UNAVAILABLE;
	return path != NULL ? permit(path, gid) : 0;
}

/* "inet:PORT@HOST", which has been checked. */
static void
knock_at_port(struct ag_str text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	struct ag_str rest = ag_str_skip(text, ag_str_find(text, ':') + 1);
	size_t at = ag_str_find(rest, '@');
	char port[8];
	struct ag_buf buf = AG_BUF(port);

	ag_buf_str(&buf, ag_str_head(rest, at));
	if (getaddrinfo(rest.ptr + at + 1, port, &hints, &found) != 0)
		return;
	answers(found->ai_family, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
}

void
ag_socket_knock(void)
{
	const char *path = unix_path();

	if (path != NULL)
		somebody_answers(path);
	else
		knock_at_port(ag_fixed_text(AG_KEY_SOCKET));
}

void
ag_socket_remove(void)
{
	ag_socket_take_away(unix_path(), &mark);
}
