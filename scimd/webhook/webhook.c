#include "scimd/webhook/internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"

#define FOLLOWER "webhook"
#define SAVE_US 1000000u /* what a crash repeats, at most; and never more than a write a second */
#define IDLE_MS 3600000  /* a commit wakes us */
#define STORE_RETRY_MS 5000u

bool webhook_stops(struct webhook *webhook)
{
	return __atomic_load_n(&webhook->stop, __ATOMIC_ACQUIRE);
}

/* --- the position ------------------------------------------------------------------------------- */

static int position_write(struct webhook *webhook, bool keep)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = store_begin(change_engine_store(webhook->engine), NULL, true, &txn);

	if (r == 0)
		r = keep ? store_position_put(txn, FOLLOWER, webhook->position)
			 : store_position_delete(txn, FOLLOWER);
	return r < 0 ? r : store_commit(&txn);
}

/* On failure what was delivered since is delivered again after a restart, no more. */
static void position_save(struct webhook *webhook)
{
	int r;

	if (!webhook->has_position || webhook->position == webhook->saved)
		return;
	r = position_write(webhook, true);
	if (r < 0)
		(void)log_error_errno(r, "the webhook's position cannot be kept");
	webhook->saved = webhook->position;
	webhook->saved_us = clock_monotonic_us();
}

static int position_load(struct webhook *webhook)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	uint64_t position, last = 0;
	bool is_new;
	int r = store_begin(change_engine_store(webhook->engine), NULL, false, &txn);

	if (r == 0)
		r = store_event_last(txn, &last);
	if (r == 0)
		r = store_position_get(txn, FOLLOWER, &position);
	is_new = r == -ENOENT;
	if (is_new || (r == 0 && position > last)) {
		position = last;
		r = 0;
	}
	if (r < 0)
		return r;
	store_abortp(&txn);
	webhook->position = webhook->saved = position;
	r = is_new ? position_write(webhook, true) : 0;
	webhook->has_position = r == 0;
	webhook->forgotten = false;
	return r;
}

static void position_forget(struct webhook *webhook)
{
	int r = webhook->forgotten ? 0 : position_write(webhook, false);

	if (r < 0 && r != -ENOENT)
		(void)log_error_errno(r, "the webhook's position cannot be forgotten");
	webhook->forgotten = true;
	webhook->has_position = false;
}

/* --- what is known about it --------------------------------------------------------------------- */

static void status_begin(struct webhook *webhook, const char *url)
{
	const char *host = strstr(url, "://");
	size_t size = host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : 0;
	struct webhook_status *status = &webhook->status;

	pthread_mutex_lock(&webhook->lock);
	status->configured = true;
	status->position = webhook->position;
	(void)snprintf(status->host, sizeof(status->host), "%.*s", (int)size, url);
	pthread_mutex_unlock(&webhook->lock);
}

static void status_end(struct webhook *webhook)
{
	pthread_mutex_lock(&webhook->lock);
	webhook->status = (struct webhook_status){ .configured = false };
	pthread_mutex_unlock(&webhook->lock);
}

static void note_delivered(struct webhook *webhook, const struct message *message)
{
	struct webhook_status *status = &webhook->status;

	if (webhook->failures > 0)
		log_notice("webhook %s takes events again", status->host);
	webhook->failures = 0;
	webhook->position = message->sequence;
	pthread_mutex_lock(&webhook->lock);
	status->position = message->sequence;
	status->delivered++;
	status->last_delivered_us = clock_now_us();
	status->failing_since_us = 0;
	status->error[0] = '\0';
	pthread_mutex_unlock(&webhook->lock);
	if (clock_monotonic_us() - webhook->saved_us > SAVE_US)
		position_save(webhook);
}

static void note_failed(struct webhook *webhook, const struct message *message, const char *error)
{
	struct webhook_status *status = &webhook->status;

	if (webhook->failures++ == 0)
		log_warning("webhook %s does not take event %llu, which is tried again: %s",
			    status->host, (unsigned long long)message->sequence, error);
	pthread_mutex_lock(&webhook->lock);
	status->failed++;
	if (status->failing_since_us == 0)
		status->failing_since_us = clock_now_us();
	(void)snprintf(status->error, sizeof(status->error), "%s", error);
	pthread_mutex_unlock(&webhook->lock);
}

/* --- waiting ------------------------------------------------------------------------------------ */

static uint32_t patience_ms(const struct webhook *webhook, uint32_t wanted_s)
{
	uint64_t wait_ms = webhook->patience.first_ms, longest_ms = webhook->patience.longest_ms;
	uint32_t random = 0;

	for (unsigned int i = 1; i < webhook->failures && wait_ms < longest_ms; i++)
		wait_ms *= 2;
	if (wait_ms < wanted_s * UINT64_C(1000))
		wait_ms = wanted_s * UINT64_C(1000);
	if (wait_ms > longest_ms)
		wait_ms = longest_ms;
	/* Hosts that lost their receiver together shall not all come back together. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)clock_now_us();
	return (uint32_t)(wait_ms / 2 + random % (wait_ms / 2 + 1));
}

/* Until the time is over, the webhook ends, or the configuration is another one: a reload tries again. */
static void wait_for(struct webhook *webhook, const struct conf *conf, uint32_t wait_ms)
{
	uint64_t until_us = clock_monotonic_us() + wait_ms * UINT64_C(1000), now_us;
	const struct conf *current;
	bool same = true;

	while (same && !webhook_stops(webhook) && (now_us = clock_monotonic_us()) < until_us) {
		(void)curl_multi_poll(webhook->multi, NULL, 0,
				      (int)((until_us - now_us) / 1000 + 1), NULL);
		current = change_engine_conf(webhook->engine);
		same = current == conf;
		change_engine_conf_put(webhook->engine, current);
	}
	if (!same)
		webhook->failures = 0;
}

/* --- the worker --------------------------------------------------------------------------------- */

struct take {
	struct store *store;
	struct message *message;
};

static int message_take(const struct store_event *event, void *context)
{
	struct take *take = context;
	int r = message_make(take->store, event, take->message);

	return r < 0 ? r : 1;
}

/* The next event, or -ENOENT. No snapshot is held while it is sent. */
static int message_next(struct webhook *webhook, struct message *ret)
{
	struct take take = { change_engine_store(webhook->engine), ret };
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = store_begin(take.store, NULL, false, &txn);

	if (r == 0)
		r = store_event_after(txn, webhook->position, message_take, &take);
	if (r < 0)
		return r;
	return ret->id ? 0 : -ENOENT;
}

/* Send one event, or wait for one. */
static int step(struct webhook *webhook, const struct conf *conf)
{
	_cleanup_(message_done) struct message message = { 0 };
	char error[WEBHOOK_ERROR_SIZE] = "";
	uint32_t wanted_s;
	int r = webhook->has_position ? 0 : position_load(webhook);

	if (r < 0)
		return r;
	status_begin(webhook, conf->events.webhook);
	r = message_next(webhook, &message);
	if (r == -ENOENT) {
		position_save(webhook);
		(void)curl_multi_poll(webhook->multi, NULL, 0, IDLE_MS, NULL);
		return 0;
	}
	if (r < 0)
		return r;
	r = request_send(webhook, conf, &message, error, &wanted_s);
	if (r == 0) {
		note_delivered(webhook, &message);
	} else if (r == -EAGAIN) {
		note_failed(webhook, &message, error);
		position_save(webhook);
		wait_for(webhook, conf, patience_ms(webhook, wanted_s));
	}
	return 0;
}

static void *work(void *argument)
{
	struct webhook *webhook = argument;

	while (!webhook_stops(webhook)) {
		const struct conf *conf = change_engine_conf(webhook->engine);
		int r = 0;

		if (conf->events.webhook) {
			r = step(webhook, conf);
		} else {
			position_forget(webhook);
			status_end(webhook);
			(void)curl_multi_poll(webhook->multi, NULL, 0, IDLE_MS, NULL);
		}
		if (r < 0) {
			(void)log_error_errno(r, "events for the webhook cannot be read");
			wait_for(webhook, conf, STORE_RETRY_MS);
		}
		change_engine_conf_put(webhook->engine, conf);
	}
	position_save(webhook);
	return NULL;
}

static void wake(void *context)
{
	struct webhook *webhook = context;

	(void)curl_multi_wakeup(webhook->multi);
}

int webhook_new(struct change_engine *engine, struct webhook_patience patience,
		struct webhook **ret)
{
	_cleanup_(webhook_freep) struct webhook *webhook = calloc(1, sizeof(*webhook));
	int r;

	if (!webhook)
		return -ENOMEM;
	webhook->engine = engine;
	webhook->patience = patience;
	pthread_mutex_init(&webhook->lock, NULL);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	webhook->multi = curl_multi_init();
	webhook->easy = curl_easy_init();
	if (!webhook->multi || !webhook->easy)
		return -ENOMEM;
	change_engine_set_listener(engine, wake, webhook);
	r = -pthread_create(&webhook->thread, NULL, work, webhook);
	if (r < 0)
		return r;
	webhook->started = true;
	*ret = TAKE_PTR(webhook);
	return 0;
}

void webhook_freep(struct webhook **webhook_ptr)
{
	struct webhook *webhook = TAKE_PTR(*webhook_ptr);

	if (!webhook)
		return;
	change_engine_set_listener(webhook->engine, NULL, NULL);
	if (webhook->started) {
		__atomic_store_n(&webhook->stop, true, __ATOMIC_RELEASE);
		wake(webhook);
		pthread_join(webhook->thread, NULL);
	}
	curl_easy_cleanup(webhook->easy);
	(void)curl_multi_cleanup(webhook->multi);
	pthread_mutex_destroy(&webhook->lock);
	free(webhook);
}
