/* fields.c - keeps header fields, as far as there is room */
#include "milter/session/fields.h"

#include <stdlib.h>
#include <string.h>

static bool
has_room_for(const struct ag_fields *fields, size_t len)
{
	return fields->n < AG_FIELDS_KEPT &&
	    len <= AG_FIELDS_BYTES - fields->bytes;
}

const char *
ag_fields_keep(struct ag_fields **fields, const char *value)
{
	size_t len = strlen(value);
	char *copy;

	if (*fields == NULL)
		*fields = calloc(1, sizeof(**fields));
	if (*fields == NULL)
		return AG_NO_MEMORY;
	if (!has_room_for(*fields, len)) {
		(*fields)->overflow = true;
		return NULL;
	}
	copy = strdup(value);
	if (copy == NULL)
		return AG_NO_MEMORY;
	(*fields)->value[(*fields)->n++] = (struct ag_str){ copy, len };
	(*fields)->bytes += len;
	return NULL;
}

struct ag_str
ag_fields_only(const struct ag_fields *fields)
{
	return fields != NULL && fields->n == 1 && !fields->overflow ?
	    fields->value[0] :
	    ag_str(NULL);
}

void
ag_fields_free(struct ag_fields *fields)
{
	for (size_t i = 0; fields != NULL && i < fields->n; i++)
		free((char *)fields->value[i].ptr);
	free(fields);
}
