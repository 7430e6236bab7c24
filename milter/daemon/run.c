/* run.c - the daemon: start, privileges, stop */
#include "milter/daemon/run.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/archive/dir.h"
#include "milter/archive/keeper.h"
#include "milter/base/fixed.h"
#include "milter/base/limits.h"
#include "milter/base/log.h"
#include "milter/base/signals.h"
#include "milter/base/socket.h"
#include "milter/base/store.h"
#include "milter/base/systemd.h"
#include "milter/base/user.h"
#include "milter/daemon/control.h"
#include "milter/daemon/engines.h"
#include "milter/daemon/good.h"
#include "milter/daemon/metrics.h"
#include "milter/daemon/reloader.h"

/* ---- the daemon ---- */

/* The threads of our own; an errno.  The last uses what belongs to run(). */
static int
start_threads(struct ag_reloader *reloader, pthread_t *thread)
{
	int error = reloader->hangup < 0 || reloader->stop == -1 ? errno : 0;

	if (error == 0)
		error = ag_log_start();
	if (error == 0)
		error = ag_keeper_start();
	if (error == 0)
		error = ag_metrics_start();
	if (error == 0)
		error = ag_good_start(reloader->watch.config);
	if (error == 0)
		error = pthread_create(thread, NULL, ag_reloader_run, reloader);
	return error;
}

static void
remove_sockets(void)
{
	ag_control_remove();
	ag_socket_remove();
}

/* The policy is in force already. */
static int
serve(struct ag_reloader *reloader, const struct ag_engine *engine)
{
	pthread_t thread;
	int error, status;

	reloader->hangup = ag_signals_open_hangup();
	reloader->stop = engine->open_stop();
	error = engine->begin();
	ag_reloader_announce();
	if (error == 0)
		error = start_threads(reloader, &thread);
	if (error != 0) {
		ag_log(LOG_ERR, "cannot start: %s", strerror(error));
		return EX_OSERR;
	}
	ag_notify_ready();
	status = engine->serve();
	/* at once: the next daemon may be about to make its own */
	remove_sockets();
	ag_notify_stopping();
	if (status == 0)
		engine->end();
	reloader->ended = true;
	pthread_kill(thread, SIGHUP);
	pthread_join(thread, NULL);
	ag_keeper_stop();
	ag_metrics_stop();
	ag_good_stop();
	ag_log(LOG_INFO, "stopped");
	ag_log_stop();
	return status;
}

/* For another daemon that ends; less than service managers wait for our end. */
#define ARCHIVE_SECONDS 10

/* As the user who is to write there: 0, or an exit status after a line. */
static int
prepare_archives(void)
{
	struct ag_snapshot snapshot = ag_store_get();
	int status = ag_archivedir_prepare(snapshot.policy, ARCHIVE_SECONDS);

	ag_policy_unref(snapshot.policy);
	return status;
}

static int
open_metrics(void)
{
	struct ag_snapshot snapshot = ag_store_get();
	int status = ag_metrics_open(snapshot.policy);

	ag_policy_unref(snapshot.policy);
	return status;
}

static void
prepare_copies(const struct ag_copies *copies)
{
	struct ag_snapshot snapshot = ag_store_get();

	ag_good_prepare(copies, snapshot.policy,
	    ag_fixed_text(AG_KEY_USER).ptr);
	ag_policy_unref(snapshot.policy);
}

/* Everything that needs root comes before the privileges go. */
static int
start(struct ag_reloader *reloader, const struct ag_engine *engine)
{
	int status = ag_socket_open(engine->listen);

	if (status != 0)
		return status;
	ag_control_begin(&reloader->control, ag_control_open());
	status = open_metrics();
	if (ag_user_stays_root(ag_fixed_text(AG_KEY_USER)))
		ag_log(LOG_WARNING, "%s", AG_USER_STAYS_ROOT);
	if (status == 0)
		prepare_copies(reloader->copies);
	if (status == 0)
		status = ag_user_become(ag_fixed_text(AG_KEY_USER).ptr);
	if (status == 0)
		ag_good_open(reloader->copies);
	if (status == 0)
		status = prepare_archives();
	if (status == 0)
		status = serve(reloader, engine);
	ag_control_end(&reloader->control);
	remove_sockets();
	return status;
}

/* 0, or an exit status after a line. */
static int
prepare(const struct ag_policy *policy, const struct ag_engine **engine)
{
	int64_t timeout = ag_policy_time(policy, AG_KEY_TIMEOUT);

	ag_limits_set();
	*engine = ag_engine_choose(ag_policy_text(policy, AG_KEY_ENGINE));
	if (*engine == NULL) {
		ag_log(LOG_ERR,
		    "cannot start: this authgate was built without "
		    "libmilter; set [milter] engine = builtin");
		return EX_CONFIG;
	}
	if (!ag_fixed_set(policy) ||
	    !(*engine)->prepare(
		(unsigned)(timeout < INT_MAX ? timeout : INT_MAX))) {
		ag_log(LOG_ERR, "cannot start: not enough memory");
		return EX_OSERR;
	}
	return 0;
}

/* The policy is the caller's no more. */
static int
begin(struct ag_reloader *reloader, const struct ag_policy *policy)
{
	const struct ag_engine *engine;
	int status = prepare(policy, &engine);

	if (status != 0) {
		ag_policy_unref(policy);
		return status;
	}
	ag_reloader_put(policy);
	return start(reloader, engine);
}

/*
 * The first load, as the user whom root is to become: later ones are his too.
 * Root itself reads no more than who that is.  0, or an exit status after a
 * line.
 */
static int
load(struct ag_reloader *reloader, struct ag_copies *copies,
    const struct ag_policy **policy)
{
	char name[256];
	struct ag_buf user = AG_BUF(name);
	int status;

	if (geteuid() != 0 ||
	    !ag_policy_peek(reloader->watch.config, AG_KEY_USER, &user) ||
	    user.len == 0)
		return ag_reloader_load(reloader, NULL, ag_copies_open(copies),
		    policy);
	status = ag_user_put_on(name);
	if (status != 0)
		return status;
	status =
	    ag_reloader_load(reloader, name, ag_copies_open(copies), policy);
	if (ag_user_take_off())
		return status;
	fprintf(stderr, "cannot go on as root: %s\n", strerror(errno));
	if (status == EX_OK)
		ag_policy_unref(*policy);
	return EX_OSERR;
}

int
ag_run(const struct ag_run *how)
{
	struct ag_copies copies = { .config = how->config,
		.state_dir = how->state_dir,
		.strict = how->strict };
	struct ag_reloader reloader = { .only_stderr = how->only_stderr,
		.copies = &copies };
	const struct ag_policy *policy;
	int status;

#ifdef __GLIBC__
	/* else large tables that are freed stay with the process */
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
#endif
	ag_signals_block();
	ag_watch_init(&reloader.watch, how->config);
	ag_copies_begin(&copies);
	status = load(&reloader, &copies, &policy);
	ag_copies_close(&copies);
	if (status == EX_OK)
		status = begin(&reloader, policy);
	ag_watch_free(&reloader.watch);
	return status;
}
