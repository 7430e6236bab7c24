#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <malloc.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "archivedir.h"
#include "command.h"
#include "control.h"
#include "filter.h"
#include "fixed.h"
#include "keeper.h"
#include "limits.h"
#include "log.h"
#include "metrics.h"
#include "notify.h"
#include "reloader.h"
#include "signals.h"
#include "socket.h"
#include "store.h"

/* ---- privileges ---- */

/* 0, or an exit status after a line. */
static int
drop_privileges(struct ag_str name)
{
	struct passwd *user;

	if (ag_command_stays_root(name))
		ag_log(LOG_WARNING, "%s", AG_STAYS_ROOT);
	if (name.len == 0)
		return 0;
	user = getpwnam(name.ptr);
	if (user == NULL) {
		ag_log(LOG_ERR, "user: there is no user %s", name.ptr);
		return EX_CONFIG;
	}
	if (geteuid() != 0) {
		if (geteuid() == user->pw_uid)
			return 0;
		ag_log(LOG_ERR, "only root can become the user %s", name.ptr);
		return EX_NOPERM;
	}
	if (initgroups(name.ptr, user->pw_gid) != 0 ||
	    setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) {
		ag_log(LOG_ERR, "cannot become the user %s: %s", name.ptr,
		    strerror(errno));
		return EX_NOPERM;
	}
	return 0;
}

/* ---- the daemon ---- */

/* The threads of our own; an errno.  The last uses what belongs to run(). */
static int
start_threads(struct ag_reloader *reloader, pthread_t *thread)
{
	int error = reloader->hangup < 0 || reloader->stop < 0 ? errno : 0;

	if (error == 0)
		error = ag_log_start();
	if (error == 0)
		error = ag_keeper_start();
	if (error == 0)
		error = ag_metrics_start();
	if (error == 0)
		error = pthread_create(thread, NULL, ag_reloader_run, reloader);
	return error;
}

/* The policy is in force already. */
static int
serve(struct ag_reloader *reloader)
{
	pthread_t thread;
	int error, status;

	reloader->hangup = ag_signals_open_hangup();
	reloader->stop = ag_signals_open_stop();
	ag_reloader_announce();
	error = start_threads(reloader, &thread);
	if (error != 0) {
		ag_log(LOG_ERR, "cannot start: %s", strerror(error));
		return EX_OSERR;
	}
	ag_notify_ready();
	status = smfi_main();
	ag_notify_stopping();
	reloader->ended = true;
	pthread_kill(thread, SIGHUP);
	pthread_join(thread, NULL);
	ag_keeper_stop();
	ag_metrics_stop();
	ag_log(LOG_INFO, "stopped");
	ag_log_stop();
	return status == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}

/* As the user who is to write there: 0, or an exit status after a line. */
static int
prepare_archives(void)
{
	struct ag_snapshot snapshot = ag_store_get();
	int status = ag_archivedir_prepare(snapshot.policy);

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

/* Everything that needs root comes before the privileges go. */
static int
start(struct ag_reloader *reloader)
{
	int status = ag_socket_open();

	if (status != 0)
		return status;
	reloader->control = ag_control_open();
	status = open_metrics();
	if (status == 0)
		status = drop_privileges(ag_fixed_text(AG_KEY_USER));
	if (status == 0)
		status = prepare_archives();
	if (status == 0)
		status = serve(reloader);
	ag_control_remove();
	ag_socket_remove();
	return status;
}

/* 0, or an exit status after a line. */
static int
prepare(const struct ag_policy *policy)
{
	static char name[] = "authgate";

	ag_limits_set();
	if (!ag_fixed_set(policy) || !ag_filter_register(name)) {
		ag_log(LOG_ERR, "cannot start: not enough memory");
		return EX_OSERR;
	}
	smfi_settimeout((int)ag_policy_time(policy, AG_KEY_TIMEOUT));
	return 0;
}

/* The policy is the caller's no more. */
static int
begin(struct ag_reloader *reloader, const struct ag_policy *policy)
{
	int status = prepare(policy);

	if (status != 0) {
		ag_policy_unref(policy);
		return status;
	}
	ag_reloader_put(policy);
	return start(reloader);
}

static int
run(const char *config, bool only_stderr)
{
	struct ag_reloader reloader = { .only_stderr = only_stderr };
	const struct ag_policy *policy;
	int status;

	/* else large tables that are freed stay with the process */
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	ag_signals_block();
	ag_watch_init(&reloader.watch, config);
	status = ag_reloader_load(&reloader, &policy);
	if (status == EX_OK)
		status = begin(&reloader, policy);
	ag_watch_free(&reloader.watch);
	return status;
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "stderr", no_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int
ag_run_command(int argc, char **argv)
{
	const char *config = AG_DEFAULT_CONFIG;
	bool only_stderr = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
	    -1) {
		if (option == 'h')
			return ag_command_help("run");
		if (option == '?')
			return ag_command_usage("run", NULL);
		if (option == 'c')
			config = optarg;
		else
			only_stderr = true;
	}
	if (optind < argc)
		return ag_command_usage("run", "what is \"%s\"?", argv[optind]);
	return run(config, only_stderr);
}
