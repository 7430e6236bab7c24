/*
 * compile.h - from values, which are text, to what eval reads
 */
#ifndef AG_COMPILE_H
#define AG_COMPILE_H

#include "policy/compiled.h"

/*
 * Compiles what holds for the server, except lists.  The server's values are
 * read and its domains are known.
 */
void ag_compile_server(struct ag_policy *policy);

/* The same for the file of a domain, after the server. */
void ag_compile_domain(struct ag_policy *policy, struct ag_scope *scope);

/* When all scopes are compiled: what asks across them. */
void ag_compile_finish(struct ag_policy *policy);

/* Finds settings that are each allowed and make no sense, or not together. */
void ag_compile_check(const struct ag_policy *policy, struct ag_diag *diag);

#endif
