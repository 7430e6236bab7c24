#include "findings.h"

#include <stdio.h>
#include <string.h>

#include "policy/table/strmap.h"

static void
test_empty_map(void **state)
{
	struct ag_strmap map = { 0 };

	(void)state;
	assert_true(ag_strmap_find(&map, ag_str("a")) == AG_NO_ID);
	assert_true(ag_strmap_find(&map, ag_str("")) == AG_NO_ID);
	ag_strmap_free(&map);
}

/* All strings of the map, in their order, each with its number. */
static void
expect_strings(const struct ag_strmap *map, const char *expected)
{
	char got[200];
	struct ag_buf out = AG_BUF(got);

	for (uint32_t id = ag_strmap_first(map); id != AG_NO_ID;
	    id = ag_strmap_next(map, id))
		ag_buf_printf(&out, "%.*s=%u ",
		    AG_STR_ARG(ag_strmap_key(map, id)),
		    ag_strmap_number(map, id));
	expect_text("strings", got, expected);
}

static void
test_strings_and_numbers(void **state)
{
	struct ag_strmap map = { 0 };
	uint32_t a, b, none;

	(void)state;
	expect_strings(&map, "");
	a = ag_strmap_put(&map, ag_str("a"));
	b = ag_strmap_put(&map, ag_str("b"));
	assert_true(a < b && b != AG_NO_ID);
	ag_strmap_set_number(&map, b, 7);
	assert_int_equal(ag_strmap_put(&map, ag_str("b")), b);
	assert_int_equal(ag_strmap_number(&map, b), 7);
	none = ag_strmap_put(&map, ag_str(""));
	assert_true(b < none && none != AG_NO_ID);
	assert_int_equal(ag_strmap_put(&map, ag_str(NULL)), none);
	assert_int_equal(ag_strmap_find(&map, ag_str(NULL)), none);
	assert_int_equal(map.n, 3);
	assert_int_equal(ag_strmap_find(&map, ag_str("b")), b);
	assert_true(ag_strmap_find(&map, ag_str("B")) == AG_NO_ID);
	assert_true(ag_strmap_find(&map, ag_str("ab")) == AG_NO_ID);
	assert_true(ag_str_eq(ag_strmap_key(&map, a), ag_str("a")));
	assert_int_equal(ag_strmap_key(&map, none).len, 0);
	expect_strings(&map, "a=0 b=7 =0 ");
	ag_strmap_trim(&map);
	expect_strings(&map, "a=0 b=7 =0 ");
	assert_int_equal(ag_strmap_find(&map, ag_str("b")), b);
	ag_strmap_free(&map);
	assert_int_equal(map.n, 0);
}

static void
test_bytes_of_any_kind(void **state)
{
	struct ag_strmap map = { 0 };
	struct ag_str a = AG_STR("x\0y"), b = AG_STR("x\0z");
	uint32_t id = ag_strmap_put(&map, a);

	(void)state;
	assert_true(id != AG_NO_ID && ag_strmap_put(&map, b) != id);
	assert_int_equal(ag_strmap_find(&map, a), id);
	assert_true(ag_strmap_find(&map, ag_str("x")) == AG_NO_ID);
	ag_strmap_free(&map);
}

static void
test_lengths(void **state)
{
	static char text[AG_STRMAP_KEY_MAX + 1];
	struct ag_strmap map = { 0 };

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t n = 0; n < 40; n++)
		assert_true(ag_strmap_put(&map, (struct ag_str){ text, n }) !=
		    AG_NO_ID);
	assert_true(
	    ag_strmap_put(&map, (struct ag_str){ text, AG_STRMAP_KEY_MAX }) !=
	    AG_NO_ID);
	assert_true(
	    ag_strmap_put(&map,
		(struct ag_str){ text, AG_STRMAP_KEY_MAX + 1 }) == AG_NO_ID);
	assert_true(
	    ag_strmap_find(&map,
		(struct ag_str){ text, AG_STRMAP_KEY_MAX + 1 }) == AG_NO_ID);
	assert_int_equal(map.n, 41);
	for (uint32_t id = ag_strmap_first(&map), n = 0; n < 40;
	    id = ag_strmap_next(&map, id), n++)
		assert_int_equal(ag_strmap_key(&map, id).len, n);
	ag_strmap_free(&map);
}

/* Nobody can know beforehand which strings will meet. */
static void
test_seed_of_its_own(void **state)
{
	struct ag_strmap a = { 0 }, b = { 0 };

	(void)state;
	ag_strmap_put(&a, ag_str("x"));
	ag_strmap_put(&b, ag_str("x"));
	assert_true(a.seed != b.seed);
	ag_strmap_free(&a);
	ag_strmap_free(&b);
}

static struct ag_str
write_key(unsigned i, char text[static 40])
{
	return (struct ag_str){ text,
		(size_t)snprintf(text, 40, "user%u@example.com", i) };
}

/* What a search relies on, and that one told of beforehand finds the same. */
static void
expect_order(const struct ag_strmap *map)
{
	uint64_t last = 0;
	char text[40];
	size_t n = 0;

	for (size_t i = 0; n < map->n; i++) {
		if (map->slots[i] == 0)
			continue;
		assert_true(map->slots[i] >> 32 >= last >> 32);
		last = map->slots[i];
		n++;
	}
	for (unsigned i = 0; i < 100; i++) {
		struct ag_str key = write_key(i, text);

		assert_int_equal(ag_strmap_find_expected(map, key,
				     ag_strmap_expect(map, key)),
		    ag_strmap_find(map, key));
	}
}

static void
expect_all(const struct ag_strmap *map, unsigned n, const uint32_t *ids)
{
	char text[40];

	assert_int_equal(map->n, n);
	expect_order(map);
	for (unsigned i = 0; i < n; i++) {
		struct ag_str key = write_key(i, text);

		assert_int_equal(ag_strmap_find(map, key), ids[i]);
		assert_true(ag_str_eq(ag_strmap_key(map, ids[i]), key));
		assert_int_equal(ag_strmap_number(map, ids[i]), i);
	}
	for (unsigned i = n; i < 2 * n; i++)
		assert_true(
		    ag_strmap_find(map, write_key(i, text)) == AG_NO_ID);
}

/* Through many a doubling, and when it is trimmed, every string stays. */
static void
test_growth(void **state)
{
	enum { N = 20000 };
	static uint32_t ids[N];
	struct ag_strmap map = { 0 };
	char text[40];

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		ids[i] = ag_strmap_put(&map, write_key(i, text));
		assert_true(i == 0 || ids[i] > ids[i - 1]);
		ag_strmap_set_number(&map, ids[i], i);
	}
	expect_all(&map, N, ids);
	ag_strmap_trim(&map);
	expect_all(&map, N, ids);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(ag_strmap_put(&map, write_key(i, text)),
		    ids[i]);
	/* and it may grow again */
	for (unsigned i = N; i < 2 * N; i++)
		assert_true(
		    ag_strmap_put(&map, write_key(i, text)) > ids[N - 1]);
	assert_int_equal(map.n, 2 * N);
	expect_order(&map);
	ag_strmap_free(&map);
}

/* A guess that is far too small or too large changes nothing but the room. */
static void
test_guessed_room(void **state)
{
	static const double guesses[] = { 0, 0.001, 1, 3, 1000, 1e12, 1e300 };

	(void)state;
	for (size_t i = 0; i < ROWS(guesses); i++) {
		struct ag_strmap map = { 0 };
		char text[20];

		ag_strmap_reserve(&map, guesses[i]);
		for (unsigned n = 0; n < 3000; n++) {
			snprintf(text, sizeof(text), "%u", n);
			ag_strmap_set_number(&map,
			    ag_strmap_put(&map, ag_str(text)), n);
			if (n == 100)
				ag_strmap_reserve(&map, guesses[i]);
		}
		ag_strmap_trim(&map);
		assert_int_equal(map.n, 3000);
		assert_true(map.nslots >= 4000 && map.nslots <= 4400);
		for (unsigned n = 0; n < 3000; n++) {
			uint32_t id;

			snprintf(text, sizeof(text), "%u", n);
			id = ag_strmap_find(&map, ag_str(text));
			assert_true(id != AG_NO_ID);
			assert_int_equal(ag_strmap_number(&map, id), n);
		}
		ag_strmap_free(&map);
	}
}

/* What was expected is put in the same place, also when the map grows. */
static void
test_expected_strings(void **state)
{
	struct ag_strmap map = { 0 };
	uint32_t expected[200];
	char text[20];

	(void)state;
	assert_true(ag_strmap_begin(&map));
	for (unsigned i = 0; i < ROWS(expected); i++) {
		snprintf(text, sizeof(text), "%u", i);
		expected[i] = ag_strmap_expect(&map, ag_str(text));
	}
	for (unsigned i = 0; i < ROWS(expected); i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(ag_strmap_put_expected(&map, ag_str(text),
				     expected[i]),
		    ag_strmap_put(&map, ag_str(text)));
	}
	assert_int_equal(map.n, ROWS(expected));
	ag_strmap_free(&map);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_map),
		cmocka_unit_test(test_strings_and_numbers),
		cmocka_unit_test(test_guessed_room),
		cmocka_unit_test(test_expected_strings),
		cmocka_unit_test(test_bytes_of_any_kind),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_seed_of_its_own),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
