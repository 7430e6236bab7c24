/*
 * daybook.h - which days are over, by a clock that may have been set wrong
 *
 * The clock of the day is believed as long as it goes on as a clock does that
 * nobody sets, and at the start as long as it is near the newest day of copies.
 * Else it is doubted for a week.  While it is believed, what is over at all
 * looks of an hour is over.  Whoever removes days looks now and then.
 *
 * Nothing here asks a clock but ag_moment_now().  Used by one thread at a time.
 */
#ifndef AG_DAYBOOK_H
#define AG_DAYBOOK_H

#include <stdbool.h>
#include <stdint.h>

#define AG_DAY_SECONDS INT64_C(86400)
#define AG_NO_TIME INT64_MIN

/* Both in seconds; steady only goes on, from when the machine was started. */
struct ag_moment {
	int64_t wall;
	int64_t steady;
};

struct ag_moment ag_moment_now(void);

/* All zero bytes are one that has seen nothing. */
struct ag_daybook {
	bool begun;
	struct ag_moment good; /* the last that was believed */
	bool doubts;
	struct ag_moment doubted; /* the first that was not */
	int64_t hour_began;       /* steady */
	int64_t least;            /* of the walls since then */
	bool settled;             /* there was an hour before */
	int64_t least_before;
};

/* What a look has come to. */
struct ag_look_back {
	bool doubts;
	bool news;        /* it did not before, or no longer does */
	int64_t expected; /* what the clock of the day should say, about */
	int64_t now;      /* what is over by then is over; or AG_NO_TIME */
};

/* newest is the first second of the newest day, or AG_NO_TIME; at the first
 * look it counts. */
struct ag_look_back ag_daybook_look(struct ag_daybook *book,
    struct ag_moment moment, int64_t newest);

/*
 * Whether a day that begins at start is over for so many seconds by now, which
 * a look has given.  Where this process wrote to it, idle is for how long it
 * has not, by the steady clock, and that has to be as long, a day at least;
 * else AG_NO_TIME.
 */
bool ag_day_is_over(int64_t start, int64_t seconds, int64_t now, int64_t idle);

#endif
