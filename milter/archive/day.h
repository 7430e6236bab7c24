/*
 * day.h - one day of copies: what it takes, and its end
 *
 * The archive may have been put where somebody else keeps things by day.  So
 * only files that have the name of a copy are weighed or removed, and no link
 * is followed below the directory itself.
 */
#ifndef AG_ARCHIVEDAY_H
#define AG_ARCHIVEDAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Whether DIR/DAY is a directory that has new, cur or tmp, or is empty, as a
 * removal may leave it that was cut short.
 */
bool ag_archiveday_is_there(const char *dir, const char *day);

/* What the copies in it take, in bytes. */
uint64_t ag_archiveday_weigh(const char *dir, const char *day);

/*
 * Removes a day with its copies.  Returns 0, or errno: ENOTEMPTY when there is
 * something else in it, which stays; ENOENT when it was not there; EINTR when
 * ending became true.  Then, and else, it may be gone in part.
 */
int ag_archiveday_remove(const char *dir, const char *day,
    const atomic_bool *ending);

/* Removes from tmp/ what a crash has left; how many there were. */
unsigned ag_archiveday_remove_unfinished(const char *dir, const char *day);

#endif
