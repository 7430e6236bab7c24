/*
 * json.h - what is printed as JSON
 */
#ifndef AG_JSON_H
#define AG_JSON_H

#include <jansson.h>

#include "policy/policy.h"

/*
 * JSON is UTF-8; of anything else the bytes above 127 become "?".  NULL: no
 * memory.
 */
json_t *ag_json_text(struct ag_str text);

/* At most so many bytes, without a part of a character at the end. */
struct ag_str ag_json_cut(struct ag_str text, size_t most);

/* A place in the configuration, or "default"; NULL: no memory. */
json_t *ag_json_origin(const struct ag_origin *origin);

/* The digest and the sizes, named as in the daemon's status. */
json_t *ag_json_policy(uint64_t digest, const struct ag_policy_sizes *sizes);

/* Prints the object to standard output, and frees it. */
void ag_json_print(json_t *object);

#endif
