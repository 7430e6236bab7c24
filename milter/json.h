/*
 * json.h - text from outside, as JSON takes it
 */
#ifndef AG_JSON_H
#define AG_JSON_H

#include <jansson.h>

#include "../policy/text.h"

/*
 * JSON is UTF-8; of anything else the bytes above 127 become "?".  NULL: no
 * memory.
 */
json_t *ag_json_text(struct ag_str text);

/* At most so many bytes, without a part of a character at the end. */
struct ag_str ag_json_cut(struct ag_str text, size_t most);

#endif
