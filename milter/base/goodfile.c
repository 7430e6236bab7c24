/* goodfile.c - writes and reads copies of the files that were last good */
#include "milter/base/goodfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/file.h"
#include "policy/table/strmap.h"

#define HEAD "authgate good 1\n"
#define INDEX "index"
#define NEW "new"
#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Of a text of no bytes, which has no file. */
#define NOTHING "-"

struct ag_goodfile {
	int dir; /* good/KEY */
	int error;
	char *index;
	size_t len;
	struct ag_strmap names; /* of texts that are in it */
};

struct ag_goodcopy {
	int dir;
	struct ag_str index; /* without the head */
	char *memory;
};

/* ---- the folder ---- */

/* A name for the configuration, which is the same from any folder. */
static void
write_key(const char *config, char key[static 40])
{
	char path[PATH_MAX];
	const char *slash = strrchr(config, '/');
	struct ag_buf whole = AG_BUF(path);
	char folder[PATH_MAX];
	struct ag_buf name = AG_BUF(folder);
	char resolved[PATH_MAX];

	ag_buf_str(&name,
	    ag_str_head(ag_str(config),
		slash != NULL ? (size_t)(slash - config) + 1 : 0));
	if (realpath(folder[0] != '\0' ? folder : ".", resolved) == NULL)
		snprintf(resolved, sizeof(resolved), "%s", folder);
	ag_buf_printf(&whole, "%s/%s", resolved,
	    slash != NULL ? slash + 1 : config);
	snprintf(key, 40, "%016llx",
	    (unsigned long long)ag_file_fingerprint(0, ag_buf_get(&whole)));
}

static int
open_below(int dir, const char *name, bool make)
{
	if (make && mkdirat(dir, name, 0750) != 0 && errno != EEXIST)
		return -1;
	return openat(dir, name, FOLDER);
}

/* good/KEY; -1 with errno. */
static int
open_set(int dir, const char *config, bool make)
{
	char key[40];
	int good = open_below(dir, "good", make), set, error;

	if (good < 0)
		return -1;
	write_key(config, key);
	set = open_below(good, key, make);
	error = errno;
	close(good);
	errno = error;
	return set;
}

/* ---- writing ---- */

static bool
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Head and bytes become the file name, in one step; 0 or an errno. */
static int
write_file(int dir, const char *name, struct ag_str head, struct ag_str bytes)
{
	int fd, error = 0;

	unlinkat(dir, NEW, 0);
	fd = openat(dir, NEW,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (!write_all(fd, head.ptr, head.len) ||
	    !write_all(fd, bytes.ptr, bytes.len) || fsync(fd) != 0)
		error = errno;
	if (close(fd) != 0 && error == 0)
		error = errno;
	if (error == 0 && renameat(dir, NEW, dir, name) != 0)
		error = errno;
	return error;
}

struct ag_goodfile *
ag_goodfile_begin(int dir, const char *config)
{
	struct ag_goodfile *good = calloc(1, sizeof(*good));

	if (good == NULL)
		return NULL;
	good->dir = open_set(dir, config, true);
	if (good->dir >= 0)
		return good;
	free(good);
	return NULL;
}

/* "NAME SHOWN\n" */
static void
add_line(struct ag_goodfile *good, const char *name, const char *shown)
{
	size_t room = strlen(name) + strlen(shown) + 3;
	char *grown = realloc(good->index, good->len + room);

	if (grown == NULL) {
		good->error = ENOMEM;
		return;
	}
	good->index = grown;
	good->len +=
	    (size_t)snprintf(grown + good->len, room, "%s %s\n", name, shown);
}

/* What has the name of a text is that text, whole. */
static bool
is_there(const struct ag_goodfile *good, const char *name)
{
	struct stat st;

	return fstatat(good->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode);
}

static void
write_text(struct ag_goodfile *good, const char *name,
    const struct ag_packed *text)
{
	uint64_t len = text->text_len;
	struct ag_str head = { (const char *)&len, sizeof(len) };
	uint32_t before = good->names.n;

	if (ag_strmap_put(&good->names, ag_str(name)) == AG_NO_ID)
		good->error = ENOMEM;
	else if (good->names.n > before && !is_there(good, name))
		good->error =
		    write_file(good->dir, name, head, ag_packed_raw(text));
}

void
ag_goodfile_add(struct ag_goodfile *good, const char *shown,
    const struct ag_packed *text)
{
	char name[AG_PACKED_NAME] = NOTHING;

	if (good->error != 0 || strchr(shown, '\n') != NULL)
		return;
	if (text->bytes != NULL) {
		ag_packed_name(text, name);
		write_text(good, name, text);
	}
	if (good->error == 0)
		add_line(good, name, shown);
}

/* Texts that are in no index any more. */
static void
remove_others(struct ag_goodfile *good)
{
	int copy = fcntl(good->dir, F_DUPFD_CLOEXEC, 0);
	DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;

	if (folder == NULL) {
		if (copy >= 0)
			close(copy);
		return;
	}
	rewinddir(folder);
	while ((entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.' &&
		    strcmp(entry->d_name, INDEX) != 0 &&
		    ag_strmap_find(&good->names, ag_str(entry->d_name)) ==
			AG_NO_ID)
			unlinkat(good->dir, entry->d_name, 0);
	closedir(folder);
}

int
ag_goodfile_commit(struct ag_goodfile *good)
{
	struct ag_str lines = { good->index, good->len };
	int error = good->error;

	/* the texts are there before the index names them */
	if (error == 0 && fsync(good->dir) != 0)
		error = errno;
	if (error == 0)
		error = write_file(good->dir, INDEX, ag_str(HEAD), lines);
	if (error == 0 && fsync(good->dir) != 0)
		error = errno;
	if (error == 0)
		remove_others(good);
	close(good->dir);
	ag_strmap_free(&good->names);
	free(good->index);
	free(good);
	return error;
}

/* ---- reading ---- */

/* The caller frees it; false: there is no such file, or it cannot be read. */
static bool
read_file(int dir, const char *name, struct ag_str *text)
{
	char path[64];

	/* ag_file_read() takes paths */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	return ag_file_read(path, text) == 0;
}

struct ag_goodcopy *
ag_goodcopy_open(int dir, const char *config)
{
	struct ag_goodcopy *copy = calloc(1, sizeof(*copy));
	int set = copy != NULL ? open_set(dir, config, false) : -1;

	if (set >= 0 && read_file(set, INDEX, &copy->index)) {
		copy->dir = set;
		copy->memory = (char *)copy->index.ptr;
		if (ag_str_starts(copy->index, HEAD)) {
			copy->index = ag_str_skip(copy->index, strlen(HEAD));
			return copy;
		}
		free(copy->memory);
	}
	if (set >= 0)
		close(set);
	free(copy);
	return NULL;
}

/* The name of the text that a file had; false: it is not in the set. */
static bool
find_name(const struct ag_goodcopy *copy, const char *shown,
    char name[static AG_PACKED_NAME])
{
	struct ag_str rest = copy->index, line;

	while (ag_str_line(&rest, &line)) {
		size_t end = ag_str_find(line, ' ');
		struct ag_buf out = ag_buf(name, AG_PACKED_NAME);

		if (!ag_str_eq(ag_str_skip(line, end + 1), ag_str(shown)))
			continue;
		ag_buf_str(&out, ag_str_head(line, end));
		return !out.cut && memchr(name, '/', out.len) == NULL;
	}
	return false;
}

bool
ag_goodcopy_text(void *arg, const char *shown, struct ag_str *text)
{
	const struct ag_goodcopy *copy = arg;
	char name[AG_PACKED_NAME];
	struct ag_str file;
	uint64_t len;
	bool good;

	*text = ag_str(NULL);
	if (!find_name(copy, shown, name))
		return false;
	if (strcmp(name, NOTHING) == 0)
		return true;
	if (!read_file(copy->dir, name, &file))
		return false;
	good = file.len >= sizeof(len);
	if (good) {
		memcpy(&len, file.ptr, sizeof(len));
		good = len <= AG_FILE_BYTES_MAX &&
		    ag_packed_unpack(ag_str_skip(file, sizeof(len)),
			(size_t)len, name, text);
	}
	free((char *)file.ptr);
	return good;
}

void
ag_goodcopy_close(struct ag_goodcopy *copy)
{
	if (copy == NULL)
		return;
	close(copy->dir);
	free(copy->memory);
	free(copy);
}
