/*
 * mailbox.h - the address behind MAIL FROM and RCPT TO, in its two readings
 *
 * Ours is strict: RFC 5321 and 6531, nothing guessed.  The MTA's own is what
 * its macros say; it is taken as it stands.  Which of the two is judged
 * depends on the local domains and is decided in eval.
 *
 * A mailbox holds its own bytes, so it may outlive what it was read from.
 * Nothing here allocates, but for a domain with bytes above 127 (domainname.h).
 */
#ifndef AG_MAILBOX_H
#define AG_MAILBOX_H

#include "policy/address/domainname.h"

#define AG_LOCAL_MAX 256

/* Longest text of an address, with "@" and terminator. */
#define AG_ADDRESS_MAX (AG_LOCAL_MAX + 1 + AG_DOMAIN_MAX + 1)

/*
 * An address in the form used for comparison: quoting removed from the local
 * part, ASCII letters in lower case, domain as domainname.h makes it (an
 * address literal with its brackets, in lower case).  An empty domain means
 * that none was given.
 */
struct ag_mailbox {
	size_t local_len;
	size_t domain_len;
	char local[AG_LOCAL_MAX + 1];
	char domain[AG_DOMAIN_MAX + 1];
	bool no_memory; /* its domain could not be converted for want of it */
};

struct ag_str ag_mailbox_local(const struct ag_mailbox *mailbox);
struct ag_str ag_mailbox_domain(const struct ag_mailbox *mailbox);
bool ag_mailbox_eq(const struct ag_mailbox *a, const struct ag_mailbox *b);

/* What our own reading comes to. */
enum ag_plainness {
	AG_PATH_PLAIN, /* readable in one way only */
	AG_PATH_ODD,   /* anything else, unreadable included */
	AG_PATH_NULL   /* "<>", "< >" or nothing */
};

/* What the MTA said of the address. */
enum ag_mta_reading {
	AG_MTA_ABSENT, /* no such macro */
	AG_MTA_EMPTY,  /* present, without a value */
	AG_MTA_BARE,   /* a local part only: Sendmail's way of saying local */
	AG_MTA_FULL,   /* local part and domain */
	AG_MTA_UNREADABLE /* control bytes, open quotes, too long */
};

/* An envelope address: both readings, and what was sent. */
struct ag_path {
	struct ag_str sent; /* as sent, without angle brackets; borrowed */
	enum ag_plainness plainness;
	struct ag_mailbox ours; /* of a plain path */
	enum ag_mta_reading reading;
	struct ag_mailbox mta; /* of a bare or full reading */
	bool no_memory;        /* it cannot be judged */
	bool mta_local;        /* its mailer is "local" or "virtual" */
};

/*
 * Reads the argument of MAIL FROM or RCPT TO, with or without angle brackets,
 * beside {mail_addr} or {rcpt_addr} and {mail_mailer} or {rcpt_mailer}; mta and
 * mailer are NULL where the MTA sent none.  sent borrows the bytes of argument.
 */
void ag_path_read(struct ag_path *path, struct ag_str argument,
    const struct ag_str *mta, const struct ag_str *mailer);

/*
 * Reads an address as an administrator writes it in a file: plain, with a
 * domain.  False when it is anything else.
 */
bool ag_mailbox_parse(struct ag_mailbox *mailbox, struct ag_str text);

/*
 * Whether text is an address that ag_mailbox_parse() and ag_login_parse() read
 * as it stands, byte for byte: lower case, nothing quoted, nothing to convert.
 * Most addresses in a file are so.  False says nothing.  The domain is in
 * *domain.
 */
bool ag_mailbox_is_settled(struct ag_str text, struct ag_str *domain);

/*
 * How many bytes at the front of text are such an address; 0 for none.  The
 * byte behind them, if there is one, could not stand in its domain.
 */
size_t ag_mailbox_settled_part(struct ag_str text, struct ag_str *domain);

/*
 * Folds letters beyond ASCII in a local part, as Postfix does (full case
 * folding: a long s is an s, a sharp s two), into one form (NFC); what is no
 * UTF-8 stays. False when it gets too long, or for want of memory.
 */
bool ag_mailbox_fold_local(struct ag_mailbox *mailbox);

/* A local part as an administrator writes it: plain, without "@". */
bool ag_mailbox_parse_local(struct ag_mailbox *mailbox, struct ag_str text);

/*
 * Where the tag of a local part begins: the first delimiter that is not its
 * first byte; local.len when there is none.  delimiters may be empty.
 */
size_t ag_local_base(struct ag_str local, struct ag_str delimiters);

#endif
