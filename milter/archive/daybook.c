/* daybook.c - decides which days are over, whatever the clock says */
#include "milter/archive/daybook.h"

#include <time.h>

#define HOUR 3600

/* How far off the clock may be, and how long it is doubted when it is more. */
#define NEAR (7 * AG_DAY_SECONDS)
#define PATIENCE (7 * AG_DAY_SECONDS)

struct ag_moment
ag_moment_now(void)
{
	struct timespec wall, steady;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &steady);
	return (struct ag_moment){ wall.tv_sec, steady.tv_sec };
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- whether the clock is believed ---- */

/* What the wall says when it goes on from there. */
static int64_t
go_on(struct ag_moment from, struct ag_moment to)
{
	return from.wall + (to.steady - from.steady);
}

static bool
is_near(int64_t a, int64_t b)
{
	return a - b <= NEAR && b - a <= NEAR;
}

/* The copies are of the newest day, or came since its end. */
static struct ag_moment
first_good(struct ag_moment moment, int64_t newest)
{
	int64_t end = newest + AG_DAY_SECONDS;

	if (newest != AG_NO_TIME)
		moment.wall =
		    moment.wall < newest ? newest : earlier(moment.wall, end);
	return moment;
}

static bool
is_believed(struct ag_daybook *book, struct ag_moment moment)
{
	if (is_near(moment.wall, go_on(book->good, moment)))
		return true;
	/* when it has been set once more, the time begins anew */
	if (!book->doubts ||
	    !is_near(moment.wall, go_on(book->doubted, moment)))
		book->doubted = moment;
	return moment.steady - book->doubted.steady >= PATIENCE;
}

/* ---- what is over for an hour ---- */

/* What all looks since the one before the last hour agree on. */
static int64_t
settle(struct ag_daybook *book, struct ag_moment moment)
{
	book->least = earlier(book->least, moment.wall);
	if (moment.steady - book->hour_began >= HOUR) {
		book->settled = true;
		book->least_before = book->least;
		book->least = moment.wall;
		book->hour_began = moment.steady;
	}
	return book->settled ? earlier(book->least_before, book->least) :
			       AG_NO_TIME;
}

struct ag_look_back
ag_daybook_look(struct ag_daybook *book, struct ag_moment moment,
    int64_t newest)
{
	struct ag_look_back look;

	if (!book->begun) {
		book->begun = true;
		book->good = first_good(moment, newest);
		book->hour_began = moment.steady;
		book->least = moment.wall;
	}
	look.expected = go_on(book->good, moment);
	look.doubts = !is_believed(book, moment);
	look.news = look.doubts != book->doubts;
	look.now = settle(book, moment);
	book->doubts = look.doubts;
	if (look.doubts)
		look.now = AG_NO_TIME;
	else
		book->good = moment;
	return look;
}

bool
ag_day_is_over(int64_t start, int64_t seconds, int64_t now, int64_t idle)
{
	int64_t least = seconds > AG_DAY_SECONDS ? seconds : AG_DAY_SECONDS;

	if (now == AG_NO_TIME || start + AG_DAY_SECONDS + seconds > now)
		return false;
	return idle == AG_NO_TIME || idle >= least;
}
