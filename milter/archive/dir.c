/* dir.c - opens and checks an archive's directories */
#include "milter/archive/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/archive/day.h"
#include "milter/base/limits.h"
#include "milter/base/log.h"

#define MODE 0700

/* What this process has made ready; never given back. */
struct place {
	char *dir;
	int lock; /* as long as the process runs; -1: it has it by another name
		   */
	char day[AG_DAY_MAX]; /* the last that was made */
	struct place *next;
};

/* A day of which there are copies that this process wrote. */
struct written {
	char day[AG_DAY_MAX];
	int64_t at; /* the last of them; by the steady clock */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct place *places;
static struct ag_vec written; /* struct written; never given back */

static struct place *
find_place(const char *dir)
{
	struct place *place = places;

	while (place != NULL && strcmp(place->dir, dir) != 0)
		place = place->next;
	return place;
}

/* ---- making ---- */

static int
sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;

	if (fd < 0)
		return errno;
	error = fsync(fd) == 0 ? 0 : errno;
	close(fd);
	return error;
}

static int
sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%.*s",
	    slash > path ? (int)(slash - path) : 1, path);
	return sync_folder(parent);
}

/* A directory that is there may have been made and not synced before a crash.
 */
static int
make_one(const char *path)
{
	if (mkdir(path, MODE) != 0 && errno != EEXIST)
		return errno;
	return sync_parent(path);
}

/* With all above it that are missing; 0 or errno. */
static int
make_all(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;

	if (strlen(dir) >= sizeof(path))
		return ENAMETOOLONG;
	for (size_t i = 1; i <= strlen(dir); i++) {
		if (dir[i] != '/' && dir[i] != '\0')
			continue;
		snprintf(path, sizeof(path), "%.*s", (int)i, dir);
		if (stat(path, &st) != 0) {
			int error = errno == ENOENT ? make_one(path) : errno;

			if (error != 0)
				return error;
		} else if (!S_ISDIR(st.st_mode)) {
			return ENOTDIR;
		}
	}
	return 0;
}

static int
check(const char *dir)
{
	return faccessat(AT_FDCWD, dir, R_OK | W_OK | X_OK, AT_EACCESS) == 0 ?
	    0 :
	    errno;
}

/* A descriptor, or -1 and errno: ELOOP for a link, or what is no folder. */
static int
open_below(int at, const char *name)
{
	int fd =
	    openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOTDIR)
		errno = ELOOP;
	return fd;
}

/* As open_below(); the descriptor before is closed, if there was one. */
static int
go_below(int at, const char *name)
{
	int fd = at >= 0 ? open_below(at, name) : -1, error = errno;

	if (at >= 0)
		close(at);
	errno = error;
	return fd;
}

int
ag_archivedir_open(const char *dir, const char *day, const char *sub)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return go_below(go_below(at, day), sub);
}

/* A descriptor, or -1 and errno; who syncs at, makes it survive a crash. */
static int
make_below(int at, const char *name)
{
	if (mkdirat(at, name, MODE) != 0 && errno != EEXIST)
		return -1;
	return open_below(at, name);
}

/* What is there may have been made and not synced before a crash. */
static int
fill_day(int day)
{
	static const char *const sub[] = { "tmp", "new", "cur" };

	for (size_t i = 0; i < 3; i++) {
		int fd = make_below(day, sub[i]);

		if (fd < 0)
			return errno;
		close(fd);
	}
	return fsync(day) == 0 ? 0 : errno;
}

static int
make_maildir(const char *dir, const char *day)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, error;

	if (at < 0)
		return errno;
	fd = make_below(at, day);
	error = fd < 0 || fsync(at) != 0 ? errno : 0;
	if (error == 0)
		error = fill_day(fd);
	if (fd >= 0)
		close(fd);
	close(at);
	return error;
}

/* ---- looking ---- */

int
ag_archivedir_see(struct ag_vec *seen, const char *dir, const char **same)
{
	struct ag_archivedir_seen *known = seen->items;
	struct stat st;

	*same = NULL;
	if (stat(dir, &st) != 0)
		return errno;
	for (size_t i = 0; i < seen->n; i++)
		if (known[i].ino == st.st_ino && known[i].dev == st.st_dev) {
			*same = known[i].dir;
			return 0;
		}
	known = ag_vec_add(seen, sizeof(*known));
	if (known == NULL)
		return ENOMEM;
	*known = (struct ag_archivedir_seen){ dir, st.st_dev, st.st_ino };
	return 0;
}

static int
compare_days(const void *a, const void *b)
{
	const struct ag_archivedir_day *x = a, *y = b;

	return strcmp(x->day, y->day);
}

static int
add_day(struct ag_vec *days, const char *name)
{
	struct ag_archivedir_day *day;
	int64_t start;

	if (!ag_day_read(ag_str(name), &start))
		return 0;
	day = ag_vec_add(days, sizeof(*day));
	if (day == NULL)
		return ENOMEM;
	memcpy(day->day, name, sizeof(day->day));
	return 0;
}

int
ag_archivedir_days(const char *dir, struct ag_vec *days)
{
	DIR *open = opendir(dir);
	struct dirent *entry;
	int error = 0;

	if (open == NULL)
		return errno;
	while (error == 0 && (errno = 0, entry = readdir(open)) != NULL)
		error = add_day(days, entry->d_name);
	if (error == 0)
		error = errno;
	closedir(open);
	if (days->n > 0)
		qsort(days->items, days->n, sizeof(struct ag_archivedir_day),
		    compare_days);
	return error;
}

static bool
join(char path[static PATH_MAX], const char *dir, const char *day,
    const char *sub)
{
	int n = snprintf(path, PATH_MAX, "%s/%s/%s", dir, day, sub);

	return n > 0 && n < PATH_MAX;
}

int
ag_archivedir_each(const char *dir, const char *day, const char *sub,
    void (*file)(void *arg, int at, const char *name), void *arg)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *open;
	int error;

	if (!join(path, dir, day, sub))
		return ENAMETOOLONG;
	open = opendir(path);
	if (open == NULL)
		return errno;
	while ((errno = 0, entry = readdir(open)) != NULL)
		if (entry->d_name[0] != '.')
			file(arg, dirfd(open), entry->d_name);
	error = errno;
	closedir(open);
	return error;
}

/* ---- what a crash has left ---- */

static void
remove_leftovers(const char *dir)
{
	struct ag_vec days = { 0 };
	const struct ag_archivedir_day *day;
	unsigned removed = 0;

	ag_archivedir_days(dir, &days);
	day = days.items;
	for (size_t i = 0; i < days.n; i++)
		removed += ag_archiveday_remove_unfinished(dir, day[i].day);
	ag_vec_free(&days);
	if (removed > 0)
		ag_log(LOG_NOTICE,
		    "archive: %u unfinished copies removed from %s", removed,
		    dir);
}

/* Whether the directory is locked under another name. */
static bool
is_locked(int fd)
{
	struct stat mine, other;

	if (fstat(fd, &mine) != 0)
		return false;
	for (const struct place *place = places; place != NULL;
	    place = place->next)
		if (place->lock >= 0 && fstat(place->lock, &other) == 0 &&
		    other.st_ino == mine.st_ino && other.st_dev == mine.st_dev)
			return true;
	return false;
}

static int
try_lock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
}

/* The next daemon may begin while the one before still ends. */
static int
wait_for_lock(int fd, const char *dir, unsigned seconds)
{
	int error = try_lock(fd);

	if (error == EWOULDBLOCK && seconds > 0)
		ag_log(LOG_NOTICE,
		    "archive: another authgate keeps copies in %s; waiting "
		    "for its end",
		    dir);
	for (unsigned i = 0; error == EWOULDBLOCK && i < 10 * seconds; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000 * 1000 },
		    NULL);
		error = try_lock(fd);
	}
	return error;
}

/* Who keeps copies holds the lock of the directory, and may tidy up. */
static int
lock_place(struct place *place, unsigned seconds)
{
	int error;

	place->lock = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->lock < 0)
		return errno;
	if (is_locked(place->lock)) {
		close(place->lock);
		place->lock = -1;
		return 0;
	}
	error = wait_for_lock(place->lock, place->dir, seconds);
	if (error == 0)
		remove_leftovers(place->dir);
	if (error == EWOULDBLOCK)
		close(place->lock);
	/* where there are no locks, nothing has been tidied up either */
	return error == EWOULDBLOCK ? error : 0;
}

static int
add_place(const char *dir, unsigned seconds)
{
	struct place *place = calloc(1, sizeof(*place));
	int error;

	if (place == NULL)
		return ENOMEM;
	place->dir = strdup(dir);
	error = place->dir == NULL ? ENOMEM : lock_place(place, seconds);
	if (error != 0) {
		free(place->dir);
		free(place);
		return error;
	}
	place->next = places;
	places = place;
	return 0;
}

/* ---- a day ---- */

/* From the last on: mostly it is that one.  NULL: none. */
static struct written *
find_written(const char *day)
{
	struct written *known = written.items;

	for (size_t i = written.n; i > 0; i--)
		if (strcmp(known[i - 1].day, day) == 0)
			return &known[i - 1];
	return NULL;
}

/* 0 or errno. */
static int
note_written(const char *day)
{
	struct written *known = find_written(day);

	if (known == NULL) {
		known = ag_vec_add(&written, sizeof(*known));
		if (known == NULL)
			return ENOMEM;
		snprintf(known->day, sizeof(known->day), "%s", day);
	}
	known->at = ag_moment_now().steady;
	return 0;
}

int64_t
ag_archivedir_idle(const char *day)
{
	const struct written *known;
	int64_t idle = AG_NO_TIME;

	pthread_mutex_lock(&mutex);
	known = find_written(day);
	if (known != NULL)
		idle = ag_moment_now().steady - known->at;
	pthread_mutex_unlock(&mutex);
	return idle;
}

/* What could not be made ready before may have become fit for it. */
static int
make_day(const char *dir, const char *day, bool again)
{
	int error = find_place(dir) != NULL ? 0 : add_place(dir, 0);
	struct place *place = find_place(dir);

	if (error != 0 || (!again && strcmp(place->day, day) == 0))
		return error;
	error = make_maildir(dir, day);
	if (error == 0)
		snprintf(place->day, sizeof(place->day), "%s", day);
	return error;
}

int
ag_archivedir_make_day(const char *dir, const char *day, bool again)
{
	int error;

	pthread_mutex_lock(&mutex);
	error = note_written(day);
	if (error == 0)
		error = make_day(dir, day, again);
	pthread_mutex_unlock(&mutex);
	return error;
}

/* ---- making ready ---- */

/*
 * What has been made ready before and is gone is perhaps in a file system that
 * is not mounted now: it is not made in its place.
 */
static int
prepare(const char *dir, unsigned seconds)
{
	bool known;
	int error;

	pthread_mutex_lock(&mutex);
	known = find_place(dir) != NULL;
	error = known ? 0 : make_all(dir);
	if (error == 0)
		error = check(dir);
	if (error == 0 && !known)
		error = add_place(dir, seconds);
	pthread_mutex_unlock(&mutex);
	return error;
}

/* A message whose copy is written takes a descriptor, beside its connection. */
static void
reckon_descriptors(const struct ag_policy *policy)
{
	unsigned locks = 0;

	pthread_mutex_lock(&mutex);
	for (const struct place *place = places; place != NULL;
	    place = place->next)
		locks += place->lock >= 0;
	pthread_mutex_unlock(&mutex);
	ag_limits_reckon(ag_archives_any(policy) ? 2 : 1, locks);
}

const char *
ag_archivedir_reason(int error)
{
	if (error == ELOOP)
		return "a folder of the day is a link, or none";
	if (error == EWOULDBLOCK)
		return "another authgate keeps copies there; stop it, or give "
		       "each an [archive] dir of its own";
	return strerror(error);
}

static int
exit_status(int error)
{
	if (error == EWOULDBLOCK)
		return EX_TEMPFAIL;
	return error == EACCES || error == EPERM ? EX_NOPERM : EX_CANTCREAT;
}

int
ag_archivedir_prepare(const struct ag_policy *policy, unsigned seconds)
{
	size_t n;
	const struct ag_archive *archive = ag_archives(policy, &n);
	int status = 0;

	for (size_t i = 0; i < n; i++) {
		int error =
		    archive[i].kept ? prepare(archive[i].dir, seconds) : 0;

		if (error == 0)
			continue;
		ag_log(LOG_ERR, "archive: cannot keep copies in %s: %s",
		    archive[i].dir, ag_archivedir_reason(error));
		status = exit_status(error);
	}
	reckon_descriptors(policy);
	return status;
}
