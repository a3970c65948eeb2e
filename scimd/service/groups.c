#include "scimd/service/call.h"

#include <string.h>

#include "scimd/model/json.h"
#include "scimd/service/id_list.h"
#include "scimd/service/list.h"
#include "scimd/service/members.h"
#include "scimd/service/pending.h"
#include "scimd/service/read.h"
#include "scimd/service/render.h"
#include "scimd/service/write.h"

#define GROUP_SHOWN_MEMBERS 20 /* at most, in the answer to a PATCH */

int group_list(struct call *call, struct fault *fault)
{
	return list_respond(call, LIST_GROUPS, fault);
}

int group_read(struct call *call, struct fault *fault)
{
	return read_respond(call, RESOURCE_GROUP, fault);
}

/* Whoever is a member now, or waited for, and has no place in the plan. */
struct leavers {
	struct change *change;
	const struct write *write;
	const struct member_plan *plan;
	struct id_list list;
	bool forgot; /* somebody who was waited for */
};

static int leaver_collect(const char *id, void *context)
{
	struct leavers *leavers = context;

	return member_plan_wants(leavers->plan, id) ? 0 : id_list_add(&leavers->list, id);
}

static int pending_forget(const char *member, void *context)
{
	struct leavers *leavers = context;
	int r;

	if (member_plan_wants(leavers->plan, member))
		return 0;
	leavers->forgot = true;
	r = store_pending_remove(change_txn(leavers->change), leavers->write->row.connection,
				 leavers->write->id, member);
	return r < 0 ? r : 0;
}

static int members_clear(struct change *change, const struct write *write,
			 const struct member_plan *plan, struct fault *fault)
{
	struct leavers leavers = { .change = change, .write = write, .plan = plan };
	struct store_txn *txn = change_txn(change);
	int changed = 0;
	int r;

	r = store_members_each(txn, write->id, leaver_collect, &leavers);
	for (size_t i = 0; r >= 0 && i < leavers.list.count; i++) {
		r = change_member_remove(change, write->id, leavers.list.ids[i], fault);
		if (r > 0)
			changed = 1;
	}
	id_list_done(&leavers.list);
	if (r >= 0)
		r = store_pending_each(txn, write->id, pending_forget, &leavers);
	return r < 0 ? r : changed || leavers.forgot;
}

/* A member must be a user of the same connection. Returns 1 for somebody unknown, with *fault; ret is
 * owned in any case. */
static int member_find(struct change *change, const char *connection, const char *user_id,
		       struct store_resource *ret, struct fault *fault)
{
	int r;

	r = id_is_ours(user_id) ? store_resource_get(change_txn(change), user_id, ret) : -ENOENT;
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || strcmp(ret->connection, connection) != 0) {
		(void)fault_set(fault, 404, NULL, "members: there is no user with id \"%s\"",
				user_id);
		return 1;
	}
	if (ret->type != RESOURCE_USER)
		return fault_set(fault, 400, "invalidValue",
				 "members: \"%s\" is a group, and groups hold users only",
				 user_id);
	return 0;
}

/* Somebody who is not known, which is a fault already, unless the connection says to wait. */
static int stranger_keep(struct change *change, const struct write *write, const char *member)
{
	if (write->call->connection->pending_members != CONF_PENDING_KEEP)
		return -EPROTO;
	return store_pending_add(change_txn(change), write->row.connection, write->id, member);
}

/* present: how many members there were before the first wish. */
static int wish_grant(struct change *change, const struct write *write, uint64_t present,
		      const struct member_wish *wish, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource user = {};
	int is_member = 0, r;

	if (present > 0 && id_is_ours(wish->user_id))
		is_member = store_member_has(change_txn(change), write->id, wish->user_id);
	if (is_member < 0)
		return is_member;
	if (!wish->member && is_member == 0)
		return store_pending_remove(change_txn(change), write->row.connection, write->id,
					    wish->user_id);
	if ((is_member > 0) == wish->member)
		return 0;
	if (!wish->member)
		return change_member_remove(change, write->id, wish->user_id, fault);
	r = member_find(change, write->row.connection, wish->user_id, &user, fault);
	if (r > 0)
		return stranger_keep(change, write, wish->user_id);
	return r < 0 ? r : change_member_add(change, write->id, &user, fault);
}

/* What `display` shows of a member is their userName; an empty id is nobody's. */
static int displays_resolve(struct store_txn *txn, struct resource_edit *edit)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < edit->member_count; i++) {
		struct member_change *member = &edit->members[i];
		_cleanup_free_ char *folded = NULL;
		char id[RESOURCE_ID_SIZE] = "";

		if (!member->by_display)
			continue;
		folded = json_fold(member->user_id);
		r = folded ? store_lookup(txn, STORE_BY_USER_NAME, NULL, folded, id) : -ENOMEM;
		if (r < 0 && r != -ENOENT)
			break;
		free(member->user_id);
		member->user_id = strdup(id);
		r = member->user_id ? 0 : -ENOMEM;
	}
	return r;
}

/* Bring the members to what the request wants. Returns 1 if that changed any. */
static int members_apply(struct change *change, const struct write *write,
			 struct resource_edit *edit, struct fault *fault)
{
	_cleanup_(member_plan_done) struct member_plan plan = {};
	uint64_t present;
	int changed = 0;
	int r;

	r = displays_resolve(change_txn(change), edit);
	if (r >= 0)
		r = pending_translate(change, write, edit);
	if (r >= 0)
		r = member_plan_make(edit, &plan);
	if (r < 0)
		return r;
	if (plan.cleared) {
		changed = members_clear(change, write, &plan, fault);
		if (changed < 0)
			return changed;
	}
	r = store_member_count(change_txn(change), write->id, &present);
	for (size_t i = 0; r >= 0 && i < plan.count; i++) {
		r = wish_grant(change, write, present, &plan.wishes[i], fault);
		changed |= r > 0;
	}
	return r < 0 ? r : changed;
}

/* The group is written before its members, who need it; a change of members alone raises its
 * version afterwards. */
int group_change(struct change *change, void *context, struct fault *fault)
{
	struct write *write = context;
	_cleanup_(resource_edit_done) struct resource_edit edit = {};
	bool written;
	int r;

	r = write_edit(write, change_txn(change), &edit, fault);
	if (r < 0)
		return r;
	write->by_entra = edit.by_entra;
	written = write_changes(write, &edit);
	if (written) {
		r = write_check_unique(write, change_txn(change), &edit, fault);
		if (r >= 0)
			r = write_fill(write, &edit);
		if (r >= 0)
			r = change_group_put(change, &write->row, fault);
		if (r < 0)
			return r;
	}
	r = members_apply(change, write, &edit, fault);
	if (r > 0 && !written) {
		write_touch(write);
		r = change_group_put(change, &write->row, fault);
	}
	return r < 0 ? r : store_member_count(change_txn(change), write->id, &write->members);
}

static enum write_kind kind_of(enum route_action action)
{
	switch (action) {
	case ROUTE_GROUP_CREATE:
		return WRITE_CREATE;
	case ROUTE_GROUP_REPLACE:
		return WRITE_REPLACE;
	default:
		return WRITE_PATCH;
	}
}

/* A PATCH is answered with the group while that is small. It may have very many members, and others
 * that wait to be some; and Entra ID wants no members to be told. Then it is shown only if its
 * attributes are asked for. */
static bool is_shown(const struct write *write)
{
	const struct call *call = write->call;

	if (write->kind != WRITE_PATCH || call->query.attributes || call->query.excluded)
		return true;
	return !write->by_entra && write->members <= GROUP_SHOWN_MEMBERS &&
	       call->connection->pending_members != CONF_PENDING_KEEP;
}

static int group_answer(struct write *write, struct fault *fault)
{
	struct call *call = write->call;

	if (is_shown(write))
		return write_respond(write, fault);
	call->response->status = 204;
	return render_headers(call, NULL, &write->row);
}

int group_write(struct call *call, struct fault *fault)
{
	_cleanup_(write_done) struct write write = {};
	int r;

	r = write_prepare(&write, call, RESOURCE_GROUP, kind_of(call->route.action), fault);
	if (r >= 0)
		r = write_run(&write, group_change, fault);
	return r < 0 ? r : group_answer(&write, fault);
}

int group_remove(struct change *change, void *context, struct fault *fault)
{
	struct write *write = context;
	int r;

	r = write_load(write, change_txn(change), fault);
	return r < 0 ? r : change_group_delete(change, write->id, fault);
}

int group_delete(struct call *call, struct fault *fault)
{
	_cleanup_(write_done) struct write write = {};
	int r;

	r = write_prepare(&write, call, RESOURCE_GROUP, WRITE_DELETE, fault);
	if (r >= 0)
		r = write_run(&write, group_remove, fault);
	if (r < 0)
		return r;
	call->response->status = 204;
	return 0;
}
