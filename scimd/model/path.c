#include "scimd/model/path.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/filter_node.h"
#include "scimd/model/json_private.h"

/* What filters and paths call the "value" of an attribute that has simple values. */
#define ELEMENT_VALUE(type_, exact_)                                                        \
	[type_][exact_] = { { .name = "value", .type = (type_), .case_exact = (exact_) },   \
			    { .name = NULL } }
#define ELEMENT_VALUES(type_) ELEMENT_VALUE(type_, false), ELEMENT_VALUE(type_, true)
static const struct schema_attribute element_value[SCHEMA_COMPLEX][2][2] = {
	ELEMENT_VALUES(SCHEMA_STRING),	  ELEMENT_VALUES(SCHEMA_BOOLEAN),
	ELEMENT_VALUES(SCHEMA_INTEGER),	  ELEMENT_VALUES(SCHEMA_DECIMAL),
	ELEMENT_VALUES(SCHEMA_DATETIME),  ELEMENT_VALUES(SCHEMA_REFERENCE),
	ELEMENT_VALUES(SCHEMA_BINARY),
};

const struct schema_attribute *path_sub_find(const struct schema_attribute *attribute,
					     const char *name, size_t len)
{
	const struct schema_attribute *list = attribute->sub;

	if (!list && attribute->multi_valued)
		list = element_value[attribute->type][attribute->case_exact];
	return schema_attribute_find(list, name, len);
}

/* ATTRNAME of the grammar, and "$ref". */
static bool is_name(const char *text, size_t len)
{
	if (len == 0 || (!isalpha((unsigned char)text[0]) && text[0] != '$'))
		return false;
	for (size_t i = 1; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	}
	return true;
}

static size_t urn_prefix(const char *urn, const char *text, size_t len)
{
	size_t size = urn ? strlen(urn) : 0;

	if (!urn || size > len || strncasecmp(urn, text, size) != 0)
		return 0;
	return size == len || text[size] == ':' ? size : 0;
}

/* The schema whose URN the text starts with, the longest of several, and how long the URN is. The
 * "." of "2.0" and the ":" inside URNs are why known URNs are compared instead of splitting. */
static const struct schema *schema_prefix(enum resource_type type, const char *text, size_t len,
					  size_t *ret_size)
{
	const struct schema *found = NULL;
	size_t longest = 0;

	for (const struct schema *const *s = schema_all(); *s; s++) {
		size_t size = urn_prefix((*s)->urn, text, len);

		if (!size)
			size = urn_prefix((*s)->alias_urn, text, len);
		if (size > longest && (*s)->resource == type) {
			longest = size;
			found = *s;
		}
	}
	*ret_size = longest;
	return found;
}

/* Find a plain name in schema, or in all of the type's when schema is NULL. */
static int find_attribute(enum resource_type type, const struct schema *schema, const char *name,
			  size_t len, struct path *path)
{
	const struct schema *core = schema_core(type);

	path->schema = schema ? schema : core;
	path->attribute = schema_attribute_find(path->schema->attributes, name, len);
	if (!path->attribute && path->schema == core)
		path->attribute = schema_attribute_find(schema_common, name, len);
	for (const struct schema *const *s = schema_all(); !schema && !path->attribute && *s; s++) {
		if ((*s)->resource != type || (*s)->core)
			continue;
		path->schema = *s;
		path->attribute = schema_attribute_find((*s)->attributes, name, len);
	}
	return path->attribute ? 0 : -ENOENT;
}

int path_lookup(enum resource_type type, const char *text, size_t len, struct path *ret)
{
	struct path path = { .schema = NULL };
	const struct schema *schema;
	const char *dot;
	size_t urn_size = 0, name_len;
	int r;

	schema = schema_prefix(type, text, len, &urn_size);
	if (schema && urn_size == len) {
		*ret = (struct path){ .schema = schema };
		return 0;
	}
	if (schema) {
		text += urn_size + 1;
		len -= urn_size + 1;
	}
	if (memchr(text, ':', len))
		return -ENOENT;
	dot = memchr(text, '.', len);
	name_len = dot ? (size_t)(dot - text) : len;
	if (!is_name(text, name_len) || (dot && !is_name(dot + 1, len - name_len - 1)))
		return -EINVAL;
	r = find_attribute(type, schema, text, name_len, &path);
	if (r < 0)
		return r;
	if (dot) {
		path.sub = path_sub_find(path.attribute, dot + 1, len - name_len - 1);
		if (!path.sub)
			return -ENOENT;
	}
	*ret = path;
	return 0;
}

int path_lookup_any(enum resource_type type, const char *text, size_t len, struct path *ret)
{
	static const enum resource_type types[] = { RESOURCE_USER, RESOURCE_GROUP };
	int r = path_lookup(type, text, len, ret);

	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(types); i++)
		r = path_lookup(types[i], text, len, ret);
	return r;
}

static int lookup_fault(int r, const char *text, size_t len, struct fault *fault)
{
	int shown = len > 200 ? 200 : (int)len;

	if (r == -ENOENT)
		(void)fault_set(fault, 400, "invalidPath", "\"%.*s\" is not an attribute", shown,
				text);
	if (r == -EINVAL)
		return fault_set(fault, 400, "invalidPath", "\"%.*s\" is not an attribute path",
				 shown, text);
	return r;
}

/* After the bracket: FILTER "]" [ "." sub ]. */
static int parse_filtered(const char *text, size_t len, struct path *path, struct fault *fault)
{
	size_t used;
	int r;

	if (!path->attribute || !path->attribute->multi_valued || path->sub)
		return fault_set(fault, 400, "invalidPath",
				 "only multi-valued attributes can be filtered");
	r = filter_parse_elements(path->attribute, text, len, &used, &path->filter, fault);
	if (r < 0)
		return r;
	text += used;
	len -= used;
	if (len == 0)
		return 0;
	if (text[0] != '.' || !is_name(text + 1, len - 1))
		return fault_set(fault, 400, "invalidPath", "the path goes on wrongly after \"]\"");
	path->sub = path_sub_find(path->attribute, text + 1, len - 1);
	return path->sub ? 0 : lookup_fault(-ENOENT, text + 1, len - 1, fault);
}

int path_parse(enum resource_type type, const char *text, size_t len, struct path *ret,
	       struct fault *fault)
{
	_cleanup_(path_done) struct path path = { .schema = NULL };
	const char *bracket = memchr(text, '[', len);
	size_t name_len = bracket ? (size_t)(bracket - text) : len;
	int r;

	if (len > FILTER_MAX_BYTES)
		return fault_set(fault, 400, "invalidPath", "the path is too long");
	r = path_lookup(type, text, name_len, &path);
	if (r < 0)
		return lookup_fault(r, text, len, fault);
	if (bracket) {
		r = parse_filtered(bracket + 1, len - name_len - 1, &path, fault);
		if (r < 0)
			return r;
	}
	*ret = path;
	path = (struct path){ .schema = NULL };
	return 0;
}

bool path_is_read_only(const struct path *path)
{
	return path->attribute->mutability == SCHEMA_READ_ONLY ||
	       (path->sub && path->sub->mutability == SCHEMA_READ_ONLY);
}

void path_print(const struct path *path, char *ret, size_t size)
{
	const char *attribute = path->attribute ? path->attribute->name : "";
	const char *urn = path->schema->core && path->attribute ? "" : path->schema->urn;

	const char *const parts[] = { urn, *urn && path->attribute ? ":" : "", attribute,
				      path->sub ? "." : "", path->sub ? path->sub->name : "" };
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		for (const char *c = parts[i]; *c && used + 1 < size; c++)
			ret[used++] = *c;
	}
	ret[used] = '\0';
}

void path_done(struct path *path)
{
	filter_freep(&path->filter);
}

struct json_object *path_container(const struct path *path, struct json_object *resource)
{
	return path->schema->core ? resource : json_member(resource, path->schema->urn);
}
