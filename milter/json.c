#include "json.h"

#include <stdlib.h>

json_t *
ag_json_text(struct ag_str text)
{
	char *safe;
	json_t *json;

	if (ag_str_is_utf8(text))
		return json_stringn(text.ptr != NULL ? text.ptr : "", text.len);
	safe = malloc(text.len);
	for (size_t i = 0; safe != NULL && i < text.len; i++)
		safe[i] = (unsigned char)text.ptr[i] > 127 ? '?' : text.ptr[i];
	json = json_stringn(safe, text.len);
	free(safe);
	return json;
}

struct ag_str
ag_json_cut(struct ag_str text, size_t most)
{
	struct ag_str head = ag_str_head(text, most);

	/* a character has four bytes at most */
	for (size_t i = 0; i < 4 && i <= head.len; i++) {
		struct ag_str whole = ag_str_head(head, head.len - i);

		if (ag_str_is_utf8(whole))
			return whole;
	}
	return head;
}
