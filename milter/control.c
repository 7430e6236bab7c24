#include "control.h"

#include <errno.h>
#include <grp.h>
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

#include "../policy/policy.h"
#include "command.h"
#include "fixed.h"
#include "log.h"
#include "socket.h"

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

/* For the daemon's user, and for the group that the milter's socket has. */
static bool
permit(const char *path)
{
	struct ag_str user = ag_fixed_text(AG_KEY_USER);
	struct ag_str group = ag_fixed_text(AG_KEY_SOCKET_GROUP);
	const struct passwd *owner = user.len > 0 ? getpwnam(user.ptr) : NULL;
	const struct group *of = group.len > 0 ? getgrnam(group.ptr) : NULL;
	uid_t uid = geteuid() == 0 && owner != NULL ? owner->pw_uid : (uid_t)-1;

	return ag_socket_give(path, MODE, uid,
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
	return bound && permit(address->sun_path) && listen(fd, 8) == 0;
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
	if (fd >= 0)
		close(fd);
	return -1;
}

void
ag_control_remove(void)
{
	struct sockaddr_un address = { 0 };

	if (make_address(ag_fixed_text(AG_KEY_SOCKET), &address))
		remove_stale(address.sun_path);
}

static bool
may_reload(int client)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    (peer.uid == 0 || peer.uid == geteuid());
}

static enum ag_wish
wish_of(int client)
{
	char word[16];
	ssize_t n = recv(client, word, sizeof(word), 0);
	struct ag_str said = { word, n > 0 ? (size_t)n : 0 };

	if (ag_str_eq(said, ag_str("status\n")))
		return AG_WISH_STATUS;
	if (!ag_str_eq(said, ag_str("reload\n")))
		return AG_WISH_NONE;
	return may_reload(client) ? AG_WISH_RELOAD : AG_WISH_REFUSED;
}

enum ag_wish
ag_control_take(int listener, int *client)
{
	struct timeval patience = { .tv_sec = 1 };

	*client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (*client < 0)
		return AG_WISH_NONE;
	setsockopt(*client, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	setsockopt(*client, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	return wish_of(*client);
}

static bool
send_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

void
ag_control_answer(int client, const char *text)
{
	if (text != NULL)
		send_all(client, text, strlen(text));
	if (client >= 0)
		close(client);
}

/* ---- the other side ---- */

/* All that comes until the end; to be freed; NULL: something failed. */
static char *
receive_all(int fd)
{
	size_t room = 65536, len = 0;
	char *text = malloc(room);

	while (text != NULL) {
		ssize_t n = recv(fd, text + len, room - len - 1, 0);

		if (n == 0 && len > 0) {
			text[len] = '\0';
			return text;
		}
		if (n <= 0 && errno != EINTR)
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

static int
no_daemon(const char *command, const char *path)
{
	int error = errno;

	if (error == EACCES || error == EPERM) {
		ag_print_line(stderr,
		    "authgate %s: no permission for %s; root, the daemon's "
		    "user and its socket_group have it",
		    command, path);
		return EX_NOPERM;
	}
	ag_print_line(stderr, "authgate %s: no daemon answers on %s: %s",
	    command, path, strerror(error));
	return EX_UNAVAILABLE;
}

int
ag_control_ask(const char *command, const char *config, char **answer)
{
	struct sockaddr_un address = { 0 };
	char place[4096], word[16];
	struct ag_buf buf = AG_BUF(place);
	int fd, n = snprintf(word, sizeof(word), "%s\n", command);

	if (!ag_policy_peek(config, AG_KEY_SOCKET, &buf)) {
		ag_print_line(stderr, "authgate %s: %s cannot be read: %s",
		    command, config,
		    errno == EISDIR ? "not a regular file" : strerror(errno));
		return EX_NOINPUT;
	}
	make_address(ag_buf_get(&buf), &address);
	fd = open_socket();
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int status = no_daemon(command, address.sun_path);

		close(fd);
		return status;
	}
	*answer = send_all(fd, word, (size_t)n) ? receive_all(fd) : NULL;
	close(fd);
	if (*answer != NULL)
		return EX_OK;
	fprintf(stderr, "authgate %s: the daemon gave no answer\n", command);
	return EX_UNAVAILABLE;
}
