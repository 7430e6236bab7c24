/* guard.c - finds what is wrong with killing a network */
#include "milter/command/guard.h"

#include <stdlib.h>

#include "policy/base/file.h"

static int
compare(const struct ag_ip *a, const struct ag_ip *b)
{
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	return a->lo == b->lo ? 0 : a->lo < b->lo ? -1 : 1;
}

/* Whether one range lies in another. */
static bool
is_within(const struct ag_range *inner, const struct ag_range *outer)
{
	return inner->first.family == outer->first.family &&
	    compare(&outer->first, &inner->first) <= 0 &&
	    compare(&inner->last, &outer->last) <= 0;
}

static bool
covers(const struct ag_item *item, const char *text)
{
	char reason[200];
	struct ag_buf why = AG_BUF(reason);
	struct ag_range range;

	return ag_range_parse(&range, ag_str(text), &why) &&
	    is_within(&range, &item->range);
}

/* ---- what is trusted ---- */

/* One of [relay] allow; NULL: none. */
static bool
covers_word(const struct ag_item *item, struct ag_str allow,
    struct ag_str *trusted)
{
	char reason[200];

	while (ag_str_word(&allow, AG_WORD_SEPARATORS, trusted)) {
		struct ag_buf why = AG_BUF(reason);
		struct ag_range range;

		if (ag_range_parse(&range, *trusted, &why) &&
		    is_within(&range, &item->range))
			return true;
	}
	return false;
}

/* One of a relay list's entries. */
static bool
covers_entry(const struct ag_guard *guard, const struct ag_item *item,
    struct ag_str text, struct ag_buf *why)
{
	struct ag_diag quiet = { 0 };
	struct ag_list list = { .text = text,
		.arena = guard->arena,
		.diag = &quiet,
		.form = ag_policy_login_form(guard->policy),
		.relay = true };
	struct ag_item trusted;

	while (ag_list_next(&list, &trusted))
		if (!trusted.except &&
		    ag_entry_is_live(&trusted.about, guard->now) &&
		    is_within(&trusted.range, &item->range)) {
			ag_buf_printf(why,
			    "it refuses %s, which is trusted in ",
			    AG_SHOWN(trusted.entry));
			return true;
		}
	return false;
}

static bool
covers_list(const struct ag_guard *guard, const struct ag_item *item,
    struct ag_str name, struct ag_buf *why)
{
	const char *path = ag_file_beside(guard->arena, guard->config, name);
	struct ag_str text = ag_str(NULL);
	bool found;

	if (path == NULL || ag_file_read(path, &text) != 0)
		return false;
	found = covers_entry(guard, item, text, why);
	if (found)
		ag_buf_str(why, name);
	free((char *)text.ptr);
	return found;
}

static bool
covers_trusted(const struct ag_guard *guard, const struct ag_item *item,
    struct ag_buf *why)
{
	struct ag_str lists = ag_policy_text(guard->policy, AG_KEY_RELAY), name;
	struct ag_str trusted;

	if (covers_word(item, ag_policy_text(guard->policy, AG_KEY_RELAY_ALLOW),
		&trusted)) {
		ag_buf_printf(why,
		    "it refuses %s, which is trusted in [relay] allow",
		    AG_SHOWN(trusted));
		return true;
	}
	while (ag_str_word(&lists, AG_WORD_SEPARATORS, &name))
		if (covers_list(guard, item, name, why))
			return true;
	return false;
}

/* ---- all of it ---- */

bool
ag_guard_objects(const struct ag_guard *guard, const struct ag_item *item,
    struct ag_buf *why)
{
	if (!ag_entry_is_live(&item->about, guard->now)) {
		ag_buf_text(why, "its end is over already");
		return true;
	}
	if (item->kind != AG_ITEM_NETWORK || item->except)
		return false;
	if (covers(item, "0.0.0.0/0") || covers(item, "::/0")) {
		ag_buf_text(why, "it refuses every client");
		return true;
	}
	if (covers(item, "127.0.0.1") || covers(item, "::1")) {
		ag_buf_text(why, "it refuses this host's own programs");
		return true;
	}
	return covers_trusted(guard, item, why);
}
