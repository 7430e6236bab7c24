#include "findings.h"

#include <stdlib.h>
#include <string.h>

#include "policy/table/nets_sort.h"

#define RECORDS 5000

/* Of the larger kind; those of IPv4 lie in the same memory. */
static uint32_t records[RECORDS * (2 + AG_WORDS_V6)];
static uint64_t random_state;

static struct ag_net_record *
record_at(size_t i, unsigned words)
{
	return (struct ag_net_record *)(void *)(records + i * (2 + words));
}

static uint32_t
random_word(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1;
	return (uint32_t)(random_state >> 33) * 2 +
	    (uint32_t)(random_state >> 63);
}

/* Words of which the masks leave something. */
static void
fill(size_t n, unsigned words, const uint32_t mask[static AG_WORDS_V6])
{
	random_state = 1;
	for (size_t i = 0; i < n; i++) {
		struct ag_net_record *record = record_at(i, words);

		record->line = (uint32_t)i + 1;
		record->what = ag_record_what(random_word() % (words * 32 + 1),
		    random_word() % 2 == 0, random_word() % 3);
		for (unsigned w = 0; w < words; w++)
			record->address[w] = random_word() & mask[w];
	}
}

/* What is the same entry stands in the order of its lines, backwards. */
static int
compare_ties(const struct ag_net_record *a, const struct ag_net_record *b,
    const void *arg)
{
	assert_ptr_equal(arg, &random_state);
	return (a->line < b->line) - (a->line > b->line);
}

/* Every record is there still, and none stands before a lower one. */
static void
expect_sorted(size_t n, unsigned words)
{
	static bool seen[RECORDS];

	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < n; i++) {
		const struct ag_net_record *record = record_at(i, words);
		int c;

		assert_true(record->line >= 1 && record->line <= n);
		assert_false(seen[record->line - 1]);
		seen[record->line - 1] = true;
		if (i == 0)
			continue;
		c = ag_records_compare(record_at(i - 1, words), record, words);
		assert_true(c <= 0);
		if (c == 0)
			assert_true(
			    record_at(i - 1, words)->line > record->line);
	}
}

static void
sort(size_t n, unsigned words)
{
	assert_true(
	    ag_records_sort(records, n, words, compare_ties, &random_state));
}

static void
test_sorting(void **state)
{
	static const uint32_t masks[][AG_WORDS_V6] = {
		{ ~0u, ~0u, ~0u, ~0u },
		/* a few values, many times */
		{ 3, 0, 1, 0 },
		{ 0, 0, 0, 0 },
		/* one digit differs, a digit's highest bit, the highest word */
		{ 0x00200000, 0, 0, 0 },
		{ 0, 0, 0x00000400, 0 },
		{ 0, 0, 0, 0x80000000u },
		/* the upper words are the same */
		{ ~0u, ~0u, 0, 0 },
	};
	static const size_t sizes[] = { 0, 1, 2, 3, 1023, 1024, RECORDS };

	(void)state;
	for (size_t m = 0; m < ROWS(masks); m++)
		for (size_t s = 0; s < ROWS(sizes); s++) {
			fill(sizes[s], AG_WORDS_V4, masks[m]);
			sort(sizes[s], AG_WORDS_V4);
			expect_sorted(sizes[s], AG_WORDS_V4);
			fill(sizes[s], AG_WORDS_V6, masks[m]);
			sort(sizes[s], AG_WORDS_V6);
			expect_sorted(sizes[s], AG_WORDS_V6);
			/* and what is sorted already */
			sort(sizes[s], AG_WORDS_V6);
			expect_sorted(sizes[s], AG_WORDS_V6);
		}
}

/* By address from the highest word on, outer before inner, exception last. */
static void
test_order(void **state)
{
	static const uint32_t rows[][2 + AG_WORDS_V6] = {
		{ 9, 0, 9, 9, 9, 1 },
		{ 8, 0, 9, 9, 8, 2 },
		{ 7, 0, 9, 8, 9, 2 },
		{ 6, 127 << 1 | 1, 8, 9, 9, 2 },
		{ 5, 128 << 1, 8, 9, 9, 2 },
		{ 4, 128 << 1 | 1, 8, 9, 9, 2 },
		{ 3, 0, 9, 9, 9, 2 },
	};

	(void)state;
	memcpy(records, rows, sizeof(rows));
	for (size_t i = 1; i < ROWS(rows); i++)
		assert_true(ag_records_compare(record_at(i - 1, AG_WORDS_V6),
				record_at(i, AG_WORDS_V6), AG_WORDS_V6) < 0);
	/* neither the line nor the file nor what is rare belongs to it */
	record_at(0, AG_WORDS_V6)[0].line = 1;
	record_at(0, AG_WORDS_V6)[0].what |= AG_RECORD_RARE | 7u << 16;
	memcpy(records + 2 + AG_WORDS_V6, rows, sizeof(rows[0]));
	assert_int_equal(ag_records_compare(record_at(0, AG_WORDS_V6),
			     record_at(1, AG_WORDS_V6), AG_WORDS_V6),
	    0);
}

static void
test_what_is_packed(void **state)
{
	struct ag_net_record *record = record_at(0, AG_WORDS_V4);

	(void)state;
	record->what = ag_record_what(128, true, UINT16_MAX);
	assert_int_equal(ag_record_bits(record), 128);
	assert_true(ag_record_except(record));
	assert_false(ag_record_is_rare(record));
	assert_int_equal(ag_record_file(record), UINT16_MAX);
	record->what = ag_record_what(0, false, 0) | AG_RECORD_RARE;
	assert_int_equal(ag_record_bits(record), 0);
	assert_false(ag_record_except(record));
	assert_true(ag_record_is_rare(record));
	assert_int_equal(ag_record_file(record), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorting),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_what_is_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
