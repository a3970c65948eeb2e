/* Locks: a person is kept out by this host, whatever the identity provider says. */
#include "scimd/service/control.h"

#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"

#define TEXT_MAX 255u /* bytes of who and why */

struct lock_change {
	char id[RESOURCE_ID_SIZE];
	char *by, *reason; /* owned; reason may be NULL */
	bool lock;
};

static void lock_change_done(struct lock_change *lock)
{
	free(lock->by);
	free(lock->reason);
}

static int lock_run(struct change *change, void *context, struct fault *fault)
{
	const struct lock_change *lock = context;

	return lock->lock ? change_user_lock(change, lock->id, lock->by, lock->reason, fault)
			  : change_user_unlock(change, lock->id, fault);
}

static bool text_is_good(const char *text)
{
	if (!text)
		return true;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return *text && strlen(text) <= TEXT_MAX;
}

static int lock_parameters(struct control *control, struct lock_change *lock, struct fault *fault)
{
	int r = control_parameter(control->request, "by", &lock->by, fault);

	if (r == 0)
		r = control_parameter(control->request, "reason", &lock->reason, fault);
	if (r < 0)
		return r;
	if (!text_is_good(lock->by) || !text_is_good(lock->reason))
		return fault_set(fault, 400, NULL,
				 "who and why are one line each, of at most %u bytes", TEXT_MAX);
	if (!lock->by && asprintf(&lock->by, "uid %u", control->request->peer_uid) < 0) {
		lock->by = NULL; /* undefined after a failure */
		return -ENOMEM;
	}
	return 0;
}

/* Whom the name means: somebody who is here, or for unlock also somebody who is gone. */
static int lock_subject(struct control *control, struct lock_change *lock, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	int r = control_find(control, RESOURCE_USER, &row);

	if (r == 0)
		memcpy(lock->id, row.id, sizeof(lock->id));
	else if (r == -ENOENT && !lock->lock)
		r = change_lock_of_gone(control->txn, control->name, lock->id);
	if (r == -ENOENT)
		return fault_set(fault, 404, NULL,
				 "there is nobody of that name from a connection");
	return r;
}

static int lock_answer(struct control *control, const char *id)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	int r = store_begin(change_engine_store(control->engine), NULL, false, &control->txn);

	if (r == 0)
		r = store_resource_get(control->txn, id, &row);
	if (r == 0)
		return control_object(control, &row, &control->answer);
	if (r != -ENOENT)
		return r;
	control->answer = json_object_new_object();
	return control->answer ? control_put_text(control->answer, "name", control->name) : -ENOMEM;
}

static int lock_change(struct control *control, bool on, struct fault *fault)
{
	_cleanup_(lock_change_done) struct lock_change lock = { .lock = on };
	struct change_source source = {
		.request_id = control->request->id,
		.peer = control->request->peer,
		.request = on ? "scimctl lock" : "scimctl unlock",
		.received_us = control->request->received_us,
	};
	int r = lock_parameters(control, &lock, fault);

	if (r == 0)
		r = lock_subject(control, &lock, fault);
	store_abortp(&control->txn); /* the change is to be seen afterwards */
	if (r == 0)
		r = change_run(control->engine, &source, lock_run, &lock, fault);
	if (r == -EPROTO && fault->status == 409 && !on)
		return fault_set(fault, 409, NULL, "%s is not locked", control->name);
	if (r < 0)
		return r;
	log_notice("%s was %s by %s", control->name, on ? "locked" : "unlocked", lock.by);
	return lock_answer(control, lock.id);
}

int control_lock(struct control *control, struct fault *fault)
{
	return lock_change(control, true, fault);
}

int control_unlock(struct control *control, struct fault *fault)
{
	return lock_change(control, false, fault);
}

int lock_fill(struct control *control, const struct store_resource *row,
	      struct json_object *object, bool *ret_locked)
{
	_cleanup_(store_lock_done) struct store_lock lock = { 0 };
	struct json_object *child;
	char time[CLOCK_TEXT_SIZE];
	int r = store_lock_get(control->txn, row->id, &lock);

	*ret_locked = r == 0;
	if (r == -ENOENT)
		return control_put(object, "lock", NULL);
	if (r < 0)
		return r;
	child = json_object_new_object();
	if (!child)
		return -ENOMEM;
	r = control_put(object, "lock", child);
	if (r == 0)
		r = control_put_text(child, "by", lock.by);
	if (r == 0)
		r = control_put_text(child, "at", clock_format(lock.time_us, time));
	return r == 0 ? control_put_text(child, "reason", lock.reason) : r;
}
