#include "findings.h"

#include <string.h>

#include "policy/base/arena.h"

static bool
is_zero(const char *memory, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (memory[i] != 0)
			return false;
	return true;
}

static void
test_memory_is_zeroed_aligned_and_apart(void **state)
{
	static const size_t sizes[] = { 1, 7, 16, 100, 65536, 3, 200000, 5 };
	struct ag_arena arena = { 0 };
	char *memory[ROWS(sizes)];

	(void)state;
	for (size_t i = 0; i < ROWS(sizes); i++) {
		memory[i] = ag_arena_alloc(&arena, sizes[i]);
		assert_non_null(memory[i]);
		assert_true(is_zero(memory[i], sizes[i]));
		assert_int_equal((uintptr_t)memory[i] % _Alignof(max_align_t),
		    0);
		memset(memory[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < ROWS(sizes); i++) {
		assert_int_equal(memory[i][0], (int)i + 1);
		assert_int_equal(memory[i][sizes[i] - 1], (int)i + 1);
	}
	assert_false(arena.failed);
	ag_arena_free(&arena);
	assert_null(arena.blocks);
}

static void
test_strings_are_copied_and_terminated(void **state)
{
	struct ag_arena arena = { 0 };
	char text[] = "abcdef";
	struct ag_str copy = ag_arena_str(&arena, ag_str_head(ag_str(text), 3));

	(void)state;
	text[0] = 'x';
	expect_text("abc", copy.ptr, "abc");
	assert_int_equal(copy.len, 3);
	expect_text("empty", ag_arena_str(&arena, ag_str(NULL)).ptr, "");
	ag_arena_free(&arena);
}

static void
test_failure_is_remembered(void **state)
{
	struct ag_arena arena = { 0 };

	(void)state;
	assert_null(ag_arena_alloc(&arena, SIZE_MAX - 3));
	assert_true(arena.failed);
	assert_non_null(ag_arena_alloc(&arena, 1));
	assert_true(arena.failed);
	ag_arena_free(&arena);
}

static void
test_arrays(void **state)
{
	struct ag_arena arena = { 0 };

	(void)state;
	assert_non_null(ag_arena_array(&arena, 10, 8));
	assert_false(arena.failed);
	assert_null(ag_arena_array(&arena, SIZE_MAX / 8 + 2, 8));
	assert_true(arena.failed);
	ag_arena_free(&arena);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(test_strings_are_copied_and_terminated),
		cmocka_unit_test(test_failure_is_remembered),
		cmocka_unit_test(test_arrays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
