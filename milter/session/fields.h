/*
 * fields.h - the fields of a message that say who wrote it
 */
#ifndef AG_FIELDS_H
#define AG_FIELDS_H

#include "policy/base/text.h"

/* Why something cannot be judged. */
#define AG_NO_MEMORY "not enough memory"

/* From: fields that are kept; of more it is only known that they are there. */
#define AG_FIELDS_KEPT 64
#define AG_FIELDS_BYTES ((size_t)32 * 1024) /* of all of them together */

/* The values of all fields of one name. */
struct ag_fields {
	struct ag_str value[AG_FIELDS_KEPT]; /* each to be freed */
	size_t n;
	size_t bytes;
	bool overflow;
};

/* Makes the first one's place; NULL, or why the field cannot be kept. */
const char *ag_fields_keep(struct ag_fields **fields, const char *value);

/* The only field of its name; a null pointer where there is none. */
struct ag_str ag_fields_only(const struct ag_fields *fields);

/* A field that is no longer needed; accepts NULL. */
void ag_fields_free(struct ag_fields *fields);

#endif
