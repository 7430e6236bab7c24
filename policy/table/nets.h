/*
 * nets.h - tables of networks, with end dates and exceptions
 *
 * A table never changes once made; any number of threads may search it.
 */
#ifndef AG_NETS_H
#define AG_NETS_H

#include "policy/address/ip.h"

/* What stands behind an entry of any list. */
struct ag_entry {
	int64_t until; /* first second it no longer holds, or AG_NEVER */
	const char *note;
	struct ag_origin origin;
};

#define AG_NEVER INT64_MAX

bool ag_entry_is_live(const struct ag_entry *entry, int64_t now);

struct ag_net {
	struct ag_prefix prefix;
	bool except; /* "!": not in the list after all */
	struct ag_entry entry;
};

struct ag_nets;

/*
 * A table is filled with add and made searchable with finish; it is good only
 * for being freed when either was out of memory.  Notes and the names of files
 * are borrowed; entries of one file are best added in a row.
 * The same entry twice is a warning, and the longer-lived counts.
 */
struct ag_nets *ag_nets_new(void);
bool ag_nets_add(struct ag_nets *nets, const struct ag_net *net);
bool ag_nets_finish(struct ag_nets *nets, struct ag_diag *diag);
void ag_nets_free(struct ag_nets *nets);

/*
 * The live entry with the longest prefix that holds ip at the time now; of two
 * of one length the exception.  An entry that has run out is passed over for
 * the one around it.  An unknown address is in no network, not even in
 * 0.0.0.0/0.  nets may be NULL; *net is set when there is one.
 */
bool ag_nets_find(const struct ag_nets *nets, const struct ag_ip *ip,
    int64_t now, struct ag_net *net);

/*
 * The entry with the longest prefix that holds all of a network, whatever their
 * ends; of two of one length the exception.  nets may be NULL.
 */
bool ag_nets_find_around(const struct ag_nets *nets,
    const struct ag_prefix *prefix, struct ag_net *net);

/* As ag_nets_find(), but false too for an exception; entry may be NULL. */
bool ag_nets_hold(const struct ag_nets *nets, const struct ag_ip *ip,
    int64_t now, struct ag_entry *entry);

/* How many different entries the table has; nets may be NULL. */
size_t ag_nets_size(const struct ag_nets *nets);

/* One of them, counted from 0: IPv4 before IPv6, each by address. */
void ag_nets_get(const struct ag_nets *nets, size_t i, struct ag_net *net);

#endif
