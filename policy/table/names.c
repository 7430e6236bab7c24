/* names.c - sets of names with end dates */
#include "policy/table/names.h"

static void
report_twice(struct ag_str name, const struct ag_entry *first,
    const struct ag_entry *second, struct ag_diag *diag)
{
	char where[AG_ORIGIN_MAX];
	struct ag_buf buf = AG_BUF(where);

	ag_origin_write(&first->origin, &buf);
	ag_diag_report(diag, AG_WARNING, &second->origin,
	    "%s is there twice, see %s; the longer-lived counts",
	    AG_SHOWN(name), where);
}

static bool
add_entry(struct ag_names *names, uint32_t id, const struct ag_entry *entry)
{
	struct ag_entry *mine = ag_vec_add(&names->entries, sizeof(*mine));

	if (mine == NULL)
		return false;
	*mine = *entry;
	ag_strmap_set_number(&names->map, id, (uint32_t)names->entries.n - 1);
	return true;
}

bool
ag_names_add(struct ag_names *names, struct ag_str name,
    const struct ag_entry *entry, struct ag_diag *diag)
{
	uint32_t known = names->map.n, id = ag_strmap_put(&names->map, name);
	struct ag_entry *mine;

	if (id == AG_NO_ID)
		return false;
	if (names->map.n > known)
		return add_entry(names, id, entry);
	mine = (struct ag_entry *)names->entries.items +
	    ag_strmap_number(&names->map, id);
	report_twice(name, mine, entry, diag);
	if (entry->until > mine->until)
		*mine = *entry;
	return true;
}

const struct ag_entry *
ag_names_find(const struct ag_names *names, struct ag_str name, int64_t now)
{
	return ag_names_find_expected(names, name, ag_names_expect(names, name),
	    now);
}

uint32_t
ag_names_expect(const struct ag_names *names, struct ag_str name)
{
	return ag_strmap_expect(&names->map, name);
}

const struct ag_entry *
ag_names_find_expected(const struct ag_names *names, struct ag_str name,
    uint32_t expected, int64_t now)
{
	uint32_t id = ag_strmap_find_expected(&names->map, name, expected);
	const struct ag_entry *entry = names->entries.items;

	if (id == AG_NO_ID)
		return NULL;
	entry += ag_strmap_number(&names->map, id);
	return ag_entry_is_live(entry, now) ? entry : NULL;
}

void
ag_names_free(struct ag_names *names)
{
	ag_strmap_free(&names->map);
	ag_vec_free(&names->entries);
}
