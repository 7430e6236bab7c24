#include "senders.h"

#include <stdlib.h>
#include <string.h>

#include "login.h"
#include "strmap.h"
#include "vec.h"

/* A right side that stands for any login. */
#define ANY UINT32_MAX

/* One left side beside one of its right sides. */
struct pair {
	uint32_t left;
	uint32_t right; /* number of the right side as written */
	uint32_t login; /* number of the login that it is, or ANY */
};

struct left {
	struct ag_origin origin; /* of its first line */
	uint32_t first_pair;     /* into pairs, sorted by left side */
	uint32_t pairs;
	uint32_t first_owner; /* into owners */
	uint32_t owners;
	bool any;
};

struct ag_senders {
	struct ag_strmap lefts;
	struct ag_strmap rights;
	struct ag_strmap logins;
	struct ag_vec left; /* struct left, by number */
	uint32_t *follow; /* by right side: the left side it is, or AG_NO_ID */
	struct ag_vec pairs; /* struct pair; while it is built */
	struct ag_vec
	    owners; /* uint32_t, numbers of logins, sorted within a left */
};

struct ag_senders *
ag_senders_new(void)
{
	return calloc(1, sizeof(struct ag_senders));
}

void
ag_senders_free(struct ag_senders *senders)
{
	if (senders == NULL)
		return;
	ag_strmap_free(&senders->lefts);
	ag_strmap_free(&senders->rights);
	ag_strmap_free(&senders->logins);
	ag_vec_free(&senders->left);
	free(senders->follow);
	ag_vec_free(&senders->pairs);
	ag_vec_free(&senders->owners);
	free(senders);
}

static uint32_t
add_left(struct ag_senders *senders, struct ag_str text,
    const struct ag_origin *origin)
{
	uint32_t known = senders->lefts.n;
	uint32_t id = ag_strmap_put(&senders->lefts, text);
	struct left *left;

	if (id == AG_NO_ID)
		return AG_NO_ID;
	left = ag_vec_at(&senders->left, id, sizeof(*left));
	if (left == NULL)
		return AG_NO_ID;
	if (id >= known)
		left->origin = *origin;
	return id;
}

static bool
add_pair(struct ag_senders *senders, struct pair pair)
{
	struct pair *place = ag_vec_add(&senders->pairs, sizeof(*place));

	if (place != NULL)
		*place = pair;
	return place != NULL;
}

bool
ag_senders_add(struct ag_senders *senders, struct ag_str left,
    struct ag_str login, struct ag_str written, const struct ag_origin *origin)
{
	struct pair pair = { add_left(senders, left, origin),
		ag_strmap_put(&senders->rights, written),
		ag_strmap_put(&senders->logins, login) };

	return pair.left != AG_NO_ID && pair.right != AG_NO_ID &&
	    pair.login != AG_NO_ID && add_pair(senders, pair);
}

bool
ag_senders_add_any(struct ag_senders *senders, struct ag_str left,
    const struct ag_origin *origin)
{
	struct pair pair = { add_left(senders, left, origin), AG_NO_ID, ANY };

	return pair.left != AG_NO_ID && add_pair(senders, pair);
}

/* ---- chains ---- */

/* A walk over all left sides that can be reached from one. */
struct walk {
	struct ag_senders *senders;
	uint32_t
	    *seen_by; /* by left side: the start of the last walk there, + 1 */
	struct ag_vec queue; /* struct step */
	uint32_t start;
	bool circle;
	bool too_long;
};

struct step {
	uint32_t left;
	unsigned depth; /* left sides in the chain so far */
};

static int
compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return (x->left > y->left) - (x->left < y->left);
}

static int
compare_ids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sorts the pairs and tells each left side where its own are. */
static void
sort_pairs(struct ag_senders *senders)
{
	struct pair *pairs = senders->pairs.items;
	struct left *left = senders->left.items;
	size_t n = senders->pairs.n;

	if (n > 0)
		qsort(pairs, n, sizeof(*pairs), compare_pairs);
	for (size_t i = n; i > 0; i--) {
		left[pairs[i - 1].left].first_pair = (uint32_t)(i - 1);
		left[pairs[i - 1].left].pairs++;
	}
}

/* Finds the right sides that are left sides too; false: no memory. */
static bool
link_rights(struct ag_senders *senders)
{
	uint32_t n = senders->rights.n;

	senders->follow = calloc((size_t)n + 1, sizeof(*senders->follow));
	for (uint32_t i = 0; senders->follow != NULL && i < n; i++)
		senders->follow[i] = ag_strmap_find(&senders->lefts,
		    ag_strmap_key(&senders->rights, i));
	return senders->follow != NULL;
}

static bool
follow(struct walk *walk, uint32_t left, unsigned depth)
{
	struct step *step;

	if (left == walk->start && depth > 2)
		walk->circle = true;
	if (walk->seen_by[left] == walk->start + 1)
		return true;
	if (depth > AG_SENDERS_CHAIN) {
		walk->too_long = true;
		return true;
	}
	walk->seen_by[left] = walk->start + 1;
	step = ag_vec_add(&walk->queue, sizeof(*step));
	if (step == NULL)
		return false;
	*step = (struct step){ left, depth };
	return true;
}

/* Takes one right side for the start, and follows it. */
static bool
take_pair(struct walk *walk, const struct pair *pair, unsigned depth)
{
	struct ag_senders *senders = walk->senders;
	struct left *lefts = senders->left.items;
	uint32_t next, *owner;

	if (pair->login == ANY) {
		lefts[walk->start].any = true;
		return true;
	}
	owner = ag_vec_add(&senders->owners, sizeof(*owner));
	if (owner == NULL)
		return false;
	*owner = pair->login;
	next = senders->follow[pair->right];
	return next == AG_NO_ID || follow(walk, next, depth + 1);
}

static bool
take_step(struct walk *walk, struct step step)
{
	const struct left *left =
	    (const struct left *)walk->senders->left.items + step.left;
	const struct pair *pair =
	    (const struct pair *)walk->senders->pairs.items + left->first_pair;

	for (uint32_t i = 0; i < left->pairs; i++)
		if (!take_pair(walk, &pair[i], step.depth))
			return false;
	return true;
}

/* Sorts the start's owners and drops those that are there twice. */
static void
sort_owners(struct ag_senders *senders, struct left *left)
{
	uint32_t *owner = senders->owners.items;
	uint32_t n = (uint32_t)senders->owners.n - left->first_owner, kept = 0;

	left->owners = 0;
	if (n == 0)
		return;
	owner += left->first_owner;
	if (n > 1)
		qsort(owner, n, sizeof(*owner), compare_ids);
	for (uint32_t i = 0; i < n; i++)
		if (kept == 0 || owner[kept - 1] != owner[i])
			owner[kept++] = owner[i];
	left->owners = kept;
	senders->owners.n = left->first_owner + kept;
}

static void
report_walk(const struct walk *walk, struct ag_diag *diag)
{
	const struct ag_senders *senders = walk->senders;
	const struct left *left = senders->left.items;
	struct ag_str text = ag_strmap_key(&senders->lefts, walk->start);

	if (walk->circle)
		ag_diag_report(diag, AG_WARNING, &left[walk->start].origin,
		    "%.*s leads in a circle back to itself", AG_STR_ARG(text));
	if (walk->too_long)
		ag_diag_report(diag, AG_WARNING, &left[walk->start].origin,
		    "%.*s begins a chain of more than %d left sides; the rest is "
		    "not followed",
		    AG_STR_ARG(text), AG_SENDERS_CHAIN);
}

static bool
walk_from(struct walk *walk, uint32_t start, struct ag_diag *diag)
{
	struct ag_senders *senders = walk->senders;
	struct left *left = (struct left *)senders->left.items + start;
	bool ok;

	walk->start = start;
	walk->circle = walk->too_long = false;
	walk->queue.n = 0;
	left->first_owner = (uint32_t)senders->owners.n;
	ok = follow(walk, start, 1);
	for (size_t i = 0; ok && i < walk->queue.n; i++)
		ok = take_step(walk, ((struct step *)walk->queue.items)[i]);
	if (!ok || senders->owners.n > UINT32_MAX)
		return false;
	sort_owners(senders, left);
	report_walk(walk, diag);
	return true;
}

bool
ag_senders_finish(struct ag_senders *senders, struct ag_diag *diag)
{
	struct walk walk = { .senders = senders };
	bool ok;

	sort_pairs(senders);
	if (!link_rights(senders))
		return false;
	walk.seen_by = calloc((size_t)senders->lefts.n + 1, sizeof(uint32_t));
	ok = walk.seen_by != NULL;
	for (uint32_t i = 0; ok && i < senders->lefts.n; i++)
		ok = walk_from(&walk, i, diag);
	free(walk.seen_by);
	ag_vec_free(&walk.queue);
	ag_vec_free(&senders->pairs);
	ag_strmap_free(&senders->rights);
	free(senders->follow);
	senders->follow = NULL;
	return ok;
}

/* ---- look-ups ---- */

/* The left sides to try for an address: AG_NO_ID where there is none. */
static void
find_lefts(const struct ag_senders *senders, const struct ag_sender_key *key,
    uint32_t found[static 4])
{
	static const struct ag_str none, any = AG_STR("*");
	char text[AG_ADDRESS_MAX];
	bool tagged = key->base.len < key->local.len;

	found[0] = ag_strmap_find(&senders->lefts,
	    ag_address_write(key->local, key->domain, text));
	found[1] = tagged ?
	    ag_strmap_find(&senders->lefts,
		ag_address_write(key->base, key->domain, text)) :
	    AG_NO_ID;
	found[2] = key->domain.len > 0 ?
	    ag_strmap_find(&senders->lefts,
		ag_address_write(none, key->domain, text)) :
	    AG_NO_ID;
	found[3] = ag_strmap_find(&senders->lefts, any);
}

static bool
has_owner(const struct ag_senders *senders, uint32_t id, uint32_t login)
{
	const struct left *left = (const struct left *)senders->left.items + id;
	const uint32_t *owners = senders->owners.items;

	if (left->any)
		return true;
	return login != AG_NO_ID && left->owners > 0 &&
	    bsearch(&login, owners + left->first_owner, left->owners,
		sizeof(*owners), compare_ids) != NULL;
}

bool
ag_senders_give(const struct ag_senders *senders,
    const struct ag_sender_key *key, struct ag_str login)
{
	uint32_t found[4], id;

	if (senders->lefts.n == 0)
		return false;
	id = ag_strmap_find(&senders->logins, login);
	find_lefts(senders, key, found);
	for (int i = 0; i < 4; i++)
		if (found[i] != AG_NO_ID && has_owner(senders, found[i], id))
			return true;
	return false;
}

size_t
ag_senders_size(const struct ag_senders *senders)
{
	return senders->lefts.n;
}

void
ag_senders_of_address(const struct ag_senders *senders,
    const struct ag_sender_key *key, ag_senders_fn *found, void *arg)
{
	const uint32_t *owners = senders->owners.items;
	uint32_t id[4];

	if (senders->lefts.n == 0)
		return;
	find_lefts(senders, key, id);
	for (int i = 0; i < 4; i++) {
		const struct left *left;
		struct ag_str text;

		if (id[i] == AG_NO_ID)
			continue;
		left = (const struct left *)senders->left.items + id[i];
		text = ag_strmap_key(&senders->lefts, id[i]);
		if (left->any)
			found(arg, text, ag_str("*"), &left->origin);
		for (uint32_t o = 0; o < left->owners; o++)
			found(arg, text,
			    ag_strmap_key(&senders->logins,
				owners[left->first_owner + o]),
			    &left->origin);
	}
}

void
ag_senders_of_login(const struct ag_senders *senders, struct ag_str login,
    ag_senders_fn *found, void *arg)
{
	const struct left *left = senders->left.items;
	uint32_t id = ag_strmap_find(&senders->logins, login);

	for (uint32_t i = 0; i < senders->lefts.n; i++)
		if (has_owner(senders, i, id))
			found(arg, ag_strmap_key(&senders->lefts, i), login,
			    &left[i].origin);
}
