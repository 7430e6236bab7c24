/*
 * fromfield.h - the addresses in a From: or Sender: field
 *
 * RFC 5322 with groups, comments, quoted strings and folding, and RFC 6532's
 * UTF-8.  Anything that two mail programs could read differently is refused,
 * never guessed: control bytes, "@" in an unquoted name, text behind the angle
 * bracket, a route, also one in the local part, an open quote or comment.
 * Nothing here allocates, but for a domain with bytes above 127.
 */
#ifndef AG_FROMFIELD_H
#define AG_FROMFIELD_H

#include "mailbox.h"

enum ag_from_status {
	AG_FROM_ADDRESS,   /* here is one */
	AG_FROM_BARE,      /* here is a local part without a domain */
	AG_FROM_END,       /* there are no more */
	AG_FROM_UNREADABLE /* the field cannot be trusted */
};

/* A position in a field's value.  Treat the members as private. */
struct ag_from_iter {
	struct ag_str rest;
	bool in_group;
	bool begun;
};

/* The value as the MTA hands it over, folded or not; borrowed. */
struct ag_from_iter ag_from_iter(struct ag_str value);

/*
 * Reads the next address.  After AG_FROM_UNREADABLE, which may come behind some
 * addresses, or AG_FROM_END it must not be called again.
 */
enum ag_from_status ag_from_next(struct ag_from_iter *iter,
    struct ag_mailbox *mailbox);

/* A position in a field that cannot be read.  Treat the members as private. */
struct ag_from_scan {
	struct ag_str rest;
	bool again;
};

struct ag_from_scan ag_from_scan(struct ag_str value);

/*
 * Reads the next domain that some program may find in the field, whatever
 * stands around it: behind "@" or "%", or in front of "!"; once with and once
 * without what blanks and comments divide.  It is empty where there is none.
 * False at the end.
 */
bool ag_from_scan_next(struct ag_from_scan *scan, struct ag_mailbox *mailbox);

#endif
