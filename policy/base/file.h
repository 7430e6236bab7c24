/*
 * file.h - whole files in memory, and names of files relative to another
 */
#ifndef AG_FILE_H
#define AG_FILE_H

#include "policy/base/arena.h"

#define AG_PATH_MAX 4096

/* No file of a configuration is larger: a sparse one may say it is. */
#define AG_FILE_BYTES_MAX ((size_t)1 << 30)

/*
 * Reads a regular file; the caller frees out->ptr.  Returns 0 or errno
 * (EISDIR for anything that is not a regular file, EFBIG for one of more than
 * AG_FILE_BYTES_MAX).
 */
int ag_file_read(const char *path, struct ag_str *out);

/*
 * What stat(2) says of a file as a number, which changes when the file does;
 * where it says nothing, *error is why and the number is of that, else 0.
 */
uint64_t ag_file_look(const char *path, int *error);

/*
 * Whether everybody may write to a file or folder; into one like /tmp, where
 * nobody takes away what is another's, nobody does here.
 */
bool ag_file_is_open_to_all(const char *path);

bool ag_file_is_regular(const char *path);

/* Whether two names lead to one file; either may be NULL, for want of memory.
 */
bool ag_file_is_same(const char *a, const char *b);

/*
 * Whether an error of reading may be gone later although nothing has changed
 * that stat(2) tells of: want of memory or descriptors, a disk, a network.
 */
bool ag_file_error_may_pass(int error);

/* A number made of what a reading gave: its error, or 0 and the text. */
uint64_t ag_file_fingerprint(int error, struct ag_str text);

/* Whether a fingerprint is that of an error that may pass. */
bool ag_file_fingerprint_may_pass(uint64_t fingerprint);

/*
 * The path of name as it is written in the file at base: name itself when it
 * is absolute, else beside base.  Taken from the arena; NULL: no memory.
 */
const char *ag_file_beside(struct ag_arena *arena, const char *base,
    struct ag_str name);

#endif
