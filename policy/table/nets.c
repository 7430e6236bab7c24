/*
 * Tables of networks (ip.h).
 *
 * Networks never overlap in part: of two, one holds the other or they are
 * apart.  So of the networks, sorted by their first addresses, outer before
 * inner, those that hold an address are the last one that does not begin
 * behind it, and those around that one.  A search finds the last one through
 * an index of the upper bits and a short search inside, then goes outward past
 * what does not hold the address or has run out.
 *
 * First addresses lie close together, apart from what is known of each network,
 * for the search looks at many of the ones and at few of the others.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/table/nets.h"
#include "policy/base/pages.h"
#include "policy/base/vec.h"
#include "policy/table/nets_sort.h"

#define NONE UINT32_MAX

/* What is known of a network besides its first address. */
struct net {
	uint32_t around; /* the next one that holds it, or NONE */
	uint32_t line;   /* of a rare one: its number among those */
	uint16_t file;
	uint8_t bits;
	bool except : 1;
	bool rare : 1; /* with an end, a note, or one of very many files */
};

struct wide {
	uint64_t hi;
	uint64_t lo;
};

/* The networks of one family, in one allocation. */
struct table {
	enum ag_family family;
	uint32_t n;
	struct wide *first6;
	uint32_t *first4;
	struct net *net;
	/* how many networks begin in a lower bucket than the i-th */
	uint32_t *index;
	uint64_t base; /* the key at which the buckets begin */
	uint64_t buckets;
	unsigned shift;
};

struct ag_nets {
	struct table v4;
	struct table v6;
	struct ag_vec files; /* const char *, may be NULL */
	struct ag_vec rares; /* struct ag_entry */
	struct ag_vec new4;  /* records, until the table is finished */
	struct ag_vec new6;
};

bool
ag_entry_is_live(const struct ag_entry *entry, int64_t now)
{
	return now < entry->until;
}

struct ag_nets *
ag_nets_new(void)
{
	return calloc(1, sizeof(struct ag_nets));
}

void
ag_nets_free(struct ag_nets *nets)
{
	if (nets == NULL)
		return;
	/* the first part of a table is the whole allocation */
	free(nets->v4.first4);
	free(nets->v6.first6);
	ag_vec_free(&nets->files);
	ag_vec_free(&nets->rares);
	ag_vec_free(&nets->new4);
	ag_vec_free(&nets->new6);
	free(nets);
}

/* ---- adding ---- */

/* The number of a file; NONE when there is no room or no memory for it. */
static uint32_t
number_file(struct ag_nets *nets, const char *file)
{
	const char *const *files = nets->files.items, **place;

	/* they are read one after the other */
	if (nets->files.n > 0 && files[nets->files.n - 1] == file)
		return (uint32_t)(nets->files.n - 1);
	if (nets->files.n > UINT16_MAX)
		return NONE;
	place = ag_vec_add(&nets->files, sizeof(*place));
	if (place == NULL)
		return NONE;
	*place = file;
	return (uint32_t)(nets->files.n - 1);
}

/* Keeps an entry whole, and gives its number in place of its line. */
static bool
keep_whole(struct ag_nets *nets, const struct ag_entry *entry,
    struct ag_net_record *record)
{
	struct ag_entry *rare = ag_vec_add(&nets->rares, sizeof(*rare));

	if (rare == NULL)
		return false;
	*rare = *entry;
	record->line = (uint32_t)(nets->rares.n - 1);
	record->what |= AG_RECORD_RARE;
	return true;
}

static bool
fill_record(struct ag_nets *nets, const struct ag_net *net,
    struct ag_net_record *record)
{
	const struct ag_entry *entry = &net->entry;
	uint32_t file = number_file(nets, entry->origin.file);

	record->what = ag_record_what(net->prefix.bits, net->except,
	    file != NONE ? file : 0);
	record->line = entry->origin.line;
	if (file != NONE && entry->until == AG_NEVER && entry->note == NULL)
		return true;
	return keep_whole(nets, entry, record);
}

bool
ag_nets_add(struct ag_nets *nets, const struct ag_net *net)
{
	const struct ag_ip *ip = &net->prefix.net;
	bool v4 = ip->family == AG_IP_V4;
	struct ag_net_record *record = v4 ?
	    ag_vec_add(&nets->new4, AG_RECORD_SIZE(AG_WORDS_V4)) :
	    ag_vec_add(&nets->new6, AG_RECORD_SIZE(AG_WORDS_V6));

	if (record == NULL)
		return false;
	for (unsigned i = 0; i < (v4 ? AG_WORDS_V4 : AG_WORDS_V6); i++)
		record->address[i] =
		    (uint32_t)((i < 2 ? ip->lo : ip->hi) >> (i % 2 * 32));
	return fill_record(nets, net, record);
}

static struct ag_ip
address_of(const struct ag_net_record *record, enum ag_family family)
{
	const uint32_t *word = record->address;

	if (family == AG_IP_V4)
		return (struct ag_ip){ family, 0, word[0] };
	return (struct ag_ip){ family, (uint64_t)word[3] << 32 | word[2],
		(uint64_t)word[1] << 32 | word[0] };
}

static struct ag_entry
get_entry(const struct ag_nets *nets, bool rare, uint32_t line, uint16_t file)
{
	const char *const *files = nets->files.items;
	const struct ag_entry *rares = nets->rares.items;

	if (rare)
		return rares[line];
	return (struct ag_entry){ AG_NEVER, NULL, { files[file], line } };
}

static struct ag_entry
entry_of(const struct ag_nets *nets, const struct ag_net_record *record)
{
	return get_entry(nets, ag_record_is_rare(record), record->line,
	    ag_record_file(record));
}

/* ---- sorting out ---- */

/* What the records of one family are sorted with. */
struct sorting {
	struct ag_nets *nets;
	enum ag_family family;
	struct ag_vec *records;
	struct ag_diag *diag;
	struct ag_origin reported; /* the last line found to be there twice */
};

static unsigned
words_of(enum ag_family family)
{
	return family == AG_IP_V4 ? AG_WORDS_V4 : AG_WORDS_V6;
}

static struct ag_net_record *
record_at(const struct sorting *sorting, size_t i)
{
	return (struct ag_net_record *)((char *)sorting->records->items +
	    i * AG_RECORD_SIZE(words_of(sorting->family)));
}

static int
compare_lines(const struct ag_net_record *a, const struct ag_net_record *b,
    const void *arg)
{
	struct ag_origin x = entry_of(arg, a).origin,
			 y = entry_of(arg, b).origin;
	int c =
	    strcmp(x.file != NULL ? x.file : "", y.file != NULL ? y.file : "");

	return c != 0 ? c : (x.line > y.line) - (x.line < y.line);
}

static void
report_twice(const struct sorting *sorting, const struct ag_net_record *first,
    const struct ag_entry *one, const struct ag_entry *two)
{
	struct ag_ip ip = address_of(first, sorting->family);
	char text[AG_IP_TEXT_MAX], where[AG_ORIGIN_MAX];
	struct ag_buf buf = AG_BUF(where);

	ag_origin_write(&one->origin, &buf);
	ag_diag_report(sorting->diag, AG_WARNING, &two->origin,
	    "%s%s/%u is there twice, see %s; the longer-lived counts",
	    ag_record_except(first) ? "!" : "", ag_ip_write(&ip, text),
	    ag_record_bits(first), where);
}

static bool
same_line(const struct ag_origin *a, const struct ag_origin *b)
{
	return a->line == b->line && a->file != NULL && b->file != NULL &&
	    strcmp(a->file, b->file) == 0;
}

/* Whether the second of two equal records lives longer; reports them. */
static bool
second_counts(struct sorting *sorting, const struct ag_net_record *first,
    const struct ag_net_record *second)
{
	struct ag_entry one = entry_of(sorting->nets, first);
	struct ag_entry two = entry_of(sorting->nets, second);

	/* a range may be many prefixes: one finding for them */
	if (!same_line(&sorting->reported, &two.origin))
		report_twice(sorting, first, &one, &two);
	sorting->reported = two.origin;
	return two.until > one.until;
}

/* Leaves of equal records, which follow each other, the longest-lived. */
static void
drop_twice(struct sorting *sorting)
{
	unsigned words = words_of(sorting->family);
	size_t kept = 0;

	for (size_t i = 0; i < sorting->records->n; i++) {
		struct ag_net_record *record = record_at(sorting, i);
		struct ag_net_record *last =
		    kept > 0 ? record_at(sorting, kept - 1) : NULL;

		if (last == NULL ||
		    ag_records_compare(last, record, words) != 0)
			last = record_at(sorting, kept++);
		else if (!second_counts(sorting, last, record))
			continue;
		if (last != record)
			memmove(last, record, AG_RECORD_SIZE(words));
	}
	sorting->records->n = kept;
}

/* ---- the table ---- */

static struct ag_ip
first_of(const struct table *table, uint32_t i)
{
	if (table->family == AG_IP_V4)
		return (struct ag_ip){ AG_IP_V4, 0, table->first4[i] };
	return (
	    struct ag_ip){ AG_IP_V6, table->first6[i].hi, table->first6[i].lo };
}

static uint64_t
high_bits(unsigned n)
{
	return n == 0 ? 0 : UINT64_MAX << (64 - n);
}

/* Whether the i-th network holds ip, which is of the table's family. */
static bool
holds(const struct table *table, uint32_t i, const struct ag_ip *ip)
{
	struct ag_ip first = first_of(table, i);
	unsigned bits = table->net[i].bits;

	if (table->family == AG_IP_V4)
		return ((first.lo ^ ip->lo) << 32 & high_bits(bits)) == 0;
	if (bits <= 64)
		return ((first.hi ^ ip->hi) & high_bits(bits)) == 0;
	return first.hi == ip->hi &&
	    ((first.lo ^ ip->lo) & high_bits(bits - 64)) == 0;
}

/* What the index goes by. */
static uint64_t
key_of(const struct ag_ip *ip)
{
	return ip->family == AG_IP_V4 ? ip->lo : ip->hi;
}

#define INDEX_BITS_MAX 16

/* Two buckets, or such of some eight networks each if these lie evenly. */
static void
plan_index(struct table *table, uint64_t first, uint64_t last)
{
	unsigned bits = 1;

	while (bits < INDEX_BITS_MAX && table->n >> bits > 8)
		bits++;
	table->base = first;
	while ((last - first) >> table->shift >> bits != 0)
		table->shift++;
	table->buckets = ((last - first) >> table->shift) + 1;
}

static bool
allocate(struct table *table)
{
	size_t first = table->family == AG_IP_V4 ? sizeof(*table->first4) :
						   sizeof(*table->first6);
	size_t n = table->n;
	size_t size = n * (first + sizeof(*table->net)) +
	    (table->buckets + 1) * sizeof(*table->index);
	char *memory = malloc(size);

	if (memory == NULL)
		return false;
	ag_pages_large(memory, size);
	if (table->family == AG_IP_V4)
		table->first4 = (uint32_t *)(void *)memory;
	else
		table->first6 = (struct wide *)(void *)memory;
	table->net = (struct net *)(void *)(memory + n * first);
	table->index = (uint32_t *)(void *)(table->net + n);
	return true;
}

static void
put_record(struct table *table, uint32_t i, const struct ag_net_record *record)
{
	struct ag_ip ip = address_of(record, table->family);

	if (table->family == AG_IP_V4)
		table->first4[i] = (uint32_t)ip.lo;
	else
		table->first6[i] = (struct wide){ ip.hi, ip.lo };
	table->net[i] = (struct net){ NONE, record->line,
		ag_record_file(record), (uint8_t)ag_record_bits(record),
		ag_record_except(record), ag_record_is_rare(record) };
}

/* Fills in the networks, each with the one around it. */
static void
lay_out(const struct sorting *sorting, struct table *table)
{
	uint32_t inner = NONE;

	for (uint32_t i = 0; i < table->n; i++) {
		struct ag_ip first;

		put_record(table, i, record_at(sorting, i));
		first = first_of(table, i);
		while (inner != NONE && !holds(table, inner, &first))
			inner = table->net[inner].around;
		table->net[i].around = inner;
		inner = i;
	}
}

static uint64_t
bucket_of(const struct table *table, const struct ag_ip *ip)
{
	return (key_of(ip) - table->base) >> table->shift;
}

static void
make_index(struct table *table)
{
	uint64_t bucket = 0;

	for (uint32_t i = 0; i < table->n; i++) {
		struct ag_ip first = first_of(table, i);

		while (bucket <= bucket_of(table, &first))
			table->index[bucket++] = i;
	}
	table->index[table->buckets] = table->n;
}

static bool
make_table(const struct sorting *sorting, struct table *table)
{
	struct ag_ip first, last;

	table->family = sorting->family;
	table->n = (uint32_t)sorting->records->n;
	if (table->n == 0)
		return true;
	first = address_of(record_at(sorting, 0), table->family);
	last = address_of(record_at(sorting, table->n - 1), table->family);
	plan_index(table, key_of(&first), key_of(&last));
	if (!allocate(table))
		return false;
	lay_out(sorting, table);
	make_index(table);
	return true;
}

static bool
finish_family(struct sorting *sorting, enum ag_family family,
    struct ag_vec *records, struct table *table)
{
	sorting->family = family;
	sorting->records = records;
	if (records->n >= NONE ||
	    !ag_records_sort(records->items, records->n, words_of(family),
		compare_lines, sorting->nets))
		return false;
	drop_twice(sorting);
	if (!make_table(sorting, table))
		return false;
	ag_vec_free(records);
	return true;
}

bool
ag_nets_finish(struct ag_nets *nets, struct ag_diag *diag)
{
	struct sorting sorting = { .nets = nets, .diag = diag };

	ag_vec_trim(&nets->rares, sizeof(struct ag_entry));
	return finish_family(&sorting, AG_IP_V4, &nets->new4, &nets->v4) &&
	    finish_family(&sorting, AG_IP_V6, &nets->new6, &nets->v6);
}

/* ---- look-ups ---- */

#define CACHE_LINE 64
#define LINES_MAX 4

static void
expect_memory(const void *from, size_t n)
{
	const char *at = from;

	for (size_t i = 0; i < n && i < (size_t)LINES_MAX * CACHE_LINE;
	    i += CACHE_LINE)
		__builtin_prefetch(at + i);
}

/* Says that a bucket will be searched, so that all of it comes at once. */
static void
expect_bucket(const struct table *table, uint32_t low, uint32_t n)
{
	if (table->family == AG_IP_V4)
		expect_memory(&table->first4[low], n * sizeof(*table->first4));
	else
		expect_memory(&table->first6[low], n * sizeof(*table->first6));
	expect_memory(&table->net[low], n * sizeof(*table->net));
}

/*
 * How many of n sorted addresses are not behind ip.  Which way a search goes
 * nobody can foretell: it has no branches.
 */
static uint32_t
count4(const uint32_t *first, uint32_t n, const struct ag_ip *ip)
{
	const uint32_t *low = first;

	while (n > 0) {
		uint32_t half = (n + 1) / 2;

		low += low[half - 1] <= ip->lo ? half : 0;
		n -= half;
	}
	return (uint32_t)(low - first);
}

static uint32_t
count6(const struct wide *first, uint32_t n, const struct ag_ip *ip)
{
	const struct wide *low = first;

	while (n > 0) {
		uint32_t half = (n + 1) / 2;
		const struct wide *at = &low[half - 1];

		low += (at->hi < ip->hi) |
			((at->hi == ip->hi) & (at->lo <= ip->lo)) ?
		    half :
		    0;
		n -= half;
	}
	return (uint32_t)(low - first);
}

/* The last network that does not begin behind ip. */
static uint32_t
find_last(const struct table *table, const struct ag_ip *ip)
{
	uint64_t bucket;
	uint32_t low, n;

	if (table->n == 0 || key_of(ip) < table->base)
		return NONE;
	bucket = bucket_of(table, ip);
	if (bucket >= table->buckets)
		return table->n - 1;
	low = table->index[bucket];
	n = table->index[bucket + 1] - low;
	expect_bucket(table, low, n);
	low += table->family == AG_IP_V4 ? count4(&table->first4[low], n, ip) :
					   count6(&table->first6[low], n, ip);
	return low > 0 ? low - 1 : NONE;
}

static bool
is_live(const struct ag_nets *nets, const struct net *net, int64_t now)
{
	const struct ag_entry *rares = nets->rares.items;

	return !net->rare || ag_entry_is_live(&rares[net->line], now);
}

static void
write_net(const struct ag_nets *nets, const struct table *table, uint32_t i,
    struct ag_net *out)
{
	const struct net *net = &table->net[i];

	out->prefix = (struct ag_prefix){ first_of(table, i), net->bits };
	out->except = net->except;
	out->entry = get_entry(nets, net->rare, net->line, net->file);
}

bool
ag_nets_find(const struct ag_nets *nets, const struct ag_ip *ip, int64_t now,
    struct ag_net *net)
{
	const struct table *table;
	uint32_t i;

	if (nets == NULL || ip->family == AG_IP_UNKNOWN)
		return false;
	table = ip->family == AG_IP_V4 ? &nets->v4 : &nets->v6;
	i = find_last(table, ip);
	while (i != NONE &&
	    !(holds(table, i, ip) && is_live(nets, &table->net[i], now)))
		i = table->net[i].around;
	if (i == NONE)
		return false;
	write_net(nets, table, i, net);
	return true;
}

bool
ag_nets_find_around(const struct ag_nets *nets, const struct ag_prefix *prefix,
    struct ag_net *net)
{
	const struct table *table;
	uint32_t i;

	if (nets == NULL)
		return false;
	table = prefix->net.family == AG_IP_V4 ? &nets->v4 : &nets->v6;
	i = find_last(table, &prefix->net);
	while (i != NONE &&
	    !(holds(table, i, &prefix->net) &&
		table->net[i].bits <= prefix->bits))
		i = table->net[i].around;
	if (i == NONE)
		return false;
	write_net(nets, table, i, net);
	return true;
}

bool
ag_nets_hold(const struct ag_nets *nets, const struct ag_ip *ip, int64_t now,
    struct ag_entry *entry)
{
	struct ag_net net;

	if (!ag_nets_find(nets, ip, now, &net) || net.except)
		return false;
	if (entry != NULL)
		*entry = net.entry;
	return true;
}

size_t
ag_nets_size(const struct ag_nets *nets)
{
	return nets != NULL ? (size_t)nets->v4.n + nets->v6.n : 0;
}

void
ag_nets_get(const struct ag_nets *nets, size_t i, struct ag_net *net)
{
	if (i < nets->v4.n)
		write_net(nets, &nets->v4, (uint32_t)i, net);
	else
		write_net(nets, &nets->v6, (uint32_t)(i - nets->v4.n), net);
}
