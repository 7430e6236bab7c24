/*
 * fixed.h - the settings of [milter], and [metrics] listen, as they were at the
 * start, which hold until the end
 *
 * They are copied, so that the policy of the start need not be kept for their
 * sake.  Any thread may read them, once they are there.
 */
#ifndef AG_FIXED_H
#define AG_FIXED_H

#include "policy/policy.h"

/* Once, before all else; false: no memory. */
bool ag_fixed_set(const struct ag_policy *policy);

/* The text of such a key, terminated. */
struct ag_str ag_fixed_text(enum ag_key key);

/* [milter] on_error = accept, and delay_reject. */
bool ag_fixed_accepts_on_error(void);
bool ag_fixed_delays(void);

/* Whether the key is one of them, and a policy has another text for it. */
bool ag_fixed_differs(const struct ag_policy *policy, enum ag_key key);

#endif
