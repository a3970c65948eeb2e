/* sort.h - the order of a query's answer (RFC 7644 section 3.4.2.3). Layer: model. Threads: any; a
 * parsed sort is immutable. */
#ifndef SCIMD_MODEL_SORT_H
#define SCIMD_MODEL_SORT_H

#include <stdbool.h>

#include "scimd/model/resource.h"

#define SORT_KEY_MAX 256 /* bytes of a key; longer values are told apart by these alone */

struct sort;

/* What sortBy names, for resources of one type; any: of all types, where attributes of another
 * type have no value. Owned in *ret (sort_freep); -EPROTO with *fault (invalidValue), or
 * -ENOMEM. */
_must_use_ int sort_parse(enum resource_type type, bool any, const char *by, struct sort **ret,
			  struct fault *fault);

/* The key of a complete representation, owned in *ret, NULL if it has no value: the value that is
 * primary, else the first; numbers, dates and booleans as text of their order. Case counts where
 * the schema says so. -ENOMEM. */
_must_use_ int sort_key(const struct sort *sort, struct json_object *resource, char **ret);

/* Whether the order is that of this attribute or one within it. */
bool sort_uses(const struct sort *sort, const char *attribute);

/* Ascending, without value last. */
int sort_compare(const char *a, const char *b);

void sort_freep(struct sort **sort);

#endif
