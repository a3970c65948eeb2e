/* People who came back with a backup. A backup is of its day: who was let in then may have left since. So
 * they stay out, and are inactive to the identity provider too, which puts that right for those whom it
 * still lets in the next time it compares; or an administrator confirms them. */
#include "scimd/change/internal.h"

#include "scimd/base/clock.h"
#include "scimd/model/json.h"

static bool is_active(struct json_object *resource)
{
	struct json_object *active = json_get(resource, "active");

	return !active || json_object_get_boolean(active);
}

int held_apply(struct store_txn *txn, const char *user_id, struct identity *identity)
{
	int r = identity->allowed ? 0 : store_held_has(txn, user_id);

	return r <= 0 ? r : identity_deny(identity, HELD_REASON);
}

int held_settle(struct change *change, const struct store_resource *old,
		const struct store_resource *row)
{
	_cleanup_(json_putp) struct json_object *resource = NULL;
	int r;

	if (old->number == 0 || old->allowed)
		return 0;
	resource = json_tokener_parse(row->json);
	if (!resource)
		return -EIO;
	r = is_active(resource) ? store_held_delete(change->txn, row->id) : 0;
	return r == -ENOENT ? 0 : r;
}

int held_forget(struct change *change, const char *user_id)
{
	int r = store_held_delete(change->txn, user_id);

	return r == -ENOENT ? 0 : r;
}

int row_set_active(struct store_resource *row, bool active)
{
	_cleanup_(json_putp) struct json_object *resource = json_tokener_parse(row->json);
	uint64_t now_us = clock_now_us();
	char *json;

	if (!resource)
		return -EIO;
	json_object_object_del(resource, "active");
	if (json_object_object_add(resource, "active", json_object_new_boolean(active)) < 0)
		return -ENOMEM;
	json = json_text(resource);
	if (!json)
		return -ENOMEM;
	free(row->json);
	row->json = json;
	row->version++;
	row->modified_us = now_us > row->modified_us ? now_us : row->modified_us;
	return 0;
}

bool row_is_active(const struct store_resource *row)
{
	_cleanup_(json_putp) struct json_object *resource = json_tokener_parse(row->json);

	return resource && is_active(resource);
}

int change_user_confirm(struct change *change, const char *id, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	int r = store_resource_get(change->txn, id, &row);

	if (r == 0)
		r = store_held_has(change->txn, id);
	if (r == 0)
		return fault_set(fault, 409, NULL, "%s does not wait to be confirmed",
				 row.posix_name);
	if (r > 0)
		r = row_set_active(&row, true);
	if (r == 0)
		r = event_add(change, "user.confirmed", row.posix_name, NULL);
	return r < 0 ? r : change_user_put(change, &row, NULL, fault);
}
