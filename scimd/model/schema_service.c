/* The schemas of the discovery documents themselves (RFC 7643 section 8.7.2, with its errata, and RFC
 * 9865 section 4). They are shown; nothing is validated by them, since nobody writes these. */
#include "scimd/model/schema.h"

#include "shared/attrs.h"

#define STRINGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SUBS(...) ((const struct schema_attribute[]){ __VA_ARGS__, { .name = NULL } })

#define READ_ONLY(type_, name_, description_, ...)                                       \
	{ .name = (name_), .description = (description_), .type = SCHEMA_##type_,        \
	  .mutability = SCHEMA_READ_ONLY, __VA_ARGS__ }
#define REFERENCE(name_, description_, to_, ...)                                         \
	READ_ONLY(REFERENCE, name_, description_, .case_exact = true,                    \
		  .reference_types = STRINGS(to_), __VA_ARGS__)
#define MULTI .multi_valued = true
#define REQUIRED .required = true
#define CASE_EXACT .case_exact = true

#define SUPPORTED READ_ONLY(BOOLEAN, "supported", "Whether it can be used.", REQUIRED)
#define FEATURE(name_, description_) \
	READ_ONLY(COMPLEX, name_, description_, .sub = SUBS(SUPPORTED), REQUIRED)

static const struct schema_attribute provider_config_attributes[] = {
	REFERENCE("documentationUri", "Where the service is described to people.", "external"),
	FEATURE("patch", "PATCH."),
	READ_ONLY(COMPLEX, "bulk", "Many operations in one request.", REQUIRED,
		  .sub = SUBS(SUPPORTED,
			      READ_ONLY(INTEGER, "maxOperations", "The most in one request.",
					REQUIRED),
			      READ_ONLY(INTEGER, "maxPayloadSize", "The most bytes of a request.",
					REQUIRED))),
	READ_ONLY(COMPLEX, "filter", "Queries with conditions.", REQUIRED,
		  .sub = SUBS(SUPPORTED, READ_ONLY(INTEGER, "maxResults",
						   "The most resources in one answer.", REQUIRED))),
	FEATURE("changePassword", "Setting passwords."),
	FEATURE("sort", "Sorted answers."),
	FEATURE("etag", "Entity tags and preconditions."),
	READ_ONLY(COMPLEX, "pagination", "Answers page by page.",
		  .sub = SUBS(READ_ONLY(BOOLEAN, "cursor", "By cursor.", REQUIRED),
			      READ_ONLY(BOOLEAN, "index", "By index.", REQUIRED),
			      READ_ONLY(STRING, "defaultPaginationMethod", "What is done unasked.",
					.canonical_values = STRINGS("cursor", "index")),
			      READ_ONLY(INTEGER, "defaultPageSize", "Resources on a page."),
			      READ_ONLY(INTEGER, "maxPageSize", "The most resources on a page."),
			      READ_ONLY(INTEGER, "cursorTimeout",
					"Seconds that a cursor is valid at least."))),
	READ_ONLY(COMPLEX, "authenticationSchemes", "How clients say who they are.", MULTI, REQUIRED,
		  .sub = SUBS(READ_ONLY(STRING, "type", "The scheme.", REQUIRED,
					.canonical_values =
						STRINGS("oauth", "oauth2", "oauthbearertoken",
							"httpbasic", "httpdigest")),
			      READ_ONLY(STRING, "name", "Its name.", REQUIRED),
			      READ_ONLY(STRING, "description", "What it is.", REQUIRED),
			      REFERENCE("specUri", "Its specification.", "external"),
			      REFERENCE("documentationUri", "How to use it here.", "external"),
			      READ_ONLY(BOOLEAN, "primary", "Whether it is the preferred one."))),
	{ .name = NULL },
};

static const struct schema_attribute resource_type_attributes[] = {
	READ_ONLY(STRING, "id", "The type's identifier, which is its name.", CASE_EXACT),
	READ_ONLY(STRING, "name", "The type's name, as in meta.resourceType.", REQUIRED),
	READ_ONLY(STRING, "description", "What resources of the type are."),
	REFERENCE("endpoint", "Where they are, below the base URL.", "uri", REQUIRED),
	REFERENCE("schema", "The URN of their schema.", "uri", REQUIRED),
	READ_ONLY(COMPLEX, "schemaExtensions", "What else they may have.", MULTI,
		  .sub = SUBS(REFERENCE("schema", "The extension's URN.", "uri", REQUIRED),
			      READ_ONLY(BOOLEAN, "required", "Whether each has it.", REQUIRED))),
	{ .name = NULL },
};

/* What is said of an attribute and of a sub-attribute alike. */
#define CHARACTERISTICS                                                                        \
	READ_ONLY(STRING, "name", "Its name.", REQUIRED, CASE_EXACT),                          \
		READ_ONLY(STRING, "type", "The type of its values.", REQUIRED,                 \
			  .canonical_values = STRINGS("string", "boolean", "decimal", "integer", \
						      "dateTime", "binary", "reference",       \
						      "complex")),                             \
		READ_ONLY(BOOLEAN, "multiValued", "Whether it is a list.", REQUIRED),          \
		READ_ONLY(STRING, "description", "What it means."),                            \
		READ_ONLY(BOOLEAN, "required", "Whether a resource must have it."),            \
		READ_ONLY(STRING, "canonicalValues", "Values that are suggested.", MULTI,      \
			  CASE_EXACT),                                                         \
		READ_ONLY(BOOLEAN, "caseExact", "Whether A and a differ."),                    \
		READ_ONLY(STRING, "mutability", "Whether and when it can be written.", CASE_EXACT, \
			  .canonical_values = STRINGS("readOnly", "readWrite", "immutable",    \
						      "writeOnly")),                           \
		READ_ONLY(STRING, "returned", "When it is in an answer.", CASE_EXACT,          \
			  .canonical_values = STRINGS("always", "never", "default", "request")), \
		READ_ONLY(STRING, "uniqueness", "Among which resources it is unique.", CASE_EXACT, \
			  .canonical_values = STRINGS("none", "server", "global")),            \
		READ_ONLY(STRING, "referenceTypes", "What a reference is to.", MULTI, CASE_EXACT)

static const struct schema_attribute schema_attributes[] = {
	READ_ONLY(STRING, "id", "The schema's URN.", REQUIRED),
	READ_ONLY(STRING, "name", "The schema's name.", REQUIRED),
	READ_ONLY(STRING, "description", "What it describes."),
	READ_ONLY(COMPLEX, "attributes", "The attributes, in their order.", MULTI, REQUIRED,
		  .sub = SUBS(CHARACTERISTICS,
			      READ_ONLY(COMPLEX, "subAttributes", "What a complex one consists of.",
					MULTI, .sub = SUBS(CHARACTERISTICS)))),
	{ .name = NULL },
};

const struct schema schema_service[SCHEMA_SERVICE] = {
	{ .urn = SCHEMA_URN_PROVIDER_CONFIG, .name = "ServiceProviderConfig",
	  .description = "What the service can do", .attributes = provider_config_attributes },
	{ .urn = SCHEMA_URN_RESOURCE_TYPE, .name = "ResourceType",
	  .description = "A kind of resource", .attributes = resource_type_attributes },
	{ .urn = SCHEMA_URN_SCHEMA, .name = "Schema",
	  .description = "What a resource may have", .attributes = schema_attributes },
};
