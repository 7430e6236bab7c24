/*
 * Tables of networks against a search that looks at every entry.
 *
 * Lists of random prefixes, ranges, exceptions and end dates, thick enough that
 * they nest.  Whether a network holds an address, libcidr says; what a range
 * counts as for an address, plain arithmetic.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/table/nets.h"
#include "random.h"
#include "read_cidr.h"

#define ENTRIES_MAX 60
#define SEARCHES 200

__extension__ typedef unsigned __int128 number;

/* One line of a list, and what the other side makes of it. */
struct entry {
	char text[2 * AG_IP_TEXT_MAX + 2];
	bool v4;
	CIDR *cidr; /* NULL for a range */
	number first;
	number last;
	bool except;
	int64_t until;
};

static struct entry entries[ENTRIES_MAX];
static size_t nentries;
static size_t nnets;

static void
fail(const char *what, const char *text)
{
	printf("failed: %s: %s\n", what, text);
	for (size_t i = 0; i < nentries; i++)
		printf("  %s%s until=%lld\n", entries[i].except ? "!" : "",
		    entries[i].text, (long long)entries[i].until);
	exit(1);
}

/* ---- numbers ---- */

static unsigned
width(bool v4)
{
	return v4 ? 32 : 128;
}

static number
low_bits(unsigned n)
{
	return n >= 128 ? ~(number)0 : ((number)1 << n) - 1;
}

/* A few values that meet each other often; never an IPv4-mapped one. */
static number
random_number(bool v4)
{
	static const uint8_t bytes[] = { 0, 0, 1, 10, 127, 128, 254, 255 };
	unsigned size = width(v4) / 8;
	number n = 0;

	for (unsigned i = 0; i < size; i++)
		n = n << 8 | bytes[random_below(sizeof(bytes))];
	if (random_below(8) == 0)
		n = ((number)random_bits() << 64 | random_bits()) &
		    low_bits(width(v4));
	if (!v4 && n >> 32 == 0xffff)
		n |= (number)1 << 127;
	return n;
}

static struct ag_ip
ip_of(number n, bool v4)
{
	uint8_t byte[16];

	for (int i = 15; i >= 0; i--, n >>= 8)
		byte[i] = (uint8_t)n;
	return v4 ? ag_ip_from_v4(byte + 12) : ag_ip_from_v6(byte);
}

static void
write_number(number n, bool v4, char text[static AG_IP_TEXT_MAX])
{
	struct ag_ip ip = ip_of(n, v4);

	ag_ip_write(&ip, text);
}

/* ---- entries ---- */

static void
make_prefix(struct entry *entry)
{
	unsigned all = width(entry->v4), bits = random_below(all + 1);
	number host = low_bits(all - bits);
	char address[AG_IP_TEXT_MAX];

	entry->first = random_number(entry->v4) & ~host;
	entry->last = entry->first | host;
	/* what begins as mapped addresses do would be an IPv4 network */
	if (!entry->v4 && entry->first >> 32 == 0xffff) {
		entry->first = entry->last = 1;
		bits = 128;
	}
	write_number(entry->first, entry->v4, address);
	snprintf(entry->text, sizeof(entry->text), "%s/%u", address, bits);
	entry->cidr = read_cidr(entry->text);
	if (entry->cidr == NULL)
		fail("libcidr refuses", entry->text);
}

static void
make_range(struct entry *entry)
{
	number a = random_number(entry->v4), b = random_number(entry->v4);
	char first[AG_IP_TEXT_MAX], last[AG_IP_TEXT_MAX];

	if (random_below(2) == 0 && a + 50 <= low_bits(width(entry->v4)))
		b = a + random_below(50);
	entry->first = a < b ? a : b;
	entry->last = a < b ? b : a;
	if (!entry->v4 &&
	    (entry->first >> 32 == 0xffff || entry->last >> 32 == 0xffff))
		entry->first = entry->last = 1;
	write_number(entry->first, entry->v4, first);
	write_number(entry->last, entry->v4, last);
	snprintf(entry->text, sizeof(entry->text), "%s-%s", first, last);
	entry->cidr = NULL;
}

static void
make_entry(struct entry *entry)
{
	if (nentries > 0 && random_below(6) == 0) {
		*entry = entries[random_below((unsigned)nentries)];
		if (entry->cidr != NULL)
			entry->cidr = cidr_dup(entry->cidr);
	} else {
		entry->v4 = random_below(2) == 0;
		if (random_below(4) == 0)
			make_range(entry);
		else
			make_prefix(entry);
	}
	entry->except = random_below(3) == 0;
	entry->until = random_below(2) == 0 ? AG_NEVER : random_below(10);
}

static void
forget_entries(void)
{
	for (size_t i = 0; i < nentries; i++)
		cidr_free(entries[i].cidr);
	nentries = nnets = 0;
}

/* ---- ranges as prefixes ---- */

static number
number_of(const struct ag_ip *ip)
{
	return (number)ip->hi << 64 | ip->lo;
}

/*
 * The prefix is the largest that begins or ends nowhere outside of the range:
 * its parent sticks out.  Prefixes that all are so, and together make up the
 * range without a gap, are the fewest.
 */
static void
check_prefix(const struct entry *entry, const struct ag_prefix *prefix,
    number expected)
{
	unsigned host = width(entry->v4) - prefix->bits;
	number first = number_of(&prefix->net), parent;

	if (prefix->net.family != (entry->v4 ? AG_IP_V4 : AG_IP_V6) ||
	    prefix->bits > width(entry->v4))
		fail("a prefix of another family", entry->text);
	if (first != expected)
		fail("the prefixes do not join", entry->text);
	if ((first & low_bits(host)) != 0)
		fail("a prefix has host bits", entry->text);
	if (prefix->bits == 0)
		return;
	parent = first & ~low_bits(host + 1);
	if (parent >= entry->first &&
	    (parent | low_bits(host + 1)) <= entry->last)
		fail("fewer prefixes would do", entry->text);
}

/* Adds the prefixes of an entry to the list, and checks them. */
static void
add_prefixes(struct ag_nets *nets, const struct entry *entry)
{
	struct ag_net net = { .except = entry->except,
		.entry = { entry->until, NULL, { "list", 0 } } };
	number next = entry->first, last = 0;
	char reason[200];
	struct ag_buf why = AG_BUF(reason);
	struct ag_range range;

	net.entry.origin.line = (unsigned)(entry - entries) + 1;
	if (!ag_range_parse(&range, ag_str(entry->text), &why))
		fail(reason, entry->text);
	while (ag_range_take_prefix(&range, &net.prefix)) {
		check_prefix(entry, &net.prefix, next);
		last = next | low_bits(width(entry->v4) - net.prefix.bits);
		next = last + 1;
		if (!ag_nets_add(nets, &net))
			fail("no memory", entry->text);
		nnets++;
	}
	if (last != entry->last)
		fail("the prefixes end elsewhere", entry->text);
}

/* ---- the other search ---- */

/* The length of the prefix that a range counts as for an address it holds. */
static int
length_in_range(const struct entry *entry, number address)
{
	unsigned all = width(entry->v4), host = 0;

	while (host < all && (address & ~low_bits(host + 1)) >= entry->first &&
	    (address | low_bits(host + 1)) <= entry->last)
		host++;
	return (int)(all - host);
}

/* -1 when the entry does not hold the address. */
static int
length_for(const struct entry *entry, number address, bool v4, const CIDR *cidr)
{
	if (entry->v4 != v4)
		return -1;
	if (entry->cidr != NULL)
		return cidr_contains(entry->cidr, cidr) == 0 ?
		    cidr_get_pflen(entry->cidr) :
		    -1;
	if (address < entry->first || address > entry->last)
		return -1;
	return length_in_range(entry, address);
}

struct answer {
	int length; /* -1: in no live entry */
	bool except;
	int64_t until;
};

static bool
goes_before(const struct answer *a, const struct answer *b)
{
	if (a->length != b->length)
		return a->length > b->length;
	if (a->except != b->except)
		return a->except;
	return a->until > b->until;
}

static struct answer
look_at_every_entry(number address, bool v4, const char *text, int64_t now)
{
	struct answer best = { -1, false, 0 };
	CIDR *cidr = read_cidr(text);

	if (cidr == NULL)
		fail("libcidr refuses", text);
	for (size_t i = 0; i < nentries; i++) {
		struct answer answer = { length_for(&entries[i], address, v4,
					     cidr),
			entries[i].except, entries[i].until };

		if (answer.length >= 0 && now < answer.until &&
		    goes_before(&answer, &best))
			best = answer;
	}
	cidr_free(cidr);
	return best;
}

/* ---- searches ---- */

/* Mostly at the edges of entries. */
static number
random_address(bool *v4)
{
	const struct entry *entry = &entries[random_below((unsigned)nentries)];

	*v4 = entry->v4;
	switch (random_below(6)) {
	case 0:
		return entry->first;
	case 1:
		return entry->last;
	case 2:
		return (entry->first - 1) & low_bits(width(*v4));
	case 3:
		return (entry->last + 1) & low_bits(width(*v4));
	case 4:
		return entry->first + ((entry->last - entry->first) / 2);
	default:
		return random_number(*v4);
	}
}

static void
search(const struct ag_nets *nets)
{
	int64_t now = random_below(11);
	struct answer expected;
	struct ag_net net;
	bool found;
	char text[AG_IP_TEXT_MAX];
	struct ag_ip ip;
	bool v4;
	number address = random_address(&v4);

	/* a mapped address is an IPv4 address, and libcidr thinks otherwise */
	if (!v4 && address >> 32 == 0xffff)
		return;
	ip = ip_of(address, v4);
	write_number(address, v4, text);
	expected = look_at_every_entry(address, v4, text, now);
	found = ag_nets_find(nets, &ip, now, &net);
	if (found != (expected.length >= 0))
		fail(found ? "found in no entry" : "not found", text);
	if (found &&
	    ((int)net.prefix.bits != expected.length ||
		net.except != expected.except ||
		net.entry.until != expected.until))
		fail("found in another entry", text);
	if (ag_nets_hold(nets, &ip, now, NULL) != (found && !net.except))
		fail("hold and find disagree", text);
}

static void
search_strangers(const struct ag_nets *nets)
{
	struct ag_ip unknown = { AG_IP_UNKNOWN, 0, 0 };
	struct ag_net net;

	for (int64_t now = 0; now < 10; now++)
		if (ag_nets_find(nets, &unknown, now, &net))
			fail("an unknown address is found", "unknown");
}

static void
try_one_list(void)
{
	struct ag_diag diag = { 0 };
	struct ag_nets *nets = ag_nets_new();
	unsigned n = 1 + random_below(ENTRIES_MAX);

	for (; nentries < n; nentries++)
		make_entry(&entries[nentries]);
	if (nets == NULL)
		fail("no table", "");
	for (size_t i = 0; i < nentries; i++)
		add_prefixes(nets, &entries[i]);
	if (!ag_nets_finish(nets, &diag))
		fail("no table", "");
	if (ag_nets_size(nets) > nnets ||
	    (ag_nets_size(nets) < nnets) != (diag.warnings > 0))
		fail("warnings do not fit the size", "");
	for (unsigned i = 0; i < SEARCHES; i++)
		search(nets);
	search_strangers(nets);
	ag_nets_free(nets);
	forget_entries();
}

int
main(int argc, char **argv)
{
	unsigned rounds = 0;

	random_begin(argc, argv);
	for (; random_goes_on(2000); rounds++)
		try_one_list();
	printf("%u lists\n", rounds);
	return rounds == 0;
}
