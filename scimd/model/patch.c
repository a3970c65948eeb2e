/* PATCH: the envelope of a PatchOp (RFC 7644 section 3.5.2). What an operation does to an
 * attribute is resource_editor.c's. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/resource.h"
#include "scimd/model/resource_editor.h"

#define OPERATIONS_MAX 1000

/* One operation as sent; borrowed. */
struct operation {
	enum editor_op op;
	bool is_capital;  /* "Replace", as Entra ID spells it */
	const char *path; /* NULL: none */
	bool has_value;
	struct json_object *value;
};

/* A member that is none of the known ones: harmless, or an attempt at "active" in the wrong
 * place. */
static int check_stray(enum resource_type type, const char *key, struct fault *fault)
{
	if (type != RESOURCE_USER || !editor_means_active(key))
		return 0;
	return fault_set(fault, 400, "invalidSyntax",
			 "\"%.100s\" does not belong here; attributes go into an operation's value",
			 key);
}

int resource_check_names(enum resource_type type, struct json_object *object,
			 const char *const *names, struct fault *fault)
{
	json_object_object_foreach(object, key, value) {
		const char *const *name = names;
		int r = 0;

		(void)value;
		while (*name && strcasecmp(*name, key) != 0)
			name++;
		if (!*name)
			r = check_stray(type, key, fault);
		else if (json_count(object, key) > 1)
			r = fault_set(fault, 400, "invalidSyntax", "%s is given twice", *name);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_op(struct editor *editor, struct json_object *object, struct operation *ret)
{
	static const char *const names[] = {
		[EDITOR_ADD] = "add",
		[EDITOR_REPLACE] = "replace",
		[EDITOR_REMOVE] = "remove",
	};
	const char *op = json_get_string(object, "op");

	for (size_t i = 0; op && i < ARRAY_SIZE(names); i++) {
		if (strcasecmp(op, names[i]) == 0) {
			ret->op = (enum editor_op)i;
			ret->is_capital = isupper((unsigned char)op[0]);
			return 0;
		}
	}
	if (!op)
		return fault_set(editor->fault, 400, "invalidSyntax", "op is missing");
	return fault_set(editor->fault, 400, "invalidSyntax",
			 "op \"%.40s\" is none of add, remove, replace", op);
}

static int read_operation(struct editor *editor, struct json_object *object,
			  struct operation *ret)
{
	static const char *const names[] = { "op", "path", "value", NULL };
	struct json_object *path;
	int r;

	if (!json_object_is_type(object, json_type_object))
		return fault_set(editor->fault, 400, "invalidSyntax", "it must be an object");
	r = resource_check_names(editor->type, object, names, editor->fault);
	if (r < 0)
		return r;
	r = read_op(editor, object, ret);
	if (r < 0)
		return r;
	path = json_get(object, "path");
	if (path && !json_object_is_type(path, json_type_string))
		return fault_set(editor->fault, 400, "invalidPath", "path must be a string");
	ret->path = path && json_object_get_string_len(path) > 0 ? json_object_get_string(path) :
								   NULL;
	ret->has_value = json_count(object, "value") > 0;
	ret->value = json_get(object, "value");
	return 0;
}

static int apply_pathless(struct editor *editor, const struct operation *operation)
{
	if (operation->op == EDITOR_REMOVE)
		return fault_set(editor->fault, 400, "noTarget", "remove needs a path");
	if (!json_object_is_type(operation->value, json_type_object))
		return fault_set(editor->fault, 400, "invalidValue",
				 "without a path the value must be an object of attributes");
	return editor_apply_object(editor, operation->op, NULL, operation->value);
}

static bool is_entra(const struct editor *editor, const struct operation *operation)
{
	enum patch_dialect dialect = editor->rules.dialect;

	return dialect == PATCH_ENTRA || (dialect == PATCH_AUTO && operation->is_capital);
}

/* A path that is not in any schema. */
static int apply_unknown(struct editor *editor, const struct operation *operation)
{
	int r = editor_apply_unknown(editor, operation->op, operation->path, operation->value);

	if (r == 0)
		return -EPROTO; /* with the fault that says so */
	return r < 0 ? r : 0;
}

static int apply_operation(struct editor *editor, struct json_object *object)
{
	_cleanup_(path_done) struct path path = { .schema = NULL };
	struct operation operation = { .path = NULL };
	int r;

	r = read_operation(editor, object, &operation);
	if (r < 0)
		return r;
	if (is_entra(editor, &operation))
		editor->edit.by_entra = true;
	if (operation.op != EDITOR_REMOVE && !operation.has_value)
		return fault_set(editor->fault, 400, "invalidValue", "the value is missing");
	if (!operation.path)
		return apply_pathless(editor, &operation);
	r = path_parse(editor->type, operation.path, strlen(operation.path), &path, editor->fault);
	if (r == -ENOENT)
		return apply_unknown(editor, &operation);
	if (r < 0)
		return r;
	editor->needs_target = operation.op == EDITOR_REPLACE && !is_entra(editor, &operation);
	r = editor_apply(editor, operation.op, &path, operation.value);
	editor->needs_target = false;
	return r;
}

/* Say which operation it was. */
static void number_fault(struct fault *fault, size_t i)
{
	char detail[FAULT_DETAIL_SIZE];

	memcpy(detail, fault->detail, sizeof(detail));
	(void)fault_set(fault, fault->status, fault->scim_type, "operation %zu: %s", i + 1, detail);
}

static int apply_all(struct editor *editor, struct json_object *operations)
{
	size_t count = 0;

	if (json_object_is_type(operations, json_type_array))
		count = json_object_array_length(operations);
	if (count == 0)
		return fault_set(editor->fault, 400, "invalidSyntax",
				 "Operations must be a list of at least one operation");
	if (count > OPERATIONS_MAX)
		return fault_set(editor->fault, 400, "invalidValue",
				 "more than %d operations in one request", OPERATIONS_MAX);
	for (size_t i = 0; i < count; i++) {
		int r = apply_operation(editor, json_object_array_get_idx(operations, i));

		if (r == -EPROTO)
			number_fault(editor->fault, i);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_envelope(struct editor *editor, struct json_object *body)
{
	static const char *const names[] = { "schemas", "Operations", NULL };
	struct json_object *urns;

	if (!json_object_is_type(body, json_type_object))
		return fault_set(editor->fault, 400, "invalidSyntax",
				 "the body must be a JSON object");
	urns = json_get(body, "schemas");
	if (urns && !json_object_is_type(urns, json_type_array) &&
	    !json_object_is_type(urns, json_type_string))
		return fault_set(editor->fault, 400, "invalidSyntax",
				 "schemas must be a list of URNs");
	if (editor->rules.checks_schemas && !resource_body_is(body, URN_PATCH))
		return fault_set(editor->fault, 400, "invalidSyntax", "schemas must name %s",
				 URN_PATCH);
	return resource_check_names(editor->type, body, names, editor->fault);
}

int resource_patch(enum resource_type type, const struct resource_rules *rules,
		   struct json_object *current, struct json_object *body,
		   struct resource_edit *ret, struct fault *fault)
{
	_cleanup_(editor_done) struct editor editor = {
		.type = type, .strict = true, .fault = fault
	};
	int r;

	if (rules)
		editor.rules = *rules;
	r = check_envelope(&editor, body);
	if (r < 0)
		return r;
	editor.edit.resource = json_copy(current);
	if (!editor.edit.resource)
		return -ENOMEM;
	r = apply_all(&editor, json_get(body, "Operations"));
	return r < 0 ? r : editor_finish(&editor, current, ret);
}
