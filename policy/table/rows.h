/*
 * rows.h - tables in a row that are searched as if they were one
 *
 * A kill or relay list is made of several files, each with a table of its own,
 * so that a change of one file leaves the tables of the others as they are.
 * The tables are borrowed.
 */
#ifndef AG_ROWS_H
#define AG_ROWS_H

#include "policy/base/arena.h"
#include "policy/table/names.h"
#include "policy/table/nets.h"

/* All zero bytes are an empty row. */
struct ag_nets_row {
	const struct ag_nets **table;
	size_t n;
};

struct ag_names_row {
	const struct ag_names **table;
	size_t n;
};

/*
 * Puts a table at the end of a row, which was made for at most room of them by
 * the first call.  False when there is no memory.
 */
bool ag_nets_row_add(struct ag_nets_row *row, struct ag_arena *arena,
    size_t room, const struct ag_nets *nets);
bool ag_names_row_add(struct ag_names_row *row, struct ag_arena *arena,
    size_t room, const struct ag_names *names);

/*
 * As ag_nets_find(), ag_nets_find_around() and ag_nets_hold() of nets.h: of all
 * tables the longest prefix decides, of two of one length the exception, and of
 * two alike the one in the first table.
 */
bool ag_nets_row_find(const struct ag_nets_row *row, const struct ag_ip *ip,
    int64_t now, struct ag_net *net);
bool ag_nets_row_find_around(const struct ag_nets_row *row,
    const struct ag_prefix *prefix, struct ag_net *net);
bool ag_nets_row_hold(const struct ag_nets_row *row, const struct ag_ip *ip,
    int64_t now, struct ag_entry *entry);

/* The entries of all tables; one that is in two of them counts twice. */
size_t ag_nets_row_size(const struct ag_nets_row *row);

/* The live entry of that name in the first table that has one, or NULL. */
const struct ag_entry *ag_names_row_find(const struct ag_names_row *row,
    struct ag_str name, int64_t now);

size_t ag_names_row_size(const struct ag_names_row *row);

#endif
