#include "scimd/service/control.h"

#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/service/metrics.h"

#define LAST_PUSH_SCAN_MAX 10000u /* events looked at for a connection's last push */

struct pushes {
	const struct conf *conf;
	uint64_t *times_us; /* one per connection, 0: not found yet */
	size_t missing, looked_at;
};

static int push_note(const struct store_event *event, void *context)
{
	struct pushes *pushes = context;
	_cleanup_(json_putp) struct json_object *object = NULL;
	const char *name;
	int r = control_parse(event->json, &object);

	if (r < 0)
		return r;
	name = json_get_string(object, "connection");
	for (size_t i = 0; name && i < pushes->conf->connection_count; i++) {
		if (pushes->times_us[i] || strcmp(pushes->conf->connections[i].name, name) != 0)
			continue;
		pushes->times_us[i] = event->time_us;
		pushes->missing--;
	}
	return pushes->missing == 0 || ++pushes->looked_at == LAST_PUSH_SCAN_MAX;
}

static int connection_append(struct control *control, struct json_object *array,
			     const struct conf_connection *connection, uint64_t pushed_us)
{
	_cleanup_(json_putp) struct json_object *object = json_object_new_object();
	char time[CLOCK_TEXT_SIZE] = "";
	struct metrics_connection counted;
	int r = object ? control_put_text(object, "name", connection->name) : -ENOMEM;

	metrics_connection(control->metrics, connection->name, &counted);
	if (r == 0)
		r = control_put_number(object, "tokens", connection->token_count);
	if (r == 0)
		r = control_put_text(object, "last_push",
				     pushed_us ? clock_format(pushed_us, time) : NULL);
	if (r == 0)
		r = control_put_text(object, "last_used",
				     counted.last_used_us ? clock_format(counted.last_used_us, time)
							  : NULL);
	if (r == 0)
		r = control_put_number(object, "requests", counted.requests);
	if (r == 0)
		r = control_put_number(object, "errors", counted.errors);
	return r == 0 ? control_append(array, TAKE_PTR(object)) : r;
}

int control_pushes(struct control *control, uint64_t **ret)
{
	size_t count = control->conf->connection_count;
	_cleanup_free_ uint64_t *times_us = calloc(count + 1, sizeof(*times_us));
	struct pushes pushes = { control->conf, times_us, count, 0 };
	int r;

	if (!times_us)
		return -ENOMEM;
	r = count > 0 ? store_event_each(control->txn, push_note, &pushes) : 0;
	if (r < 0)
		return r;
	*ret = TAKE_PTR(times_us);
	return 0;
}

static int connections_fill(struct control *control, struct json_object *array)
{
	_cleanup_free_ uint64_t *times_us = NULL;
	int r = control_pushes(control, &times_us);

	for (size_t i = 0; r == 0 && i < control->conf->connection_count; i++)
		r = connection_append(control, array, &control->conf->connections[i], times_us[i]);
	return r;
}

int control_connections(struct control *control, struct fault *fault)
{
	(void)fault;
	control->answer = json_object_new_array();
	return control->answer ? connections_fill(control, control->answer) : -ENOMEM;
}

static int status_counts(struct control *control, struct json_object *object)
{
	uint64_t users, groups, revision, unconfirmed;
	int r = store_resource_count(control->txn, RESOURCE_USER, NULL, &users);

	if (r == 0)
		r = store_resource_count(control->txn, RESOURCE_GROUP, NULL, &groups);
	if (r == 0)
		r = store_revision(control->txn, &revision);
	if (r == 0)
		r = control_unconfirmed(control, &unconfirmed);
	if (r == 0)
		r = control_put_number(object, "users", users);
	if (r == 0)
		r = control_put_number(object, "groups", groups);
	if (r == 0)
		r = control_put_number(object, "unconfirmed", unconfirmed);
	return r == 0 ? control_put_number(object, "revision", revision) : r;
}

/* How an initial sync gets on. */
static int push_fill(struct json_object *object, const struct change_status *status)
{
	struct json_object *push = json_object_new_object();
	int r = push ? control_put(object, "push", push) : -ENOMEM;

	if (r == 0)
		r = control_put_bool(push, "active", status->push_active);
	if (r == 0)
		r = control_put_number(push, "changes", status->push_changes);
	if (r == 0)
		r = control_put_number(push, "users", status->push_users);
	if (r == 0)
		r = control_put_number(push, "groups", status->push_groups);
	if (r == 0)
		r = control_put_number(push, "seconds", status->push_seconds);
	return r == 0 ? control_put_number(push, "per_second", status->push_per_second) : r;
}

int control_status(struct control *control, struct fault *fault)
{
	struct json_object *object = json_object_new_object(), *warden, *array;
	struct change_status status;
	uint64_t bytes;
	int r;

	(void)fault;
	if (!object)
		return -ENOMEM;
	control->answer = object;
	change_engine_status(control->engine, &status);
	r = control_put_text(object, "version", SCIMD_VERSION);
	if (r == 0)
		r = status_counts(control, object);
	warden = json_object_new_object();
	if (r == 0)
		r = warden ? control_put(object, "warden", warden) : -ENOMEM;
	else
		json_putp(&warden);
	if (r == 0)
		r = control_put_bool(warden, "connected", status.warden_connected);
	if (r == 0)
		r = control_put_number(warden, "revision", status.warden_revision);
	if (r == 0)
		r = control_put_number(object, "pending", status.pending);
	if (r == 0)
		r = control_put_number(object, "waiting", status.waiting);
	if (r == 0)
		r = push_fill(object, &status);
	if (r == 0 && store_disk_usage(change_engine_store(control->engine), &bytes) == 0)
		r = control_put_number(object, "store_bytes", bytes);
	if (r == 0 && control_directory_size(&bytes) == 0)
		r = control_put_number(object, "directory_bytes", bytes);
	if (r == 0)
		r = webhook_fill(control, object);
	if (r < 0)
		return r;
	array = control_put_array(object, "connections");
	return array ? connections_fill(control, array) : -ENOMEM;
}

int control_reload(struct control *control, struct fault *fault)
{
	int r = change_engine_reload_files(control->engine, fault);

	if (r < 0)
		return r;
	log_notice("configuration reloaded by uid %u", control->request->peer_uid);
	control->answer = json_object_new_object();
	return control->answer ? control_put_bool(control->answer, "reloaded", true) : -ENOMEM;
}
