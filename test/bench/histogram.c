#include "histogram.h"

/* Values below 64 have a bucket each; above, 64 for each power of two. */
static unsigned
bucket_of(uint64_t value)
{
	unsigned power;

	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	power = 63 - (unsigned)__builtin_clzll(value);
	return (power - 5) * HISTOGRAM_STEPS +
	    (unsigned)(value >> (power - 6)) - HISTOGRAM_STEPS;
}

static uint64_t
highest_in(unsigned bucket)
{
	unsigned power = bucket / HISTOGRAM_STEPS + 5;
	uint64_t step = bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS;

	if (bucket < HISTOGRAM_STEPS)
		return bucket;
	return ((step + 1) << (power - 6)) - 1;
}

void
histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->n++;
	histogram->bucket[bucket_of(value)]++;
	if (value > histogram->max)
		histogram->max = value;
}

uint64_t
histogram_at(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)histogram->n), seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (seen > wanted || seen == histogram->n)
			return highest_in(i) < histogram->max ? highest_in(i) :
								histogram->max;
	}
	return histogram->max;
}

static double
in_us(uint64_t value)
{
	return (double)value / 1000;
}

void
histogram_print(const struct histogram *h, FILE *out)
{
	fprintf(out,
	    "{\"n\": %llu, \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, "
	    "\"p99.9\": %.1f, \"max\": %.1f}",
	    (unsigned long long)h->n, in_us(histogram_at(h, 0.5)),
	    in_us(histogram_at(h, 0.9)), in_us(histogram_at(h, 0.99)),
	    in_us(histogram_at(h, 0.999)), in_us(h->max));
}
