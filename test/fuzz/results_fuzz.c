/* A line of an Authentication-Results field, and of what ours is made. */
#include "fuzz.h"

#include "policy/address/results.h"

static const struct ag_str id = AG_STR("mx.example.com");

/* What is written is one's own, and no part of it begins another field. */
static void
expect_good_field(struct ag_str login, struct ag_str sender)
{
	char text[AG_RESULTS_MAX];
	struct ag_buf out = AG_BUF(text);
	struct ag_str written;

	ag_results_write(&out, id, ag_str_head(login, 511),
	    ag_str_head(sender, 511));
	HOLDS(!out.cut);
	written = ag_buf_get(&out);
	HOLDS(ag_results_is_ours(written, id));
	for (size_t i = 0; i < written.len; i++) {
		HOLDS(!ag_is_control(written.ptr[i]) ||
		    written.ptr[i] == '\n' || written.ptr[i] == '\t');
		if (written.ptr[i] == '\n')
			HOLDS(written.ptr[i + 1] == '\t');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_str text = fuzz_text(data, size);
	struct ag_str login, sender;

	ag_results_is_ours(text, id);
	login = fuzz_line(&text);
	sender = fuzz_line(&text);
	expect_good_field(login, sender);
	return 0;
}
