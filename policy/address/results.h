/*
 * results.h - the header field Authentication-Results (RFC 8601)
 *
 * Which fields claim to be ours, and what ours says.  Nothing here allocates,
 * but for a name with bytes above 127 (domainname.h).
 */
#ifndef AG_RESULTS_H
#define AG_RESULTS_H

#include "policy/base/text.h"

#define AG_RESULTS_NAME "Authentication-Results"

/* Longest text that ag_results_write() writes, with terminator. */
#define AG_RESULTS_MAX 3072

/*
 * Whether a field with that value has to go: its authserv-id is ours, whatever
 * its case, its quotes, comments, version and final dot; or it cannot be read,
 * so that nobody knows what another program takes it for.  That is so, too,
 * where it is neither ASCII nor a name that IDNA lets be a domain's.
 */
bool ag_results_is_ours(struct ag_str value, struct ag_str id);

/*
 * Writes the value for mail of a login; the sender is empty for the null
 * sender.  The line is folded when it would be too long for SMTP.
 */
void ag_results_write(struct ag_buf *out, struct ag_str id, struct ag_str login,
    struct ag_str sender);

#endif
