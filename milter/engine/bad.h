/*
 * bad.h - packets that are not well-formed: counted, and told once a minute
 *
 * Any thread may call it.
 */
#ifndef AG_BAD_H
#define AG_BAD_H

#include "policy/base/text.h"

/* from begins with the packet, of which there may be a part; why is a text. */
void ag_bad_report(struct ag_str from, const char *why);

/* Since the start. */
uint64_t ag_bad_count(void);

#endif
