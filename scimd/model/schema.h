/* schema.h - the schemas this provider speaks (RFC 7643 sections 4, 7, 8), as tables that validate,
 * and the discovery documents made from the same tables. Some are compiled in, others come from the
 * configuration (schema_file.h). Layer: model. Threads: any; a schema never changes or goes away. */
#ifndef SCIMD_MODEL_SCHEMA_H
#define SCIMD_MODEL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "scimd/model/resource.h"

enum schema_type {
	SCHEMA_STRING,
	SCHEMA_BOOLEAN,
	SCHEMA_INTEGER,
	SCHEMA_DECIMAL,
	SCHEMA_DATETIME,
	SCHEMA_REFERENCE,
	SCHEMA_BINARY,
	SCHEMA_COMPLEX,
};
enum schema_mutability { SCHEMA_READ_WRITE, SCHEMA_READ_ONLY, SCHEMA_WRITE_ONLY, SCHEMA_IMMUTABLE };
enum schema_returned { SCHEMA_DEFAULT, SCHEMA_ALWAYS, SCHEMA_NEVER, SCHEMA_REQUEST };

struct schema_attribute {
	const char *name;
	const char *description;
	enum schema_type type;
	bool multi_valued, required, case_exact, unique;
	bool id_number; /* INTEGER: a user or group id, 0 to 4294967295; else 64 bits with sign */
	enum schema_mutability mutability;
	enum schema_returned returned;
	const char *const *canonical_values; /* NULL-terminated, or NULL */
	const char *const *reference_types;  /* NULL-terminated, or NULL */
	const struct schema_attribute *sub;  /* ends with name == NULL; NULL unless complex */
};

struct schema {
	const char *urn;
	const char *alias_urn; /* accepted on input, or NULL */
	const char *name;
	const char *description;
	enum resource_type resource; /* which resource it belongs to */
	bool core;                   /* false: extension */
	bool hides;                  /* something in it is returned on request alone, or never */
	const struct schema_attribute *attributes; /* ends with name == NULL */
};

#define SCHEMA_BUILT_IN 5

/* All schemas in force, those compiled in first; ends with NULL. */
const struct schema *const *schema_all(void);

/* Put another list in force, for good: borrowed for the life of the process. It begins with the
 * SCHEMA_BUILT_IN that are compiled in; NULL: these alone. */
void schema_use(const struct schema *const *list);

#define SCHEMA_URN_PROVIDER_CONFIG "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
#define SCHEMA_URN_RESOURCE_TYPE "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
#define SCHEMA_URN_SCHEMA "urn:ietf:params:scim:schemas:core:2.0:Schema"

/* Those of the documents that discovery answers with: shown under /Schemas, in force nowhere. */
#define SCHEMA_SERVICE 3
extern const struct schema schema_service[SCHEMA_SERVICE];

/* id, externalId, meta and schemas, which every resource has. Ends with name == NULL. */
extern const struct schema_attribute schema_common[];

const struct schema *schema_core(enum resource_type type);

/* By URN or alias, ignoring case; NULL if unknown. */
const struct schema *schema_find(const char *urn, size_t len);

/* In a list that ends with name == NULL, ignoring case; NULL if unknown. */
const struct schema_attribute *schema_attribute_find(const struct schema_attribute *list,
						     const char *name, size_t len);

/* Whether a name or path has a part that is an attribute which a schema of the configuration never
 * returns. */
bool schema_is_secret(const char *name);

/* A line of resource_unique_values for one value. Owned in *ret, or -ENOMEM. */
_must_use_ int resource_unique_line(const struct schema *schema,
				    const struct schema_attribute *attribute, const char *text,
				    char **ret);

/* Discovery (RFC 7644 section 4): owned JSON, NULL without memory. base_url has no trailing
 * slash. urn / name select one; NULL: all as a ListResponse. An unknown one gives NULL with
 * errno ENOENT. */
struct json_object *schema_documents(const char *base_url, const char *urn);
struct json_object *schema_resource_types(const char *base_url, const char *name);

/* What the provider's configuration says of limits and features. */
struct schema_limits {
	uint64_t page_default, page_max; /* resources */
	uint64_t cursor_timeout_s;
	uint64_t bulk_operations, bulk_bytes; /* 0 operations: no Bulk */
	bool change_password;
};
struct json_object *schema_provider_config(const char *base_url,
					   const struct schema_limits *limits);

#endif
