/* file.c - reads whole files; resolves names relative to another file */
#include "policy/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "policy/base/pages.h"

/* Reads to the end of the file, which may grow or shrink meanwhile. */
static int
read_all(int fd, size_t expected, struct ag_str *out)
{
	size_t room = expected + 1, len = 0;
	char *text;

	if (expected > AG_FILE_BYTES_MAX)
		return EFBIG;
	text = malloc(room);

	ag_pages_large(text, room);
	while (text != NULL) {
		ssize_t n = read(fd, text + len, room - len);

		if (n == 0) {
			*out = (struct ag_str){ text, len };
			return 0;
		}
		if (n < 0 && errno != EINTR) {
			int error = errno;

			free(text);
			return error;
		}
		len += n > 0 ? (size_t)n : 0;
		if (len > AG_FILE_BYTES_MAX) {
			free(text);
			return EFBIG;
		}
		if (len == room) {
			char *grown = realloc(text, room *= 2);

			if (grown == NULL)
				free(text);
			text = grown;
		}
	}
	return ENOMEM;
}

int
ag_file_read(const char *path, struct ag_str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int error;

	*out = (struct ag_str){ NULL, 0 };
	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0)
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = EISDIR;
	else
		error = read_all(fd, (size_t)st.st_size, out);
	close(fd);
	return error;
}

uint64_t
ag_file_look(const char *path, int *error)
{
	struct stat st;
	uint64_t fact[7] = { 0 };

	*error = stat(path, &st) != 0 ? errno : 0;
	if (*error != 0)
		return XXH3_64bits(error, sizeof(*error));
	fact[0] = st.st_dev;
	fact[1] = st.st_ino;
	fact[2] = (uint64_t)st.st_size;
	fact[3] = (uint64_t)st.st_mtim.tv_sec;
	fact[4] = (uint64_t)st.st_mtim.tv_nsec;
	fact[5] = (uint64_t)st.st_ctim.tv_sec;
	fact[6] = (uint64_t)st.st_ctim.tv_nsec;
	return XXH3_64bits(fact, sizeof(fact));
}

bool
ag_file_is_open_to_all(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IWOTH) != 0 &&
	    (st.st_mode & S_ISVTX) == 0;
}

bool
ag_file_is_regular(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool
ag_file_is_same(const char *a, const char *b)
{
	struct stat x, y;

	return a != NULL && b != NULL && stat(a, &x) == 0 && stat(b, &y) == 0 &&
	    x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool
ag_file_error_may_pass(int error)
{
	static const int lasting[] = { ENOENT, ENOTDIR, EISDIR, EFBIG, EACCES,
		EPERM, ELOOP, ENAMETOOLONG };

	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		if (error == lasting[i])
			return false;
	return error != 0;
}

uint64_t
ag_file_fingerprint(int error, struct ag_str text)
{
	return error != 0 ? (uint64_t)error :
			    XXH3_64bits(text.len > 0 ? text.ptr : "", text.len);
}

bool
ag_file_fingerprint_may_pass(uint64_t fingerprint)
{
	/* no text has a number as small as an errno, by any chance */
	return fingerprint < 4096 && ag_file_error_may_pass((int)fingerprint);
}

const char *
ag_file_beside(struct ag_arena *arena, const char *base, struct ag_str name)
{
	const char *slash = strrchr(base, '/');
	size_t dir = slash != NULL ? (size_t)(slash - base) + 1 : 0;
	char *path;

	if (name.len > 0 && name.ptr[0] == '/')
		dir = 0;
	path = ag_arena_alloc(arena, dir + name.len + 1);
	if (path == NULL)
		return NULL;
	if (dir > 0)
		memcpy(path, base, dir);
	if (name.len > 0)
		memcpy(path + dir, name.ptr, name.len);
	return path;
}
