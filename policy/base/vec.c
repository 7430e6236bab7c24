/* vec.c - arrays that grow */
#include "policy/base/vec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/pages.h"

static int
set_room(struct ag_vec *vec, size_t room, size_t item_size)
{
	void *items;

	if (room > SIZE_MAX / 2 / item_size)
		return 0;
	items = realloc(vec->items, room * item_size);
	if (items == NULL)
		return 0;
	ag_pages_large(items, room * item_size);
	vec->items = items;
	vec->room = room;
	return 1;
}

static int
make_room(struct ag_vec *vec, size_t n, size_t item_size)
{
	size_t room = vec->room;

	while (room < n)
		room = room == 0 ? 16 : room * 2;
	return room == vec->room || set_room(vec, room, item_size);
}

void *
ag_vec_at(struct ag_vec *vec, size_t index, size_t item_size)
{
	if (!make_room(vec, index + 1, item_size))
		return NULL;
	/* not the room as a whole, which may never be used */
	if (vec->n <= index) {
		memset((char *)vec->items + vec->n * item_size, 0,
		    (index + 1 - vec->n) * item_size);
		vec->n = index + 1;
	}
	return (char *)vec->items + index * item_size;
}

void
ag_vec_reserve(struct ag_vec *vec, double times, size_t item_size)
{
	double room = (double)vec->n * times;

	if (room > (double)vec->room && room < (double)(SIZE_MAX / 2))
		set_room(vec, (size_t)room, item_size);
}

void
ag_vec_trim(struct ag_vec *vec, size_t item_size)
{
	if (vec->n > 0 && vec->n < vec->room)
		set_room(vec, vec->n, item_size);
}

void
ag_vec_free(struct ag_vec *vec)
{
	free(vec->items);
	*vec = (struct ag_vec){ 0 };
}
