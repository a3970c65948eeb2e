/* filter.h - SCIM filters (RFC 7644 section 3.4.2.2). Layer: model. Threads: any; a parsed
 * filter is immutable. The whole grammar parses; operators eq, ne, co, sw, ew, gt, ge, lt, le,
 * pr, and, or, not, grouping and value paths evaluate. */
#ifndef SCIMD_MODEL_FILTER_H
#define SCIMD_MODEL_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "scimd/model/resource.h"

#define FILTER_MAX_BYTES 4096
#define FILTER_DEPTH_MAX 32

struct filter;

/* Parse for one resource type. Returns an owned filter (filter_freep), -EPROTO with *fault
 * (invalidFilter: grammar, unknown attribute, order on a boolean, returned=never), or -ENOMEM. */
_must_use_ int filter_parse(enum resource_type type, const char *text, size_t len,
			    struct filter **ret, struct fault *fault);

/* The same for a query over all types: what is an attribute of another type alone has no value in
 * resources of this one. */
_must_use_ int filter_parse_any(enum resource_type type, const char *text, size_t len,
				struct filter **ret, struct fault *fault);

/* Whether a complete representation (with id, meta, groups or members as far as the filter needs
 * them, see filter_uses) matches. */
bool filter_matches(const struct filter *filter, struct json_object *resource);

/* If every match must have this attribute equal to one value (the filter is that comparison, or a
 * conjunction with it), that value, borrowed from the filter; else NULL. path is the canonical
 * spelling: "id", "userName", "externalId", "displayName", "emails.value", "members.value". */
const char *filter_requires(const struct filter *filter, const char *path);

/* Whether the filter looks at this top-level attribute. */
bool filter_uses(const struct filter *filter, const char *attribute);

void filter_freep(struct filter **filter);

#endif
