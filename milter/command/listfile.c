/* listfile.c - rewrites a list file in one step, one writer at a time */
#include "milter/command/listfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/file.h"

/* A name that nobody else gives to a file, for what has it is replaced. */
#define SUFFIX ".authgate-new"

#define PAUSE_MS 10

/* ---- where the file is ---- */

/* FOLDER/NAME, to be freed; NULL: errno. */
static char *
join(const char *folder, const char *name)
{
	size_t room = strlen(folder) + strlen(name) + 2;
	char *path = malloc(room);

	if (path != NULL)
		snprintf(path, room, "%s/%s", folder, name);
	return path;
}

/* The path of what is not there: only its folder can be resolved. */
static char *
resolve_folder(const char *path)
{
	char *copy = strdup(path);
	char *folder = copy != NULL ? realpath(dirname(copy), NULL) : NULL;
	const char *slash = strrchr(path, '/');
	char *resolved = folder != NULL ?
	    join(folder, slash != NULL ? slash + 1 : path) :
	    NULL;

	free(folder);
	free(copy);
	return resolved;
}

/* Where a symbolic link leads, to be freed; NULL: errno. */
static char *
follow(const char *path)
{
	char target[PATH_MAX], *copy, *led;
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return NULL;
	target[n] = '\0';
	if (target[0] == '/')
		return strdup(target);
	copy = strdup(path);
	led = copy != NULL ? join(dirname(copy), target) : NULL;
	free(copy);
	return led;
}

/* As realpath(), also of a file that is to be made. */
static char *
resolve(const char *path, bool create)
{
	char *resolved = realpath(path, NULL), *next;

	if (resolved != NULL || errno != ENOENT || !create)
		return resolved;
	next = follow(path);
	if (next == NULL)
		return errno == EINVAL || errno == ENOENT ?
		    resolve_folder(path) :
		    NULL;
	/* links that lead in a circle are found by realpath() */
	resolved = resolve(next, true);
	free(next);
	return resolved;
}

/* ---- what it holds ---- */

static int
read_text(struct ag_listfile *file)
{
	int error;

	free(file->memory);
	error = ag_file_read(file->path, &file->text);
	file->memory = (char *)file->text.ptr;
	ag_str_drop_mark(&file->text);
	return error == ENOENT && file->model != NULL ? 0 : error;
}

int
ag_listfile_open(struct ag_listfile *file, const char *path, const char *model)
{
	int error;

	memset(file, 0, sizeof(*file));
	file->model = model;
	file->fd = -1;
	file->path = resolve(path, model != NULL);
	error = file->path != NULL ? read_text(file) : errno;
	if (error != 0)
		ag_listfile_close(file);
	return error;
}

/* ---- one writer at a time ---- */

static struct flock
whole_file(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

/* Whether the open file is still the one of that name. */
static bool
is_current(int fd, const char *path)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 &&
	    opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static pid_t
holder_of(int fd)
{
	struct flock lock = whole_file();

	return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK &&
		lock.l_pid > 0 ?
	    lock.l_pid :
	    0;
}

/* Removes the new file if nobody has it any more; else notes who has. */
static void
remove_left_over(struct ag_listfile *file)
{
	struct flock lock = whole_file();
	int fd =
	    open(file->new_path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	file->holder = 0;
	if (fd < 0)
		return;
	if (fcntl(fd, F_SETLK, &lock) != 0)
		file->holder = holder_of(fd);
	else if (is_current(fd, file->new_path))
		unlink(file->new_path);
	close(fd);
}

/* Returns 0 or errno; EBUSY: try again. */
static int
try_lock(struct ag_listfile *file)
{
	struct flock lock = whole_file();
	int error = EBUSY;
	int fd = open(file->new_path,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EEXIST)
		return errno;
	if (fd < 0) {
		remove_left_over(file);
		return EBUSY;
	}
	if (fcntl(fd, F_SETLK, &lock) != 0) {
		error = errno;
	} else if (is_current(fd, file->new_path)) {
		file->fd = fd;
		return 0;
	}
	close(fd);
	/* another writer took it for one that was left behind */
	if (error == EBUSY || error == EACCES || error == EAGAIN)
		return EBUSY;
	unlink(file->new_path);
	return error;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As try_lock(), until the time is over; once locked, signals are blocked. */
static int
wait_for_lock(struct ag_listfile *file)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	int64_t end = now_ms() + AG_LISTFILE_SECONDS * INT64_C(1000);
	sigset_t all;

	sigfillset(&all);
	for (;;) {
		int error;

		sigprocmask(SIG_BLOCK, &all, &file->signals);
		error = try_lock(file);
		if (error == 0)
			return 0;
		sigprocmask(SIG_SETMASK, &file->signals, NULL);
		if (error != EBUSY || now_ms() >= end)
			return error;
		nanosleep(&pause, NULL);
	}
}

int
ag_listfile_lock(struct ag_listfile *file)
{
	size_t room = strlen(file->path) + sizeof(SUFFIX);
	int error;

	file->new_path = malloc(room);
	if (file->new_path == NULL)
		return ENOMEM;
	snprintf(file->new_path, room, "%s" SUFFIX, file->path);
	error = wait_for_lock(file);
	return error != 0 ? error : read_text(file);
}

/* ---- the new file ---- */

static int
write_all(int fd, struct ag_str text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n < 0 && errno != EINTR)
			return errno;
		text = ag_str_skip(text, n > 0 ? (size_t)n : 0);
	}
	return 0;
}

/* ---- owner, mode, and what else says who may read it ---- */

#define ACL "system.posix_acl_access"

/* More than the kernel gives. */
#define XATTR_MAX 65536

/* That belong to what a file holds, and not to its name. */
static bool
goes_with_content(const char *name)
{
	return strcmp(name, "security.ima") == 0 ||
	    strcmp(name, "security.evm") == 0;
}

/* Whether there is no such thing here. */
static bool
is_absent(int error)
{
	return error == ENODATA || error == EOPNOTSUPP || error == ENOSYS;
}

/* What is the same already needs no permission. */
static int
copy_attribute(const char *from, int to, const char *name)
{
	static char value[XATTR_MAX], mine[XATTR_MAX];
	ssize_t n = getxattr(from, name, value, sizeof(value));
	ssize_t m;

	if (n < 0)
		return is_absent(errno) ? 0 : errno;
	m = fgetxattr(to, name, mine, sizeof(mine));
	if (m == n && memcmp(value, mine, (size_t)n) == 0)
		return 0;
	return fsetxattr(to, name, value, (size_t)n, 0) == 0 ? 0 : errno;
}

/* The access control list, the label, and whatever else is there. */
static int
copy_attributes(const char *from, int to)
{
	static char names[XATTR_MAX];
	ssize_t n = listxattr(from, names, sizeof(names));
	int error = n >= 0 || is_absent(errno) ? 0 : errno;

	for (const char *name = names; error == 0 && name < names + n;
	    name += strlen(name) + 1)
		if (!goes_with_content(name))
			error = copy_attribute(from, to, name);
	return error;
}

/* Before the mode is set: what a folder gives to new files is not wanted. */
static int
drop_acl(int fd)
{
	return fremovexattr(fd, ACL) == 0 || is_absent(errno) ? 0 : errno;
}

/* The new file looks like the old one. */
static int
copy_all(const struct stat *st, const char *from, int to)
{
	struct stat mine;
	int error;

	if (fstat(to, &mine) != 0)
		return errno;
	if ((st->st_uid != mine.st_uid || st->st_gid != mine.st_gid) &&
	    fchown(to, st->st_uid, st->st_gid) != 0)
		return errno;
	error = drop_acl(to);
	if (error == 0 && fchmod(to, st->st_mode & 07777) != 0)
		error = errno;
	return error != 0 ? error : copy_attributes(from, to);
}

/*
 * A list that was not there can be read by who can read the main file, whatever
 * the umask.  The group of it may be out of the reach of who is not root.
 */
static int
look_like(const char *model, int to)
{
	struct stat st;
	int error;

	if (stat(model, &st) != 0)
		return errno;
	if (fchown(to, (uid_t)-1, st.st_gid) != 0 && errno != EPERM)
		return errno;
	error = drop_acl(to);
	if (error == 0 && fchmod(to, st.st_mode & 0666) != 0)
		error = errno;
	return error != 0 ? error : copy_attribute(model, to, ACL);
}

static int
set_access(const struct ag_listfile *file)
{
	struct stat st;

	if (stat(file->path, &st) == 0)
		return copy_all(&st, file->path, file->fd);
	return errno == ENOENT ? look_like(file->model, file->fd) : errno;
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
	int error = write_all(file->fd, text);

	if (error == 0)
		error = set_access(file);
	if (error == 0 && fsync(file->fd) != 0)
		error = errno;
	if (error == 0 && rename(file->new_path, file->path) != 0)
		error = errno;
	return error == 0 ? sync_folder(file->path) : error;
}

/* The new file goes before its lock, and signals come after both. */
static void
unlock(struct ag_listfile *file)
{
	if (is_current(file->fd, file->new_path))
		unlink(file->new_path);
	close(file->fd);
	sigprocmask(SIG_SETMASK, &file->signals, NULL);
}

void
ag_listfile_close(struct ag_listfile *file)
{
	if (file->fd >= 0)
		unlock(file);
	free(file->new_path);
	free(file->path);
	free(file->memory);
}
