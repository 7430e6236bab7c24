/* strmap.c - the hash table of strings */
#include "policy/table/strmap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "policy/base/pages.h"

/* Ids count these, so that the records may fill 16 GB. */
struct ag_strmap_unit {
	uint32_t word;
};

/* What lies in the units: of a found string it is all in one place. */
struct record {
	uint32_t number;
	uint16_t len;
	char text[];
};

#define FIRST_SLOTS 32u
#define TEXT_OFFSET offsetof(struct record, text)

void
ag_strmap_free(struct ag_strmap *map)
{
	free(map->slots);
	free(map->units);
	*map = (struct ag_strmap){ 0 };
}

static struct record *
record_of(const struct ag_strmap *map, uint32_t id)
{
	return (struct record *)(void *)(map->units + id);
}

struct ag_str
ag_strmap_key(const struct ag_strmap *map, uint32_t id)
{
	const struct record *record = record_of(map, id);

	return (struct ag_str){ record->text, record->len };
}

uint32_t
ag_strmap_number(const struct ag_strmap *map, uint32_t id)
{
	return record_of(map, id)->number;
}

void
ag_strmap_set_number(struct ag_strmap *map, uint32_t id, uint32_t number)
{
	record_of(map, id)->number = number;
}

static size_t
units_of(size_t len)
{
	const size_t unit = sizeof(struct ag_strmap_unit);

	return (TEXT_OFFSET + len + unit - 1) / unit;
}

uint32_t
ag_strmap_first(const struct ag_strmap *map)
{
	return map->n > 0 ? 0 : AG_NO_ID;
}

uint32_t
ag_strmap_next(const struct ag_strmap *map, uint32_t id)
{
	size_t next = id + units_of(record_of(map, id)->len);

	return next < map->used ? (uint32_t)next : AG_NO_ID;
}

/* ---- slots ---- */

static uint32_t
hash(const struct ag_strmap *map, struct ag_str key)
{
	return (uint32_t)(XXH3_64bits_withSeed(key.len > 0 ? key.ptr : "",
			      key.len, map->seed) >>
	    32);
}

static uint32_t
tag_of(uint64_t slot)
{
	return (uint32_t)(slot >> 32);
}

static uint32_t
id_of(uint64_t slot)
{
	return (uint32_t)slot - 1;
}

/*
 * Where the search for a tag begins.  Slots lie in the order of their tags, and
 * behind those that tags lead to there are some more, of which the very last
 * one stays free: a search goes one way and ends at the first tag that is not
 * lower.  When the map grows, both arrays are walked through once and no string
 * is looked at.
 */
static uint32_t
home_of(uint32_t nslots, uint32_t tag)
{
	return (uint32_t)((uint64_t)tag * nslots >> 32);
}

/* No cluster of slots at three quarters gets this long, by any chance. */
#define SPARE_SLOTS ((size_t)64)

/* The first slot that is free or has no lower tag. */
static uint64_t *
seek(const struct ag_strmap *map, uint32_t tag)
{
	uint64_t *at = &map->slots[home_of(map->nslots, tag)];

	/* of a free one this is the highest number */
	while (*at - 1 < (uint64_t)tag << 32)
		at++;
	return at;
}

/* The slot that holds key, or NULL; *place is where it would be put. */
static const uint64_t *
find_slot(const struct ag_strmap *map, struct ag_str key, uint32_t tag,
    uint64_t **place)
{
	uint64_t *at = *place = seek(map, tag);

	for (; *at != 0 && tag_of(*at) == tag; at++)
		if (ag_str_eq(ag_strmap_key(map, id_of(*at)), key))
			return at;
	return NULL;
}

uint32_t
ag_strmap_expect(const struct ag_strmap *map, struct ag_str key)
{
	uint32_t tag;

	if (map->nslots == 0)
		return 0;
	tag = hash(map, key);
	__builtin_prefetch(&map->slots[home_of(map->nslots, tag)]);
	return tag;
}

uint32_t
ag_strmap_find_expected(const struct ag_strmap *map, struct ag_str key,
    uint32_t tag)
{
	const uint64_t *slot;
	uint64_t *place;

	if (map->n == 0)
		return AG_NO_ID;
	slot = find_slot(map, key, tag, &place);
	return slot != NULL ? id_of(*slot) : AG_NO_ID;
}

uint32_t
ag_strmap_find(const struct ag_strmap *map, struct ag_str key)
{
	if (map->n == 0)
		return AG_NO_ID;
	return ag_strmap_find_expected(map, key, hash(map, key));
}

/* Puts a slot in, and those that are there one place behind. */
static void
insert(uint64_t *place, uint64_t slot)
{
	for (; slot != 0; place++) {
		uint64_t there = *place;

		*place = slot;
		slot = there;
	}
}

/* Copies all slots into an array of another size; false when they do not fit.
 */
static bool
copy_slots(const struct ag_strmap *map, uint64_t *to, uint32_t nslots)
{
	size_t next = 0;

	for (size_t i = 0; i < map->nslots + SPARE_SLOTS && map->n > 0; i++) {
		size_t home = home_of(nslots, tag_of(map->slots[i]));

		if (map->slots[i] == 0)
			continue;
		if (next < home)
			next = home;
		if (next == nslots + SPARE_SLOTS)
			return false;
		to[next++] = map->slots[i];
	}
	return true;
}

/* Moves all slots into an array of another size. */
static bool
resize(struct ag_strmap *map, uint32_t nslots)
{
	size_t n = nslots + SPARE_SLOTS + 1;
	uint64_t *slots = calloc(n, sizeof(*slots));

	if (slots != NULL)
		ag_pages_large(slots, n * sizeof(*slots));
	if (slots == NULL || !copy_slots(map, slots, nslots)) {
		free(slots);
		return false;
	}
	free(map->slots);
	map->slots = slots;
	map->nslots = nslots;
	return true;
}

/* Its own address, which differs from run to run, if there is nothing better.
 */
static uint64_t
new_seed(const struct ag_strmap *map)
{
	uint64_t seed = (uint64_t)(uintptr_t)map;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed *= UINT64_C(0x9e3779b97f4a7c15);
	return seed;
}

static uint32_t
most_strings(uint32_t nslots)
{
	return nslots / 4 * 3;
}

/* Three quarters of the slots are in use, at most, and never the last ones. */
static bool
is_full(const struct ag_strmap *map)
{
	return map->n >= most_strings(map->nslots) ||
	    map->slots[map->nslots + SPARE_SLOTS - 1] != 0;
}

bool
ag_strmap_begin(struct ag_strmap *map)
{
	if (map->nslots > 0)
		return true;
	map->seed = new_seed(map);
	return resize(map, FIRST_SLOTS);
}

static bool
grow(struct ag_strmap *map)
{
	if (map->nslots == 0)
		return ag_strmap_begin(map);
	return map->nslots <= UINT32_MAX / 2 && resize(map, map->nslots * 2);
}

/* ---- records ---- */

static bool
resize_units(struct ag_strmap *map, size_t room)
{
	struct ag_strmap_unit *units =
	    realloc(map->units, room * sizeof(*units));

	if (units == NULL)
		return false;
	ag_pages_large(units, room * sizeof(*units));
	map->units = units;
	map->room = room;
	return true;
}

/* The id of a new record; AG_NO_ID: no memory. */
static uint32_t
add_record(struct ag_strmap *map, struct ag_str key)
{
	size_t n = units_of(key.len), room = map->room;
	uint32_t id = (uint32_t)map->used;
	struct record *record;

	if (key.len > AG_STRMAP_KEY_MAX || map->used + n >= AG_NO_ID)
		return AG_NO_ID;
	while (room - map->used < n)
		room = room == 0 ? 256 : room * 2;
	if (room != map->room && !resize_units(map, room))
		return AG_NO_ID;
	record = record_of(map, id);
	record->number = 0;
	record->len = (uint16_t)key.len;
	if (key.len > 0)
		memcpy(record->text, key.ptr, key.len);
	map->used += n;
	return id;
}

uint32_t
ag_strmap_put_expected(struct ag_strmap *map, struct ag_str key, uint32_t tag)
{
	const uint64_t *known;
	uint64_t *place;
	uint32_t id;

	if (is_full(map) && !grow(map))
		return AG_NO_ID;
	known = find_slot(map, key, tag, &place);
	if (known != NULL)
		return id_of(*known);
	id = add_record(map, key);
	if (id == AG_NO_ID)
		return AG_NO_ID;
	insert(place, (uint64_t)tag << 32 | (id + 1));
	map->n++;
	return id;
}

uint32_t
ag_strmap_put(struct ag_strmap *map, struct ag_str key)
{
	if (!ag_strmap_begin(map))
		return AG_NO_ID;
	return ag_strmap_put_expected(map, key, hash(map, key));
}

/* As many as n strings need: three quarters are in use, at most. */
static size_t
slots_for(size_t n)
{
	return n / 3 * 4 + 8;
}

void
ag_strmap_reserve(struct ag_strmap *map, double times)
{
	double n = map->n * times, room = (double)map->used * times;

	if (map->n == 0 || room >= AG_NO_ID || n >= most_strings(UINT32_MAX))
		return;
	if (slots_for((size_t)n) > map->nslots)
		resize(map, (uint32_t)slots_for((size_t)n));
	if (room > (double)map->room)
		resize_units(map, (size_t)room);
}

void
ag_strmap_trim(struct ag_strmap *map)
{
	size_t nslots = slots_for(map->n);

	if (map->n == 0)
		return;
	/* what cannot be made smaller, or hardly, stays as it is */
	if (nslots + nslots / 16 < map->nslots)
		resize(map, (uint32_t)nslots);
	if (map->used < map->room)
		resize_units(map, map->used);
}
