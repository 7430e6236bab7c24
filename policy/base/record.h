/*
 * record.h - findings that are kept, to be told once more
 *
 * What was found in a file is told anew at each load, also where the file has
 * not changed and is not read again.
 */
#ifndef AG_RECORD_H
#define AG_RECORD_H

#include "policy/base/arena.h"
#include "policy/base/vec.h"

/* All zero bytes are an empty one. */
struct ag_record {
	struct ag_vec items;
	struct ag_arena arena;
	bool failed; /* there was no memory for one of them */
};

/* A sink that writes into the record. */
struct ag_diag ag_record_sink(struct ag_record *record);

/* Tells all of them, in order. */
void ag_record_tell(const struct ag_record *record, struct ag_diag *diag);

/*
 * The first that is an error, or where none is the first bad line; false where
 * there is neither.  at and *text are the record's.
 */
bool ag_record_worst(const struct ag_record *record, struct ag_origin *at,
    const char **text);

void ag_record_free(struct ag_record *record);

#endif
