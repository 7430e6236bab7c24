/*
 * lists.h - the plain-text lists: networks, names, domains, the sender map
 *
 * One entry a line; "#" begins a comment, which is the entry's reason, and so
 * do ";" and "//" where a word begins, in a list of networks also elsewhere.
 * Behind the entry may stand until=.  A bad line is reported and skipped.  What
 * a word can be is said in words.h and ip.h.
 */
#ifndef AG_LISTS_H
#define AG_LISTS_H

#include "policy/table/nets.h"
#include "policy/base/arena.h"
#include "policy/table/login.h"
#include "policy/table/names.h"
#include "policy/table/senders.h"

/* How many of the notes of a list are looked for to be kept once. */
#define AG_LIST_NOTES 64

/* One list, on its way into the tables of a policy. */
struct ag_list {
	struct ag_str text;
	struct ag_origin at;    /* the file, then the line that was read */
	struct ag_arena *arena; /* keeps notes */
	struct ag_diag *diag;
	const struct ag_login_form *form;
	struct ag_str folded; /* a domain just found to be no alias */
	const char *notes[AG_LIST_NOTES]; /* of the last lines, once each */
	bool relay; /* a bad exception is an error: it would open something */
	bool names; /* a kill list: logins and senders may stand in it too */
	unsigned doubts; /* lines of a map that hardly mean what they say */
};

enum ag_item_kind { AG_ITEM_NETWORK, AG_ITEM_LOGIN, AG_ITEM_SENDER };

/* An entry of a kill or relay list. */
struct ag_item {
	enum ag_item_kind kind;
	struct ag_str entry; /* as written */
	struct ag_entry about;
	bool except;               /* of a network: "!" */
	struct ag_range range;     /* of a network */
	char name[AG_ADDRESS_MAX]; /* of a login or sender, as it is compared */
};

/* The next good entry, past bad lines, which are reported; false at the end. */
bool ag_list_next(struct ag_list *list, struct ag_item *item);

/* Whether there is more than comments and blank lines. */
bool ag_list_has_entries(struct ag_str text);

/* Each reads the whole list and returns false only when there is no memory. */
bool ag_list_networks(struct ag_list *list, struct ag_nets *nets);
bool ag_list_kill(struct ag_list *list, struct ag_nets *nets,
    struct ag_names *logins, struct ag_names *senders);
bool ag_list_domains(struct ag_list *list, struct ag_domains *domains);
bool ag_list_senders(struct ag_list *list, struct ag_senders *senders);

/* Addresses and local parts of the domain owner and its aliases. */
bool ag_list_accounts(struct ag_list *list, struct ag_str owner,
    struct ag_names *accounts);

/* Entries in a row, as a value of [relay] allow; what is bad is an error. */
bool ag_list_words(struct ag_list *list, struct ag_nets *nets);

#endif
