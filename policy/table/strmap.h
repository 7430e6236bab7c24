/*
 * strmap.h - a set of strings, each with a number of the caller's
 *
 * The one hash table of the library: a caller keeps what belongs to a string
 * in an array of its own and the place in that array here.  Strings are
 * compared byte by byte; callers bring them into one form first.  While it
 * grows it belongs to one thread; afterwards any number of threads may search
 * it.
 *
 * Each map has a seed of its own, so that nobody can write a list of strings
 * that all meet in one place.
 */
#ifndef AG_STRMAP_H
#define AG_STRMAP_H

#include "policy/base/text.h"

#define AG_NO_ID UINT32_MAX

/* A longer string cannot be put in. */
#define AG_STRMAP_KEY_MAX UINT16_MAX

/* All zero bytes are an empty map. */
struct ag_strmap {
	uint64_t *slots; /* tag above, id + 1 below, in that order; 0: free */
	uint32_t nslots;
	uint32_t n; /* strings */
	uint64_t seed;
	struct ag_strmap_unit *units; /* records, one behind the other */
	size_t used;                  /* units */
	size_t room;
};

void ag_strmap_free(struct ag_strmap *map);

/*
 * The id of key, which is put in if it is not in yet; AG_NO_ID: it is too long,
 * or there is no memory.  An id is good as long as the map; those of later
 * strings are higher.
 */
uint32_t ag_strmap_put(struct ag_strmap *map, struct ag_str key);

/*
 * Makes room for so many times what is in.  It is a guess that saves moving
 * all that again and again: more or less may come, and room that cannot be had
 * is done without.
 */
void ag_strmap_reserve(struct ag_strmap *map, double times);

/*
 * ag_strmap_put() of what ag_strmap_expect() was told of: a string is hashed
 * once.  The map has had room for a string before (ag_strmap_begin()).
 */
bool ag_strmap_begin(struct ag_strmap *map);
uint32_t ag_strmap_put_expected(struct ag_strmap *map, struct ag_str key,
    uint32_t expected);

/*
 * Says that key will soon be put or found: what memory that reads first is
 * fetched meanwhile, which is most of what it takes in a large map.  What it
 * returns is for ag_strmap_find_expected(), and good until the next put.
 */
uint32_t ag_strmap_expect(const struct ag_strmap *map, struct ag_str key);

/* The id of key or AG_NO_ID. */
uint32_t ag_strmap_find(const struct ag_strmap *map, struct ag_str key);
uint32_t ag_strmap_find_expected(const struct ag_strmap *map, struct ag_str key,
    uint32_t expected);

/* The string with that id; good until the next put. */
struct ag_str ag_strmap_key(const struct ag_strmap *map, uint32_t id);

/* The caller's number, 0 until it is set. */
uint32_t ag_strmap_number(const struct ag_strmap *map, uint32_t id);
void ag_strmap_set_number(struct ag_strmap *map, uint32_t id, uint32_t number);

/* All strings as they were put in: the first id, and the one behind id. */
uint32_t ag_strmap_first(const struct ag_strmap *map);
uint32_t ag_strmap_next(const struct ag_strmap *map, uint32_t id);

/* Gives back what memory is left over, when nothing more is put in. */
void ag_strmap_trim(struct ag_strmap *map);

#endif
