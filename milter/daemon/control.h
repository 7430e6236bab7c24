/*
 * control.h - the socket on which "authgate status" and "authgate reload" find
 * the daemon
 *
 * It stands beside the milter's unix socket, with ".control" behind its name;
 * for an inet socket it is /run/authgate/PORT.control.  Root, the daemon's user
 * and socket_group can connect.  Of the clients see controlclients.h.
 */
#ifndef AG_CONTROL_H
#define AG_CONTROL_H

#include <stdbool.h>

/*
 * Before the privileges are dropped.  -1 after a line: the daemon does without.
 */
int ag_control_open(void);

/* Removes it, as far as that is permitted. */
void ag_control_remove(void);

#endif
