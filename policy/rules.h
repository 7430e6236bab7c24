/*
 * rules.h - the rules, in the order in which they are tried
 *
 * This list is the only one: eval has one function a rule in this order, the
 * manual one paragraph a rule, and a test compares them.  Names are stable;
 * they are keys of [rules] and [reply] and appear in logs.
 */
#ifndef AG_RULES_H
#define AG_RULES_H

#include "policy/base/text.h"

/* X(id, stage, name, key of its reply) */
#define AG_RULES(X) \
	X(KILL_CLIENT, CONNECT, "kill_client", "kill_client") \
	X(AUTH_ONLY_LISTENER, MAIL, "auth_only_listener", \
	    "auth_only_listener") \
	X(KILL_LOGIN, MAIL, "kill_login", "kill_login") \
	X(BAD_SENDER, MAIL, "bad_address", "bad_sender") \
	X(KILL_SENDER, MAIL, "kill_sender", "kill_sender") \
	X(AUTH_MECHANISM, MAIL, "auth_mechanism", "auth_mechanism") \
	X(AUTH_TLS, MAIL, "auth_tls", "auth_tls") \
	X(SENDER_LOGIN_MATCH, MAIL, "sender_login_match", \
	    "sender_login_match") \
	X(FOREIGN_SENDER_MATCH, MAIL, "foreign_sender_match", \
	    "foreign_sender_match") \
	X(ROLE_SENDER_AUTH, MAIL, "role_sender_auth", "role_sender_auth") \
	X(BAD_RECIPIENT, RCPT, "bad_address", "bad_recipient") \
	X(LOCAL_SENDER_AUTH, RCPT, "local_sender_auth", "local_sender_auth") \
	X(OUTGOING_AUTH, RCPT, "outgoing_auth", "outgoing_auth") \
	X(FROM_HEADER_MATCH, HEADER, "from_header_match", "from_header_match") \
	X(FROM_HEADER_LOCAL_AUTH, HEADER, "from_header_local_auth", \
	    "from_header_local_auth")

enum ag_stage {
	AG_STAGE_CONNECT,
	AG_STAGE_MAIL,
	AG_STAGE_RCPT,
	AG_STAGE_HEADER /* all header fields seen */
};

enum ag_rule {
#define AG_RULE_ID(id, stage, name, reply) AG_RULE_##id,
	AG_RULES(AG_RULE_ID)
#undef AG_RULE_ID
	    AG_RULE_COUNT,
	AG_RULE_NONE = AG_RULE_COUNT /* no rule had anything to say */
};

/* How a rule is applied; a later one is stricter. */
enum ag_mode { AG_OFF, AG_MONITOR, AG_ENFORCE };

const char *ag_rule_name(enum ag_rule rule);
enum ag_stage ag_rule_stage(enum ag_rule rule);

/* The rules of a stage are in a row, up to the first of the next stage. */
unsigned ag_rule_first(unsigned stage);

/* "connect", "mail", "rcpt", "header". */
const char *ag_stage_name(enum ag_stage stage);

/* "off", "monitor", "enforce". */
const char *ag_mode_name(enum ag_mode mode);
bool ag_mode_parse(struct ag_str text, enum ag_mode *mode);

#endif
