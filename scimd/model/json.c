#include "scimd/model/json.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/json_private.h"

static void string_wipe(struct json_object *value)
{
	int len = json_object_get_string_len(value);
	char *stars = len > 0 ? malloc((size_t)len) : NULL;

	if (!stars)
		return;
	memset(stars, '*', (size_t)len);
	/* Of the same length, it goes where the string was. */
	json_object_set_string_len(value, stars, len);
	free(stars);
}

void json_wipe(struct json_object *value)
{
	if (json_object_is_type(value, json_type_string)) {
		string_wipe(value);
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			json_wipe(json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member) {
			(void)key;
			json_wipe(member);
		}
	}
}

void json_putp(struct json_object **object)
{
	int saved = errno;

	if (*object)
		json_object_put(*object);
	errno = saved;
}

struct json_object *json_copy(struct json_object *object)
{
	struct json_object *copy = NULL;

	if (json_object_deep_copy(object, &copy, NULL) < 0)
		return NULL;
	return copy;
}

struct json_object *json_get(struct json_object *object, const char *name)
{
	struct json_object *found;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	if (json_object_object_get_ex(object, name, &found))
		return found;
	json_object_object_foreach(object, key, value) {
		if (strcasecmp(key, name) == 0)
			return value;
	}
	return NULL;
}

const char *json_get_string(struct json_object *object, const char *name)
{
	struct json_object *value = json_get(object, name);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

char *json_text(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	return text ? strdup(text) : NULL;
}

int json_set(struct json_object *object, const char *key, struct json_object *value)
{
	if (!object || !value || json_object_object_add(object, key, value) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

int json_append(struct json_object *array, struct json_object *value)
{
	if (!array || !value || json_object_array_add(array, value) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

struct json_object *json_member(struct json_object *object, const char *name)
{
	struct json_object *found = NULL;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	(void)json_object_object_get_ex(object, name, &found);
	return found;
}

size_t json_count(struct json_object *object, const char *name)
{
	size_t count = 0;

	json_object_object_foreach(object, key, value) {
		(void)value;
		count += strcasecmp(key, name) == 0;
	}
	return count;
}
