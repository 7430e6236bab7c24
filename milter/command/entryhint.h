/*
 * entryhint.h - what was probably meant by what is no entry of a list
 */
#ifndef AG_ENTRYHINT_H
#define AG_ENTRYHINT_H

#include "policy/base/text.h"

/*
 * Writes what to write instead, such as "write login:alice@example.com or
 * sender:alice@example.com"; nothing where nobody can tell.
 */
void ag_entry_hint(struct ag_str entry, bool relay, struct ag_buf *out);

#endif
