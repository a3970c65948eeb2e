#include "scimd/service/control.h"

int group_fill(struct control *control, const struct store_resource *row,
	       struct json_object *resource, struct json_object *object)
{
	uint64_t members;
	int r = store_member_count(control->txn, row->id, &members);

	if (r == 0)
		r = control_put_text(object, "name", row->posix_name);
	if (r == 0 && row->number)
		r = control_put_number(object, "gid", row->number);
	if (r == 0)
		r = control_put_common(object, row, resource);
	if (r == 0)
		r = control_put_bool(object, "exposed", row->allowed);
	if (r == 0)
		r = control_put_text(object, "reason", row->reason);
	return r == 0 ? control_put_number(object, "members", members) : r;
}

int control_groups(struct control *control, struct fault *fault)
{
	(void)fault;
	return control_list(control, RESOURCE_GROUP);
}

int control_group(struct control *control, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	struct names members = { control, NULL, NULL };
	int r = control_find(control, RESOURCE_GROUP, &row);

	if (r == -ENOENT)
		return fault_set(fault, 404, NULL,
				 "there is no group of that name from a connection");
	if (r == 0)
		r = control_object(control, &row, &control->answer);
	if (r < 0)
		return r;
	members.array = control_put_array(control->answer, "memberNames");
	if (!members.array)
		return -ENOMEM;
	return store_members_each(control->txn, row.id, control_name_add, &members);
}
