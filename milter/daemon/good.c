/* good.c - copies of the last good files: found at the start, written later */
#include "milter/daemon/good.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milter/base/goodfile.h"
#include "milter/base/log.h"
#include "milter/base/statedir.h"
#include "milter/base/store.h"

/* The daemon's folder in the state directory, and root's. */
#define DAEMON "daemon"
#define ROOT "root"

static const char *
name_of(const char *config)
{
	const char *slash = strrchr(config, '/');

	return slash != NULL ? slash + 1 : config;
}

/* ---- at the start ---- */

/* The main file's own line counts, if it can be read. */
static bool
peek(const char *config, enum ag_key key, char *text, size_t size)
{
	struct ag_buf out = ag_buf(text, size);

	return ag_policy_peek(config, key, &out) && out.len > 0 && !out.cut;
}

static void
find_path(struct ag_copies *copies)
{
	struct ag_buf out = AG_BUF(copies->path);
	char own[sizeof(copies->path)] = "";
	bool told = peek(copies->config, AG_KEY_STATE_DIR, own, sizeof(own));

	/* the default is what a file says that leaves it out */
	if (told &&
	    (copies->state_dir == NULL ||
		strcmp(own, ag_setting(AG_KEY_STATE_DIR)->fallback) != 0))
		ag_buf_text(&out, own);
	else
		ag_buf_text(&out,
		    copies->state_dir != NULL ?
			copies->state_dir :
			ag_setting(AG_KEY_STATE_DIR)->fallback);
}

static struct ag_goodcopy *
open_copy(const struct ag_copies *copies, const char *folder)
{
	char text[300];
	struct ag_buf why = AG_BUF(text);
	int dir = ag_statedir_open(copies->path, folder, &why);
	struct ag_goodcopy *copy = NULL;

	if (dir < 0)
		return NULL;
	copy = ag_goodcopy_open(dir, copies->config);
	close(dir);
	return copy;
}

static bool
copied_text(void *arg, const char *shown, struct ag_str *text)
{
	const struct ag_copies *copies = arg;
	bool is_main = strcmp(shown, name_of(copies->config)) == 0;

	if (is_main && copies->has_main) {
		*text = (struct ag_str){ strndup(copies->main_text.ptr,
					     copies->main_text.len),
			copies->main_text.len };
		return text->ptr != NULL;
	}
	if (is_main && getuid() == 0)
		return false;
	return copies->all != NULL &&
	    ag_goodcopy_text(copies->all, shown, text);
}

void
ag_copies_begin(struct ag_copies *copies)
{
	char start[16] = "";

	find_path(copies);
	copies->strict = copies->strict ||
	    (peek(copies->config, AG_KEY_START, start, sizeof(start)) &&
		strcmp(start, "strict") == 0);
	if (copies->strict || getuid() != 0)
		return;
	copies->main = open_copy(copies, ROOT);
	if (copies->main != NULL)
		copies->has_main = ag_goodcopy_text(copies->main,
		    name_of(copies->config), &copies->main_text);
}

const struct ag_good *
ag_copies_open(struct ag_copies *copies)
{
	if (copies->strict)
		return NULL;
	copies->all = open_copy(copies, DAEMON);
	if (copies->all == NULL && !copies->has_main)
		return NULL;
	copies->good = (struct ag_good){ copied_text, copies };
	return &copies->good;
}

void
ag_copies_close(struct ag_copies *copies)
{
	free((char *)copies->main_text.ptr);
	ag_goodcopy_close(copies->all);
	ag_goodcopy_close(copies->main);
}

/* ---- writing ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t come = PTHREAD_COND_INITIALIZER;
static pthread_t thread;
static bool started, wanted, ended;

static int folder = -1; /* the daemon's */
static bool is_locked;
static char fault[300]; /* under the lock; it never becomes shorter text */
static const char *config_path;

static void
set_fault(const char *text)
{
	pthread_mutex_lock(&lock);
	snprintf(fault, sizeof(fault), "%s", text);
	pthread_mutex_unlock(&lock);
}

/* Told once, until it is another. */
static void
complain(const char *text)
{
	if (strcmp(fault, text) == 0)
		return;
	set_fault(text);
	ag_log(LOG_WARNING, "no copies of the files are kept for a start: %s",
	    text);
}

const char *
ag_good_fault(void)
{
	static _Thread_local char copy[sizeof(fault)];

	pthread_mutex_lock(&lock);
	memcpy(copy, fault, sizeof(copy));
	pthread_mutex_unlock(&lock);
	return copy[0] != '\0' ? copy : NULL;
}

static void
add_text(void *arg, const char *shown, const struct ag_packed *text)
{
	ag_goodfile_add(arg, shown, text);
}

static void
add_main(void *arg, const char *shown, const struct ag_packed *text)
{
	if (strcmp(shown, name_of(config_path)) == 0)
		ag_goodfile_add(arg, shown, text);
}

/* 0 or an errno. */
static int
write_copies(int dir, const struct ag_policy *policy,
    void (*add)(void *, const char *, const struct ag_packed *))
{
	struct ag_goodfile *good = ag_goodfile_begin(dir, config_path);

	if (good == NULL)
		return errno;
	ag_policy_texts(policy, add, good);
	return ag_goodfile_commit(good);
}

/* Root alone can write there: what names users and paths. */
static void
keep_main(const struct ag_copies *copies, const struct ag_policy *policy)
{
	char text[300];
	struct ag_buf why = AG_BUF(text);
	int dir, error;

	if (!ag_statedir_make(copies->path, ROOT, "", &why))
		return; /* it has been said of the daemon's folder */
	dir = ag_statedir_open(copies->path, ROOT, &why);
	if (dir < 0) {
		ag_log(LOG_WARNING, "%s", text);
		return;
	}
	error = write_copies(dir, policy, add_main);
	if (error != 0)
		ag_log(LOG_WARNING, "%s/" ROOT ": %s", copies->path,
		    strerror(error));
	close(dir);
}

void
ag_good_prepare(const struct ag_copies *copies, const struct ag_policy *policy,
    const char *user)
{
	char text[300];
	struct ag_buf why = AG_BUF(text);

	config_path = copies->config;
	if (!ag_statedir_make(copies->path, DAEMON, user, &why))
		complain(text);
	else if (getuid() == 0)
		keep_main(copies, policy);
}

void
ag_good_open(const struct ag_copies *copies)
{
	char text[300];
	struct ag_buf why = AG_BUF(text);

	folder = ag_statedir_open(copies->path, DAEMON, &why);
	if (folder < 0 && ag_good_fault() == NULL)
		complain(text);
}

/* Another daemon may be about to end. */
static bool
has_folder(void)
{
	if (folder < 0)
		return false;
	is_locked = is_locked || ag_statedir_lock(folder);
	if (!is_locked)
		complain("another daemon uses the state directory; give this "
			 "one a state_dir of its own");
	return is_locked;
}

static void
write_policy_in_force(void)
{
	struct ag_snapshot snapshot = ag_store_get();
	int error = write_copies(folder, snapshot.policy, add_text);

	ag_policy_unref(snapshot.policy);
	if (error != 0)
		complain(strerror(error));
	else
		set_fault("");
}

static bool
wait_for_work(void)
{
	bool go_on;

	pthread_mutex_lock(&lock);
	while (!wanted && !ended)
		pthread_cond_wait(&come, &lock);
	/* what was put in force last is written before the end */
	go_on = wanted;
	wanted = false;
	pthread_mutex_unlock(&lock);
	return go_on;
}

static void *
run(void *arg)
{
	(void)arg;
	while (wait_for_work())
		if (has_folder())
			write_policy_in_force();
	return NULL;
}

int
ag_good_start(const char *config)
{
	int error;

	config_path = config;
	wanted = true;
	error = pthread_create(&thread, NULL, run, NULL);
	started = error == 0;
	return error;
}

void
ag_good_wake(void)
{
	pthread_mutex_lock(&lock);
	wanted = true;
	pthread_cond_signal(&come);
	pthread_mutex_unlock(&lock);
}

void
ag_good_stop(void)
{
	if (!started)
		return;
	pthread_mutex_lock(&lock);
	ended = true;
	pthread_cond_signal(&come);
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
}
