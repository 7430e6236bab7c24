/*
 * answer.h - an answer, as libmilter wants it; the only place that knows
 * smfi_setreply() and SMFIS_*
 */
#ifndef AG_ANSWER_H
#define AG_ANSWER_H

#include <libmilter/mfapi.h>

#include "milter/session/session.h"

/*
 * Sets the reply and returns what the callback returns.  Should libmilter not
 * take the reply, the refusal stands with the MTA's own words, and a line is
 * logged.
 */
sfsistat ag_answer_give(SMFICTX *ctx, const struct ag_answer *answer);

#endif
