#include "findings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/file.h"

static void
test_names_beside_a_file(void **state)
{
	static const struct {
		const char *base;
		const char *name;
		const char *expected;
	} table[] = {
		{ "/etc/authgate/authgate.ini", "kill.list",
		    "/etc/authgate/kill.list" },
		{ "/etc/authgate/authgate.ini", "/srv/kill.list",
		    "/srv/kill.list" },
		{ "domains/example.com.ini", "example.com.relay",
		    "domains/example.com.relay" },
		{ "domains/example.com.ini", "../relay.list",
		    "domains/../relay.list" },
		{ "authgate.ini", "kill.list", "kill.list" },
		{ "/authgate.ini", "kill.list", "/kill.list" },
		{ "a/b", "", "a/" },
	};
	struct ag_arena arena = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++)
		expect_text(table[i].name,
		    ag_file_beside(&arena, table[i].base,
			ag_str(table[i].name)),
		    table[i].expected);
	ag_arena_free(&arena);
}

static void
write_file(const char *path, const char *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void
expect_file(const char *path, const char *bytes, size_t len)
{
	struct ag_str text;

	write_file(path, bytes, len);
	assert_int_equal(ag_file_read(path, &text), 0);
	assert_int_equal(text.len, len);
	assert_memory_equal(text.ptr, bytes, len);
	free((char *)text.ptr);
}

static void
test_whole_files(void **state)
{
	char path[] = "/tmp/authgate-file-test-XXXXXX";
	int fd = mkstemp(path);
	static char big[200000];

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	memset(big, 'x', sizeof(big));
	expect_file(path, "", 0);
	expect_file(path, "a\0b\n", 4);
	expect_file(path, big, sizeof(big));
	assert_int_equal(unlink(path), 0);
}

/* A file of no known size, such as those of /proc, is read to its end. */
static void
test_file_that_says_it_is_empty(void **state)
{
	struct ag_str text;

	(void)state;
	assert_int_equal(ag_file_read("/proc/self/stat", &text), 0);
	assert_true(text.len > 0);
	free((char *)text.ptr);
}

static void
test_what_is_no_file(void **state)
{
	struct ag_str text;

	(void)state;
	assert_int_equal(ag_file_read("/nowhere/at/all", &text), ENOENT);
	assert_null(text.ptr);
	assert_int_equal(ag_file_read("/", &text), EISDIR);
	assert_int_equal(ag_file_read("/dev/null", &text), EISDIR);
	assert_null(text.ptr);
}

/* What stat(2) tells of, once it has changed, does not pass by itself. */
static void
test_what_may_pass(void **state)
{
	static const int lasting[] = { 0, ENOENT, ENOTDIR, EISDIR, EACCES,
		ELOOP, ENAMETOOLONG };
	static const int passing[] = { EMFILE, ENFILE, ENOMEM, EIO, ESTALE,
		ETIMEDOUT };

	(void)state;
	for (size_t i = 0; i < ROWS(lasting); i++)
		assert_false(ag_file_error_may_pass(lasting[i]));
	for (size_t i = 0; i < ROWS(passing); i++)
		assert_true(ag_file_error_may_pass(passing[i]));
}

/* A file of holes is as long as it says, and no list. */
static void
test_too_large_a_file(void **state)
{
	char path[] = "/tmp/authgate-file-test-XXXXXX";
	int fd = mkstemp(path);
	struct ag_str text;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)AG_FILE_BYTES_MAX + 1), 0);
	assert_int_equal(ag_file_read(path, &text), EFBIG);
	assert_null(text.ptr);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

static void
test_who_may_write(void **state)
{
	static const struct {
		mode_t mode;
		bool expected;
	} table[] = { { 0644, false }, { 0664, false }, { 0602, true },
		{ 0777, true }, { 01777, false } };
	char path[] = "/tmp/authgate-file-test-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(path));
	for (size_t i = 0; i < ROWS(table); i++) {
		assert_int_equal(chmod(path, table[i].mode), 0);
		expect_number("mode", ag_file_is_open_to_all(path),
		    table[i].expected);
	}
	assert_int_equal(rmdir(path), 0);
	assert_false(ag_file_is_open_to_all(path));
}

static void
test_one_file(void **state)
{
	(void)state;
	assert_true(ag_file_is_same("/dev/null", "/dev/../dev/null"));
	assert_false(ag_file_is_same("/dev/null", "/dev/zero"));
	assert_false(ag_file_is_same("/no/such", "/no/such"));
	assert_false(ag_file_is_same(NULL, "/dev/null"));
	assert_false(ag_file_is_regular("/dev/null"));
}

static void
test_fingerprints(void **state)
{
	const uint64_t numbers[] = { ag_file_fingerprint(0, ag_str("")),
		ag_file_fingerprint(0, ag_str("a")),
		ag_file_fingerprint(0, ag_str("b")),
		ag_file_fingerprint(ENOENT, ag_str(NULL)),
		ag_file_fingerprint(EACCES, ag_str(NULL)) };

	(void)state;
	assert_int_equal(ag_file_fingerprint(0, ag_str(NULL)), numbers[0]);
	for (size_t i = 0; i < ROWS(numbers); i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(numbers[i], numbers[j]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_beside_a_file),
		cmocka_unit_test(test_whole_files),
		cmocka_unit_test(test_file_that_says_it_is_empty),
		cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_what_may_pass),
		cmocka_unit_test(test_too_large_a_file),
		cmocka_unit_test(test_who_may_write),
		cmocka_unit_test(test_one_file),
		cmocka_unit_test(test_fingerprints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
