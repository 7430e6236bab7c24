/*
 * copy.h - one message of which copies are kept
 *
 * What the MTA hands over is written, while it comes, to a file in tmp/ of the
 * first directory that wants a copy; ag_copy_commit() puts it into new/ of all
 * of them.  Whatever goes wrong in between is remembered and said at the end.
 * No more than a buffer and the recipients is held in memory.
 *
 * It belongs to a session, and is used by one thread at a time.
 */
#ifndef AG_ARCHIVE_H
#define AG_ARCHIVE_H

#include "policy/policy.h"
#include "milter/archive/front.h"

struct ag_copy;

/* For a message from that sender; the policy is borrowed.  NULL: no memory. */
struct ag_copy *ag_copy_new(const struct ag_policy *policy,
    const struct ag_path *sender);

/* Nothing is left of a message that was not committed; accepts NULL. */
void ag_copy_free(struct ag_copy *copy);

/* A recipient who was let through.  None is added after ag_copy_begin(). */
void ag_copy_add_rcpt(struct ag_copy *copy, const struct ag_path *rcpt);

/* Whether the content goes on as it comes; else call ag_copy_begin() first. */
bool ag_copy_has_begun(const struct ag_copy *copy);

/* front's recipients are those that were added, whatever it holds. */
void ag_copy_begin(struct ag_copy *copy, const struct ag_front *front);

/*
 * A header field.  With space, the value begins with the blank that stood
 * behind the colon, if there was one; without, the MTA has taken it away.
 */
void ag_copy_header(struct ag_copy *copy, const char *name, const char *value,
    bool space);
void ag_copy_end_of_header(struct ag_copy *copy);
void ag_copy_body(struct ag_copy *copy, const unsigned char *bytes,
    size_t count);

/*
 * When this returns NULL, all copies are on the disk, or none was wanted.  Else
 * it is why there is none, with the directory in front; good until the copy is
 * freed.
 */
const char *ag_copy_commit(struct ag_copy *copy);

#endif
