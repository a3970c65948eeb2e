#include "scimd/model/schema.h"

#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "shared/attrs.h"

#define STRINGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SUBS(...) ((const struct schema_attribute[]){ __VA_ARGS__, { .name = NULL } })

#define STRING(name_, description_, ...) \
	{ .name = (name_), .description = (description_), .type = SCHEMA_STRING, __VA_ARGS__ }
#define REFERENCE(name_, description_, ...)                                       \
	{ .name = (name_), .description = (description_), .type = SCHEMA_REFERENCE, \
	  .case_exact = true, __VA_ARGS__ }
#define BOOLEAN(name_, description_) \
	{ .name = (name_), .description = (description_), .type = SCHEMA_BOOLEAN }
#define ID_NUMBER(name_, description_)                                            \
	{ .name = (name_), .description = (description_), .type = SCHEMA_INTEGER, \
	  .id_number = true }
#define COMPLEX(name_, description_, subs_, ...)                                \
	{ .name = (name_), .description = (description_), .type = SCHEMA_COMPLEX, \
	  .sub = (subs_), __VA_ARGS__ }

#define READ_ONLY .mutability = SCHEMA_READ_ONLY
#define IMMUTABLE .mutability = SCHEMA_IMMUTABLE
#define MULTI .multi_valued = true
#define CASE_EXACT .case_exact = true

/* The four that most multi-valued attributes share (RFC 7643 section 2.4). */
#define DISPLAY STRING("display", "A name for people to read.")
#define PRIMARY BOOLEAN("primary", "Whether this is the preferred one; at most one is.")
#define TYPE(...) \
	STRING("type", "What the value is for.", .canonical_values = STRINGS(__VA_ARGS__))
#define TYPE_ANY STRING("type", "What the value is for.")

const struct schema_attribute schema_common[] = {
	STRING("id", "The resource's identifier, made by the service provider.", CASE_EXACT,
	       READ_ONLY, .returned = SCHEMA_ALWAYS, .required = true, .unique = true),
	STRING("externalId", "The identifier that the provisioning client uses.", CASE_EXACT),
	COMPLEX("meta", "Facts about the resource.",
		SUBS(STRING("resourceType", "The resource's type.", CASE_EXACT, READ_ONLY),
		     { .name = "created", .description = "When it was created.",
		       .type = SCHEMA_DATETIME, READ_ONLY },
		     { .name = "lastModified", .description = "When it was last changed.",
		       .type = SCHEMA_DATETIME, READ_ONLY },
		     REFERENCE("location", "Its URI.", READ_ONLY,
			       .reference_types = STRINGS("uri")),
		     STRING("version", "Its entity tag.", CASE_EXACT, READ_ONLY)),
		READ_ONLY),
	/* URNs are the same in any case. */
	{ .name = "schemas", .description = "The URNs of the schemas in use.",
	  .type = SCHEMA_REFERENCE, MULTI, READ_ONLY, .required = true,
	  .returned = SCHEMA_ALWAYS, .reference_types = STRINGS("uri") },
	{ .name = NULL },
};

static const struct schema_attribute user_attributes[] = {
	{ .name = "userName", .description = "The name a person signs in with.",
	  .type = SCHEMA_STRING, .required = true, .unique = true },
	COMPLEX("name", "The parts of the person's name.",
		SUBS(STRING("formatted", "The full name, ready for display."),
		     STRING("familyName", "The family name."),
		     STRING("givenName", "The given name."),
		     STRING("middleName", "The middle names."),
		     STRING("honorificPrefix", "The title before the name."),
		     STRING("honorificSuffix", "The suffix after the name."))),
	STRING("displayName", "The name shown to others."),
	STRING("nickName", "The casual name."),
	REFERENCE("profileUrl", "A page about the person.",
		  .reference_types = STRINGS("external")),
	STRING("title", "The job title."),
	STRING("userType", "The relation to the organisation, such as Employee."),
	STRING("preferredLanguage", "The preferred language, as in Accept-Language."),
	STRING("locale", "The language tag for formats of numbers and dates."),
	STRING("timezone", "The time zone, by its Olson name."),
	BOOLEAN("active", "Whether the person may use this service at all."),
	STRING("password", "The password in clear text, stored as a hash.", CASE_EXACT,
	       .mutability = SCHEMA_WRITE_ONLY, .returned = SCHEMA_NEVER),
	COMPLEX("emails", "E-mail addresses.",
		SUBS(STRING("value", "The address."), DISPLAY, TYPE("work", "home", "other"),
		     PRIMARY),
		MULTI),
	COMPLEX("phoneNumbers", "Telephone numbers.",
		SUBS(STRING("value", "The number."), DISPLAY,
		     TYPE("work", "home", "mobile", "fax", "pager", "other"), PRIMARY),
		MULTI),
	COMPLEX("ims", "Instant messaging addresses.",
		SUBS(STRING("value", "The address."), DISPLAY,
		     TYPE("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"), PRIMARY),
		MULTI),
	COMPLEX("photos", "Pictures of the person.",
		SUBS(REFERENCE("value", "Where the picture is.",
			       .reference_types = STRINGS("external")),
		     DISPLAY, TYPE("photo", "thumbnail"), PRIMARY),
		MULTI),
	COMPLEX("addresses", "Postal addresses.",
		SUBS(STRING("formatted", "The address, ready for display."),
		     STRING("streetAddress", "Street and house number."),
		     STRING("locality", "The city or place."),
		     STRING("region", "The state or region."),
		     STRING("postalCode", "The postal code."),
		     STRING("country", "The country's ISO 3166-1 alpha-2 code."),
		     TYPE("work", "home", "other"), PRIMARY),
		MULTI),
	COMPLEX("groups", "The groups the person is a member of; changed through the groups.",
		SUBS(STRING("value", "The group's id.", CASE_EXACT, READ_ONLY),
		     REFERENCE("$ref", "The group's URI.", READ_ONLY,
			       .reference_types = STRINGS("Group")),
		     STRING("display", "The group's name.", READ_ONLY),
		     STRING("type", "How the membership came about.", READ_ONLY,
			    .canonical_values = STRINGS("direct", "indirect"))),
		MULTI, READ_ONLY),
	COMPLEX("entitlements", "Things the person has.",
		SUBS(STRING("value", "The entitlement."), DISPLAY, TYPE_ANY, PRIMARY), MULTI),
	COMPLEX("roles", "What the person is.",
		SUBS(STRING("value", "The role."), DISPLAY, TYPE_ANY, PRIMARY), MULTI),
	COMPLEX("x509Certificates", "Certificates issued to the person.",
		SUBS({ .name = "value", .description = "The certificate, DER in base64.",
		       .type = SCHEMA_BINARY, .case_exact = true },
		     DISPLAY, TYPE_ANY, PRIMARY),
		MULTI),
	{ .name = NULL },
};

static const struct schema_attribute enterprise_attributes[] = {
	STRING("employeeNumber", "The number the organisation gave the person."),
	STRING("costCenter", "The cost centre."),
	STRING("organization", "The organisation."),
	STRING("division", "The division."),
	STRING("department", "The department."),
	COMPLEX("manager", "The person's manager.",
		SUBS(STRING("value", "The manager's id.", CASE_EXACT),
		     REFERENCE("$ref", "The manager's URI.", .reference_types = STRINGS("User")),
		     STRING("displayName", "The manager's name.", READ_ONLY))),
	{ .name = NULL },
};

static const struct schema_attribute posix_user_attributes[] = {
	ID_NUMBER("uidNumber", "The wanted user id; given if it is free and in range."),
	ID_NUMBER("gidNumber", "Kept, without effect: the private group has the id of the user."),
	STRING("homeDirectory", "The home directory.", CASE_EXACT),
	STRING("loginShell", "The login shell.", CASE_EXACT),
	STRING("gecos", "The full name field."),
	STRING("sshPublicKeys", "SSH public keys, each a line of authorized_keys.", CASE_EXACT,
	       MULTI),
	{ .name = NULL },
};

static const struct schema_attribute group_attributes[] = {
	STRING("displayName", "The group's name.", .required = true),
	COMPLEX("members", "The group's members.",
		SUBS(STRING("value", "The member's id.", CASE_EXACT, IMMUTABLE),
		     REFERENCE("$ref", "The member's URI.", IMMUTABLE,
			       .reference_types = STRINGS("User")),
		     STRING("type", "The member's kind.", IMMUTABLE,
			    .canonical_values = STRINGS("User")),
		     STRING("display", "The member's name.", READ_ONLY)),
		MULTI),
	{ .name = NULL },
};

static const struct schema_attribute posix_group_attributes[] = {
	ID_NUMBER("gidNumber", "The wanted group id; given if it is free and in range."),
	{ .name = NULL },
};

static const struct schema built_in[SCHEMA_BUILT_IN] = {
	{ .urn = URN_USER, .name = "User", .description = "User Account",
	  .resource = RESOURCE_USER, .core = true, .attributes = user_attributes },
	{ .urn = URN_ENTERPRISE, .name = "EnterpriseUser",
	  .description = "Enterprise User", .resource = RESOURCE_USER,
	  .attributes = enterprise_attributes },
	{ .urn = URN_POSIX_USER,
	  .alias_urn = "urn:ietf:params:scim:schemas:oracle:idcs:extension:posix:User",
	  .name = "PosixUser", .description = "A person's account on Linux hosts",
	  .resource = RESOURCE_USER, .attributes = posix_user_attributes },
	{ .urn = URN_GROUP, .name = "Group", .description = "Group",
	  .resource = RESOURCE_GROUP, .core = true, .attributes = group_attributes },
	{ .urn = URN_POSIX_GROUP,
	  .alias_urn = "urn:ietf:params:scim:schemas:oracle:idcs:extension:posix:Group",
	  .name = "PosixGroup", .description = "A group on Linux hosts",
	  .resource = RESOURCE_GROUP, .attributes = posix_group_attributes },
};

static const struct schema *const built_in_list[] = {
	&built_in[0], &built_in[1], &built_in[2], &built_in[3], &built_in[4], NULL,
};
_Static_assert(ARRAY_SIZE(built_in_list) == SCHEMA_BUILT_IN + 1, "every schema is on the list");

static const struct schema *const *_Atomic in_force = built_in_list;

const struct schema *const *schema_all(void)
{
	return atomic_load(&in_force);
}

void schema_use(const struct schema *const *list)
{
	atomic_store(&in_force, list ? list : built_in_list);
}

const struct schema *schema_core(enum resource_type type)
{
	const struct schema *schema = built_in;

	while (!schema->core || schema->resource != type)
		schema++;
	return schema;
}

static bool is_word(const char *word, const char *text, size_t len)
{
	return word && strlen(word) == len && strncasecmp(word, text, len) == 0;
}

const struct schema *schema_find(const char *urn, size_t len)
{
	for (const struct schema *const *s = schema_all(); *s; s++) {
		if (is_word((*s)->urn, urn, len) || is_word((*s)->alias_urn, urn, len))
			return *s;
	}
	return NULL;
}

bool schema_is_secret(const char *name)
{
	for (size_t len; *name; name += len + (name[len] != '\0')) {
		len = strcspn(name, ":.[");
		for (const struct schema *const *s = schema_all() + SCHEMA_BUILT_IN; *s; s++) {
			const struct schema_attribute *a =
				schema_attribute_find((*s)->attributes, name, len);

			if (a && a->returned == SCHEMA_NEVER)
				return true;
		}
	}
	return false;
}

/* What other products call the same thing. */
static const struct {
	const struct schema_attribute *list;
	const char *alias, *name;
} aliases[] = {
	{ posix_user_attributes, "sshPublicKey", "sshPublicKeys" },
	{ posix_user_attributes, "sshKeys", "sshPublicKeys" },
};

const struct schema_attribute *schema_attribute_find(const struct schema_attribute *list,
						     const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (aliases[i].list == list && is_word(aliases[i].alias, name, len)) {
			name = aliases[i].name;
			len = strlen(name);
		}
	}
	for (; list && list->name; list++) {
		if (is_word(list->name, name, len))
			return list;
	}
	return NULL;
}
