/*
 * vec.h - arrays that grow while a policy is built
 */
#ifndef AG_VEC_H
#define AG_VEC_H

#include <stddef.h>
#include <string.h>

/* All zero bytes are an empty one; members are zeroed when they are added. */
struct ag_vec {
	void *items;
	size_t n;
	size_t room;
};

/*
 * The member at index, with the array made longer if need be; NULL when there
 * is no memory.  It may move all members.  Use one item size for one array.
 */
void *ag_vec_at(struct ag_vec *vec, size_t index, size_t item_size);

/* A new member at the end. */
static inline void *
ag_vec_add(struct ag_vec *vec, size_t item_size)
{
	/* millions of times: mostly there is room, and it costs no call */
	if (vec->n < vec->room)
		return memset((char *)vec->items + vec->n++ * item_size, 0,
		    item_size);
	return ag_vec_at(vec, vec->n, item_size);
}

/* Makes room for so many times what is in, if it can be had: a guess will do.
 */
void ag_vec_reserve(struct ag_vec *vec, double times, size_t item_size);

/* Gives back what room is left over. */
void ag_vec_trim(struct ag_vec *vec, size_t item_size);

void ag_vec_free(struct ag_vec *vec);

#endif
