/*
 * names.h - sets of names with end dates: killed logins and senders, accounts
 *
 * Names are compared byte by byte; the caller brings them into one form.
 */
#ifndef AG_NAMES_H
#define AG_NAMES_H

#include "policy/table/nets.h"
#include "policy/base/vec.h"
#include "policy/table/strmap.h"

/* All zero bytes are an empty set. */
struct ag_names {
	struct ag_strmap map;
	struct ag_vec entries; /* struct ag_entry, by the number of the name */
};

/*
 * Adds a name; its note and origin are borrowed.  The same name twice is a
 * warning, and the longer-lived counts.  False when there is no memory.
 */
bool ag_names_add(struct ag_names *names, struct ag_str name,
    const struct ag_entry *entry, struct ag_diag *diag);

/* The live entry of that name or NULL. */
const struct ag_entry *ag_names_find(const struct ag_names *names,
    struct ag_str name, int64_t now);

/* The same in two steps, as with ag_strmap_expect(). */
uint32_t ag_names_expect(const struct ag_names *names, struct ag_str name);
const struct ag_entry *ag_names_find_expected(const struct ag_names *names,
    struct ag_str name, uint32_t expected, int64_t now);

void ag_names_free(struct ag_names *names);

#endif
