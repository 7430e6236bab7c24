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
#include "milter/base/fixed.h"
#include "milter/base/log.h"
#include "milter/base/socket.h"
#include "milter/command/command.h"
#include "milter/daemon/watch.h"

#define SUFFIX ".control"
#define OTHER_FOLDER "/run/authgate/"
#define MODE 0660

/* An answer has some hundred findings at most. */
#define ANSWER_MAX ((size_t)4 * 1024 * 1024)

/* False when the path is too long for a socket. */
static bool
make_address(struct ag_str place, struct sockaddr_un *address)
{
	struct ag_buf path = AG_BUF(address->sun_path);

	address->sun_family = AF_UNIX;
	if (ag_str_starts(place, "unix:")) {
		ag_buf_str(&path, ag_str_skip(place, sizeof("unix:") - 1));
	} else {
		place = ag_str_skip(place, ag_str_find(place, ':') + 1);
		ag_buf_text(&path, OTHER_FOLDER);
		ag_buf_str(&path, ag_str_head(place, ag_str_find(place, '@')));
	}
	ag_buf_text(&path, SUFFIX);
	return !path.cut;
}

static int
open_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* ---- the daemon ---- */

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
	fd = make_address(ag_fixed_text(AG_KEY_SOCKET), &address) ?
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

	if (make_address(ag_fixed_text(AG_KEY_SOCKET), &address))
		ag_socket_take_away(address.sun_path, &mark);
}

/* ---- the other side ---- */

/* One time limit for all of it. */
struct asking {
	int fd;
	int64_t end; /* monotonic milliseconds */
};

/* False, with errno ETIMEDOUT, when the time is over. */
static bool
wait_until(const struct asking *asking, short events)
{
	struct pollfd fd = { asking->fd, events, 0 };
	int64_t left = asking->end - ag_watch_now();
	int n = 0;

	while (left > 0 && (n = poll(&fd, 1, (int)left)) < 0 && errno == EINTR)
		left = asking->end - ag_watch_now();
	if (left <= 0 || n == 0)
		errno = ETIMEDOUT;
	return left > 0 && n > 0;
}

/* A queue of clients that is full is waited for as well. */
static bool
reach(struct asking *asking, const struct sockaddr_un *address)
{
	int64_t left = asking->end - ag_watch_now();
	struct timeval limit = { (time_t)(left / 1000), 0 };

	setsockopt(asking->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(asking->fd, (const struct sockaddr *)address,
		sizeof(*address)) == 0)
		return true;
	if (errno == EAGAIN)
		errno = ETIMEDOUT;
	return false;
}

/* A line is short: it is taken at once. */
static bool
say(const struct asking *asking, const char *words)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%s\n", words);

	return send(asking->fd, line, (size_t)n, MSG_NOSIGNAL) == n;
}

/* All that comes until the end; to be freed; NULL: errno. */
static char *
receive_all(const struct asking *asking)
{
	size_t room = 65536, len = 0;
	char *text = malloc(room);

	while (text != NULL && wait_until(asking, POLLIN)) {
		ssize_t n =
		    recv(asking->fd, text + len, room - len - 1, MSG_DONTWAIT);

		if (n == 0 && len > 0) {
			text[len] = '\0';
			return text;
		}
		if (n == 0)
			errno = ECONNRESET;
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			break;
		len += n > 0 ? (size_t)n : 0;
		if (room - len == 1) {
			char *grown =
			    room < ANSWER_MAX ? realloc(text, room *= 2) : NULL;

			if (grown == NULL)
				break;
			text = grown;
		}
	}
	free(text);
	return NULL;
}

/* 0 and a text to be freed, or errno. */
static int
exchange(const struct sockaddr_un *address, const char *words, int seconds,
    char **answer)
{
	struct asking asking = { open_socket(),
		ag_watch_now() + seconds * INT64_C(1000) };
	int error;

	*answer = NULL;
	if (asking.fd < 0)
		return errno;
	if (reach(&asking, address) && say(&asking, words))
		*answer = receive_all(&asking);
	error = *answer != NULL ? 0 : errno;
	close(asking.fd);
	return error;
}

static bool
is_no_daemon(int error)
{
	return error == ENOENT || error == ECONNREFUSED;
}

/* The exit status, after a message. */
static int
complain(const struct ag_question *question, const char *path, int error)
{
	const char *name = question->command;

	if (error == EACCES || error == EPERM) {
		ag_print_line(stderr,
		    "authgate %s: no permission for %s; root, the daemon's "
		    "user and its socket_group have it",
		    name, path);
		return EX_NOPERM;
	}
	if (error == ETIMEDOUT)
		ag_print_line(stderr,
		    "authgate %s: the daemon on %s gave no answer within %d "
		    "%s; it is stopped, or it reads its files",
		    name, path, question->seconds,
		    ag_plural((uint64_t)question->seconds, "second",
			"seconds"));
	else if (error == ECONNRESET)
		ag_print_line(stderr,
		    "authgate %s: the daemon on %s gave no answer", name, path);
	else
		ag_print_line(stderr,
		    "authgate %s: no daemon answers on %s: %s", name, path,
		    strerror(error));
	return EX_UNAVAILABLE;
}

int
ag_control_ask(const struct ag_question *question, char **answer)
{
	struct sockaddr_un address = { 0 };
	char place[4096];
	struct ag_buf buf = AG_BUF(place);
	int error;

	*answer = NULL;
	if (!ag_policy_peek(question->config, AG_KEY_SOCKET, &buf)) {
		ag_print_line(stderr, "authgate %s: %s cannot be read: %s",
		    question->command, question->config,
		    errno == EISDIR ? "not a regular file" : strerror(errno));
		return EX_NOINPUT;
	}
	make_address(ag_buf_get(&buf), &address);
	error = exchange(&address, question->words, question->seconds, answer);
	if (question->may_be_none && is_no_daemon(error))
		return EX_OK;
	return error == 0 ? EX_OK : complain(question, address.sun_path, error);
}
