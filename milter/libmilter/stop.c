/* stop.c - keeps SIGHUP out of libmilter's hands */
#include "milter/libmilter/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
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

int
ag_stop_open(void)
{
	stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return stop;
}

bool
ag_stop_came(void)
{
	return stop_came;
}
