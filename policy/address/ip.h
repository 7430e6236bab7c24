/*
 * ip.h - IP addresses, networks, and tables of networks
 *
 * Addresses are numbers, not text: an IPv4-mapped IPv6 address becomes IPv4
 * when it is made, so the two spellings of one host cannot disagree.
 *
 * Networks are read strictly.  "10", "10.1", "1.2.3.4/-1", "1.2.3.4/24x",
 * "010.0.0.1" and "10.1.2.3/8" are errors here, because each of them would
 * otherwise be taken for a network the administrator did not mean.
 *
 * A table never changes once made; any number of threads may search it.
 */
#ifndef AG_IP_H
#define AG_IP_H

#include "policy/base/text.h"

enum ag_family { AG_IP_UNKNOWN, AG_IP_V4, AG_IP_V6 };

/* An address as a number; IPv4 uses the low 32 bits of lo. */
struct ag_ip {
	enum ag_family family;
	uint64_t hi;
	uint64_t lo;
};

#define AG_IP_TEXT_MAX 46 /* longest text, with terminator */

/* Bytes in network order. */
struct ag_ip ag_ip_from_v4(const uint8_t byte[static 4]);
struct ag_ip ag_ip_from_v6(const uint8_t byte[static 16]);

/*
 * Reads the forms in which an MTA hands over an address: dotted quad, IPv6,
 * either in brackets, and IPv6 behind an "IPv6:" tag.  On failure *ip is
 * AG_IP_UNKNOWN.
 */
bool ag_ip_parse(struct ag_ip *ip, struct ag_str text);

/* Writes text ("unknown" for AG_IP_UNKNOWN) and terminator; returns buf. */
char *ag_ip_write(const struct ag_ip *ip, char buf[static AG_IP_TEXT_MAX]);

/* 127.0.0.0/8 and ::1. */
bool ag_ip_is_loopback(const struct ag_ip *ip);

/* All addresses from first to last, both of one family. */
struct ag_range {
	struct ag_ip first;
	struct ag_ip last;
};

struct ag_prefix {
	struct ag_ip net;
	unsigned bits; /* 0-32 or 0-128 */
};

/*
 * Reads ADDRESS, ADDRESS/BITS, IPv4-ADDRESS/NETMASK or FIRST-LAST; brackets may
 * stand around an address.  When false, why says what is wrong with the text
 * and, where that is clear, what was meant.
 */
bool ag_range_parse(struct ag_range *range, struct ag_str text,
    struct ag_buf *why);

/*
 * The two readers behind it.  common reads ADDRESS and ADDRESS/BITS, several
 * times as fast, and says nothing of what it does not read; any reads every
 * form.  What common reads, any reads as the same range.
 */
bool ag_range_parse_common(struct ag_range *range, struct ag_str text);
bool ag_range_parse_any(struct ag_range *range, struct ag_str text,
    struct ag_buf *why);

/*
 * Takes the largest prefix that begins at range->first off the range; called
 * again and again it gives the fewest prefixes that make up the range.  False
 * when nothing is left.
 */
bool ag_range_take_prefix(struct ag_range *range, struct ag_prefix *prefix);

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
