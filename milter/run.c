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
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "archivedir.h"
#include "command.h"
#include "filter.h"
#include "keeper.h"
#include "log.h"
#include "signals.h"
#include "socket.h"
#include "store.h"
#include "watch.h"

struct options {
	const char *config;
	bool only_stderr;
};

/* ---- what this version reads and does not carry out ---- */

/* Never silently open: what is switched on must be carried out. */
static bool
is_carried_out(const struct ag_policy *policy)
{
	const char *what = NULL;

	if (ag_policy_yes(policy, AG_KEY_RESULTS_HEADER))
		what = "[auth] results_header";
	else if (ag_policy_text(policy, AG_KEY_METRICS_LISTEN).len > 0)
		what = "[metrics] listen";
	if (what != NULL)
		ag_log(LOG_ERR,
		    "%s is switched on, and this version of authgate "
		    "cannot do it yet",
		    what);
	return what == NULL;
}

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
	ag_origin_write(where, &place);
	ag_log(priority[severity], "%s: %s: %s", at, ag_severity_name(severity),
	    text);
}

static void
log_loaded(const struct ag_policy *policy, unsigned generation)
{
	struct ag_policy_sizes sizes = ag_policy_sizes(policy);

	ag_log(LOG_INFO,
	    "policy gen=%u is in force: %zu domain files, %zu names "
	    "of local domains, %zu kill entries, %zu relay "
	    "networks, %zu addresses in the sender map",
	    generation, sizes.domain_files, sizes.local_domains, sizes.killed,
	    sizes.relays, sizes.senders);
}

static void
warn_of_restart(const struct ag_policy *old, const struct ag_policy *new)
{
	for (unsigned i = 0; i < AG_KEY_COUNT; i++) {
		const struct ag_setting *s = ag_setting((enum ag_key)i);

		if (strcmp(s->section, "milter") == 0 &&
		    !ag_str_eq(ag_policy_text(old, (enum ag_key)i),
			ag_policy_text(new, (enum ag_key)i)))
			ag_log(LOG_WARNING,
			    "[milter] %s has changed; it takes a "
			    "restart to come into force",
			    s->name);
	}
}

/* The new policy is in force, or the old one stays. */
static void
take_policy(const struct options *options, const struct ag_policy *in_force)
{
	struct ag_diag diag = { .emit = log_finding };
	const struct ag_policy *policy;

	if (ag_policy_load_beside(options->config, in_force, &diag, &policy) !=
		AG_LOAD_OK ||
	    !is_carried_out(policy)) {
		ag_log(LOG_ERR, "the old policy stays in force");
		ag_policy_unref(policy);
		return;
	}
	open_log(options, policy);
	warn_of_restart(ag_store_first(), policy);
	/* it has logged what cannot be used; there [archive] on_error holds */
	ag_archivedir_prepare(policy);
	log_loaded(policy, ag_store_put(policy));
	ag_keeper_wake();
}

/* On SIGHUP nothing is held back: that is how an empty list is made to hold. */
static void
reload(const struct options *options, struct ag_watch *watch, bool hangup)
{
	struct ag_snapshot snapshot = ag_store_get();

	ag_watch_begin(watch);
	take_policy(options, hangup ? NULL : snapshot.policy);
	ag_policy_unref(snapshot.policy);
	snapshot = ag_store_get();
	ag_watch_loaded(watch, snapshot.policy);
	ag_policy_unref(snapshot.policy);
	malloc_trim(0);
}

/* ---- privileges and limits ---- */

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
		return EX_NOUSER;
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

/* As many connections as the system allows; small stacks, few arenas. */
static void
set_limits(void)
{
	struct rlimit limit;
	pthread_attr_t attr;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	mallopt(M_ARENA_MAX, 2);
	if (pthread_attr_init(&attr) == 0) {
		pthread_attr_setstacksize(&attr, (size_t)256 * 1024);
		pthread_setattr_default_np(&attr);
		pthread_attr_destroy(&attr);
	}
}

/* ---- the daemon ---- */

struct reloader {
	const struct options *options;
	struct ag_watch watch;
	int hangup; /* descriptors */
	int stop;
	atomic_bool ended;
};

/* Milliseconds between two knocks, until libmilter has noticed. */
#define KNOCK_MS 20

static void
hasten_the_end(const struct reloader *reloader)
{
	while (!reloader->ended) {
		ag_socket_knock(ag_store_first());
		poll(NULL, 0, KNOCK_MS);
	}
}

/* Takes changes of the files and SIGHUPs, until the end. */
static void *
run_reloader(void *arg)
{
	struct reloader *reloader = arg;
	struct ag_watch *watch = &reloader->watch;

	ag_watch_loaded(watch, ag_store_first());
	for (;;) {
		struct pollfd fds[] = { { reloader->hangup, POLLIN, 0 },
			{ watch->inotify, POLLIN, 0 },
			{ reloader->stop, POLLIN, 0 } };

		poll(fds, 3, ag_watch_timeout(watch));
		if (reloader->ended)
			break;
		if (fds[2].revents != 0)
			hasten_the_end(reloader);
		else if (ag_signals_take_hangup(reloader->hangup))
			reload(reloader->options, watch, true);
		else if (ag_watch_is_due(watch))
			reload(reloader->options, watch, false);
	}
	ag_watch_free(watch);
	return NULL;
}

static int
serve(const struct options *options, const struct ag_policy *policy,
    const struct ag_watch *watch)
{
	struct reloader reloader = { .options = options,
		.watch = *watch,
		.hangup = ag_signals_open_hangup(),
		.stop = ag_signals_open_stop() };
	pthread_t thread;
	int error, status;

	ag_policy_ref(policy);
	log_loaded(policy, ag_store_put(policy));
	error = reloader.hangup < 0 || reloader.stop < 0 ?
	    errno :
	    pthread_create(&thread, NULL, run_reloader, &reloader);
	if (error == 0)
		error = ag_keeper_start();
	if (error != 0) {
		ag_log(LOG_ERR, "cannot start: %s", strerror(error));
		return EX_OSERR;
	}
	status = smfi_main();
	reloader.ended = true;
	pthread_kill(thread, SIGHUP);
	pthread_join(thread, NULL);
	ag_keeper_stop();
	ag_log(LOG_INFO, "stopped");
	return status == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}

/* Everything that needs root comes before the privileges go. */
static int
start(const struct options *options, const struct ag_policy *policy,
    const struct ag_watch *watch)
{
	static char name[] = "authgate";
	int status;

	if (!is_carried_out(policy))
		return EX_CONFIG;
	set_limits();
	if (!ag_filter_register(name))
		return EX_SOFTWARE;
	smfi_settimeout((int)ag_policy_time(policy, AG_KEY_TIMEOUT));
	status = ag_socket_open(policy);
	if (status != 0)
		return status;
	status = drop_privileges(ag_policy_text(policy, AG_KEY_USER));
	if (status == 0)
		status = ag_archivedir_prepare(policy);
	if (status == 0)
		status = serve(options, policy, watch);
	ag_socket_remove(policy);
	return status;
}

static int
run(const struct options *options)
{
	const struct ag_policy *policy;
	struct ag_watch watch;
	int status;

	ag_signals_block();
	ag_watch_init(&watch, options->config);
	ag_watch_begin(&watch);
	/* the log's own settings are in the file: errors go to stderr */
	status = ag_command_load(options->config, &policy);
	if (status != EX_OK)
		return status;
	open_log(options, policy);
	status = start(options, policy, &watch);
	ag_policy_unref(policy);
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
