#include "names.h"

static void
report_twice(struct ag_str name, const struct ag_entry *first,
    const struct ag_entry *second, struct ag_diag *diag)
{
	char where[AG_ORIGIN_MAX];
	struct ag_buf buf = AG_BUF(where);

	ag_origin_write(&first->origin, &buf);
	ag_diag_report(diag, AG_WARNING, &second->origin,
	    "%.*s is there twice, see %s; the longer-lived counts",
	    AG_STR_ARG(name), where);
}

bool
ag_names_add(struct ag_names *names, struct ag_str name,
    const struct ag_entry *entry, struct ag_diag *diag)
{
	uint32_t known = names->map.n, id = ag_strmap_put(&names->map, name);
	struct ag_entry *mine;

	if (id == AG_NO_ID)
		return false;
	mine = ag_vec_at(&names->entries, id, sizeof(*mine));
	if (mine == NULL)
		return false;
	if (id < known)
		report_twice(name, mine, entry, diag);
	if (id >= known || entry->until > mine->until)
		*mine = *entry;
	return true;
}

const struct ag_entry *
ag_names_find(const struct ag_names *names, struct ag_str name, int64_t now)
{
	uint32_t id = ag_strmap_find(&names->map, name);
	const struct ag_entry *entries = names->entries.items;

	if (id == AG_NO_ID || !ag_entry_is_live(&entries[id], now))
		return NULL;
	return &entries[id];
}

void
ag_names_free(struct ag_names *names)
{
	ag_strmap_free(&names->map);
	ag_vec_free(&names->entries);
}
