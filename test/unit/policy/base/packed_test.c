#include "findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/packed.h"

#define TEXT_MAX 200000

static char text[TEXT_MAX];

/* The text comes back byte for byte; how many bytes it took. */
static size_t
keep(size_t len)
{
	struct ag_str in = { text, len }, out;
	struct ag_packed packed;
	size_t bytes;

	assert_true(ag_packed_make(&packed, in));
	assert_true(ag_packed_open(&packed, &out));
	assert_int_equal(out.len, len);
	assert_true(ag_str_eq(out, in));
	free((char *)out.ptr);
	bytes = packed.len;
	ag_packed_free(&packed);
	assert_null(packed.bytes);
	return bytes;
}

static void
test_nothing(void **state)
{
	struct ag_packed packed = { NULL, 0, 0 };
	struct ag_str out;

	(void)state;
	assert_true(ag_packed_open(&packed, &out));
	assert_int_equal(out.len, 0);
	free((char *)out.ptr);
	assert_int_equal(keep(0), 0);
	ag_packed_free(&packed);
}

static void
test_shared(void **state)
{
	struct ag_str in = { text, 5000 }, out;
	struct ag_packed first, second, none = { NULL, 0, 0 };

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_true(ag_packed_make(&first, in));
	assert_true(ag_packed_is(&first, in));
	assert_false(ag_packed_is(&first, ag_str_head(in, 4999)));
	text[4000] = 'b';
	assert_false(ag_packed_is(&first, in));
	text[4000] = 'a';
	second = ag_packed_share(&first);
	assert_ptr_equal(first.bytes, second.bytes);
	ag_packed_free(&first);
	assert_true(ag_packed_is(&second, in));
	assert_true(ag_packed_open(&second, &out));
	assert_true(ag_str_eq(out, in));
	free((char *)out.ptr);
	ag_packed_free(&second);
	assert_false(ag_packed_is(&none, in));
	second = ag_packed_share(&none);
	assert_null(second.bytes);
	ag_packed_free(&second);
}

static bool
keeps_in(size_t len, size_t most)
{
	size_t kept = keep(len);

	return kept >= 1 && kept <= most;
}

static void
test_lines(void **state)
{
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; len < TEXT_MAX - 40; i++) {
		unsigned n = i * 2654435761u;

		len += (size_t)snprintf(text + len, 40, "%u.%u.%u.%u\n",
		    n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255);
	}
	assert_true(keeps_in(len, len / 2));
	for (size_t n = 4000; n < 4200; n++)
		assert_true(keeps_in(n, n));
}

static void
test_what_does_not_get_smaller(void **state)
{
	uint32_t n = 1;

	(void)state;
	for (size_t i = 0; i < TEXT_MAX; i++) {
		n = n * 1664525 + 1013904223;
		text[i] = (char)(n >> 24);
	}
	assert_int_equal(keep(TEXT_MAX), TEXT_MAX);
	assert_int_equal(keep(5000), 5000);
	assert_int_equal(keep(1), 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_what_does_not_get_smaller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
