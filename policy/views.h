/*
 * views.h - the ways in which an envelope address can be taken
 *
 * The sender and the recipient are judged as the MTA will treat them.  Which
 * of the two readings of a path (mailbox.h) that is depends on the local
 * domains; where both are possible, each is a view of its own.
 */
#ifndef AG_VIEWS_H
#define AG_VIEWS_H

#include "policy/compiled.h"

/* One way in which an address can be taken. */
struct ag_view {
	const struct ag_scope *scope; /* whose settings hold */
	struct ag_str governed;       /* the name that makes it local */
	bool local;
	bool null;
	struct ag_str local_part;
	struct ag_str base;   /* local_part without its tag */
	struct ag_str domain; /* folded; whose accounts it belongs to */
	struct ag_str sent_local;
	struct ag_str sent_base;
	struct ag_str sent_domain; /* not folded: what a kill entry names */
	const struct ag_names *accounts; /* NULL: any address exists */
};

/* Ours without a domain, and the MTA's, each also in the realm. */
#define AG_VIEWS_MAX 4

struct ag_views {
	struct ag_view view[AG_VIEWS_MAX];
	unsigned n;
	bool bad; /* nobody can read the address */
};

/* Slices lead into the path and the policy. */
void ag_views_find(struct ag_views *views, const struct ag_policy *policy,
    const struct ag_path *path);

/* The same in two steps, as with ag_strmap_expect(). */
uint32_t ag_views_expect(const struct ag_policy *policy,
    const struct ag_path *path);
void ag_views_find_expected(struct ag_views *views,
    const struct ag_policy *policy, const struct ag_path *path,
    uint32_t expected);

/* Adds an address in a domain, ours or not; there must be room. */
struct ag_view *ag_views_add(struct ag_views *views,
    const struct ag_policy *policy, struct ag_str local_part,
    struct ag_str name);

/*
 * Adds an address of a header field, of which no MTA has said how it takes it:
 * without a domain, in the MTA's own name or the first label of it, in
 * "localhost" or in an address of its host it is local by the MTA.  mta_name
 * may be empty.
 */
void ag_views_add_author(struct ag_views *views, const struct ag_policy *policy,
    const struct ag_mailbox *mailbox, struct ag_str mta_name);

#endif
