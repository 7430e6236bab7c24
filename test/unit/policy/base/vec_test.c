#include "findings.h"

#include "policy/base/vec.h"

static void
test_members_are_zeroed_and_stay(void **state)
{
	struct ag_vec vec = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		unsigned *item = ag_vec_add(&vec, sizeof(*item));

		assert_non_null(item);
		assert_int_equal(*item, 0);
		*item = i + 1;
	}
	assert_int_equal(vec.n, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(((unsigned *)vec.items)[i], i + 1);
	ag_vec_free(&vec);
	assert_int_equal(vec.n, 0);
	assert_null(vec.items);
}

static void
test_trimmed(void **state)
{
	struct ag_vec vec = { 0 };
	unsigned *item;

	(void)state;
	ag_vec_trim(&vec, sizeof(*item));
	assert_null(vec.items);
	for (unsigned i = 0; i < 17; i++)
		*(unsigned *)ag_vec_add(&vec, sizeof(*item)) = i;
	ag_vec_trim(&vec, sizeof(*item));
	assert_int_equal(vec.room, 17);
	item = ag_vec_add(&vec, sizeof(*item));
	assert_int_equal(*item, 0);
	for (unsigned i = 0; i < 17; i++)
		assert_int_equal(((unsigned *)vec.items)[i], i);
	ag_vec_free(&vec);
}

static void
test_member_at_index(void **state)
{
	struct ag_vec vec = { 0 };
	unsigned *item = ag_vec_at(&vec, 40, sizeof(*item));

	(void)state;
	assert_non_null(item);
	*item = 7;
	assert_int_equal(vec.n, 41);
	item = ag_vec_at(&vec, 3, sizeof(*item));
	assert_int_equal(*item, 0);
	assert_int_equal(vec.n, 41);
	item = ag_vec_at(&vec, 40, sizeof(*item));
	assert_int_equal(*item, 7);
	ag_vec_free(&vec);
}

/* A guess that is far too small or too large changes nothing but the room. */
static void
test_guessed_room(void **state)
{
	static const double guesses[] = { 0, 0.5, 3, 1e6, 1e300 };

	(void)state;
	for (size_t i = 0; i < sizeof(guesses) / sizeof(*guesses); i++) {
		struct ag_vec vec = { 0 };

		for (unsigned n = 0; n < 100; n++) {
			unsigned *item;

			if (n % 50 == 0)
				ag_vec_reserve(&vec, guesses[i], sizeof(*item));
			item = ag_vec_add(&vec, sizeof(*item));
			assert_int_equal(*item, 0);
			*item = n;
		}
		assert_int_equal(vec.n, 100);
		assert_int_equal(((unsigned *)vec.items)[49], 49);
		ag_vec_free(&vec);
	}
}

static void
test_too_many(void **state)
{
	struct ag_vec vec = { 0 };

	(void)state;
	assert_null(ag_vec_at(&vec, SIZE_MAX / 4, sizeof(uint64_t)));
	assert_int_equal(vec.n, 0);
	ag_vec_free(&vec);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_are_zeroed_and_stay),
		cmocka_unit_test(test_trimmed),
		cmocka_unit_test(test_member_at_index),
		cmocka_unit_test(test_guessed_room),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
