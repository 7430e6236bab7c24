/* day.c - which files and folders of a day are copies, and removing them */
#include "milter/archive/day.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/archive/name.h"

/* What a file takes at least, and a multiple of which it takes. */
#define BLOCK 4096

/* How often a folder is read that does not get empty. */
#define PASSES 5

static const char *const folders[] = { "new", "cur", "tmp" };

#define FOLDERS (sizeof(folders) / sizeof(folders[0]))

/* ---- reading ---- */

/* What is told of each entry of a folder that is open; 0, or errno to stop. */
typedef int visit_fn(void *arg, int at, const char *name);

/* A descriptor, or -1 and errno: ENOTEMPTY for what is no directory. */
static int
open_folder(int at, const char *name)
{
	int fd =
	    openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		errno = ENOTEMPTY;
	return fd;
}

/* The directory itself may be a link: the administrator has named it. */
static int
open_day(const char *dir, const char *day)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, error;

	if (at < 0)
		return -1;
	fd = open_folder(at, day);
	error = errno;
	close(at);
	errno = error;
	return fd;
}

/* Takes over the descriptor; 0 or errno. */
static int
each(int fd, visit_fn *visit, void *arg)
{
	DIR *folder = fdopendir(fd);
	const struct dirent *entry;
	int error = 0;

	if (folder == NULL) {
		error = errno;
		close(fd);
		return error;
	}
	while (error == 0 && (errno = 0, entry = readdir(folder)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			error = visit(arg, dirfd(folder), entry->d_name);
	if (error == 0)
		error = errno;
	closedir(folder);
	return error;
}

/* As each(), of a folder of a day that is open; one that is not there is empty.
 */
static int
each_in(int day, const char *name, visit_fn *visit, void *arg)
{
	int fd = open_folder(day, name);

	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	return each(fd, visit, arg);
}

/* ---- what belongs there ---- */

static bool
is_folder(const char *name)
{
	for (size_t i = 0; i < FOLDERS; i++)
		if (strcmp(name, folders[i]) == 0)
			return true;
	return false;
}

/* Only in tmp/ there are names without size and checksum. */
static bool
is_copy(const char *name, const char *folder)
{
	struct ag_copyname parts;

	return ag_copyname_read(ag_str(name), &parts) &&
	    (parts.whole || strcmp(folder, "tmp") == 0);
}

struct found {
	bool folder;
	bool other;
};

static int
look_at_entry(void *arg, int at, const char *name)
{
	struct found *found = arg;

	(void)at;
	if (is_folder(name))
		found->folder = true;
	else
		found->other = true;
	return 0;
}

bool
ag_archiveday_is_there(const char *dir, const char *day)
{
	struct found found = { 0 };
	int fd = open_day(dir, day);

	return fd >= 0 && each(fd, look_at_entry, &found) == 0 &&
	    (found.folder || !found.other);
}

/* ---- weighing ---- */

struct scales {
	const char *folder;
	uint64_t bytes;
};

static int
add_file(void *arg, int at, const char *name)
{
	struct scales *scales = arg;
	struct ag_copyname parts;
	struct stat st;
	uint64_t size;

	if (!is_copy(name, scales->folder))
		return 0;
	ag_copyname_read(ag_str(name), &parts);
	if (parts.whole)
		size = parts.size;
	else if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		size = (uint64_t)st.st_size;
	else
		return 0;
	scales->bytes += (size / BLOCK + 1) * BLOCK;
	return 0;
}

uint64_t
ag_archiveday_weigh(const char *dir, const char *day)
{
	struct scales scales = { 0 };
	int fd = open_day(dir, day);

	if (fd < 0)
		return 0;
	for (size_t i = 0; i < FOLDERS; i++) {
		scales.folder = folders[i];
		each_in(fd, folders[i], add_file, &scales);
	}
	close(fd);
	return scales.bytes;
}

/* ---- removing ---- */

struct removal {
	const atomic_bool *ending;
	const char *folder;
	int error; /* the first */
};

static void
remember(struct removal *removal, int error)
{
	if (removal->error == 0 && error != 0)
		removal->error = error;
}

static bool
is_file(int at, const char *name)
{
	struct stat st;

	return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode);
}

static int
remove_copy(void *arg, int at, const char *name)
{
	struct removal *removal = arg;

	if (*removal->ending)
		return EINTR;
	if (is_copy(name, removal->folder) && is_file(at, name) &&
	    unlinkat(at, name, 0) != 0 && errno != ENOENT)
		remember(removal, errno);
	return 0;
}

/*
 * Removes the copies, and the folder if it is to go: 0 or errno.  Some file
 * systems leave out entries while others are removed.
 */
static int
empty_folder(struct removal *removal, int day, const char *name, bool goes)
{
	int error = 0;

	removal->folder = name;
	for (unsigned pass = 0; pass < PASSES; pass++) {
		error = each_in(day, name, remove_copy, removal);
		if (error != 0 || !goes)
			break;
		if (unlinkat(day, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			break;
		error = errno;
		if (error != ENOTEMPTY || removal->error != 0)
			break;
	}
	return error;
}

/* 0 or errno; what is not ours stays, and with it the folders. */
static int
empty(int day, const atomic_bool *ending)
{
	struct removal removal = { .ending = ending };
	struct found found = { 0 };
	int again = openat(day, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = again < 0 ? errno : each(again, look_at_entry, &found);

	if (error != 0)
		return error;
	for (size_t i = 0; i < FOLDERS && !*ending; i++)
		remember(&removal,
		    empty_folder(&removal, day, folders[i], !found.other));
	return *ending ? EINTR : removal.error;
}

static int
remove_name(const char *dir, const char *day)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;

	if (at < 0)
		return errno;
	if (unlinkat(at, day, AT_REMOVEDIR) != 0)
		error = errno;
	close(at);
	return error;
}

int
ag_archiveday_remove(const char *dir, const char *day,
    const atomic_bool *ending)
{
	int fd = open_day(dir, day), error;

	if (fd < 0)
		return errno;
	error = empty(fd, ending);
	close(fd);
	return error == 0 ? remove_name(dir, day) : error;
}

static int
remove_unfinished(void *arg, int at, const char *name)
{
	unsigned *removed = arg;
	struct ag_copyname parts;

	if (ag_copyname_read(ag_str(name), &parts) && !parts.whole &&
	    unlinkat(at, name, 0) == 0)
		++*removed;
	return 0;
}

unsigned
ag_archiveday_remove_unfinished(const char *dir, const char *day)
{
	unsigned removed = 0;
	int fd = open_day(dir, day);

	if (fd >= 0) {
		each_in(fd, "tmp", remove_unfinished, &removed);
		close(fd);
	}
	return removed;
}
