/* Backups, and the people who came back with one. */
#include "scimd/service/control.h"

#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"

static int put_instance(struct control *control)
{
	const unsigned char *instance = store_instance(change_engine_store(control->engine));
	char text[2 * 16 + 1];

	for (size_t i = 0; i < 16; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", instance[i]);
	return control_put_text(control->answer, "instance", text);
}

int control_backup(struct control *control, struct fault *fault)
{
	struct store_backup backup;
	char time[CLOCK_TEXT_SIZE];
	int r = store_backup(change_engine_store(control->engine), &backup);

	if (r == -ENOSPC)
		return fault_set(fault, 507, NULL, "the disk is full: a backup needs as much room "
						   "as the store has, beside it");
	if (r < 0)
		return r;
	log_notice("backup made for uid %u: revision %llu", control->request->peer_uid,
		   (unsigned long long)backup.revision);
	control->answer = json_object_new_object();
	r = control->answer ? control_put_text(control->answer, "path", backup.path) : -ENOMEM;
	if (r == 0)
		r = put_instance(control);
	if (r == 0)
		r = control_put_text(control->answer, "time", clock_format(backup.time_us, time));
	if (r == 0)
		r = control_put_number(control->answer, "store_format", backup.format);
	if (r == 0)
		r = control_put_number(control->answer, "revision", backup.revision);
	if (r == 0)
		r = control_put_number(control->answer, "users", backup.users);
	return r == 0 ? control_put_number(control->answer, "groups", backup.groups) : r;
}

int control_backup_drop(struct control *control, struct fault *fault)
{
	int r = store_backup_drop(change_engine_store(control->engine));

	(void)fault;
	if (r < 0)
		return r;
	control->answer = json_object_new_object();
	return control->answer ? control_put_bool(control->answer, "dropped", true) : -ENOMEM;
}

static int held_count(const char *id, void *context)
{
	(void)id;
	++*(uint64_t *)context;
	return 0;
}

int control_unconfirmed(struct control *control, uint64_t *ret)
{
	*ret = 0;
	return store_held_each(control->txn, held_count, ret);
}

struct confirmation {
	char id[RESOURCE_ID_SIZE]; /* "" for all */
	char (*ids)[RESOURCE_ID_SIZE];
	size_t count;
};

static void confirmation_done(struct confirmation *confirmation)
{
	free(confirmation->ids);
}

static int id_collect(const char *id, void *context)
{
	struct confirmation *confirmation = context;
	void *larger = confirmation->ids;

	if ((confirmation->count & (confirmation->count - 1)) == 0) /* full at powers of two */
		larger = reallocarray(confirmation->ids,
				      confirmation->count ? confirmation->count * 2 : 1,
				      sizeof(*confirmation->ids));
	if (!larger)
		return -ENOMEM;
	confirmation->ids = larger;
	memcpy(confirmation->ids[confirmation->count++], id, RESOURCE_ID_SIZE);
	return 0;
}

static int confirm_run(struct change *change, void *context, struct fault *fault)
{
	struct confirmation *confirmation = context;
	int r;

	if (confirmation->id[0])
		return change_user_confirm(change, confirmation->id, fault);
	confirmation->count = 0; /* it may be run again */
	r = store_held_each(change_txn(change), id_collect, confirmation);
	for (size_t i = 0; r == 0 && i < confirmation->count; i++)
		r = change_user_confirm(change, confirmation->ids[i], fault);
	return r;
}

static int confirm(struct control *control, struct confirmation *confirmation,
		   struct fault *fault)
{
	struct change_source source = {
		.request_id = control->request->id,
		.peer = control->request->peer,
		.request = "scimctl confirm",
		.received_us = control->request->received_us,
	};
	int r;

	store_abortp(&control->txn); /* the change is to be seen afterwards */
	r = change_run(control->engine, &source, confirm_run, confirmation, fault);
	if (r < 0)
		return r;
	log_notice("%s confirmed by uid %u",
		   confirmation->id[0] ? control->name : "everybody who came back with a backup",
		   control->request->peer_uid);
	control->answer = json_object_new_object();
	return control->answer ? control_put_number(control->answer, "confirmed",
						    confirmation->id[0] ? 1 : confirmation->count)
			       : -ENOMEM;
}

int control_confirm(struct control *control, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	struct confirmation confirmation = { .count = 0 };
	int r = control_find(control, RESOURCE_USER, &row);

	if (r == -ENOENT)
		return fault_set(fault, 404, NULL,
				 "there is nobody of that name from a connection");
	if (r < 0)
		return r;
	memcpy(confirmation.id, row.id, sizeof(confirmation.id));
	return confirm(control, &confirmation, fault);
}

int control_confirm_all(struct control *control, struct fault *fault)
{
	_cleanup_(confirmation_done) struct confirmation confirmation = { .count = 0 };

	return confirm(control, &confirmation, fault);
}
