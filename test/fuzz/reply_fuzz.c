/*
 * A reply.  The first line of the input is the reply as it is configured, the
 * next ones what is filled in; the last of them takes all that is left.
 */
#include "fuzz.h"

#include <string.h>

#include "policy/reply.h"

static struct ag_reply_values
take_values(struct ag_str rest)
{
	struct ag_reply_values values;

	values.client = fuzz_line(&rest);
	values.login = fuzz_line(&rest);
	values.sender = fuzz_line(&rest);
	values.rcpt = fuzz_line(&rest);
	values.domain = fuzz_line(&rest);
	values.rule = fuzz_line(&rest);
	values.address = fuzz_line(&rest);
	values.why = fuzz_line(&rest);
	values.listener = rest;
	return values;
}

static void
expect_good_reply(const struct ag_reply *reply,
    const struct ag_reply_values *values)
{
	char said[AG_REPLY_TEXT_MAX];
	struct ag_buf out = AG_BUF(said);

	HOLDS(strlen(reply->code) == 3);
	HOLDS(reply->code[0] == '4' || reply->code[0] == '5');
	HOLDS(reply->status[0] == reply->code[0]);
	HOLDS(ag_reply_is_temporary(reply) == (reply->code[0] == '4'));
	HOLDS(strcmp(reply->code, "421") != 0);
	ag_reply_fill(reply, values, &out);
	HOLDS(out.len < sizeof(said) && strlen(said) == out.len);
	HOLDS(fuzz_is_printable(ag_buf_get(&out)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_str rest = fuzz_text(data, size), text = fuzz_line(&rest);
	struct ag_reply_values values = take_values(rest);

	for (unsigned rule = 0; rule < AG_RULE_COUNT; rule++) {
		char reason[512];
		struct ag_buf why = AG_BUF(reason);
		struct ag_reply reply;

		if (ag_reply_parse(&reply, text, (enum ag_rule)rule, &why))
			expect_good_reply(&reply, &values);
		else
			HOLDS(why.len > 0);
	}
	return 0;
}
