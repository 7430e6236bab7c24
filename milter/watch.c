#include "watch.h"

#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "log.h"

#define STILL_MS 500
/* between two looks, without inotify, and with it, for links to elsewhere */
#define LOOK_MS 1000
#define SLOW_LOOK_MS 5000

#define EVENTS \
	(IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | \
	    IN_MOVED_FROM | IN_MOVED_TO)

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* The path of a name that is relative to the main file's folder. */
static void
make_path(const struct ag_watch *watch, const char *shown,
    char path[static PATH_MAX])
{
	const char *slash = strrchr(watch->config, '/');
	int folder = slash != NULL ? (int)(slash - watch->config) + 1 : 0;

	if (shown[0] == '/')
		folder = 0;
	snprintf(path, PATH_MAX, "%.*s%s", folder, watch->config, shown);
}

static int64_t
as_ns(const struct timespec *ts)
{
	return ts->tv_sec * INT64_C(1000000000) + ts->tv_nsec;
}

/* ---- looking ---- */

struct look {
	const struct ag_watch *watch;
	uint64_t sum;
	int64_t newest; /* change of a file; nanoseconds since 1970 */
};

static void
add(struct look *look, const void *data, size_t size)
{
	look->sum = XXH3_64bits_withSeed(data, size, look->sum);
}

static void
add_file(void *arg, const char *shown)
{
	struct look *look = arg;
	char path[PATH_MAX];
	struct stat st;

	make_path(look->watch, shown, path);
	add(look, shown, strlen(shown));
	if (stat(path, &st) != 0)
		return;
	add(look, &st.st_dev, sizeof(st.st_dev));
	add(look, &st.st_ino, sizeof(st.st_ino));
	add(look, &st.st_size, sizeof(st.st_size));
	add(look, &st.st_mtim, sizeof(st.st_mtim));
	add(look, &st.st_ctim, sizeof(st.st_ctim));
	if (as_ns(&st.st_ctim) > look->newest)
		look->newest = as_ns(&st.st_ctim);
}

/* Files of domains come and go. */
static void
add_domains(struct look *look)
{
	char path[PATH_MAX];
	struct dirent **entry = NULL;
	int n;

	make_path(look->watch, "domains", path);
	n = scandir(path, &entry, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(entry[i]->d_name);

		if (len > 4 && strcmp(entry[i]->d_name + len - 4, ".ini") == 0)
			add(look, entry[i]->d_name, len);
		free(entry[i]);
	}
	free(entry);
}

static struct look
look_at(const struct ag_watch *watch)
{
	struct look look = { .watch = watch };

	if (watch->policy != NULL)
		ag_policy_each_file(watch->policy, add_file, &look);
	add_domains(&look);
	return look;
}

/* ---- inotify ---- */

/* A folder that is watched already is not watched twice. */
static void
watch_folder_of(void *arg, const char *shown)
{
	const struct ag_watch *watch = arg;
	char path[PATH_MAX];

	make_path(watch, shown, path);
	inotify_add_watch(watch->inotify, dirname(path), EVENTS);
}

static void
arm(struct ag_watch *watch)
{
	if (watch->inotify >= 0)
		close(watch->inotify);
	watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->inotify < 0) {
		ag_log(LOG_WARNING,
		    "no inotify: files are looked at once a "
		    "second");
		return;
	}
	watch_folder_of(watch, "domains/any");
	ag_policy_each_file(watch->policy, watch_folder_of, watch);
}

static void
drain(const struct ag_watch *watch)
{
	char events[4096];

	if (watch->inotify < 0)
		return;
	while (read(watch->inotify, events, sizeof(events)) > 0)
		continue;
}

/* ---- the watch ---- */

void
ag_watch_init(struct ag_watch *watch, const char *config)
{
	*watch = (struct ag_watch){ .config = config, .inotify = -1 };
}

void
ag_watch_free(struct ag_watch *watch)
{
	if (watch->inotify >= 0)
		close(watch->inotify);
	ag_policy_unref(watch->policy);
}

void
ag_watch_begin(struct ag_watch *watch)
{
	struct timespec now;

	/* the clock that files are stamped with */
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	watch->begun = as_ns(&now);
	watch->before = look_at(watch).sum;
}

void
ag_watch_loaded(struct ag_watch *watch, const struct ag_policy *policy)
{
	struct ag_watch old = *watch;
	bool first = old.policy == NULL;
	struct look look;

	watch->policy = ag_policy_ref(policy);
	arm(watch);
	look = look_at(watch);
	watch->seen = watch->taken = look.sum;
	watch->seen_at = now_ms();
	/* the old files tell what was changed, and stamps what the new ones */
	if (look.newest > watch->begun ||
	    (!first && look_at(&old).sum != watch->before))
		watch->taken = ~look.sum;
	ag_policy_unref(old.policy);
}

int
ag_watch_timeout(const struct ag_watch *watch)
{
	if (watch->seen != watch->taken)
		return STILL_MS / 5;
	return watch->inotify >= 0 ? SLOW_LOOK_MS : LOOK_MS;
}

bool
ag_watch_is_due(struct ag_watch *watch)
{
	uint64_t look;

	drain(watch);
	look = look_at(watch).sum;
	if (look != watch->seen) {
		watch->seen = look;
		watch->seen_at = now_ms();
	}
	return look != watch->taken && now_ms() - watch->seen_at >= STILL_MS;
}
