#include "scimd/service/pending.h"

#include <stdlib.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/service/id_list.h"

static int group_collect(const char *id, void *context)
{
	return id_list_add(context, id);
}

/* A change of members is one of the group. */
static int group_touch(struct change *change, const char *group_id, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource group = {};
	uint64_t now_us = clock_now_us();
	int r;

	r = store_resource_get(change_txn(change), group_id, &group);
	if (r < 0)
		return r == -ENOENT ? -EIO : r; /* it would have taken its members along */
	group.version++;
	if (now_us > group.modified_us)
		group.modified_us = now_us;
	return change_group_put(change, &group, fault);
}

static int group_admit(struct change *change, const struct store_resource *user,
		       const char *group_id, const char *name, struct fault *fault)
{
	int r;

	r = store_pending_remove(change_txn(change), user->connection, group_id, name);
	if (r >= 0)
		r = change_member_add(change, group_id, user, fault);
	return r <= 0 ? r : group_touch(change, group_id, fault);
}

static int name_admit(struct change *change, const struct store_resource *user, const char *name,
		      struct fault *fault)
{
	_cleanup_(id_list_done) struct id_list groups = {};
	int r;

	r = store_pending_groups_each(change_txn(change), user->connection, name, group_collect,
				      &groups);
	for (size_t i = 0; r >= 0 && i < groups.count; i++)
		r = group_admit(change, user, groups.ids[i], name, fault);
	return r < 0 ? r : groups.count > 0;
}

int pending_admit(struct change *change, const struct store_resource *user, struct fault *fault)
{
	int by_id = name_admit(change, user, user->id, fault), by_external;

	if (by_id < 0 || !user->external_id || !*user->external_id)
		return by_id;
	by_external = name_admit(change, user, user->external_id, fault);
	return by_external < 0 ? by_external : by_id || by_external;
}

static int user_found(const struct store_resource *row, void *context)
{
	strcpy(context, row->id);
	return 1;
}

static int member_translate(struct store_txn *txn, const char *connection, char **member)
{
	_cleanup_(store_resource_done) struct store_resource row = {};
	char id[RESOURCE_ID_SIZE] = "";
	char *copy;
	int r;

	r = id_is_ours(*member) ? store_resource_get(txn, *member, &row) : -ENOENT;
	if (r != -ENOENT)
		return r;
	r = store_external_each(txn, RESOURCE_USER, connection, *member, user_found, id);
	if (r < 0 || !id[0])
		return r;
	copy = strdup(id);
	if (!copy)
		return -ENOMEM;
	free(*member);
	*member = copy;
	return 0;
}

int pending_translate(struct change *change, const struct write *write, struct resource_edit *edit)
{
	int r = 0;

	if (write->call->connection->pending_members != CONF_PENDING_KEEP)
		return 0;
	for (size_t i = 0; r >= 0 && i < edit->member_count; i++)
		if (edit->members[i].user_id)
			r = member_translate(change_txn(change), write->row.connection,
					     &edit->members[i].user_id);
	return r;
}
