/* An entry of a list of networks, and the prefixes it is made of. */
#include "fuzz.h"

#include "policy/address/ip.h"

/* A range of 128-bit addresses is at most two prefixes of each length. */
#define PREFIXES_MAX 254

__extension__ typedef unsigned __int128 wide;

static wide
number(const struct ag_ip *ip)
{
	return (wide)ip->hi << 64 | ip->lo;
}

/* How many addresses the prefix has, less one. */
static wide
span(const struct ag_prefix *prefix)
{
	unsigned all = prefix->net.family == AG_IP_V4 ? 32 : 128;

	HOLDS(prefix->bits <= all);
	return prefix->bits == 0 && all == 128 ?
	    ~(wide)0 :
	    ((wide)1 << (all - prefix->bits)) - 1;
}

/* Each prefix begins where the one before ended; the last ends the range. */
static void
expect_prefixes_cover(struct ag_range range)
{
	enum ag_family family = range.first.family;
	wide next = number(&range.first), last = number(&range.last);
	struct ag_prefix prefix;
	unsigned n = 0;
	bool done = false;

	for (; ag_range_take_prefix(&range, &prefix);
	    next += span(&prefix) + 1) {
		HOLDS(!done && ++n <= PREFIXES_MAX);
		HOLDS(prefix.net.family == family);
		HOLDS(number(&prefix.net) == next);
		HOLDS((next & span(&prefix)) == 0);
		HOLDS(last - next >= span(&prefix));
		done = last - next == span(&prefix);
	}
	HOLDS(done);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reason[200];
	struct ag_buf why = AG_BUF(reason);
	struct ag_range range;

	if (!ag_range_parse(&range, fuzz_text(data, size), &why)) {
		HOLDS(why.len > 0 && !why.cut);
		HOLDS(fuzz_is_printable(ag_buf_get(&why)));
		return 0;
	}
	HOLDS(range.first.family != AG_IP_UNKNOWN);
	HOLDS(range.first.family == range.last.family);
	HOLDS(number(&range.first) <= number(&range.last));
	expect_prefixes_cover(range);
	return 0;
}
