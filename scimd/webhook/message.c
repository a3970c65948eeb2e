#include "scimd/webhook/internal.h"

#include <stdio.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/model/json.h"

#define HOST_SIZE 65 /* HOST_NAME_MAX and the terminator */
#define INSTANCE_BYTES 16u

void message_done(struct message *message)
{
	free(message->id);
	free(message->body);
	*message = (struct message){ 0 };
}

/* A receiver of many hosts, and of a host that was made anew or set back, must never take two events for
 * one. */
static char *id_make(struct store *store, const struct store_event *event)
{
	const unsigned char *instance = store_instance(store);
	char hex[2 * INSTANCE_BYTES + 1], *id = NULL;

	for (size_t i = 0; i < INSTANCE_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", instance[i]);
	return asprintf(&id, "scimd_%s_%llu_%llx", hex, (unsigned long long)event->sequence,
			(unsigned long long)event->time_us) < 0 ? NULL : id;
}

static int put(struct json_object *object, const char *key, struct json_object *value)
{
	if (value && json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

/* {"type", "timestamp", "data": what `scimctl events --json` shows, and the host} */
static int body_make(const struct store_event *event, char **ret)
{
	_cleanup_(json_putp) struct json_object *body = json_object_new_object();
	_cleanup_(json_putp) struct json_object *data = json_tokener_parse(event->json);
	char time[CLOCK_TEXT_SIZE], host[HOST_SIZE] = "";
	int r;

	if (!body)
		return -ENOMEM;
	if (!json_object_is_type(data, json_type_object))
		return -EIO;
	(void)gethostname(host, sizeof(host) - 1);
	json_object_object_del(data, "type");
	json_object_object_del(data, "time");
	r = put(data, "sequence", json_object_new_uint64(event->sequence));
	if (r == 0)
		r = put(data, "host", json_object_new_string(host));
	if (r == 0)
		r = put(body, "type", json_object_new_string(event->type));
	if (r == 0)
		r = put(body, "timestamp",
			json_object_new_string(clock_format(event->time_us, time)));
	if (r == 0)
		r = put(body, "data", TAKE_PTR(data));
	if (r < 0)
		return r;
	*ret = json_text(body);
	return *ret ? 0 : -ENOMEM;
}

int message_make(struct store *store, const struct store_event *event, struct message *ret)
{
	struct message message = { .sequence = event->sequence, .time_us = event->time_us };
	int r = body_make(event, &message.body);

	if (r < 0)
		return r;
	message.id = id_make(store, event);
	if (!message.id) {
		message_done(&message);
		return -ENOMEM;
	}
	*ret = message;
	return 0;
}
