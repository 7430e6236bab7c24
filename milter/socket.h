/*
 * socket.h - the socket on which the MTA finds the milter, as fixed.h has it
 */
#ifndef AG_SOCKET_H
#define AG_SOCKET_H

/*
 * Makes libmilter listen where [milter] socket says, with mode and group.  A
 * stale unix socket is replaced; one that somebody answers on is not.  Returns
 * 0, or an exit status after a line of what is wrong, and then leaves no socket
 * of its own.
 */
int ag_socket_open(void);

/*
 * Connects to the socket and hangs up.  libmilter looks for a wish to stop only
 * when somebody connects, or every five seconds.
 */
void ag_socket_knock(void);

/* Removes a unix socket, as far as that is permitted. */
void ag_socket_remove(void);

#endif
