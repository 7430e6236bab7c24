#include "strmap.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct ag_strmap_key {
	uint32_t offset;
	uint32_t len;
};

#define FIRST_SLOTS 64u

void
ag_strmap_free(struct ag_strmap *map)
{
	free(map->slots);
	free(map->keys);
	free(map->text);
	*map = (struct ag_strmap){ 0 };
}

struct ag_str
ag_strmap_key(const struct ag_strmap *map, uint32_t id)
{
	if (map->keys[id].len == 0)
		return (struct ag_str){ NULL, 0 };
	return (struct ag_str){ map->text + map->keys[id].offset,
		map->keys[id].len };
}

static uint64_t
hash(struct ag_str key)
{
	return XXH3_64bits(key.len > 0 ? key.ptr : "", key.len);
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

/* The slot that holds key, or the empty one where it would be put. */
static uint32_t
find_slot(const struct ag_strmap *map, struct ag_str key, uint64_t h)
{
	uint32_t at = (uint32_t)h & map->mask;

	for (; map->slots[at] != 0; at = (at + 1) & map->mask)
		if (tag_of(map->slots[at]) == (uint32_t)(h >> 32) &&
		    ag_str_eq(ag_strmap_key(map, id_of(map->slots[at])), key))
			break;
	return at;
}

uint32_t
ag_strmap_find(const struct ag_strmap *map, struct ag_str key)
{
	uint64_t slot;

	if (map->n == 0)
		return AG_NO_ID;
	slot = map->slots[find_slot(map, key, hash(key))];
	return slot != 0 ? id_of(slot) : AG_NO_ID;
}

static uint64_t
make_slot(uint64_t h, uint32_t id)
{
	return (h >> 32) << 32 | (id + 1);
}

/* Doubles slots and keys; at most half of the slots are ever in use. */
static bool
grow(struct ag_strmap *map)
{
	uint32_t nslots =
	    map->slots == NULL ? FIRST_SLOTS : (map->mask + 1) * 2;
	struct ag_strmap_key *keys;
	uint64_t *slots;

	if (map->mask > UINT32_MAX / 4)
		return false;
	keys = realloc(map->keys, nslots / 2 * sizeof(*keys));
	if (keys == NULL)
		return false;
	map->keys = keys;
	slots = calloc(nslots, sizeof(*slots));
	if (slots == NULL)
		return false;
	free(map->slots);
	map->slots = slots;
	map->mask = nslots - 1;
	for (uint32_t id = 0; id < map->n; id++) {
		struct ag_str key = ag_strmap_key(map, id);
		uint64_t h = hash(key);

		slots[find_slot(map, key, h)] = make_slot(h, id);
	}
	return true;
}

static bool
keep_text(struct ag_strmap *map, struct ag_str key)
{
	size_t room = map->text_room;
	char *text;

	if (key.len > UINT32_MAX - map->text_len)
		return false;
	while (room - map->text_len < key.len)
		room = room == 0 ? 4096 : room * 2;
	if (room != map->text_room) {
		text = realloc(map->text, room);
		if (text == NULL)
			return false;
		map->text = text;
		map->text_room = room;
	}
	if (key.len > 0)
		memcpy(map->text + map->text_len, key.ptr, key.len);
	return true;
}

uint32_t
ag_strmap_put(struct ag_strmap *map, struct ag_str key)
{
	uint64_t h = hash(key);
	uint32_t at;

	if ((map->slots == NULL || map->n > map->mask / 2) && !grow(map))
		return AG_NO_ID;
	at = find_slot(map, key, h);
	if (map->slots[at] != 0)
		return id_of(map->slots[at]);
	if (!keep_text(map, key))
		return AG_NO_ID;
	map->keys[map->n] = (struct ag_strmap_key){ (uint32_t)map->text_len,
		(uint32_t)key.len };
	map->text_len += key.len;
	map->slots[at] = make_slot(h, map->n);
	return map->n++;
}
