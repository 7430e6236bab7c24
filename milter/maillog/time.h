/*
 * time.h - the time stamps of a mail log
 *
 * With a year: "2026-11-21T12:00:00.123456+01:00" of RFC 3339 and its kin, with
 * a blank or slashes, without a zone, or with a zone's name behind a blank; and
 * seconds since 1970, "1795262400.123456".  Of syslog, mostly without: "Nov 21
 * 12:00:00", with the months' short names in English, German, French, Spanish
 * and Italian, and where a year stands, in front, in the middle or behind.
 * What has no zone is local time.
 */
#ifndef AG_LOGTIME_H
#define AG_LOGTIME_H

#include "policy/base/text.h"

/* The last hour that was looked up: the zone's rules cost time. */
struct ag_loghour {
	int year, month, day, hour; /* month 1 to 12; 0: none yet */
	bool utc;
	int64_t start;
};

/* One for each file; the lines come in the file's order. */
struct ag_logclock {
	int64_t end; /* nothing in the file is much later */
	int year;    /* of the last line without a year; 0: none yet */
	int month;   /* of it, 1 to 12 */
	struct ag_loghour hour;
};

/* Clocks differ, and a file is written after its last line was: in seconds. */
#define AG_LOGTIME_SLACK (INT64_C(2) * 24 * 3600)

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
