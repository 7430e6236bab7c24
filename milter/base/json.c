/* json.c - text from outside as JSON strings */
#include "milter/base/json.h"

#include <stdio.h>
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

json_t *
ag_json_origin(const struct ag_origin *origin)
{
	char at[AG_ORIGIN_MAX];
	struct ag_buf place = AG_BUF(at);

	ag_origin_write(origin, &place);
	return ag_json_text(ag_buf_get(&place));
}

json_t *
ag_json_policy(uint64_t digest, const struct ag_policy_sizes *sizes)
{
	char text[17];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)digest);
	return json_pack("{ss sI sI sI sI sI}", "digest", text, "domain_files",
	    (json_int_t)sizes->domain_files, "local_domains",
	    (json_int_t)sizes->local_domains, "kill_entries",
	    (json_int_t)sizes->killed, "relay_networks",
	    (json_int_t)sizes->relays, "sender_map_addresses",
	    (json_int_t)sizes->senders);
}

void
ag_json_print(json_t *object)
{
	json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	printf("\n");
	json_decref(object);
}
