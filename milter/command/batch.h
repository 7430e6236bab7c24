/*
 * batch.h - "authgate explain --batch": JSON lines in, JSON lines out
 */
#ifndef AG_BATCH_H
#define AG_BATCH_H

#include <stdio.h>

#include "policy/policy.h"

/*
 * Answers every line of in on out, in order.  Returns EX_OK, EX_USAGE when some
 * line could not be read, or EX_IOERR.
 */
int ag_batch(const struct ag_policy *policy, FILE *in, FILE *out);

#endif
