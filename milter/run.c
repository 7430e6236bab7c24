#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
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
#include "signals.h"
#include "socket.h"
#include "state.h"
#include "store.h"
#include "watch.h"

struct options {
	const char *config;
	bool only_stderr;
};

/* ---- loading ---- */

static void
open_log(const struct options *options, const struct ag_policy *policy)
{
	ag_log_open(ag_policy_text(policy, AG_KEY_IDENT),
	    ag_policy_text(policy, AG_KEY_FACILITY), options->only_stderr);
}

static void
log_finding(void *arg, enum ag_severity severity, const struct ag_origin *where,
    const char *text)
{
	static const int priority[] = { LOG_INFO, LOG_WARNING, LOG_ERR,
		LOG_ERR };
	char at[AG_ORIGIN_MAX];
	struct ag_buf place = AG_BUF(at);

	(void)arg;
	if (!ag_state_finding(severity, where, text))
		return;
	ag_origin_write(where, &place);
	ag_log(priority[severity], "%s: %s: %s", at, ag_severity_name(severity),
	    text);
}

static void
log_left_out(void)
{
	unsigned n = ag_state_findings_left_out();

	if (n > 0 && ag_state_has_news())
		ag_log(LOG_ERR,
		    "... and %u more findings; \"authgate check\" prints all",
		    n);
}

/* At the start the log's own settings are not known: findings go to stderr. */
static void
print_finding(void *arg, enum ag_severity severity,
    const struct ag_origin *where, const char *text)
{
	ag_state_finding(severity, where, text);
	if (severity >= AG_BAD_LINE)
		ag_print_finding(arg, severity, where, text);
}

static int
load_first(struct ag_watch *watch, const struct ag_policy **policy)
{
	struct ag_printer printer = { stderr, watch->config };
	struct ag_diag diag = { .emit = print_finding, .arg = &printer };
	struct ag_reading reading = ag_watch_begin(watch);

	ag_state_begin();
	ag_state_loading(false);
	/* a policy like those beside which others are loaded */
	return ag_command_exit_status(ag_policy_load_beside(watch->config, NULL,
	    &reading, &diag, policy));
}

static void
announce(void)
{
	struct ag_snapshot in_force = ag_store_get();
	char text[300];
	struct ag_buf sizes = AG_BUF(text);

	ag_command_write_sizes(in_force.policy, &sizes);
	ag_log(LOG_INFO, "policy gen=%u is in force: digest=%016llx, %s",
	    in_force.generation,
	    (unsigned long long)ag_policy_digest(in_force.policy), text);
	ag_notify_status("policy %u in force, %zu kill entries",
	    in_force.generation, ag_policy_sizes(in_force.policy).killed);
	ag_policy_unref(in_force.policy);
}

/* Takes over the caller's share. */
static void
put_in_force(const struct ag_policy *policy)
{
	unsigned generation = ag_store_put(policy);

	/* nobody else puts one in its place */
	ag_state_loaded(policy, generation);
}

static void
warn_of_restart(const struct ag_policy *policy)
{
	for (unsigned i = 0; i < AG_KEY_COUNT; i++)
		if (ag_fixed_differs(policy, (enum ag_key)i))
			ag_log(LOG_WARNING,
			    "[%s] %s has changed; it takes a "
			    "restart to come into force",
			    ag_setting((enum ag_key)i)->section,
			    ag_setting((enum ag_key)i)->name);
}

static void
stay(void)
{
	if (ag_state_has_news())
		ag_log(LOG_ERR, "the old policy stays in force");
	ag_notify_status("the last reload failed; see the log");
	ag_state_failed();
}

/* The new policy is in force, or the old one stays. */
static enum ag_load_status
take_policy(const struct options *options, const struct ag_policy *in_force,
    const struct ag_reading *reading)
{
	struct ag_diag diag = { .emit = log_finding };
	const struct ag_policy *policy;
	enum ag_load_status status = ag_policy_load_beside(options->config,
	    in_force, reading, &diag, &policy);

	log_left_out();
	if (status != AG_LOAD_OK) {
		stay();
		return status;
	}
	open_log(options, policy);
	warn_of_restart(policy);
	/* it has logged what cannot be used; there [archive] on_error holds */
	ag_archivedir_prepare(policy);
	put_in_force(policy);
	ag_keeper_wake();
	announce();
	return status;
}

struct reloader {
	const struct options *options;
	struct ag_watch *watch;
	bool holds_back; /* lists of no bytes, in the last attempt */
	int hangup;      /* descriptors */
	int stop;
	int control;
	int64_t ask_at; /* who waits for an answer; milliseconds */
	atomic_bool ended;
};

static void
attempt(struct reloader *reloader)
{
	struct ag_snapshot snapshot = ag_store_get();
	struct ag_reading reading = ag_watch_begin(reloader->watch);
	enum ag_load_status status = take_policy(reloader->options,
	    reloader->holds_back ? snapshot.policy : NULL, &reading);

	ag_policy_unref(snapshot.policy);
	ag_watch_loaded(reloader->watch, status);
	ag_store_sweep();
	malloc_trim(0);
}

/* On SIGHUP nothing is held back: that is how an empty list is made to hold. */
static void
reload(struct reloader *reloader, bool hangup)
{
	reloader->holds_back = !hangup;
	ag_notify_reloading();
	ag_state_loading(false);
	attempt(reloader);
	ag_notify_ready();
}

/* Nobody asked for it: what is found again is not told again. */
static void
try_again(struct reloader *reloader)
{
	ag_state_loading(true);
	attempt(reloader);
}

/* ---- privileges ---- */

/* 0, or an exit status after a line. */
static int
drop_privileges(struct ag_str name)
{
	struct passwd *user;

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

/* Milliseconds between two knocks, until libmilter has noticed. */
#define KNOCK_MS 20

/* How long who asks is left waiting for want of a descriptor. */
#define DEAF_MS 1000

static void
hasten_the_end(const struct reloader *reloader)
{
	while (!reloader->ended) {
		ag_socket_knock();
		poll(NULL, 0, KNOCK_MS);
	}
}

/* What "authgate status" or "authgate reload" has come for. */
static void
serve_client(struct reloader *reloader)
{
	static const char refused[] =
	    "{\"error\":\"only root and the daemon's user may reload\"}";
	int client;
	char *text = NULL;

	switch (ag_control_take(reloader->control, &client)) {
	case AG_WISH_RELOAD:
		reload(reloader, true);
		text = ag_state_reload();
		break;
	case AG_WISH_STATUS:
		text = ag_state_status();
		break;
	case AG_WISH_REFUSED:
		text = strdup(refused);
		break;
	case AG_WISH_NONE:
		break;
	}
	if (client < 0)
		reloader->ask_at = ag_watch_now() + DEAF_MS;
	ag_control_answer(client, text);
	free(text);
}

/* False when the files have nothing to do. */
static bool
serve_files(struct reloader *reloader)
{
	switch (ag_watch_due(reloader->watch)) {
	case AG_DUE_CHANGE:
		reload(reloader, false);
		return true;
	case AG_DUE_AGAIN:
		try_again(reloader);
		return true;
	case AG_DUE_NOTHING:
		break;
	}
	return false;
}

/* Waits; whoever asks is not listened to while there is no descriptor. */
static void
wait_for_work(const struct reloader *reloader, struct pollfd fds[static 4])
{
	int timeout = ag_watch_timeout(reloader->watch);
	int64_t deaf = reloader->ask_at - ag_watch_now();

	fds[0] = (struct pollfd){ reloader->hangup, POLLIN, 0 };
	fds[1] = (struct pollfd){ reloader->watch->inotify, POLLIN, 0 };
	fds[2] = (struct pollfd){ reloader->stop, POLLIN, 0 };
	fds[3] = (struct pollfd){ reloader->control, POLLIN, 0 };
	if (deaf > 0) {
		fds[3].fd = -1;
		timeout = deaf < timeout ? (int)deaf : timeout;
	}
	poll(fds, 4, timeout);
}

/* Takes changes of the files, SIGHUPs and commands, until the end. */
static void *
run_reloader(void *arg)
{
	struct reloader *reloader = arg;

	ag_watch_loaded(reloader->watch, AG_LOAD_OK);
	for (;;) {
		struct pollfd fds[4];

		wait_for_work(reloader, fds);
		if (reloader->ended)
			break;
		ag_limits_tell();
		if (ag_store_sweep())
			malloc_trim(0);
		if (fds[2].revents != 0)
			hasten_the_end(reloader);
		else if (ag_signals_take_hangup(reloader->hangup))
			reload(reloader, true);
		else if (!serve_files(reloader) && fds[3].revents != 0)
			serve_client(reloader);
	}
	return NULL;
}

/* The threads of our own; an errno.  The last uses what belongs to run(). */
static int
start_threads(struct reloader *reloader, pthread_t *thread)
{
	int error = reloader->hangup < 0 || reloader->stop < 0 ? errno : 0;

	if (error == 0)
		error = ag_log_start();
	if (error == 0)
		error = ag_keeper_start();
	if (error == 0)
		error = ag_metrics_start();
	if (error == 0)
		error = pthread_create(thread, NULL, run_reloader, reloader);
	return error;
}

/* The policy is in force already. */
static int
serve(const struct options *options, struct ag_watch *watch, int control)
{
	struct reloader reloader = { .options = options,
		.watch = watch,
		.hangup = ag_signals_open_hangup(),
		.stop = ag_signals_open_stop(),
		.control = control };
	pthread_t thread;
	int error, status;

	announce();
	error = start_threads(&reloader, &thread);
	if (error != 0) {
		ag_log(LOG_ERR, "cannot start: %s", strerror(error));
		return EX_OSERR;
	}
	ag_notify_ready();
	status = smfi_main();
	ag_notify_stopping();
	reloader.ended = true;
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
start(const struct options *options, struct ag_watch *watch)
{
	int control, status = ag_socket_open();

	if (status != 0)
		return status;
	control = ag_control_open();
	status = open_metrics();
	if (status == 0)
		status = drop_privileges(ag_fixed_text(AG_KEY_USER));
	if (status == 0)
		status = prepare_archives();
	if (status == 0)
		status = serve(options, watch, control);
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
begin(const struct options *options, struct ag_watch *watch,
    const struct ag_policy *policy)
{
	int status;

	open_log(options, policy);
	status = prepare(policy);
	if (status != 0) {
		ag_policy_unref(policy);
		return status;
	}
	put_in_force(policy);
	return start(options, watch);
}

static int
run(const struct options *options)
{
	const struct ag_policy *policy;
	struct ag_watch watch;
	int status;

	/* else large tables that are freed stay with the process */
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	ag_signals_block();
	ag_watch_init(&watch, options->config);
	status = load_first(&watch, &policy);
	if (status == EX_OK)
		status = begin(options, &watch, policy);
	ag_watch_free(&watch);
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
	struct options options = { .config = AG_DEFAULT_CONFIG };
	int option;

	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
	    -1) {
		if (option == 'h')
			return ag_command_help("run");
		if (option == '?')
			return ag_command_usage("run", NULL);
		if (option == 'c')
			options.config = optarg;
		else
			options.only_stderr = true;
	}
	if (optind < argc)
		return ag_command_usage("run", "what is \"%s\"?", argv[optind]);
	return run(&options);
}
