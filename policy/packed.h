/*
 * packed.h - text that is kept and hardly ever read again
 *
 * What the lists said is kept for the case that a file is found empty
 * (ag_policy_load_beside() in policy.h), as a third of its bytes.
 */
#ifndef AG_PACKED_H
#define AG_PACKED_H

#include "text.h"

/* All zero bytes are an empty text. */
struct ag_packed {
	char *bytes;
	size_t len;      /* of bytes; text_len: they are the text itself */
	size_t text_len; /* of what was packed */
};

/* Keeps a copy of text; false when there is no memory. */
bool ag_packed_make(struct ag_packed *packed, struct ag_str text);

/* The text again, to be freed; false when there is no memory. */
bool ag_packed_open(const struct ag_packed *packed, struct ag_str *text);

void ag_packed_free(struct ag_packed *packed);

#endif
