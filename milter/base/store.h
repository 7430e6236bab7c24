/*
 * store.h - the policy in force
 *
 * Any thread may take a share of it at any time; one thread puts a new one in
 * its place.  Who holds a share keeps the old one.
 */
#ifndef AG_STORE_H
#define AG_STORE_H

#include "policy/policy.h"

/* A policy and its number: 1 is that of the start. */
struct ag_snapshot {
	const struct ag_policy *policy;
	unsigned generation;
};

/* The caller unrefs the policy. */
struct ag_snapshot ag_store_get(void);

/* Takes over the caller's share; returns the new generation. */
unsigned ag_store_put(const struct ag_policy *policy);

/*
 * Puts one that decides as the one in force does in its place, under the same
 * generation.  Takes over the caller's share.
 */
void ag_store_replace(const struct ag_policy *policy);

/*
 * Frees those that were replaced and that nobody holds any more; whether there
 * was one.  It takes a while for a large one, which no session is to wait for:
 * the thread that puts calls it now and then.
 */
bool ag_store_sweep(void);

#endif
