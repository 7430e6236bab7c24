/*
 * ip.h - IP addresses and networks
 *
 * Addresses are numbers, not text: an IPv4-mapped IPv6 address becomes IPv4
 * when it is made, so the two spellings of one host cannot disagree.
 *
 * Networks are read strictly.  "10", "10.1", "1.2.3.4/-1", "1.2.3.4/24x",
 * "010.0.0.1" and "10.1.2.3/8" are errors here, because each of them would
 * otherwise be taken for a network the administrator did not mean.
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

#endif
