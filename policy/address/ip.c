/* ip.c - reads and compares IP addresses and networks */
#include "policy/address/ip.h"

#include <arpa/inet.h>
#include <string.h>

#include <libcidr.h>

#include "policy/base/number.h"

static uint64_t
read_be64(const uint8_t *byte)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | byte[i];
	return n;
}

static void
write_be64(uint64_t n, uint8_t *byte)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		byte[i] = (uint8_t)n;
}

struct ag_ip
ag_ip_from_v4(const uint8_t byte[static 4])
{
	uint64_t n = 0;

	for (int i = 0; i < 4; i++)
		n = n << 8 | byte[i];
	return (struct ag_ip){ AG_IP_V4, 0, n };
}

/* ::ffff:0:0/96, RFC 4291 section 2.5.5.2 */
#define MAPPED_LO (UINT64_C(0xffff) << 32)

struct ag_ip
ag_ip_from_v6(const uint8_t byte[static 16])
{
	uint64_t hi = read_be64(byte), lo = read_be64(byte + 8);

	if (hi == 0 && lo >> 32 == 0xffff)
		return (struct ag_ip){ AG_IP_V4, 0, lo & UINT32_MAX };
	return (struct ag_ip){ AG_IP_V6, hi, lo };
}

/* Dotted quad: four decimal numbers without leading zeros. */
static bool
parse_v4(struct ag_ip *ip, struct ag_str text)
{
	uint64_t n = 0;

	for (int i = 0; i < 4; i++) {
		struct ag_str part = ag_str_head(text, ag_str_find(text, '.'));
		uint64_t octet;

		if ((i < 3) == (part.len == text.len) ||
		    !ag_number_parse(part, 255, &octet))
			return false;
		text = ag_str_skip(text, part.len + 1);
		n = n << 8 | octet;
	}
	*ip = (struct ag_ip){ AG_IP_V4, 0, n };
	return true;
}

static bool
parse_v6(struct ag_ip *ip, struct ag_str text)
{
	char buf[AG_IP_TEXT_MAX];
	uint8_t byte[16];

	if (text.len >= sizeof(buf) || ag_str_has(text, '\0'))
		return false;
	memcpy(buf, text.ptr, text.len);
	buf[text.len] = '\0';
	if (inet_pton(AF_INET6, buf, byte) != 1)
		return false;
	*ip = ag_ip_from_v6(byte);
	return true;
}

/* No brackets, no tag. */
static bool
parse_address(struct ag_ip *ip, struct ag_str text)
{
	if (text.len == 0)
		return false;
	return ag_str_has(text, ':') ? parse_v6(ip, text) : parse_v4(ip, text);
}

bool
ag_ip_parse(struct ag_ip *ip, struct ag_str text)
{
	if (text.len >= 2 && text.ptr[0] == '[' &&
	    text.ptr[text.len - 1] == ']')
		text = ag_str_head(ag_str_skip(text, 1), text.len - 2);
	if (text.len > 5 && ag_str_ieq(ag_str_head(text, 5), ag_str("IPv6:"))) {
		text = ag_str_skip(text, 5);
		if (!ag_str_has(text, ':'))
			text.len = 0;
	}
	if (parse_address(ip, text))
		return true;
	*ip = (struct ag_ip){ AG_IP_UNKNOWN, 0, 0 };
	return false;
}

char *
ag_ip_write(const struct ag_ip *ip, char buf[static AG_IP_TEXT_MAX])
{
	uint8_t byte[16];

	write_be64(ip->hi, byte);
	write_be64(ip->lo, byte + 8);
	if (ip->family == AG_IP_V4)
		inet_ntop(AF_INET, byte + 12, buf, AG_IP_TEXT_MAX);
	else if (ip->family == AG_IP_V6)
		inet_ntop(AF_INET6, byte, buf, AG_IP_TEXT_MAX);
	else
		memcpy(buf, "unknown", sizeof("unknown"));
	return buf;
}

bool
ag_ip_is_loopback(const struct ag_ip *ip)
{
	return (ip->family == AG_IP_V4 && ip->lo >> 24 == 127) ||
	    (ip->family == AG_IP_V6 && ip->hi == 0 && ip->lo == 1);
}

/* ---- prefixes and ranges ---- */

/* Postfix wants brackets around the address of an IPv6 network. */
static struct ag_str
without_brackets(struct ag_str address)
{
	bool both = address.len >= 2 && address.ptr[0] == '[' &&
	    address.ptr[address.len - 1] == ']';

	return both ? ag_str_head(ag_str_skip(address, 1), address.len - 2) :
		      address;
}

static unsigned
family_bits(enum ag_family family)
{
	return family == AG_IP_V4 ? 32 : 128;
}

static uint64_t
low_bits(unsigned n)
{
	return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

/* ip with its last n bits set, or cleared. */
static struct ag_ip
set_host_bits(struct ag_ip ip, unsigned n)
{
	ip.lo |= low_bits(n);
	ip.hi |= n > 64 ? low_bits(n - 64) : 0;
	return ip;
}

static struct ag_ip
clear_host_bits(struct ag_ip ip, unsigned n)
{
	ip.lo &= ~low_bits(n);
	ip.hi &= n > 64 ? ~low_bits(n - 64) : UINT64_MAX;
	return ip;
}

static int
compare_ip(const struct ag_ip *a, const struct ag_ip *b)
{
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	return a->lo == b->lo ? 0 : a->lo < b->lo ? -1 : 1;
}

static struct ag_ip
next_ip(struct ag_ip ip)
{
	ip.hi += ++ip.lo == 0;
	return ip;
}

static struct ag_ip
last_of(const struct ag_prefix *prefix)
{
	return set_host_bits(prefix->net,
	    family_bits(prefix->net.family) - prefix->bits);
}

static unsigned
trailing_zeros(const struct ag_ip *ip)
{
	if (ip->lo != 0)
		return (unsigned)__builtin_ctzll(ip->lo);
	return ip->hi != 0 ? 64 + (unsigned)__builtin_ctzll(ip->hi) : 128;
}

/* The largest n for which 2 to the power of n addresses are in the range. */
static unsigned
log2_size(const struct ag_range *range)
{
	uint64_t lo = range->last.lo - range->first.lo;
	uint64_t hi = range->last.hi - range->first.hi -
	    (range->last.lo < range->first.lo);

	/* one more than the difference */
	if (++lo == 0 && ++hi == 0)
		return 128;
	return hi != 0 ? 127 - (unsigned)__builtin_clzll(hi) :
			 63 - (unsigned)__builtin_clzll(lo);
}

static unsigned
min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

bool
ag_range_take_prefix(struct ag_range *range, struct ag_prefix *prefix)
{
	unsigned all = family_bits(range->first.family), host;
	struct ag_ip end;

	if (compare_ip(&range->first, &range->last) > 0)
		return false;
	host = min(all, min(trailing_zeros(&range->first), log2_size(range)));
	*prefix = (struct ag_prefix){ range->first, all - host };
	end = last_of(prefix);
	if (compare_ip(&end, &range->last) == 0)
		*range =
		    (struct ag_range){ { AG_IP_V6, 0, 1 }, { AG_IP_V6, 0, 0 } };
	else
		range->first = next_ip(end);
	return true;
}

/* A netmask such as 255.255.255.0; libcidr knows which are contiguous. */
static bool
parse_netmask(struct ag_str address, struct ag_str mask, unsigned *bits)
{
	char text[2 * AG_IP_TEXT_MAX];
	struct ag_ip ip;
	CIDR *cidr;
	int length;

	if (!parse_v4(&ip, address) || !parse_v4(&ip, mask))
		return false;
	struct ag_buf buf = AG_BUF(text);
	ag_buf_str(&buf, address);
	ag_buf_char(&buf, '/');
	ag_buf_str(&buf, mask);
	cidr = cidr_from_str(text);
	if (cidr == NULL)
		return false;
	length = cidr_get_pflen(cidr);
	cidr_free(cidr);
	*bits = (unsigned)length;
	return length >= 0 && length <= 32;
}

static bool
parse_length(struct ag_str address, struct ag_str length, unsigned max,
    unsigned *bits)
{
	uint64_t n;

	if (ag_str_has(length, '.'))
		return parse_netmask(address, length, bits);
	if (!ag_number_parse(length, max, &n))
		return false;
	*bits = (unsigned)n;
	return true;
}

/*
 * Bits of an IPv6 network that, being IPv4-mapped, became an IPv4 one.  A
 * prefix shorter than 96 bits is left too long on purpose: the address then
 * has host bits, for the mapped networks do not begin there.
 */
static bool
is_mapped(const struct ag_ip *ip, struct ag_str address)
{
	return ip->family == AG_IP_V4 && ag_str_has(address, ':');
}

static void
explain_host_bits(struct ag_ip net, unsigned bits, struct ag_buf *why)
{
	char text[AG_IP_TEXT_MAX];

	ag_buf_printf(why, "has host bits set; the network is %s/%u",
	    ag_ip_write(&net, text), bits);
}

static void
explain_no_address(struct ag_str text, struct ag_buf *why)
{
	struct ag_str inner = without_brackets(text);

	if (inner.len < text.len && ag_str_has(inner, '/'))
		ag_buf_text(why,
		    "has the length inside the brackets; write it behind them");
	else
		ag_buf_text(why, "is not an IPv4 or IPv6 address or network");
}

static bool
parse_prefix(struct ag_range *range, struct ag_str text, struct ag_buf *why)
{
	size_t slash = ag_str_find(text, '/');
	struct ag_str address = without_brackets(ag_str_head(text, slash));
	struct ag_str length = ag_str_skip(text, slash + 1);
	struct ag_ip ip, net;
	unsigned bits, max;

	if (!parse_address(&ip, address)) {
		explain_no_address(text, why);
		return false;
	}
	max = ag_str_has(address, ':') ? 128 : 32;
	bits = max;
	if (slash < text.len && !parse_length(address, length, max, &bits)) {
		ag_buf_printf(why,
		    "has no prefix length from 0 to %u%s behind the /", max,
		    max == 32 ? " or netmask" : "");
		return false;
	}
	if (is_mapped(&ip, address)) {
		if (bits < 96)
			ip = (struct ag_ip){ AG_IP_V6, 0, MAPPED_LO | ip.lo };
		else
			bits -= 96;
	}
	net = clear_host_bits(ip, family_bits(ip.family) - bits);
	if (compare_ip(&net, &ip) != 0) {
		explain_host_bits(net, bits, why);
		return false;
	}
	*range = (struct ag_range){ net,
		set_host_bits(net, family_bits(net.family) - bits) };
	return true;
}

static bool
parse_pair(struct ag_range *range, struct ag_str text, struct ag_buf *why)
{
	size_t dash = ag_str_find(text, '-');

	if (!parse_address(&range->first,
		without_brackets(ag_str_head(text, dash))) ||
	    !parse_address(&range->last,
		without_brackets(ag_str_skip(text, dash + 1))) ||
	    range->first.family != range->last.family) {
		ag_buf_text(why,
		    "is not a range FIRST-LAST of two addresses of one family");
		return false;
	}
	if (compare_ip(&range->first, &range->last) > 0) {
		ag_buf_text(why,
		    "runs backwards; write the lower address first");
		return false;
	}
	return true;
}

/* Digits, dots, colons, brackets: not "mail" in mail-1.example.com. */
static bool
looks_like_address(struct ag_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (strchr("0123456789abcdefABCDEF.:[]", text.ptr[i]) == NULL)
			return false;
	return ag_str_has(text, '.') || ag_str_has(text, ':');
}

bool
ag_range_parse_any(struct ag_range *range, struct ag_str text,
    struct ag_buf *why)
{
	size_t dash = ag_str_find(text, '-');

	/* "1.2.3.4/-1" is a bad length */
	if (dash < text.len && looks_like_address(ag_str_head(text, dash)))
		return parse_pair(range, text, why);
	return parse_prefix(range, text, why);
}

bool
ag_range_parse(struct ag_range *range, struct ag_str text, struct ag_buf *why)
{
	return ag_range_parse_common(range, text) ||
	    ag_range_parse_any(range, text, why);
}
