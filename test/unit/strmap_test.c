#include "findings.h"

#include <stdio.h>

#include "strmap.h"

static void
test_empty_map(void **state)
{
	struct ag_strmap map = { 0 };

	(void)state;
	assert_true(ag_strmap_find(&map, ag_str("a")) == AG_NO_ID);
	assert_true(ag_strmap_find(&map, ag_str("")) == AG_NO_ID);
	ag_strmap_free(&map);
}

static void
test_numbers_in_order(void **state)
{
	struct ag_strmap map = { 0 };

	(void)state;
	assert_int_equal(ag_strmap_put(&map, ag_str("a")), 0);
	assert_int_equal(ag_strmap_put(&map, ag_str("b")), 1);
	assert_int_equal(ag_strmap_put(&map, ag_str("a")), 0);
	assert_int_equal(ag_strmap_put(&map, ag_str("")), 2);
	assert_int_equal(ag_strmap_put(&map, ag_str(NULL)), 2);
	assert_int_equal(map.n, 3);
	assert_int_equal(ag_strmap_find(&map, ag_str("b")), 1);
	assert_true(ag_strmap_find(&map, ag_str("B")) == AG_NO_ID);
	assert_true(ag_strmap_find(&map, ag_str("ab")) == AG_NO_ID);
	assert_true(ag_str_eq(ag_strmap_key(&map, 1), ag_str("b")));
	assert_int_equal(ag_strmap_key(&map, 2).len, 0);
	ag_strmap_free(&map);
	assert_int_equal(map.n, 0);
}

static void
test_bytes_of_any_kind(void **state)
{
	struct ag_strmap map = { 0 };
	struct ag_str a = AG_STR("x\0y"), b = AG_STR("x\0z");

	(void)state;
	assert_int_equal(ag_strmap_put(&map, a), 0);
	assert_int_equal(ag_strmap_put(&map, b), 1);
	assert_int_equal(ag_strmap_find(&map, a), 0);
	assert_true(ag_strmap_find(&map, ag_str("x")) == AG_NO_ID);
	ag_strmap_free(&map);
}

static struct ag_str
write_key(unsigned i, char text[static 40])
{
	return (struct ag_str){ text,
		(size_t)snprintf(text, 40, "user%u@example.com", i) };
}

/* Through many a doubling, every string keeps its number. */
static void
test_growth(void **state)
{
	struct ag_strmap map = { 0 };
	const unsigned n = 20000;
	char text[40];

	(void)state;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(ag_strmap_put(&map, write_key(i, text)), i);
	assert_int_equal(map.n, n);
	for (unsigned i = 0; i < n; i++) {
		struct ag_str key = write_key(i, text);

		assert_int_equal(ag_strmap_find(&map, key), i);
		assert_true(ag_str_eq(ag_strmap_key(&map, i), key));
		assert_int_equal(ag_strmap_put(&map, key), i);
	}
	for (unsigned i = n; i < 2 * n; i++)
		assert_true(
		    ag_strmap_find(&map, write_key(i, text)) == AG_NO_ID);
	ag_strmap_free(&map);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_map),
		cmocka_unit_test(test_numbers_in_order),
		cmocka_unit_test(test_bytes_of_any_kind),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
