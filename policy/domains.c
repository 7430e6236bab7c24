#include "domains.h"

#include "domainname.h"

/* Small, for what is looked up is one of a hundred thousand. */
struct claim {
	bool by_file;    /* a file of that name */
	bool by_alias;   /* an alias in a file */
	bool subdomains; /* the file takes subdomains too */
	bool listed;     /* a line "name" */
	bool below;      /* a line ".name" */
	uint32_t file;
	uint32_t owner; /* of an alias: the id of its file's name */
};

static struct claim *
add_name(struct ag_domains *domains, struct ag_str name)
{
	uint32_t known = domains->map.n;
	uint32_t id = ag_strmap_put(&domains->map, name);

	if (id == AG_NO_ID)
		return NULL;
	if (domains->map.n > known)
		ag_strmap_set_number(&domains->map, id, known);
	return ag_vec_at(&domains->claims, ag_strmap_number(&domains->map, id),
	    sizeof(struct claim));
}

/* *key is the table's own copy of the name. */
static const struct claim *
find_name(const struct ag_domains *domains, struct ag_str name,
    struct ag_str *key)
{
	uint32_t id = ag_strmap_find(&domains->map, name);
	const struct claim *claims = domains->claims.items;

	if (id == AG_NO_ID)
		return NULL;
	*key = ag_strmap_key(&domains->map, id);
	return &claims[ag_strmap_number(&domains->map, id)];
}

/* Where a file or an alias claims the name; NULL when there is no memory. */
static struct ag_origin *
origin_of(struct ag_domains *domains, const struct claim *claim)
{
	const struct claim *claims = domains->claims.items;

	return ag_vec_at(&domains->origins, (size_t)(claim - claims),
	    sizeof(struct ag_origin));
}

static void
report_claimed(struct ag_str name, const struct ag_origin *first,
    const struct ag_origin *second, struct ag_diag *diag)
{
	char where[AG_ORIGIN_MAX];
	struct ag_buf buf = AG_BUF(where);

	ag_origin_write(first, &buf);
	ag_diag_report(diag, AG_ERROR, second,
	    "%.*s is claimed by %s already; a domain has one file",
	    AG_STR_ARG(name), where);
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

bool
ag_domains_add_file(struct ag_domains *domains, struct ag_str name,
    uint32_t file, bool subdomains, const struct ag_origin *origin,
    struct ag_diag *diag)
{
	struct claim *claim = add_name(domains, name);
	struct ag_origin *place =
	    claim != NULL ? origin_of(domains, claim) : NULL;

	if (place == NULL)
		return false;
	if (claim->by_file || claim->by_alias) {
		report_claimed(name, place, origin, diag);
		return true;
	}
	claim->by_file = true;
	claim->file = file;
	claim->subdomains = subdomains;
	*place = *origin;
	if (subdomains)
		note_below(domains, name);
	return true;
}

bool
ag_domains_add_alias(struct ag_domains *domains, struct ag_str alias,
    struct ag_str owner, const struct ag_origin *origin, struct ag_diag *diag)
{
	struct claim *claim = add_name(domains, alias);
	uint32_t id = ag_strmap_find(&domains->map, owner);
	const struct claim *claims = domains->claims.items;
	struct ag_origin *place =
	    claim != NULL ? origin_of(domains, claim) : NULL;
	uint32_t folded;

	if (place == NULL || id == AG_NO_ID)
		return false;
	if (claim->by_file || claim->by_alias) {
		report_claimed(alias, place, origin, diag);
		return true;
	}
	folded = ag_strmap_put(&domains->aliases, alias);
	if (folded == AG_NO_ID)
		return false;
	ag_strmap_set_number(&domains->aliases, folded, id);
	claim->by_alias = true;
	claim->owner = id;
	claim->file = claims[ag_strmap_number(&domains->map, id)].file;
	*place = *origin;
	return true;
}

bool
ag_domains_add_listed(struct ag_domains *domains, struct ag_str name,
    bool below, const struct ag_origin *origin, struct ag_diag *diag)
{
	struct claim *claim = add_name(domains, name);

	if (claim == NULL)
		return false;
	if (below ? claim->below : claim->listed && !claim->below)
		ag_diag_report(diag, AG_WARNING, origin,
		    "%s%.*s is there twice", below ? "." : "",
		    AG_STR_ARG(name));
	claim->listed = true;
	claim->below = claim->below || below;
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

	if (claim->by_alias)
		domain.folded = domain.governed =
		    ag_strmap_key(&domains->map, claim->owner);
	return domain;
}

/* "com" and the like, which all names end in, hardly ever. */
static bool
can_take_below(const struct ag_domains *domains, struct ag_str name)
{
	return name.len > 0 && (domains->top_takes_below || !is_top(name));
}

struct ag_domain
ag_domains_find(const struct ag_domains *domains, struct ag_str name)
{
	struct ag_domain domain = { .file = AG_SERVER_FILE, .folded = name };
	struct ag_str key, above;
	const struct claim *claim = find_name(domains, name, &key);

	if (claim != NULL && (claim->by_file || claim->by_alias))
		return governed_exactly(domains, name, claim, key);
	if (!ag_domain_is_listable(name))
		return domain;
	domain.local = claim != NULL && claim->listed;
	if (domain.local)
		domain.governed = key;
	for (above = ag_domain_parent(name); can_take_below(domains, above);
	     above = ag_domain_parent(above)) {
		claim = find_name(domains, above, &key);
		if (claim == NULL)
			continue;
		if (claim->by_file && claim->subdomains) {
			domain.local = true;
			domain.file = claim->file;
			domain.governed = key;
			return domain;
		}
		if (claim->below && !domain.local) {
			domain.local = true;
			domain.governed = key;
		}
	}
	return domain;
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

void
ag_domains_trim(struct ag_domains *domains)
{
	ag_strmap_trim(&domains->map);
	ag_strmap_trim(&domains->aliases);
	ag_vec_trim(&domains->claims, sizeof(struct claim));
	ag_vec_trim(&domains->origins, sizeof(struct ag_origin));
}

void
ag_domains_free(struct ag_domains *domains)
{
	ag_strmap_free(&domains->map);
	ag_strmap_free(&domains->aliases);
	ag_vec_free(&domains->claims);
	ag_vec_free(&domains->origins);
}
