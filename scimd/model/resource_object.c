/* A whole object of attributes: the body of POST and PUT, and the value of a PATCH without a
 * path. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/resource_editor.h"
#include "scimd/model/value.h"

/* An object being applied. */
struct walk {
	struct editor *editor;
	enum editor_op op;
	const struct schema *schema; /* whose attributes these are; NULL: the resource's */
	struct json_object *seen;    /* the canonical names that came already */
	size_t known, unknown, read_only;
	bool groups;
};

static int walk_object(struct walk *walk, struct json_object *object);

static int skip_unknown(struct walk *walk, const char *key, struct json_object *value)
{
	int r = 0;

	editor_look_at_unknown(walk->editor, key, value);
	if (!walk->schema)
		r = editor_apply_unknown(walk->editor, walk->op, key, value);
	walk->known += r > 0;
	walk->unknown += r == 0;
	return r < 0 ? r : 0;
}

/* The same attribute under two spellings leaves open which one counts. */
static int check_once(struct walk *walk, const struct path *path, const char *key)
{
	char name[256];
	struct json_object *found;

	path_print(path, name, sizeof(name));
	if (path->filter)
		(void)snprintf(name, sizeof(name), "%s", key);
	if (json_object_object_get_ex(walk->seen, name, &found))
		return fault_set(walk->editor->fault, 400, "invalidValue", "%s is given twice",
				 name);
	return json_object_object_add(walk->seen, name, NULL) < 0 ? -ENOMEM : 0;
}

/* The value of a URN key: the attributes of that schema. */
static int walk_schema(struct walk *walk, const struct path *path, struct json_object *value)
{
	struct walk inner = *walk;
	int r;

	if (!value && !walk->editor->strict)
		return 0;
	walk->known += !value;
	if (!json_object_is_type(value, json_type_object))
		return editor_apply(walk->editor, walk->op, path, value);
	inner.schema = path->schema;
	r = walk_object(&inner, value);
	inner.schema = walk->schema;
	*walk = inner;
	return r;
}

static int walk_member(struct walk *walk, const char *key, struct json_object *value)
{
	_cleanup_(path_done) struct path path = { .schema = NULL };
	_cleanup_free_ char *qualified = NULL;
	const char *text = key;
	int r;

	if (walk->schema && asprintf(&qualified, "%s:%s", walk->schema->urn, key) < 0)
		return -ENOMEM;
	if (walk->schema)
		text = qualified;
	r = path_parse(walk->editor->type, text, strlen(text), &path, walk->editor->fault);
	if (r == -ENOENT || (r == -EPROTO && !strchr(key, '[')) ||
	    (r == -EPROTO && !walk->editor->strict))
		return skip_unknown(walk, key, value);
	if (r < 0)
		return r;
	r = check_once(walk, &path, text);
	if (r < 0)
		return r;
	if (!path.attribute)
		return walk_schema(walk, &path, value);
	if (path_is_read_only(&path)) {
		editor_look_within(walk->editor, path.attribute, value);
		walk->read_only++;
		walk->groups |= path.schema->core && strcmp(path.attribute->name, "groups") == 0;
		return 0;
	}
	walk->known++;
	return editor_apply(walk->editor, walk->op, &path, value);
}

static int walk_object(struct walk *walk, struct json_object *object)
{
	json_object_object_foreach(object, key, value) {
		int r = walk_member(walk, key, value);

		if (r < 0)
			return r;
	}
	return 0;
}

int editor_apply_object(struct editor *editor, enum editor_op op, const struct schema *schema,
			struct json_object *object)
{
	_cleanup_(json_putp) struct json_object *seen = json_object_new_object();
	struct walk walk = { .editor = editor, .op = op, .schema = schema, .seen = seen };
	int r;

	if (!seen)
		return -ENOMEM;
	r = walk_object(&walk, object);
	if (r < 0)
		return r;
	if (editor->strict && walk.known == 0 && walk.groups)
		return fault_set(editor->fault, 400, "mutability",
				 "groups is read-only; who is in a group is changed in the group");
	/* readOnly attributes alone are what clients echo; anything else alone was meant to do
	 * something. */
	if (editor->strict && walk.known == 0 && editor->out[0])
		return fault_set(editor->fault, 400, "invalidValue",
				 "\"%.100s\" is not an attribute; whether somebody is active is said "
				 "by \"active\" with true or false",
				 editor->out);
	if (editor->strict && walk.known == 0 && (walk.unknown > 0 || walk.read_only == 0))
		return fault_set(editor->fault, 400, "invalidValue",
				 "the value has no attribute that can be changed here");
	return 0;
}
