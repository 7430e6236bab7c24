/*
 * log.h - where lines go, and how one about a decision is made
 *
 * Any thread may call it after ag_log_open().
 */
#ifndef AG_LOG_H
#define AG_LOG_H

#include <syslog.h>

#include "../policy/policy.h"

#define AG_LOG_LINE_MAX 8192

/*
 * facility is a name as [log] facility has it.  Lines go to syslog, and to
 * standard error as well when that is a terminal; or only there.  It may be
 * called again, by one thread at a time.
 */
void ag_log_open(struct ag_str ident, struct ag_str facility, bool only_stderr);

/* Priorities of syslog(3). */
void ag_log(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes a line of key=value out of values that may hold anything. */
void ag_log_key(struct ag_buf *line, const char *key, struct ag_str value);

#endif
