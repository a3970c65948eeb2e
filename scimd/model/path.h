/* path.h - attribute paths (RFC 7644 sections 3.10 and 3.5.2), looked up in the schema tables.
 * Layer: model, private. Threads: any. */
#ifndef SCIMD_MODEL_PATH_H
#define SCIMD_MODEL_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "scimd/model/filter.h"
#include "scimd/model/schema.h"

struct path {
	const struct schema *schema; /* the attribute's; for common ones the core one */
	const struct schema_attribute *attribute; /* NULL: the schema as a whole */
	const struct schema_attribute *sub;	  /* or NULL */
	struct filter *filter;			  /* which elements, owned, or NULL */
};

/* Without a filter: "name.givenName", "URN:attr.sub", "URN". Names without a URN are looked for in
 * the core schema, then in the extensions. -ENOENT: not in the schema; -EINVAL: not a path. */
_must_use_ int path_lookup(enum resource_type type, const char *text, size_t len, struct path *ret);

/* Looked for in type first and then in the other types; for queries over all of them. */
_must_use_ int path_lookup_any(enum resource_type type, const char *text, size_t len,
			       struct path *ret);

/* With an optional filter: "emails[type eq \"work\"].value". -ENOENT for names not in the
 * schema and -EPROTO for anything else, both with *fault (invalidPath or invalidFilter), or
 * -ENOMEM. */
_must_use_ int path_parse(enum resource_type type, const char *text, size_t len, struct path *ret,
			  struct fault *fault);

/* The sub-attributes a filter or path can name: of a multi-valued simple attribute, "value". */
const struct schema_attribute *path_sub_find(const struct schema_attribute *attribute,
					     const char *name, size_t len);

bool path_is_read_only(const struct path *path);

/* Canonical text without the filter, for messages and comparison; cut if it does not fit. */
void path_print(const struct path *path, char *ret, size_t size);

void path_done(struct path *path);

/* Where the attribute's schema keeps its attributes: resource itself, or its URN member. Borrowed;
 * NULL if absent. */
struct json_object *path_container(const struct path *path, struct json_object *resource);

#endif
