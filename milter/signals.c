#include "signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

/* As POSIX has it, but for SIGHUP. */
int
sigwait(const sigset_t *set, int *signal)
{
	sigset_t mine = *set;
	int taken;

	sigdelset(&mine, SIGHUP);
	do
		taken = sigwaitinfo(&mine, NULL);
	while (taken < 0 && errno == EINTR);
	if (taken < 0)
		return errno;
	*signal = taken;
	return 0;
}

void
ag_signals_block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void
ag_signals_wait_hangup(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	while (sigwaitinfo(&set, NULL) < 0 && errno == EINTR)
		continue;
}
