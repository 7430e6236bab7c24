/*
 * fault.h - what a list looks like that was not meant
 *
 * A download that brought an error page, an export that broke off, a file that
 * is being written: such a list had entries, and what it says now would open
 * or close what nobody asked for.  Its last good version stays in force.
 */
#ifndef AG_FAULT_H
#define AG_FAULT_H

#include "policy/base/text.h"

/* A list, as it was good and as it is now. */
struct ag_change {
	size_t entries_before;
	bool was_whole; /* its last line ended */
	struct ag_str text;
	size_t entries; /* good ones */
	size_t bad_lines;
};

/*
 * Says in a few words what is wrong with the text; NULL: nothing.  A text that
 * had no entry before may become whatever it likes.
 */
const char *ag_fault_find(const struct ag_change *change);

/* Whether the last line of a text ends as lines do. */
bool ag_fault_is_whole(struct ag_str text);

/* How many lines of a list are neither blank nor a comment. */
size_t ag_fault_count_entries(struct ag_str text);

#endif
