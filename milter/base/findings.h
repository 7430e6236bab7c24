/*
 * findings.h - what a load has found, and what came of it, for people
 */
#ifndef AG_FINDINGS_H
#define AG_FINDINGS_H

#include <stdio.h>

#include "policy/policy.h"

/* What findings are printed with: where to, and the folder of the main file. */
struct ag_printer {
	FILE *out;
	const char *config;
};

/* An ag_diag_fn; arg is a struct ag_printer. */
void ag_print_finding(void *arg, enum ag_severity severity,
    const struct ag_origin *where, const char *text);

/* What a program that needs a policy exits with, by what a load came to. */
int ag_findings_exit_status(enum ag_load_status status);

/* How large the policy is: "3 domain files, ..., 2 addresses in the sender map"
 */
void ag_findings_write_sizes(const struct ag_policy *policy,
    struct ag_buf *out);

#endif
