#include "scimd/service/control.h"

#include <string.h>

#include "scimd/base/clock.h"

static int put_roles(struct json_object *object, const char *roles)
{
	struct json_object *array = control_put_array(object, "roles");
	int r = array ? 0 : -ENOMEM;

	while (r == 0 && roles && *roles) {
		size_t len = strcspn(roles, ",");

		r = control_append_text(array, roles, len);
		roles += len + (roles[len] == ',');
	}
	return r;
}

static const char *user_status(struct control *control, const struct store_resource *row,
			       struct json_object *resource, bool locked)
{
	struct json_object *active = json_get(resource, "active");

	if (locked)
		return "locked";
	if (row->allowed)
		return "active";
	if (store_held_has(control->txn, row->id) == 1)
		return "unconfirmed";
	return active && !json_object_get_boolean(active) ? "deactivated" : "denied";
}

int control_user_status(struct control *control, const struct store_resource *row,
			const char **ret)
{
	_cleanup_(json_putp) struct json_object *resource = NULL;
	_cleanup_(store_lock_done) struct store_lock lock = { 0 };
	int r = store_lock_get(control->txn, row->id, &lock);
	bool locked = r == 0;

	if (r < 0 && r != -ENOENT)
		return r;
	r = control_parse(row->json, &resource);
	if (r == 0)
		*ret = user_status(control, row, resource, locked);
	return r;
}

/* When their last session began, as pam_scim told it. */
static int login_fill(struct control *control, const char *id, struct json_object *object)
{
	_cleanup_(store_login_done) struct store_login login = { 0 };
	char time[CLOCK_TEXT_SIZE];
	int r = store_login_get(control->txn, id, &login);
	bool known = r == 0;

	if (r < 0 && r != -ENOENT)
		return r;
	r = control_put_text(object, "last_login", known ? clock_format(login.time_us, time) : NULL);
	if (r == 0)
		r = control_put_text(object, "last_login_service", login.service);
	return r == 0 ? control_put_text(object, "last_login_from", login.host) : r;
}

int user_fill(struct control *control, const struct store_resource *row,
	      struct json_object *resource, struct json_object *object)
{
	struct names groups = { control, NULL, "displayName" };
	_cleanup_(json_putp) struct json_object *lock = json_object_new_object();
	bool locked = false;
	int r = lock ? lock_fill(control, row, lock, &locked) : -ENOMEM;

	if (r == 0)
		r = control_put_text(object, "name", row->posix_name);
	if (r == 0)
		r = control_put_number(object, "uid", row->number);
	if (r == 0)
		r = control_put_text(object, "status", user_status(control, row, resource,
							     locked));
	if (r == 0)
		r = control_put_text(object, "reason", row->reason);
	if (r == 0)
		r = control_put_text(object, "userName", json_get_string(resource, "userName"));
	if (r == 0)
		r = control_put_common(object, row, resource);
	if (r == 0)
		r = put_roles(object, row->roles);
	if (r < 0)
		return r;
	groups.array = control_put_array(object, "groups");
	if (!groups.array)
		return -ENOMEM;
	r = store_groups_each(control->txn, row->id, control_name_add, &groups);
	if (r == 0)
		r = login_fill(control, row->id, object);
	return r < 0 ? r : control_put(object, "lock",
				       json_object_get(json_get(lock, "lock")));
}

/* What a session would get: the configured attributes, as far as the person has them. */
static int put_attributes(struct control *control, struct json_object *resource)
{
	struct json_object *object = json_object_new_object();
	int r = object ? control_put(control->answer, "attributes", object) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < control->conf->attribute_count; i++) {
		const struct conf_attribute *attribute = &control->conf->attributes[i];
		_cleanup_free_ char *value = NULL;

		r = resource_value(RESOURCE_USER, resource, attribute->source, &value);
		if (r == 0)
			r = control_put_text(object, attribute->name, value);
		else if (r == -ENOENT || r == -EINVAL)
			r = 0;
	}
	return r;
}

static size_t list_count(char *const *list)
{
	size_t count = 0;

	while (list && list[count])
		count++;
	return count;
}

/* What only the account of one person shows. */
static int put_account(struct control *control, const struct store_resource *row)
{
	_cleanup_(json_putp) struct json_object *resource = NULL;
	_cleanup_(identity_done) struct identity identity = { 0 };
	struct json_object *object = control->answer;
	char created[CLOCK_TEXT_SIZE];
	int r = change_user_identity(control->txn, control->conf, row, &identity);

	if (r == 0)
		r = control_parse(row->json, &resource);
	if (r == 0)
		r = control_put_text(object, "gecos", identity.gecos);
	if (r == 0)
		r = control_put_text(object, "home", row->home ? row->home : identity.home);
	if (r == 0)
		r = control_put_text(object, "shell", identity.shell);
	if (r == 0)
		r = control_put_number(object, "sshKeys", list_count(identity.keys));
	if (r == 0)
		r = control_put_bool(object, "password", row->password != NULL);
	if (r == 0)
		r = control_put_text(object, "externalId", row->external_id);
	if (r == 0)
		r = control_put_text(object, "created", clock_format(row->created_us, created));
	return r == 0 ? put_attributes(control, resource) : r;
}

int control_users(struct control *control, struct fault *fault)
{
	(void)fault;
	return control_list(control, RESOURCE_USER);
}

int control_user(struct control *control, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	int r = control_find(control, RESOURCE_USER, &row);

	if (r == -ENOENT)
		return fault_set(fault, 404, NULL,
				 "there is nobody of that name from a connection");
	if (r == 0)
		r = control_object(control, &row, &control->answer);
	return r == 0 ? put_account(control, &row) : r;
}
