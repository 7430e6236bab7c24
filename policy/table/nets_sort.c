/* nets_sort.c - sorts networks on their way into a table */
#include "policy/table/nets_sort.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/pages.h"

/* Eleven bits a digit: the counters of one fit into the first-level cache. */
#define DIGIT_BITS 11
#define DIGIT_SIZE (1u << DIGIT_BITS)
#define DIGITS_A_WORD 3
#define DIGITS_MAX (2 * DIGITS_A_WORD)

/* Below this counting takes longer than comparing. */
#define COUNT_FROM 1024

struct order {
	unsigned words;
	ag_record_tie_fn *tie;
	const void *arg;
};

int
ag_records_compare(const struct ag_net_record *a, const struct ag_net_record *b,
    unsigned words)
{
	uint32_t x, y;

	for (unsigned i = words; i > 0; i--)
		if (a->address[i - 1] != b->address[i - 1])
			return a->address[i - 1] < b->address[i - 1] ? -1 : 1;
	x = a->what & AG_RECORD_ORDER;
	y = b->what & AG_RECORD_ORDER;
	return (x > y) - (x < y);
}

static int
compare(const void *a, const void *b, void *arg)
{
	const struct order *order = arg;
	int c = ag_records_compare(a, b, order->words);

	return c != 0 ? c : order->tie(a, b, order->arg);
}

static struct ag_net_record *
at(void *records, size_t i, unsigned words)
{
	return (struct ag_net_record *)(void *)((char *)records +
	    i * AG_RECORD_SIZE(words));
}

static bool
is_sorted(void *records, size_t n, struct order *order)
{
	for (size_t i = 1; i < n; i++)
		if (compare(at(records, i - 1, order->words),
			at(records, i, order->words), order) > 0)
			return false;
	return true;
}

/* ---- by counting ---- */

/* The upper two words at most: so much nearly always differs. */
static unsigned
counted_words(unsigned words)
{
	return words < 2 ? words : 2;
}

static inline uint32_t
digit_of(const struct ag_net_record *record, unsigned words, unsigned digit)
{
	uint32_t word =
	    record
		->address[words - counted_words(words) + digit / DIGITS_A_WORD];

	return word >> digit % DIGITS_A_WORD * DIGIT_BITS & (DIGIT_SIZE - 1);
}

static inline void
count_digits(void *records, size_t n, unsigned words, unsigned digits,
    uint32_t (*count)[DIGIT_SIZE])
{
	for (size_t i = 0; i < n; i++)
		for (unsigned d = 0; d < digits; d++)
			count[d][digit_of(at(records, i, words), words, d)]++;
}

/* From how many there are of each to where the first of each goes. */
static void
count_to_place(uint32_t count[static DIGIT_SIZE])
{
	uint32_t place = 0;

	for (unsigned i = 0; i < DIGIT_SIZE; i++) {
		uint32_t n = count[i];

		count[i] = place;
		place += n;
	}
}

static inline void
move_by_digit(void *from, void *to, size_t n, unsigned words, unsigned digit,
    uint32_t place[static DIGIT_SIZE])
{
	for (size_t i = 0; i < n; i++) {
		struct ag_net_record *record = at(from, i, words);

		memcpy(at(to, place[digit_of(record, words, digit)]++, words),
		    record, AG_RECORD_SIZE(words));
	}
}

/* Inlined with a constant number of words, which makes it twice as fast. */
static inline void
sort_by_digits(void *records, void *spare, size_t n, unsigned words,
    uint32_t (*count)[DIGIT_SIZE])
{
	unsigned digits = counted_words(words) * DIGITS_A_WORD;
	void *from = records, *to = spare;

	count_digits(records, n, words, digits, count);
	for (unsigned d = 0; d < digits; d++) {
		void *swap = from;

		/* all are the same here */
		if (count[d][digit_of(at(from, 0, words), words, d)] == n)
			continue;
		count_to_place(count[d]);
		move_by_digit(from, to, n, words, d, count[d]);
		from = to;
		to = swap;
	}
	if (from != records)
		memcpy(records, from, n * AG_RECORD_SIZE(words));
}

static bool
count_sort(void *records, size_t n, unsigned words)
{
	uint32_t(*count)[DIGIT_SIZE] = calloc(DIGITS_MAX, sizeof(*count));
	void *spare = malloc(n * AG_RECORD_SIZE(words));
	bool ok = count != NULL && spare != NULL;

	ag_pages_large(spare, n * AG_RECORD_SIZE(words));
	if (ok && words == AG_WORDS_V4)
		sort_by_digits(records, spare, n, AG_WORDS_V4, count);
	else if (ok)
		sort_by_digits(records, spare, n, AG_WORDS_V6, count);
	free(count);
	free(spare);
	return ok;
}

/* ---- by comparing ---- */

static bool
same_upper_words(const struct ag_net_record *a, const struct ag_net_record *b,
    unsigned words)
{
	for (unsigned i = words; i > words - counted_words(words); i--)
		if (a->address[i - 1] != b->address[i - 1])
			return false;
	return true;
}

static void
sort_equal_ones(void *records, size_t n, struct order *order)
{
	unsigned words = order->words;

	for (size_t first = 0, end; first < n; first = end) {
		for (end = first + 1; end < n; end++)
			if (!same_upper_words(at(records, first, words),
				at(records, end, words), words))
				break;
		if (end - first > 1)
			qsort_r(at(records, first, words), end - first,
			    AG_RECORD_SIZE(words), compare, order);
	}
}

bool
ag_records_sort(void *records, size_t n, unsigned words, ag_record_tie_fn *tie,
    const void *arg)
{
	struct order order = { words, tie, arg };

	if (n < 2 || is_sorted(records, n, &order))
		return true;
	if (n < COUNT_FROM) {
		qsort_r(records, n, AG_RECORD_SIZE(words), compare, &order);
		return true;
	}
	if (!count_sort(records, n, words))
		return false;
	sort_equal_ones(records, n, &order);
	return true;
}
