/*
 * nets_sort.h - networks on their way into a table, and their order
 *
 * A million networks are sorted as records of a few words, by the upper words
 * of their addresses without a comparison, and with comparisons where those
 * are equal.  For nets.c only.
 */
#ifndef AG_NETS_SORT_H
#define AG_NETS_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ag_net_record {
	uint32_t line;
	uint32_t what;      /* length, exception, rare, file */
	uint32_t address[]; /* one word or four, the lowest first */
};

#define AG_WORDS_V4 1
#define AG_WORDS_V6 4

#define AG_RECORD_SIZE(words) ((2 + (size_t)(words)) * sizeof(uint32_t))

/* The bits of what that belong to the order: the exception is the inner one. */
#define AG_RECORD_ORDER 0x1ffu
#define AG_RECORD_RARE 0x200u

static inline uint32_t
ag_record_what(unsigned bits, bool except, uint32_t file)
{
	return file << 16 | bits << 1 | except;
}

static inline unsigned
ag_record_bits(const struct ag_net_record *record)
{
	return (record->what & AG_RECORD_ORDER) >> 1;
}

static inline bool
ag_record_except(const struct ag_net_record *record)
{
	return (record->what & 1) != 0;
}

static inline bool
ag_record_is_rare(const struct ag_net_record *record)
{
	return (record->what & AG_RECORD_RARE) != 0;
}

static inline uint16_t
ag_record_file(const struct ag_net_record *record)
{
	return (uint16_t)(record->what >> 16);
}

/* By address, outer before inner; 0 for the same entry. */
int ag_records_compare(const struct ag_net_record *a,
    const struct ag_net_record *b, unsigned words);

/* Decides between records that ag_records_compare() finds equal. */
typedef int ag_record_tie_fn(const struct ag_net_record *a,
    const struct ag_net_record *b, const void *arg);

/* Sorts n records of so many words; false when there is no memory. */
bool ag_records_sort(void *records, size_t n, unsigned words,
    ag_record_tie_fn *tie, const void *arg);

#endif
