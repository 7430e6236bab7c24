#include "store.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ag_snapshot current;
static const struct ag_policy *first;

struct ag_snapshot
ag_store_get(void)
{
	struct ag_snapshot snapshot;

	pthread_mutex_lock(&lock);
	snapshot = current;
	ag_policy_ref(snapshot.policy);
	pthread_mutex_unlock(&lock);
	return snapshot;
}

unsigned
ag_store_put(const struct ag_policy *policy)
{
	const struct ag_policy *old;
	unsigned generation;

	pthread_mutex_lock(&lock);
	old = current.policy;
	current.policy = policy;
	generation = ++current.generation;
	if (first == NULL)
		first = ag_policy_ref(policy);
	pthread_mutex_unlock(&lock);
	/* freeing it may take time: not under the lock */
	ag_policy_unref(old);
	return generation;
}

const struct ag_policy *
ag_store_first(void)
{
	return first;
}
