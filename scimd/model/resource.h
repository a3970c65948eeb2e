/* resource.h - SCIM resources as checked JSON (RFC 7643). Layer: model. Threads: any.
 * A checked resource is a json_object whose attribute names are in the schema's spelling, whose
 * values have the schema's types, without null, without empty arrays, without readOnly attributes,
 * with extensions under their canonical URN (the Oracle POSIX URNs become ours). It never holds:
 * id, meta, schemas, groups, password, and for a Group: members. These travel beside it. */
#ifndef SCIMD_MODEL_RESOURCE_H
#define SCIMD_MODEL_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "scimd/model/fault.h"
#include "shared/attrs.h"

#define URN_USER "urn:ietf:params:scim:schemas:core:2.0:User"
#define URN_GROUP "urn:ietf:params:scim:schemas:core:2.0:Group"
#define URN_ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
#define URN_POSIX_USER "urn:ietf:params:scim:schemas:extension:posix:2.0:User"
#define URN_POSIX_GROUP "urn:ietf:params:scim:schemas:extension:posix:2.0:Group"
#define URN_LIST "urn:ietf:params:scim:api:messages:2.0:ListResponse"
#define URN_PATCH "urn:ietf:params:scim:api:messages:2.0:PatchOp"
#define URN_ERROR "urn:ietf:params:scim:api:messages:2.0:Error"
#define RESOURCE_ID_SIZE 37 /* a UUID in text with its terminator */

enum resource_type { RESOURCE_USER, RESOURCE_GROUP };

enum member_op { MEMBER_ADD, MEMBER_REMOVE, MEMBER_CLEAR };

/* What a request does to a group's members, in order. Groups are too large to be edited as JSON. */
struct member_change {
	enum member_op op;
	char *user_id; /* owned; NULL for MEMBER_CLEAR */
	bool by_display; /* MEMBER_REMOVE: user_id is what `display` shows of them instead */
};

/* A request's effect on one resource. Owned; resource_edit_done frees what it holds. */
struct resource_edit {
	struct json_object *resource; /* the checked resource after the change, owned */
	struct member_change *members;
	size_t member_count;
	char *password; /* set by the request, owned, wiped on free; NULL: untouched */
	bool changed;   /* false: resource equals the current one (members aside) */
	bool by_entra;  /* a PATCH that reads as Entra ID's (enum patch_dialect) */
};

/* Whose reading of a "replace" on a value path that matches nothing counts: the RFC's (400
 * noTarget), or Entra ID's, to whom the path describes what is to be made. AUTO: "Replace", with a
 * capital, is Entra ID; "replace" is anybody. */
enum patch_dialect { PATCH_AUTO, PATCH_RFC, PATCH_ENTRA };

/* Where clients and the RFCs leave a choice. NULL in the place of rules: all zero. */
struct resource_rules {
	enum patch_dialect dialect;
	bool keeps_unknown; /* objects under URNs that are no schema here are kept, not ignored */
	bool checks_schemas; /* `schemas` must be there and name what the body is and uses */
};

/* POST: check body (as parsed) into a new resource. active defaults to true for users. Unknown
 * attributes are ignored, and unknown schema URNs as the rules say. Required: userName, displayName
 * for groups. Returns 0, -EPROTO with *fault, or -ENOMEM. */
_must_use_ int resource_create(enum resource_type type, const struct resource_rules *rules,
			       struct json_object *body, struct resource_edit *ret,
			       struct fault *fault);

/* PUT: body replaces current (borrowed, checked). Attributes that body leaves out are cleared, but
 * active and what is immutable stay as they were. For a group the members become exactly those of the body (MEMBER_CLEAR
 * first); without `members` in the body they are cleared as well. */
_must_use_ int resource_replace(enum resource_type type, const struct resource_rules *rules,
				struct json_object *current, struct json_object *body,
				struct resource_edit *ret, struct fault *fault);

/* PATCH (RFC 7644 section 3.5.2, and the ways of Okta and Entra): all operations of body or none.
 * Whatever would set `active` in a way that is not understood is refused, never skipped. */
_must_use_ int resource_patch(enum resource_type type, const struct resource_rules *rules,
			      struct json_object *current, struct json_object *body,
			      struct resource_edit *ret, struct fault *fault);

/* The value at an attribute path ("name.familyName", "emails[primary eq true].value", "URN:attr"):
 * the first one that is a non-empty string, or a number or boolean as text. Owned string in *ret;
 * -ENOENT without such a value; -EINVAL for a path that does not parse. */
_must_use_ int resource_value(enum resource_type type, struct json_object *resource,
			      const char *path, char **ret);

/* All string values at a multi-valued path such as URN_POSIX_USER ":sshPublicKeys", in order, as a
 * NULL-terminated owned list (free each and the list). Empty list if there are none. */
_must_use_ int resource_values(enum resource_type type, struct json_object *resource,
			       const char *path, char ***ret);
void string_list_freep(char ***list);

/* The values, as text, of attributes whose uniqueness is "server" in schemas of the configuration,
 * each as a line "URN:name=value", folded where case does not count. Owned string in *ret, "" if
 * there are none. */
_must_use_ int resource_unique_values(enum resource_type type, struct json_object *resource,
				      char **ret);

/* Keep or leave out attributes (RFC 7644 section 3.9) of a complete representation (with id,
 * meta, schemas, members …). attributes or excluded: comma lists from the query; NULL or empty
 * is none, both given is invalidValue. What the schema returns always (id, schemas) stays;
 * names that are not in the schema select nothing. What is returned on request alone goes unless
 * it is named. Edits in place. Returns 0, -EPROTO with
 * *fault, or -ENOMEM. */
_must_use_ int resource_project(enum resource_type type, struct json_object *full,
				const char *attributes, const char *excluded,
				struct fault *fault);

/* Whether a representation with these parameters would show the attribute ("members", "groups"):
 * lets the caller leave out work. */
bool resource_shows(const char *attribute, const char *attributes, const char *excluded);

/* The members of an envelope, such as one operation of a PATCH or of a Bulk request: each of names (its
 * end is NULL) comes once at most, ignoring ASCII case, and for users nothing besides looks like a way
 * to say who may be here. -EPROTO with *fault. */
_must_use_ int resource_check_names(enum resource_type type, struct json_object *object,
				    const char *const *names, struct fault *fault);

/* Whether body's `schemas` is a list with this URN. */
bool resource_body_is(struct json_object *body, const char *urn);

/* The schemas array for a checked resource: its core URN and each extension present. Owned. */
struct json_object *resource_schemas(enum resource_type type, struct json_object *resource);

void resource_edit_done(struct resource_edit *edit);

#endif
