#include "findings.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/base/goodfile.h"

#define CONFIG "/etc/authgate/authgate.ini"

static char folder[] = "/tmp/authgate-good.XXXXXX";
static int dir = -1;

struct file {
	const char *shown;
	const char *text;
};

/* Writes the files as a set; 0 or an errno. */
static int
write_set(const char *config, const struct file *file)
{
	struct ag_goodfile *good = ag_goodfile_begin(dir, config);

	assert_non_null(good);
	for (; file->shown != NULL; file++) {
		struct ag_packed packed = { NULL, 0, 0 };

		if (file->text[0] != '\0')
			assert_true(
			    ag_packed_make(&packed, ag_str(file->text)));
		ag_goodfile_add(good, file->shown, &packed);
		ag_packed_free(&packed);
	}
	return ag_goodfile_commit(good);
}

/* What the set has of a file, or "none". */
static void
expect_copy(const char *config, const char *shown, const char *expected)
{
	struct ag_goodcopy *copy = ag_goodcopy_open(dir, config);
	struct ag_str text = ag_str(NULL);
	char got[10000];
	struct ag_buf out = AG_BUF(got);

	if (copy != NULL && ag_goodcopy_text(copy, shown, &text))
		ag_buf_str(&out, text);
	else
		ag_buf_text(&out, "none");
	expect_text(shown, got, expected);
	free((char *)text.ptr);
	ag_goodcopy_close(copy);
}

static char long_text[9000];

static void
test_what_is_written_is_read(void **state)
{
	const struct file files[] = { { "authgate.ini", "[lists]\n" },
		{ "kill.list", long_text }, { "lists/a b.list", "x\n" },
		{ "empty.list", "" }, { NULL, NULL } };
	const struct file other[] = { { "authgate.ini", "other\n" },
		{ NULL, NULL } };

	(void)state;
	for (size_t i = 0; i + 10 < sizeof(long_text); i += 10)
		memcpy(long_text + i, "192.0.2.1\n", 10);
	assert_int_equal(write_set(CONFIG, files), 0);
	assert_int_equal(write_set("/srv/two.ini", other), 0);
	for (size_t i = 0; i < 4; i++)
		expect_copy(CONFIG, files[i].shown, files[i].text);
	expect_copy(CONFIG, "no.list", "none");
	expect_copy("/srv/two.ini", "authgate.ini", "other\n");
	expect_copy("/srv/none.ini", "authgate.ini", "none");
	/* the next set takes its place */
	assert_int_equal(write_set(CONFIG, other), 0);
	expect_copy(CONFIG, "authgate.ini", "other\n");
	expect_copy(CONFIG, "kill.list", "none");
}

/* The path of a file of the one set that there is. */
static void
find_file(const char * not, char path[static 600])
{
	char set[300];
	DIR *open;
	const struct dirent *entry;

	snprintf(set, sizeof(set), "%s/good", folder);
	open = opendir(set);
	assert_non_null(open);
	while ((entry = readdir(open)) != NULL && entry->d_name[0] == '.')
		continue;
	assert_non_null(entry);
	snprintf(set, sizeof(set), "%s/good/%.40s", folder, entry->d_name);
	closedir(open);
	open = opendir(set);
	assert_non_null(open);
	while ((entry = readdir(open)) != NULL)
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, not) != 0)
			snprintf(path, 600, "%s/%.60s", set, entry->d_name);
	closedir(open);
}

static void
overwrite(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static int
remove_entry(const char *path, const struct stat *st, int type,
    struct FTW *where)
{
	(void)st;
	(void)type;
	return where->level == 0 ? 0 : remove(path);
}

/* What has been changed, or is of another version, counts as absent. */
static void
test_damaged_copies(void **state)
{
	static const struct file files[] = { { "kill.list", "192.0.2.1\n" },
		{ NULL, NULL } };
	char path[600] = "";

	(void)state;
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(write_set(CONFIG, files), 0);
	find_file("index", path);
	overwrite(path, "\n\0\0\0\0\0\0\0192.0.2.7\n");
	expect_copy(CONFIG, "kill.list", "none");
	overwrite(path, "");
	expect_copy(CONFIG, "kill.list", "none");
	assert_int_equal(unlink(path), 0);
	expect_copy(CONFIG, "kill.list", "none");
	assert_int_equal(write_set(CONFIG, files), 0);
	expect_copy(CONFIG, "kill.list", "192.0.2.1\n");
	snprintf(strrchr(path, '/'), 20, "/index");
	overwrite(path, "authgate good 2\n");
	expect_copy(CONFIG, "kill.list", "none");
	overwrite(path, "authgate good 1\n../../../etc/passwd kill.list\n");
	expect_copy(CONFIG, "kill.list", "none");
}

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	dir = open(folder, O_RDONLY | O_DIRECTORY);
	return dir >= 0 ? 0 : -1;
}

static int
remove_folder(void **state)
{
	(void)state;
	close(dir);
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_damaged_copies),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
