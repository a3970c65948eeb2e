#include "scimd/service/control.h"

#include <string.h>

/* Add a member; value is taken, NULL becomes null. */
int control_put(struct json_object *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

int control_put_text(struct json_object *object, const char *key, const char *text)
{
	struct json_object *value = text && *text ? json_object_new_string(text) : NULL;

	if (text && *text && !value)
		return -ENOMEM;
	return control_put(object, key, value);
}

int control_put_number(struct json_object *object, const char *key, uint64_t number)
{
	struct json_object *value = json_object_new_int64((int64_t)number);

	return value ? control_put(object, key, value) : -ENOMEM;
}

int control_put_bool(struct json_object *object, const char *key, bool flag)
{
	struct json_object *value = json_object_new_boolean(flag);

	return value ? control_put(object, key, value) : -ENOMEM;
}

/* A new empty array under key; borrowed, NULL without memory. */
struct json_object *control_put_array(struct json_object *object, const char *key)
{
	struct json_object *array = json_object_new_array();

	return array && control_put(object, key, array) == 0 ? array : NULL;
}

/* Append value, which is taken and may be NULL for want of memory. */
int control_append(struct json_object *array, struct json_object *value)
{
	if (value && json_object_array_add(array, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

int control_append_text(struct json_object *array, const char *text, size_t len)
{
	return control_append(array, json_object_new_string_len(text, (int)len));
}

int control_parse(const char *text, struct json_object **ret)
{
	struct fault fault;
	int r = json_parse(text, strlen(text), ret, &fault);

	return r == -EPROTO ? -EIO : r;
}
