/*
 * file.h - whole files in memory, and names of files relative to another
 */
#ifndef AG_FILE_H
#define AG_FILE_H

#include "arena.h"

#define AG_PATH_MAX 4096

/*
 * Reads a regular file; the caller frees out->ptr.  Returns 0 or errno
 * (EISDIR for anything that is not a regular file).
 */
int ag_file_read(const char *path, struct ag_str *out);

/*
 * Whether an error of reading may be gone later although nothing has changed
 * that stat(2) tells of: want of memory or descriptors, a disk, a network.
 */
bool ag_file_error_may_pass(int error);

/* A number made of what a reading gave: its error, or 0 and the text. */
uint64_t ag_file_fingerprint(int error, struct ag_str text);

/*
 * The path of name as it is written in the file at base: name itself when it
 * is absolute, else beside base.  Taken from the arena; NULL: no memory.
 */
const char *ag_file_beside(struct ag_arena *arena, const char *base,
    struct ag_str name);

#endif
