/*
 * guard.h - kill entries that would cut off the host itself
 */
#ifndef AG_GUARD_H
#define AG_GUARD_H

#include "policy/config/lists.h"
#include "policy/policy.h"

/* What is looked at: the configuration's path, and as much of it as is needed.
 */
struct ag_guard {
	const char *config;
	const struct ag_policy *policy; /* of ag_policy_load_form() */
	struct ag_arena *arena;
	int64_t now;
};

/*
 * Says in words what an entry of the kill list would do that is hardly meant:
 * refuse every client, this host, or one that is trusted; or nothing, for its
 * end is over.  False where there is no such thing.
 */
bool ag_guard_objects(const struct ag_guard *guard, const struct ag_item *item,
    struct ag_buf *why);

#endif
