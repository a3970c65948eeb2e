/* How the webhook is, for `scimctl status` and /metrics. */
#include "scimd/service/control.h"

#include "scimd/base/clock.h"

struct oldest {
	uint64_t time_us;
};

static int oldest_take(const struct store_event *event, void *context)
{
	struct oldest *oldest = context;

	oldest->time_us = event->time_us;
	return 1;
}

/* How many events wait, and since when the first of them does (0: none). */
static int waiting_find(struct control *control, uint64_t position, uint64_t *ret_count,
			uint64_t *ret_since_us)
{
	struct oldest oldest = { 0 };
	uint64_t last;
	int r = store_event_last(control->txn, &last);

	if (r == 0)
		r = store_event_after(control->txn, position, oldest_take, &oldest);
	if (r < 0)
		return r;
	*ret_count = last > position ? last - position : 0;
	*ret_since_us = oldest.time_us;
	return 0;
}

static int time_put(struct json_object *object, const char *key, uint64_t time_us)
{
	char time[CLOCK_TEXT_SIZE];

	return control_put_text(object, key, time_us ? clock_format(time_us, time) : NULL);
}

static int status_put(struct control *control, const struct webhook_status *status,
		      struct json_object *object)
{
	uint64_t waiting, since_us;
	int r = waiting_find(control, status->position, &waiting, &since_us);

	if (r == 0)
		r = control_put_text(object, "host", status->host);
	if (r == 0)
		r = control_put_number(object, "waiting", waiting);
	if (r == 0)
		r = time_put(object, "waiting_since", since_us);
	if (r == 0)
		r = control_put_number(object, "delivered", status->delivered);
	if (r == 0)
		r = control_put_number(object, "failed", status->failed);
	if (r == 0)
		r = time_put(object, "last_delivered", status->last_delivered_us);
	if (r == 0)
		r = time_put(object, "failing_since", status->failing_since_us);
	return r == 0 ? control_put_text(object, "error", status->error[0] ? status->error : NULL)
		      : r;
}

int webhook_fill(struct control *control, struct json_object *object)
{
	_cleanup_(json_putp) struct json_object *state = NULL;
	struct webhook_status status = { .configured = false };
	int r = 0;

	if (control->webhook)
		webhook_status(control->webhook, &status);
	if (status.configured) {
		state = json_object_new_object();
		r = state ? status_put(control, &status, state) : -ENOMEM;
	}
	return r == 0 ? control_put(object, "webhook", TAKE_PTR(state)) : r;
}

int webhook_write(struct control *control, FILE *out)
{
	struct webhook_status status = { .configured = false };
	uint64_t waiting, since_us, now_us = clock_now_us();
	int r;

	if (control->webhook)
		webhook_status(control->webhook, &status);
	if (!status.configured)
		return 0;
	r = waiting_find(control, status.position, &waiting, &since_us);
	if (r < 0)
		return r;
	fprintf(out,
		"# HELP scimd_webhook_waiting_events Events that the webhook has not taken yet.\n"
		"# TYPE scimd_webhook_waiting_events gauge\n"
		"scimd_webhook_waiting_events %llu\n"
		"# HELP scimd_webhook_lag_seconds Age of the first of them.\n"
		"# TYPE scimd_webhook_lag_seconds gauge\n"
		"scimd_webhook_lag_seconds %.3f\n"
		"# HELP scimd_webhook_requests_total Requests to the webhook since the start.\n"
		"# TYPE scimd_webhook_requests_total counter\n"
		"scimd_webhook_requests_total{result=\"taken\"} %llu\n"
		"scimd_webhook_requests_total{result=\"failed\"} %llu\n",
		(unsigned long long)waiting,
		since_us && since_us < now_us ? (double)(now_us - since_us) / 1e6 : 0.0,
		(unsigned long long)status.delivered, (unsigned long long)status.failed);
	return 0;
}
