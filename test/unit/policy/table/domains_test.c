#include "findings.h"

#include "policy/table/domains.h"

/* "not local", or which file (- is the main one), the folded name, and "own".
 */
static void
expect_domain(const struct ag_domains *domains, const char *name,
    const char *expected)
{
	struct ag_domain domain = ag_domains_find(domains, ag_str(name));
	char got[300];
	struct ag_buf buf = AG_BUF(got);

	if (!domain.local)
		ag_buf_text(&buf, "not local ");
	if (domain.file == AG_SERVER_FILE)
		ag_buf_text(&buf, "-");
	else
		ag_buf_printf(&buf, "%u", domain.file);
	ag_buf_printf(&buf, " %.*s%s", AG_STR_ARG(domain.folded),
	    domain.is_account_domain ? " own" : "");
	expect_text(name, got, expected);
	assert_true(
	    ag_str_eq(ag_domains_fold(domains, ag_str(name)), domain.folded));
}

static void
add_file(struct ag_domains *domains, const char *name, uint32_t file,
    bool subdomains, struct findings *findings)
{
	struct ag_origin at = { name, 0 };

	assert_true(ag_domains_add_file(domains, ag_str(name), file, subdomains,
	    &at, &findings->diag));
}

static void
add_alias(struct ag_domains *domains, const char *alias, const char *owner,
    struct findings *findings)
{
	struct ag_origin at = { owner, 3 };

	assert_true(ag_domains_add_alias(domains, ag_str(alias), ag_str(owner),
	    &at, &findings->diag));
}

static void
add_line(struct ag_domains *domains, const char *name, unsigned line,
    struct findings *findings)
{
	struct ag_origin at = { "domains.list", line };
	bool below = name[0] == '.';

	assert_true(ag_domains_add_listed(domains, ag_str(name + below), below,
	    &at, &findings->diag));
}

static void
test_empty_table(void **state)
{
	struct ag_domains domains = { 0 };

	(void)state;
	expect_domain(&domains, "example.com", "not local - example.com");
	expect_domain(&domains, "", "not local - ");
	ag_domains_free(&domains);
}

/* The order in which the contract says a file governs a domain. */
static void
test_governing_file(void **state)
{
	static const struct {
		const char *name;
		const char *expected;
	} table[] = {
		/* a file of exactly that name */
		{ "example.com", "0 example.com own" },
		{ "plain.example.com", "1 plain.example.com own" },
		/* an alias in a file: the same accounts */
		{ "example.org", "0 example.com own" },
		{ "alias.deep.example.com", "1 plain.example.com own" },
		/* the longest file name above that has subdomains */
		{ "a.example.com", "0 a.example.com" },
		{ "a.b.example.com", "0 a.b.example.com" },
		{ "a.deep.example.com", "2 a.deep.example.com" },
		/* a file in between without subdomains changes nothing */
		{ "a.plain.example.com", "0 a.plain.example.com" },
		/* aliases do not count */
		{ "a.example.org", "not local - a.example.org" },
		{ "a.alias.deep.example.com", "2 a.alias.deep.example.com" },
		/* below a file without subdomains */
		{ "a.example.net", "not local - a.example.net" },
		/* else the lists */
		{ "listed.example", "- listed.example" },
		{ "a.listed.example", "not local - a.listed.example" },
		{ "below.example", "- below.example" },
		{ "a.b.below.example", "- a.b.below.example" },
		/* a listed name below a file that takes subdomains */
		{ "listed.example.com", "0 listed.example.com" },
		{ "a.below.example.com", "0 a.below.example.com" },
		/* not below, only alike */
		{ "xexample.com", "not local - xexample.com" },
		{ "com", "not local - com" },
		/* a name that cannot be converted is in no list */
		{ "\xf0\x9f\x98\x80.example.com",
		    "not local - \xf0\x9f\x98\x80.example.com" },
		{ "\xf0\x9f\x98\x80.below.example",
		    "not local - \xf0\x9f\x98\x80.below.example" },
		{ "xbelow.example", "not local - xbelow.example" },
		{ "", "not local - " },
	};
	struct ag_domains domains = { 0 };
	struct findings findings;

	(void)state;
	findings_begin(&findings);
	add_file(&domains, "example.com", 0, true, &findings);
	add_file(&domains, "plain.example.com", 1, false, &findings);
	add_file(&domains, "deep.example.com", 2, true, &findings);
	add_file(&domains, "example.net", 3, false, &findings);
	add_alias(&domains, "example.org", "example.com", &findings);
	add_alias(&domains, "alias.deep.example.com", "plain.example.com",
	    &findings);
	add_line(&domains, "listed.example", 1, &findings);
	add_line(&domains, ".below.example", 2, &findings);
	add_line(&domains, "listed.example.com", 3, &findings);
	add_line(&domains, ".below.example.com", 4, &findings);
	/* a line for what has a file changes nothing */
	add_line(&domains, "example.com", 5, &findings);
	expect_findings("all", &findings, "");
	for (size_t i = 0; i < ROWS(table); i++)
		expect_domain(&domains, table[i].name, table[i].expected);
	ag_domains_free(&domains);
}

#define CLAIMED(name, by) \
	name " is claimed by " by " already; a domain has one file\n"

/* Names without a dot are looked up for what is below only where need be. */
static void
test_top_level(void **state)
{
	struct ag_domains domains = { 0 };
	struct findings findings;

	(void)state;
	findings_begin(&findings);
	add_line(&domains, ".below.example", 1, &findings);
	add_line(&domains, "lan", 2, &findings);
	add_file(&domains, "local", 0, false, &findings);
	expect_domain(&domains, "a.below.example", "- a.below.example");
	expect_domain(&domains, "lan", "- lan");
	expect_domain(&domains, "a.lan", "not local - a.lan");
	expect_domain(&domains, "a.local", "not local - a.local");
	add_line(&domains, ".lan", 3, &findings);
	expect_domain(&domains, "a.lan", "- a.lan");
	expect_domain(&domains, "a.b.lan", "- a.b.lan");
	expect_domain(&domains, "a.local", "not local - a.local");
	ag_domains_free(&domains);
	domains = (struct ag_domains){ 0 };
	add_file(&domains, "local", 3, true, &findings);
	add_alias(&domains, "lan", "local", &findings);
	expect_domain(&domains, "a.b.local", "3 a.b.local");
	expect_domain(&domains, "a.lan", "not local - a.lan");
	ag_domains_free(&domains);
}

static void
test_claimed_twice(void **state)
{
	struct ag_domains domains = { 0 };
	struct findings findings;

	(void)state;
	findings_begin(&findings);
	add_file(&domains, "example.com", 0, false, &findings);
	add_file(&domains, "example.com", 1, true, &findings);
	add_file(&domains, "example.net", 2, false, &findings);
	add_alias(&domains, "example.org", "example.com", &findings);
	add_alias(&domains, "example.org", "example.net", &findings);
	add_alias(&domains, "example.net", "example.com", &findings);
	add_alias(&domains, "example.com", "example.com", &findings);
	expect_findings("claims", &findings,
	    "error example.com: " CLAIMED("example.com",
		"example.com") "error example.net:3: " CLAIMED("example.org",
		"example.com:3") "error example.com:3: " CLAIMED("example.net",
		"example.net") "error example.com:3: " CLAIMED("example.com",
		"example.com"));
	/* the first claim holds */
	expect_domain(&domains, "example.com", "0 example.com own");
	expect_domain(&domains, "example.org", "0 example.com own");
	expect_domain(&domains, "a.example.com", "not local - a.example.com");
	ag_domains_free(&domains);
}

static void
test_listed_twice(void **state)
{
	struct ag_domains domains = { 0 };
	struct findings findings;

	(void)state;
	findings_begin(&findings);
	add_line(&domains, "a.example", 1, &findings);
	add_line(&domains, "a.example", 2, &findings);
	add_line(&domains, ".b.example", 3, &findings);
	add_line(&domains, ".b.example", 4, &findings);
	/* the wider line adds what is below */
	add_line(&domains, "c.example", 5, &findings);
	add_line(&domains, ".c.example", 6, &findings);
	expect_findings("lines", &findings,
	    "warning domains.list:2: a.example is there twice\n"
	    "warning domains.list:4: .b.example is there twice\n");
	expect_domain(&domains, "x.c.example", "- x.c.example");
	ag_domains_free(&domains);
}

/* Names are added while others are looked at: the arrays move. */
static void
test_many_aliases(void **state)
{
	struct ag_domains domains = { 0 };
	struct findings findings;
	char name[40];

	(void)state;
	findings_begin(&findings);
	add_file(&domains, "example.com", 7, false, &findings);
	for (unsigned i = 0; i < 500; i++) {
		struct ag_buf buf = AG_BUF(name);

		ag_buf_printf(&buf, "alias%u.example", i);
		add_alias(&domains, name, "example.com", &findings);
	}
	for (unsigned i = 0; i < 500; i++) {
		struct ag_buf buf = AG_BUF(name);

		ag_buf_printf(&buf, "alias%u.example", i);
		expect_domain(&domains, name, "7 example.com own");
	}
	expect_findings("aliases", &findings, "");
	ag_domains_free(&domains);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_table),
		cmocka_unit_test(test_governing_file),
		cmocka_unit_test(test_top_level),
		cmocka_unit_test(test_claimed_twice),
		cmocka_unit_test(test_listed_twice),
		cmocka_unit_test(test_many_aliases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
