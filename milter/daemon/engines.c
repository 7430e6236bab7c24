/* engines.c - the engine of our own, and libmilter where it is wanted */
#include "milter/daemon/engines.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/base/count.h"
#include "milter/base/signals.h"
#include "milter/engine/bad.h"
#include "milter/engine/door.h"
#include "milter/engine/loop.h"

#ifdef HAVE_LIBMILTER
#include <libmilter/mfapi.h>

#include "milter/libmilter/filter.h"
#include "milter/libmilter/stop.h"
#endif

/* ---- our own ---- */

static unsigned patience;

/* More threads than processors gain nothing. */
#define THREADS_MAX 64

static unsigned
processors(void)
{
	cpu_set_t set;
	int n =
	    sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

static bool
prepare_builtin(unsigned timeout)
{
	patience = timeout;
	return true;
}

static int
need_no_knocks(void)
{
	return AG_NO_KNOCKS;
}

static int stop = -1;

static int
begin_builtin(void)
{
	stop = ag_signals_open_stop();
	if (stop < 0)
		return errno;
	return ag_loop_start(ag_door(), processors(), patience);
}

static int
serve_builtin(void)
{
	struct pollfd fd = { stop, POLLIN, 0 };

	while (poll(&fd, 1, -1) < 0 || !ag_signals_take(stop))
		continue;
	close(stop);
	return 0;
}

static const struct ag_engine builtin = { "builtin", prepare_builtin,
	ag_door_open, need_no_knocks, begin_builtin, serve_builtin,
	ag_loop_stop };

/* ---- libmilter ---- */

#ifdef HAVE_LIBMILTER

static bool
prepare_libmilter(unsigned timeout)
{
	static char name[] = "authgate";

	if (!ag_filter_register(name))
		return false;
	smfi_settimeout((int)timeout);
	return true;
}

/* It does that where it serves. */
static int
begin_libmilter(void)
{
	return 0;
}

static int
serve_libmilter(void)
{
	int status = smfi_main();

	/* it fails where it is told to stop while it begins */
	return status == MI_SUCCESS || ag_stop_came() ? 0 : EX_SOFTWARE;
}

/* smfi_main() has done it. */
static void
end_libmilter(void)
{
}

static const struct ag_engine libmilter = { "libmilter", prepare_libmilter,
	ag_filter_listen, ag_stop_open, begin_libmilter, serve_libmilter,
	end_libmilter };

#endif

/* ---- both ---- */

/* Before there is any other thread. */
static const struct ag_engine *chosen = &builtin;

const struct ag_engine *
ag_engine_choose(struct ag_str name)
{
	const struct ag_engine *engine = NULL;

	if (ag_str_eq(name, ag_str(builtin.name)))
		engine = &builtin;
#ifdef HAVE_LIBMILTER
	if (ag_str_eq(name, ag_str(libmilter.name)))
		engine = &libmilter;
#endif
	if (engine != NULL)
		chosen = engine;
	return engine;
}

struct ag_engine_facts
ag_engine_facts(void)
{
	if (chosen == &builtin)
		return (struct ag_engine_facts){ chosen->name,
			ag_loop_threads(), ag_loop_connections(),
			ag_bad_count() };
	return (struct ag_engine_facts){ chosen->name, 0,
		ag_count_sessions_open(), 0 };
}
