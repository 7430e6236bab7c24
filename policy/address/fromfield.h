/*
 * fromfield.h - the addresses in a From: or Sender: field
 *
 * RFC 5322 with groups, comments, quoted strings and folding, and RFC 6532's
 * UTF-8.  Anything that two mail programs could read differently is refused,
 * never guessed: control bytes, "@" in an unquoted name, text behind the angle
 * bracket, a route, also one in the local part, an encoded word in an address,
 * a domain that IDNA does not know, an open quote or comment.
 * Nothing here allocates, but for a domain with bytes above 127.
 */
#ifndef AG_FROMFIELD_H
#define AG_FROMFIELD_H

#include "policy/address/mailbox.h"

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

/*
 * Whether all programs read a field alike that was read to its end.  Where its
 * names or comments mention an address, only a plain one is: one address, and
 * nothing nested, folded, escaped or out of ASCII around it.
 */
bool ag_from_is_clear(struct ag_str value, size_t addresses);

/*
 * Reads a local part that stands as it is, in front of "@".  False where it is
 * none, or where some find a way to another address in it.
 */
bool ag_from_local(struct ag_str word, struct ag_mailbox *mailbox);

/*
 * Of a field that cannot be read: the address in angle brackets, if they are
 * the only ones, and nothing that matters stands behind them.  What stands in
 * front is taken for a name.  False where there is none.
 */
bool ag_from_one(struct ag_str value, struct ag_mailbox *mailbox);

#endif
