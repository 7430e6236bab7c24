/*
 * A clock that is an hour behind that of the files.  To be preloaded.  The
 * system is asked itself: dlsym() allocates, which a sanitizer that is just
 * starting, and asks for the time, does not bear.
 */
#include <time.h>

#include <sys/syscall.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *ts);

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	long status = syscall(SYS_clock_gettime, clock, ts);

	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		ts->tv_sec -= 3600;
	return (int)status;
}

time_t
time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}
