/*
 * Tables of networks (ip.h).
 *
 * Networks never overlap in part: of two, one holds the other or they are
 * apart.  So the address space falls into runs of addresses that have the same
 * innermost network.  The table is the sorted list of the runs' first
 * addresses, each with its network, and each network knows the one around it.
 * A search finds the run, then goes outward past what has run out.
 */
#include <stdlib.h>
#include <string.h>

#include "ip.h"

#define NONE UINT32_MAX

struct run {
	uint64_t hi;
	uint64_t lo;
	uint32_t net; /* index of the innermost network, or NONE */
};

struct runs {
	struct run *run;
	size_t n;
};

struct ag_nets {
	struct ag_net *net;
	uint32_t *around; /* of each network, the next one that holds it */
	size_t n;
	struct runs v4;
	struct runs v6;
};

bool
ag_entry_is_live(const struct ag_entry *entry, int64_t now)
{
	return now < entry->until;
}

static int
compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Outer before inner; of two of one prefix the exception is the inner one. */
static int
compare_nets(const void *a, const void *b)
{
	const struct ag_net *x = a, *y = b;
	int c = (int)x->prefix.net.family - (int)y->prefix.net.family;

	if (c == 0)
		c = compare_u64(x->prefix.net.hi, y->prefix.net.hi);
	if (c == 0)
		c = compare_u64(x->prefix.net.lo, y->prefix.net.lo);
	if (c == 0)
		c = (int)x->prefix.bits - (int)y->prefix.bits;
	return c != 0 ? c : (int)x->except - (int)y->except;
}

static const char *
file_of(const struct ag_net *net)
{
	return net->entry.origin.file != NULL ? net->entry.origin.file : "";
}

static int
compare_line(const void *a, const void *b)
{
	const struct ag_net *x = a, *y = b;
	int c = compare_nets(a, b);

	if (c == 0)
		c = strcmp(file_of(x), file_of(y));
	return c != 0 ? c :
			compare_u64(x->entry.origin.line, y->entry.origin.line);
}

static void
report_twice(const struct ag_net *first, const struct ag_net *second,
    struct ag_diag *diag)
{
	char text[AG_IP_TEXT_MAX], where[AG_ORIGIN_MAX];
	struct ag_buf buf = AG_BUF(where);

	ag_origin_write(&first->entry.origin, &buf);
	ag_diag_report(diag, AG_WARNING, &second->entry.origin,
	    "%s%s/%u is there twice, see %s; the longer-lived counts",
	    first->except ? "!" : "", ag_ip_write(&first->prefix.net, text),
	    first->prefix.bits, where);
}

static bool
same_line(const struct ag_origin *a, const struct ag_origin *b)
{
	return a->line == b->line && a->file != NULL && b->file != NULL &&
	    strcmp(a->file, b->file) == 0;
}

/* Sorts, and leaves of equal entries the one that lives longest. */
static size_t
sort_out(struct ag_net *net, size_t n, struct ag_diag *diag)
{
	struct ag_origin reported = { NULL, 0 };
	size_t kept = 0;

	qsort(net, n, sizeof(*net), compare_line);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || compare_nets(&net[kept - 1], &net[i]) != 0) {
			net[kept++] = net[i];
			continue;
		}
		/* a range may be many prefixes: one finding for them */
		if (!same_line(&reported, &net[i].entry.origin))
			report_twice(&net[kept - 1], &net[i], diag);
		reported = net[i].entry.origin;
		if (net[i].entry.until > net[kept - 1].entry.until)
			net[kept - 1] = net[i];
	}
	return kept;
}

static bool
holds(const struct ag_prefix *outer, const struct ag_ip *ip)
{
	unsigned all = outer->net.family == AG_IP_V4 ? 32 : 128;
	unsigned host = all - outer->bits;
	uint64_t hi = host > 64 ?
	    (host == 128 ? 0 : UINT64_MAX << (host - 64)) :
	    UINT64_MAX;
	uint64_t lo = host >= 64 ? 0 : UINT64_MAX << host;

	return outer->net.family == ip->family &&
	    (ip->hi & hi) == outer->net.hi && (ip->lo & lo) == outer->net.lo;
}

/* The first address behind the prefix; false when it ends the family. */
static bool
address_behind(const struct ag_prefix *prefix, struct ag_ip *ip)
{
	unsigned all = prefix->net.family == AG_IP_V4 ? 32 : 128;
	unsigned host = all - prefix->bits;

	*ip = prefix->net;
	if (host >= 64) {
		ip->hi += host == 128 ? 0 : UINT64_C(1) << (host - 64);
		return host != 128 && ip->hi != 0;
	}
	ip->lo += UINT64_C(1) << host;
	if (all == 32)
		return ip->lo <= UINT32_MAX;
	ip->hi += ip->lo == 0;
	return ip->lo != 0 || ip->hi != 0;
}

static void
begin_run(struct runs *runs, const struct ag_ip *at, uint32_t net)
{
	struct run *last = runs->n > 0 ? &runs->run[runs->n - 1] : NULL;

	if (last == NULL || last->hi != at->hi || last->lo != at->lo)
		last = &runs->run[runs->n++];
	*last = (struct run){ at->hi, at->lo, net };
}

/* Ends the network: what is around it goes on behind it. */
static uint32_t
leave(const struct ag_nets *nets, struct runs *runs, uint32_t inner)
{
	struct ag_ip behind;

	if (address_behind(&nets->net[inner].prefix, &behind))
		begin_run(runs, &behind, nets->around[inner]);
	return nets->around[inner];
}

/* Lays the networks from first on, all of one family, out as runs. */
static size_t
lay_out(struct ag_nets *nets, struct runs *runs, size_t first)
{
	enum ag_family family = nets->net[first].prefix.net.family;
	uint32_t inner = NONE;
	size_t i = first;

	for (; i < nets->n && nets->net[i].prefix.net.family == family; i++) {
		const struct ag_ip *net = &nets->net[i].prefix.net;

		while (inner != NONE && !holds(&nets->net[inner].prefix, net))
			inner = leave(nets, runs, inner);
		nets->around[i] = inner;
		inner = (uint32_t)i;
		begin_run(runs, net, inner);
	}
	while (inner != NONE)
		inner = leave(nets, runs, inner);
	return i;
}

static bool
allocate(struct ag_nets *nets, size_t n)
{
	/* every network begins a run and ends with one */
	nets->net = malloc((n + 1) * sizeof(*nets->net));
	nets->around = malloc((n + 1) * sizeof(*nets->around));
	nets->v4.run = malloc((2 * n + 1) * sizeof(*nets->v4.run));
	nets->v6.run = malloc((2 * n + 1) * sizeof(*nets->v6.run));
	return nets->net != NULL && nets->around != NULL &&
	    nets->v4.run != NULL && nets->v6.run != NULL;
}

static void
shrink(struct runs *runs)
{
	struct run *run = realloc(runs->run, (runs->n + 1) * sizeof(*run));

	if (run != NULL)
		runs->run = run;
}

struct ag_nets *
ag_nets_new(const struct ag_net *net, size_t n, struct ag_diag *diag)
{
	struct ag_nets *nets = calloc(1, sizeof(*nets));
	size_t i = 0;

	if (nets == NULL || n >= NONE || !allocate(nets, n)) {
		ag_nets_free(nets);
		return NULL;
	}
	if (n > 0)
		memcpy(nets->net, net, n * sizeof(*net));
	nets->n = sort_out(nets->net, n, diag);
	if (i < nets->n && nets->net[i].prefix.net.family == AG_IP_V4)
		i = lay_out(nets, &nets->v4, i);
	if (i < nets->n)
		lay_out(nets, &nets->v6, i);
	shrink(&nets->v4);
	shrink(&nets->v6);
	return nets;
}

void
ag_nets_free(struct ag_nets *nets)
{
	if (nets == NULL)
		return;
	free(nets->net);
	free(nets->around);
	free(nets->v4.run);
	free(nets->v6.run);
	free(nets);
}

static bool
begins_behind(const struct run *run, const struct ag_ip *ip)
{
	return run->hi > ip->hi || (run->hi == ip->hi && run->lo > ip->lo);
}

/* The network of the last run that does not begin behind ip. */
static uint32_t
find_innermost(const struct runs *runs, const struct ag_ip *ip)
{
	size_t low = 0, n = runs->n;

	if (n == 0 || begins_behind(&runs->run[0], ip))
		return NONE;
	while (n > 1) {
		size_t half = n / 2;

		if (!begins_behind(&runs->run[low + half], ip))
			low += half;
		n -= half;
	}
	return runs->run[low].net;
}

const struct ag_net *
ag_nets_find(const struct ag_nets *nets, const struct ag_ip *ip, int64_t now)
{
	uint32_t i;

	if (nets == NULL || ip->family == AG_IP_UNKNOWN)
		return NULL;
	i = find_innermost(ip->family == AG_IP_V4 ? &nets->v4 : &nets->v6, ip);
	while (i != NONE && !ag_entry_is_live(&nets->net[i].entry, now))
		i = nets->around[i];
	return i != NONE ? &nets->net[i] : NULL;
}

const struct ag_entry *
ag_nets_hold(const struct ag_nets *nets, const struct ag_ip *ip, int64_t now)
{
	const struct ag_net *net = ag_nets_find(nets, ip, now);

	return net != NULL && !net->except ? &net->entry : NULL;
}

size_t
ag_nets_size(const struct ag_nets *nets)
{
	return nets != NULL ? nets->n : 0;
}
