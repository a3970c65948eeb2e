/* Extensions of which the configuration knows nothing and whose objects are kept as they came, if the
 * connection says so. They are looked at by nobody; what a password may be is not kept. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/resource_editor.h"
#include "scimd/model/value.h"

#define KEPT_URNS_MAX 32u
#define KEPT_BYTES_MAX 65536u
#define KEPT_DEPTH_MAX 16u

bool editor_is_unknown_urn(const char *key)
{
	return strncasecmp(key, "urn:", 4) == 0 && !schema_find(key, strlen(key));
}

static void forget_passwords(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			forget_passwords(json_object_array_get_idx(value, i));
		return;
	}
	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, key, member) {
		if (strcasestr(key, "password"))
			json_object_object_del(value, key);
		else
			forget_passwords(member);
	}
}

/* How deeply a value is nested. */
static unsigned int depth_of(struct json_object *value)
{
	unsigned int deepest = 0;

	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			unsigned int depth = depth_of(json_object_array_get_idx(value, i));

			deepest = depth > deepest ? depth : deepest;
		}
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member) {
			unsigned int depth = depth_of(member);

			(void)key;
			deepest = depth > deepest ? depth : deepest;
		}
	} else {
		return 0;
	}
	return deepest + 1;
}

/* Set one member of a kept object, or take it out. */
static int set_member(struct editor *editor, enum editor_op op, struct json_object *object,
		      const char *name, struct json_object *value)
{
	struct json_object *copy;

	if (op != EDITOR_REMOVE)
		editor_look_at_unknown(editor, name, value);
	if (op == EDITOR_REMOVE || value_is_unassigned(value) || strcasestr(name, "password")) {
		json_object_object_del(object, name);
		return 0;
	}
	if (depth_of(value) > KEPT_DEPTH_MAX)
		return fault_set(editor->fault, 400, "invalidValue",
				 "\"%.100s\" is nested too deeply to be kept", name);
	copy = json_copy(value);
	if (copy)
		forget_passwords(copy);
	return json_set(object, name, copy);
}

static int set_members(struct editor *editor, enum editor_op op, struct json_object *object,
		       struct json_object *value)
{
	int r = 0;

	json_object_object_foreach(value, name, member) {
		r = set_member(editor, op, object, name, member);
		if (r < 0)
			break;
	}
	return r;
}

/* The kept object whose URN is key, or is what key begins with; *ret_name is the rest. */
static struct json_object *kept_find(const struct editor *editor, const char *key,
				     const char **ret_urn, const char **ret_name)
{
	json_object_object_foreach(editor->edit.resource, urn, object) {
		size_t len = strlen(urn);

		if (!editor_is_unknown_urn(urn) || strncasecmp(urn, key, len) != 0 ||
		    (key[len] != '\0' && key[len] != ':'))
			continue;
		*ret_urn = urn;
		*ret_name = key[len] ? key + len + 1 : NULL;
		return object;
	}
	return NULL;
}

static int kept_bounded(const struct editor *editor)
{
	size_t count = 0, bytes = 0;

	json_object_object_foreach(editor->edit.resource, urn, object) {
		if (!editor_is_unknown_urn(urn))
			continue;
		count++;
		bytes += strlen(urn) + strlen(json_object_to_json_string_ext(
						object, JSON_C_TO_STRING_PLAIN));
	}
	if (count <= KEPT_URNS_MAX && bytes <= KEPT_BYTES_MAX)
		return 1;
	return fault_set(editor->fault, 400, "invalidValue",
			 "more than %u bytes or %u URNs of unknown extensions", KEPT_BYTES_MAX,
			 KEPT_URNS_MAX);
}

/* The object of an unknown extension as a whole. */
static int apply_whole(struct editor *editor, enum editor_op op, const char *urn,
		       struct json_object *object, struct json_object *value)
{
	int r;

	if (!object) {
		object = json_object_new_object();
		r = json_set(editor->edit.resource, urn, object);
		if (r < 0)
			return r;
	}
	r = set_members(editor, op, object, value);
	if (r < 0)
		return r;
	if (json_object_object_length(object) == 0)
		json_object_object_del(editor->edit.resource, urn);
	return kept_bounded(editor);
}

int editor_apply_unknown(struct editor *editor, enum editor_op op, const char *key,
			 struct json_object *value)
{
	const char *urn = key, *name = NULL;
	bool is_whole = json_object_is_type(value, json_type_object);
	struct json_object *object;
	int r;

	if (!editor->rules.keeps_unknown || !editor_is_unknown_urn(key))
		return 0;
	object = kept_find(editor, key, &urn, &name);
	if (!name && is_whole)
		return apply_whole(editor, op, urn, object, value);
	if (!object)
		return 0;
	if (!name && !value) {
		json_object_object_del(editor->edit.resource, urn);
		return 1;
	}
	if (!name || strpbrk(name, ".[]:"))
		return 0;
	r = set_member(editor, op, object, name, value);
	if (r < 0)
		return r;
	if (json_object_object_length(object) == 0)
		json_object_object_del(editor->edit.resource, urn);
	return kept_bounded(editor);
}
