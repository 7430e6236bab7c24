/* domains.c - local domains, aliases, and the file that governs each */
#include "policy/table/domains.h"

#include "policy/address/domainname.h"

/* By a file: its name, or an alias in it. */
struct claim {
	bool by_alias;
	bool subdomains; /* the file takes subdomains too */
	uint32_t file;
	uint32_t owner; /* of an alias: the id of its file's name */
	struct ag_origin origin;
};

/*
 * What is known of a name is its number: most names are only in a list, and
 * then nothing else is looked at.
 */
enum {
	LISTED = 1,      /* a line "name" */
	BELOW = 2,       /* a line ".name" */
	FIRST_CLAIM = 4, /* and as many times that as the claim's place + 1 */
	CLAIMS_MAX = 1 << 29
};

static const struct claim *
claim_of(const struct ag_domains *domains, uint32_t number)
{
	const struct claim *claims = domains->claims.items;

	return number < FIRST_CLAIM ? NULL : &claims[number / FIRST_CLAIM - 1];
}

static const struct claim *
claim_of_name(const struct ag_domains *domains, uint32_t id)
{
	return claim_of(domains, ag_strmap_number(&domains->map, id));
}

static bool
is_top(struct ag_str name)
{
	return ag_domain_parent(name).len == 0;
}

static void
note_below(struct ag_domains *domains, struct ag_str name)
{
	domains->top_takes_below = domains->top_takes_below || is_top(name);
}

static void
report_claimed(struct ag_str name, const struct claim *first,
    const struct ag_origin *second, struct ag_diag *diag)
{
	char where[AG_ORIGIN_MAX];
	struct ag_buf buf = AG_BUF(where);

	ag_origin_write(&first->origin, &buf);
	ag_diag_report(diag, AG_ERROR, second,
	    "%s is claimed by %s already; a domain has one file",
	    AG_SHOWN(name), where);
}

/* False when there is no memory. */
static bool
add_claim(struct ag_domains *domains, uint32_t id, const struct claim *claim)
{
	uint32_t known = ag_strmap_number(&domains->map, id);
	struct claim *place = ag_vec_add(&domains->claims, sizeof(*place));

	if (place == NULL || domains->claims.n > CLAIMS_MAX)
		return false;
	*place = *claim;
	ag_strmap_set_number(&domains->map, id,
	    known + (uint32_t)domains->claims.n * FIRST_CLAIM);
	return true;
}

bool
ag_domains_add_file(struct ag_domains *domains, struct ag_str name,
    uint32_t file, bool subdomains, const struct ag_origin *origin,
    struct ag_diag *diag)
{
	struct claim claim = { .file = file,
		.subdomains = subdomains,
		.origin = *origin };
	uint32_t id = ag_strmap_put(&domains->map, name);

	if (id == AG_NO_ID)
		return false;
	if (claim_of_name(domains, id) != NULL) {
		report_claimed(name, claim_of_name(domains, id), origin, diag);
		return true;
	}
	if (subdomains)
		note_below(domains, name);
	return add_claim(domains, id, &claim);
}

bool
ag_domains_add_alias(struct ag_domains *domains, struct ag_str alias,
    struct ag_str owner, const struct ag_origin *origin, struct ag_diag *diag)
{
	struct claim claim = { .by_alias = true, .origin = *origin };
	uint32_t id = ag_strmap_put(&domains->map, alias), folded;

	claim.owner = ag_strmap_find(&domains->map, owner);
	if (id == AG_NO_ID || claim.owner == AG_NO_ID)
		return false;
	if (claim_of_name(domains, id) != NULL) {
		report_claimed(alias, claim_of_name(domains, id), origin, diag);
		return true;
	}
	folded = ag_strmap_put(&domains->aliases, alias);
	if (folded == AG_NO_ID)
		return false;
	ag_strmap_set_number(&domains->aliases, folded, claim.owner);
	claim.file = claim_of_name(domains, claim.owner)->file;
	return add_claim(domains, id, &claim);
}

bool
ag_domains_add_listed(struct ag_domains *domains, struct ag_str name,
    bool below, const struct ag_origin *origin, struct ag_diag *diag)
{
	uint32_t id = ag_strmap_put(&domains->map, name), known;

	if (id == AG_NO_ID)
		return false;
	known = ag_strmap_number(&domains->map, id);
	if (below ? (known & BELOW) != 0 : (known & (LISTED | BELOW)) == LISTED)
		ag_diag_report(diag, AG_WARNING, origin, "%s%s is there twice",
		    below ? "." : "", AG_SHOWN(name));
	ag_strmap_set_number(&domains->map, id,
	    known | LISTED | (below ? BELOW : 0));
	if (below)
		note_below(domains, name);
	return true;
}

/* By a file or an alias of exactly its name. */
static struct ag_domain
governed_exactly(const struct ag_domains *domains, struct ag_str name,
    const struct claim *claim, struct ag_str key)
{
	struct ag_domain domain = { true, claim->file, name, true, key };

	domain.is_account_domain = claim->file != AG_SERVER_FILE;
	if (claim->by_alias)
		domain.folded = domain.governed =
		    ag_strmap_key(&domains->map, claim->owner);
	return domain;
}

static bool
takes_below_top(const struct ag_domains *domains)
{
	return domains->top_takes_below ||
	    (domains->listed != NULL && domains->listed->top_takes_below);
}

/* "com" and the like, which all names end in, hardly ever. */
static bool
can_take_below(const struct ag_domains *domains, struct ag_str name)
{
	return name.len > 0 && (takes_below_top(domains) || !is_top(name));
}

/* What is known of a name, 0 when nothing is; *key is the table's own copy. */
static uint32_t
find_name(const struct ag_domains *domains, struct ag_str name,
    uint32_t expected, struct ag_str *key)
{
	uint32_t id = ag_strmap_find_expected(&domains->map, name, expected);

	if (id == AG_NO_ID)
		return 0;
	*key = ag_strmap_key(&domains->map, id);
	return ag_strmap_number(&domains->map, id);
}

/* The table that is long, if one is. */
static const struct ag_domains *
long_one(const struct ag_domains *domains)
{
	return domains->listed != NULL ? domains->listed : domains;
}

/* What is known of a name by the lists, if they stand apart, and the files. */
static uint32_t
find_in_both(const struct ag_domains *domains, struct ag_str name,
    uint32_t expected, struct ag_str *key)
{
	uint32_t listed;

	if (domains->listed == NULL)
		return find_name(domains, name, expected, key);
	listed = find_name(domains->listed, name, expected, key);
	if (domains->map.n == 0)
		return listed;
	return listed |
	    find_name(domains, name, ag_strmap_expect(&domains->map, name),
		key);
}

uint32_t
ag_domains_expect(const struct ag_domains *domains, struct ag_str name)
{
	return ag_strmap_expect(&long_one(domains)->map, name);
}

struct ag_domain
ag_domains_find_expected(const struct ag_domains *domains, struct ag_str name,
    uint32_t expected)
{
	struct ag_domain domain = { .file = AG_SERVER_FILE, .folded = name };
	struct ag_str key, above;
	uint32_t known = find_in_both(domains, name, expected, &key);
	const struct claim *claim = claim_of(domains, known);

	if (claim != NULL)
		return governed_exactly(domains, name, claim, key);
	if (!ag_domain_is_listable(name))
		return domain;
	domain.local = (known & LISTED) != 0;
	if (domain.local)
		domain.governed = key;
	for (above = ag_domain_parent(name); can_take_below(domains, above);
	    above = ag_domain_parent(above)) {
		known = find_in_both(domains, above,
		    ag_domains_expect(domains, above), &key);
		claim = claim_of(domains, known);
		if (claim != NULL && !claim->by_alias && claim->subdomains) {
			domain.local = true;
			domain.file = claim->file;
			domain.governed = key;
			return domain;
		}
		if ((known & BELOW) != 0 && !domain.local) {
			domain.local = true;
			domain.governed = key;
		}
	}
	return domain;
}

struct ag_domain
ag_domains_find(const struct ag_domains *domains, struct ag_str name)
{
	return ag_domains_find_expected(domains, name,
	    ag_domains_expect(domains, name));
}

struct ag_str
ag_domains_fold(const struct ag_domains *domains, struct ag_str name)
{
	/* asked for every line of a map: they are few, and near */
	uint32_t id = ag_strmap_find(&domains->aliases, name);

	return id != AG_NO_ID ? ag_strmap_key(&domains->map,
				    ag_strmap_number(&domains->aliases, id)) :
				name;
}

/* Of the shorter table, those that are in the longer one too. */
static size_t
count_common(const struct ag_domains *domains)
{
	const struct ag_strmap *files = &domains->map;
	size_t n = 0;

	for (uint32_t id = ag_strmap_first(files); id != AG_NO_ID;
	    id = ag_strmap_next(files, id))
		n += ag_strmap_find(&domains->listed->map,
			 ag_strmap_key(files, id)) != AG_NO_ID;
	return n;
}

size_t
ag_domains_size(const struct ag_domains *domains)
{
	if (domains->listed == NULL)
		return domains->map.n;
	return domains->map.n + domains->listed->map.n - count_common(domains);
}

void
ag_domains_trim(struct ag_domains *domains)
{
	ag_strmap_trim(&domains->map);
	ag_strmap_trim(&domains->aliases);
	ag_vec_trim(&domains->claims, sizeof(struct claim));
}

void
ag_domains_free(struct ag_domains *domains)
{
	ag_strmap_free(&domains->map);
	ag_strmap_free(&domains->aliases);
	ag_vec_free(&domains->claims);
}
