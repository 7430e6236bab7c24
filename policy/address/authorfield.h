/*
 * authorfield.h - which fields of a header say who wrote the message
 *
 * From: and Sender:, and of a message that was sent again Resent-From: and
 * Resent-Sender: of its first block, which is the latest one (RFC 5322, section
 * 3.6.6).  A block ends where one of its fields comes again, or where trace
 * fields begin: those of the next block stand in front of it.
 */
#ifndef AG_AUTHORFIELD_H
#define AG_AUTHORFIELD_H

#include "policy/base/text.h"

enum ag_author_field {
	AG_FIELD_FROM,
	AG_FIELD_SENDER,
	AG_FIELD_RESENT_FROM,
	AG_FIELD_RESENT_SENDER,
	AG_FIELD_COUNT,
	AG_FIELD_OTHER = AG_FIELD_COUNT
};

/* What was seen of a header so far; all zero bytes: nothing yet. */
struct ag_resent {
	unsigned seen; /* fields of the first block, one bit each */
	bool over;     /* it has ended */
};

/* What the next field of the header is, by its name, in any case. */
enum ag_author_field ag_author_field(struct ag_resent *resent,
    struct ag_str name);

#endif
