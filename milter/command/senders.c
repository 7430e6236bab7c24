/* senders.c - "authgate senders": who may send as what */
#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "policy/address/domainname.h"
#include "milter/base/json.h"
#include "milter/command/command.h"
#include "milter/command/wrap.h"

/* Where the line that gives an address ends its first column. */
#define PLACE 44

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
	struct ag_wrap line = { .out = stdout, .indent = 4 };

	if (origin == NULL)
		ag_buf_text(&place, "its own address");
	else
		ag_origin_write(origin, &place);
	list->n++;
	ag_wrap_printf(&line, "  ");
	ag_wrap_text(&line, what);
	ag_wrap_to(&line, PLACE);
	line.indent = PLACE + 2;
	ag_wrap_printf(&line, "  %s", at);
	if (!list->of_login && origin != NULL)
		ag_wrap_printf(&line, "  as %.*s", AG_STR_ARG(left));
	ag_wrap_end(&line);
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
print_head(const char *before, const char *name, const char *behind)
{
	struct ag_wrap line = { .out = stdout, .indent = 4 };

	ag_wrap_printf(&line, "%s %s %s", before, name, behind);
	ag_wrap_end(&line);
}

static void
print_login(const struct ag_policy *policy, const char *name)
{
	struct list addresses = { .of_login = true };

	if (strcmp(name, "*") == 0)
		printf("Every login may send as\n");
	else
		print_head("The login", name, "may send as");
	ag_policy_of_login(policy, ag_str(name), print_line, &addresses);
	print_none(&addresses);
}

static void
print_address(const struct ag_policy *policy, const char *name)
{
	struct list logins = { 0 };

	print_head("As the address", name, "may send");
	ag_policy_of_address(policy, ag_str(name), print_line, &logins);
	print_none(&logins);
}

/* Without the "@" in front. */
static struct ag_str
domain_of(const char *name)
{
	return ag_str_skip(ag_str(name), name[0] == '@');
}

static void
print_domain(const struct ag_policy *policy, const char *name)
{
	struct list logins = { 0 };

	if (strcmp(name, "*") == 0)
		printf("As any address may send\n");
	else
		print_head("As addresses of", domain_of(name).ptr, "may send");
	ag_policy_of_domain(policy, domain_of(name), print_line, &logins);
	print_none(&logins);
}

static void
print_text(const struct ag_policy *policy, const char *name)
{
	if (name[0] != '@')
		print_login(policy, name);
	if (is_domain(ag_str(name)))
		print_domain(policy, name);
	else if (strchr(name, '@') != NULL)
		print_address(policy, name);
}

/* ---- as JSON; one's own address has no place ---- */

static json_t *
json_place(const struct ag_origin *origin)
{
	return origin != NULL ? ag_json_origin(origin) : json_null();
}

static void
add_address(void *arg, struct ag_str left, struct ag_str login,
    const struct ag_origin *origin)
{
	(void)login;
	json_array_append_new(arg,
	    json_pack("{so so}", "address", ag_json_text(left), "at",
		json_place(origin)));
}

static void
add_login(void *arg, struct ag_str left, struct ag_str login,
    const struct ag_origin *origin)
{
	json_array_append_new(arg,
	    json_pack("{so so so}", "login", ag_json_text(login), "as",
		ag_json_text(left), "at", json_place(origin)));
}

static void
print_json(const struct ag_policy *policy, const char *name)
{
	json_t *object = json_object(), *addresses = json_array(),
	       *logins = json_array();

	if (name[0] != '@')
		ag_policy_of_login(policy, ag_str(name), add_address,
		    addresses);
	if (is_domain(ag_str(name)))
		ag_policy_of_domain(policy, domain_of(name), add_login, logins);
	else
		ag_policy_of_address(policy, ag_str(name), add_login, logins);
	json_object_set_new(object, "name", ag_json_text(ag_str(name)));
	json_object_set_new(object, "may_send_as", addresses);
	json_object_set_new(object, "senders", logins);
	ag_json_print(object);
}

static int
senders(const char *config, bool json, const char *name)
{
	const struct ag_policy *policy;
	int status = ag_command_load(config, &policy);

	if (status != EX_OK)
		return status;
	if (json)
		print_json(policy, name);
	else
		print_text(policy, name);
	ag_policy_unref(policy);
	return EX_OK;
}

int
ag_senders_command(int argc, char **argv)
{
	const char *config;
	bool json;
	int status = ag_command_options("senders", argc, argv, &config, &json);

	if (status >= 0)
		return status;
	if (optind + 1 != argc)
		return ag_command_usage("senders",
		    "name one login, address or domain");
	if (argv[optind][0] == '@' && !is_domain(ag_str(argv[optind])))
		return ag_command_usage("senders", "\"%s\" is not a domain",
		    argv[optind]);
	return senders(config, json, argv[optind]);
}
