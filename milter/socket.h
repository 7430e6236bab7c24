/*
 * socket.h - the socket on which the MTA finds the milter, as fixed.h has it
 */
#ifndef AG_SOCKET_H
#define AG_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Makes libmilter listen where [milter] socket says, with mode and group.  A
 * stale unix socket is replaced; one that somebody answers on is not.  Returns
 * 0, or an exit status after a line of what is wrong, and then leaves no socket
 * of its own.
 */
int ag_socket_open(void);

/*
 * The umask with which bind() makes a socket of that mode.
 */
mode_t ag_socket_umask(mode_t mode);

/*
 * Gives a unix socket that this process has bound its mode, owner and group; -1
 * leaves the latter two.  In a folder of somebody else another file, or a link
 * to one, may stand there by now: that is left as it is.  False with errno.
 */
bool ag_socket_give(const char *path, mode_t mode, uid_t uid, gid_t gid);

/*
 * Connects to the socket and hangs up.  libmilter looks for a wish to stop only
 * when somebody connects, or every five seconds.
 */
void ag_socket_knock(void);

/* Removes a unix socket, as far as that is permitted. */
void ag_socket_remove(void);

#endif
