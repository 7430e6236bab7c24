/* show.c - "authgate show": what holds, and which line says so */
#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "policy/address/domainname.h"
#include "milter/base/json.h"
#include "milter/command/command.h"
#include "milter/command/wrap.h"

/* Where the place of a value begins, if both have room. */
#define PLACE 52

static void
show_key(const struct ag_policy *policy, struct ag_str domain, enum ag_key key)
{
	const struct ag_value *value = ag_policy_value(policy, domain, key);
	struct ag_wrap line = { .out = stdout, .indent = 4 };
	char at[AG_ORIGIN_MAX];
	struct ag_buf place = AG_BUF(at);

	ag_origin_write(&value->origin, &place);
	ag_wrap_printf(&line, "%s =%s", ag_setting(key)->name,
	    value->text.len > 0 ? " " : "");
	ag_wrap_text(&line, value->text);
	ag_wrap_last(&line, PLACE, ag_buf_get(&place));
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

static void
show_text(const struct ag_policy *policy, struct ag_str domain)
{
	struct ag_wrap line = { .out = stdout };
	char words[AG_ORIGIN_MAX + AG_DOMAIN_MAX];
	struct ag_buf described = AG_BUF(words);

	if (domain.len > 0) {
		ag_policy_describe_domain(policy, domain, &described);
		ag_wrap_text(&line, ag_buf_get(&described));
		ag_wrap_end(&line);
	}
	show_keys(policy, domain);
}

static json_t *
settings_array(const struct ag_policy *policy, struct ag_str domain)
{
	json_t *array = json_array();

	for (unsigned key = 0; key < AG_KEY_COUNT; key++) {
		const struct ag_setting *s = ag_setting((enum ag_key)key);
		const struct ag_value *value =
		    ag_policy_value(policy, domain, (enum ag_key)key);

		if (belongs((enum ag_key)key, domain.len > 0))
			json_array_append_new(array,
			    json_pack("{ss ss so so}", "section", s->section,
				"key", s->name, "value",
				ag_json_text(value->text), "at",
				ag_json_origin(&value->origin)));
	}
	return array;
}

static void
show_json(const struct ag_policy *policy, struct ag_str domain)
{
	char words[AG_ORIGIN_MAX + AG_DOMAIN_MAX];
	struct ag_buf described = AG_BUF(words);
	json_t *object = json_object();

	if (domain.len > 0) {
		ag_policy_describe_domain(policy, domain, &described);
		json_object_set_new(object, "domain", ag_json_text(domain));
		json_object_set_new(object, "governed",
		    ag_json_text(ag_buf_get(&described)));
	}
	json_object_set_new(object, "settings", settings_array(policy, domain));
	ag_json_print(object);
}

static int
show(const char *config, bool json, struct ag_str domain)
{
	const struct ag_policy *policy;
	int status = ag_command_load(config, &policy);

	if (status != EX_OK)
		return status;
	if (json)
		show_json(policy, domain);
	else
		show_text(policy, domain);
	ag_policy_unref(policy);
	return EX_OK;
}

int
ag_show_command(int argc, char **argv)
{
	const char *config;
	char domain[AG_DOMAIN_MAX + 1] = "";
	bool json;
	int status = ag_command_options("show", argc, argv, &config, &json);

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
	return show(config, json, ag_str(domain));
}
