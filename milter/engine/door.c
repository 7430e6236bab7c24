/* door.c - listens on a path or a port */
#include "milter/engine/door.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "policy/base/text.h"

static int door = -1;

/* Takes the descriptor, or closes it; false with errno. */
static bool
listen_on(int fd, const struct sockaddr *address, socklen_t len)
{
	int error;

	if (bind(fd, address, len) == 0 && listen(fd, SOMAXCONN) == 0) {
		door = fd;
		return true;
	}
	error = errno;
	close(fd);
	errno = error;
	return false;
}

static int
new_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static bool
open_path(struct ag_str path, bool replace)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (path.len >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(address.sun_path, path.ptr, path.len);
	if (replace && unlink(address.sun_path) != 0 && errno != ENOENT)
		return false;
	fd = new_socket(AF_UNIX);
	return fd >= 0 &&
	    listen_on(fd, (struct sockaddr *)&address, sizeof(address));
}

/* What getaddrinfo() says, as an errno. */
static int
error_of(int found)
{
	if (found == EAI_SYSTEM)
		return errno;
	return found == EAI_MEMORY ? ENOMEM : EADDRNOTAVAIL;
}

static bool
open_port(struct ag_str port, const char *host, int family)
{
	struct addrinfo hints = { .ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	const int on = 1;
	char text[8];
	struct ag_buf number = AG_BUF(text);
	int error, fd;

	ag_buf_str(&number, port);
	error = getaddrinfo(host, text, &hints, &found);
	if (error != 0) {
		errno = error_of(error);
		return false;
	}
	fd = new_socket(found->ai_family);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd >= 0)
		listen_on(fd, found->ai_addr, found->ai_addrlen);
	error = errno;
	freeaddrinfo(found);
	errno = error;
	return door >= 0;
}

bool
ag_door_open(const char *place, bool replace)
{
	struct ag_str text = ag_str(place);
	struct ag_str rest = ag_str_skip(text, ag_str_find(text, ':') + 1);
	size_t at = ag_str_find(rest, '@');

	if (ag_str_starts(text, "unix:"))
		return open_path(rest, replace);
	return open_port(ag_str_head(rest, at), rest.ptr + at + 1,
	    ag_str_starts(text, "inet6:") ? AF_INET6 : AF_INET);
}

int
ag_door(void)
{
	return door;
}
