/* What people and groups have in common. */
#include "scimd/service/control.h"

#include <string.h>

#include "scimd/base/clock.h"

/* Append the name of the resource with this id. */
int control_name_add(const char *id, void *context)
{
	struct names *names = context;
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	_cleanup_(json_putp) struct json_object *resource = NULL;
	const char *text;
	int r = store_resource_get(names->control->txn, id, &row);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (!names->attribute)
		return *row.posix_name
			       ? control_append_text(names->array, row.posix_name, strlen(row.posix_name))
			       : 0;
	r = control_parse(row.json, &resource);
	if (r < 0)
		return r;
	text = json_get_string(resource, names->attribute);
	return text ? control_append_text(names->array, text, strlen(text)) : 0;
}

int control_put_common(struct json_object *object, const struct store_resource *row,
		       struct json_object *resource)
{
	char changed[CLOCK_TEXT_SIZE];
	int r = control_put_text(object, "displayName", json_get_string(resource, "displayName"));

	if (r == 0)
		r = control_put_text(object, "id", row->id);
	if (r == 0)
		r = control_put_text(object, "connection", row->connection);
	if (r == 0)
		r = control_put_text(object, "changed", clock_format(row->modified_us, changed));
	return r;
}

int control_object(struct control *control, const struct store_resource *row,
		   struct json_object **ret)
{
	_cleanup_(json_putp) struct json_object *resource = NULL;
	_cleanup_(json_putp) struct json_object *object = json_object_new_object();
	int r = object ? control_parse(row->json, &resource) : -ENOMEM;

	if (r == 0)
		r = row->type == RESOURCE_USER ? user_fill(control, row, resource, object)
					       : group_fill(control, row, resource, object);
	if (r == 0)
		*ret = TAKE_PTR(object);
	return r;
}

static int row_add(const struct store_resource *row, void *context)
{
	struct control *control = context;
	struct json_object *object;
	int r = control_object(control, row, &object);

	return r == 0 ? control_append(control->answer, object) : r;
}

int control_list(struct control *control, enum resource_type type)
{
	control->answer = json_object_new_array();
	if (!control->answer)
		return -ENOMEM;
	return store_resource_each(control->txn, type, NULL, 0, row_add, control);
}

/* Find by POSIX name, else by what the identity provider calls it. */
int control_find(struct control *control, enum resource_type type,
		 struct store_resource *ret)
{
	_cleanup_free_ char *folded = json_fold(control->name);
	char id[RESOURCE_ID_SIZE];
	int r = store_lookup(control->txn, STORE_BY_POSIX_NAME, NULL, control->name, id);

	if (!folded)
		return -ENOMEM;
	if (r == 0) {
		r = store_resource_get(control->txn, id, ret);
		if (r != 0 || ret->type == type)
			return r;
		store_resource_done(ret);
		*ret = (struct store_resource){ 0 };
		r = -ENOENT;
	}
	if (r == -ENOENT && type == RESOURCE_USER)
		r = store_lookup(control->txn, STORE_BY_USER_NAME, NULL, folded, id);
	for (size_t i = 0;
	     r == -ENOENT && type == RESOURCE_GROUP && i < control->conf->connection_count; i++)
		r = store_lookup(control->txn, STORE_BY_GROUP_NAME,
				 control->conf->connections[i].name, folded, id);
	return r == 0 ? store_resource_get(control->txn, id, ret) : r;
}
