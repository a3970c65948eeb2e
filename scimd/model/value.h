/* value.h - one attribute's value as the client sent it, checked and brought into the schema's
 * form. Layer: model, private. Threads: any, for values that nobody else has. JSON that is given
 * is borrowed and what is put into *ret is owned; a function that fails may have changed its
 * target in part. Errors: -EPROTO with *fault, or -ENOMEM, but for the last two. Faults are 400
 * invalidValue and name the attribute, never the value. strict (PATCH): an object of which no
 * sub-attribute is known is a fault instead of nothing. */
#ifndef SCIMD_MODEL_VALUE_H
#define SCIMD_MODEL_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "scimd/model/schema.h"

#define VALUE_TEXT_MAX 8192
#define VALUE_SSH_KEY_MAX 16384
#define VALUE_BINARY_MAX 65536
#define VALUE_ELEMENTS_MAX 1000

/* null, [] and {} mean "no value" (RFC 7643 section 2.5). */
bool value_is_unassigned(struct json_object *value);

/* A simple attribute's or sub-attribute's value (parent: the complex one, or NULL), owned. */
_must_use_ int value_simple(const struct schema_attribute *parent,
			    const struct schema_attribute *attribute, struct json_object *value,
			    struct json_object **ret, struct fault *fault);

/* Put the sub-attributes that value names into target, and take out those it has as null.
 * value may be a string or an array of one as well. readOnly and unknown ones are left out. */
_must_use_ int value_merge(const struct schema_attribute *attribute, struct json_object *target,
			   struct json_object *value, bool strict, struct fault *fault);

/* A multi-valued attribute's elements as an owned array, which may be empty. value may be a single
 * element as well. At most one may be primary. */
_must_use_ int value_elements(const struct schema_attribute *attribute, struct json_object *value,
			      bool strict, struct json_object **ret, struct fault *fault);

/* Whether a sub-attribute "primary" of this element is true. */
bool value_is_primary(struct json_object *element);

/* Whether an immutable attribute had a value (NULL: none) that now would be another. */
bool value_is_frozen(const struct schema_attribute *attribute, struct json_object *had,
		     struct json_object *now);

/* "true" and "false" in any case, 1 and 0; else -EINVAL. */
_must_use_ int value_boolean(const char *text);

/* An xsd:dateTime as microseconds since 1970, or -EINVAL. */
_must_use_ int value_time(const char *text, int64_t *ret_us);

#endif
