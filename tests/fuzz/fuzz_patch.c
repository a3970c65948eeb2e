/* A PATCH, and its way back. The first byte chooses the type; the first line is a body that creates the
 * resource (a usual one, if that is refused), the rest is the PatchOp. What comes out is a resource that
 * replaces itself without a change; the PATCH that undoes each attribute leads back to what was there. */
#include "scimd/model/json.h"
#include "scimd/model/resource.h"
#include "tests/fuzz/fuzz_schema_doc.h"

static const char user_text[] =
	"{\"userName\":\"a@b.example\",\"displayName\":\"A\",\"name\":{\"givenName\":\"G\"},"
	"\"emails\":[{\"value\":\"w@b.example\",\"type\":\"work\",\"primary\":true},"
	"{\"value\":\"h@b.example\",\"type\":\"home\"}],\"title\":\"T\",\"" URN_ENTERPRISE
	"\":{\"department\":\"D\",\"manager\":{\"value\":\"m\"}},\"" URN_POSIX_USER
	"\":{\"uidNumber\":70000,\"sshPublicKeys\":[\"ssh-ed25519 A\",\"ssh-ed25519 B\"]}}";
static const char group_text[] = "{\"displayName\":\"G\",\"externalId\":\"E\"}";

static struct json_object *parse(const void *text, size_t size)
{
	struct json_object *json = NULL;
	struct fault fault;

	return json_parse(text, size, &json, &fault) < 0 ? NULL : json;
}

static void create(enum resource_type type, struct bytes text, struct resource_edit *ret)
{
	_cleanup_(json_putp) struct json_object *body = parse(text.at, text.left);
	const char *usual = type == RESOURCE_USER ? user_text : group_text;
	struct fault fault;

	if (body && resource_create(type, NULL, body, ret, &fault) == 0)
		return;
	json_putp(&body);
	body = parse(usual, strlen(usual));
	HOLDS(resource_create(type, NULL, body, ret, &fault) == 0);
}

static void operation_add(struct json_object *operations, const char *op, const char *path,
			  struct json_object *value)
{
	struct json_object *operation = json_object_new_object();

	(void)json_object_object_add(operation, "op", json_object_new_string(op));
	(void)json_object_object_add(operation, "path", json_object_new_string(path));
	if (value)
		(void)json_object_object_add(operation, "value", json_object_get(value));
	(void)json_object_array_add(operations, operation);
}

/* For each attribute that differs: gone if it was not there, otherwise as it was. */
static void undo(struct json_object *operations, struct json_object *now, struct json_object *then)
{
	json_object_object_foreach(now, key, value) {
		struct json_object *old;

		if (!json_object_object_get_ex(then, key, &old))
			operation_add(operations, "remove", key, NULL);
		else if (!json_object_equal(old, value) &&
			 json_object_is_type(value, json_type_object))
			operation_add(operations, "remove", key, NULL);
	}
	json_object_object_foreach(then, name, was) {
		struct json_object *is;

		if (!json_object_object_get_ex(now, name, &is) || !json_object_equal(is, was))
			operation_add(operations, "replace", name, was);
	}
}

static void check_undo(enum resource_type type, struct json_object *now, struct json_object *then)
{
	_cleanup_(resource_edit_done) struct resource_edit edit = { .resource = NULL };
	_cleanup_(json_putp) struct json_object *body = json_object_new_object();
	struct json_object *operations = json_object_new_array();
	struct fault fault = { 0 };
	int r;

	undo(operations, now, then);
	(void)json_object_object_add(body, "Operations", operations);
	if (json_object_array_length(operations) == 0)
		return;
	r = resource_patch(type, NULL, now, body, &edit, &fault);
	if (r < 0)
		(void)fprintf(stderr, "%s\n%s\n", fault.detail, json_object_to_json_string(body));
	HOLDS(r == 0);
	HOLDS(json_object_equal(edit.resource, then));
}

static void check_result(enum resource_type type, const struct resource_edit *edit,
			 struct json_object *before)
{
	_cleanup_(resource_edit_done) struct resource_edit same = { .resource = NULL };
	struct fault fault = { 0 };

	HOLDS(edit->changed == !json_object_equal(edit->resource, before));
	HOLDS(resource_replace(type, NULL, edit->resource, edit->resource, &same, &fault) == 0);
	HOLDS(!same.changed);
	for (size_t i = 0; i < edit->member_count; i++)
		HOLDS((edit->members[i].op == MEMBER_CLEAR) == !edit->members[i].user_id);
	HOLDS(type == RESOURCE_GROUP || edit->member_count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(resource_edit_done) struct resource_edit before = { .resource = NULL };
	_cleanup_(resource_edit_done) struct resource_edit after = { .resource = NULL };
	_cleanup_(json_putp) struct json_object *body = NULL, *copy = NULL;
	struct bytes bytes = { data, size };
	enum resource_type type = bytes_take(&bytes) % 2 ? RESOURCE_GROUP : RESOURCE_USER;
	struct bytes line = bytes_line(&bytes, '\n');
	struct fault fault = { 0 };
	int r;

	fuzz_schema_install();
	body = parse(bytes.at, bytes.left);
	if (!body)
		return 0;
	create(type, line, &before);
	copy = json_copy(before.resource);
	r = resource_patch(type, NULL, before.resource, body, &after, &fault);
	HOLDS(json_object_equal(before.resource, copy)); /* it is a copy that was changed */
	if (r < 0) {
		HOLDS(r == -EPROTO && (fault.status == 400 || fault.status == 413) &&
		      fault.detail[0] != '\0');
		HOLDS(!after.resource);
		return 0;
	}
	check_result(type, &after, before.resource);
	check_undo(type, after.resource, before.resource);
	return 0;
}
