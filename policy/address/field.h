/*
 * field.h - parts of structured header fields (RFC 5322): blanks, comments and
 * quoted strings
 *
 * rest is what is still to be read; it is
 * shortened from the front.
 */
#ifndef AG_FIELD_H
#define AG_FIELD_H

#include "policy/base/text.h"

/* The next byte, or a null byte at the end. */
char ag_field_peek(const struct ag_str *rest);

/* Bytes of atoms, and the dots between them. */
bool ag_field_is_word_byte(char c);

bool ag_field_is_space(char c);

/* Takes n bytes off the front. */
void ag_field_take(struct ag_str *rest, size_t n);

/*
 * Takes blanks and comments, with those inside them, off the front.  False when
 * a comment has no end, a control byte in it, or others in it too deep.
 */
bool ag_field_skip_blanks(struct ag_str *rest);

/*
 * Takes a quoted string, which begins at rest, and gives what it says byte by
 * byte: without quotes and backslashes, and without the line breaks of folding.
 * False when it has no end, or a control byte in it.
 */
bool ag_field_take_quoted(struct ag_str *rest, void (*add)(void *arg, char c),
    void *arg);

#endif
