/* A body becomes a resource. The first byte chooses the type; then a line for the query's attributes;
 * the rest is the body. What was created prints and parses to the same, replaces itself without a
 * change, and is as strict about its form as resource.h says. */
#include "scimd/model/json.h"
#include "scimd/model/resource.h"
#include "tests/fuzz/fuzz_schema_doc.h"

/* No null, nothing empty, nothing that travels beside a resource. */
static void check_form(struct json_object *value, unsigned int depth)
{
	HOLDS(value != NULL);
	if (json_object_is_type(value, json_type_array)) {
		HOLDS(json_object_array_length(value) > 0);
		for (size_t i = 0; i < json_object_array_length(value); i++)
			check_form(json_object_array_get_idx(value, i), depth + 1);
	}
	if (!json_object_is_type(value, json_type_object))
		return;
	HOLDS(json_object_object_length(value) > 0 && depth < 4);
	json_object_object_foreach(value, key, member) {
		HOLDS(depth > 0 || (strcmp(key, "id") != 0 && strcmp(key, "meta") != 0 &&
				    strcmp(key, "schemas") != 0 && strcmp(key, "groups") != 0 &&
				    strcmp(key, "password") != 0 && strcmp(key, "members") != 0));
		check_form(member, depth + 1);
	}
}

static void check_again(enum resource_type type, struct json_object *resource)
{
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	_cleanup_(json_putp) struct json_object *parsed = NULL, *urns = NULL;
	_cleanup_free_ char *text = json_text(resource);
	struct fault fault = { 0 };

	HOLDS(text && json_parse(text, strlen(text), &parsed, &fault) == 0);
	HOLDS(json_object_equal(resource, parsed));
	HOLDS(resource_replace(type, NULL, resource, parsed, &edit, &fault) == 0);
	HOLDS(!edit.changed && json_object_equal(edit.resource, resource));
	urns = resource_schemas(type, resource);
	HOLDS(urns && json_object_array_length(urns) > 0);
}

static void check_project(enum resource_type type, struct json_object *resource, const char *list)
{
	_cleanup_(json_putp) struct json_object *shown = json_copy(resource);
	_cleanup_(json_putp) struct json_object *rest = json_copy(resource);
	struct fault fault = { 0 };

	HOLDS(shown && rest);
	if (resource_project(type, shown, list, NULL, &fault) < 0 ||
	    resource_project(type, rest, NULL, list, &fault) < 0)
		return;
	json_object_object_foreach(shown, key, member) {
		(void)member;
		HOLDS(json_object_object_get_ex(resource, key, NULL));
	}
	json_object_object_foreach(rest, other, value) {
		(void)value;
		HOLDS(json_object_object_get_ex(resource, other, NULL));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	_cleanup_(json_putp) struct json_object *body = NULL;
	struct bytes bytes = { data, size };
	enum resource_type type = bytes_take(&bytes) % 2 ? RESOURCE_GROUP : RESOURCE_USER;
	_cleanup_free_ char *list = bytes_string(bytes_line(&bytes, '\n'));
	struct fault fault = { 0 };
	int r;

	fuzz_schema_install();
	if (json_parse((const char *)bytes.at, bytes.left, &body, &fault) < 0)
		return 0;
	r = resource_create(type, NULL, body, &edit, &fault);
	if (r < 0) {
		HOLDS(r == -EPROTO && fault.status == 400 && fault.detail[0] != '\0');
		return 0;
	}
	check_form(edit.resource, 0);
	check_again(type, edit.resource);
	check_project(type, edit.resource, list);
	return 0;
}
