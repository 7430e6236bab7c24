/* A plain-text list, read as each kind of list. */
#include "fuzz.h"

#include <string.h>

#include "policy/config/lists.h"

/* Before anything ends, also until=1970-01-01T00:00:00Z. */
#define EARLY INT64_C(-1)

static struct ag_domains domains;
static struct ag_login_form form = { .realm = "example.com",
	.domains = &domains };
static struct ag_arena arena;
static struct ag_diag diag = { .emit = fuzz_check_finding };

/* example.com has a file, with example.org as an alias. */
static void
make_domains(void)
{
	const struct ag_origin at = { "domains/example.com.ini", 1 };

	if (domains.map.n > 0)
		return;
	HOLDS(ag_domains_add_file(&domains, ag_str("example.com"), 0, false,
	    &at, &diag));
	HOLDS(ag_domains_add_alias(&domains, ag_str("example.org"),
	    ag_str("example.com"), &at, &diag));
}

static struct ag_list
list_of(struct ag_str text)
{
	return (struct ag_list){ .text = text,
		.at = { "fuzz.list", 0 },
		.arena = &arena,
		.diag = &diag,
		.form = &form };
}

/* Some entry holds the first address of each network. */
static void
expect_found(struct ag_nets *nets)
{
	HOLDS(ag_nets_finish(nets, &diag));
	for (size_t i = 0; i < ag_nets_size(nets); i++) {
		struct ag_net net, found;

		ag_nets_get(nets, i, &net);
		HOLDS(ag_nets_find(nets, &net.prefix.net, EARLY, &found));
		HOLDS(found.prefix.bits >= net.prefix.bits);
	}
	ag_nets_free(nets);
}

/* What no entry can be: a pattern, or several names. */
static bool
could_never_match(struct ag_str name)
{
	return ag_str_has(name, '*') || ag_str_has(name, ',') ||
	    ag_str_has_control(name) || ag_str_eq(name, ag_str("@"));
}

/* In quotes a local part may have anything. */
static void
expect_names(struct ag_names *names, size_t max, bool quoted)
{
	for (uint32_t i = ag_strmap_first(&names->map); i != AG_NO_ID;
	    i = ag_strmap_next(&names->map, i)) {
		struct ag_str name = ag_strmap_key(&names->map, i);

		HOLDS(name.len > 0 && name.len <= max);
		HOLDS(quoted || !could_never_match(name));
		HOLDS(ag_names_find(names, name, EARLY) != NULL);
	}
	ag_names_free(names);
}

static void
read_networks(struct ag_str text, bool relay)
{
	struct ag_list list = list_of(text);
	struct ag_nets *nets = ag_nets_new();

	list.relay = relay;
	HOLDS(nets != NULL && ag_list_networks(&list, nets));
	expect_found(nets);
}

static void
read_words(struct ag_str text)
{
	struct ag_list list = list_of(text);
	struct ag_nets *nets = ag_nets_new();

	HOLDS(nets != NULL && ag_list_words(&list, nets));
	expect_found(nets);
}

static void
read_kill(struct ag_str text)
{
	struct ag_list list = list_of(text);
	struct ag_names logins = { 0 }, senders = { 0 };
	struct ag_nets *nets = ag_nets_new();

	HOLDS(nets != NULL && ag_list_kill(&list, nets, &logins, &senders));
	expect_found(nets);
	expect_names(&logins, AG_ADDRESS_MAX - 1, false);
	expect_names(&senders, AG_ADDRESS_MAX - 1, ag_str_has(text, '"'));
}

static void
read_accounts(struct ag_str text)
{
	struct ag_list list = list_of(text);
	struct ag_names accounts = { 0 };

	HOLDS(ag_list_accounts(&list, ag_str("example.com"), &accounts));
	expect_names(&accounts, AG_LOCAL_MAX, ag_str_has(text, '"'));
}

static void
read_domains(struct ag_str text)
{
	struct ag_list list = list_of(text);
	struct ag_domains listed = { 0 };

	HOLDS(ag_list_domains(&list, &listed));
	for (uint32_t i = ag_strmap_first(&listed.map); i != AG_NO_ID;
	    i = ag_strmap_next(&listed.map, i))
		HOLDS(ag_domains_find(&listed, ag_strmap_key(&listed.map, i))
			.local);
	ag_domains_free(&listed);
}

/* What is said of a login holds when it is asked about the address. */
static void
check_given(void *arg, struct ag_str left, struct ag_str login,
    const struct ag_origin *origin)
{
	size_t at = ag_str_rfind(left, '@');
	struct ag_sender_key key = { ag_str_head(left, at),
		ag_str_head(left, at), ag_str_skip(left, at + 1) };

	HOLDS(origin->line > 0);
	HOLDS(ag_senders_give(arg, &key, login));
}

/* The second word of a map is a login, as a rule. */
static void
expect_given(const struct ag_senders *senders, struct ag_str text)
{
	char buf[AG_ADDRESS_MAX];
	struct ag_mailbox login;
	struct ag_str word;

	if (!ag_str_word(&text, " \t\n", &word) ||
	    !ag_str_word(&text, " \t\n", &word) ||
	    !ag_login_parse(&login, word))
		return;
	ag_login_complete(&login, &form);
	ag_senders_of_login(senders, ag_login_write(&login, buf), check_given,
	    (void *)senders);
}

/* "*" stands alone. */
static void
check_left(void *arg, struct ag_str left, struct ag_str login,
    const struct ag_origin *origin)
{
	(void)arg;
	(void)login;
	(void)origin;
	HOLDS(left.len == 1 || !ag_str_has(left, '*'));
}

static void
fail_when_given(void *arg, struct ag_str left, struct ag_str login,
    const struct ag_origin *origin)
{
	(void)arg;
	(void)left;
	(void)origin;
	HOLDS(login.len == 0);
}

/* Nothing but "*" gives an address to a login that the map does not name. */
static void
expect_nothing_given(const struct ag_senders *senders, struct ag_str text)
{
	if (!ag_str_has(text, '*'))
		ag_senders_of_login(senders, ag_str("no such login"),
		    fail_when_given, NULL);
}

static void
read_senders(struct ag_str text)
{
	struct ag_list list = list_of(text);
	struct ag_senders *senders = ag_senders_new();

	HOLDS(senders != NULL && ag_list_senders(&list, senders));
	HOLDS(ag_senders_finish(senders, &diag));
	expect_given(senders, text);
	ag_senders_of_login(senders, ag_str("alice@example.com"), check_left,
	    NULL);
	expect_nothing_given(senders, text);
	ag_senders_free(senders);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_str text = fuzz_text(data, size);

	make_domains();
	read_networks(text, false);
	read_networks(text, true);
	read_words(text);
	read_kill(text);
	read_accounts(text);
	read_domains(text);
	read_senders(text);
	ag_arena_free(&arena);
	return 0;
}
