/* fault.c - tells a list that was not meant from one that was */
#include "policy/config/fault.h"

#include <string.h>

#include "policy/config/lists.h"

static bool
begins_with(struct ag_str text, const char *bytes, size_t n)
{
	return text.len >= n && memcmp(text.ptr, bytes, n) == 0;
}

/* Of a web page, of JSON, of a file that is packed; NULL: of none. */
static const char *
foreign_form(struct ag_str text)
{
	static const char blanks[] = " \t\r\n";
	struct ag_str begin;

	if (begins_with(text, "\x1f\x8b", 2))
		return "it is packed with gzip; unpack it";
	if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)
		return "it holds NUL bytes, as no text does";
	ag_str_drop_mark(&text);
	begin = ag_str_skip_any(text, blanks);
	if (ag_str_starts(begin, "<"))
		return "it begins like a web page";
	if (ag_str_starts(begin, "{") || ag_str_starts(begin, "["))
		return "it begins like JSON";
	return NULL;
}

bool
ag_fault_is_whole(struct ag_str text)
{
	return text.len > 0 && text.ptr[text.len - 1] == '\n';
}

/* It ends within a line, and a tenth of the entries or more is gone. */
static bool
breaks_off(const struct ag_change *change)
{
	return change->was_whole && !ag_fault_is_whole(change->text) &&
	    change->entries <=
	    change->entries_before - (change->entries_before + 9) / 10;
}

const char *
ag_fault_find(const struct ag_change *change)
{
	const char *form;

	if (change->entries_before == 0)
		return NULL;
	if (change->text.len == 0)
		return "the file has no bytes";
	form = foreign_form(change->text);
	if (form != NULL)
		return form;
	if (change->bad_lines > change->entries)
		return "more of its lines are bad than good";
	if (breaks_off(change))
		return "it ends within a line, and entries are missing";
	return NULL;
}

size_t
ag_fault_count_entries(struct ag_str text)
{
	struct ag_str line;
	size_t n = 0;

	ag_str_drop_mark(&text);
	while (ag_str_line(&text, &line))
		n += ag_list_has_entries(line);
	return n;
}
