/*
 * senders.h - which login may send as which address
 *
 * The map gives addresses to logins, as smtpd_sender_login_maps(5 in
 * postconf) and virtual(5) tables are written.  An address is looked up as it
 * is, without its tag, as "@domain" and as "*"; all lines that match are
 * united.  A right side is a login, and is followed where it is a left side
 * itself.  Chains are worked out when the map is finished, so that a look-up
 * is at most four searches.
 *
 * That a login owns its own address is not the map's business; see eval.
 */
#ifndef AG_SENDERS_H
#define AG_SENDERS_H

#include "policy/base/text.h"

/* Left sides in a chain. */
#define AG_SENDERS_CHAIN 10

/* Logins of all left sides that have more than one. */
#define AG_SENDERS_SUM (1u << 25)

struct ag_senders;

struct ag_senders *ag_senders_new(void);
void ag_senders_free(struct ag_senders *senders);

/*
 * A text on its way into the map, borrowed.  What memory it needs first is
 * fetched meanwhile: a large map is filled faster when it knows a few lines
 * beforehand.
 */
struct ag_sender_text {
	struct ag_str text;
	uint32_t expected;
};

struct ag_sender_text ag_senders_expect(const struct ag_senders *senders,
    struct ag_str text);

/*
 * Adds a left side: "local@domain", "local", "@domain" or "*".  Texts are
 * copied; the origin's file is borrowed.  The number is for its right sides;
 * AG_NO_LEFT when there is no memory, and then, as when the others return
 * false, the map is only good for being freed.
 */
uint32_t ag_senders_add_left(struct ag_senders *senders,
    const struct ag_sender_text *left, const struct ag_origin *origin);

#define AG_NO_LEFT UINT32_MAX

/*
 * Adds a right side to a left one.  The login is in login.h's form; written is
 * the same right side in the form of a left one, NULL where both are the same.
 */
bool ag_senders_add(struct ag_senders *senders, uint32_t left,
    const struct ag_sender_text *login, const struct ag_sender_text *written);

/* The right side "*", any login. */
bool ag_senders_add_any(struct ag_senders *senders, uint32_t left);

/*
 * Says that what was added is some part of all there will be, which makes
 * room for the rest; a wrong guess does no harm.
 */
void ag_senders_reserve(struct ag_senders *senders, double part);

/*
 * Works out the chains; circles and chains that are too long are warnings, more
 * than AG_SENDERS_SUM an error.
 */
bool ag_senders_finish(struct ag_senders *senders, struct ag_diag *diag);

/* An address whose domain is folded; base is its local part without the tag. */
struct ag_sender_key {
	struct ag_str local;
	struct ag_str base;
	struct ag_str domain; /* may be empty */
};

/* Whether any left side holds for the address. */
bool ag_senders_list(const struct ag_senders *senders,
    const struct ag_sender_key *key);

/* Whether the map gives the address to the login, which is not empty. */
bool ag_senders_give(const struct ag_senders *senders,
    const struct ag_sender_key *key, struct ag_str login);

/* How many left sides there are. */
size_t ag_senders_size(const struct ag_senders *senders);

/*
 * Told of a left side and of a login that may send as it ("*": any), with the
 * first line of that left side.
 */
typedef void ag_senders_fn(void *arg, struct ag_str left, struct ag_str login,
    const struct ag_origin *origin);

/* All logins that may send as the address. */
void ag_senders_of_address(const struct ag_senders *senders,
    const struct ag_sender_key *key, ag_senders_fn *found, void *arg);

/*
 * All logins that may send as some address of the domain, which is folded; of
 * "*", as any address there is.
 */
void ag_senders_of_domain(const struct ag_senders *senders,
    struct ag_str domain, ag_senders_fn *found, void *arg);

/* All left sides that are given to the login; "*" is any. */
void ag_senders_of_login(const struct ag_senders *senders, struct ag_str login,
    ag_senders_fn *found, void *arg);

#endif
