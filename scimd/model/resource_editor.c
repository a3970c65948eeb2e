/* One operation on one attribute. */
#include "scimd/model/resource_editor.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "scimd/model/filter_node.h"
#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/value.h"

#define ELEMENT_BYTES 16u

static int fail(struct editor *editor, const struct path *path, const char *scim_type,
		const char *what)
{
	char name[256];

	path_print(path, name, sizeof(name));
	return fault_set(editor->fault, 400, scim_type, "%s %s", name, what);
}

static bool is_active(const struct path *path)
{
	return path->schema->core && strcmp(path->attribute->name, "active") == 0;
}

static bool is_password(const struct path *path)
{
	return path->schema->core && path->attribute->returned == SCHEMA_NEVER;
}

/* The attribute's value as it is, borrowed; NULL if unassigned. */
static struct json_object *current(const struct editor *editor, const struct path *path)
{
	return json_member(path_container(path, editor->edit.resource), path->attribute->name);
}

/* Set the attribute, taking value; an extension's object is made when it is needed. */
static int assign(struct editor *editor, const struct path *path, struct json_object *value)
{
	struct json_object *container = path_container(path, editor->edit.resource);
	int r = 0;

	if (!container) {
		container = json_object_new_object();
		r = json_set(editor->edit.resource, path->schema->urn, container);
	}
	if (r < 0) {
		json_object_put(value);
		return r;
	}
	return json_set(container, path->attribute->name, value);
}

static void unassign(struct editor *editor, const struct path *path)
{
	struct json_object *container = path_container(path, editor->edit.resource);

	if (container)
		json_object_object_del(container, path->attribute->name);
}

/* Nothing empty stays: not the attribute, not its extension. */
static void prune(struct editor *editor, const struct path *path)
{
	struct json_object *value = current(editor, path), *container;

	if (value_is_unassigned(value))
		unassign(editor, path);
	container = path_container(path, editor->edit.resource);
	if (!path->schema->core && container && json_object_object_length(container) == 0)
		json_object_object_del(editor->edit.resource, path->schema->urn);
}

/* --- single-valued ---------------------------------------------------------------------------- */

static int set_simple(struct editor *editor, const struct path *path, struct json_object *value)
{
	struct json_object *checked;
	int r;

	if (value_is_unassigned(value)) {
		if (editor->strict && is_active(path))
			return fail(editor, path, "invalidValue", "must be true or false");
		if (is_active(path))
			editor_remember_out(editor, path->attribute->name);
		if (editor->strict && path->attribute->required)
			return fail(editor, path, "invalidValue", "is required");
		unassign(editor, path);
		return 0;
	}
	r = value_simple(NULL, path->attribute, value, &checked, editor->fault);
	if (r < 0)
		return r;
	/* Should a later operation say the opposite, nobody can tell which was meant. */
	if (is_active(path) && !json_object_get_boolean(checked))
		editor_remember_out(editor, path->attribute->name);
	return assign(editor, path, checked);
}

/* One sub-attribute of a complex value. */
static int set_sub(struct editor *editor, const struct path *path, struct json_object *target,
		   struct json_object *value)
{
	struct json_object *had = json_member(target, path->sub->name), *checked = NULL;
	int r = 0;

	if (!value_is_unassigned(value))
		r = value_simple(path->attribute, path->sub, value, &checked, editor->fault);
	if (r < 0)
		return r;
	if (value_is_frozen(path->sub, had, checked)) {
		json_object_put(checked);
		return fail(editor, path, "mutability", "is immutable");
	}
	if (checked)
		return json_set(target, path->sub->name, checked);
	json_object_object_del(target, path->sub->name);
	return 0;
}

/* A single complex attribute, or one sub-attribute of it. */
static int set_complex(struct editor *editor, const struct path *path, struct json_object *value)
{
	struct json_object *target = current(editor, path);

	if (value_is_unassigned(value) && !path->sub) {
		unassign(editor, path);
		return 0;
	}
	if (!target) {
		target = json_object_new_object();
		if (assign(editor, path, target) < 0)
			return -ENOMEM;
	}
	if (!path->sub) {
		editor_look_within(editor, path->attribute, value);
		return value_merge(path->attribute, target, value, editor->strict, editor->fault);
	}
	return set_sub(editor, path, target, value);
}

/* Nothing here needs what the configuration's schemas never return, so it is not even stored. */
static int set_nothing(struct editor *editor, const struct path *path, struct json_object *value)
{
	_cleanup_(json_putp) struct json_object *checked = NULL;

	if (value_is_unassigned(value))
		return 0;
	if (path->attribute->multi_valued)
		return value_elements(path->attribute, value, editor->strict, &checked,
				      editor->fault);
	return value_simple(NULL, path->attribute, value, &checked, editor->fault);
}

static int set_password(struct editor *editor, const struct path *path, struct json_object *value)
{
	_cleanup_(json_putp) struct json_object *checked = NULL;
	const char *text;
	char *copy;
	int r = 0;

	if (!value_is_unassigned(value))
		r = value_simple(NULL, path->attribute, value, &checked, editor->fault);
	if (r < 0)
		return r;
	text = checked ? json_object_get_string(checked) : "";
	if (!*text)
		return editor->strict ? fail(editor, path, "invalidValue",
					     "can be replaced but not taken away")
				      : 0;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	if (editor->edit.password)
		explicit_bzero(editor->edit.password, strlen(editor->edit.password));
	free(editor->edit.password);
	editor->edit.password = copy;
	return 0;
}

/* --- multi-valued ----------------------------------------------------------------------------- */

/* About how many bytes a list holds: an element costs some even if there is nothing in it. */
static size_t list_size(struct json_object *array)
{
	size_t count = array ? json_object_array_length(array) : 0, size = 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *element = json_object_array_get_idx(array, i);

		size += ELEMENT_BYTES + (size_t)json_object_get_string_len(element);
		if (!json_object_is_type(element, json_type_object))
			continue;
		json_object_object_foreach(element, key, member) {
			(void)key;
			size += (size_t)json_object_get_string_len(member);
		}
	}
	return size;
}

/* A list is about to be looked through so many times. Everybody waits for the one thread that does it. */
static int look_through(struct editor *editor, const struct path *path, struct json_object *array,
			size_t times)
{
	editor->looked_through += times * list_size(array);
	if (editor->looked_through <= EDITOR_LOOK_BYTES_MAX)
		return 0;
	return fault_set(editor->fault, 413, NULL,
			 "%s is looked through too often; send fewer operations in one request",
			 path->attribute->name);
}

/* Once for each comparison of the path's filter. */
static int look_through_by(struct editor *editor, const struct path *path,
			   struct json_object *array)
{
	return look_through(editor, path, array,
			    path->filter ? filter_comparisons(path->filter) : 1);
}

/* Only element may be primary. */
static int keep_primary(struct json_object *array, struct json_object *element)
{
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *other = json_object_array_get_idx(array, i);

		if (other != element && value_is_primary(other) &&
		    json_set(other, "primary", json_object_new_boolean(false)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool same_member(struct json_object *a, struct json_object *b, const char *name)
{
	return json_object_equal(json_member(a, name), json_member(b, name));
}

/* Two elements with the same value and type are one (RFC 7643 section 2.4). */
static bool same_element(struct json_object *a, struct json_object *b)
{
	if (json_object_equal(a, b))
		return true;
	return json_member(a, "value") && same_member(a, b, "value") && same_member(a, b, "type");
}

/* Put what element has into target, which is the same one. Borrows both. */
static int merge_element(struct json_object *target, struct json_object *element)
{
	if (!json_object_is_type(target, json_type_object))
		return 0;
	json_object_object_foreach(element, key, member) {
		if (json_set(target, key, json_object_get(member)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Put what element has into one that is the same, or append it. Borrows element. */
static int add_element(struct editor *editor, const struct path *path, struct json_object *array,
		       struct json_object *element)
{
	struct json_object *target = NULL;

	for (size_t i = 0; !target && i < json_object_array_length(array); i++) {
		struct json_object *other = json_object_array_get_idx(array, i);

		target = same_element(other, element) ? other : NULL;
	}
	if (!target) {
		if (json_object_array_length(array) >= VALUE_ELEMENTS_MAX)
			return fail(editor, path, "invalidValue", "has too many values");
		if (json_append(array, json_object_get(element)) < 0)
			return -ENOMEM;
	} else if (merge_element(target, element) < 0) {
		return -ENOMEM;
	}
	return value_is_primary(element) ? keep_primary(array, target ? target : element) : 0;
}

static int set_list(struct editor *editor, enum editor_op op, const struct path *path,
		    struct json_object *value)
{
	_cleanup_(json_putp) struct json_object *elements = NULL;
	struct json_object *array = op == EDITOR_ADD ? current(editor, path) : NULL;
	int r;

	if (value_is_unassigned(value)) {
		if (op == EDITOR_REPLACE)
			unassign(editor, path);
		return 0;
	}
	r = value_elements(path->attribute, value, editor->strict, &elements, editor->fault);
	if (r < 0)
		return r;
	if (!array)
		return assign(editor, path, TAKE_PTR(elements));
	r = look_through(editor, path, array, json_object_array_length(elements));
	for (size_t i = 0; r == 0 && i < json_object_array_length(elements); i++)
		r = add_element(editor, path, array, json_object_array_get_idx(elements, i));
	return r;
}

/* What an element (NULL: a new one) starts from, owned in *ret: itself, or what the filter
 * says of it if it is new or is replaced as a whole. */
static int element_base(struct editor *editor, enum editor_op op, const struct path *path,
			struct json_object *element, struct json_object **ret)
{
	_cleanup_(json_putp) struct json_object *base = NULL;
	bool keeps = element && (op == EDITOR_ADD || path->sub);
	int r = 0;

	base = keeps ? json_copy(element) : json_object_new_object();
	if (!base)
		return -ENOMEM;
	if (!keeps && path->filter)
		r = filter_seed(path->filter, base);
	if (r == -EINVAL && !element)
		return fail(editor, path, "noTarget", "has no value that the filter matches");
	if (r == -ENOMEM)
		return r;
	*ret = TAKE_PTR(base);
	return 0;
}

/* What becomes of an element (NULL: a new one) that a path with filter or sub-attribute selects.
 * *ret is owned, NULL for an element that goes. */
static int element_after(struct editor *editor, enum editor_op op, const struct path *path,
			 struct json_object *element, struct json_object *value,
			 struct json_object **ret)
{
	_cleanup_(json_putp) struct json_object *after = NULL;
	bool is_complex = path->attribute->type == SCHEMA_COMPLEX;
	int r;

	*ret = NULL;
	if (value_is_unassigned(value) && !(path->sub && is_complex))
		return 0;
	if (!is_complex) {
		if (json_object_is_type(value, json_type_object))
			value = json_get(value, "value");
		return value_simple(NULL, path->attribute, value, ret, editor->fault);
	}
	r = element_base(editor, op, path, element, &after);
	if (r < 0)
		return r;
	if (!path->sub) {
		r = value_merge(path->attribute, after, value, editor->strict, editor->fault);
	} else {
		r = set_sub(editor, path, after, value);
	}
	if (r == 0 && json_object_object_length(after) > 0)
		*ret = TAKE_PTR(after);
	return r;
}

static bool selects(const struct path *path, struct json_object *element)
{
	return !path->filter || filter_matches_element(path->filter, element);
}

/* Change each selected element of the array; how many there were, and the last that is primary. */
static int change_elements(struct editor *editor, enum editor_op op, const struct path *path,
			   struct json_object *array, struct json_object *value,
			   size_t *ret_selected, struct json_object **ret_primary)
{
	size_t primaries = 0;

	for (size_t i = json_object_array_length(array); i-- > 0;) {
		struct json_object *element = json_object_array_get_idx(array, i), *after;
		int r;

		if (!selects(path, element))
			continue;
		(*ret_selected)++;
		r = element_after(editor, op, path, element, value, &after);
		if (r < 0)
			return r;
		if (value_is_primary(after)) {
			*ret_primary = after;
			primaries++;
		}
		if (!after)
			json_object_array_del_idx(array, i, 1);
		else if (json_object_array_put_idx(array, i, after) < 0)
			return -ENOMEM;
	}
	if (primaries > 1)
		return fail(editor, path, "invalidValue", "would be primary more than once");
	return 0;
}

/* A path with a filter or sub-attribute. Without an element to change one is made: Entra ID
 * names it by the path alone, and several operations build up one element. */
static int set_elements(struct editor *editor, enum editor_op op, const struct path *path,
			struct json_object *value)
{
	struct json_object *array = current(editor, path), *primary = NULL, *element;
	size_t selected = 0;
	int r;

	if (!array) {
		array = json_object_new_array();
		if (!array || assign(editor, path, array) < 0)
			return -ENOMEM;
	}
	r = look_through_by(editor, path, array);
	if (r >= 0)
		r = change_elements(editor, op, path, array, value, &selected, &primary);
	if (r < 0)
		return r;
	if (selected == 0 && path->filter && editor->needs_target)
		return fail(editor, path, "noTarget", "has no value that the filter matches");
	if (selected == 0 && !value_is_unassigned(value)) {
		if (json_object_array_length(array) >= VALUE_ELEMENTS_MAX)
			return fail(editor, path, "invalidValue", "has too many values");
		r = element_after(editor, op, path, NULL, value, &element);
		if (r < 0)
			return r;
		primary = value_is_primary(element) ? element : NULL;
		if (element && json_append(array, element) < 0)
			return -ENOMEM;
	}
	return primary ? keep_primary(array, primary) : 0;
}

static int set_many(struct editor *editor, enum editor_op op, const struct path *path,
		    struct json_object *value)
{
	int r = path->filter || path->sub ? set_elements(editor, op, path, value)
					  : set_list(editor, op, path, value);

	if (r == 0 && list_size(current(editor, path)) > EDITOR_LIST_BYTES_MAX)
		return fail(editor, path, "invalidValue", "has too long values altogether");
	return r;
}

/* --- removing --------------------------------------------------------------------------------- */

/* Whether everything that listed has is in element. */
static bool covers(struct json_object *element, struct json_object *listed)
{
	if (!json_object_is_type(listed, json_type_object))
		return json_object_equal(element, listed);
	json_object_object_foreach(listed, key, member) {
		if (!json_object_equal(json_member(element, key), member))
			return false;
	}
	return true;
}

/* Entra ID's way: the path is the attribute, the value lists what goes. */
static int remove_listed(struct editor *editor, const struct path *path, struct json_object *array,
			 struct json_object *value)
{
	_cleanup_(json_putp) struct json_object *listed = NULL;
	int r;

	r = value_elements(path->attribute, value, editor->strict, &listed, editor->fault);
	if (r >= 0)
		r = look_through(editor, path, array, json_object_array_length(listed));
	if (r < 0)
		return r;
	for (size_t i = json_object_array_length(array); i-- > 0;) {
		struct json_object *element = json_object_array_get_idx(array, i);
		bool found = false;

		for (size_t j = 0; !found && j < json_object_array_length(listed); j++)
			found = covers(element, json_object_array_get_idx(listed, j));
		if (found)
			json_object_array_del_idx(array, i, 1);
	}
	return 0;
}

static int remove_elements(struct editor *editor, const struct path *path,
			   struct json_object *array)
{
	bool whole = !path->sub || path->attribute->type != SCHEMA_COMPLEX;
	int r = look_through_by(editor, path, array);

	if (r < 0)
		return r;
	for (size_t i = json_object_array_length(array); i-- > 0;) {
		struct json_object *element = json_object_array_get_idx(array, i);

		if (!selects(path, element))
			continue;
		if (!whole) {
			r = set_sub(editor, path, element, NULL);
			if (r < 0)
				return r;
		}
		if (whole || json_object_object_length(element) == 0)
			json_object_array_del_idx(array, i, 1);
	}
	return 0;
}

static int remove_attribute(struct editor *editor, const struct path *path,
			    struct json_object *value)
{
	struct json_object *have = current(editor, path);

	if (is_active(path))
		return fail(editor, path, "mutability",
			    "cannot be removed; set it to true or false");
	if (path->attribute->required)
		return fail(editor, path, "mutability", "is required and cannot be removed");
	if (is_password(path))
		return fail(editor, path, "invalidValue", "can be replaced but not taken away");
	if (!have)
		return 0;
	if (path->attribute->multi_valued && (path->filter || path->sub))
		return remove_elements(editor, path, have);
	if (path->sub)
		return set_sub(editor, path, have, NULL);
	if (path->attribute->multi_valued && value)
		return remove_listed(editor, path, have, value);
	unassign(editor, path);
	return 0;
}

/* --- any path --------------------------------------------------------------------------------- */

/* The path is a schema's URN alone. */
static int apply_schema(struct editor *editor, enum editor_op op, const struct path *path,
			struct json_object *value)
{
	bool clears = op == EDITOR_REMOVE || value_is_unassigned(value);

	if (clears && path->schema->core)
		return fail(editor, path, op == EDITOR_REMOVE ? "noTarget" : "invalidValue",
			    op == EDITOR_REMOVE ? "cannot be removed" : "needs a value");
	if (clears && op != EDITOR_ADD)
		json_object_object_del(editor->edit.resource, path->schema->urn);
	if (clears)
		return 0;
	if (!json_object_is_type(value, json_type_object))
		return fail(editor, path, "invalidValue", "must be an object");
	return editor_apply_object(editor, op, path->schema, value);
}

int editor_apply(struct editor *editor, enum editor_op op, const struct path *path,
		 struct json_object *value)
{
	const struct schema_attribute *attribute = path->attribute;
	int r;

	if (!attribute)
		return apply_schema(editor, op, path, value);
	if (path_is_read_only(path))
		return fail(editor, path, "mutability", "is read-only");
	if (path->schema->core && strcmp(attribute->name, "members") == 0)
		return editor_apply_members(editor, op, path, value);
	if (op == EDITOR_REMOVE)
		r = remove_attribute(editor, path, value);
	else if (is_password(path))
		return set_password(editor, path, value);
	else if (attribute->returned == SCHEMA_NEVER)
		return set_nothing(editor, path, value);
	else if (attribute->multi_valued)
		r = set_many(editor, op, path, value);
	else if (attribute->type == SCHEMA_COMPLEX)
		r = set_complex(editor, path, value);
	else
		r = set_simple(editor, path, value);
	if (r == 0)
		prune(editor, path);
	return r;
}

/* Alike for elements that are the same, and quick to compare. */
static uint32_t element_hash(struct json_object *element)
{
	struct json_object *value = element;
	uint32_t hash = 0x811c9dc5u;

	if (json_object_is_type(element, json_type_object))
		value = json_member(element, "value");
	if (!json_object_is_type(value, json_type_string))
		return 0;
	for (const char *c = json_object_get_string(value); *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x01000193u;
	return hash;
}

/* The same element comes once (RFC 7643 section 2.4): later ones go into the first. */
static int array_unite(struct json_object *array)
{
	size_t count = json_object_array_length(array), kept = 0;
	_cleanup_free_ uint32_t *hashes = calloc(count + 1, sizeof(*hashes));

	if (!hashes)
		return -ENOMEM;
	while (kept < json_object_array_length(array)) {
		struct json_object *element = json_object_array_get_idx(array, kept);
		size_t i = 0;

		hashes[kept] = element_hash(element);
		while (i < kept && (hashes[i] != hashes[kept] ||
				    !same_element(json_object_array_get_idx(array, i), element)))
			i++;
		if (i == kept) {
			kept++;
			continue;
		}
		if (merge_element(json_object_array_get_idx(array, i), element) < 0)
			return -ENOMEM;
		json_object_array_del_idx(array, kept, 1);
	}
	return 0;
}

static int object_unite(struct json_object *object)
{
	json_object_object_foreach(object, key, value) {
		int r = 0;

		if (editor_is_unknown_urn(key))
			continue; /* kept as it came */
		if (json_object_is_type(value, json_type_array))
			r = array_unite(value);
		else if (json_object_is_type(value, json_type_object))
			r = object_unite(value); /* an extension */
		if (r < 0)
			return r;
	}
	return 0;
}

/* What every resource must have at the end. */
static int editor_check(struct editor *editor, struct json_object *old)
{
	const struct schema *core = schema_core(editor->type);

	if (object_unite(editor->edit.resource) < 0)
		return -ENOMEM;

	for (const struct schema_attribute *a = core->attributes; a->name; a++) {
		struct json_object *value = json_member(editor->edit.resource, a->name);

		if (a->required && (!value || json_object_get_string_len(value) == 0))
			return fault_set(editor->fault, 400, "invalidValue", "%s is required",
					 a->name);
	}
	if (editor->type == RESOURCE_USER) {
		int r = editor_check_active(editor);

		if (r < 0)
			return r;
	}
	return editor_check_extensions(editor, old);
}

int editor_finish(struct editor *editor, struct json_object *old, struct resource_edit *ret)
{
	int r = editor_check(editor, old);

	if (r < 0)
		return r;
	editor->edit.changed = !old || !json_object_equal(old, editor->edit.resource);
	*ret = editor->edit;
	editor->edit = (struct resource_edit){ .resource = NULL };
	return 0;
}

void editor_done(struct editor *editor)
{
	resource_edit_done(&editor->edit);
}
