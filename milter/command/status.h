/*
 * status.h - what the daemon has said of its last attempt to load, for people
 */
#ifndef AG_STATUS_H
#define AG_STATUS_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* Whether it failed, so that an older policy is in force. */
bool ag_status_has_failed(const json_t *answer);

/* What was found, a line each. */
void ag_status_print_findings(FILE *out, const json_t *answer);

#endif
