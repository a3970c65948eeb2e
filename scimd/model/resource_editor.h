/* resource_editor.h - a resource being changed: the working copy behind POST, PUT and PATCH.
 * Layer: model, private. Threads: an editor belongs to one. What is given to it is borrowed; what
 * it made is editor.edit, owned, until editor_finish hands it on or editor_done frees it. Errors:
 * -EPROTO with the editor's fault, or -ENOMEM. A change that fails leaves the editor half changed:
 * throw it away. */
#ifndef SCIMD_MODEL_RESOURCE_EDITOR_H
#define SCIMD_MODEL_RESOURCE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "scimd/model/path.h"
#include "scimd/model/resource.h"

#define EDITOR_MEMBERS_MAX 200000
#define EDITOR_LIST_BYTES_MAX (1024u * 1024u)       /* of one multi-valued attribute */
#define EDITOR_LOOK_BYTES_MAX (32u * 1024u * 1024u) /* of lists that one request looks through */

enum editor_op { EDITOR_ADD, EDITOR_REPLACE, EDITOR_REMOVE };

struct editor {
	enum resource_type type;
	bool strict; /* PATCH: what is not understood is a fault. POST and PUT: it is ignored */
	bool needs_target; /* a path with a filter must match something */
	struct resource_rules rules;
	char out[101]; /* what seems to say that a user may not be here; "" if nothing does */
	struct resource_edit edit;
	size_t member_room;
	size_t looked_through; /* bytes */
	struct fault *fault; /* borrowed */
};

/* One operation on one path; value NULL is null (or, for EDITOR_REMOVE, none). -EPROTO with the
 * editor's fault, or -ENOMEM. */
_must_use_ int editor_apply(struct editor *editor, enum editor_op op, const struct path *path,
			    struct json_object *value);

/* Every member of object is an attribute: plain, dotted, behind a URN, filtered, or a URN with an
 * object of attributes. schema: object is what the path of that URN has been given; else NULL. */
_must_use_ int editor_apply_object(struct editor *editor, enum editor_op op,
				   const struct schema *schema, struct json_object *object);

/* An operation on a group's members. */
_must_use_ int editor_apply_members(struct editor *editor, enum editor_op op,
				    const struct path *path, struct json_object *value);

/* An attribute path or name that is not in any schema: if it is (within) a URN whose object is kept,
 * do it and return 1; else 0. */
_must_use_ int editor_apply_unknown(struct editor *editor, enum editor_op op, const char *key,
				    struct json_object *value);

/* The last step: check what every resource must have, and hand on what was made. old: what it was before
 * (borrowed), or NULL. ret is untouched on failure. */
_must_use_ int editor_finish(struct editor *editor, struct json_object *old,
			     struct resource_edit *ret);
void editor_done(struct editor *editor);

/* The part of that check which schemas of the configuration want. */
_must_use_ int editor_check_extensions(struct editor *editor, struct json_object *old);

/* An extension's URN that is no schema here. */
bool editor_is_unknown_urn(const char *key);

/* Whether a name that is no attribute looks like a way to say that somebody may (not) be here. */
bool editor_means_active(const char *name);

/* Whether name: value seems to say that somebody may not be here. */
bool editor_says_out(const char *name, struct json_object *value);

/* Remember (resource_active.c) that a user is said to be out: by name; by a name that is in no schema,
 * or something in its value; by what is not in the schema within an attribute. */
void editor_remember_out(struct editor *editor, const char *name);
void editor_look_at_unknown(struct editor *editor, const char *name, struct json_object *value);
void editor_look_within(struct editor *editor, const struct schema_attribute *attribute,
			struct json_object *value);

/* 400 if a user who was said to be out would be active. */
_must_use_ int editor_check_active(struct editor *editor);

#endif
