#include "scimd/model/resource.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/filter_node.h"
#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/resource_editor.h"
#include "scimd/model/value.h"

void resource_edit_done(struct resource_edit *edit)
{
	json_putp(&edit->resource);
	for (size_t i = 0; i < edit->member_count; i++)
		free(edit->members[i].user_id);
	free(edit->members);
	if (edit->password)
		explicit_bzero(edit->password, strlen(edit->password));
	free(edit->password);
	*edit = (struct resource_edit){ .resource = NULL };
}

static bool list_names(struct json_object *urns, const char *urn)
{
	size_t count = json_object_is_type(urns, json_type_array) ? json_object_array_length(urns)
								  : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(urns, i);

		if (json_object_is_type(item, json_type_string) &&
		    strcasecmp(json_object_get_string(item), urn) == 0)
			return true;
	}
	return false;
}

bool resource_body_is(struct json_object *body, const char *urn)
{
	return list_names(json_get(body, "schemas"), urn);
}

/* Every schema that the list names is one of this type's, the type's own among them, and it names
 * each extension of which there is something (RFC 7643 section 3). */
static int check_schemas_strictly(const struct editor *editor, struct json_object *body,
				  struct json_object *urns)
{
	const char *core = schema_core(editor->type)->urn;

	if (!list_names(urns, core))
		return fault_set(editor->fault, 400, "invalidSyntax", "schemas must name %s", core);
	for (size_t i = 0; i < json_object_array_length(urns); i++) {
		const char *urn = json_object_get_string(json_object_array_get_idx(urns, i));
		const struct schema *schema = schema_find(urn, strlen(urn));

		if (schema ? schema->resource != editor->type : !editor->rules.keeps_unknown)
			return fault_set(editor->fault, 400, "invalidSyntax",
					 "schemas: \"%.200s\" is not a schema of this resource",
					 urn);
	}
	json_object_object_foreach(body, key, value) {
		const struct schema *schema = schema_find(key, strlen(key));

		if (schema && !value_is_unassigned(value) && !list_names(urns, schema->urn) &&
		    !(schema->alias_urn && list_names(urns, schema->alias_urn)))
			return fault_set(editor->fault, 400, "invalidSyntax",
					 "schemas must name %.200s, which is used", key);
	}
	return 0;
}

/* A list of URNs; which ones is left open unless the rules say otherwise, because clients send
 * misspelled and private ones. */
static int check_schemas(const struct editor *editor, struct json_object *body)
{
	struct json_object *urns = json_get(body, "schemas");
	struct fault *fault = editor->fault;
	size_t count = 0;

	if (editor->rules.checks_schemas && !json_object_is_type(urns, json_type_array))
		return fault_set(fault, 400, "invalidSyntax", "schemas must be a list of URNs");

	if (!urns || json_object_is_type(urns, json_type_string))
		return 0;
	if (json_object_is_type(urns, json_type_array))
		count = json_object_array_length(urns);
	else
		return fault_set(fault, 400, "invalidSyntax", "schemas must be a list of URNs");
	for (size_t i = 0; i < count; i++) {
		if (!json_object_is_type(json_object_array_get_idx(urns, i), json_type_string))
			return fault_set(fault, 400, "invalidSyntax",
					 "schemas must be a list of URNs");
	}
	return editor->rules.checks_schemas ? check_schemas_strictly(editor, body, urns) : 0;
}

static int check_body(const struct editor *editor, struct json_object *body)
{
	if (!json_object_is_type(body, json_type_object))
		return fault_set(editor->fault, 400, "invalidSyntax",
				 "the body must be a JSON object");
	return check_schemas(editor, body);
}

/* The body of POST (add) or PUT (replace) into an empty editor. */
static int fill(struct editor *editor, enum editor_op op, struct json_object *body)
{
	int r;

	r = check_body(editor, body);
	if (r < 0)
		return r;
	editor->edit.resource = json_object_new_object();
	if (!editor->edit.resource)
		return -ENOMEM;
	return editor_apply_object(editor, op, NULL, body);
}

/* active, if the body did not say, is as in other (NULL: true). */
static int default_active(struct editor *editor, struct json_object *other)
{
	struct json_object *active = json_member(other, "active");
	struct json_object *resource = editor->edit.resource;

	if (editor->type != RESOURCE_USER || json_member(resource, "active"))
		return 0;
	if (active)
		return json_set(resource, "active", json_object_get(active));
	return json_set(resource, "active", json_object_new_boolean(true));
}

int resource_create(enum resource_type type, const struct resource_rules *rules,
		    struct json_object *body, struct resource_edit *ret, struct fault *fault)
{
	_cleanup_(editor_done) struct editor editor = { .type = type, .fault = fault };
	int r;

	if (rules)
		editor.rules = *rules;
	r = fill(&editor, EDITOR_ADD, body);
	if (r < 0)
		return r;
	r = default_active(&editor, NULL);
	return r < 0 ? r : editor_finish(&editor, NULL, ret);
}

/* Members are what the body lists, so without a word of them there are none. */
static int clear_members(struct editor *editor)
{
	static const struct path members = { .schema = NULL };

	if (editor->type != RESOURCE_GROUP || editor->edit.member_count > 0)
		return 0;
	return editor_apply_members(editor, EDITOR_REMOVE, &members, NULL);
}

int resource_replace(enum resource_type type, const struct resource_rules *rules,
		     struct json_object *old, struct json_object *body,
		     struct resource_edit *ret, struct fault *fault)
{
	_cleanup_(editor_done) struct editor editor = { .type = type, .fault = fault };
	int r;

	if (rules)
		editor.rules = *rules;
	r = fill(&editor, EDITOR_REPLACE, body);
	if (r < 0)
		return r;
	r = default_active(&editor, old);
	if (r < 0)
		return r;
	r = clear_members(&editor);
	return r < 0 ? r : editor_finish(&editor, old, ret);
}

struct json_object *resource_schemas(enum resource_type type, struct json_object *resource)
{
	_cleanup_(json_putp) struct json_object *urns = json_object_new_array();

	for (const struct schema *const *s = schema_all(); *s; s++) {
		if ((*s)->resource != type || (!(*s)->core && !json_member(resource, (*s)->urn)))
			continue;
		if (json_append(urns, json_object_new_string((*s)->urn)) < 0)
			return NULL;
	}
	json_object_object_foreach(resource, key, value) {
		(void)value;
		if (editor_is_unknown_urn(key) &&
		    json_append(urns, json_object_new_string(key)) < 0)
			return NULL;
	}
	return TAKE_PTR(urns);
}

/* --- values at a path ------------------------------------------------------------------------- */

/* A simple value as owned text; *ret is NULL if it has none. */
static int value_text(struct json_object *value, char **ret)
{
	char *text = NULL;

	switch (json_object_get_type(value)) {
	case json_type_string:
		if (json_object_get_string_len(value) == 0)
			break;
		/* fall through */
	case json_type_int:
	case json_type_double:
	case json_type_boolean:
		text = strdup(json_object_get_string(value));
		if (!text)
			return -ENOMEM;
		break;
	default:
		break;
	}
	*ret = text;
	return 0;
}

/* The i-th of the values that path names, as text; *ret is NULL if there is none at i. */
static int text_at(const struct path *path, struct json_object *value, size_t i, char **ret)
{
	struct json_object *element = value;

	*ret = NULL;
	if (json_object_is_type(value, json_type_array))
		element = json_object_array_get_idx(value, i);
	if (path->filter && !filter_matches_element(path->filter, element))
		return 0;
	if (json_object_is_type(element, json_type_object))
		element = json_member(element, filter_target(path)->name);
	return value_text(element, ret);
}

/* Parse path and find its attribute's value; *ret is borrowed, NULL if unassigned. */
static int find_value(enum resource_type type, struct json_object *resource, const char *text,
		      struct path *path, struct json_object **ret, size_t *ret_count)
{
	struct fault ignored;
	int r;

	r = path_parse(type, text, strlen(text), path, &ignored);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !path->attribute)
		return -EINVAL;
	*ret = json_member(path_container(path, resource), path->attribute->name);
	*ret_count = *ret != NULL;
	if (json_object_is_type(*ret, json_type_array))
		*ret_count = json_object_array_length(*ret);
	return 0;
}

int resource_value(enum resource_type type, struct json_object *resource, const char *path,
		   char **ret)
{
	_cleanup_(path_done) struct path parsed = { .schema = NULL };
	struct json_object *value;
	size_t count;
	int r;

	r = find_value(type, resource, path, &parsed, &value, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		char *text;

		r = text_at(&parsed, value, i, &text);
		if (r == 0 && text) {
			*ret = text;
			return 0;
		}
	}
	return r < 0 ? r : -ENOENT;
}

void string_list_freep(char ***list)
{
	for (char **text = *list; text && *text; text++)
		free(*text);
	free(*list);
	*list = NULL;
}

int resource_values(enum resource_type type, struct json_object *resource, const char *path,
		    char ***ret)
{
	_cleanup_(path_done) struct path parsed = { .schema = NULL };
	_cleanup_(string_list_freep) char **list = NULL;
	struct json_object *value;
	size_t count, used = 0;
	int r;

	r = find_value(type, resource, path, &parsed, &value, &count);
	if (r < 0)
		return r;
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		r = text_at(&parsed, value, i, &list[used]);
		if (r < 0)
			return r;
		used += list[used] != NULL;
	}
	*ret = TAKE_PTR(list);
	return 0;
}
