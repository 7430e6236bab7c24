/*
 * fromscan.h - what a From: field that cannot be read may show to somebody
 *
 * Mail programs disagree on what is no RFC 5322: one leaves out what it does
 * not understand, another puts together what stands on both sides of it.  So
 * each domain counts that is left behind an "@" or a "%", or in front of a "!",
 * when everything is taken away that is no letter, digit, "-", "_" or ".":
 * blanks, quotes, control bytes, invisible code points, what is no UTF-8.
 * Comments are taken as text and left out, encoded words as they stand and
 * decoded.
 *
 * The work is bounded, whatever the field holds.  Nothing here allocates, but
 * for domains with bytes above 127.
 */
#ifndef AG_FROMSCAN_H
#define AG_FROMSCAN_H

#include "policy/address/mailbox.h"

/* As many names are told of; a field with more is a riddle. */
#define AG_FROM_SCAN_MAX 4096

/*
 * A name that somebody may take for the domain of an address.  Of the names
 * that begin at one place each longer one is told of, too.  The local part is
 * there where everybody takes it for that, else it is empty.
 */
typedef void ag_from_found_fn(void *arg, const struct ag_mailbox *mailbox);

/*
 * False where the field is a riddle: it may show any domain.  Then not all was
 * told.
 */
bool ag_from_scan(struct ag_str value, ag_from_found_fn *found, void *arg);

#endif
