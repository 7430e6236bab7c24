#include "listfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../policy/file.h"

/* Each try that fails means that another writer has just been done. */
#define LOCK_TRIES 1000

/* Whether the open file is still the one of that name. */
static bool
is_current(int fd, const char *path)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
	    opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* A descriptor that holds the lock, or -1. */
static int
lock(const char *path, bool create)
{
	int flags = O_RDONLY | O_CLOEXEC | (create ? O_CREAT : 0);

	for (int i = 0; i < LOCK_TRIES; i++) {
		int fd = open(path, flags, 0644);

		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX) == 0 && is_current(fd, path))
			return fd;
		close(fd);
	}
	errno = EBUSY;
	return -1;
}

int
ag_listfile_open(struct ag_listfile *file, const char *path, bool create)
{
	int error = 0;

	memset(file, 0, sizeof(*file));
	file->fd = lock(path, create);
	if (file->fd < 0)
		return errno;
	file->path = realpath(path, NULL);
	error =
	    file->path != NULL ? ag_file_read(file->path, &file->text) : errno;
	file->memory = (char *)file->text.ptr;
	ag_str_drop_mark(&file->text);
	if (error != 0)
		ag_listfile_close(file);
	return error;
}

static int
write_all(int fd, struct ag_str text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n < 0 && errno != EINTR)
			return errno;
		text = ag_str_skip(text, n > 0 ? (size_t)n : 0);
	}
	return fsync(fd) == 0 ? 0 : errno;
}

/* The new file looks like the old one. */
static int
copy_owner_and_mode(int from, int to)
{
	struct stat st, mine;

	if (fstat(from, &st) != 0 || fstat(to, &mine) != 0)
		return errno;
	if ((st.st_uid != mine.st_uid || st.st_gid != mine.st_gid) &&
	    fchown(to, st.st_uid, st.st_gid) != 0)
		return errno;
	return fchmod(to, st.st_mode & 07777) == 0 ? 0 : errno;
}

static int
sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd, error;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = fsync(fd) == 0 ? 0 : errno;
	close(fd);
	return error;
}

int
ag_listfile_replace(struct ag_listfile *file, struct ag_str text)
{
	char temporary[PATH_MAX];
	int fd, error;

	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", file->path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = copy_owner_and_mode(file->fd, fd);
	if (error == 0)
		error = write_all(fd, text);
	if (error == 0 && rename(temporary, file->path) != 0)
		error = errno;
	close(fd);
	if (error == 0)
		return sync_folder(file->path);
	unlink(temporary);
	return error;
}

void
ag_listfile_close(struct ag_listfile *file)
{
	free(file->path);
	free(file->memory);
	close(file->fd);
}
