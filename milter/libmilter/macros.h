/*
 * macros.h - which macros the MTA is asked for, and at which stage
 *
 * A list replaces the MTA's own of that stage, and with Postfix the first list
 * empties all others: every stage that needs one has one.  So main.cf needs no
 * milter_*_macros, and what stands there does no harm.
 */
#ifndef AG_MACROS_H
#define AG_MACROS_H

#include <stdbool.h>

#include <libmilter/mfapi.h>

/*
 * Call it while negotiating; with the MTA's own name, and which MTA it is, if
 * they are needed; with the queue id before the header comes if something is
 * said or kept then; with client certificates if one can be a login.  False
 * when libmilter has no memory.
 */
bool ag_macros_ask(SMFICTX *ctx, bool name, bool queue_id, bool certificates);

/* The value or NULL; good until the end of the callback. */
const char *ag_macro(SMFICTX *ctx, const char *name);

#endif
