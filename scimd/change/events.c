#include "scimd/change/internal.h"

#include "scimd/model/json.h"

#include "scimd/base/clock.h"

static void add_string(struct json_object *object, const char *key, const char *value)
{
	struct json_object *string = value ? json_object_new_string(value) : NULL;

	if (string)
		json_object_object_add(object, key, string);
}

int event_add(struct change *change, const char *type, const char *user, const char *detail)
{
	_cleanup_(json_putp) struct json_object *event = json_object_new_object();
	const struct change_source *source = change->source;
	_cleanup_free_ char *text = NULL;
	char time[CLOCK_TEXT_SIZE];
	uint64_t sequence;

	if (!event)
		return -ENOMEM;
	add_string(event, "type", type);
	add_string(event, "time", clock_format(clock_now_us(), time));
	if (user && *user)
		add_string(event, "user", user);
	add_string(event, "detail", detail);
	if (source) {
		add_string(event, "connection", source->connection);
		add_string(event, "request_id", source->request_id);
		add_string(event, "peer", source->peer);
		add_string(event, "request", source->request);
		add_string(event, "payload", source->payload);
		add_string(event, "service", source->service);
	}
	text = json_text(event);
	if (!text)
		return -ENOMEM;
	return store_event_append(change->txn, type, user ? user : "", text, &sequence);
}
