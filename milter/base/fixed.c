/* fixed.c - settings that hold until a restart */
#include "milter/base/fixed.h"

#include <stdlib.h>
#include <string.h>

static char *texts[AG_KEY_COUNT];
static bool accepts_on_error;
static bool delays;

static bool
is_fixed(enum ag_key key)
{
	return key == AG_KEY_METRICS_LISTEN ||
	    strcmp(ag_setting(key)->section, "milter") == 0;
}

bool
ag_fixed_set(const struct ag_policy *policy)
{
	bool ok = true;

	for (unsigned i = 0; i < AG_KEY_COUNT; i++) {
		struct ag_str text = ag_policy_text(policy, (enum ag_key)i);

		if (!is_fixed((enum ag_key)i))
			continue;
		texts[i] = strndup(text.ptr != NULL ? text.ptr : "", text.len);
		ok = ok && texts[i] != NULL;
	}
	accepts_on_error = ag_str_eq(ag_policy_text(policy, AG_KEY_ON_ERROR),
	    ag_str("accept"));
	delays = ag_policy_yes(policy, AG_KEY_DELAY_REJECT);
	return ok;
}

struct ag_str
ag_fixed_text(enum ag_key key)
{
	return ag_str(texts[key]);
}

bool
ag_fixed_accepts_on_error(void)
{
	return accepts_on_error;
}

bool
ag_fixed_delays(void)
{
	return delays;
}

bool
ag_fixed_differs(const struct ag_policy *policy, enum ag_key key)
{
	return is_fixed(key) &&
	    !ag_str_eq(ag_fixed_text(key), ag_policy_text(policy, key));
}
