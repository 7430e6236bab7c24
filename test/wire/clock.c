/*
 * For LD_PRELOAD: the time of day is four years ahead, and the clock that only
 * goes on is nearly an hour behind.  What waits for an hour by the latter has
 * waited already; by the former it waits for years.
 */
#include <time.h>

#include <sys/syscall.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now);

int
clock_gettime(clockid_t id, struct timespec *now)
{
	long status = syscall(SYS_clock_gettime, id, now);

	if (id == CLOCK_REALTIME)
		now->tv_sec += 4 * 365 * 86400;
	else if (id == CLOCK_MONOTONIC)
		now->tv_sec -= 3598;
	return (int)status;
}
