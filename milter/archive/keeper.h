/*
 * keeper.h - takes away old copies of mail
 *
 * A thread of its own looks at the start, once an hour, and when it is told to.
 * Whole days go, the oldest first: those that [archive] retention has run out
 * for, and as many as max_total asks for.  The day that it is stays, and all of
 * them while the clock is doubted; see daybook.h.
 */
#ifndef AG_KEEPER_H
#define AG_KEEPER_H

#include "policy/policy.h"

/* Begins with the policy in force; 0 or errno. */
int ag_keeper_start(void);

/* Has it look soon: the policy in force may be another. */
void ag_keeper_wake(void);

/* Ends it; a day that it is removing is left to the next start. */
void ag_keeper_stop(void);

#endif
