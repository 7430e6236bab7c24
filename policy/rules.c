/* rules.c - names of rules, stages and modes */
#include "policy/rules.h"

const char *
ag_rule_name(enum ag_rule rule)
{
	static const char *const name[] = {
#define RULE_NAME(id, stage, text, reply) text,
		AG_RULES(RULE_NAME)
#undef RULE_NAME
		    "none"
	};

	return name[rule];
}

enum ag_stage
ag_rule_stage(enum ag_rule rule)
{
	static const enum ag_stage at[] = {
#define RULE_STAGE(id, stage, text, reply) AG_STAGE_##stage,
		AG_RULES(RULE_STAGE)
#undef RULE_STAGE
	};

	return at[rule];
}

unsigned
ag_rule_first(unsigned stage)
{
	static const unsigned first[] = {
		[AG_STAGE_CONNECT] = AG_RULE_KILL_CLIENT,
		[AG_STAGE_MAIL] = AG_RULE_AUTH_ONLY_LISTENER,
		[AG_STAGE_RCPT] = AG_RULE_BAD_RECIPIENT,
		[AG_STAGE_HEADER] = AG_RULE_FROM_HEADER_MATCH,
		[AG_STAGE_HEADER + 1] = AG_RULE_COUNT,
	};

	return first[stage];
}

const char *
ag_stage_name(enum ag_stage stage)
{
	static const char *const name[] = { "connect", "mail", "rcpt",
		"header" };

	return name[stage];
}

static const char *const mode_name[] = { "off", "monitor", "enforce" };

const char *
ag_mode_name(enum ag_mode mode)
{
	return mode_name[mode];
}

bool
ag_mode_parse(struct ag_str text, enum ag_mode *mode)
{
	for (unsigned i = AG_OFF; i <= AG_ENFORCE; i++) {
		if (ag_str_eq(text, ag_str(mode_name[i]))) {
			*mode = (enum ag_mode)i;
			return true;
		}
	}
	return false;
}
