#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECONDS 3

static uint64_t current;
static struct timespec began;
static unsigned round_number;

static uint64_t
seed_from_clock(void)
{
	return (uint64_t)began.tv_sec * 1000000000u + (uint64_t)began.tv_nsec;
}

void
random_begin(int argc, char **argv)
{
	clock_gettime(CLOCK_REALTIME, &began);
	current = argc > 1 ? strtoull(argv[1], NULL, 10) : seed_from_clock();
	printf("seed %llu\n", (unsigned long long)current);
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &began);
}

/* splitmix64 */
uint64_t
random_bits(void)
{
	uint64_t z = current += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

unsigned
random_below(unsigned n)
{
	return (unsigned)(random_bits() % n);
}

bool
random_goes_on(unsigned rounds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return round_number++ < rounds && now.tv_sec - began.tv_sec < SECONDS;
}
