#include "scimd/service/control.h"

#include <fnmatch.h>
#include <string.h>

#include "scimd/base/clock.h"

#define EVENTS_DEFAULT 100u
#define EVENTS_MAX 100000u

/* --- events --- */

struct event_query {
	struct control *control;
	char *user, *type, *connection; /* owned, NULL: all; type is a pattern of the shell's */
	uint64_t after, since_s, limit, found;
};

static void event_query_done(struct event_query *query)
{
	free(query->user);
	free(query->type);
	free(query->connection);
}

static bool is_from(struct json_object *event, const char *connection)
{
	const char *from = json_get_string(event, "connection");

	return from && strcmp(from, connection) == 0;
}

static int event_add(const struct store_event *event, void *context)
{
	struct event_query *query = context;
	struct json_object *object = NULL;
	char time[CLOCK_TEXT_SIZE];
	int r;

	if (event->sequence <= query->after || query->found == query->limit ||
	    event->time_us < query->since_s * 1000000)
		return 1;
	if ((query->user && strcmp(query->user, event->user) != 0) ||
	    (query->type && fnmatch(query->type, event->type, 0) != 0))
		return 0;
	r = control_parse(event->json, &object);
	if (r < 0)
		return r;
	if (query->connection && !is_from(object, query->connection)) {
		json_putp(&object);
		return 0;
	}
	r = control_put_number(object, "sequence", event->sequence);
	if (r == 0)
		r = control_put_text(object, "time", clock_format(event->time_us, time));
	if (r == 0)
		r = control_put_text(object, "type", event->type);
	if (r == 0)
		r = control_put_text(object, "user", event->user);
	if (r < 0) {
		json_putp(&object);
		return r;
	}
	query->found++;
	return control_append(query->control->answer, object);
}

/* What came newest first, oldest first. */
static int answer_turn(struct control *control)
{
	_cleanup_(json_putp) struct json_object *newest_first = TAKE_PTR(control->answer);

	control->answer = json_object_new_array();
	for (size_t i = json_object_array_length(newest_first); i > 0 && control->answer; i--) {
		struct json_object *item = json_object_array_get_idx(newest_first, i - 1);
		int r = control_append(control->answer, json_object_get(item));

		if (r < 0)
			return r;
	}
	return control->answer ? 0 : -ENOMEM;
}

/* The latest events that match, in the order in which they happened. */
int control_events(struct control *control, struct fault *fault)
{
	_cleanup_(event_query_done) struct event_query query = { .control = control,
								 .limit = EVENTS_DEFAULT };
	const struct request *request = control->request;
	int r = control_parameter(request, "user", &query.user, fault);

	if (r == 0)
		r = control_parameter(request, "type", &query.type, fault);
	if (r == 0)
		r = control_parameter(request, "connection", &query.connection, fault);
	if (r == 0)
		r = control_parameter_number(request, "since", &query.since_s, fault);
	if (r == 0)
		r = control_parameter_number(request, "after", &query.after, fault);
	if (r == 0)
		r = control_parameter_number(request, "limit", &query.limit, fault);
	if (r < 0)
		return r;
	if (query.limit > EVENTS_MAX)
		query.limit = EVENTS_MAX;
	control->answer = json_object_new_array();
	if (!control->answer)
		return -ENOMEM;
	r = store_event_each(control->txn, event_add, &query);
	if (r < 0)
		return r;
	return answer_turn(control);
}

/* --- receipts --- */

static int receipt_take(uint64_t number, const char *user, const char *json, void *context)
{
	struct control *control = context;
	int r = control_parse(json, &control->answer);

	(void)user;
	if (r == 0)
		r = control_put_number(control->answer, "number", number);
	return r < 0 ? r : 1; /* the newest comes first */
}

int control_receipt(struct control *control, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	int r = store_receipt_each(control->txn, control->name, receipt_take, control);

	if (r >= 0 && !control->answer) {
		/* Perhaps it is the identity provider's name of somebody who is still known. */
		r = control_find(control, RESOURCE_USER, &row);
		if (r == 0)
			r = store_receipt_each(control->txn, row.posix_name, receipt_take, control);
		else if (r == -ENOENT)
			r = 0;
	}
	if (r >= 0 && !control->answer)
		return fault_set(fault, 404, NULL, "there is no receipt for that name");
	return r < 0 ? r : 0;
}

struct receipt_query {
	struct control *control;
	uint64_t limit, since_s;
};

static int receipt_append(uint64_t number, const char *user, const char *json, void *context)
{
	struct receipt_query *query = context;
	struct json_object *object = NULL;
	int r;

	(void)user;
	if (query->limit-- == 0)
		return 1;
	r = control_parse(json, &object);
	if (r < 0)
		return r;
	if ((uint64_t)json_object_get_int64(json_get(object, "received_us")) / 1000000 <
	    query->since_s) {
		json_putp(&object);
		return 1; /* and all that follow are older */
	}
	r = control_put_number(object, "number", number);
	if (r == 0)
		return control_append(query->control->answer, object);
	json_putp(&object);
	return r;
}

int control_receipts(struct control *control, struct fault *fault)
{
	struct receipt_query query = { control, EVENTS_DEFAULT, 0 };
	_cleanup_free_ char *user = NULL;
	int r = control_parameter(control->request, "user", &user, fault);

	if (r == 0)
		r = control_parameter_number(control->request, "limit", &query.limit, fault);
	if (r == 0)
		r = control_parameter_number(control->request, "since", &query.since_s, fault);
	if (r < 0)
		return r;
	control->answer = json_object_new_array();
	if (!control->answer)
		return -ENOMEM;
	r = store_receipt_each(control->txn, user, receipt_append, &query);
	return r < 0 ? r : answer_turn(control);
}
