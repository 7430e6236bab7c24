/*
 * The grammar of networks against the C library's and libcidr's reading.
 *
 * Random texts near the grammar, and right ones with a few bytes changed.  What
 * is accepted is worked out a second time, with inet_pton() for addresses;
 * what libcidr makes of an accepted text must be the same network.  One
 * difference is meant: an IPv4-mapped network is an IPv4 network here.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address/ip.h"
#include "random.h"
#include "read_cidr.h"

#define TEXT_MAX 120

static void
fail(const char *what, const char *text)
{
	printf("failed: %s: |%s|\n", what, text);
	exit(1);
}

/* ---- the second opinion ---- */

/* An address in sixteen bytes, IPv4 as mapped. */
struct address {
	uint8_t byte[16];
	bool v4;     /* written as IPv4 */
	bool mapped; /* written as IPv6 */
};

static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

static bool
read_address(const char *text, struct address *address)
{
	*address = (struct address){ .v4 = strchr(text, ':') == NULL };
	if (address->v4) {
		memcpy(address->byte, mapped, sizeof(mapped));
		return inet_pton(AF_INET, text, address->byte + 12) == 1;
	}
	if (inet_pton(AF_INET6, text, address->byte) != 1)
		return false;
	address->mapped = memcmp(address->byte, mapped, sizeof(mapped)) == 0;
	return true;
}

/* Plain digits, no leading zero. */
static bool
read_length(const char *text, int max, int *length)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 3 || text[n] != '\0' || (n > 1 && text[0] == '0'))
		return false;
	*length = (int)strtol(text, NULL, 10);
	return *length <= max;
}

/* A mask of ones, then zeros. */
static bool
read_mask(const char *text, int *length)
{
	struct in_addr in;
	uint32_t mask;

	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	mask = ntohl(in.s_addr);
	for (*length = 0; (mask & 0x80000000u) != 0; mask <<= 1)
		++*length;
	return mask == 0;
}

static bool
has_host_bits(const struct address *address, int bits)
{
	for (int i = bits; i < 128; i++)
		if ((address->byte[i / 8] & (0x80 >> i % 8)) != 0)
			return true;
	return false;
}

static bool
accept_range(char *text, char *dash)
{
	struct address first, last;
	int order;

	*dash = '\0';
	if (!read_address(text, &first) || !read_address(dash + 1, &last))
		return false;
	order = memcmp(first.byte, last.byte, 16);
	return (first.v4 || first.mapped) == (last.v4 || last.mapped) &&
	    order <= 0;
}

static bool
accept_network(char *text, char *slash)
{
	struct address address;
	int length;

	if (slash == NULL)
		return read_address(text, &address);
	*slash = '\0';
	if (!read_address(text, &address))
		return false;
	if (!read_length(slash + 1, address.v4 ? 32 : 128, &length) &&
	    !(address.v4 && read_mask(slash + 1, &length)))
		return false;
	return !has_host_bits(&address, address.v4 ? length + 96 : length);
}

static bool
would_accept(const char *text)
{
	char copy[TEXT_MAX], *slash, *dash;

	memcpy(copy, text, strlen(text) + 1);
	slash = strchr(copy, '/');
	dash = strchr(copy, '-');
	if (dash != NULL && slash == NULL)
		return accept_range(copy, dash);
	return accept_network(copy, slash);
}

/* ---- what libcidr makes of it ---- */

static void
put_bytes(const struct ag_ip *ip, uint8_t byte[static 16])
{
	uint64_t hi = ip->hi, lo = ip->lo;

	for (int i = 7; i >= 0; i--, hi >>= 8, lo >>= 8) {
		byte[i] = (uint8_t)hi;
		byte[i + 8] = (uint8_t)lo;
	}
	if (ip->family == AG_IP_V4)
		memcpy(byte, mapped, sizeof(mapped));
}

static void
compare_with_libcidr(const char *text, const struct ag_prefix *prefix)
{
	CIDR *cidr = read_cidr(text);
	uint8_t byte[16], *theirs;
	int bits = (int)prefix->bits, their_bits;

	if (cidr == NULL)
		fail("libcidr refuses what is accepted", text);
	theirs = cidr_get_addr(cidr);
	their_bits = cidr_get_pflen(cidr);
	put_bytes(&prefix->net, byte);
	/* as IPv6, which is how libcidr has a mapped network */
	bits += prefix->net.family == AG_IP_V4 ? 96 : 0;
	their_bits += cidr_get_proto(cidr) == CIDR_IPV4 ? 96 : 0;
	if (theirs == NULL || memcmp(byte, theirs, 16) != 0)
		fail("libcidr has another address", text);
	if (bits != their_bits)
		fail("libcidr has another length", text);
	free(theirs);
	cidr_free(cidr);
}

/* A network is one prefix: its own. */
static void
check_network(const char *text, struct ag_range range)
{
	struct ag_prefix prefix, more;

	if (!ag_range_take_prefix(&range, &prefix))
		fail("a network without a prefix", text);
	if (ag_range_take_prefix(&range, &more))
		fail("a network of two prefixes", text);
	compare_with_libcidr(text, &prefix);
}

/* Both ends of a range are what the two addresses are. */
static void
check_range(const char *text, const struct ag_range *range)
{
	char copy[TEXT_MAX], *dash;
	struct address first, last;
	uint8_t byte[16];

	memcpy(copy, text, strlen(text) + 1);
	dash = strchr(copy, '-');
	*dash = '\0';
	read_address(copy, &first);
	read_address(dash + 1, &last);
	put_bytes(&range->first, byte);
	if (memcmp(byte, first.byte, 16) != 0)
		fail("the range begins elsewhere", text);
	put_bytes(&range->last, byte);
	if (memcmp(byte, last.byte, 16) != 0)
		fail("the range ends elsewhere", text);
}

static bool
same_ip(const struct ag_ip *a, const struct ag_ip *b)
{
	return a->family == b->family && a->hi == b->hi && a->lo == b->lo;
}

static bool
has_mask(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash != NULL && strchr(slash, '.') != NULL;
}

static unsigned common;

/*
 * What the reader of the common forms reads, that of every form reads too, and
 * as the same; it leaves out ranges, netmasks and "." in IPv6, and mapped
 * addresses, which became IPv4.
 */
static void
compare_readers(const char *text)
{
	bool rare = strchr(text, '-') != NULL || has_mask(text) ||
	    (strchr(text, ':') != NULL && strchr(text, '.') != NULL);
	char reason[300];
	struct ag_buf why = AG_BUF(reason);
	struct ag_range quick, slow;
	bool ok = ag_range_parse_any(&slow, ag_str(text), &why);

	if (!ag_range_parse_common(&quick, ag_str(text))) {
		if (ok && !rare && slow.first.family == AG_IP_V4 &&
		    strchr(text, ':') == NULL)
			fail("a common form of IPv4 is left out", text);
		if (ok && !rare && slow.first.family == AG_IP_V6)
			fail("a common form of IPv6 is left out", text);
		return;
	}
	common++;
	if (!ok || !same_ip(&quick.first, &slow.first) ||
	    !same_ip(&quick.last, &slow.last))
		fail("the two readers differ", text);
}

/* ---- texts ---- */

static void
make_v4(char *text)
{
	static const unsigned octets[] = { 0, 0, 1, 10, 127, 128, 192, 255 };
	unsigned n[4];

	for (int i = 0; i < 4; i++)
		n[i] = octets[random_below(8)];
	sprintf(text, "%u.%u.%u.%u", n[0], n[1], n[2], n[3]);
}

/* In its short form, or not; sometimes mapped. */
static void
make_v6(char *text)
{
	static const uint8_t bytes[] = { 0, 0, 0, 0, 0, 1, 0x20, 0xff };
	uint8_t byte[16];
	char *end = text;

	for (int i = 0; i < 16; i++)
		byte[i] = bytes[random_below(8)];
	if (random_below(4) == 0)
		memcpy(byte, mapped, sizeof(mapped));
	if (random_below(3) > 0) {
		inet_ntop(AF_INET6, byte, text, INET6_ADDRSTRLEN);
		return;
	}
	for (int i = 0; i < 16; i += 2)
		end += sprintf(end, i > 0 ? ":%x" : "%x",
		    (unsigned)(byte[i] << 8 | byte[i + 1]));
}

static void
make_address(char *text, bool v4)
{
	if (v4)
		make_v4(text);
	else
		make_v6(text);
}

static const char *
random_mask(void)
{
	static const char *const masks[] = { "255.255.255.0", "255.0.0.0",
		"0.0.0.0", "255.255.255.255", "255.255.128.0", "128.0.0.0",
		"255.0.255.0", "0.0.0.255" };

	return masks[random_below(8)];
}

static void
make_text(char *text)
{
	bool v4 = random_below(2) == 0;
	unsigned kind = random_below(6);
	char *end;

	make_address(text, v4);
	end = text + strlen(text);
	if (kind == 0)
		return;
	if (kind == 1) {
		*end++ = '-';
		make_address(end, random_below(5) > 0 ? v4 : !v4);
	} else if (kind == 2)
		sprintf(end, "/%s", random_mask());
	else
		sprintf(end, "/%u", random_below(v4 ? 34 : 130));
}

/* Drops, puts in, replaces or doubles a byte, or swaps two. */
static void
change(char *text)
{
	static const char alphabet[] = "0123456789abcdefABCDEF.:/-x !%+[]*,";
	size_t n = strlen(text), at = random_below((unsigned)n + 1);
	char c = alphabet[random_below(sizeof(alphabet) - 1)];

	if (n + 2 > TEXT_MAX - 1)
		return;
	switch (random_below(4)) {
	case 0:
		if (at < n)
			memmove(text + at, text + at + 1, n - at);
		break;
	case 1:
		memmove(text + at + 1, text + at, n - at + 1);
		text[at] = c;
		break;
	case 2:
		if (at < n)
			text[at] = c;
		break;
	default:
		if (at < n)
			memmove(text + at + 1, text + at, n - at + 1);
	}
}

/* Nothing that was ever meant as a network. */
static void
make_noise(char *text)
{
	static const char alphabet[] = "0123.:/-f";
	unsigned n = random_below(24);

	for (unsigned i = 0; i < n; i++)
		text[i] = alphabet[random_below(sizeof(alphabet) - 1)];
	text[n] = '\0';
}

/* ---- all together ---- */

static unsigned accepted;

static void
check_text(const char *text)
{
	char reason[300];
	struct ag_buf why = AG_BUF(reason);
	struct ag_range range;
	bool ok = ag_range_parse(&range, ag_str(text), &why);

	compare_readers(text);
	if (ok != would_accept(text))
		fail(ok ? "accepted" : "refused", text);
	if (!ok && why.len == 0)
		fail("refused without a reason", text);
	if (!ok)
		return;
	accepted++;
	if (strchr(text, '-') != NULL)
		check_range(text, &range);
	else
		check_network(text, range);
}

static void
try_one_text(void)
{
	char text[TEXT_MAX];

	if (random_below(20) == 0)
		make_noise(text);
	else
		make_text(text);
	check_text(text);
	for (unsigned n = random_below(4); n > 0; n--) {
		change(text);
		check_text(text);
	}
}

int
main(int argc, char **argv)
{
	unsigned rounds = 0;

	random_begin(argc, argv);
	for (; random_goes_on(200000); rounds++)
		try_one_text();
	printf("%u texts and their changes, %u accepted, %u as common\n",
	    rounds, accepted, common);
	return rounds == 0 || accepted == 0 || common == 0;
}
