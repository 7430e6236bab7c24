#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "../policy/domainname.h"
#include "command.h"

static void
show_key(const struct ag_policy *policy, struct ag_str domain, enum ag_key key)
{
	const struct ag_value *value = ag_policy_value(policy, domain, key);
	const struct ag_setting *setting = ag_setting(key);
	char at[AG_ORIGIN_MAX], name[80];
	struct ag_buf place = AG_BUF(at), words = AG_BUF(name);

	ag_origin_write(&value->origin, &place);
	ag_buf_printf(&words, "%s =", setting->name);
	printf("%-42s  ", name);
	ag_print_column(stdout, ag_buf_get(&place), 28);
	printf("  ");
	ag_print_safely(stdout, value->text);
	printf("\n");
}

/* A domain has no say in what is the server's. */
static bool
belongs(enum ag_key key, bool is_domain)
{
	return (ag_setting(key)->place & (is_domain ? AG_DOMAIN : AG_SERVER)) !=
	    0;
}

static void
show_keys(const struct ag_policy *policy, struct ag_str domain)
{
	const char *section = "";

	for (unsigned key = 0; key < AG_KEY_COUNT; key++) {
		const struct ag_setting *s = ag_setting((enum ag_key)key);

		if (!belongs((enum ag_key)key, domain.len > 0))
			continue;
		if (strcmp(section, s->section) != 0)
			printf("\n[%s]\n", s->section);
		section = s->section;
		show_key(policy, domain, (enum ag_key)key);
	}
}

static int
show(const char *config, struct ag_str domain)
{
	char words[AG_ORIGIN_MAX + AG_DOMAIN_MAX];
	struct ag_buf described = AG_BUF(words);
	const struct ag_policy *policy;
	int status = ag_command_load(config, &policy);

	if (status != EX_OK)
		return status;
	if (domain.len > 0) {
		ag_policy_describe_domain(policy, domain, &described);
		ag_print_line(stdout, "%s", words);
	}
	show_keys(policy, domain);
	ag_policy_unref(policy);
	return EX_OK;
}

int
ag_show_command(int argc, char **argv)
{
	const char *config;
	char domain[AG_DOMAIN_MAX + 1] = "";
	int status = ag_command_options("show", argc, argv, &config);

	if (status >= 0)
		return status;
	if (optind < argc && strchr(argv[optind], '/') != NULL)
		return ag_command_unexpected("show", argv[optind]);
	if (optind < argc &&
	    ag_domain_parse(ag_str(argv[optind]), domain) != AG_DOMAIN_OK)
		return ag_command_usage("show", "\"%s\" is not a domain name",
		    argv[optind]);
	if (optind + 1 < argc)
		return ag_command_usage("show", "one domain at a time");
	return show(config, ag_str(domain));
}
