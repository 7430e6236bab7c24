/* A clock that is an hour behind that of the files.  To be preloaded. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

typedef int clock_fn(clockid_t clock, struct timespec *ts);

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	static clock_fn *real;
	int status;

	if (real == NULL)
		real = (clock_fn *)dlsym(RTLD_NEXT, "clock_gettime");
	status = real(clock, ts);
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		ts->tv_sec -= 3600;
	return status;
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
