/*
 * listfile.h - changes a list file in one step, one writer at a time
 *
 * The file is locked, read, and replaced by a new one of the same owner and
 * mode, so that a reader finds the old text or the new one, never a part.
 */
#ifndef AG_LISTFILE_H
#define AG_LISTFILE_H

#include "../policy/text.h"

struct ag_listfile {
	char *path; /* with symbolic links resolved */
	int fd;     /* holds the lock */
	struct ag_str text;
	char *memory; /* of the text */
};

/*
 * Opens the file, waits for the lock, and reads it, without a byte order mark;
 * with create a file that is not there is made.  Returns 0 or errno, and then
 * needs no close.
 */
int ag_listfile_open(struct ag_listfile *file, const char *path, bool create);

/* Puts text in place of what the file holds; returns 0 or errno. */
int ag_listfile_replace(struct ag_listfile *file, struct ag_str text);

void ag_listfile_close(struct ag_listfile *file);

#endif
