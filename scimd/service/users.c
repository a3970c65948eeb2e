#include "scimd/service/call.h"

#include <string.h>

#include "scimd/service/list.h"
#include "scimd/service/pending.h"
#include "scimd/service/read.h"
#include "scimd/service/write.h"

int user_list(struct call *call, struct fault *fault)
{
	return list_respond(call, LIST_USERS, fault);
}

int user_read(struct call *call, struct fault *fault)
{
	return read_respond(call, RESOURCE_USER, fault);
}

int user_change(struct change *change, void *context, struct fault *fault)
{
	struct write *write = context;
	_cleanup_(resource_edit_done) struct resource_edit edit = {};
	int r;

	r = write_edit(write, change_txn(change), &edit, fault);
	if (r < 0 || !write_changes(write, &edit))
		return r;
	r = write_check_unique(write, change_txn(change), &edit, fault);
	if (r >= 0)
		r = write_fill(write, &edit);
	if (r >= 0)
		r = change_user_put(change, &write->row, edit.resource, fault);
	if (r >= 0)
		r = pending_admit(change, &write->row, fault);
	write->is_alone = r == 0 && write->kind == WRITE_CREATE;
	return r < 0 ? r : 0;
}

static enum write_kind kind_of(enum route_action action)
{
	switch (action) {
	case ROUTE_USER_CREATE:
		return WRITE_CREATE;
	case ROUTE_USER_REPLACE:
		return WRITE_REPLACE;
	default:
		return WRITE_PATCH;
	}
}

int user_write(struct call *call, struct fault *fault)
{
	_cleanup_(write_done) struct write write = {};
	int r;

	r = write_prepare(&write, call, RESOURCE_USER, kind_of(call->route.action), fault);
	if (r >= 0)
		r = write_run(&write, user_change, fault);
	return r < 0 ? r : write_respond(&write, fault);
}

int user_remove(struct change *change, void *context, struct fault *fault)
{
	struct write *write = context;
	int r;

	r = write_load(write, change_txn(change), fault);
	return r < 0 ? r : change_user_delete(change, write->id, fault);
}

int user_delete(struct call *call, struct fault *fault)
{
	_cleanup_(write_done) struct write write = {};
	int r;

	r = write_prepare(&write, call, RESOURCE_USER, WRITE_DELETE, fault);
	if (r >= 0)
		r = write_run(&write, user_remove, fault);
	if (r < 0)
		return r;
	call->response->status = 204;
	return 0;
}
