/*
 * strmap.h - numbers the different strings of a set, from 0 on
 *
 * The one hash table of the library: a caller keeps what belongs to a string
 * in an array of its own, at the string's number.  Strings are compared byte
 * by byte; callers bring them into one form first.  While it grows it belongs
 * to one thread; afterwards any number of threads may search it.
 */
#ifndef AG_STRMAP_H
#define AG_STRMAP_H

#include "text.h"

#define AG_NO_ID UINT32_MAX

struct ag_strmap {
	uint64_t *slots; /* tag in the upper half, number + 1 in the lower */
	uint32_t mask;
	uint32_t n; /* strings, numbered 0 to n - 1 */
	struct ag_strmap_key *keys;
	char *text;
	size_t text_len;
	size_t text_room;
};

/* All zero bytes are an empty map. */
void ag_strmap_free(struct ag_strmap *map);

/* The number of key, a new one if it is not in yet; AG_NO_ID: no memory. */
uint32_t ag_strmap_put(struct ag_strmap *map, struct ag_str key);

/* The number of key or AG_NO_ID. */
uint32_t ag_strmap_find(const struct ag_strmap *map, struct ag_str key);

/* The string with that number; good until the next put. */
struct ag_str ag_strmap_key(const struct ag_strmap *map, uint32_t id);

#endif
