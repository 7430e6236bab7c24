#include "keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "archivedir.h"
#include "log.h"
#include "store.h"

#define SECONDS_BETWEEN 3600
#define DAY_SECONDS 86400

/* What a file takes at least, and a multiple of which it takes. */
#define BLOCK 4096

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wish = PTHREAD_COND_INITIALIZER;
static pthread_t thread;
static bool running;
static bool woken;
static atomic_bool ending;

/* A day in a directory. */
struct shelf {
	const char *dir;
	int64_t start;
	char day[AG_DAY_MAX];
	uint64_t bytes;
};

/* ---- removing ---- */

/* 0 or errno; EINTR at the end of the program, and the rest is for the next. */
static int
remove_tree(char *path)
{
	char *paths[] = { path, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const FTSENT *entry;
	int error = 0;

	if (fts == NULL)
		return errno;
	while (!ending && (entry = fts_read(fts)) != NULL) {
		bool folder = entry->fts_info == FTS_DP;

		if (entry->fts_info != FTS_D &&
		    (folder ? rmdir(entry->fts_accpath) :
			      unlink(entry->fts_accpath)) != 0)
			error = errno;
	}
	fts_close(fts);
	return ending ? EINTR : error;
}

/*
 * Somebody else may have directories of such names, where the archive was put
 * among them.  What is left of a removal that was cut short may be empty.
 */
static bool
is_ours(const char *path)
{
	DIR *open = opendir(path);
	const struct dirent *entry;
	unsigned ours = 0, others = 0;

	if (open == NULL)
		return false;
	while ((entry = readdir(open)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, "new") == 0 || strcmp(name, "cur") == 0 ||
		    strcmp(name, "tmp") == 0)
			ours++;
		else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			others++;
	}
	closedir(open);
	return ours > 0 || others == 0;
}

static bool
remove_shelf(const struct shelf *shelf, const char *why)
{
	char path[PATH_MAX];
	int error = ENAMETOOLONG;

	if (snprintf(path, sizeof(path), "%s/%s", shelf->dir, shelf->day) <
	    (int)sizeof(path))
		error = remove_tree(path);
	if (error != 0 && error != EINTR)
		ag_log(LOG_ERR, "archive: %s/%s cannot be removed: %s",
		    shelf->dir, shelf->day, strerror(error));
	else if (error == 0)
		ag_log(LOG_INFO, "archive: %s/%s is removed, %s", shelf->dir,
		    shelf->day, why);
	return error == 0;
}

/* ---- what there is ---- */

static void
add_file(void *arg, int at, const char *name)
{
	struct shelf *shelf = arg;
	struct ag_copyname parts;
	uint64_t size = 0;
	struct stat st;

	if (ag_copyname_read(ag_str(name), &parts) && parts.whole)
		size = parts.size;
	else if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		size = (uint64_t)st.st_size;
	shelf->bytes += (size / BLOCK + 1) * BLOCK;
}

static void
weigh(struct shelf *shelf)
{
	static const char *const sub[] = { "new", "cur", "tmp" };

	for (size_t i = 0; i < 3; i++)
		ag_archivedir_each(shelf->dir, shelf->day, sub[i], add_file,
		    shelf);
}

static void
add_shelf(struct ag_vec *shelves, const char *dir, const char *day)
{
	char path[PATH_MAX];
	struct shelf *shelf;

	if (snprintf(path, sizeof(path), "%s/%s", dir, day) >=
		(int)sizeof(path) ||
	    !is_ours(path))
		return;
	shelf = ag_vec_add(shelves, sizeof(*shelf));
	if (shelf == NULL)
		return;
	shelf->dir = dir;
	memcpy(shelf->day, day, sizeof(shelf->day));
	ag_day_read(ag_str(shelf->day), &shelf->start);
}

/* Whose directory is not there has no old copies. */
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

static void
find_shelves(const struct ag_policy *policy, struct ag_vec *shelves)
{
	size_t n;
	const struct ag_archive *archive = ag_archives(policy, &n);

	for (size_t i = 0; i < n; i++)
		add_directory(shelves, archive[i].dir);
	if (shelves->n > 0)
		qsort(shelves->items, shelves->n, sizeof(struct shelf),
		    compare_shelves);
}

/* ---- what goes ---- */

static bool
is_over(const struct shelf *shelf, int64_t now, int64_t retention)
{
	return retention > 0 && shelf->start + DAY_SECONDS + retention <= now;
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

static void
keep_to_max(struct shelf *shelf, size_t n, int64_t now, uint64_t max)
{
	uint64_t total = total_of(shelf, n);

	for (; n > 0 && total > max && shelf->start + DAY_SECONDS <= now;
	     shelf++, n--)
		if (remove_shelf(shelf, "max_total"))
			total -= shelf->bytes;
	if (total > max)
		ag_log(LOG_WARNING,
		    "archive: %llu bytes are kept, more than max_total, and "
		    "nothing older than today can go",
		    (unsigned long long)total);
}

static void
tidy(const struct ag_policy *policy, int64_t now)
{
	int64_t retention = ag_policy_time(policy, AG_KEY_ARCHIVE_RETENTION);
	uint64_t max = ag_policy_size(policy, AG_KEY_ARCHIVE_MAX_TOTAL);
	struct ag_vec shelves = { 0 };
	struct shelf *shelf;
	size_t gone = 0;

	if (retention == 0 && max == 0)
		return;
	find_shelves(policy, &shelves);
	if (shelves.n == 0)
		return;
	shelf = shelves.items;
	while (gone < shelves.n && is_over(&shelf[gone], now, retention))
		remove_shelf(&shelf[gone++], "retention");
	if (max > 0)
		keep_to_max(shelf + gone, shelves.n - gone, now, max);
	ag_vec_free(&shelves);
}

/* ---- the thread ---- */

/* False at the end. */
static bool
wait_for_wish(void)
{
	struct timespec until;
	bool go_on;

	clock_gettime(CLOCK_REALTIME, &until);
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

		tidy(snapshot.policy, time(NULL));
		ag_policy_unref(snapshot.policy);
	} while (wait_for_wish());
	return NULL;
}

int
ag_keeper_start(void)
{
	int error = pthread_create(&thread, NULL, run_keeper, NULL);

	running = error == 0;
	return error;
}

void
ag_keeper_wake(void)
{
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
