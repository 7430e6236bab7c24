/*
 * metrics.h - the daemon's numbers, and whether it is well, over HTTP
 *
 * [metrics] listen, as it was at the start, has GET and HEAD of /metrics and
 * /healthz.  One thread serves a few connections, each for one request and some
 * seconds, which are fewer where others wait.  It reads what others publish,
 * and waits for nothing that a callback of the MTA holds: mail does not notice
 * it.
 */
#ifndef AG_METRICS_H
#define AG_METRICS_H

#include "policy/policy.h"

/*
 * Listens where the policy says, if anywhere, before the privileges are
 * dropped.  Returns 0, or an exit status after a line of what is wrong.
 */
int ag_metrics_open(const struct ag_policy *policy);

/* Serves from now on, if there is anything to listen to; 0 or errno. */
int ag_metrics_start(void);

/* Hangs up on everybody and closes the port. */
void ag_metrics_stop(void);

#endif
