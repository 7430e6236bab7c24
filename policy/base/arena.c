/* arena.c - takes memory in large blocks and frees them together */
#include "policy/base/arena.h"

#include <stdlib.h>
#include <string.h>

struct ag_arena_block {
	struct ag_arena_block *next;
	size_t size;
	size_t used;
	max_align_t data[];
};

#define BLOCK_SIZE ((size_t)64 * 1024)

static struct ag_arena_block *
add_block(struct ag_arena *arena, size_t size)
{
	struct ag_arena_block *block = malloc(sizeof(*block) + size);

	if (block == NULL)
		return NULL;
	block->next = arena->blocks;
	block->size = size;
	block->used = 0;
	arena->blocks = block;
	return block;
}

static size_t
round_up(size_t size)
{
	const size_t unit = sizeof(max_align_t);

	return (size + unit - 1) / unit * unit;
}

void *
ag_arena_alloc(struct ag_arena *arena, size_t size)
{
	struct ag_arena_block *block = arena->blocks;
	void *memory;

	if (size > SIZE_MAX / 2) {
		arena->failed = true;
		return NULL;
	}
	size = round_up(size);
	if (block == NULL || block->size - block->used < size)
		block = add_block(arena, size > BLOCK_SIZE ? size : BLOCK_SIZE);
	if (block == NULL) {
		arena->failed = true;
		return NULL;
	}
	memory = (char *)block->data + block->used;
	block->used += size;
	return memset(memory, 0, size);
}

void *
ag_arena_array(struct ag_arena *arena, size_t n, size_t size)
{
	if (n > SIZE_MAX / 2 / size) {
		arena->failed = true;
		return NULL;
	}
	return ag_arena_alloc(arena, n * size);
}

struct ag_str
ag_arena_str(struct ag_arena *arena, struct ag_str s)
{
	char *copy = ag_arena_alloc(arena, s.len + 1);

	if (copy == NULL)
		return (struct ag_str){ NULL, 0 };
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	return (struct ag_str){ copy, s.len };
}

void
ag_arena_free(struct ag_arena *arena)
{
	while (arena->blocks != NULL) {
		struct ag_arena_block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
}
