/* store.c - the policy in force, counted and swapped in one step */
#include "milter/base/store.h"

#include <pthread.h>

#include "policy/base/vec.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ag_snapshot current;

/* const struct ag_policy *: replaced; for the thread that puts alone */
static struct ag_vec replaced;

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

/* Keeps the store's share of it, so that no session comes to free it. */
static void
retire(const struct ag_policy *policy)
{
	const struct ag_policy **place;

	if (policy == NULL)
		return;
	place = ag_vec_add(&replaced, sizeof(*place));
	if (place != NULL)
		*place = policy;
	else
		ag_policy_unref(policy);
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
	pthread_mutex_unlock(&lock);
	retire(old);
	return generation;
}

void
ag_store_replace(const struct ag_policy *policy)
{
	const struct ag_policy *old;

	pthread_mutex_lock(&lock);
	old = current.policy;
	current.policy = policy;
	pthread_mutex_unlock(&lock);
	retire(old);
}

bool
ag_store_sweep(void)
{
	const struct ag_policy **policy = replaced.items;
	size_t n = replaced.n;

	replaced.n = 0;
	for (size_t i = 0; i < n; i++)
		if (ag_policy_is_unshared(policy[i]))
			ag_policy_unref(policy[i]);
		else
			policy[replaced.n++] = policy[i];
	return replaced.n < n;
}
