/* signals.c - takes signals as they come, in no handler */
#include "milter/base/signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t
set_of(bool hangup, bool stop)
{
	sigset_t set;

	sigemptyset(&set);
	if (hangup)
		sigaddset(&set, SIGHUP);
	if (stop) {
		sigaddset(&set, SIGTERM);
		sigaddset(&set, SIGINT);
	}
	return set;
}

void
ag_signals_block(void)
{
	sigset_t set = set_of(true, true);

	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int
ag_signals_open_hangup(void)
{
	sigset_t set = set_of(true, false);

	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
ag_signals_open_stop(void)
{
	sigset_t set = set_of(false, true);

	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool
ag_signals_take(int fd)
{
	struct signalfd_siginfo info;
	bool any = false;

	while (read(fd, &info, sizeof(info)) > 0)
		any = true;
	return any;
}
