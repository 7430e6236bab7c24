/*
 * socket.h - the socket on which the MTA finds the milter, as fixed.h has it
 */
#ifndef AG_SOCKET_H
#define AG_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * How who speaks the protocol listens at a place such as unix:PATH or
 * inet:PORT@HOST; what stands at a path is replaced where that is said.  False
 * with errno, or 0 where that is not known.
 */
typedef bool ag_socket_listen_fn(const char *place, bool replace);

/*
 * Listens where [milter] socket says, with mode and group.  A stale unix socket
 * is replaced; one that somebody answers on is not.  Returns 0, or an exit
 * status after a line of what is wrong, and then leaves no socket of its own.
 */
int ag_socket_open(ag_socket_listen_fn *listen);

/*
 * The umask with which bind() makes a socket of that mode.
 */
mode_t ag_socket_umask(mode_t mode);

/*
 * A descriptor of a unix socket that this process has bound, for the two below;
 * -1 with errno.  While it is open, no other file gets its inode's number.
 */
int ag_socket_mark(const char *path);

/*
 * Gives it its mode, owner and group; -1 leaves the latter two.  In a folder of
 * somebody else another file, or a link to one, may stand there by now: that is
 * left as it is.  False with errno; a mark of -1 leaves that alone.
 */
bool ag_socket_give(int mark, mode_t mode, uid_t uid, gid_t gid);

/*
 * Removes it, as far as that is permitted, unless something else stands there
 * by now, such as the socket of the next daemon.  *mark becomes -1.
 */
void ag_socket_take_away(const char *path, int *mark);

/*
 * Connects to the socket and hangs up.  libmilter looks for a wish to stop only
 * when somebody connects, or every five seconds.
 */
void ag_socket_knock(void);

/* Removes our unix socket, as far as that is permitted. */
void ag_socket_remove(void);

#endif
