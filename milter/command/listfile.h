/*
 * listfile.h - changes a list file in one step, one writer at a time
 *
 * The new text is written to a file beside the list, which is then renamed, so
 * that a reader finds the old text or the new one, never a part.  That file is
 * the lock as well: only who may write into the folder can make it, and only
 * its owner can open it, so that who may merely read the list holds up nobody.
 * One that was left behind by a writer that was killed is replaced.
 */
#ifndef AG_LISTFILE_H
#define AG_LISTFILE_H

#include <signal.h>
#include <sys/types.h>

#include "policy/base/text.h"

/* For how long another writer is waited for. */
#define AG_LISTFILE_SECONDS 10

struct ag_listfile {
	char *path;        /* with symbolic links resolved */
	char *new_path;    /* of the new file */
	const char *model; /* NULL: it has to be there */
	int fd;            /* of the new file; -1: not locked */
	pid_t holder;      /* who has the lock; 0: not known */
	sigset_t signals;  /* what was blocked before the lock was taken */
	struct ag_str text;
	char *memory; /* of the text */
};

/*
 * Finds the file and reads it, without a byte order mark.  With a model, the
 * path of another file, one that is not there has no text, and is made by
 * ag_listfile_replace() with the model's group, mode and access control list.
 * Returns 0 or errno, and then needs no close.
 */
int ag_listfile_open(struct ag_listfile *file, const char *path,
    const char *model);

/*
 * Keeps other writers out until the file is closed, and reads it again.  No
 * signal is taken meanwhile, for it would leave the new file behind.  Returns
 * 0 or errno: EBUSY when another writer was waited for in vain.
 */
int ag_listfile_lock(struct ag_listfile *file);

/*
 * Puts text in place of what the locked file holds, once; returns 0 or errno.
 * Owner, mode, access control list and label stay.
 */
int ag_listfile_replace(struct ag_listfile *file, struct ag_str text);

void ag_listfile_close(struct ag_listfile *file);

#endif
