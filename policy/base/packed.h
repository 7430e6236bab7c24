/*
 * packed.h - text that is kept and hardly ever read again
 *
 * What the lists said is kept for the case that a file is found empty
 * (ag_policy_load_beside() in policy.h), as a third of its bytes.  A policy
 * whose files say what they said shares the text with the one before it.
 */
#ifndef AG_PACKED_H
#define AG_PACKED_H

#include "policy/base/text.h"

struct ag_packed_bytes;

/* All zero bytes are an empty text. */
struct ag_packed {
	struct ag_packed_bytes *bytes;
	size_t len;      /* of bytes; text_len: they are the text itself */
	size_t text_len; /* of what was packed */
};

/* Keeps a copy of text; false when there is no memory. */
bool ag_packed_make(struct ag_packed *packed, struct ag_str text);

/* Whether text is what was packed. */
bool ag_packed_is(const struct ag_packed *packed, struct ag_str text);

/*
 * The same text once more, without another copy.  Each is freed on its own, by
 * any thread.
 */
struct ag_packed ag_packed_share(const struct ag_packed *packed);

/* The text again, to be freed; false when there is no memory. */
bool ag_packed_open(const struct ag_packed *packed, struct ag_str *text);

/*
 * For a file: the bytes as they are kept, which are the packed text's, and a
 * name made of the text.  Of a text that is not empty.
 */
#define AG_PACKED_NAME 33
struct ag_str ag_packed_raw(const struct ag_packed *packed);
void ag_packed_name(const struct ag_packed *packed,
    char name[static AG_PACKED_NAME]);

/*
 * The text of such bytes, to be freed, which has that many bytes; false where
 * they are not those of the text with that name, or there is no memory.
 */
bool ag_packed_unpack(struct ag_str raw, size_t text_len, const char *name,
    struct ag_str *text);

void ag_packed_free(struct ag_packed *packed);

#endif
