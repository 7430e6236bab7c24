/*
 * limits.h - as many connections as the system allows, and what happens at its
 * end
 *
 * Some descriptors are set aside, for reading files and for the log.  A
 * connection that would take one of them is not judged: on_error answers it.
 * Where there are no descriptors at all, accept(), which libmilter calls, is
 * defined here, in front of the C library's: it hangs up, so that the MTA's own
 * default action holds at once and not after a timeout.  accept4(), by which
 * all others take connections, is defined here too: they would ask again
 * without a pause.  Of what is short the log tells once a minute.
 */
#ifndef AG_LIMITS_H
#define AG_LIMITS_H

#include "milter/base/count.h"

/*
 * Raises the number of descriptors as far as it goes; small stacks and few
 * arenas for the threads that are made from now on.
 */
void ag_limits_set(void);

/*
 * How many descriptors a connection takes at most, at least 1, and how many are
 * taken by what is no connection's, beside those that are always set aside.  At
 * the start: 1 and 0.
 */
void ag_limits_reckon(unsigned each, unsigned aside);

/*
 * Takes a connection from a listening socket, with flags of accept4(2).  -1
 * with errno; without a descriptor it hangs up on who waits.
 */
int ag_limits_accept(int listener, int flags);

/* Whether there is room for one more connection than there are. */
bool ag_limits_have_room(void);

/* Remembers a shortage, and logs a line unless one came less than a minute ago.
 */
void ag_limits_report(enum ag_shortage shortage);

/* Logs what was remembered and is not said yet, when its minute is over. */
void ag_limits_tell(void);

#endif
