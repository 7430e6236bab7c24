/*
 * log.h - where lines go, and how one about a decision is made
 *
 * Once the writer runs, any thread may log: it leaves the line in a queue and
 * goes on, so that a syslog that stands still holds up no mail.  What the queue
 * cannot take is dropped and counted.  Before that, one thread logs, and the
 * line is written at once.
 */
#ifndef AG_LOG_H
#define AG_LOG_H

#include <syslog.h>

#include "policy/policy.h"

#define AG_LOG_LINE_MAX 8192

/*
 * facility is a name as [log] facility has it.  Lines go to syslog, and to
 * standard error as well when that is a terminal; or only there.  It may be
 * called again, and holds for the lines after it.
 */
void ag_log_open(struct ag_str ident, struct ag_str facility, bool only_stderr);

/* Starts the writer, once.  0 or an errno. */
int ag_log_start(void);

/* Writes what is in the queue, for two seconds at most, and ends the writer. */
void ag_log_stop(void);

/*
 * Lines that are not written yet, and those dropped or lost since the start.
 * Whoever asks holds up nobody.
 */
struct ag_log_counts {
	uint64_t waiting;
	uint64_t dropped;
	uint64_t lost; /* written, but there was no syslog */
};
struct ag_log_counts ag_log_counts(void);

/* Priorities of syslog(3).  What is not plain text is escaped. */
void ag_log(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes a line of key=value out of values that may hold anything. */
void ag_log_key(struct ag_buf *line, const char *key, struct ag_str value);

/*
 * Makes a line of such keys so short that it comes through any syslog: RFC 3164
 * has 1,024 bytes for it and for what is put in front.  Of the longest values
 * the end is cut off, which "..." shows, but of at= none is.
 */
#define AG_LOG_LINE_FITS 900
void ag_log_fit(struct ag_buf *line);

/* ag_log_key() for a listener: its name, and its port where that is not 0. */
void ag_log_listener(struct ag_buf *line, struct ag_str listener,
    unsigned port);

#endif
