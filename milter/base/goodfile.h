/*
 * goodfile.h - what the files of a configuration said when they were last good,
 * on disk
 *
 * In the folder good/KEY, where KEY stands for the configuration's path, lie
 * the texts, packed, each under a name made of its content, and an index of
 * files and texts.  The index is replaced last and in one step: whenever a
 * writer dies, the next reader finds all texts of one time.
 */
#ifndef AG_GOODFILE_H
#define AG_GOODFILE_H

#include "policy/base/packed.h"

/* A set of copies that is being written; NULL: no memory, or with errno. */
struct ag_goodfile *ag_goodfile_begin(int dir, const char *config);

/* Errors are remembered for the commit. */
void ag_goodfile_add(struct ag_goodfile *good, const char *shown,
    const struct ag_packed *text);

/*
 * Puts the set in place of the one before, and removes what is in it no more.
 * Frees it; 0 or an errno, and then the one before is whole.
 */
int ag_goodfile_commit(struct ag_goodfile *good);

/* A set that is there; NULL: none that this authgate can read. */
struct ag_goodcopy *ag_goodcopy_open(int dir, const char *config);

/* As of struct ag_good: arg is the set. */
bool ag_goodcopy_text(void *arg, const char *shown, struct ag_str *text);

void ag_goodcopy_close(struct ag_goodcopy *copy);

#endif
