/* What schemas of the configuration want of a whole resource: required, immutable and unique
 * attributes (RFC 7643 section 2.2). The compiled-in extensions want none of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/resource_editor.h"
#include "scimd/model/text.h"
#include "scimd/model/value.h"

static int fail(struct editor *editor, const struct schema *schema,
		const struct schema_attribute *attribute, const char *scim_type, const char *what)
{
	return fault_set(editor->fault, 400, scim_type, "%s:%s %s", schema->urn, attribute->name,
			 what);
}

static bool is_empty(struct json_object *value)
{
	return value_is_unassigned(value) || (json_object_is_type(value, json_type_string) &&
					      json_object_get_string_len(value) == 0);
}

/* What PUT leaves out stays; everything else keeps its value. */
static int check_immutable(struct editor *editor, const struct schema *schema,
			   const struct schema_attribute *attribute, struct json_object *had)
{
	struct json_object *object = json_member(editor->edit.resource, schema->urn);
	struct json_object *now = json_member(object, attribute->name);

	if (!value_is_frozen(attribute, had, now))
		return 0;
	if (now || editor->strict)
		return fail(editor, schema, attribute, "mutability", "is immutable");
	if (!object) {
		object = json_object_new_object();
		if (json_set(editor->edit.resource, schema->urn, object) < 0)
			return -ENOMEM;
	}
	return json_set(object, attribute->name, json_object_get(had));
}

static bool has_subs(const struct schema_attribute *attribute, struct json_object *value)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			if (!has_subs(attribute, json_object_array_get_idx(value, i)))
				return false;
		}
		return true;
	}
	for (const struct schema_attribute *sub = attribute->sub; sub && sub->name; sub++) {
		if (sub->required && is_empty(json_member(value, sub->name)))
			return false;
	}
	return true;
}

static int check_required(struct editor *editor, const struct schema *schema,
			  const struct schema_attribute *attribute)
{
	struct json_object *object = json_member(editor->edit.resource, schema->urn);
	struct json_object *value = json_member(object, attribute->name);

	if (!object)
		return 0;
	/* What is never returned is never stored either, so that its presence is not known. */
	if (attribute->required && attribute->returned != SCHEMA_NEVER && is_empty(value))
		return fail(editor, schema, attribute, "invalidValue", "is required");
	if (value && !has_subs(attribute, value))
		return fail(editor, schema, attribute, "invalidValue",
			    "lacks a sub-attribute that is required");
	return 0;
}

static int check_schema(struct editor *editor, const struct schema *schema,
			struct json_object *old)
{
	const struct schema_attribute *list = schema->attributes;
	struct json_object *had = json_member(old, schema->urn);
	int r = 0;

	for (const struct schema_attribute *a = list; r == 0 && a->name; a++)
		r = check_immutable(editor, schema, a, json_member(had, a->name));
	for (const struct schema_attribute *a = list; r == 0 && a->name; a++)
		r = check_required(editor, schema, a);
	return r;
}

int editor_check_extensions(struct editor *editor, struct json_object *old)
{
	for (const struct schema *const *s = schema_all() + SCHEMA_BUILT_IN; *s; s++) {
		int r = (*s)->resource == editor->type ? check_schema(editor, *s, old) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int resource_unique_line(const struct schema *schema, const struct schema_attribute *attribute,
			 const char *text, char **ret)
{
	_cleanup_free_ char *folded = attribute->case_exact ? strdup(text) : json_fold(text);

	if (!folded || asprintf(ret, "%s:%s=%s", schema->urn, attribute->name, folded) < 0)
		return -ENOMEM;
	for (char *c = *ret; *c; c++) {
		if (*c == '\n')
			*c = '\1';
	}
	return 0;
}

static int put_unique(struct text *out, const struct schema *schema,
		      const struct schema_attribute *attribute, struct json_object *resource)
{
	struct json_object *value =
		json_member(json_member(resource, schema->urn), attribute->name);
	_cleanup_free_ char *line = NULL;
	int r;

	if (!attribute->unique || is_empty(value))
		return 0;
	r = resource_unique_line(schema, attribute, json_object_get_string(value), &line);
	if (r < 0)
		return r;
	text_put(out, line);
	text_add(out, "\n", 1);
	return 0;
}

int resource_unique_values(enum resource_type type, struct json_object *resource, char **ret)
{
	_cleanup_(text_done) struct text text = { .data = NULL };

	for (const struct schema *const *s = schema_all() + SCHEMA_BUILT_IN; *s; s++) {
		for (const struct schema_attribute *a = (*s)->attributes; a->name; a++) {
			int r = (*s)->resource == type ? put_unique(&text, *s, a, resource) : 0;

			if (r < 0)
				return r;
		}
	}
	*ret = text_take(&text);
	return *ret ? 0 : -ENOMEM;
}
