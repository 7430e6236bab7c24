/* copy.c - writes one message into the directories that want it */
#include "milter/archive/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <xxhash.h>

#include "milter/archive/dir.h"
#include "milter/base/count.h"

#define BUFFER_SIZE ((size_t)64 * 1024)

/* All recipients together; no MTA lets through as many as fill it. */
#define RCPT_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct ag_copy {
	const struct ag_policy *policy;
	const struct ag_archive *archive;
	size_t narchives;
	bool *wanted;        /* for each of them */
	struct ag_vec rcpts; /* char *, each to be freed */
	size_t rcpt_bytes;
	bool begun;
	bool header_over;
	const char *dir; /* of the file; the others get links of it */
	char day[AG_DAY_MAX];
	char name[AG_COPYNAME_MAX]; /* in tmp/ */
	char last[AG_COPYNAME_MAX]; /* in new/ */
	int fd;                     /* -1: there is no file */
	bool cr;                    /* was last; what follows decides */
	char *buffer;
	size_t used;
	uint64_t size;
	XXH3_state_t *sum;
	char why[PATH_MAX + 200]; /* empty: all is well */
};

/* ---- the file ---- */

/* Out of DIR/DAY/SUB, whether it is there or not. */
static void
remove_from(const struct ag_copy *copy, const char *dir, const char *sub,
    const char *name)
{
	int at = ag_archivedir_open(dir, copy->day, sub);

	if (at < 0)
		return;
	unlinkat(at, name, 0);
	close(at);
}

static void
drop_file(struct ag_copy *copy)
{
	if (copy->fd < 0)
		return;
	close(copy->fd);
	copy->fd = -1;
	remove_from(copy, copy->dir, "tmp", copy->name);
}

/* ---- errors ---- */

/* The first reason counts; the disk is not filled any further. */
static void
fail(struct ag_copy *copy, const char *dir, const char *what)
{
	if (copy->why[0] == '\0')
		snprintf(copy->why, sizeof(copy->why), "archive %s: %s", dir,
		    what);
	drop_file(copy);
}

static void
fail_by_errno(struct ag_copy *copy, const char *dir, int error)
{
	fail(copy, dir, ag_archivedir_reason(error));
}

static bool
has_failed(const struct ag_copy *copy)
{
	return copy->why[0] != '\0';
}

/* ---- life ---- */

struct ag_copy *
ag_copy_new(const struct ag_policy *policy, const struct ag_path *sender)
{
	struct ag_copy *copy = calloc(1, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	copy->policy = policy;
	copy->archive = ag_archives(policy, &copy->narchives);
	copy->fd = -1;
	copy->wanted = calloc(copy->narchives, sizeof(*copy->wanted));
	if (copy->wanted == NULL) {
		free(copy);
		return NULL;
	}
	ag_archives_mark(policy, sender, copy->wanted);
	return copy;
}

void
ag_copy_free(struct ag_copy *copy)
{
	char **rcpt;

	if (copy == NULL)
		return;
	drop_file(copy);
	rcpt = copy->rcpts.items;
	for (size_t i = 0; i < copy->rcpts.n; i++)
		free(rcpt[i]);
	ag_vec_free(&copy->rcpts);
	XXH3_freeState(copy->sum);
	free(copy->buffer);
	free(copy->wanted);
	free(copy);
}

void
ag_copy_add_rcpt(struct ag_copy *copy, const struct ag_path *path)
{
	char **rcpt;

	ag_archives_mark(copy->policy, path, copy->wanted);
	copy->rcpt_bytes += path->sent.len + sizeof(*rcpt);
	if (copy->rcpt_bytes > RCPT_BYTES_MAX) {
		fail(copy, "recipients", strerror(E2BIG));
		return;
	}
	rcpt = ag_vec_add(&copy->rcpts, sizeof(*rcpt));
	if (rcpt != NULL)
		*rcpt = strndup(path->sent.ptr != NULL ? path->sent.ptr : "",
		    path->sent.len);
	if (rcpt == NULL || *rcpt == NULL)
		fail(copy, "recipients", strerror(ENOMEM));
}

bool
ag_copy_has_begun(const struct ag_copy *copy)
{
	return copy->begun;
}

/* ---- writing ---- */

static void
write_out(struct ag_copy *copy, const char *bytes, size_t count)
{
	copy->size += count;
	XXH3_64bits_update(copy->sum, bytes, count);
	while (count > 0 && copy->fd >= 0) {
		ssize_t n = write(copy->fd, bytes, count);

		if (n == 0)
			errno = ENOSPC;
		if (n == 0 || (n < 0 && errno != EINTR))
			fail_by_errno(copy, copy->dir, errno);
		if (n > 0) {
			bytes += n;
			count -= (size_t)n;
		}
	}
}

static void
flush_buffer(struct ag_copy *copy)
{
	write_out(copy, copy->buffer, copy->used);
	copy->used = 0;
}

static void
put(struct ag_copy *copy, const char *bytes, size_t count)
{
	if (count > BUFFER_SIZE - copy->used)
		flush_buffer(copy);
	if (count >= BUFFER_SIZE) {
		write_out(copy, bytes, count);
		return;
	}
	memcpy(copy->buffer + copy->used, bytes, count);
	copy->used += count;
}

/* A CR that nothing has followed is a byte like any other. */
static void
end_text(struct ag_copy *copy)
{
	if (copy->cr)
		put(copy, "\r", 1);
	copy->cr = false;
}

/* CRLF becomes LF, also where one piece ends between the two. */
static void
put_text(struct ag_copy *copy, const char *bytes, size_t count)
{
	while (count > 0) {
		const char *cr = memchr(bytes, '\r', count);
		size_t n = cr != NULL ? (size_t)(cr - bytes) : count;

		if (copy->cr && *bytes != '\n')
			put(copy, "\r", 1);
		put(copy, bytes, n);
		copy->cr = cr != NULL;
		n += copy->cr;
		bytes += n;
		count -= n;
	}
}

/* ---- the beginning ---- */

static bool
has_room(struct ag_copy *copy, const char *dir)
{
	uint64_t least = ag_policy_size(copy->policy, AG_KEY_ARCHIVE_MIN_FREE);
	struct statvfs fs;

	if (statvfs(dir, &fs) != 0) {
		fail_by_errno(copy, dir, errno);
		return false;
	}
	if ((uint64_t)fs.f_bavail * fs.f_frsize >= least)
		return true;
	fail(copy, dir, "less than min_free is left");
	return false;
}

/* A directory that has two names is served under the first. */
static void
want_once(struct ag_copy *copy)
{
	struct ag_vec seen = { 0 };
	const char *same;

	for (size_t i = 0; i < copy->narchives && !has_failed(copy); i++) {
		const char *dir = copy->archive[i].dir;
		int error =
		    copy->wanted[i] ? ag_archivedir_see(&seen, dir, &same) : 0;

		if (error != 0)
			fail_by_errno(copy, dir, error);
		else if (copy->wanted[i] && same != NULL)
			copy->wanted[i] = false;
	}
	ag_vec_free(&seen);
}

static bool
make_ready(struct ag_copy *copy, const char *dir)
{
	int error;

	if (!has_room(copy, dir))
		return false;
	error = ag_archivedir_make_day(dir, copy->day, false);
	if (error != 0)
		fail_by_errno(copy, dir, error);
	return error == 0;
}

/* Whether all directories are fit; dir becomes the first of them. */
static bool
look_at_directories(struct ag_copy *copy)
{
	want_once(copy);
	for (size_t i = 0; i < copy->narchives && !has_failed(copy); i++) {
		const char *dir = copy->archive[i].dir;

		if (copy->wanted[i] && make_ready(copy, dir) &&
		    copy->dir == NULL)
			copy->dir = dir;
	}
	return copy->dir != NULL && !has_failed(copy);
}

static bool
get_memory(struct ag_copy *copy)
{
	copy->buffer = malloc(BUFFER_SIZE);
	copy->sum = XXH3_createState();
	if (copy->buffer != NULL && copy->sum != NULL) {
		XXH3_64bits_reset(copy->sum);
		return true;
	}
	fail_by_errno(copy, copy->dir, ENOMEM);
	return false;
}

/* A descriptor, or -1 and errno. */
static int
create_in(const struct ag_copy *copy, const char *dir)
{
	int at = ag_archivedir_open(dir, copy->day, "tmp"), fd, error;

	if (at < 0)
		return -1;
	fd = openat(at, copy->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	error = errno;
	close(at);
	errno = error;
	return fd;
}

/* The day may have been taken away since it was made. */
static int
create(const struct ag_copy *copy, const char *dir)
{
	int fd = create_in(copy, dir), error;

	if (fd >= 0 || errno != ENOENT)
		return fd;
	error = ag_archivedir_make_day(dir, copy->day, true);
	if (error == 0)
		return create_in(copy, dir);
	errno = error;
	return -1;
}

static void
put_front(struct ag_copy *copy, const struct ag_front *front)
{
	struct ag_front mine = *front;
	size_t len;
	char *text;

	mine.rcpt = copy->rcpts.items;
	mine.nrcpt = copy->rcpts.n;
	text = ag_front_write(&mine, &len);
	if (text != NULL)
		put(copy, text, len);
	else
		fail_by_errno(copy, copy->dir, ENOMEM);
	free(text);
}

void
ag_copy_begin(struct ag_copy *copy, const struct ag_front *front)
{
	copy->begun = true;
	if (has_failed(copy))
		return;
	ag_copyname_make(copy->name, copy->day);
	if (!look_at_directories(copy) || !get_memory(copy))
		return;
	copy->fd = create(copy, copy->dir);
	if (copy->fd >= 0)
		put_front(copy, front);
	else
		fail_by_errno(copy, copy->dir, errno);
}

/* ---- the content ---- */

void
ag_copy_header(struct ag_copy *copy, const char *name, const char *value,
    bool space)
{
	if (copy->fd < 0)
		return;
	put_text(copy, name, strlen(name));
	put(copy, ": ", space ? 1 : 2);
	put_text(copy, value, strlen(value));
	end_text(copy);
	put(copy, "\n", 1);
}

void
ag_copy_end_of_header(struct ag_copy *copy)
{
	if (copy->fd >= 0 && !copy->header_over)
		put(copy, "\n", 1);
	copy->header_over = true;
}

void
ag_copy_body(struct ag_copy *copy, const unsigned char *bytes, size_t count)
{
	ag_copy_end_of_header(copy);
	if (copy->fd >= 0)
		put_text(copy, (const char *)bytes, count);
}

/* ---- the end ---- */

/* Writes the rest, and syncs; the descriptor stays open. */
static bool
finish_file(struct ag_copy *copy)
{
	ag_copy_end_of_header(copy);
	end_text(copy);
	flush_buffer(copy);
	if (copy->fd >= 0 && fsync(copy->fd) != 0)
		fail_by_errno(copy, copy->dir, errno);
	if (copy->fd < 0)
		return false;
	memcpy(copy->last, copy->name, sizeof(copy->last));
	ag_copyname_finish(copy->last, copy->size,
	    XXH3_64bits_digest(copy->sum));
	return true;
}

static void
close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* 0 or errno. */
static int
copy_bytes(struct ag_copy *copy, int from, int to)
{
	ssize_t n;

	while ((n = read(from, copy->buffer, BUFFER_SIZE)) > 0)
		for (ssize_t done = 0; done < n;) {
			ssize_t m =
			    write(to, copy->buffer + done, (size_t)(n - done));

			if (m == 0)
				return ENOSPC;
			if (m < 0 && errno != EINTR)
				return errno;
			done += m > 0 ? m : 0;
		}
	return n == 0 && fsync(to) == 0 ? 0 : errno;
}

/* In another file system there is no link: the file is written once more. */
static int
write_again(struct ag_copy *copy, int from, const char *dir, int to)
{
	int in = openat(from, copy->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int out = in >= 0 ? create(copy, dir) : -1;
	int tmp = -1, error = out < 0 ? errno : copy_bytes(copy, in, out);

	if (error == 0) {
		tmp = ag_archivedir_open(dir, copy->day, "tmp");
		error =
		    tmp < 0 || renameat(tmp, copy->name, to, copy->last) != 0 ?
		    errno :
		    0;
	}
	close_if_open(in);
	close_if_open(out);
	close_if_open(tmp);
	if (error != 0 && out >= 0)
		remove_from(copy, dir, "tmp", copy->name);
	return error;
}

/* Nor where the day has been taken away, and is made again. */
static bool
has_no_links(int error)
{
	return error == EXDEV || error == EPERM || error == EMLINK ||
	    error == EOPNOTSUPP || error == ENOSYS;
}

/* From the first directory's tmp/ into new/ of another. */
static int
give(struct ag_copy *copy, int from, const char *dir, int to)
{
	if (linkat(from, copy->name, to, copy->last, 0) == 0)
		return 0;
	return has_no_links(errno) ? write_again(copy, from, dir, to) : errno;
}

/* Opens new/ of a day that may have been taken away; a descriptor, or -1. */
static int
open_new(const struct ag_copy *copy, const char *dir)
{
	int fd = ag_archivedir_open(dir, copy->day, "new"), error;

	if (fd >= 0 || errno != ENOENT || dir == copy->dir)
		return fd;
	error = ag_archivedir_make_day(dir, copy->day, true);
	if (error == 0)
		return ag_archivedir_open(dir, copy->day, "new");
	errno = error;
	return -1;
}

/* Puts the file into new/ of a directory; 0 or errno. */
static int
place_in(struct ag_copy *copy, const char *dir)
{
	int from = ag_archivedir_open(copy->dir, copy->day, "tmp");
	int to = from >= 0 ? open_new(copy, dir) : -1;
	int error = to < 0 ? errno : 0;

	if (error == 0 && dir != copy->dir)
		error = give(copy, from, dir, to);
	else if (error == 0 && renameat(from, copy->name, to, copy->last) != 0)
		error = errno;
	if (error == 0 && fsync(to) != 0)
		error = errno;
	close_if_open(from);
	close_if_open(to);
	return error;
}

/* The first directory is served last, for its file is what the others get. */
static bool
place_everywhere(struct ag_copy *copy)
{
	for (size_t i = copy->narchives; i-- > 0;) {
		int error =
		    copy->wanted[i] ? place_in(copy, copy->archive[i].dir) : 0;

		if (error != 0) {
			fail_by_errno(copy, copy->archive[i].dir, error);
			return false;
		}
	}
	return true;
}

static void
remove_everywhere(struct ag_copy *copy)
{
	for (size_t i = 0; i < copy->narchives; i++)
		if (copy->wanted[i])
			remove_from(copy, copy->archive[i].dir, "new",
			    copy->last);
}

const char *
ag_copy_commit(struct ag_copy *copy)
{
	if (copy->fd >= 0 && finish_file(copy)) {
		if (place_everywhere(copy)) {
			close(copy->fd);
			copy->fd = -1;
			ag_count_copied(AG_COPY_KEPT);
		} else {
			remove_everywhere(copy);
		}
	}
	return has_failed(copy) ? copy->why : NULL;
}
