/* json_private.h - what the model's files share about JSON. Layer: model, private. */
#ifndef SCIMD_MODEL_JSON_PRIVATE_H
#define SCIMD_MODEL_JSON_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "shared/attrs.h"

/* Set a member or append an element; both take value, also on failure, and a NULL value means that
 * it could not be made: -ENOMEM. */
_must_use_ int json_set(struct json_object *object, const char *key, struct json_object *value);
_must_use_ int json_append(struct json_object *array, struct json_object *value);

/* Member by its exact name, borrowed; NULL if absent, null, or object is none. */
struct json_object *json_member(struct json_object *object, const char *name);

/* How many members have this name ignoring ASCII case. */
size_t json_count(struct json_object *object, const char *name);

#endif
