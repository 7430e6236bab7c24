/* signals.c - keeps SIGHUP out of libmilter's hands */
#include "milter/libmilter/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* What libmilter waits for makes it stop, and others want to know. */
static int stop = -1;
static atomic_bool stop_came;

/* As POSIX has it, but for SIGHUP. */
int
sigwait(const sigset_t *set, int *signal)
{
	const uint64_t one = 1;
	sigset_t mine = *set;
	int taken;

	sigdelset(&mine, SIGHUP);
	do
		taken = sigwaitinfo(&mine, NULL);
	while (taken < 0 && errno == EINTR);
	if (taken < 0)
		return errno;
	*signal = taken;
	stop_came = true;
	if (stop >= 0)
		(void)!write(stop, &one, sizeof(one));
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

int
ag_signals_open_stop(void)
{
	stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return stop;
}

bool
ag_signals_stop_came(void)
{
	return stop_came;
}

int
ag_signals_open_hangup(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool
ag_signals_take_hangup(int fd)
{
	struct signalfd_siginfo info;
	bool any = false;

	while (read(fd, &info, sizeof(info)) > 0)
		any = true;
	return any;
}
