#include "scimd/change/internal.h"

#include <string.h>
#include <time.h>

#include "scimd/model/json.h"

#define END_TIMEOUT_MS 5000u

void offboardings_free(struct offboarding *list)
{
	while (list) {
		struct offboarding *next = list->next;

		free(list);
		list = next;
	}
}

void offboardings_take(struct change_engine *engine, struct offboarding *list)
{
	pthread_mutex_lock(&engine->lock);
	while (list) {
		struct offboarding *next = list->next;

		list->next = engine->offboardings;
		engine->offboardings = list;
		list = next;
	}
	pthread_mutex_unlock(&engine->lock);
}

/* Unlink what `finished` says; wakes the waiting. */
static void unlink_if(struct change_engine *engine,
		      bool (*finished)(const struct offboarding *item, const void *context),
		      const void *context)
{
	pthread_mutex_lock(&engine->lock);
	for (struct offboarding **at = &engine->offboardings; *at;) {
		struct offboarding *item = *at;

		if (finished(item, context)) {
			*at = item->next;
			free(item);
		} else {
			at = &item->next;
		}
	}
	pthread_cond_broadcast(&engine->finished);
	pthread_mutex_unlock(&engine->lock);
}

static bool is_ending(const struct published *published, uint32_t uid)
{
	for (uint32_t i = 0; i < published->ending_count; i++)
		if (published->ending[i] == uid)
			return true;
	return false;
}

/* Others that were published before still have their reports to come. */
static bool has_nothing_to_end(const struct offboarding *item, const void *context)
{
	const struct published *published = context;

	return item->published && item->revision == published->revision &&
	       !is_ending(published, item->uid);
}

/* Note in the receipts that the directory shows it. fresh: who is not in published->ending has nothing
 * running. */
static int note_published(struct change_engine *engine, const struct published *published,
			  bool fresh)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = 0;

	/* Only this thread adds and removes entries: the list may be walked without the lock. */
	for (struct offboarding *item = engine->offboardings; r == 0 && item; item = item->next) {
		if (item->published)
			continue;
		if (!txn)
			r = store_begin(engine->store, NULL, true, &txn);
		if (r == 0)
			r = receipt_published(txn, item->receipt, published,
					      fresh && !is_ending(published, item->uid));
		item->published = r == 0;
		item->revision = published->revision;
	}
	if (!txn || r < 0)
		return r;
	/* If this is lost, the receipt is open still at the next start, which does it again. */
	engine->unflushed = true;
	return store_commit_unsynced(&txn);
}

int offboardings_published(struct change_engine *engine, const struct published *published)
{
	int r = note_published(engine, published, true);

	if (r == 0)
		unlink_if(engine, has_nothing_to_end, published);
	return r;
}

/* Ask for another end and report; close the receipt if the warden says that there is no need. */
static int resume_one(struct change_engine *engine, struct store_txn *txn, struct offboarding *item)
{
	const struct conf *conf = engine_conf(engine);
	struct warden_end end = { .uid = item->uid, .deadline_ms = conf->offboard.deadline_ms,
				  .grace_ms = conf->offboard.grace_ms };
	char sentence[WARDEN_REASON_MAX + 1];
	const struct packet *answer;
	struct packet packet;
	int r;

	packet_begin(&packet, WARDEN_END, item->revision);
	packet_put(&packet, &end, sizeof(end));
	r = warden_client_ask(engine->warden, &packet, END_TIMEOUT_MS, &answer);
	if (r < 0 || warden_answer_op(answer) == WARDEN_OK)
		return r;
	warden_answer_sentence(answer, sentence);
	item->refused = true;
	return receipt_close(txn, item->receipt, sentence);
}

static bool is_refused(const struct offboarding *item, const void *context)
{
	(void)context;
	return item->refused;
}

int offboardings_resume(struct change_engine *engine, const struct published *published)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = note_published(engine, published, false);

	for (struct offboarding *item = engine->offboardings; r == 0 && item; item = item->next) {
		if (is_ending(published, item->uid))
			continue;
		if (!txn)
			r = store_begin(engine->store, NULL, true, &txn);
		if (r == 0)
			r = resume_one(engine, txn, item);
	}
	if (txn && r == 0)
		r = store_commit(&txn);
	if (r == 0)
		unlink_if(engine, is_refused, NULL);
	return r;
}

struct report {
	uint32_t uid;
	uint64_t tag;
};

static bool is_reported(const struct offboarding *item, const void *context)
{
	const struct report *report = context;

	return item->uid == report->uid && item->published &&
	       (report->tag == 0 || item->revision <= report->tag);
}

void offboarding_reported(struct change_engine *engine, uint32_t uid, uint64_t tag, bool done)
{
	const struct report report = { uid, tag };

	if (done) {
		unlink_if(engine, is_reported, &report);
		return;
	}
	pthread_mutex_lock(&engine->lock);
	for (struct offboarding *item = engine->offboardings; item; item = item->next)
		item->reported |= is_reported(item, &report);
	pthread_cond_broadcast(&engine->finished);
	pthread_mutex_unlock(&engine->lock);
}

size_t offboarding_receipts(struct change_engine *engine, uint32_t uid, uint64_t tag,
			    uint64_t *receipts, size_t room)
{
	const struct report report = { uid, tag };
	size_t count = 0;

	pthread_mutex_lock(&engine->lock);
	for (struct offboarding *item = engine->offboardings; item && count < room;
	     item = item->next)
		if (is_reported(item, &report))
			receipts[count++] = item->receipt;
	pthread_mutex_unlock(&engine->lock);
	return count;
}

static int recover_one(uint64_t number, const char *user, const char *json, void *context)
{
	_cleanup_(json_putp) struct json_object *receipt = json_tokener_parse(json);
	struct change_engine *engine = context;
	struct offboarding *item;
	const char *state = receipt ? json_get_string(receipt, "state") : NULL;

	(void)user;
	if (!state || strcmp(state, "open") != 0)
		return 0;
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	item->uid = (uint32_t)json_object_get_int64(json_get(receipt, "uid"));
	item->receipt = number;
	offboardings_take(engine, item);
	return 0;
}

int offboardings_recover(struct change_engine *engine)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = store_begin(engine->store, NULL, false, &txn);

	return r < 0 ? r : store_receipt_each(txn, NULL, recover_one, engine);
}

static bool is_waited_for(const struct change_engine *engine, const uint64_t *receipts, size_t count)
{
	for (const struct offboarding *item = engine->offboardings; item; item = item->next)
		for (size_t i = 0; !item->reported && i < count; i++)
			if (item->receipt == receipts[i])
				return true;
	return false;
}

void offboardings_wait(struct change_engine *engine, const uint64_t *receipts, size_t count,
		       unsigned int timeout_ms)
{
	struct timespec until;

	if (count == 0)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&engine->lock);
	while (is_waited_for(engine, receipts, count) &&
	       pthread_cond_timedwait(&engine->finished, &engine->lock, &until) == 0)
		;
	pthread_mutex_unlock(&engine->lock);
}
