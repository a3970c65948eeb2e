/* What a parsed filter says about a resource. "ne" is the opposite of "eq": of a multi-valued
 * attribute no value equals, and an attribute without value differs from every value. */
#include <errno.h>
#include <string.h>

#include "scimd/model/filter_node.h"
#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/value.h"

#define FOLDED_HERE 512u /* bytes */

static bool compare_order(enum filter_op op, int order)
{
	switch (op) {
	case FILTER_EQ:
	case FILTER_NE: /* turned round by the caller, over all values */
		return order == 0;
	case FILTER_GT:
		return order > 0;
	case FILTER_GE:
		return order >= 0;
	case FILTER_LT:
		return order < 0;
	case FILTER_LE:
		return order <= 0;
	default:
		return false;
	}
}

static bool compare_plain(const struct filter *node, const char *have, const char *wanted)
{
	size_t have_len = strlen(have), wanted_len = strlen(wanted);

	switch (node->op) {
	case FILTER_CO:
		return strstr(have, wanted) != NULL;
	case FILTER_SW:
		return strncmp(have, wanted, wanted_len) == 0;
	case FILTER_EW:
		return have_len >= wanted_len && strcmp(have + have_len - wanted_len, wanted) == 0;
	default:
		return compare_order(node->op, strcmp(have, wanted));
	}
}

/* Most values fit on the stack, where memory does not run out: a person who is not found would be made
 * again. */
static bool compare_text(const struct filter *node, const char *have)
{
	char room[JSON_FOLD_ROOM(FOLDED_HERE)];
	_cleanup_free_ char *folded = NULL;
	size_t len;

	if (!node->folded)
		return compare_plain(node, have, node->text);
	len = strlen(have);
	if (len <= FOLDED_HERE) {
		json_fold_into(have, len, room);
		return compare_plain(node, room, node->folded);
	}
	folded = json_fold(have);
	return folded && compare_plain(node, folded, node->folded);
}

static bool compare_number(const struct filter *node, struct json_object *value)
{
	int64_t have = json_object_get_int64(value);
	double decimal = json_object_get_double(value);
	bool is_whole = json_object_is_type(value, json_type_int);

	if (!is_whole && !json_object_is_type(value, json_type_double))
		return false;
	if (node->literal == FILTER_INTEGER && !is_whole)
		return compare_order(node->op, (decimal > (double)node->integer) -
						       (decimal < (double)node->integer));
	if (node->literal == FILTER_DECIMAL)
		return compare_order(node->op,
				     (decimal > node->decimal) - (decimal < node->decimal));
	return compare_order(node->op, (have > node->integer) - (have < node->integer));
}

static bool compare_time(const struct filter *node, const char *have)
{
	int64_t us;

	if (value_time(have, &us) < 0)
		return false;
	return compare_order(node->op, (us > node->integer) - (us < node->integer));
}

/* A simple value against the literal; "ne" is answered as "eq". */
static bool compare_value(const struct filter *node, struct json_object *value)
{
	bool is_text = json_object_is_type(value, json_type_string);

	switch (node->literal) {
	case FILTER_TEXT:
		return is_text && compare_text(node, json_object_get_string(value));
	case FILTER_TIME:
		return is_text && compare_time(node, json_object_get_string(value));
	case FILTER_BOOLEAN:
		return json_object_is_type(value, json_type_boolean) &&
		       json_object_get_boolean(value) == (node->integer != 0);
	case FILTER_INTEGER:
	case FILTER_DECIMAL:
		return compare_number(node, value);
	case FILTER_NULL:
		break;
	}
	return false;
}

/* Not null, no empty string, no empty list, and an object with something in it. */
static bool is_present(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return false;
	case json_type_string:
		return json_object_get_string_len(value) > 0;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			if (is_present(json_object_array_get_idx(value, i)))
				return true;
		}
		return false;
	case json_type_object: {
		json_object_object_foreach(value, key, member) {
			(void)key;
			if (is_present(member))
				return true;
		}
		return false;
	}
	default:
		return true;
	}
}

static bool test_value(const struct filter *node, struct json_object *value)
{
	if (node->op == FILTER_PR || node->literal == FILTER_NULL)
		return is_present(value);
	return compare_value(node, value);
}

/* One element or single value: go down to the sub-attribute that is compared. */
static bool test_element(const struct filter *node, struct json_object *element)
{
	const struct schema_attribute *target = filter_target(&node->path);

	if (!json_object_is_type(element, json_type_object))
		return test_value(node, element);
	if (!node->path.sub && (node->op == FILTER_PR || target->type == SCHEMA_COMPLEX))
		return is_present(element);
	return test_value(node, json_member(element, target->name));
}

static bool test_any(const struct filter *node, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return test_element(node, value);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		if (test_element(node, json_object_array_get_idx(value, i)))
			return true;
	}
	return false;
}

/* object is a resource, or for in_element an element. */
static bool matches_comparison(const struct filter *node, struct json_object *object)
{
	bool is_absent_wanted = node->op != FILTER_PR && node->literal == FILTER_NULL;
	struct json_object *value = object;
	bool found;

	if (!node->in_element)
		value = json_member(path_container(&node->path, object),
				    node->path.attribute->name);
	found = test_any(node, value);
	if (node->op == FILTER_PR)
		return found;
	return found != (is_absent_wanted != (node->op == FILTER_NE));
}

static bool matches_elements(const struct filter *node, struct json_object *resource)
{
	struct json_object *value = json_member(path_container(&node->path, resource),
						node->path.attribute->name);

	if (!json_object_is_type(value, json_type_array))
		return value && filter_matches_element(node->left, value);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		if (filter_matches_element(node->left, json_object_array_get_idx(value, i)))
			return true;
	}
	return false;
}

static bool matches(const struct filter *node, struct json_object *object)
{
	switch (node->kind) {
	case FILTER_AND:
		return matches(node->left, object) && matches(node->right, object);
	case FILTER_OR:
		return matches(node->left, object) || matches(node->right, object);
	case FILTER_NOT:
		return !matches(node->left, object);
	case FILTER_ELEMENTS:
		return matches_elements(node, object);
	case FILTER_COMPARE:
		break;
	}
	return matches_comparison(node, object);
}

bool filter_matches(const struct filter *filter, struct json_object *resource)
{
	return matches(filter, resource);
}

bool filter_matches_element(const struct filter *filter, struct json_object *element)
{
	return matches(filter, element);
}

size_t filter_comparisons(const struct filter *filter)
{
	if (!filter)
		return 0;
	return (filter->kind == FILTER_COMPARE) + filter_comparisons(filter->left) +
	       filter_comparisons(filter->right);
}

/* path_print of what the comparison reads, with the default sub-attribute spelled out. */
static bool is_at(const struct filter *node, const char *path)
{
	struct path full = node->path;
	char text[256];

	if (full.attribute->type == SCHEMA_COMPLEX)
		full.sub = filter_target(&full);
	else
		full.sub = NULL;
	path_print(&full, text, sizeof(text));
	return strcmp(text, path) == 0;
}

/* The same inside brackets, where comparisons do not know the schema of the attribute before
 * them. */
static const char *requires_element(const struct filter *node, const struct path *outer,
				    const char *path)
{
	const char *text;
	struct filter here;

	if (node->kind == FILTER_AND) {
		text = requires_element(node->left, outer, path);
		return text ? text : requires_element(node->right, outer, path);
	}
	if (node->kind != FILTER_COMPARE || node->op != FILTER_EQ || node->literal != FILTER_TEXT)
		return NULL;
	here = *node;
	here.path.schema = outer->schema;
	return is_at(&here, path) ? node->text : NULL;
}

const char *filter_requires(const struct filter *filter, const char *path)
{
	const char *text;

	switch (filter->kind) {
	case FILTER_AND:
		text = filter_requires(filter->left, path);
		return text ? text : filter_requires(filter->right, path);
	case FILTER_ELEMENTS:
		return requires_element(filter->left, &filter->path, path);
	case FILTER_COMPARE:
		if (filter->op == FILTER_EQ && filter->literal == FILTER_TEXT &&
		    is_at(filter, path))
			return filter->text;
		return NULL;
	default:
		return NULL;
	}
}

bool filter_uses(const struct filter *filter, const char *attribute)
{
	switch (filter->kind) {
	case FILTER_AND:
	case FILTER_OR:
		return filter_uses(filter->left, attribute) ||
		       filter_uses(filter->right, attribute);
	case FILTER_NOT:
		return filter_uses(filter->left, attribute);
	default:
		return strcmp(filter->path.attribute->name, attribute) == 0;
	}
}

int filter_seed(const struct filter *filter, struct json_object *element)
{
	_cleanup_(json_putp) struct json_object *value = NULL;
	struct json_object *checked;
	struct fault ignored;
	int r;

	if (filter->kind == FILTER_AND) {
		r = filter_seed(filter->left, element);
		return r < 0 ? r : filter_seed(filter->right, element);
	}
	if (filter->kind != FILTER_COMPARE || filter->op != FILTER_EQ)
		return -EINVAL;
	if (filter->literal == FILTER_TEXT || filter->literal == FILTER_TIME)
		value = json_object_new_string(filter->text);
	else if (filter->literal == FILTER_INTEGER)
		value = json_object_new_int64(filter->integer);
	else if (filter->literal == FILTER_DECIMAL)
		value = json_object_new_double(filter->decimal);
	else if (filter->literal == FILTER_BOOLEAN)
		value = json_object_new_boolean(filter->integer != 0);
	else
		return -EINVAL;
	if (!value)
		return -ENOMEM;
	/* What can be compared, such as 1.5 with an integer, need not be what can be stored. */
	r = value_simple(NULL, filter->path.sub, value, &checked, &ignored);
	if (r < 0)
		return r == -EPROTO ? -EINVAL : r;
	return json_set(element, filter->path.sub->name, checked);
}
