/* attributes and excludedAttributes (RFC 7644 section 3.9). */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/path.h"
#include "scimd/model/resource_editor.h"

#define SELECTION_MAX 200

/* The attributes a list names. */
struct selection {
	struct path paths[SELECTION_MAX];
	size_t count;
};

/* One name of a comma list without spaces around it; false at the end. Commas in brackets or quotes
 * belong to a filter. */
static bool next_name(const char **at, const char **ret_name, size_t *ret_len)
{
	bool is_quoted = false;
	int depth = 0;
	const char *start = *at, *end;

	if (!start || !*start)
		return false;
	for (end = start; *end && (*end != ',' || is_quoted || depth > 0); end++) {
		is_quoted ^= *end == '"';
		depth += !is_quoted && *end == '[';
		depth -= !is_quoted && *end == ']';
	}
	*at = *end ? end + 1 : end;
	while (start < end && *start == ' ')
		start++;
	while (end > start && end[-1] == ' ')
		end--;
	*ret_name = start;
	*ret_len = (size_t)(end - start);
	return true;
}

static int selection_parse(enum resource_type type, const char *list, struct selection *ret,
			   struct fault *fault)
{
	const char *name, *bracket;
	size_t len;

	ret->count = 0;
	while (next_name(&list, &name, &len)) {
		if (ret->count == SELECTION_MAX)
			return fault_set(fault, 400, "invalidValue",
					 "more than %d attributes are listed", SELECTION_MAX);
		/* A filter of values selects the attribute as a whole. */
		bracket = memchr(name, '[', len);
		if (bracket)
			len = (size_t)(bracket - name);
		/* Names that are not in the schema select nothing. */
		if (path_lookup(type, name, len, &ret->paths[ret->count]) == 0)
			ret->count++;
	}
	return 0;
}

/* Whether the attribute is named as a whole; *ret_partly: whether some sub-attribute of it is. */
static bool names_attribute(const struct selection *selection, const struct schema *schema,
			    const char *name, bool *ret_partly)
{
	*ret_partly = false;
	for (size_t i = 0; i < selection->count; i++) {
		const struct path *path = &selection->paths[i];

		if (path->schema != schema)
			continue;
		if (!path->attribute)
			return true;
		if (strcmp(path->attribute->name, name) != 0)
			continue;
		if (!path->sub)
			return true;
		*ret_partly = true;
	}
	return false;
}

static bool names_sub(const struct selection *selection, const struct schema *schema,
		      const char *attribute, const char *sub)
{
	for (size_t i = 0; i < selection->count; i++) {
		const struct path *path = &selection->paths[i];

		if (path->schema == schema && path->sub &&
		    strcmp(path->attribute->name, attribute) == 0 &&
		    strcmp(path->sub->name, sub) == 0)
			return true;
	}
	return false;
}

/* Which attributes of one schema to look at, and whether those named stay or go. */
struct projection {
	const struct selection *selection;
	const struct schema *schema;
	bool keeps;
	const char *list; /* as sent */
};

static bool sub_is_always(const struct projection *p, const char *attribute, const char *sub)
{
	const struct schema_attribute *a =
		schema_attribute_find(p->schema->attributes, attribute, strlen(attribute));

	a = a ? schema_attribute_find(a->sub, sub, strlen(sub)) : NULL;
	return a && a->returned == SCHEMA_ALWAYS;
}

/* Take out sub-attributes of a value or of each of its elements. */
static void project_value(const struct projection *p, const char *attribute,
			  struct json_object *value)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			project_value(p, attribute, json_object_array_get_idx(value, i));
		return;
	}
	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, key, member) {
		(void)member;
		if (names_sub(p->selection, p->schema, attribute, key) != p->keeps &&
		    !sub_is_always(p, attribute, key))
			json_object_object_del(value, key);
	}
}

static bool is_always(const struct schema *schema, const char *name)
{
	const struct schema_attribute *attribute = NULL;

	if (schema->core)
		attribute = schema_attribute_find(schema_common, name, strlen(name));
	if (!attribute)
		attribute = schema_attribute_find(schema->attributes, name, strlen(name));
	return attribute && attribute->returned == SCHEMA_ALWAYS;
}

/* Whether the comma list has exactly this name. */
static bool list_has(const char *list, const char *wanted)
{
	const char *name;
	size_t len;

	while (next_name(&list, &name, &len)) {
		if (strlen(wanted) == len && strncasecmp(name, wanted, len) == 0)
			return true;
	}
	return false;
}

static void project_object(enum resource_type type, const struct projection *p,
			   struct json_object *object)
{
	json_object_object_foreach(object, key, value) {
		const struct schema *extension = schema_find(key, strlen(key));
		bool is_partly;

		if (is_always(p->schema, key))
			continue;
		if (p->schema->core && !extension && editor_is_unknown_urn(key)) {
			if (list_has(p->list, key) != p->keeps)
				json_object_object_del(object, key);
			continue;
		}
		if (p->schema->core && extension) {
			struct projection inner = *p;

			inner.schema = extension;
			project_object(type, &inner, value);
			if (json_object_object_length(value) == 0)
				json_object_object_del(object, key);
			continue;
		}
		if (names_attribute(p->selection, p->schema, key, &is_partly)) {
			if (!p->keeps)
				json_object_object_del(object, key);
		} else if (is_partly) {
			project_value(p, key, value);
		} else if (p->keeps) {
			json_object_object_del(object, key);
		}
	}
}

/* Whether something is only told who asked for it, and nobody did. attribute's names are those of
 * its schema; sub may be NULL. */
static bool is_hidden(const struct projection *p, const struct schema_attribute *attribute,
		      const struct schema_attribute *sub)
{
	const struct schema_attribute *what = sub ? sub : attribute;
	bool is_partly;

	if (what->returned != SCHEMA_REQUEST)
		return what->returned == SCHEMA_NEVER;
	if (!p->keeps)
		return true;
	if (sub)
		return !names_sub(p->selection, p->schema, attribute->name, sub->name);
	return !names_attribute(p->selection, p->schema, attribute->name, &is_partly) &&
	       !is_partly;
}

static void hide_subs(const struct projection *p, const struct schema_attribute *attribute,
		      struct json_object *value)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			hide_subs(p, attribute, json_object_array_get_idx(value, i));
		return;
	}
	for (const struct schema_attribute *sub = attribute->sub; sub && sub->name; sub++) {
		if (is_hidden(p, attribute, sub))
			json_object_object_del(value, sub->name);
	}
}

/* What schemas of the configuration return on request alone. */
static void project_hidden(const struct projection *outer, struct json_object *full)
{
	for (const struct schema *const *s = schema_all() + SCHEMA_BUILT_IN; *s; s++) {
		struct json_object *object = json_member(full, (*s)->urn);
		struct projection p = *outer;

		p.schema = *s;
		if (!object || !(*s)->hides)
			continue;
		for (const struct schema_attribute *a = (*s)->attributes; a->name; a++) {
			if (is_hidden(&p, a, NULL))
				json_object_object_del(object, a->name);
			else if (a->sub && json_member(object, a->name))
				hide_subs(&p, a, json_member(object, a->name));
		}
		if (json_object_object_length(object) == 0)
			json_object_object_del(full, (*s)->urn);
	}
}

int resource_project(enum resource_type type, struct json_object *full, const char *attributes,
		     const char *excluded, struct fault *fault)
{
	_cleanup_free_ struct selection *selection = NULL;
	struct projection projection;
	int r;

	if (attributes && !*attributes)
		attributes = NULL;
	if (excluded && !*excluded)
		excluded = NULL;
	projection = (struct projection){ .keeps = false };
	if (!attributes && !excluded) {
		project_hidden(&projection, full);
		return 0;
	}
	if (attributes && excluded)
		return fault_set(fault, 400, "invalidValue",
				 "attributes and excludedAttributes exclude each other");
	selection = calloc(1, sizeof(*selection));
	if (!selection)
		return -ENOMEM;
	r = selection_parse(type, attributes ? attributes : excluded, selection, fault);
	if (r < 0)
		return r;
	projection = (struct projection){ .selection = selection,
					  .schema = schema_core(type),
					  .keeps = attributes != NULL,
					  .list = attributes ? attributes : excluded };
	project_hidden(&projection, full);
	project_object(type, &projection, full);
	return 0;
}

/* Whether a comma list names the attribute, as a whole or (also_partly) in part. */
static bool list_names(const char *list, const char *attribute, bool also_partly)
{
	size_t len, wanted = strlen(attribute), urn_len;
	const char *name;

	while (next_name(&list, &name, &len)) {
		for (size_t i = 0; i < SCHEMA_BUILT_IN; i++) {
			const struct schema *s = schema_all()[i];

			urn_len = strlen(s->urn);
			if (!s->core || len < urn_len || strncasecmp(name, s->urn, urn_len) != 0)
				continue;
			if (len == urn_len)
				return true;
			if (name[urn_len] != ':')
				continue;
			name += urn_len + 1;
			len -= urn_len + 1;
			break;
		}
		if (len < wanted || strncasecmp(name, attribute, wanted) != 0)
			continue;
		if (len == wanted || (also_partly && strchr(".[", name[wanted])))
			return true;
	}
	return false;
}

bool resource_shows(const char *attribute, const char *attributes, const char *excluded)
{
	if (attributes && *attributes)
		return list_names(attributes, attribute, true);
	if (excluded && *excluded)
		return !list_names(excluded, attribute, false);
	return true;
}
