#include "findings.h"

#include <string.h>

#include "policy/table/nets.h"

/* A line of a list; until 0 means for ever. */
struct row {
	const char *net; /* with "!" in front when it is an exception */
	int64_t until;
	unsigned line;
	const char *file; /* NULL: "list" */
};

static void
add_row(struct ag_nets *nets, const struct row *row)
{
	bool except = row->net[0] == '!';
	struct ag_entry entry = { row->until != 0 ? row->until : AG_NEVER, NULL,
		{ row->file != NULL ? row->file : "list", row->line } };
	char reason[200];
	struct ag_buf why = AG_BUF(reason);
	struct ag_range range;
	struct ag_net net = { .except = except, .entry = entry };

	assert_true(ag_range_parse(&range, ag_str(row->net + except), &why));
	while (ag_range_take_prefix(&range, &net.prefix))
		assert_true(ag_nets_add(nets, &net));
}

/* Makes a table of the rows; findings are kept. */
static struct ag_nets *
make(const struct row *row, size_t n, struct findings *findings)
{
	struct ag_nets *nets = ag_nets_new();

	findings_begin(findings);
	assert_non_null(nets);
	for (size_t i = 0; i < n; i++)
		add_row(nets, &row[i]);
	assert_true(ag_nets_finish(nets, &findings->diag));
	return nets;
}

/* "LINE", "!LINE" or "none". */
static void
expect_found(const struct ag_nets *nets, const char *address, int64_t now,
    const char *expected)
{
	char got[40] = "none";
	struct ag_buf buf = { got, sizeof(got), 0, false };
	struct ag_entry entry = { .origin.line = 0 };
	struct ag_net net;
	struct ag_ip ip;
	bool found;

	ag_ip_parse(&ip, ag_str(address));
	found = ag_nets_find(nets, &ip, now, &net);
	if (found)
		ag_buf_printf(&buf, "%s%u", net.except ? "!" : "",
		    net.entry.origin.line);
	expect_text(address, got, expected);
	/* hold is find without the exceptions */
	assert_int_equal(ag_nets_hold(nets, &ip, now, &entry),
	    found && !net.except);
	assert_int_equal(ag_nets_hold(nets, &ip, now, NULL),
	    found && !net.except);
	if (found && !net.except)
		assert_int_equal(entry.origin.line, net.entry.origin.line);
}

struct search {
	const char *address;
	int64_t now;
	const char *expected;
};

static void
expect_searches(const struct row *row, size_t nrows,
    const struct search *search, size_t n)
{
	static struct findings findings;
	struct ag_nets *nets = make(row, nrows, &findings);

	expect_findings("no findings", &findings, "");
	for (size_t i = 0; i < n; i++)
		expect_found(nets, search[i].address, search[i].now,
		    search[i].expected);
	ag_nets_free(nets);
}

static void
test_empty_table(void **state)
{
	struct findings findings;
	struct ag_nets *nets = make(NULL, 0, &findings);

	(void)state;
	expect_found(nets, "192.0.2.1", 0, "none");
	expect_found(nets, "::1", 0, "none");
	assert_int_equal(ag_nets_size(nets), 0);
	ag_nets_free(nets);
	expect_found(NULL, "192.0.2.1", 0, "none");
	assert_int_equal(ag_nets_size(NULL), 0);
	ag_nets_free(NULL);
}

static void
test_longest_prefix_decides(void **state)
{
	static const struct row rows[] = {
		{ "10.1.0.0/16", 0, 1, NULL },
		{ "10.0.0.0/8", 0, 2, NULL },
		{ "10.1.2.3", 0, 3, NULL },
		{ "10.1.2.0/24", 0, 4, NULL },
		{ "2001:db8::/32", 0, 5, NULL },
		{ "2001:db8::1", 0, 6, NULL },
	};
	static const struct search searches[] = {
		{ "9.255.255.255", 0, "none" },
		{ "10.0.0.0", 0, "2" },
		{ "10.0.255.255", 0, "2" },
		{ "10.1.0.0", 0, "1" },
		{ "10.1.1.255", 0, "1" },
		{ "10.1.2.0", 0, "4" },
		{ "10.1.2.2", 0, "4" },
		{ "10.1.2.3", 0, "3" },
		{ "10.1.2.4", 0, "4" },
		{ "10.1.2.255", 0, "4" },
		{ "10.1.3.0", 0, "1" },
		{ "10.2.0.0", 0, "2" },
		{ "10.255.255.255", 0, "2" },
		{ "11.0.0.0", 0, "none" },
		{ "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", 0, "none" },
		{ "2001:db8::", 0, "5" },
		{ "2001:db8::1", 0, "6" },
		{ "2001:db8::2", 0, "5" },
		{ "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 0, "5" },
		{ "2001:db9::", 0, "none" },
	};

	(void)state;
	expect_searches(rows, ROWS(rows), searches, ROWS(searches));
}

static void
test_exceptions(void **state)
{
	static const struct row rows[] = {
		{ "192.0.2.0/24", 0, 1, NULL },
		{ "!192.0.2.128/25", 0, 2, NULL },
		{ "192.0.2.200", 0, 3, NULL },
		{ "!198.51.100.7", 0, 4, NULL },
		/* of two of equal length the exception, however they stand */
		{ "!203.0.113.0/24", 0, 5, NULL },
		{ "203.0.113.0/24", 0, 6, NULL },
		{ "100.64.0.0/10", 0, 7, NULL },
		{ "!100.64.0.0/10", 0, 8, NULL },
	};
	static const struct search searches[] = {
		{ "192.0.2.1", 0, "1" },
		{ "192.0.2.128", 0, "!2" },
		{ "192.0.2.200", 0, "3" },
		{ "192.0.2.201", 0, "!2" },
		{ "198.51.100.7", 0, "!4" },
		{ "203.0.113.1", 0, "!5" },
		{ "100.64.0.1", 0, "!8" },
	};

	(void)state;
	expect_searches(rows, ROWS(rows), searches, ROWS(searches));
}

/* What has run out is passed over for what is around it. */
static void
test_end_dates_go_outward(void **state)
{
	static const struct row rows[] = {
		{ "10.0.0.0/8", 0, 1, NULL },
		{ "!10.1.0.0/16", 300, 2, NULL },
		{ "10.1.2.0/24", 200, 3, NULL },
		{ "!10.1.2.3", 100, 4, NULL },
		{ "172.16.0.0/12", 100, 5, NULL },
		{ "172.16.1.0/24", 200, 6, NULL },
		/* of one prefix, the exception ends first */
		{ "203.0.113.0/24", 200, 7, NULL },
		{ "!203.0.113.0/24", 100, 8, NULL },
	};
	static const struct search searches[] = {
		{ "10.1.2.3", 99, "!4" },
		{ "10.1.2.3", 100, "3" }, /* absent from that second on */
		{ "10.1.2.3", 199, "3" },
		{ "10.1.2.3", 200, "!2" },
		{ "10.1.2.3", 300, "1" },
		{ "10.1.2.4", 100, "3" },
		{ "10.1.3.1", 299, "!2" },
		{ "10.1.3.1", 300, "1" },
		{ "172.16.1.1", 150, "6" },
		{ "172.16.2.1", 99, "5" },
		{ "172.16.2.1", 100, "none" },
		{ "172.16.1.1", 200, "none" },
		{ "203.0.113.1", 99, "!8" },
		{ "203.0.113.1", 100, "7" },
		{ "203.0.113.1", 200, "none" },
	};

	(void)state;
	expect_searches(rows, ROWS(rows), searches, ROWS(searches));
}

static void
test_live_until(void **state)
{
	struct ag_entry entry = { 100, NULL, { NULL, 0 } };

	(void)state;
	assert_true(ag_entry_is_live(&entry, 99));
	assert_false(ag_entry_is_live(&entry, 100));
	entry.until = AG_NEVER;
	assert_true(ag_entry_is_live(&entry, INT64_MAX - 1));
}

static void
test_whole_families(void **state)
{
	static const struct row rows[] = {
		{ "0.0.0.0/0", 0, 1, NULL },
		{ "!255.255.255.255", 0, 2, NULL },
		{ "!0.0.0.0", 0, 3, NULL },
		{ "::/0", 0, 4, NULL },
		{ "!ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0, 5, NULL },
		{ "::/65", 0, 6, NULL },
	};
	static const struct search searches[] = {
		{ "0.0.0.0", 0, "!3" },
		{ "0.0.0.1", 0, "1" },
		{ "255.255.255.254", 0, "1" },
		{ "255.255.255.255", 0, "!2" },
		{ "::", 0, "6" },
		{ "::7fff:ffff:ffff:ffff", 0, "6" },
		{ "::8000:0:0:0", 0, "4" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 0, "4" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0, "!5" },
		/* mapped: IPv4, which no IPv6 network holds */
		{ "::ffff:192.0.2.1", 0, "1" },
		/* a stranger */
		{ "unknown", 0, "none" },
	};

	(void)state;
	expect_searches(rows, ROWS(rows), searches, ROWS(searches));
}

static void
test_families_are_apart(void **state)
{
	static const struct row rows[] = {
		{ "::/0", 0, 1, NULL },
		{ "::ffff:192.0.2.0/120", 0, 2, NULL },
	};
	static const struct search searches[] = {
		{ "198.51.100.1", 0, "none" },
		{ "::ffff:198.51.100.1", 0, "none" },
		{ "192.0.2.1", 0, "2" },
		{ "::ffff:192.0.2.1", 0, "2" },
		{ "::fffe:192.0.2.1", 0, "1" },
		{ "::192.0.2.1", 0, "1" },
	};

	(void)state;
	expect_searches(rows, ROWS(rows), searches, ROWS(searches));
}

/* A range counts as its prefixes: they are what an entry is compared with. */
static void
test_range_against_prefixes(void **state)
{
	static const struct row rows[] = {
		{ "192.0.2.10-192.0.2.20", 0, 1, NULL },
		{ "!192.0.2.0/28", 0, 2, NULL },
		{ "!192.0.2.12/31", 0, 3, NULL },
	};
	static const struct search searches[] = {
		{ "192.0.2.9", 0, "!2" },
		{ "192.0.2.10", 0, "1" },
		{ "192.0.2.12", 0, "!3" },
		{ "192.0.2.14", 0, "1" },
		{ "192.0.2.20", 0, "1" },
		{ "192.0.2.21", 0, "none" },
	};

	(void)state;
	expect_searches(rows, ROWS(rows), searches, ROWS(searches));
}

static void
expect_duplicates(const char *what, const struct row *rows, size_t n,
    const char *expected, size_t size, const struct search *search)
{
	struct findings findings;
	struct ag_nets *nets = make(rows, n, &findings);

	expect_findings(what, &findings, expected);
	expect_number(what, (int64_t)ag_nets_size(nets), (int64_t)size);
	expect_found(nets, search->address, search->now, search->expected);
	ag_nets_free(nets);
}

#define TWICE(what, line) \
	what " is there twice, see list:" line "; the longer-lived counts\n"

static void
test_longer_lived_of_two_counts(void **state)
{
	static const struct row first_longer[] = {
		{ "192.0.2.1", 200, 1, NULL }, { "192.0.2.1", 100, 2, NULL }
	};
	static const struct row second_longer[] = {
		{ "192.0.2.1", 100, 1, NULL }, { "192.0.2.1/32", 200, 2, NULL }
	};
	static const struct row for_ever[] = { { "!10.0.0.0/8", 100, 1, NULL },
		{ "!10.0.0.0/8", 0, 2, NULL } };
	static const struct row three[] = { { "::1", 50, 1, NULL },
		{ "::1", 200, 2, NULL }, { "::1", 100, 3, NULL } };

	(void)state;
	expect_duplicates("first", first_longer, 2,
	    "warning list:2: " TWICE("192.0.2.1/32", "1"), 1,
	    &(struct search){ "192.0.2.1", 150, "1" });
	expect_duplicates("second", second_longer, 2,
	    "warning list:2: " TWICE("192.0.2.1/32", "1"), 1,
	    &(struct search){ "192.0.2.1", 150, "2" });
	expect_duplicates("for ever", for_ever, 2,
	    "warning list:2: " TWICE("!10.0.0.0/8", "1"), 1,
	    &(struct search){ "10.0.0.1", 150, "!2" });
	expect_duplicates("three", three, 3,
	    "warning list:2: " TWICE("::1/128",
		"1") "warning list:3: " TWICE("::1/128", "2"),
	    1, &(struct search){ "::1", 150, "2" });
}

static void
test_range_twice_is_one_warning(void **state)
{
	static const struct row rows[] = {
		{ "192.0.2.10-192.0.2.20", 0, 1, NULL },
		{ "192.0.2.10-192.0.2.20", 0, 2, NULL },
	};

	(void)state;
	expect_duplicates("range", rows, ROWS(rows),
	    "warning list:2: " TWICE("192.0.2.10/31", "1"), 4,
	    &(struct search){ "192.0.2.20", 0, "1" });
}

/* Lines of one number in several files are different lines. */
static void
test_duplicates_in_several_files(void **state)
{
	static const struct row rows[] = {
		{ "192.0.2.1", 0, 1, "a" },
		{ "192.0.2.1", 0, 2, "b" },
		{ "192.0.2.9", 0, 1, "b" },
		{ "192.0.2.9", 0, 2, "a" },
	};

	(void)state;
	expect_duplicates("files", rows, ROWS(rows),
	    "warning b:2: 192.0.2.1/32 is there twice, see a:1; the "
	    "longer-lived counts\n"
	    "warning b:1: 192.0.2.9/32 is there twice, see a:2; the "
	    "longer-lived counts\n",
	    2, &(struct search){ "192.0.2.9", 0, "2" });
}

/* An exception and the entry that it is one of are not the same entry. */
static void
test_exception_is_another_entry(void **state)
{
	static const struct row rows[] = {
		{ "192.0.2.1", 0, 1, NULL },
		{ "!192.0.2.1", 0, 2, NULL },
		{ "192.0.2.0/31", 0, 3, NULL },
	};

	(void)state;
	expect_duplicates("exception", rows, ROWS(rows), "", 3,
	    &(struct search){ "192.0.2.1", 0, "!2" });
}

/* Of each entry its end, note, file and line, however they are kept. */
static void
test_entries_come_back(void **state)
{
	static const struct ag_entry entries[] = {
		{ AG_NEVER, NULL, { "a", 7 } },
		{ AG_NEVER, NULL, { NULL, 0 } },
		{ AG_NEVER, "why", { "b", UINT32_MAX } },
		{ 5, NULL, { "a", 9 } },
		{ 5, "both", { NULL, 3 } },
		{ AG_NEVER, NULL, { "b", 10 } },
	};
	struct ag_nets *nets = ag_nets_new();
	struct ag_diag diag = { 0 };
	struct ag_net net = { { { AG_IP_V4, 0, 0 }, 32 }, false, entries[0] };

	(void)state;
	for (unsigned i = 0; i < 2 * ROWS(entries); i++) {
		net.prefix.net.lo = i;
		net.prefix.net.family = i % 2 == 0 ? AG_IP_V4 : AG_IP_V6;
		net.prefix.bits = i % 2 == 0 ? 32 : 128;
		net.entry = entries[i / 2];
		assert_true(ag_nets_add(nets, &net));
	}
	assert_true(ag_nets_finish(nets, &diag));
	assert_int_equal(ag_nets_size(nets), 2 * ROWS(entries));
	for (unsigned i = 0; i < 2 * ROWS(entries); i++) {
		const struct ag_entry *entry = &entries[i % ROWS(entries)];

		ag_nets_get(nets, i, &net);
		assert_int_equal(net.entry.until, entry->until);
		assert_ptr_equal(net.entry.note, entry->note);
		assert_ptr_equal(net.entry.origin.file, entry->origin.file);
		assert_int_equal(net.entry.origin.line, entry->origin.line);
	}
	ag_nets_free(nets);
}

/* So many files that their numbers run out. */
static void
test_very_many_files(void **state)
{
	enum { FILES = 65536 + 3 };
	static char names[FILES];
	struct ag_nets *nets = ag_nets_new();
	struct ag_diag diag = { 0 };
	struct ag_net net = { { { AG_IP_V4, 0, 0 }, 32 }, false,
		{ AG_NEVER, NULL, { NULL, 1 } } };

	(void)state;
	for (unsigned i = 0; i < FILES; i++) {
		net.prefix.net.lo = i;
		net.entry.origin.file = &names[i];
		assert_true(ag_nets_add(nets, &net));
	}
	assert_true(ag_nets_finish(nets, &diag));
	for (unsigned i = 0; i < FILES; i++) {
		ag_nets_get(nets, i, &net);
		assert_ptr_equal(net.entry.origin.file, &names[i]);
	}
	ag_nets_free(nets);
}

/* Crowded and empty parts of the address space; what lies outside of both. */
static void
test_uneven_table(void **state)
{
	struct ag_nets *nets = ag_nets_new();
	struct ag_diag diag = { 0 };

	(void)state;
	for (unsigned i = 0; i < 30000; i++) {
		bool crowded = i < 20000;
		uint64_t n =
		    crowded ? 0x0a000000u + 2 * i : 0x20000000u + (i << 16);
		struct ag_net net = { { { AG_IP_V4, 0, n & UINT32_MAX }, 32 },
			false, { AG_NEVER, NULL, { "list", i } } };

		assert_true(ag_nets_add(nets, &net));
		net.prefix = (struct ag_prefix){
			{ AG_IP_V6, crowded ? 1 : n << 20, n << 7 }, 128
		};
		assert_true(ag_nets_add(nets, &net));
	}
	assert_true(ag_nets_finish(nets, &diag));
	for (size_t i = 0; i < ag_nets_size(nets); i++) {
		struct ag_net net, found;

		ag_nets_get(nets, i, &net);
		assert_true(ag_nets_find(nets, &net.prefix.net, 0, &found));
		assert_int_equal(found.entry.origin.line,
		    net.entry.origin.line);
		net.prefix.net.lo++;
		assert_false(ag_nets_find(nets, &net.prefix.net, 0, &found));
	}
	expect_found(nets, "0.0.0.0", 0, "none");
	expect_found(nets, "9.255.255.255", 0, "none");
	expect_found(nets, "255.255.255.255", 0, "none");
	expect_found(nets, "::", 0, "none");
	expect_found(nets, "ffff::", 0, "none");
	ag_nets_free(nets);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_table),
		cmocka_unit_test(test_longest_prefix_decides),
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_end_dates_go_outward),
		cmocka_unit_test(test_live_until),
		cmocka_unit_test(test_whole_families),
		cmocka_unit_test(test_families_are_apart),
		cmocka_unit_test(test_range_against_prefixes),
		cmocka_unit_test(test_longer_lived_of_two_counts),
		cmocka_unit_test(test_range_twice_is_one_warning),
		cmocka_unit_test(test_duplicates_in_several_files),
		cmocka_unit_test(test_exception_is_another_entry),
		cmocka_unit_test(test_entries_come_back),
		cmocka_unit_test(test_very_many_files),
		cmocka_unit_test(test_uneven_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
