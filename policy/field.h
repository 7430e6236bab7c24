/*
 * field.h - the parts of structured header fields (RFC 5322) that mean nothing
 *
 * Blanks, folding and comments.  rest is what is still to be read; it is
 * shortened from the front.
 */
#ifndef AG_FIELD_H
#define AG_FIELD_H

#include "text.h"

/* The next byte, or a null byte at the end. */
char ag_field_peek(const struct ag_str *rest);

/* Takes n bytes off the front. */
void ag_field_take(struct ag_str *rest, size_t n);

/* Control bytes, but for blanks and line ends. */
bool ag_field_is_forbidden(char c);

/*
 * Takes blanks and comments, with those inside them, off the front.  False when
 * a comment has no end, a control byte in it, or others in it too deep.
 */
bool ag_field_skip_blanks(struct ag_str *rest);

#endif
