#include "findings.h"

#include <stdio.h>

#include "policy/table/senders.h"

/* One right side beside its left side; "*" on the right is any login. */
struct line {
	const char *left;
	const char *right;
};

/* Adds a left side beside a right one, and what that is as written. */
static bool
add(struct ag_senders *senders, const char *left, const char *right,
    const char *written, unsigned line)
{
	struct ag_origin at = { "senders.map", line };
	struct ag_sender_text text = ag_senders_expect(senders, ag_str(left));
	struct ag_sender_text login = ag_senders_expect(senders, ag_str(right));
	struct ag_sender_text other =
	    ag_senders_expect(senders, ag_str(written));
	uint32_t id = ag_senders_add_left(senders, &text, &at);

	if (id == AG_NO_LEFT)
		return false;
	if (ag_str_eq(login.text, ag_str("*")))
		return ag_senders_add_any(senders, id);
	return ag_senders_add(senders, id, &login,
	    ag_str_eq(login.text, other.text) ? NULL : &other);
}

static struct ag_senders *
make(const struct line *line, size_t n, struct findings *findings)
{
	struct ag_senders *senders = ag_senders_new();

	findings_begin(findings);
	assert_non_null(senders);
	for (size_t i = 0; i < n; i++)
		assert_true(add(senders, line[i].left, line[i].right,
		    line[i].right, (unsigned)i + 1));
	assert_true(ag_senders_finish(senders, &findings->diag));
	return senders;
}

/* "local+tag@domain" as eval would take it apart. */
static struct ag_sender_key
key_of(const char *address)
{
	struct ag_str text = ag_str(address);
	size_t at = ag_str_find(text, '@');
	struct ag_sender_key key = { ag_str_head(text, at), ag_str(NULL),
		ag_str_skip(text, at + 1) };

	key.base = ag_str_head(key.local, ag_str_find(key.local, '+'));
	return key;
}

static void
expect_given(const struct ag_senders *senders, const char *address,
    const char *login, bool expected)
{
	struct ag_sender_key key = key_of(address);
	char shown[200];
	struct ag_buf buf = AG_BUF(shown);

	ag_buf_printf(&buf, "%s as %s", login, address);
	expect_number(shown, ag_senders_give(senders, &key, ag_str(login)),
	    expected);
}

static void
write_found(void *arg, struct ag_str left, struct ag_str login,
    const struct ag_origin *origin)
{
	ag_buf_printf(arg, "%.*s=%.*s:%u ", AG_STR_ARG(left), AG_STR_ARG(login),
	    origin->line);
}

static void
expect_owners(const struct ag_senders *senders, const char *address,
    const char *expected)
{
	struct ag_sender_key key = key_of(address);
	char got[600];
	struct ag_buf buf = AG_BUF(got);

	ag_senders_of_address(senders, &key, write_found, &buf);
	expect_text(address, got, expected);
}

static void
expect_addresses(const struct ag_senders *senders, const char *login,
    const char *expected)
{
	char got[600];
	struct ag_buf buf = AG_BUF(got);

	ag_senders_of_login(senders, ag_str(login), write_found, &buf);
	expect_text(login, got, expected);
}

static void
test_empty_map(void **state)
{
	struct findings findings;
	struct ag_senders *senders = make(NULL, 0, &findings);

	(void)state;
	expect_given(senders, "a@example.com", "a@example.com", false);
	expect_owners(senders, "a@example.com", "");
	expect_addresses(senders, "a@example.com", "");
	assert_int_equal(ag_senders_size(senders), 0);
	ag_senders_free(senders);
	ag_senders_free(NULL);
}

/* As written, without the tag, as @domain and as *: all are united. */
static void
test_look_ups_are_united(void **state)
{
	static const struct line lines[] = {
		{ "info@example.com", "alice@example.com" },
		{ "info+de@example.com", "bob@example.com" },
		{ "@example.com", "carol@example.com" },
		{ "*", "gateway@example.com" },
		{ "info@example.com", "dave@example.com" }, /* adds */
		{ "root", "erin@example.com" },
	};
	struct findings findings;
	struct ag_senders *senders = make(lines, ROWS(lines), &findings);

	(void)state;
	expect_findings("map", &findings, "");
	expect_given(senders, "info@example.com", "alice@example.com", true);
	expect_given(senders, "info@example.com", "dave@example.com", true);
	expect_given(senders, "info@example.com", "carol@example.com", true);
	expect_given(senders, "info@example.com", "gateway@example.com", true);
	expect_given(senders, "info@example.com", "bob@example.com", false);
	expect_given(senders, "info@example.com", "nobody@example.com", false);
	/* with a tag: its own line and that of the address without it */
	expect_given(senders, "info+de@example.com", "bob@example.com", true);
	expect_given(senders, "info+de@example.com", "alice@example.com", true);
	expect_given(senders, "info+fr@example.com", "bob@example.com", false);
	expect_given(senders, "info+fr@example.com", "alice@example.com", true);
	expect_given(senders, "other@example.com", "carol@example.com", true);
	expect_given(senders, "other@example.net", "carol@example.com", false);
	expect_given(senders, "other@example.net", "gateway@example.com", true);
	/* below is another domain */
	expect_given(senders, "a@sub.example.com", "carol@example.com", false);
	/* no domain */
	expect_given(senders, "root", "erin@example.com", true);
	expect_given(senders, "root@example.com", "erin@example.com", false);
	assert_int_equal(ag_senders_size(senders), 5);
	ag_senders_free(senders);
}

static void
test_any_login(void **state)
{
	static const struct line lines[] = {
		{ "noreply@example.com", "*" },
		{ "desk@example.com", "noreply@example.com" }, /* leads there */
		{ "info@example.com", "alice@example.com" },
	};
	struct findings findings;
	struct ag_senders *senders = make(lines, ROWS(lines), &findings);

	(void)state;
	expect_given(senders, "noreply@example.com", "x@example.net", true);
	expect_given(senders, "noreply+t@example.com", "x@example.net", true);
	expect_given(senders, "desk@example.com", "x@example.net", true);
	expect_given(senders, "info@example.com", "x@example.net", false);
	ag_senders_free(senders);
}

static void
test_any_login_for_any_address(void **state)
{
	static const struct line lines[] = { { "*", "*" } };
	struct findings findings;
	struct ag_senders *senders = make(lines, ROWS(lines), &findings);

	(void)state;
	expect_given(senders, "a@example.com", "x@example.net", true);
	expect_given(senders, "root", "x", true);
	ag_senders_free(senders);
}

/* Only ag_senders_add_any() gives an address to every login. */
static void
test_empty_login_is_nobody(void **state)
{
	struct ag_senders *senders = ag_senders_new();
	struct findings findings;

	(void)state;
	findings_begin(&findings);
	assert_true(add(senders, "info@example.com", "", "", 1));
	assert_true(add(senders, "all@example.com", "*", "*", 1));
	assert_true(ag_senders_finish(senders, &findings.diag));
	expect_given(senders, "info@example.com", "bob@example.com", false);
	expect_given(senders, "all@example.com", "bob@example.com", true);
	expect_owners(senders, "all@example.com", "all@example.com=*:1 ");
	expect_addresses(senders, "bob@example.com",
	    "all@example.com=bob@example.com:1 ");
	ag_senders_free(senders);
}

/* Beside logins "*" is one more, and goes along a chain. */
static void
test_any_login_beside_others(void **state)
{
	static const struct line lines[] = {
		{ "desk@example.com", "alice@example.com" },
		{ "desk@example.com", "*" },
		{ "desk@example.com", "bob@example.com" },
		{ "office@example.com", "desk@example.com" },
	};
	struct findings findings;
	struct ag_senders *senders = make(lines, ROWS(lines), &findings);

	(void)state;
	expect_given(senders, "office@example.com", "x@example.net", true);
	expect_owners(senders, "desk@example.com",
	    "desk@example.com=*:1 desk@example.com=alice@example.com:1 "
	    "desk@example.com=bob@example.com:1 ");
	assert_int_equal(ag_senders_size(senders), 2);
	ag_senders_free(senders);
}

/* One right side as written may stand for several logins. */
static void
test_one_right_side_of_two_logins(void **state)
{
	struct ag_senders *senders = ag_senders_new();
	struct findings findings;

	(void)state;
	findings_begin(&findings);
	assert_true(add(senders, "x@b", "alice@b", "alice@b", 1));
	assert_true(add(senders, "y@b", "\"alice\"@b", "alice@b", 1));
	assert_true(add(senders, "alice@b", "carol@b", "carol@b", 1));
	assert_true(ag_senders_finish(senders, &findings.diag));
	expect_owners(senders, "x@b", "x@b=alice@b:1 x@b=carol@b:1 ");
	expect_owners(senders, "y@b", "y@b=\"alice\"@b:1 y@b=carol@b:1 ");
	expect_given(senders, "x@b", "\"alice\"@b", false);
	expect_given(senders, "y@b", "alice@b", false);
	ag_senders_free(senders);
}

/* A right side counts as a login and is followed too. */
static void
test_chains(void **state)
{
	static const struct line lines[] = {
		{ "office@example.com", "desk@example.com" },
		{ "desk@example.com", "dave@example.com" },
		{ "desk@example.com", "erin@example.com" },
		{ "@example.com", "carol@example.com" },
		{ "info@example.com", "dave+x@example.com" },
		{ "dave@example.com", "frank@example.com" },
	};
	struct findings findings;
	struct ag_senders *senders = make(lines, ROWS(lines), &findings);

	(void)state;
	expect_findings("map", &findings, "");
	expect_given(senders, "office@example.com", "desk@example.com", true);
	expect_given(senders, "office@example.com", "dave@example.com", true);
	expect_given(senders, "office@example.com", "erin@example.com", true);
	expect_given(senders, "office@example.com", "frank@example.com", true);
	/* not the other way round */
	expect_given(senders, "desk@example.com", "office@example.com", false);
	/* on the way no tag is taken off */
	expect_given(senders, "info@example.com", "dave+x@example.com", true);
	expect_given(senders, "info@example.com", "frank@example.com", false);
	ag_senders_free(senders);
}

/* On the way neither @domain nor * is tried. */
static void
test_chains_follow_what_is_written(void **state)
{
	static const struct line lines[] = {
		{ "info@example.net", "dave@example.com" },
		{ "@example.com", "carol@example.com" },
		{ "*", "gateway@example.com" },
	};
	struct findings findings;
	struct ag_senders *senders = make(lines, ROWS(lines), &findings);

	(void)state;
	expect_given(senders, "info@example.net", "carol@example.com", false);
	expect_owners(senders, "info@example.net",
	    "info@example.net=dave@example.com:1 *=gateway@example.com:3 ");
	ag_senders_free(senders);
}

/* a1 leads to a2 ... leads to an, which is alice's. */
static struct ag_senders *
make_chain(unsigned n, struct findings *findings)
{
	static char text[20][20];
	struct line lines[20];

	for (unsigned i = 0; i <= n; i++)
		snprintf(text[i], sizeof(text[i]), "a%u@b", i + 1);
	for (unsigned i = 0; i < n; i++)
		lines[i] = (struct line){ text[i], text[i + 1] };
	lines[n - 1].right = "alice@b";
	return make(lines, n, findings);
}

static void
test_ten_left_sides(void **state)
{
	struct findings findings;
	struct ag_senders *senders = make_chain(10, &findings);

	(void)state;
	expect_findings("ten", &findings, "");
	expect_given(senders, "a1@b", "alice@b", true);
	expect_given(senders, "a1@b", "a10@b", true);
	ag_senders_free(senders);
}

static void
test_eleven_left_sides(void **state)
{
	struct findings findings;
	struct ag_senders *senders = make_chain(11, &findings);

	(void)state;
	expect_findings("eleven", &findings,
	    "warning senders.map:1: a1@b begins a chain of more than 10 left "
	    "sides; the rest is not followed\n");
	expect_given(senders, "a1@b", "a11@b", true);
	expect_given(senders, "a1@b", "alice@b", false);
	expect_given(senders, "a2@b", "alice@b", true);
	ag_senders_free(senders);
}

static void
test_shorter_way_counts(void **state)
{
	static const struct line shortcut[] = { { "a1@b", "a9@b" } };
	struct findings findings;
	struct ag_senders *senders = ag_senders_new();
	char left[20], right[20];

	(void)state;
	findings_begin(&findings);
	for (unsigned i = 1; i <= 12; i++) {
		snprintf(left, sizeof(left), "a%u@b", i);
		snprintf(right, sizeof(right), "a%u@b", i + 1);
		assert_true(add(senders, left, right, right, i));
	}
	assert_true(add(senders, shortcut[0].left, shortcut[0].right,
	    shortcut[0].right, 13));
	assert_true(ag_senders_finish(senders, &findings.diag));
	expect_given(senders, "a1@b", "a13@b", true);
	expect_given(senders, "a2@b", "a12@b", true);
	expect_given(senders, "a2@b", "a13@b", false);
	ag_senders_free(senders);
}

static void
test_circles(void **state)
{
	static const struct line lines[] = {
		{ "a@b", "c@b" },
		{ "c@b", "a@b" },
		{ "c@b", "alice@b" },
		{ "into@b", "a@b" },    /* leads into it, is not part of it */
		{ "self@b", "self@b" }, /* says what holds anyway */
		{ "self@b", "bob@b" },
	};
	struct findings findings;
	struct ag_senders *senders = make(lines, ROWS(lines), &findings);

	(void)state;
	expect_findings("circle", &findings,
	    "warning senders.map:1: a@b leads in a circle back to itself\n"
	    "warning senders.map:2: c@b leads in a circle back to itself\n");
	expect_given(senders, "a@b", "alice@b", true);
	expect_given(senders, "into@b", "alice@b", true);
	expect_given(senders, "into@b", "c@b", true);
	expect_given(senders, "self@b", "self@b", true);
	expect_given(senders, "self@b", "bob@b", true);
	ag_senders_free(senders);
}

/* n names that lead to a list of n: n times n owners. */
static void
test_too_many_owners(void **state)
{
	const unsigned n = 5900;
	struct ag_senders *senders = ag_senders_new();
	struct findings findings;
	char user[20], name[20];

	(void)state;
	findings_begin(&findings);
	for (unsigned i = 0; i < n; i++) {
		snprintf(user, sizeof(user), "u%u@b", i);
		snprintf(name, sizeof(name), "n%u@b", i);
		assert_true(add(senders, "team@b", user, user, i + 1));
		assert_true(add(senders, name, "team@b", "team@b", n + i));
	}
	assert_true(ag_senders_finish(senders, &findings.diag));
	expect_findings("n times n", &findings,
	    "error senders.map:11584: n5684@b leads to 5901 logins, which with "
	    "those of other left sides is more than 33554432; do so many names "
	    "lead to one large list?\n");
	ag_senders_free(senders);
}

/* a1 leads to a2 ... leads to an, which leads back to a1. */
static void
test_circle_of_ten(void **state)
{
	struct line lines[10];
	char text[10][20];
	struct findings findings;
	struct ag_senders *senders;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		snprintf(text[i], sizeof(text[i]), "a%u@b", i + 1);
	for (unsigned i = 0; i < 10; i++)
		lines[i] = (struct line){ text[i], text[(i + 1) % 10] };
	senders = make(lines, 10, &findings);
	assert_int_equal(findings.diag.warnings, 10);
	expect_text("first", findings.item[0].text,
	    "a1@b leads in a circle back to itself");
	ag_senders_free(senders);
}

static void
test_listings(void **state)
{
	static const struct line lines[] = {
		{ "info@example.com", "alice@example.com" },
		{ "@example.com", "alice@example.com" },
		{ "noreply@example.com", "*" },
		{ "info@example.com", "bob@example.com" },
		{ "info@example.com", "alice@example.com" }, /* again */
	};
	struct findings findings;
	struct ag_senders *senders = make(lines, ROWS(lines), &findings);

	(void)state;
	expect_owners(senders, "info+x@example.com",
	    "info@example.com=alice@example.com:1 "
	    "info@example.com=bob@example.com:1 "
	    "@example.com=alice@example.com:2 ");
	expect_owners(senders, "noreply@example.com",
	    "noreply@example.com=*:3 @example.com=alice@example.com:2 ");
	expect_addresses(senders, "alice@example.com",
	    "info@example.com=alice@example.com:1 "
	    "@example.com=alice@example.com:2 "
	    "noreply@example.com=alice@example.com:3 ");
	expect_addresses(senders, "stranger@example.net",
	    "noreply@example.com=stranger@example.net:3 ");
	ag_senders_free(senders);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_map),
		cmocka_unit_test(test_look_ups_are_united),
		cmocka_unit_test(test_any_login),
		cmocka_unit_test(test_any_login_for_any_address),
		cmocka_unit_test(test_empty_login_is_nobody),
		cmocka_unit_test(test_any_login_beside_others),
		cmocka_unit_test(test_one_right_side_of_two_logins),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_chains_follow_what_is_written),
		cmocka_unit_test(test_ten_left_sides),
		cmocka_unit_test(test_eleven_left_sides),
		cmocka_unit_test(test_shorter_way_counts),
		cmocka_unit_test(test_circles),
		cmocka_unit_test(test_too_many_owners),
		cmocka_unit_test(test_circle_of_ten),
		cmocka_unit_test(test_listings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
