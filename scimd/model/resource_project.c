/* attributes and excludedAttributes (RFC 7644 section 3.9). */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/path.h"
#include "scimd/model/resource.h"

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
};

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
		if (names_sub(p->selection, p->schema, attribute, key) != p->keeps)
			json_object_object_del(value, key);
	}
}

static bool is_always(enum resource_type type, const char *name)
{
	const struct schema_attribute *attribute, *own = schema_core(type)->attributes;

	attribute = schema_attribute_find(schema_common, name, strlen(name));
	if (!attribute)
		attribute = schema_attribute_find(own, name, strlen(name));
	return attribute && attribute->returned == SCHEMA_ALWAYS;
}

static void project_object(enum resource_type type, const struct projection *p,
			   struct json_object *object)
{
	json_object_object_foreach(object, key, value) {
		const struct schema *extension = schema_find(key, strlen(key));
		bool is_partly;

		if (p->schema->core && is_always(type, key))
			continue;
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
	if (!attributes && !excluded)
		return 0;
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
					  .keeps = attributes != NULL };
	project_object(type, &projection, full);
	return 0;
}

/* Whether a comma list names the attribute, as a whole or (also_partly) in part. */
static bool list_names(const char *list, const char *attribute, bool also_partly)
{
	size_t len, wanted = strlen(attribute), urn_len;
	const char *name;

	while (next_name(&list, &name, &len)) {
		for (const struct schema *s = schemas; s->urn; s++) {
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
