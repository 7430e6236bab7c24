/*
 * histogram.h - latencies, counted in buckets that are 1.6 % wide
 *
 * Fixed size, whatever is added: a run of any length can be kept.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

/* Of each power of two. */
#define HISTOGRAM_STEPS 64
#define HISTOGRAM_BUCKETS ((64 - 5) * HISTOGRAM_STEPS)

/* All zero bytes are empty. */
struct histogram {
	uint64_t n;
	uint64_t max;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* A value in nanoseconds. */
void histogram_add(struct histogram *histogram, uint64_t value);

/* The value that the share, 0 to 1, of all stay below or at; 0 when empty. */
uint64_t histogram_at(const struct histogram *histogram, double share);

/* Writes a JSON object of microseconds: n, p50, p90, p99, p99.9, max. */
void histogram_print(const struct histogram *histogram, FILE *out);

#endif
