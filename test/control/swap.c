/*
 * Stands in for who owns the folder of a socket: as soon as a unix socket has
 * been bound whose path ends in SWAP, VICTIM takes its place, by a symbolic
 * link, or with HARD set by a further name.  To be preloaded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef int bind_fn(int fd, __CONST_SOCKADDR_ARG address, socklen_t len);

int
bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
	bind_fn *real = (bind_fn *)dlsym(RTLD_NEXT, "bind");
	const struct sockaddr_un *place = address.__sockaddr_un__;
	const char *end = getenv("SWAP"), *victim = getenv("VICTIM");
	int status = real(fd, address, len);
	size_t n;

	if (status != 0 || place->sun_family != AF_UNIX)
		return status;
	n = strlen(place->sun_path);
	if (n < strlen(end) ||
	    strcmp(place->sun_path + n - strlen(end), end) != 0)
		return status;
	unlink(place->sun_path);
	return getenv("HARD") != NULL ? link(victim, place->sun_path) :
					symlink(victim, place->sun_path);
}
