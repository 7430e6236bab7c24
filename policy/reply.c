/* reply.c - checks replies and fills them in */
#include "policy/reply.h"

#include <string.h>

#include "policy/base/number.h"

#define TEXT_MAX 400  /* as written, before anything is filled in */
#define VALUE_MAX 320 /* the longest address of RFC 5321: 64, "@", 255 */

/* ---- placeholders ---- */

struct placeholder {
	const char *name;
	size_t offset;        /* of its value in struct ag_reply_values */
	enum ag_stage only;   /* if there is a reason why not elsewhere */
	const char *why_only; /* or NULL */
};

#define PLACEHOLDER(name) ONLY(name, CONNECT, NULL)
#define ONLY(name, stage, why) \
	{ #name, offsetof(struct ag_reply_values, name), AG_STAGE_##stage, why }

static const struct placeholder placeholders[] = {
	PLACEHOLDER(client),
	PLACEHOLDER(login),
	PLACEHOLDER(sender),
	ONLY(rcpt, RCPT, "no recipient is known yet when this rule is judged"),
	PLACEHOLDER(domain),
	PLACEHOLDER(rule),
	PLACEHOLDER(listener),
	ONLY(address, HEADER, "only the rules about From: know one"),
	ONLY(why, HEADER, "only the rules about From: know one"),
};

#define NPLACEHOLDERS (sizeof(placeholders) / sizeof(placeholders[0]))

static const struct placeholder *
find_placeholder(struct ag_str name)
{
	for (size_t i = 0; i < NPLACEHOLDERS; i++)
		if (ag_str_eq(name, ag_str(placeholders[i].name)))
			return &placeholders[i];
	return NULL;
}

/*
 * Takes "%{name}" off the front of *text, which begins with "%{".  False when
 * there is no closing brace.
 */
static bool
take_placeholder(struct ag_str *text, struct ag_str *name)
{
	size_t end = ag_str_find(*text, '}');

	if (end == text->len)
		return false;
	*name = ag_str_head(ag_str_skip(*text, 2), end - 2);
	*text = ag_str_skip(*text, end + 1);
	return true;
}

/* ---- reading ---- */

static bool
parse_code(struct ag_reply *reply, struct ag_str code, struct ag_buf *why)
{
	uint64_t n;

	if (code.len != 3 || !ag_number_parse(code, 599, &n) || n < 400) {
		ag_buf_printf(why,
		    "begins with \"%.*s\", not with a code from "
		    "400 to 599; write CODE STATUS TEXT, such as "
		    "550 5.7.1 Refused",
		    AG_STR_ARG(code));
		return false;
	}
	if (n == 421 || n == 521) {
		ag_buf_text(why,
		    "uses a code that makes the MTA hang up; take "
		    "another than 421 and 521");
		return false;
	}
	memcpy(reply->code, code.ptr, 3);
	reply->code[3] = '\0';
	return true;
}

/* RFC 3463 section 2: class "." subject "." detail. */
static bool
is_status(struct ag_str status)
{
	struct ag_str part;
	uint64_t n;
	int parts = 0;

	for (; parts < 3; parts++) {
		part = ag_str_head(status, ag_str_find(status, '.'));
		if ((parts == 2) != (part.len == status.len) ||
		    !ag_number_parse(part, parts == 0 ? 5 : 999, &n))
			return false;
		status = ag_str_skip(status, part.len + 1);
	}
	return true;
}

static bool
parse_status(struct ag_reply *reply, struct ag_str status, struct ag_buf *why)
{
	if (status.len >= sizeof(reply->status) || !is_status(status)) {
		ag_buf_printf(why,
		    "has no status such as %c.7.1 behind its code",
		    reply->code[0]);
		return false;
	}
	if (status.ptr[0] != reply->code[0]) {
		ag_buf_printf(why,
		    "has a code that begins with %c and a status "
		    "that begins with %c; both must be of one class",
		    reply->code[0], status.ptr[0]);
		return false;
	}
	memcpy(reply->status, status.ptr, status.len);
	reply->status[status.len] = '\0';
	return true;
}

static bool
check_bytes(struct ag_str text, struct ag_buf *why)
{
	if (text.len == 0 || text.len > TEXT_MAX) {
		ag_buf_printf(why,
		    text.len == 0 ? "has no text behind code and status" :
				    "has a text of more than %d bytes",
		    TEXT_MAX);
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < ' ' || text.ptr[i] > '~') {
			ag_buf_text(why,
			    "has a byte in its text that is not "
			    "printable ASCII");
			return false;
		}
	}
	return true;
}

static bool
check_placeholder(struct ag_str name, enum ag_rule rule, struct ag_buf *why)
{
	const struct placeholder *p = find_placeholder(name);

	if (p == NULL) {
		ag_buf_printf(why, "has %%{%.*s}; known are", AG_STR_ARG(name));
		for (size_t i = 0; i < NPLACEHOLDERS; i++)
			ag_buf_printf(why, " %s", placeholders[i].name);
		return false;
	}
	if (p->why_only == NULL || p->only == ag_rule_stage(rule))
		return true;
	ag_buf_printf(why, "has %%{%s}, but %s", p->name, p->why_only);
	return false;
}

static bool
check_placeholders(struct ag_str text, enum ag_rule rule, struct ag_buf *why)
{
	struct ag_str name;

	while (text.len > 0) {
		if (!ag_str_starts(text, "%{")) {
			text = ag_str_skip(text, 1);
			continue;
		}
		if (!take_placeholder(&text, &name)) {
			ag_buf_text(why, "has %{ without }");
			return false;
		}
		if (!check_placeholder(name, rule, why))
			return false;
	}
	return true;
}

bool
ag_reply_parse(struct ag_reply *reply, struct ag_str text, enum ag_rule rule,
    struct ag_buf *why)
{
	struct ag_str code, status;

	ag_str_word(&text, " ", &code);
	if (!parse_code(reply, code, why))
		return false;
	ag_str_word(&text, " ", &status);
	if (!parse_status(reply, status, why))
		return false;
	reply->text = ag_str_trim(text);
	return check_bytes(reply->text, why) &&
	    check_placeholders(reply->text, rule, why);
}

/* ---- filling in ---- */

bool
ag_reply_is_temporary(const struct ag_reply *reply)
{
	return reply->code[0] == '4';
}

static void
fill_value(struct ag_str value, struct ag_buf *out)
{
	value = ag_str_head(value, VALUE_MAX);
	for (size_t i = 0; i < value.len; i++) {
		bool printable = value.ptr[i] >= ' ' && value.ptr[i] <= '~';

		ag_buf_char(out, printable ? value.ptr[i] : '?');
	}
}

void
ag_reply_fill(const struct ag_reply *reply,
    const struct ag_reply_values *values, struct ag_buf *out)
{
	struct ag_str text = reply->text, name;

	while (text.len > 0) {
		const struct placeholder *p = NULL;

		if (ag_str_starts(text, "%{") && take_placeholder(&text, &name))
			p = find_placeholder(name);
		if (p != NULL) {
			const char *at = (const char *)values + p->offset;

			fill_value(*(const struct ag_str *)(const void *)at,
			    out);
			continue;
		}
		ag_buf_char(out, text.ptr[0]);
		text = ag_str_skip(text, 1);
	}
}
