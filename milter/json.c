#include "json.h"

#include <stdlib.h>
#include <string.h>

json_t *
ag_json_text(struct ag_str text)
{
	char *safe;
	json_t *json;

	if (ag_str_is_utf8(text))
		return json_stringn(text.ptr != NULL ? text.ptr : "", text.len);
	safe = strndup(text.ptr, text.len);
	for (size_t i = 0; safe != NULL && i < text.len; i++)
		if ((unsigned char)safe[i] > 127)
			safe[i] = '?';
	json = json_stringn(safe, text.len);
	free(safe);
	return json;
}
