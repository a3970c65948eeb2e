#include "scimd/model/sort.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scimd/model/filter_node.h"
#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/value.h"

struct sort {
	struct path path;
	const struct schema_attribute *target;
};

/* Memberships are not part of what is stored with a resource, and passwords are not told. */
static bool can_sort(const struct path *path)
{
	const char *name = path->attribute->name;

	return path->attribute->returned != SCHEMA_NEVER &&
	       filter_target(path)->type != SCHEMA_COMPLEX && strcmp(name, "members") != 0 &&
	       strcmp(name, "groups") != 0 && strcmp(name, "schemas") != 0;
}

int sort_parse(enum resource_type type, bool any, const char *by, struct sort **ret,
	       struct fault *fault)
{
	_cleanup_(sort_freep) struct sort *sort = calloc(1, sizeof(*sort));
	size_t len = strlen(by);
	int r;

	if (!sort)
		return -ENOMEM;
	r = any ? path_lookup_any(type, by, len, &sort->path)
		: path_lookup(type, by, len, &sort->path);
	if (r < 0 || !sort->path.attribute)
		return fault_set(fault, 400, "invalidValue",
				 "sortBy: \"%.100s\" is not an attribute", by);
	if (!can_sort(&sort->path))
		return fault_set(fault, 400, "invalidValue",
				 "sortBy: \"%.100s\" has no order, name a simple attribute", by);
	sort->target = filter_target(&sort->path);
	*ret = TAKE_PTR(sort);
	return 0;
}

/* The element that stands for a multi-valued attribute. */
static struct json_object *element_choose(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return value;
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *element = json_object_array_get_idx(value, i);

		if (value_is_primary(element))
			return element;
	}
	return json_object_array_get_idx(value, 0);
}

/* Text whose order of bytes is the order of the numbers. */
static char *number_key(int64_t number)
{
	char *key;

	if (asprintf(&key, "%016llx",
		     (unsigned long long)number ^ (unsigned long long)INT64_MIN) < 0)
		return NULL;
	return key;
}

/* The same of decimals: their bits are in order once the sign is turned round, and below zero all. */
static char *decimal_key(double number)
{
	int64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	return number_key(bits < 0 ? (int64_t)((uint64_t)INT64_MIN - (uint64_t)bits) : bits);
}

static char *text_key(const char *text, bool exact)
{
	char *key = exact ? strdup(text) : json_fold(text);
	size_t len = SORT_KEY_MAX;

	if (!key || strlen(key) <= SORT_KEY_MAX)
		return key;
	while (len > 0 && ((unsigned char)key[len] & 0xc0) == 0x80)
		len--;
	key[len] = '\0';
	return key;
}

static char *key_make(const struct schema_attribute *target, struct json_object *value)
{
	int64_t time_us;

	if (target->type == SCHEMA_DECIMAL)
		return decimal_key(json_object_get_double(value));
	switch (json_object_get_type(value)) {
	case json_type_int:
		return number_key(json_object_get_int64(value));
	case json_type_boolean:
		return number_key(json_object_get_boolean(value));
	default:
		break;
	}
	if (target->type == SCHEMA_DATETIME &&
	    value_time(json_object_get_string(value), &time_us) == 0)
		return number_key(time_us);
	return text_key(json_object_get_string(value), target->case_exact);
}

int sort_key(const struct sort *sort, struct json_object *resource, char **ret)
{
	struct json_object *value;

	value = element_choose(json_member(path_container(&sort->path, resource),
					   sort->path.attribute->name));
	if (json_object_is_type(value, json_type_object))
		value = json_member(value, sort->target->name);
	if (!value || json_object_is_type(value, json_type_object) ||
	    json_object_is_type(value, json_type_array)) {
		*ret = NULL;
		return 0;
	}
	*ret = key_make(sort->target, value);
	return *ret ? 0 : -ENOMEM;
}

int sort_compare(const char *a, const char *b)
{
	if (!a || !b)
		return (b != NULL) - (a != NULL);
	return strcmp(a, b);
}

bool sort_uses(const struct sort *sort, const char *attribute)
{
	return strcmp(sort->path.attribute->name, attribute) == 0;
}

void sort_freep(struct sort **sort)
{
	int saved = errno;

	free(*sort);
	*sort = NULL;
	errno = saved;
}
