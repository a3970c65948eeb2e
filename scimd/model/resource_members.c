/* A group's members: no JSON of their own, but a list of what to do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/filter_node.h"
#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/resource_editor.h"
#include "scimd/model/value.h"

static int change_push(struct editor *editor, enum member_op op, const char *id, bool by_display)
{
	struct resource_edit *edit = &editor->edit;
	char *copy = NULL;

	if (edit->member_count >= EDITOR_MEMBERS_MAX)
		return fault_set(editor->fault, 400, "invalidValue", "members has too many values");
	if (edit->member_count == editor->member_room) {
		size_t room = editor->member_room ? 2 * editor->member_room : 16;
		struct member_change *grown =
			reallocarray(edit->members, room, sizeof(*edit->members));

		if (!grown)
			return -ENOMEM;
		edit->members = grown;
		editor->member_room = room;
	}
	if (id) {
		copy = strdup(id);
		if (!copy)
			return -ENOMEM;
	}
	edit->members[edit->member_count++] =
		(struct member_change){ .op = op, .user_id = copy, .by_display = by_display };
	return 0;
}

/* The id at the end of a reference such as "../Users/ID". */
static const char *reference_id(const char *reference)
{
	const char *slash = reference ? strrchr(reference, '/') : NULL;

	return slash ? slash + 1 : NULL;
}

static bool is_sub_attribute(const char *name)
{
	static const char *const names[] = { "value", "display", "$ref", "type" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* What is among those that are to be there, and says that it is not to: SCIM 1.1's "operation", or
 * something that reads like it. */
static int check_added(struct editor *editor, struct json_object *member)
{
	json_object_object_foreach(member, name, value) {
		bool is_operation = strcasecmp(name, "operation") == 0 || strcasecmp(name, "op") == 0;

		if (is_sub_attribute(name))
			continue;
		if (is_operation && json_object_is_type(value, json_type_string) &&
		    strcasecmp(json_object_get_string(value), "add") != 0)
			return fault_set(editor->fault, 400, "invalidValue",
					 "\"%s\" is no part of a member; say op remove, and which members",
					 name);
		if (editor_says_out(name, value))
			return fault_set(editor->fault, 400, "invalidValue",
					 "\"%.100s\" in a member to be added seems to say that it is not; "
					 "say op remove, and which members",
					 name);
	}
	return 0;
}

/* One member as the client names it: a string, or an object with value or at least $ref. */
static int push_member(struct editor *editor, enum member_op op, struct json_object *member)
{
	const char *id = NULL, *type = json_get_string(member, "type");
	int r;

	if (json_object_is_type(member, json_type_string))
		id = json_object_get_string(member);
	else if (json_object_is_type(member, json_type_object))
		id = json_get_string(member, "value");
	if (!id && json_object_is_type(member, json_type_object) && !json_get(member, "value"))
		id = reference_id(json_get_string(member, "$ref"));
	if (!id || !*id || strlen(id) > VALUE_TEXT_MAX)
		return fault_set(editor->fault, 400, "invalidValue",
				 "each of members needs the id of a user as its value");
	if (json_object_is_type(member, json_type_object) && json_count(member, "value") > 1)
		return fault_set(editor->fault, 400, "invalidValue",
				 "members.value is given twice");
	if (op == MEMBER_ADD && json_object_is_type(member, json_type_object)) {
		r = check_added(editor, member);
		if (r < 0)
			return r;
	}
	if (op == MEMBER_ADD && type && strcasecmp(type, "Group") == 0)
		return fault_set(editor->fault, 400, "invalidValue",
				 "members cannot be groups: nested groups are not supported");
	return change_push(editor, op, id, false);
}

static int push_list(struct editor *editor, enum member_op op, struct json_object *value)
{
	int r = 0;

	if (value_is_unassigned(value))
		return 0;
	if (!json_object_is_type(value, json_type_array))
		return push_member(editor, op, value);
	for (size_t i = 0; r == 0 && i < json_object_array_length(value); i++)
		r = push_member(editor, op, json_object_array_get_idx(value, i));
	return r;
}

/* 1 for type eq "User", which every member is; 0 for another type; -1 for another comparison. */
static int type_wanted(const struct filter *filter)
{
	if (filter->kind != FILTER_COMPARE || filter->op != FILTER_EQ ||
	    filter->literal != FILTER_TEXT || strcmp(filter->path.sub->name, "type") != 0)
		return -1;
	return strcasecmp(filter->text, "User") == 0;
}

/* value eq "a"; $ref eq "…/Users/a"; and for those who go, display eq "their userName". */
static int push_compared(struct editor *editor, enum member_op op, const struct filter *filter)
{
	bool is_eq = filter->kind == FILTER_COMPARE && filter->op == FILTER_EQ &&
		     filter->literal == FILTER_TEXT;
	const char *sub = is_eq ? filter->path.sub->name : "";

	if (strcmp(sub, "value") == 0)
		return change_push(editor, op, filter->text, false);
	if (strcmp(sub, "$ref") == 0 && reference_id(filter->text))
		return change_push(editor, op, reference_id(filter->text), false);
	if (strcmp(sub, "display") == 0 && op == MEMBER_REMOVE)
		return change_push(editor, op, filter->text, true);
	return fault_set(editor->fault, 400, "invalidFilter",
			 "members are selected by eq of value, type, $ref, or to remove them display");
}

/* members[value eq "a" or value eq "b"] names its members, members[type eq "User"] all of them; nothing
 * is looked up here. */
static int push_filter(struct editor *editor, enum member_op op, const struct filter *filter)
{
	int r;

	if (filter->kind == FILTER_OR) {
		r = push_filter(editor, op, filter->left);
		return r < 0 ? r : push_filter(editor, op, filter->right);
	}
	if (filter->kind == FILTER_AND && type_wanted(filter->left) >= 0)
		return type_wanted(filter->left) ? push_filter(editor, op, filter->right) : 0;
	if (filter->kind == FILTER_AND && type_wanted(filter->right) >= 0)
		return type_wanted(filter->right) ? push_filter(editor, op, filter->left) : 0;
	if (op == MEMBER_REMOVE && type_wanted(filter) >= 0)
		return type_wanted(filter) ? change_push(editor, MEMBER_CLEAR, NULL, false) : 0;
	return push_compared(editor, op, filter);
}

/* members[value eq "x"]: add makes x a member, replace puts value's member in its place. */
static int set_filtered(struct editor *editor, enum editor_op op, const struct path *path,
			struct json_object *value)
{
	bool names_other = json_object_is_type(value, json_type_string) ||
			   json_get_string(value, "value");
	int r;

	if (op == EDITOR_REPLACE && (names_other || value_is_unassigned(value))) {
		r = push_filter(editor, MEMBER_REMOVE, path->filter);
		return r < 0 ? r : push_list(editor, MEMBER_ADD, value);
	}
	r = push_filter(editor, MEMBER_ADD, path->filter);
	return r < 0 || !names_other ? r : push_list(editor, MEMBER_ADD, value);
}

int editor_apply_members(struct editor *editor, enum editor_op op, const struct path *path,
			 struct json_object *value)
{
	int r;

	if (path->sub)
		return fault_set(editor->fault, 400, "mutability",
				 "members.%s cannot be changed; add and remove whole members",
				 path->sub->name);
	if (path->filter && op == EDITOR_REMOVE)
		return push_filter(editor, MEMBER_REMOVE, path->filter);
	if (path->filter)
		return set_filtered(editor, op, path, value);
	if (op == EDITOR_REMOVE && value)
		return push_list(editor, MEMBER_REMOVE, value);
	if (op == EDITOR_REMOVE)
		return change_push(editor, MEMBER_CLEAR, NULL, false);
	if (op == EDITOR_REPLACE) {
		r = change_push(editor, MEMBER_CLEAR, NULL, false);
		if (r < 0)
			return r;
	}
	return push_list(editor, MEMBER_ADD, value);
}
