/* reloader.c - loads the policy at the start and when files change */
#include "milter/daemon/reloader.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/archive/dir.h"
#include "milter/archive/keeper.h"
#include "milter/base/clock.h"
#include "milter/base/findings.h"
#include "milter/base/fixed.h"
#include "milter/base/limits.h"
#include "milter/base/log.h"
#include "milter/base/signals.h"
#include "milter/base/socket.h"
#include "milter/base/store.h"
#include "milter/base/systemd.h"
#include "milter/daemon/control.h"
#include "milter/daemon/good.h"
#include "milter/daemon/state.h"

/* What was freed goes back to the system, where the library keeps it. */
static void
give_back_memory(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/* ---- findings ---- */

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
		    "... and %u more %s; \"authgate check\" prints all", n,
		    ag_plural(n, "finding", "findings"));
}

struct start {
	struct ag_printer printer;
	const char *user; /* who reads, instead of root; or NULL */
};

/* At the start the log's own settings are not known: findings go to stderr. */
static void
print_finding(void *arg, enum ag_severity severity,
    const struct ag_origin *where, const char *text)
{
	struct start *start = arg;
	char named[AG_LOG_LINE_MAX];

	ag_state_finding(severity, where, text);
	if (severity < AG_BAD_LINE)
		return;
	if (start->user != NULL && strstr(text, strerror(EACCES)) != NULL) {
		snprintf(named, sizeof(named), "%s for the user %s", text,
		    start->user);
		text = named;
	}
	ag_print_finding(&start->printer, severity, where, text);
}

/* ---- a policy comes into force ---- */

static void
open_log(const struct ag_reloader *reloader, const struct ag_policy *policy)
{
	ag_log_open(ag_policy_text(policy, AG_KEY_IDENT),
	    ag_policy_text(policy, AG_KEY_FACILITY), reloader->only_stderr);
}

int
ag_reloader_load(struct ag_reloader *reloader, const char *user,
    const struct ag_good *good, const struct ag_policy **policy)
{
	struct ag_watch *watch = &reloader->watch;
	struct start start = { { stderr, watch->config }, user };
	struct ag_diag diag = { .emit = print_finding, .arg = &start };
	struct ag_reading reading = ag_watch_begin(watch);
	/* a policy like those beside which others are loaded */
	struct ag_loading loading = { .path = watch->config,
		.diag = &diag,
		.good = good,
		.reading = &reading,
		.keeps_texts = true };
	int status;

	ag_state_begin();
	ag_state_loading(false);
	status = ag_findings_exit_status(ag_policy_load_with(&loading, policy));
	if (status == 0)
		open_log(reloader, *policy);
	return status;
}

void
ag_reloader_put(const struct ag_policy *policy)
{
	unsigned generation = ag_store_put(policy);

	/* nobody else puts one in its place */
	ag_state_loaded(policy, generation);
	ag_state_keeps(policy);
}

void
ag_reloader_announce(void)
{
	struct ag_snapshot in_force = ag_store_get();
	char text[300];
	struct ag_buf sizes = AG_BUF(text);
	size_t killed;

	ag_findings_write_sizes(in_force.policy, &sizes);
	ag_log(LOG_INFO, "policy gen=%u is in force: digest=%016llx, %s",
	    in_force.generation,
	    (unsigned long long)ag_policy_digest(in_force.policy), text);
	killed = ag_policy_sizes(in_force.policy).killed;
	ag_notify_status("policy %u in force, %zu %s", in_force.generation,
	    killed, ag_plural(killed, "kill entry", "kill entries"));
	ag_policy_unref(in_force.policy);
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
	/* who reads the line finds the numbers changed */
	ag_state_failed();
	if (ag_state_has_news())
		ag_log(LOG_ERR, "the old policy stays in force");
	ag_notify_status("the last reload failed; see the log");
}

static void
put_new(struct ag_reloader *reloader, const struct ag_policy *policy)
{
	open_log(reloader, policy);
	warn_of_restart(policy);
	/* it has logged what cannot be used; there [archive] on_error holds */
	ag_archivedir_prepare(policy, 0);
	ag_reloader_put(policy);
	ag_keeper_wake();
	ag_good_wake();
	ag_reloader_announce();
}

/* Says which files stay as they were, where all else is in force. */
static void
log_names(const struct ag_policy *policy)
{
	const struct ag_kept *kept;
	size_t n = ag_policy_kept(policy, &kept);
	char text[600];
	struct ag_buf names = AG_BUF(text);

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		ag_buf_printf(&names, "%s%s", i > 0 ? ", " : "", kept[i].shown);
	ag_log(LOG_ERR,
	    "%zu %s as last good, for what is in %s now is broken: %s; all "
	    "else is in force",
	    n, ag_plural(n, "file stays", "files stay"),
	    ag_plural(n, "it", "them"), text);
}

static void
log_kept(const struct ag_policy *policy)
{
	if (ag_state_has_news())
		log_names(policy);
}

/* Milliseconds between two reminders of what is kept. */
#define REMIND_MS INT64_C(3600000)

static void
remind(struct ag_reloader *reloader)
{
	struct ag_snapshot snapshot;

	if (ag_state_facts().kept == 0 || ag_clock_now() < reloader->remind_at)
		return;
	snapshot = ag_store_get();
	log_names(snapshot.policy);
	ag_policy_unref(snapshot.policy);
	reloader->remind_at = ag_clock_now() + REMIND_MS;
}

/* The files say nothing new, but what is not taken. */
static bool
is_all_kept(const struct ag_policy *in_force, const struct ag_policy *policy)
{
	const struct ag_kept *kept;

	return ag_policy_kept(policy, &kept) > 0 &&
	    ag_policy_digest(policy) == ag_policy_digest(in_force);
}

/* The new policy is in force, or the old one stays. */
static void
take_policy(struct ag_reloader *reloader, const struct ag_policy *in_force,
    const struct ag_policy *policy)
{
	if (policy == NULL || is_all_kept(in_force, policy)) {
		ag_state_keeps(policy);
		stay();
		if (policy != NULL)
			ag_store_replace(policy);
		return;
	}
	put_new(reloader, policy);
	log_kept(policy);
	if (ag_state_facts().kept > 0)
		ag_notify_status("some files are kept as last good; see the "
				 "log");
}

static void
attempt(struct ag_reloader *reloader)
{
	struct ag_snapshot snapshot = ag_store_get();
	struct ag_diag diag = { .emit = log_finding };
	struct ag_loading loading = { .path = reloader->watch.config,
		.diag = &diag,
		.in_force = snapshot.policy,
		.keeps_texts = true,
		.rereads = reloader->hangup_load || reloader->watch.rereads,
		.hangup = reloader->hangup_load,
		.accept = reloader->accept };
	struct ag_reading reading = ag_watch_begin(&reloader->watch);
	const struct ag_policy *policy;
	enum ag_load_status status;

	loading.reading = &reading;
	status = ag_policy_load_with(&loading, &policy);
	log_left_out();
	take_policy(reloader, snapshot.policy, policy);
	reloader->remind_at = ag_clock_now() + REMIND_MS;
	ag_policy_unref(snapshot.policy);
	ag_watch_loaded(&reloader->watch,
	    status == AG_LOAD_NOT_NOW || loading.may_pass);
	ag_store_sweep();
	give_back_memory();
}

/* On SIGHUP a file of no bytes is meant: so an empty list is made to hold. */
static void
reload(struct ag_reloader *reloader, bool hangup)
{
	reloader->hangup_load = hangup;
	ag_notify_reloading();
	ag_state_loading(false);
	attempt(reloader);
	ag_notify_ready();
}

/* Nobody asked for it: what is found again is not told again. */
static void
try_again(struct ag_reloader *reloader)
{
	ag_state_loading(true);
	attempt(reloader);
}

/* ---- the thread ---- */

/* Milliseconds between two knocks, until libmilter has noticed. */
#define KNOCK_MS 20

/* libmilter waits for its sessions, and at times for ever. */
#define GIVE_UP_MS 10000

static void
give_up(void)
{
	ag_log(LOG_WARNING, "libmilter did not stop within %d seconds; stopped",
	    GIVE_UP_MS / 1000);
	ag_control_remove();
	ag_socket_remove();
	ag_log_stop();
	_exit(EX_OK);
}

static void
hasten_the_end(const struct ag_reloader *reloader)
{
	int64_t end = ag_clock_now() + GIVE_UP_MS;

	while (!reloader->ended) {
		ag_socket_knock();
		poll(NULL, 0, KNOCK_MS);
		if (ag_clock_now() > end)
			give_up();
	}
}

/* To be freed; NULL: no memory. */
static char *
answer_wish(struct ag_reloader *reloader, enum ag_wish wish,
    const struct ag_control_client *client)
{
	static const char refused[] =
	    "{\"error\":\"only root and the daemon's user may reload\"}";
	struct ag_known_file file = { reloader->watch.config, NULL, 0 };

	switch (wish) {
	case AG_WISH_RELOAD:
		reloader->accept =
		    client->accept[0] != '\0' ? client->accept : NULL;
		reload(reloader, reloader->accept == NULL);
		reloader->accept = NULL;
		return ag_state_reload();
	case AG_WISH_LOOK:
		/* who asks has just changed it: it is not half written */
		if (ag_watch_changed(&reloader->watch))
			reload(reloader, false);
		file.shown = ag_watch_find(&reloader->watch, client->device,
		    client->inode, &file.fingerprint);
		return ag_state_look(&file);
	case AG_WISH_REFUSED:
		return strdup(refused);
	case AG_WISH_STATUS:
	case AG_WISH_NONE:
		break;
	}
	return ag_state_status();
}

static void
serve_clients(struct ag_reloader *reloader)
{
	struct ag_control_client *client;
	enum ag_wish wish;

	while ((client = ag_control_serve(&reloader->control, ag_clock_now(),
		    &wish)) != NULL) {
		char *text = answer_wish(reloader, wish, client);

		ag_control_answer(client, ag_clock_now(), text);
	}
}

/* False when the files have nothing to do. */
static bool
serve_files(struct ag_reloader *reloader)
{
	switch (ag_watch_due(&reloader->watch)) {
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

#define FDS (3 + AG_CONTROL_FDS)

static void
wait_for_work(const struct ag_reloader *reloader, struct pollfd fds[static FDS])
{
	int timeout = ag_watch_timeout(&reloader->watch);

	fds[0] = (struct pollfd){ reloader->hangup, POLLIN, 0 };
	fds[1] = (struct pollfd){ reloader->watch.inotify, POLLIN, 0 };
	fds[2] = (struct pollfd){ reloader->stop, POLLIN, 0 };
	ag_control_wait(&reloader->control, ag_clock_now(), fds + 3, &timeout);
	poll(fds, FDS, timeout);
}

void *
ag_reloader_run(void *arg)
{
	struct ag_reloader *reloader = arg;

	ag_watch_loaded(&reloader->watch, false);
	remind(reloader);
	for (;;) {
		struct pollfd fds[FDS];

		wait_for_work(reloader, fds);
		if (reloader->ended)
			break;
		ag_limits_tell();
		remind(reloader);
		if (ag_store_sweep())
			give_back_memory();
		if (fds[2].revents != 0)
			hasten_the_end(reloader);
		else if (ag_signals_take(reloader->hangup))
			reload(reloader, true);
		else if (!serve_files(reloader))
			serve_clients(reloader);
	}
	return NULL;
}
