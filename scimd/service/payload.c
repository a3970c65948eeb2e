#include "scimd/service/payload.h"

#include <string.h>
#include <strings.h>

#include "scimd/model/json.h"
#include "scimd/model/schema.h"

/* Names that only resemble the attribute are taken as well: an event may lack a detail, never hold
 * a secret. */
static bool names_password(const char *name)
{
	return name && (strcasestr(name, "password") || schema_is_secret(name));
}

static bool op_sets_password(struct json_object *object)
{
	return names_password(json_get_string(object, "path"));
}

enum visit { VISIT_FIND, VISIT_WIPE, VISIT_REMOVE };

static bool passwords_visit(struct json_object *value, enum visit visit);

static bool object_visit(struct json_object *object, enum visit visit)
{
	bool by_path = op_sets_password(object);
	bool found = false;

	json_object_object_foreach(object, key, member) {
		if (!names_password(key) && !(by_path && strcasecmp(key, "value") == 0)) {
			found |= passwords_visit(member, visit);
			continue;
		}
		found = true;
		if (visit != VISIT_FIND)
			json_wipe(member);
		if (visit == VISIT_REMOVE)
			json_object_object_del(object, key);
	}
	return found;
}

/* Walk all values. Returns whether there were passwords. Depth is bounded by the parser. */
static bool passwords_visit(struct json_object *value, enum visit visit)
{
	bool found = false;

	if (json_object_is_type(value, json_type_object))
		return object_visit(value, visit);
	if (!json_object_is_type(value, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(value); i++)
		found |= passwords_visit(json_object_array_get_idx(value, i), visit);
	return found;
}

bool payload_has_password(struct json_object *body)
{
	return passwords_visit(body, VISIT_FIND);
}

void payload_wipe(struct json_object *body)
{
	passwords_visit(body, VISIT_WIPE);
}

/* The body's text without its passwords, from a copy: the request itself keeps them. */
static char *text_without_passwords(struct json_object *body)
{
	_cleanup_(json_putp) struct json_object *copy = json_copy(body);

	if (!copy)
		return NULL;
	passwords_visit(copy, VISIT_REMOVE);
	return json_text(copy);
}

int payload_text(struct json_object *body, bool has_password, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	text = has_password ? text_without_passwords(body) : json_text(body);
	if (!text)
		return -ENOMEM;
	len = strlen(text);
	if (len > PAYLOAD_MAX_BYTES) {
		len = PAYLOAD_MAX_BYTES;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
		text[len] = '\0';
	}
	*ret = TAKE_PTR(text);
	return 0;
}
