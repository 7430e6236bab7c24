/* keeper.c - the thread that removes copies that are too old or too many */
#include "milter/archive/keeper.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/base/number.h"
#include "milter/archive/day.h"
#include "milter/archive/dir.h"
#include "milter/base/log.h"
#include "milter/base/store.h"

#define SECONDS_BETWEEN 3600

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_cond_t wish;
static pthread_t thread;
static bool running;
static bool woken;
static atomic_bool ending;

/* A day in a directory. */
struct shelf {
	const char *dir;
	int64_t start;
	char day[AG_DAY_MAX];
	uint64_t bytes; /* what the copies in it take */
	bool tried;     /* to remove it, in this round */
	bool gone;
};

/* ---- removing ---- */

/* char *: days of which the log has told that they stay; never given back */
static struct ag_vec told;

/* Once a process: it may be so for ever. */
static void
tell_that_it_stays(const char *path)
{
	char **known = told.items, **place;

	for (size_t i = 0; i < told.n; i++)
		if (known[i] != NULL && strcmp(known[i], path) == 0)
			return;
	ag_log(LOG_WARNING,
	    "archive: %s stays: there is something in it that is no copy",
	    path);
	place = ag_vec_add(&told, sizeof(*place));
	if (place != NULL)
		*place = strdup(path);
}

static void
tell(const struct shelf *shelf, const char *why, int error)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", shelf->dir, shelf->day);
	if (error == 0)
		ag_log(LOG_INFO, "archive: %s is removed, %s", path, why);
	else if (error == ENOTEMPTY)
		tell_that_it_stays(path);
	else if (error != EINTR && error != ENOENT)
		ag_log(LOG_ERR, "archive: %s cannot be removed: %s", path,
		    strerror(error));
}

static void
remove_shelf(struct shelf *shelf, const char *why)
{
	int error = ag_archiveday_remove(shelf->dir, shelf->day, &ending);

	tell(shelf, why, error);
	shelf->tried = true;
	shelf->gone = error == 0 || error == ENOENT;
}

/* ---- what there is ---- */

static void
add_shelf(struct ag_vec *shelves, const char *dir, const char *day)
{
	struct shelf *shelf;

	if (!ag_archiveday_is_there(dir, day))
		return;
	shelf = ag_vec_add(shelves, sizeof(*shelf));
	if (shelf == NULL)
		return;
	shelf->dir = dir;
	memcpy(shelf->day, day, sizeof(shelf->day));
	ag_day_read(ag_str(shelf->day), &shelf->start);
}

static void
add_directory(struct ag_vec *shelves, const char *dir)
{
	struct ag_vec days = { 0 };
	const struct ag_archivedir_day *day;

	ag_archivedir_days(dir, &days);
	day = days.items;
	for (size_t i = 0; i < days.n; i++)
		add_shelf(shelves, dir, day[i].day);
	ag_vec_free(&days);
}

static int
compare_shelves(const void *a, const void *b)
{
	const struct shelf *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Whose directory is not there has no old copies. */
static void
find_shelves(const struct ag_policy *policy, struct ag_vec *shelves)
{
	size_t n;
	const struct ag_archive *archive = ag_archives(policy, &n);
	struct ag_vec seen = { 0 };
	const char *same;

	for (size_t i = 0; i < n; i++)
		if (ag_archivedir_see(&seen, archive[i].dir, &same) == 0 &&
		    same == NULL)
			add_directory(shelves, archive[i].dir);
	ag_vec_free(&seen);
	if (shelves->n > 0)
		qsort(shelves->items, shelves->n, sizeof(struct shelf),
		    compare_shelves);
}

/* ---- what goes ---- */

/* For so many seconds; with 0, as soon as the day has come to its end. */
static bool
is_over(const struct shelf *shelf, int64_t now, int64_t seconds)
{
	return ag_day_is_over(shelf->start, seconds, now,
	    ag_archivedir_idle(shelf->day));
}

static void
weigh(struct shelf *shelf)
{
	shelf->bytes =
	    shelf->gone ? 0 : ag_archiveday_weigh(shelf->dir, shelf->day);
}

static uint64_t
total_of(struct shelf *shelf, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++) {
		weigh(&shelf[i]);
		total += shelf[i].bytes;
	}
	return total;
}

/* Of a day that cannot be removed, some copies may be gone all the same. */
static void
keep_to_max(struct shelf *shelf, size_t n, int64_t now, uint64_t max)
{
	uint64_t total = total_of(shelf, n);

	for (; n > 0 && total > max && !ending; shelf++, n--) {
		if (shelf->tried || !is_over(shelf, now, 0))
			continue;
		total -= shelf->bytes;
		remove_shelf(shelf, "max_total");
		weigh(shelf);
		total += shelf->bytes;
	}
	if (total > max && !ending)
		ag_log(LOG_WARNING,
		    "archive: %llu bytes are kept, more than max_total, and "
		    "no further day can go yet",
		    (unsigned long long)total);
}

static void
tidy(const struct ag_policy *policy, const struct ag_vec *shelves, int64_t now)
{
	int64_t retention = ag_policy_time(policy, AG_KEY_ARCHIVE_RETENTION);
	uint64_t max = ag_policy_size(policy, AG_KEY_ARCHIVE_MAX_TOTAL);
	struct shelf *shelf = shelves->items;

	for (size_t i = 0; i < shelves->n && retention > 0 && !ending; i++)
		if (is_over(&shelf[i], now, retention))
			remove_shelf(&shelf[i], "retention");
	if (max > 0)
		keep_to_max(shelf, shelves->n, now, max);
}

/* ---- the clock ---- */

static struct ag_daybook daybook;

/* Of the days that were there before; AG_NO_TIME: there is none. */
static int64_t
newest_of(const struct ag_vec *shelves)
{
	const struct shelf *shelf = shelves->items;

	for (size_t i = shelves->n; i > 0; i--)
		if (ag_archivedir_idle(shelf[i - 1].day) == AG_NO_TIME)
			return shelf[i - 1].start;
	return AG_NO_TIME;
}

static void
tell_of_clock(const struct ag_look_back *look, int64_t wall)
{
	char says[AG_INSTANT_MAX], expected[AG_INSTANT_MAX];

	ag_number_write_instant(wall, says);
	ag_number_write_instant(look->expected, expected);
	if (look->doubts)
		ag_log(LOG_ERR,
		    "archive: the clock says %s, but by the newest copies and "
		    "the time that has passed it is about %s: no copies are "
		    "removed until it is right, or for the next 7 days",
		    says, expected);
	else
		ag_log(LOG_NOTICE, "archive: the clock is believed again: %s",
		    says);
}

static void
look(const struct ag_policy *policy)
{
	struct ag_moment moment = ag_moment_now();
	struct ag_vec shelves = { 0 };
	struct ag_look_back look;

	find_shelves(policy, &shelves);
	look = ag_daybook_look(&daybook, moment, newest_of(&shelves));
	if (look.news)
		tell_of_clock(&look, moment.wall);
	if (look.now != AG_NO_TIME)
		tidy(policy, &shelves, look.now);
	ag_vec_free(&shelves);
}

/* ---- the thread ---- */

/* By a clock that nobody sets: else the wait is longer when it is set back. */
static void
make_wish(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&wish, &attr);
	pthread_condattr_destroy(&attr);
}

/* False at the end. */
static bool
wait_for_wish(void)
{
	struct timespec until;
	bool go_on;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SECONDS_BETWEEN;
	pthread_mutex_lock(&mutex);
	while (!woken && !ending &&
	    pthread_cond_timedwait(&wish, &mutex, &until) == 0)
		;
	woken = false;
	go_on = !ending;
	pthread_mutex_unlock(&mutex);
	return go_on;
}

static void *
run_keeper(void *arg)
{
	(void)arg;
	do {
		struct ag_snapshot snapshot = ag_store_get();

		look(snapshot.policy);
		ag_policy_unref(snapshot.policy);
	} while (wait_for_wish());
	return NULL;
}

int
ag_keeper_start(void)
{
	int error;

	pthread_once(&once, make_wish);
	error = pthread_create(&thread, NULL, run_keeper, NULL);
	running = error == 0;
	return error;
}

void
ag_keeper_wake(void)
{
	pthread_once(&once, make_wish);
	pthread_mutex_lock(&mutex);
	woken = true;
	pthread_cond_signal(&wish);
	pthread_mutex_unlock(&mutex);
}

void
ag_keeper_stop(void)
{
	if (!running)
		return;
	ending = true;
	ag_keeper_wake();
	pthread_join(thread, NULL);
	running = false;
}
