/* The discovery documents, from the tables in schema.c (RFC 7643 sections 5 to 7). */
#include "scimd/model/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/json.h"
#include "scimd/model/json_private.h"

static const struct {
	const char *name, *endpoint, *description;
	enum resource_type type;
} resource_types[] = {
	{ "User", "/Users", "User Account", RESOURCE_USER },
	{ "Group", "/Groups", "Group", RESOURCE_GROUP },
};

static int set_string(struct json_object *object, const char *key, const char *text)
{
	return json_set(object, key, json_object_new_string(text));
}

static int set_flag(struct json_object *object, const char *key, bool flag)
{
	return json_set(object, key, json_object_new_boolean(flag));
}

static int set_count(struct json_object *object, const char *key, uint64_t count)
{
	return json_set(object, key, json_object_new_int64((int64_t)count));
}

static int set_strings(struct json_object *object, const char *key, const char *const *strings)
{
	struct json_object *array = json_object_new_array();
	int r = json_set(object, key, array);

	for (; r >= 0 && *strings; strings++)
		r = json_append(array, json_object_new_string(*strings));
	return r;
}

/* A new object with schemas and meta. */
static struct json_object *document_new(const char *urn, const char *type, const char *base_url,
					const char *path)
{
	_cleanup_(json_putp) struct json_object *document = json_object_new_object();
	struct json_object *meta = json_object_new_object();
	_cleanup_free_ char *location = NULL;

	if (json_set(document, "meta", meta) < 0 ||
	    set_strings(document, "schemas", (const char *const[]){ urn, NULL }) < 0 ||
	    asprintf(&location, "%s%s", base_url, path) < 0 ||
	    set_string(meta, "resourceType", type) < 0 ||
	    set_string(meta, "location", location) < 0)
		return NULL;
	return TAKE_PTR(document);
}

static const char *type_name(enum schema_type type)
{
	static const char *const names[] = {
		[SCHEMA_STRING] = "string",	  [SCHEMA_BOOLEAN] = "boolean",
		[SCHEMA_INTEGER] = "integer",	  [SCHEMA_DATETIME] = "dateTime",
		[SCHEMA_REFERENCE] = "reference", [SCHEMA_BINARY] = "binary",
		[SCHEMA_COMPLEX] = "complex",	  [SCHEMA_DECIMAL] = "decimal",
	};

	return names[type];
}

static const char *mutability_name(enum schema_mutability mutability)
{
	static const char *const names[] = {
		[SCHEMA_READ_WRITE] = "readWrite",
		[SCHEMA_READ_ONLY] = "readOnly",
		[SCHEMA_WRITE_ONLY] = "writeOnly",
		[SCHEMA_IMMUTABLE] = "immutable",
	};

	return names[mutability];
}

static const char *returned_name(enum schema_returned returned)
{
	static const char *const names[] = {
		[SCHEMA_DEFAULT] = "default",
		[SCHEMA_ALWAYS] = "always",
		[SCHEMA_NEVER] = "never",
		[SCHEMA_REQUEST] = "request",
	};

	return names[returned];
}

static struct json_object *attributes_new(const struct schema_attribute *list);

static int fill_attribute(struct json_object *object, const struct schema_attribute *attribute)
{
	bool simple = attribute->type != SCHEMA_COMPLEX;

	if (set_string(object, "name", attribute->name) < 0 ||
	    set_string(object, "type", type_name(attribute->type)) < 0 ||
	    set_flag(object, "multiValued", attribute->multi_valued) < 0 ||
	    set_string(object, "description", attribute->description) < 0 ||
	    set_flag(object, "required", attribute->required) < 0 ||
	    set_string(object, "mutability", mutability_name(attribute->mutability)) < 0 ||
	    set_string(object, "returned", returned_name(attribute->returned)) < 0)
		return -ENOMEM;
	/* Complex attributes have neither case nor uniqueness (erratum 6004). */
	if (simple && (set_flag(object, "caseExact", attribute->case_exact) < 0 ||
		       set_string(object, "uniqueness",
				  attribute->unique ? "server" : "none") < 0))
		return -ENOMEM;
	if (attribute->canonical_values &&
	    set_strings(object, "canonicalValues", attribute->canonical_values) < 0)
		return -ENOMEM;
	if (attribute->reference_types &&
	    set_strings(object, "referenceTypes", attribute->reference_types) < 0)
		return -ENOMEM;
	return simple ? 0 : json_set(object, "subAttributes", attributes_new(attribute->sub));
}

static struct json_object *attributes_new(const struct schema_attribute *list)
{
	_cleanup_(json_putp) struct json_object *array = json_object_new_array();

	for (; list->name; list++) {
		struct json_object *object = json_object_new_object();

		if (json_append(array, object) < 0 || fill_attribute(object, list) < 0)
			return NULL;
	}
	return TAKE_PTR(array);
}

static struct json_object *schema_document(const char *base_url, const struct schema *schema)
{
	_cleanup_(json_putp) struct json_object *document = NULL;
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "/Schemas/%s", schema->urn) < 0)
		return NULL;
	document = document_new(SCHEMA_URN_SCHEMA, "Schema", base_url, path);
	if (!document || set_string(document, "id", schema->urn) < 0 ||
	    set_string(document, "name", schema->name) < 0 ||
	    set_string(document, "description", schema->description) < 0 ||
	    json_set(document, "attributes", attributes_new(schema->attributes)) < 0)
		return NULL;
	return TAKE_PTR(document);
}

static struct json_object *extensions_new(enum resource_type type)
{
	_cleanup_(json_putp) struct json_object *array = json_object_new_array();

	for (const struct schema *const *s = schema_all(); *s; s++) {
		struct json_object *extension;

		if ((*s)->resource != type || (*s)->core)
			continue;
		extension = json_object_new_object();
		if (json_append(array, extension) < 0 ||
		    set_string(extension, "schema", (*s)->urn) < 0 ||
		    set_flag(extension, "required", false) < 0)
			return NULL;
	}
	return TAKE_PTR(array);
}

static struct json_object *resource_type_document(const char *base_url, size_t i)
{
	_cleanup_(json_putp) struct json_object *document = NULL;
	_cleanup_free_ char *path = NULL;
	enum resource_type type = resource_types[i].type;

	if (asprintf(&path, "/ResourceTypes/%s", resource_types[i].name) < 0)
		return NULL;
	document = document_new(SCHEMA_URN_RESOURCE_TYPE, "ResourceType", base_url, path);
	if (!document || set_string(document, "id", resource_types[i].name) < 0 ||
	    set_string(document, "name", resource_types[i].name) < 0 ||
	    set_string(document, "description", resource_types[i].description) < 0 ||
	    set_string(document, "endpoint", resource_types[i].endpoint) < 0 ||
	    set_string(document, "schema", schema_core(type)->urn) < 0 ||
	    json_set(document, "schemaExtensions", extensions_new(type)) < 0)
		return NULL;
	return TAKE_PTR(document);
}

/* Takes resources. */
static struct json_object *list_new(struct json_object *resources)
{
	_cleanup_(json_putp) struct json_object *list = json_object_new_object();
	size_t count = json_object_array_length(resources);

	if (json_set(list, "Resources", resources) < 0 ||
	    set_strings(list, "schemas", (const char *const[]){ URN_LIST, NULL }) < 0 ||
	    set_count(list, "totalResults", count) < 0 || set_count(list, "startIndex", 1) < 0 ||
	    set_count(list, "itemsPerPage", count) < 0)
		return NULL;
	return TAKE_PTR(list);
}

static struct json_object *schema_document_named(const char *base_url, const char *urn)
{
	const struct schema *schema = schema_find(urn, strlen(urn));

	for (size_t i = 0; !schema && i < SCHEMA_SERVICE; i++) {
		if (strcasecmp(schema_service[i].urn, urn) == 0)
			schema = &schema_service[i];
	}
	if (schema)
		return schema_document(base_url, schema);
	errno = ENOENT;
	return NULL;
}

struct json_object *schema_documents(const char *base_url, const char *urn)
{
	_cleanup_(json_putp) struct json_object *resources = NULL;
	int r = 0;

	if (urn)
		return schema_document_named(base_url, urn);
	resources = json_object_new_array();
	for (const struct schema *const *s = schema_all(); r >= 0 && *s; s++)
		r = json_append(resources, schema_document(base_url, *s));
	for (size_t i = 0; r >= 0 && i < SCHEMA_SERVICE; i++)
		r = json_append(resources, schema_document(base_url, &schema_service[i]));
	if (r < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return list_new(TAKE_PTR(resources));
}

struct json_object *schema_resource_types(const char *base_url, const char *name)
{
	_cleanup_(json_putp) struct json_object *resources = json_object_new_array();

	for (size_t i = 0; i < ARRAY_SIZE(resource_types); i++) {
		if (name && strcasecmp(resource_types[i].name, name) == 0)
			return resource_type_document(base_url, i);
		if (!name && json_append(resources, resource_type_document(base_url, i)) < 0) {
			errno = ENOMEM;
			return NULL;
		}
	}
	if (!name)
		return list_new(TAKE_PTR(resources));
	errno = ENOENT;
	return NULL;
}

/* {"supported": …}, added to document; borrowed, NULL without memory. */
static struct json_object *feature_add(struct json_object *document, const char *name,
				       bool supported)
{
	struct json_object *feature = json_object_new_object();

	if (json_set(document, name, feature) < 0 || set_flag(feature, "supported", supported) < 0)
		return NULL;
	return feature;
}

static int fill_pagination(struct json_object *document, const struct schema_limits *limits)
{
	struct json_object *pagination = json_object_new_object();

	if (json_set(document, "pagination", pagination) < 0 ||
	    set_flag(pagination, "cursor", true) < 0 ||
	    set_flag(pagination, "index", true) < 0 ||
	    set_string(pagination, "defaultPaginationMethod", "index") < 0 ||
	    set_count(pagination, "defaultPageSize", limits->page_default) < 0 ||
	    set_count(pagination, "maxPageSize", limits->page_max) < 0)
		return -ENOMEM;
	return set_count(pagination, "cursorTimeout", limits->cursor_timeout_s);
}

static int fill_authentication(struct json_object *document)
{
	struct json_object *schemes = json_object_new_array(), *scheme = json_object_new_object();

	if (json_set(document, "authenticationSchemes", schemes) < 0) {
		json_object_put(scheme);
		return -ENOMEM;
	}
	if (json_append(schemes, scheme) < 0 ||
	    set_string(scheme, "type", "oauthbearertoken") < 0 ||
	    set_string(scheme, "name", "OAuth Bearer Token") < 0 ||
	    set_string(scheme, "description", "A token of this connection, sent as Bearer") < 0 ||
	    set_string(scheme, "specUri", "https://www.rfc-editor.org/info/rfc6750") < 0)
		return -ENOMEM;
	return set_flag(scheme, "primary", true);
}

static int fill_bulk(struct json_object *document, const struct schema_limits *limits)
{
	struct json_object *bulk = feature_add(document, "bulk", limits->bulk_operations > 0);

	if (!bulk || set_count(bulk, "maxOperations", limits->bulk_operations) < 0)
		return -ENOMEM;
	return set_count(bulk, "maxPayloadSize", limits->bulk_bytes);
}

struct json_object *schema_provider_config(const char *base_url,
					   const struct schema_limits *limits)
{
	_cleanup_(json_putp) struct json_object *document = NULL;
	struct json_object *filter;

	document = document_new(SCHEMA_URN_PROVIDER_CONFIG, "ServiceProviderConfig", base_url,
				"/ServiceProviderConfig");
	if (!document || !feature_add(document, "patch", true) || fill_bulk(document, limits) < 0)
		return NULL;
	filter = feature_add(document, "filter", true);
	if (!filter || set_count(filter, "maxResults", limits->page_max) < 0 ||
	    !feature_add(document, "changePassword", limits->change_password) ||
	    !feature_add(document, "sort", true) || !feature_add(document, "etag", true) ||
	    fill_pagination(document, limits) < 0 || fill_authentication(document) < 0)
		return NULL;
	return TAKE_PTR(document);
}
