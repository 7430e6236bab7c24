/*
 * The common forms of networks, read in one pass (ip.h).
 *
 * A list of a million lines has hosts and prefixes in them and hardly anything
 * else.  What is not of these forms, or bad, is left to the reader of every
 * form, which also finds the words for what is wrong.
 */
#include "policy/address/ip.h"

struct cursor {
	const char *at;
	const char *end;
};

static bool
is_at_end(const struct cursor *c)
{
	return c->at == c->end;
}

static bool
take_char(struct cursor *c, char what)
{
	if (is_at_end(c) || *c->at != what)
		return false;
	c->at++;
	return true;
}

/* One to three digits without a leading zero. */
static bool
take_number(struct cursor *c, unsigned max, unsigned *n)
{
	const char *start = c->at;

	for (*n = 0; c->at < c->end && c->at < start + 3; c->at++) {
		if (!ag_is_digit(*c->at))
			break;
		*n = *n * 10 + (unsigned)(*c->at - '0');
	}
	return c->at > start && *n <= max &&
	    (*start != '0' || c->at == start + 1);
}

static bool
take_v4(struct cursor *c, struct ag_ip *ip)
{
	uint64_t address = 0;

	for (int i = 0; i < 4; i++) {
		unsigned octet;

		if ((i > 0 && !take_char(c, '.')) ||
		    !take_number(c, 255, &octet))
			return false;
		address = address << 8 | octet;
	}
	*ip = (struct ag_ip){ AG_IP_V4, 0, address };
	return true;
}

/* One to four hexadecimal digits. */
static bool
take_group(struct cursor *c, unsigned *group)
{
	const char *start = c->at;

	for (*group = 0; c->at < c->end && c->at < start + 4; c->at++) {
		int digit = ag_hex_digit(*c->at);

		if (digit < 0)
			break;
		*group = *group << 4 | (unsigned)digit;
	}
	return c->at > start;
}

/* The groups of an address, and before which of them "::" stands. */
struct groups {
	unsigned group[8];
	unsigned n;
	unsigned gap; /* NO_GAP: before none */
};

#define NO_GAP 9

static bool
take_gap(struct cursor *c, struct groups *groups)
{
	if (groups->gap != NO_GAP || !take_char(c, ':'))
		return false;
	groups->gap = groups->n;
	return true;
}

static bool
ends_address(const struct cursor *c)
{
	return is_at_end(c) || *c->at == '/';
}

static bool
take_groups(struct cursor *c, struct groups *groups)
{
	bool gap = take_char(c, ':');

	groups->n = 0;
	groups->gap = NO_GAP;
	/* it may begin with two colons, not with one */
	if (gap && !take_gap(c, groups))
		return false;
	while (!(gap && ends_address(c))) {
		if (groups->n == 8 || !take_group(c, &groups->group[groups->n]))
			return false;
		groups->n++;
		if (ends_address(c))
			break;
		if (!take_char(c, ':'))
			return false;
		gap = !is_at_end(c) && *c->at == ':';
		if (gap && !take_gap(c, groups))
			return false;
	}
	return groups->gap == NO_GAP ? groups->n == 8 : groups->n < 8;
}

static void
add_group(struct ag_ip *ip, unsigned group)
{
	ip->hi = ip->hi << 16 | ip->lo >> 48;
	ip->lo = ip->lo << 16 | group;
}

static void
fill_gap(struct ag_ip *ip, const struct groups *groups)
{
	for (unsigned i = groups->n; i < 8; i++)
		add_group(ip, 0);
}

/* False too for an IPv4-mapped address, which has rules of its own. */
static bool
take_v6(struct cursor *c, struct ag_ip *ip)
{
	struct groups groups;

	if (!take_groups(c, &groups))
		return false;
	*ip = (struct ag_ip){ AG_IP_V6, 0, 0 };
	for (unsigned i = 0; i < groups.n; i++) {
		if (i == groups.gap)
			fill_gap(ip, &groups);
		add_group(ip, groups.group[i]);
	}
	if (groups.gap == groups.n)
		fill_gap(ip, &groups);
	return ip->hi != 0 || ip->lo >> 32 != 0xffff;
}

static uint64_t
low_bits(unsigned n)
{
	return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

/* The network of ip that leaves so many bits for hosts; none may be set. */
static bool
make_range(struct ag_range *range, const struct ag_ip *ip, unsigned host)
{
	uint64_t lo = low_bits(host), hi = host > 64 ? low_bits(host - 64) : 0;

	*range = (struct ag_range){ *ip, *ip };
	range->last.hi |= hi;
	range->last.lo |= lo;
	return (ip->hi & hi) == 0 && (ip->lo & lo) == 0;
}

bool
ag_range_parse_common(struct ag_range *range, struct ag_str text)
{
	struct cursor c = { text.ptr, text.ptr + text.len };
	bool v6 = ag_str_has(ag_str_head(text, 5), ':');
	unsigned all = v6 ? 128 : 32, bits = all;
	struct ag_ip ip;

	if (text.len == 0 || !(v6 ? take_v6(&c, &ip) : take_v4(&c, &ip)))
		return false;
	if (!is_at_end(&c) &&
	    (!take_char(&c, '/') || !take_number(&c, all, &bits)))
		return false;
	return is_at_end(&c) && make_range(range, &ip, all - bits);
}
