/* watch.c - notices that files of the configuration changed */
#include "milter/daemon/watch.h"

#include <dirent.h>
#include <errno.h>
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

#include "policy/base/file.h"
#include "milter/base/clock.h"
#include "milter/base/log.h"

#define STILL_MS 500
/* between two looks, without inotify, and with it, for links to elsewhere */
#define LOOK_MS 1000
#define SLOW_LOOK_MS 5000
/* before a load is tried again */
#define PAUSE_MS 2000
#define PAUSE_MAX_MS 60000

#define EVENTS \
	(IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | \
	    IN_MOVED_FROM | IN_MOVED_TO)

struct file {
	char *shown; /* relative to the main file's folder */
	uint64_t fingerprint;
	bool fresh; /* read by the last load */
};

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

/* ---- looking ---- */

static void
add(struct ag_look *look, const void *data, size_t size)
{
	look->sum = XXH3_64bits_withSeed(data, size, look->sum);
}

static void
add_error(struct ag_look *look, int error)
{
	look->blind = look->blind || ag_file_error_may_pass(error);
	add(look, &error, sizeof(error));
}

static void
add_file(struct ag_look *look, const struct ag_watch *watch, const char *shown)
{
	char path[PATH_MAX];
	uint64_t sum;
	int error;

	make_path(watch, shown, path);
	sum = ag_file_look(path, &error);
	look->blind = look->blind || ag_file_error_may_pass(error);
	add(look, &sum, sizeof(sum));
}

static void
add_name(struct ag_look *look, const char *name)
{
	size_t len = strlen(name);

	if (len > 4 && name[0] != '.' && strcmp(name + len - 4, ".ini") == 0)
		add(look, name, len + 1);
}

/* Files of domains come and go. */
static struct ag_look
look_at_names(const struct ag_watch *watch)
{
	struct ag_look look = { 0 };
	char path[PATH_MAX];
	struct dirent **entry = NULL;
	int n;

	make_path(watch, "domains", path);
	n = scandir(path, &entry, NULL, alphasort);
	if (n < 0)
		add_error(&look, errno);
	for (int i = 0; i < n; i++) {
		add_name(&look, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	return look;
}

static struct ag_look
look_at(const struct ag_watch *watch)
{
	const struct file *file = watch->files.items;
	struct ag_look look = look_at_names(watch);

	for (size_t i = 0; i < watch->files.n; i++)
		add_file(&look, watch, file[i].shown);
	return look;
}

/* ---- what a load looked for ---- */

static void
drop_files(struct ag_watch *watch)
{
	struct file *file = watch->files.items;

	for (size_t i = 0; i < watch->files.n; i++)
		free(file[i].shown);
	ag_vec_free(&watch->files);
	watch->files = (struct ag_vec){ 0 };
	watch->incomplete = false;
}

/* As the load finds it: what changes later differs from that. */
static void
keep_file(void *arg, const char *shown, uint64_t look, uint64_t fingerprint,
    bool fresh)
{
	struct ag_watch *watch = arg;
	char *copy = strdup(shown);
	struct file *file =
	    copy != NULL ? ag_vec_add(&watch->files, sizeof(*file)) : NULL;

	if (file == NULL) {
		watch->incomplete = true;
		free(copy);
		return;
	}
	*file = (struct file){ copy, fingerprint, fresh || watch->compares };
	watch->read.blind =
	    watch->read.blind || ag_file_fingerprint_may_pass(fingerprint);
	add(&watch->read, &look, sizeof(look));
}

/* ---- comparing ---- */

enum comparison { THE_SAME, DIFFERENT, CANNOT_TELL };

static enum comparison
compare_file(const struct ag_watch *watch, const struct file *file)
{
	char path[PATH_MAX];
	struct ag_str text;
	uint64_t fingerprint;
	int error;

	make_path(watch, file->shown, path);
	error = ag_file_read(path, &text);
	fingerprint = ag_file_fingerprint(error, text);
	free((char *)text.ptr);
	if (ag_file_error_may_pass(error))
		return CANNOT_TELL;
	return fingerprint == file->fingerprint ? THE_SAME : DIFFERENT;
}

/* Whether the files still say what the load was told. */
static enum comparison
compare(const struct ag_watch *watch)
{
	const struct file *file = watch->files.items;
	enum comparison found = THE_SAME;

	for (size_t i = 0; i < watch->files.n && found == THE_SAME; i++)
		if (file[i].fresh)
			found = compare_file(watch, &file[i]);
	return found;
}

/* ---- inotify ---- */

/* A folder that is watched already is not watched twice. */
static void
watch_folder_of(const struct ag_watch *watch, const char *shown)
{
	char path[PATH_MAX];

	make_path(watch, shown, path);
	inotify_add_watch(watch->inotify, dirname(path), EVENTS);
}

/* Without a descriptor for a new one the old one is kept. */
static void
open_inotify(struct ag_watch *watch)
{
	int fresh = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fresh >= 0) {
		if (watch->inotify >= 0)
			close(watch->inotify);
		watch->inotify = fresh;
		watch->without = false;
	} else if (watch->inotify < 0 && !watch->without) {
		ag_log(LOG_WARNING,
		    "no inotify: files are looked at once a "
		    "second");
		watch->without = true;
	}
}

static void
arm(struct ag_watch *watch)
{
	const struct file *file = watch->files.items;

	open_inotify(watch);
	if (watch->inotify < 0)
		return;
	watch_folder_of(watch, "domains/any");
	for (size_t i = 0; i < watch->files.n; i++)
		watch_folder_of(watch, file[i].shown);
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
	*watch = (struct ag_watch){ .config = config,
		.inotify = -1,
		.compare_in = STILL_MS };
}

void
ag_watch_free(struct ag_watch *watch)
{
	if (watch->inotify >= 0)
		close(watch->inotify);
	drop_files(watch);
}

struct ag_reading
ag_watch_begin(struct ag_watch *watch)
{
	drop_files(watch);
	/* what the load before read has not been compared yet */
	watch->compares = watch->rereads || watch->compare_at != 0;
	watch->rereads = false;
	watch->read = look_at_names(watch);
	return (struct ag_reading){ keep_file, watch };
}

static int64_t
longer(int64_t pause)
{
	return pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
}

/* Says when to try again, if at all. */
static void
plan_again(struct ag_watch *watch, bool may_pass)
{
	watch->pause = !may_pass ? 0 :
	    watch->pause == 0    ? PAUSE_MS :
				   longer(watch->pause);
	watch->again_at = may_pass ? ag_clock_now() + watch->pause : 0;
}

void
ag_watch_loaded(struct ag_watch *watch, bool may_pass)
{
	struct ag_look look;

	arm(watch);
	plan_again(watch, may_pass || watch->incomplete);
	look = look_at(watch);
	watch->seen = look.sum;
	watch->seen_at = ag_clock_now();
	watch->blind = look.blind || watch->read.blind;
	/* what is going to be read again in any case has no changes */
	watch->taken = watch->again_at != 0 ? look.sum : watch->read.sum;
	watch->compare_at =
	    watch->again_at != 0 ? 0 : watch->seen_at + watch->compare_in;
}

static int64_t
sooner(int64_t wait, int64_t at, int64_t now)
{
	if (at == 0 || at - now > wait)
		return wait;
	return at > now ? at - now : 0;
}

int
ag_watch_timeout(const struct ag_watch *watch)
{
	int64_t now = ag_clock_now(), wait = LOOK_MS;

	if (watch->seen != watch->taken)
		return STILL_MS / 5;
	if (watch->inotify >= 0)
		wait = SLOW_LOOK_MS;
	wait = sooner(wait, watch->compare_at, now);
	return (int)sooner(wait, watch->again_at, now);
}

/*
 * Whether the contents are those that were loaded.  Others may be half written
 * just now, which the next look shows.  A file that says something else each
 * time although stat(2) tells of no change is asked more and more seldom.
 */
static void
compare_in_time(struct ag_watch *watch)
{
	enum comparison found;

	if (watch->compare_at == 0 || ag_clock_now() < watch->compare_at)
		return;
	found = compare(watch);
	watch->compare_in =
	    found == THE_SAME ? STILL_MS : longer(watch->compare_in);
	watch->compare_at =
	    found == CANNOT_TELL ? ag_clock_now() + watch->compare_in : 0;
	if (found == DIFFERENT) {
		watch->taken = ~watch->seen;
		watch->rereads = true;
	}
}

/* What has been seen at a look. */
static void
note_look(struct ag_watch *watch, struct ag_look look)
{
	if (look.blind)
		return;
	if (watch->blind) {
		watch->blind = false;
		watch->seen = look.sum;
		/* what failed has its own time; else nobody knows what it was
		 * that was loaded */
		watch->rereads = true;
		watch->taken = watch->again_at != 0 ? look.sum : ~look.sum;
	} else if (look.sum != watch->seen) {
		watch->seen = look.sum;
		watch->seen_at = ag_clock_now();
		watch->compare_in = STILL_MS;
	}
}

bool
ag_watch_changed(struct ag_watch *watch)
{
	struct ag_look look;

	drain(watch);
	look = look_at(watch);
	note_look(watch, look);
	return watch->seen != watch->taken && !look.blind;
}

enum ag_due
ag_watch_due(struct ag_watch *watch)
{
	if (ag_watch_changed(watch))
		return ag_clock_now() - watch->seen_at >= STILL_MS ?
		    AG_DUE_CHANGE :
		    AG_DUE_NOTHING;
	if (watch->again_at != 0 && ag_clock_now() >= watch->again_at)
		return AG_DUE_AGAIN;
	compare_in_time(watch);
	return AG_DUE_NOTHING;
}

const char *
ag_watch_find(const struct ag_watch *watch, uint64_t device, uint64_t inode,
    uint64_t *fingerprint)
{
	const struct file *file = watch->files.items;

	for (size_t i = 0; i < watch->files.n; i++) {
		char path[PATH_MAX];
		struct stat st;

		make_path(watch, file[i].shown, path);
		if (stat(path, &st) != 0 || st.st_dev != device ||
		    st.st_ino != inode)
			continue;
		*fingerprint = file[i].fingerprint;
		return file[i].shown;
	}
	return NULL;
}
