#include "findings.h"

#include <string.h>

#include "policy/table/login.h"

/* example.com with the alias example.org; everything else is foreign. */
static void
make_domains(struct ag_domains *domains)
{
	struct ag_origin at = { "example.com.ini", 0 };
	struct ag_diag diag = { 0 };

	*domains = (struct ag_domains){ 0 };
	assert_true(ag_domains_add_file(domains, ag_str("example.com"), 0, true,
	    &at, &diag));
	assert_true(ag_domains_add_alias(domains, ag_str("example.org"),
	    ag_str("example.com"), &at, &diag));
}

static void
set_realm(struct ag_login_form *form, const char *realm, bool replaces)
{
	struct ag_buf buf = AG_BUF(form->realm);

	ag_buf_text(&buf, realm);
	form->realm_replaces = replaces;
}

static void
expect_login(const struct ag_login_form *form, const char *text,
    const char *expected)
{
	char got[AG_ADDRESS_MAX];
	struct ag_mailbox login;

	assert_true(ag_login_parse(&login, ag_str(text)));
	ag_login_complete(&login, form);
	ag_login_write(&login, got);
	expect_text(text, got, expected);
}

static void
test_form(void **state)
{
	static const struct {
		const char *text;
		const char *bare;      /* without a realm */
		const char *completed; /* realm = example.com */
		const char *replaced;  /* and realm_replaces */
	} table[] = {
		{ "alice", "alice", "alice@example.com", "alice@example.com" },
		{ "ALICE", "alice", "alice@example.com", "alice@example.com" },
		{ "Alice@Example.COM.", "alice@example.com",
		    "alice@example.com", "alice@example.com" },
		/* an alias domain is folded */
		{ "alice@example.org", "alice@example.com", "alice@example.com",
		    "alice@example.com" },
		/* a subdomain shares rules, not accounts */
		{ "alice@sub.example.com", "alice@sub.example.com",
		    "alice@sub.example.com", "alice@example.com" },
		{ "alice@elsewhere.example", "alice@elsewhere.example",
		    "alice@elsewhere.example", "alice@example.com" },
		/* a tag in a login means itself */
		{ "alice+x@example.com", "alice+x@example.com",
		    "alice+x@example.com", "alice+x@example.com" },
		{ "alice+x", "alice+x", "alice+x@example.com",
		    "alice+x@example.com" },
		{ "alice@ex\xc3\xa4mple.com", "alice@xn--exmple-cua.com",
		    "alice@xn--exmple-cua.com", "alice@example.com" },
		/* a domain that is replaced begins at the first "@" */
		{ "a@b@example.org", "a@b@example.com", "a@b@example.com",
		    "a@example.com" },
		/* no domain, and not one that a realm completes */
		{ "alice@", "alice@", "alice@", "alice@example.com" },
		{ "@", "@", "@", "@@example.com" },
		/* a domain of no known form stays as it is */
		{ "alice@WORK GROUP", "alice@work group", "alice@work group",
		    "alice@example.com" },
		{ "DOMAIN\\Alice", "domain\\alice", "domain\\alice@example.com",
		    "domain\\alice@example.com" },
		{ "", "", "", "" },
	};
	struct ag_domains domains;
	struct ag_login_form form = { .domains = &domains };

	(void)state;
	make_domains(&domains);
	for (size_t i = 0; i < ROWS(table); i++) {
		set_realm(&form, "", false);
		expect_login(&form, table[i].text, table[i].bare);
		set_realm(&form, "example.com", false);
		expect_login(&form, table[i].text, table[i].completed);
		set_realm(&form, "example.com", true);
		expect_login(&form, table[i].text, table[i].replaced);
	}
	ag_domains_free(&domains);
}

/* A realm that is an alias domain is folded as well. */
static void
test_realm_is_folded(void **state)
{
	struct ag_domains domains;
	struct ag_login_form form = { .domains = &domains };

	(void)state;
	make_domains(&domains);
	set_realm(&form, "example.org", false);
	expect_login(&form, "alice", "alice@example.com");
	ag_domains_free(&domains);
}

static void
test_windows_domains(void **state)
{
	static const struct {
		const char *text;
		const char *bare;
		const char *completed;
		const char *replaced;
	} table[] = {
		{ "EXAMPLE\\Alice", "alice", "alice@example.com",
		    "alice@example.com" },
		{ "corp.example.com\\alice", "alice", "alice@example.com",
		    "alice@example.com" },
		{ "\xc3\x96VE\\alice", "alice", "alice@example.com",
		    "alice@example.com" },
		/* a tag, and what else a name may hold */
		{ "example\\a.b+x", "a.b+x", "a.b+x@example.com",
		    "a.b+x@example.com" },
		/* one that is not listed */
		{ "OTHER\\alice", "other\\alice", "other\\alice@example.com",
		    "other\\alice@example.com" },
		{ "sub.example\\alice", "sub.example\\alice",
		    "sub.example\\alice@example.com",
		    "sub.example\\alice@example.com" },
		/* no user, and no user of a Windows domain */
		{ "EXAMPLE\\", "example\\", "example\\@example.com",
		    "example\\@example.com" },
		{ "EXAMPLE", "example", "example@example.com",
		    "example@example.com" },
		{ "\\alice", "\\alice", "\\alice@example.com",
		    "\\alice@example.com" },
		{ "EXAMPLE\\OTHER\\alice", "example\\other\\alice",
		    "example\\other\\alice@example.com",
		    "example\\other\\alice@example.com" },
		{ "EXAMPLE\\\\alice", "example\\\\alice",
		    "example\\\\alice@example.com",
		    "example\\\\alice@example.com" },
		{ "EXAMPLE/alice", "example/alice", "example/alice@example.com",
		    "example/alice@example.com" },
		/* the authentication server has put the realm behind it */
		{ "EXAMPLE\\alice@example.com", "example\\alice@example.com",
		    "alice@example.com", "alice@example.com" },
		{ "EXAMPLE\\alice@example.org", "example\\alice@example.com",
		    "alice@example.com", "alice@example.com" },
		/* or something else */
		{ "EXAMPLE\\alice@elsewhere.example",
		    "example\\alice@elsewhere.example",
		    "example\\alice@elsewhere.example", "alice@example.com" },
		{ "EXAMPLE\\a@b@example.com", "example\\a@b@example.com",
		    "example\\a@b@example.com", "a@example.com" },
		{ "EXAMPLE\\alice@", "example\\alice@", "example\\alice@",
		    "alice@example.com" },
		{ "alice@EXAMPLE\\x", "alice@example\\x", "alice@example\\x",
		    "alice@example.com" },
	};
	static const struct ag_str windows[] = { AG_STR("example"),
		AG_STR("corp.example.com"), AG_STR("\xc3\xb6ve") };
	struct ag_domains domains;
	struct ag_login_form form = { .domains = &domains,
		.windows = windows,
		.nwindows = ROWS(windows) };

	(void)state;
	make_domains(&domains);
	for (size_t i = 0; i < ROWS(table); i++) {
		set_realm(&form, "", false);
		expect_login(&form, table[i].text, table[i].bare);
		set_realm(&form, "example.com", false);
		expect_login(&form, table[i].text, table[i].completed);
		set_realm(&form, "example.com", true);
		expect_login(&form, table[i].text, table[i].replaced);
	}
	ag_domains_free(&domains);
}

static void
test_lengths(void **state)
{
	char text[AG_LOCAL_MAX + AG_DOMAIN_MAX + 3];
	struct ag_mailbox login;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_true(ag_login_parse(&login, (struct ag_str){ text, 256 }));
	assert_int_equal(login.local_len, 256);
	assert_false(ag_login_parse(&login, (struct ag_str){ text, 257 }));
	text[256] = '@';
	assert_true(
	    ag_login_parse(&login, (struct ag_str){ text, 256 + 1 + 255 }));
	assert_int_equal(login.domain_len, 255);
	assert_false(
	    ag_login_parse(&login, (struct ag_str){ text, 256 + 1 + 256 }));
	assert_true(ag_login_parse(&login, ag_str(NULL)));
	assert_int_equal(login.local_len, 0);
}

static void
test_addresses_are_written(void **state)
{
	char text[AG_ADDRESS_MAX];

	(void)state;
	ag_address_write(ag_str("alice"), ag_str("example.com"), text);
	expect_text("both", text, "alice@example.com");
	ag_address_write(ag_str("alice"), ag_str(NULL), text);
	expect_text("local part", text, "alice");
	ag_address_write(ag_str(NULL), ag_str("example.com"), text);
	expect_text("domain", text, "@example.com");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_realm_is_folded),
		cmocka_unit_test(test_windows_domains),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_addresses_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
