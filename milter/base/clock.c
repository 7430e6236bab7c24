/* clock.c - reads the clock that nobody sets */
#include "milter/base/clock.h"

#include <time.h>

int64_t
ag_clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}
