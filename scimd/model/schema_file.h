/* schema_file.h - extension schemas that the configuration names: `[schema NAME]`, each a Schema
 * document in a file (RFC 7643 section 7). Layer: model. Threads: any.
 * What has been installed stays in memory for good, because requests under way, parsed filters and
 * paths point at it. An unchanged schema is not loaded a second time, so reloading costs nothing
 * unless a document has changed. */
#ifndef SCIMD_MODEL_SCHEMA_FILE_H
#define SCIMD_MODEL_SCHEMA_FILE_H

#include <stddef.h>

#include "scimd/model/fault.h"
#include "scimd/model/schema.h"
#include "shared/attrs.h"
#include "shared/conf.h"

#define SCHEMA_FILE_BYTES_MAX (256u * 1024u)
#define SCHEMA_ATTRIBUTES_MAX 200u /* of one schema, and sub-attributes of one attribute */
#define SCHEMA_URN_MAX 200u

struct schema_set;

/* Read the documents of conf (borrowed). Returns 0 with an owned set, which may be empty; -EPROTO with
 * *fault, which names the file and what is wrong; or -ENOMEM. */
_must_use_ int schema_set_load(const struct conf *conf, struct schema_set **ret,
			       struct fault *fault);

/* One document. name is for messages. Appends to set. Errors as above. */
_must_use_ int schema_set_add(struct schema_set *set, const char *name,
			      enum resource_type resource, const char *text, size_t len,
			      struct fault *fault);

_must_use_ int schema_set_new(struct schema_set **ret);

/* Put the set in force, and take it. */
_must_use_ int schema_set_install(struct schema_set **set);

/* Only for sets that were not installed. */
void schema_set_freep(struct schema_set **set);

#endif
