#include <getopt.h>
#include <sysexits.h>

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

static int
senders(const char *config, const char *name)
{
	struct list addresses = { .of_login = true }, logins = { 0 };
	const struct ag_policy *policy;
	int status = ag_command_load(config, &policy);

	if (status != EX_OK)
		return status;
	ag_print_line(stdout, "The login %s may send as", name);
	ag_policy_of_login(policy, ag_str(name), print_line, &addresses);
	print_none(&addresses);
	if (ag_str_has(ag_str(name), '@')) {
		ag_print_line(stdout, "As the address %s may send", name);
		ag_policy_of_address(policy, ag_str(name), print_line, &logins);
		print_none(&logins);
	}
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
		return ag_command_usage("senders", "name one login or address");
	return senders(config, argv[optind]);
}
