/*
 * objection.h - what a policy has to say against one recipient of past mail
 */
#ifndef AG_OBJECTION_H
#define AG_OBJECTION_H

#include <jansson.h>
#include <stdio.h>

#include "policy/policy.h"

/* All is borrowed. */
struct ag_objection {
	int64_t time;
	const char *id; /* the queue id */
	struct ag_ip client;
	struct ag_str listener;
	unsigned port;        /* 0: not known */
	struct ag_str login;  /* in the form in which it is judged, or empty */
	struct ag_str sender; /* empty: the null sender */
	struct ag_str rcpt;
	bool would; /* the rule is only monitored */
	const struct ag_finding *finding;
	const char *domain_file; /* of the sender's domain; NULL: it has none */
	struct ag_str text;      /* of the reply */
};

/* "reject", "tempfail", "would-reject". */
const char *ag_objection_verdict(const struct ag_objection *objection);

/* One line, key=value as in authgate's log. */
void ag_objection_print(const struct ag_objection *objection, FILE *out);

/* One line, a JSON object; false when there is no memory. */
bool ag_objection_print_json(const struct ag_objection *objection, FILE *out);

#endif
