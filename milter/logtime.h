/*
 * logtime.h - the time stamps of a mail log
 *
 * Two forms: "Nov 21 12:00:00", local time, which has no year; and RFC 3339
 * with the spellings of journalctl, "2026-11-21T12:00:00.123456+01:00" and
 * "2026-11-21T12:00:00+0100".
 */
#ifndef AG_LOGTIME_H
#define AG_LOGTIME_H

#include "../policy/text.h"

/* One for each file; the lines come in the file's order. */
struct ag_logclock {
	int64_t end;  /* nothing in the file is much later */
	int year;     /* of the last line without a year; 0: none yet */
	int month;    /* of it, 1 to 12 */
	char hour[9]; /* as it was written, "Nov 21 12" without terminator */
	int64_t hour_start;
};

/* end is when the file was last written, in seconds since 1970. */
void ag_logclock_begin(struct ag_logclock *clock, int64_t end);

/*
 * Takes a time stamp and the blanks behind it off the front of *line.  False,
 * with nothing taken, when there is none.
 *
 * A stamp without a year is of the last year that does not put the first line
 * of the file behind its end; where December turns into January the next year
 * begins.  So one file must not hold more than a year.
 */
bool ag_logtime_take(struct ag_logclock *clock, struct ag_str *line,
    int64_t *time);

#endif
