/* rows.c - looks a network or a name up in several tables */
#include "policy/table/rows.h"

bool
ag_nets_row_add(struct ag_nets_row *row, struct ag_arena *arena, size_t room,
    const struct ag_nets *nets)
{
	if (row->table == NULL)
		row->table = ag_arena_array(arena, room, sizeof(*row->table));
	if (row->table == NULL)
		return false;
	row->table[row->n++] = nets;
	return true;
}

bool
ag_names_row_add(struct ag_names_row *row, struct ag_arena *arena, size_t room,
    const struct ag_names *names)
{
	if (row->table == NULL)
		row->table = ag_arena_array(arena, room, sizeof(*row->table));
	if (row->table == NULL)
		return false;
	row->table[row->n++] = names;
	return true;
}

/* Whether of two entries that hold the same the second decides. */
static bool
goes_before(const struct ag_net *first, const struct ag_net *second)
{
	if (second->prefix.bits != first->prefix.bits)
		return second->prefix.bits > first->prefix.bits;
	return second->except && !first->except;
}

static void
choose(struct ag_net *best, bool *found, const struct ag_net *net)
{
	if (!*found || goes_before(best, net))
		*best = *net;
	*found = true;
}

bool
ag_nets_row_find(const struct ag_nets_row *row, const struct ag_ip *ip,
    int64_t now, struct ag_net *net)
{
	bool found = false;

	for (size_t i = 0; i < row->n; i++) {
		struct ag_net one;

		if (ag_nets_find(row->table[i], ip, now, &one))
			choose(net, &found, &one);
	}
	return found;
}

bool
ag_nets_row_find_around(const struct ag_nets_row *row,
    const struct ag_prefix *prefix, struct ag_net *net)
{
	bool found = false;

	for (size_t i = 0; i < row->n; i++) {
		struct ag_net one;

		if (ag_nets_find_around(row->table[i], prefix, &one))
			choose(net, &found, &one);
	}
	return found;
}

bool
ag_nets_row_hold(const struct ag_nets_row *row, const struct ag_ip *ip,
    int64_t now, struct ag_entry *entry)
{
	struct ag_net net;

	/* mostly it is one */
	if (row->n == 1)
		return ag_nets_hold(row->table[0], ip, now, entry);
	if (!ag_nets_row_find(row, ip, now, &net) || net.except)
		return false;
	if (entry != NULL)
		*entry = net.entry;
	return true;
}

size_t
ag_nets_row_size(const struct ag_nets_row *row)
{
	size_t n = 0;

	for (size_t i = 0; i < row->n; i++)
		n += ag_nets_size(row->table[i]);
	return n;
}

const struct ag_entry *
ag_names_row_find(const struct ag_names_row *row, struct ag_str name,
    int64_t now)
{
	const struct ag_entry *entry = NULL;

	for (size_t i = 0; i < row->n && entry == NULL; i++)
		entry = ag_names_find(row->table[i], name, now);
	return entry;
}

size_t
ag_names_row_size(const struct ag_names_row *row)
{
	size_t n = 0;

	for (size_t i = 0; i < row->n; i++)
		n += row->table[i]->map.n;
	return n;
}
