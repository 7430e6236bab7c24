/* senders.c - the sender map: which login owns which address */
#include "policy/table/senders.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/vec.h"
#include "policy/table/login.h"
#include "policy/table/strmap.h"

/* A right side that stands for any login. */
#define ANY AG_NO_ID

/* One left side beside one of its right sides. */
struct pair {
	uint32_t left;
	uint32_t right; /* the name that the right side is as written */
	uint32_t login; /* the name of the login that it is, or ANY */
};

/* Most left sides have one owner, who needs no list. */
struct left {
	uint32_t name;
	uint32_t line;   /* the first one that has it */
	uint32_t owners; /* one name, or from where on they stand in owners */
	unsigned file : 24;
	bool any : 1;
	bool many : 1;
};

#define FILES_MAX (1u << 24)

/*
 * All texts are in one map, lefts and logins and right sides as written, for
 * they are mostly the same ones: a right side is followed without a search.
 */
struct ag_senders {
	struct ag_strmap names; /* numbered by left side, from 1 on */
	struct ag_vec left;     /* struct left */
	struct ag_vec files;    /* const char * */
	struct ag_vec owners;   /* uint32_t: how many, and sorted names */
	struct ag_vec pairs;    /* struct pair; while it is built */
};

struct ag_senders *
ag_senders_new(void)
{
	struct ag_senders *senders = calloc(1, sizeof(*senders));

	if (senders == NULL || ag_strmap_begin(&senders->names))
		return senders;
	free(senders);
	return NULL;
}

void
ag_senders_free(struct ag_senders *senders)
{
	if (senders == NULL)
		return;
	ag_strmap_free(&senders->names);
	ag_vec_free(&senders->left);
	ag_vec_free(&senders->files);
	ag_vec_free(&senders->owners);
	ag_vec_free(&senders->pairs);
	free(senders);
}

static struct left *
left_at(const struct ag_senders *senders, uint32_t i)
{
	return (struct left *)senders->left.items + i;
}

/* The left side that a name is, or AG_NO_ID. */
static uint32_t
left_of(const struct ag_senders *senders, uint32_t name)
{
	if (name == AG_NO_ID)
		return AG_NO_ID;
	/* 0 becomes AG_NO_ID */
	return ag_strmap_number(&senders->names, name) - 1;
}

static struct ag_origin
origin_of(const struct ag_senders *senders, const struct left *left)
{
	const char *const *files = senders->files.items;

	return (struct ag_origin){ files[left->file], left->line };
}

/* False when there is no memory. */
static bool
number_file(struct ag_senders *senders, const char *file)
{
	const char *const *files = senders->files.items, **place;

	/* they are read one after the other */
	if (senders->files.n > 0 && files[senders->files.n - 1] == file)
		return true;
	if (senders->files.n == FILES_MAX)
		return false;
	place = ag_vec_add(&senders->files, sizeof(*place));
	if (place == NULL)
		return false;
	*place = file;
	return true;
}

static uint32_t
put(struct ag_senders *senders, const struct ag_sender_text *text)
{
	return ag_strmap_put_expected(&senders->names, text->text,
	    text->expected);
}

uint32_t
ag_senders_add_left(struct ag_senders *senders,
    const struct ag_sender_text *text, const struct ag_origin *origin)
{
	uint32_t name = put(senders, text), known;
	struct left *left;

	if (name == AG_NO_ID)
		return AG_NO_LEFT;
	known = left_of(senders, name);
	if (known != AG_NO_ID)
		return known;
	left = ag_vec_add(&senders->left, sizeof(*left));
	if (left == NULL || senders->left.n >= AG_NO_LEFT ||
	    !number_file(senders, origin->file))
		return AG_NO_LEFT;
	*left = (struct left){ .name = name,
		.line = origin->line,
		.owners = AG_NO_ID,
		.file = (uint32_t)(senders->files.n - 1) & (FILES_MAX - 1) };
	ag_strmap_set_number(&senders->names, name, (uint32_t)senders->left.n);
	return (uint32_t)senders->left.n - 1;
}

static bool
add_pair(struct ag_senders *senders, struct pair pair)
{
	struct pair *place = ag_vec_add(&senders->pairs, sizeof(*place));

	if (place != NULL)
		*place = pair;
	return place != NULL;
}

struct ag_sender_text
ag_senders_expect(const struct ag_senders *senders, struct ag_str text)
{
	return (struct ag_sender_text){ text,
		ag_strmap_expect(&senders->names, text) };
}

bool
ag_senders_add(struct ag_senders *senders, uint32_t left,
    const struct ag_sender_text *login, const struct ag_sender_text *written)
{
	struct pair pair = { .left = left, .login = put(senders, login) };

	pair.right = written != NULL ? put(senders, written) : pair.login;
	return pair.login != AG_NO_ID && pair.right != AG_NO_ID &&
	    add_pair(senders, pair);
}

bool
ag_senders_add_any(struct ag_senders *senders, uint32_t left)
{
	return add_pair(senders, (struct pair){ left, AG_NO_ID, ANY });
}

void
ag_senders_reserve(struct ag_senders *senders, double part)
{
	/* a little more than that: a little less would be no help at all */
	double times = 1.03 / part;

	ag_strmap_reserve(&senders->names, times);
	ag_vec_reserve(&senders->left, times, sizeof(struct left));
	ag_vec_reserve(&senders->pairs, times, sizeof(struct pair));
}

/* ---- chains ---- */

/* The pairs, each left side's own in a row. */
struct sorted {
	struct pair *pairs;
	uint32_t *first; /* of each left side, and of one behind the last */
};

static bool
is_sorted(const struct pair *pairs, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (pairs[i - 1].left > pairs[i].left)
			return false;
	return true;
}

/* From how many each left side has to where its first one is. */
static void
count_pairs(const struct ag_senders *senders, uint32_t *first)
{
	const struct pair *pairs = senders->pairs.items;
	uint32_t place = 0;

	for (size_t i = 0; i < senders->pairs.n; i++)
		first[pairs[i].left]++;
	for (size_t i = 0; i <= senders->left.n; i++) {
		uint32_t n = first[i];

		first[i] = place;
		place += n;
	}
}

/* Puts the pairs in order, with first as the places to fill, then mends it. */
static bool
place_pairs(struct ag_senders *senders, uint32_t *first)
{
	size_t n = senders->pairs.n, nlefts = senders->left.n;
	const struct pair *pairs = senders->pairs.items;
	struct pair *sorted;

	if (is_sorted(pairs, n))
		return true;
	sorted = malloc(n * sizeof(*sorted));
	if (sorted == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		sorted[first[pairs[i].left]++] = pairs[i];
	memmove(first + 1, first, nlefts * sizeof(*first));
	first[0] = 0;
	ag_vec_free(&senders->pairs);
	senders->pairs = (struct ag_vec){ sorted, n, n };
	return true;
}

/* False when there is no memory; the caller frees sorted->first. */
static bool
sort_pairs(struct ag_senders *senders, struct sorted *sorted)
{
	sorted->first = calloc(senders->left.n + 1, sizeof(*sorted->first));
	if (sorted->first == NULL || senders->pairs.n >= UINT32_MAX)
		return false;
	count_pairs(senders, sorted->first);
	if (!place_pairs(senders, sorted->first))
		return false;
	sorted->pairs = senders->pairs.items;
	return true;
}

/* A walk over all left sides that can be reached from one. */
struct walk {
	struct ag_senders *senders;
	struct sorted sorted;
	/* by left side: the start of the last walk there, + 1 */
	uint32_t *seen_by;
	struct ag_vec queue; /* struct step */
	struct ag_vec found; /* uint32_t, names of logins */
	uint32_t start;
	bool circle;
	bool too_long;
	bool full; /* there were too many owners */
};

struct step {
	uint32_t left;
	unsigned depth; /* left sides in the chain so far */
};

static int
compare_ids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
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
	uint32_t next, *owner;

	if (pair->login == ANY) {
		left_at(walk->senders, walk->start)->any = true;
		return true;
	}
	owner = ag_vec_add(&walk->found, sizeof(*owner));
	if (owner == NULL)
		return false;
	*owner = pair->login;
	next = left_of(walk->senders, pair->right);
	return next == AG_NO_ID || follow(walk, next, depth + 1);
}

static bool
take_step(struct walk *walk, struct step step)
{
	const uint32_t *first = &walk->sorted.first[step.left];

	for (uint32_t i = first[0]; i < first[1]; i++)
		if (!take_pair(walk, &walk->sorted.pairs[i], step.depth))
			return false;
	return true;
}

/* Whether each is more than the one before it. */
static bool
ascend(const uint32_t *name, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (name[i - 1] >= name[i])
			return false;
	return true;
}

/* Sorts what the walk found, and drops what is there twice. */
static void
sort_found(struct ag_vec *found)
{
	uint32_t *name = found->items;
	size_t kept = 0;

	/* names that were put in one behind the other */
	if (!ascend(name, found->n))
		qsort(name, found->n, sizeof(*name), compare_ids);
	for (size_t i = 0; i < found->n; i++)
		if (kept == 0 || name[kept - 1] != name[i])
			name[kept++] = name[i];
	found->n = kept;
}

static bool
keep_many(struct ag_senders *senders, struct left *left,
    const struct ag_vec *found)
{
	size_t first = senders->owners.n;
	uint32_t *place;

	place = ag_vec_at(&senders->owners, first + found->n, sizeof(*place));
	if (place == NULL)
		return false;
	place -= found->n;
	place[0] = (uint32_t)found->n;
	memcpy(place + 1, found->items, found->n * sizeof(*place));
	left->owners = (uint32_t)first;
	left->many = true;
	return true;
}

/* False after a finding, the first of which is enough. */
static bool
has_room(struct walk *walk, struct ag_diag *diag)
{
	const struct ag_senders *senders = walk->senders;
	const struct left *left = left_at(senders, walk->start);
	struct ag_origin at = origin_of(senders, left);

	if (!walk->full && senders->owners.n + walk->found.n <= AG_SENDERS_SUM)
		return true;
	if (!walk->full)
		ag_diag_report(diag, AG_ERROR, &at,
		    "%s leads to %zu logins, which with those of other left "
		    "sides is more than %u; do so many names lead to one large "
		    "list?",
		    AG_SHOWN(ag_strmap_key(&senders->names, left->name)),
		    walk->found.n, AG_SENDERS_SUM);
	walk->full = true;
	return false;
}

static bool
keep_found(struct walk *walk, struct ag_diag *diag)
{
	struct left *left = left_at(walk->senders, walk->start);
	const uint32_t *name = walk->found.items;

	sort_found(&walk->found);
	if (walk->found.n > 1 && !has_room(walk, diag))
		return true;
	if (walk->found.n > 1)
		return keep_many(walk->senders, left, &walk->found);
	if (walk->found.n == 1)
		left->owners = name[0];
	return true;
}

static void
report_walk(const struct walk *walk, struct ag_diag *diag)
{
	const struct ag_senders *senders = walk->senders;
	const struct left *left = left_at(senders, walk->start);
	struct ag_str text = ag_strmap_key(&senders->names, left->name);
	struct ag_origin at = origin_of(senders, left);

	if (walk->circle)
		ag_diag_report(diag, AG_WARNING, &at,
		    "%s leads in a circle back to itself", AG_SHOWN(text));
	if (walk->too_long)
		ag_diag_report(diag, AG_WARNING, &at,
		    "%s begins a chain of more than %d left sides; the rest is "
		    "not followed",
		    AG_SHOWN(text), AG_SENDERS_CHAIN);
}

static bool
walk_from(struct walk *walk, uint32_t start, struct ag_diag *diag)
{
	bool ok;

	walk->start = start;
	walk->circle = walk->too_long = false;
	walk->queue.n = walk->found.n = 0;
	ok = follow(walk, start, 1);
	for (size_t i = 0; ok && i < walk->queue.n; i++)
		ok = take_step(walk, ((struct step *)walk->queue.items)[i]);
	if (!ok || !keep_found(walk, diag))
		return false;
	report_walk(walk, diag);
	return true;
}

/* Nearly every left side has a few right sides, which lead nowhere. */
static bool
leads_nowhere(const struct walk *walk, const struct pair *pair)
{
	return pair->login != ANY &&
	    left_of(walk->senders, pair->right) == AG_NO_ID;
}

static bool
is_short(const struct walk *walk, uint32_t start)
{
	const uint32_t *first = &walk->sorted.first[start];

	for (uint32_t i = first[0]; i < first[1]; i++)
		if (!leads_nowhere(walk, &walk->sorted.pairs[i]))
			return false;
	return true;
}

static bool
take_logins(struct walk *walk, uint32_t start, struct ag_diag *diag)
{
	const uint32_t *first = &walk->sorted.first[start];

	walk->start = start;
	walk->found.n = 0;
	for (uint32_t i = first[0]; i < first[1]; i++) {
		uint32_t *owner = ag_vec_add(&walk->found, sizeof(*owner));

		if (owner == NULL)
			return false;
		*owner = walk->sorted.pairs[i].login;
	}
	return keep_found(walk, diag);
}

static bool
find_owners(struct walk *walk, uint32_t start, struct ag_diag *diag)
{
	return is_short(walk, start) ? take_logins(walk, start, diag) :
				       walk_from(walk, start, diag);
}

bool
ag_senders_finish(struct ag_senders *senders, struct ag_diag *diag)
{
	struct walk walk = { .senders = senders };
	bool ok = sort_pairs(senders, &walk.sorted);

	walk.seen_by = calloc(senders->left.n + 1, sizeof(uint32_t));
	ok = ok && walk.seen_by != NULL;
	for (uint32_t i = 0; ok && i < senders->left.n; i++)
		ok = find_owners(&walk, i, diag);
	free(walk.sorted.first);
	free(walk.seen_by);
	ag_vec_free(&walk.queue);
	ag_vec_free(&walk.found);
	ag_vec_free(&senders->pairs);
	ag_strmap_trim(&senders->names);
	ag_vec_trim(&senders->left, sizeof(struct left));
	ag_vec_trim(&senders->owners, sizeof(uint32_t));
	return ok;
}

/* ---- look-ups ---- */

#define LEFTS 4

/* The texts of the left sides to try for an address; empty ones are not. */
struct lefts {
	struct ag_str text[LEFTS];
	char local[AG_ADDRESS_MAX];
	char base[AG_ADDRESS_MAX];
};

static void
write_lefts(const struct ag_sender_key *key, struct lefts *lefts)
{
	static const struct ag_str none;

	lefts->text[0] =
	    ag_address_write(key->local, key->domain, lefts->local);
	lefts->text[1] = key->base.len < key->local.len ?
	    ag_address_write(key->base, key->domain, lefts->base) :
	    none;
	/* which is nothing where there is no domain */
	lefts->text[2] = ag_str_skip(lefts->text[0], key->local.len);
	lefts->text[3] = ag_str("*");
}

/* The left sides to try for an address: AG_NO_ID where there is none. */
static void
find_lefts(const struct ag_senders *senders, const struct ag_sender_key *key,
    uint32_t found[static LEFTS])
{
	const struct ag_strmap *names = &senders->names;
	struct lefts lefts;
	uint32_t expected[LEFTS];

	write_lefts(key, &lefts);
	/* what they read first is fetched side by side */
	for (int i = 0; i < LEFTS; i++)
		if (lefts.text[i].len > 0)
			expected[i] = ag_strmap_expect(names, lefts.text[i]);
	for (int i = 0; i < LEFTS; i++)
		found[i] = lefts.text[i].len > 0 ?
		    left_of(senders,
			ag_strmap_find_expected(names, lefts.text[i],
			    expected[i])) :
		    AG_NO_ID;
}

/* The logins that a left side is given to; *n counts them. */
static const uint32_t *
owners_of(const struct ag_senders *senders, const struct left *left,
    uint32_t *n)
{
	const uint32_t *owners = senders->owners.items;

	if (left->many) {
		*n = owners[left->owners];
		return owners + left->owners + 1;
	}
	*n = left->owners != AG_NO_ID;
	return &left->owners;
}

static bool
has_owner(const struct ag_senders *senders, uint32_t id, uint32_t login)
{
	const struct left *left = left_at(senders, id);
	const uint32_t *owners;
	uint32_t n;

	if (left->any)
		return true;
	owners = owners_of(senders, left, &n);
	return login != AG_NO_ID && n > 0 &&
	    bsearch(&login, owners, n, sizeof(*owners), compare_ids) != NULL;
}

bool
ag_senders_list(const struct ag_senders *senders,
    const struct ag_sender_key *key)
{
	uint32_t found[LEFTS];

	if (senders->left.n == 0)
		return false;
	find_lefts(senders, key, found);
	for (int i = 0; i < LEFTS; i++)
		if (found[i] != AG_NO_ID)
			return true;
	return false;
}

bool
ag_senders_give(const struct ag_senders *senders,
    const struct ag_sender_key *key, struct ag_str login)
{
	uint32_t found[LEFTS], expected, id;

	if (senders->left.n == 0)
		return false;
	expected = ag_strmap_expect(&senders->names, login);
	find_lefts(senders, key, found);
	id = ag_strmap_find_expected(&senders->names, login, expected);
	for (int i = 0; i < LEFTS; i++)
		if (found[i] != AG_NO_ID && has_owner(senders, found[i], id))
			return true;
	return false;
}

size_t
ag_senders_size(const struct ag_senders *senders)
{
	return senders->left.n;
}

static void
tell_owners(const struct ag_senders *senders, const struct left *left,
    ag_senders_fn *found, void *arg)
{
	struct ag_str text = ag_strmap_key(&senders->names, left->name);
	struct ag_origin at = origin_of(senders, left);
	const uint32_t *owners;
	uint32_t n;

	if (left->any)
		found(arg, text, ag_str("*"), &at);
	owners = owners_of(senders, left, &n);
	for (uint32_t i = 0; i < n; i++)
		found(arg, text, ag_strmap_key(&senders->names, owners[i]),
		    &at);
}

void
ag_senders_of_address(const struct ag_senders *senders,
    const struct ag_sender_key *key, ag_senders_fn *found, void *arg)
{
	uint32_t id[LEFTS];

	if (senders->left.n == 0)
		return;
	find_lefts(senders, key, id);
	for (int i = 0; i < LEFTS; i++)
		if (id[i] != AG_NO_ID)
			tell_owners(senders, left_at(senders, id[i]), found,
			    arg);
}

/* "*" is in every domain. */
static bool
is_in(struct ag_str left, struct ag_str domain)
{
	size_t at = ag_str_rfind(left, '@');

	return ag_str_eq(left, ag_str("*")) ||
	    (at < left.len && ag_str_eq(ag_str_skip(left, at + 1), domain));
}

void
ag_senders_of_domain(const struct ag_senders *senders, struct ag_str domain,
    ag_senders_fn *found, void *arg)
{
	for (uint32_t i = 0; i < senders->left.n; i++) {
		const struct left *left = left_at(senders, i);

		if (is_in(ag_strmap_key(&senders->names, left->name), domain))
			tell_owners(senders, left, found, arg);
	}
}

void
ag_senders_of_login(const struct ag_senders *senders, struct ag_str login,
    ag_senders_fn *found, void *arg)
{
	uint32_t id = ag_strmap_find(&senders->names, login);

	for (uint32_t i = 0; i < senders->left.n; i++) {
		const struct left *left = left_at(senders, i);
		struct ag_origin at = origin_of(senders, left);

		if (has_owner(senders, i, id))
			found(arg, ag_strmap_key(&senders->names, left->name),
			    login, &at);
	}
}
