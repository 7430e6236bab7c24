#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "../policy/domainname.h"
#include "command.h"

struct list {
	bool of_login; /* print addresses, else logins */
	unsigned n;
};

static void
print_line(void *arg, struct ag_str left, struct ag_str login,
    const struct ag_origin *origin)
{
	struct list *list = arg;
	char at[AG_ORIGIN_MAX];
	struct ag_buf place = AG_BUF(at);
	struct ag_str what = list->of_login ? left : login;

	if (origin == NULL)
		ag_buf_text(&place, "its own address");
	else
		ag_origin_write(origin, &place);
	list->n++;
	printf("  ");
	ag_print_column(stdout, what, 42);
	printf("  ");
	ag_print_safely(stdout, ag_buf_get(&place));
	if (!list->of_login && origin != NULL) {
		printf("  as ");
		ag_print_safely(stdout, left);
	}
	printf("\n");
}

static void
print_none(const struct list *list)
{
	if (list->n == 0)
		printf("  nothing\n");
}

/* "@DOMAIN", "DOMAIN" and "*" stand for all the addresses there. */
static bool
is_domain(struct ag_str name)
{
	char domain[AG_DOMAIN_MAX + 1];

	if (ag_str_eq(name, ag_str("*")))
		return true;
	if (ag_str_starts(name, "@"))
		return ag_domain_parse(ag_str_skip(name, 1), domain) ==
		    AG_DOMAIN_OK;
	return ag_str_has(name, '.') &&
	    ag_domain_parse(name, domain) == AG_DOMAIN_OK;
}

static void
print_login(const struct ag_policy *policy, const char *name)
{
	struct list addresses = { .of_login = true };

	if (strcmp(name, "*") == 0)
		printf("Every login may send as\n");
	else
		ag_print_line(stdout, "The login %s may send as", name);
	ag_policy_of_login(policy, ag_str(name), print_line, &addresses);
	print_none(&addresses);
}

static void
print_address(const struct ag_policy *policy, const char *name)
{
	struct list logins = { 0 };

	ag_print_line(stdout, "As the address %s may send", name);
	ag_policy_of_address(policy, ag_str(name), print_line, &logins);
	print_none(&logins);
}

static void
print_domain(const struct ag_policy *policy, const char *name)
{
	struct list logins = { 0 };

	if (strcmp(name, "*") == 0)
		printf("As any address may send\n");
	else
		ag_print_line(stdout, "As addresses of %s may send",
		    name + (name[0] == '@'));
	ag_policy_of_domain(policy, ag_str_skip(ag_str(name), name[0] == '@'),
	    print_line, &logins);
	print_none(&logins);
}

static int
senders(const char *config, const char *name)
{
	const struct ag_policy *policy;
	int status = ag_command_load(config, &policy);

	if (status != EX_OK)
		return status;
	if (name[0] != '@')
		print_login(policy, name);
	if (is_domain(ag_str(name)))
		print_domain(policy, name);
	else if (strchr(name, '@') != NULL)
		print_address(policy, name);
	ag_policy_unref(policy);
	return EX_OK;
}

int
ag_senders_command(int argc, char **argv)
{
	const char *config;
	int status = ag_command_options("senders", argc, argv, &config);

	if (status >= 0)
		return status;
	if (optind + 1 != argc)
		return ag_command_usage("senders",
		    "name one login, address or domain");
	if (argv[optind][0] == '@' && !is_domain(ag_str(argv[optind])))
		return ag_command_usage("senders", "\"%s\" is not a domain",
		    argv[optind]);
	return senders(config, argv[optind]);
}
