/*
 * arena.h - memory that is given back all at once
 *
 * Everything that lives as long as a policy is taken from the policy's arena.
 * Running out of memory is remembered, so that a long run of small requests
 * needs one check at its end.
 */
#ifndef AG_ARENA_H
#define AG_ARENA_H

#include "policy/base/text.h"

struct ag_arena {
	struct ag_arena_block *blocks;
	bool failed; /* some request could not be met */
};

/* Zeroed memory, aligned for any object; NULL when there is none. */
void *ag_arena_alloc(struct ag_arena *arena, size_t size);

/* As ag_arena_alloc() for n objects; NULL too when the product overflows. */
void *ag_arena_array(struct ag_arena *arena, size_t n, size_t size);

/* A terminated copy; the empty slice when there is no memory. */
struct ag_str ag_arena_str(struct ag_arena *arena, struct ag_str s);

void ag_arena_free(struct ag_arena *arena);

#endif
