/*
 * clock.h - the clock that nobody sets
 */
#ifndef AG_CLOCK_H
#define AG_CLOCK_H

#include <stdint.h>

/* The monotonic clock, in milliseconds. */
int64_t ag_clock_now(void);

#endif
