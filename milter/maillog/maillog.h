/*
 * maillog.h - reads the log of a mail server and gives out its messages
 *
 * It knows what Postfix, Sendmail and authgate log, and nothing of a policy.
 * What a line says is put together by queue id; a message is given out when the
 * MTA is done with it, when too many are under way, or at the end.  So memory
 * is bounded by what is under way.  Each message that begins is given out once,
 * whatever became of it.  Lines of anything else are counted and passed over,
 * and nothing that a line holds can end the reading.
 */
#ifndef AG_MAILLOG_H
#define AG_MAILLOG_H

#include "milter/maillog/book.h"

/* False when there is no memory.  free may be called all the same. */
bool ag_maillog_begin(struct ag_maillog *log, ag_mail_fn *done, void *arg);
void ag_maillog_free(struct ag_maillog *log);

/* A file begins, which was last written at end (seconds since 1970). */
void ag_maillog_file(struct ag_maillog *log, int64_t end);

/* A line without its newline. */
void ag_maillog_line(struct ag_maillog *log, struct ag_str line);

/* Nothing comes any more: gives out what is under way. */
void ag_maillog_end(struct ag_maillog *log);

#endif
