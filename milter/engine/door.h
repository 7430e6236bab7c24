/*
 * door.h - the socket on which the engine waits for the MTA
 */
#ifndef AG_DOOR_H
#define AG_DOOR_H

#include <stdbool.h>

/*
 * An ag_socket_listen_fn: place is "unix:PATH", "inet:PORT@HOST" or
 * "inet6:PORT@HOST", and has been checked.  False with errno.
 */
bool ag_door_open(const char *place, bool replace);

/* The socket, which does not block; -1: it is not open. */
int ag_door(void);

#endif
