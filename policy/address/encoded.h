/*
 * encoded.h - encoded words of header fields (RFC 2047), as lenient readers
 * decode them
 *
 * They are found anywhere, in quotes and addresses too, with blanks in them and
 * of any length.  Nothing here allocates.
 */
#ifndef AG_ENCODED_H
#define AG_ENCODED_H

#include "policy/base/text.h"

/*
 * Stands in front of what was encoded in a charset that is neither UTF-8 nor
 * ASCII: its bytes need not mean what they say.
 */
#define AG_ENCODED_FOREIGN '\xff'

/* Stands in front of any other and behind each. */
#define AG_ENCODED_EDGE '\x7f'

/* Whether something in the text begins like an encoded word. */
bool ag_encoded_begins(struct ag_str text);

/*
 * Writes the text with its encoded words decoded.  False where it does not fit,
 * or where it depends on the reader which words there are: one begins in
 * another.
 */
bool ag_encoded_decode(struct ag_str text, struct ag_buf *out);

#endif
