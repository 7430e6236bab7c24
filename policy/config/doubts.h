/*
 * doubts.h - what a configuration allows and hardly means
 *
 * Each doubt is a warning with the line that it is about.  None of them changes
 * what holds.
 */
#ifndef AG_DOUBTS_H
#define AG_DOUBTS_H

#include "policy/base/text.h"

struct ag_policy;

/*
 * Looks at a policy that is complete.  Of long relay lists so many entries are
 * compared with the kill list that a load takes no longer for it.  Whether an
 * entry has run out does not count: a load knows no time.
 */
void ag_doubts_report(const struct ag_policy *policy, struct ag_diag *diag);

#endif
