#include "scimd/change/internal.h"

#include <stdlib.h>
#include <string.h>

#include "scimd/model/json.h"

#define END_TIMEOUT_MS 5000u
#define ASK_PORTION 256u /* between two batches of changes */

void offboardings_free(struct offboarding *list)
{
	while (list) {
		struct offboarding *next = list->next;

		free(list);
		list = next;
	}
}

static struct offboarding **bucket_of(struct change_engine *engine, uint32_t uid)
{
	return &engine->offboardings[uid % OFFBOARDING_BUCKETS];
}

static void unnoted_add(struct change_engine *engine, struct offboarding *item)
{
	item->unnoted_next = engine->unnoted;
	item->unnoted_at = &engine->unnoted;
	if (item->unnoted_next)
		item->unnoted_next->unnoted_at = &item->unnoted_next;
	engine->unnoted = item;
}

static void unnoted_remove(struct offboarding *item)
{
	if (!item->unnoted_at)
		return;
	*item->unnoted_at = item->unnoted_next;
	if (item->unnoted_next)
		item->unnoted_next->unnoted_at = item->unnoted_at;
	item->unnoted_at = NULL;
}

void offboardings_take(struct change_engine *engine, struct offboarding *list)
{
	pthread_mutex_lock(&engine->lock);
	while (list) {
		struct offboarding *next = list->next, **bucket = bucket_of(engine, list->uid);

		list->next = *bucket;
		*bucket = list;
		unnoted_add(engine, list);
		engine->offboarding_count++;
		list = next;
	}
	pthread_mutex_unlock(&engine->lock);
}

void offboardings_clear(struct change_engine *engine)
{
	for (size_t i = 0; i < OFFBOARDING_BUCKETS; i++)
		offboardings_free(TAKE_PTR(engine->offboardings[i]));
	engine->offboarding_count = engine->unasked_count = 0;
	engine->unnoted = NULL;
}

typedef bool (*finished_fn)(const struct offboarding *item, const void *context);

/* Under the lock. */
static void bucket_unlink(struct change_engine *engine, struct offboarding **at,
			  finished_fn finished, const void *context)
{
	while (*at) {
		struct offboarding *item = *at;

		if (!finished(item, context)) {
			at = &item->next;
			continue;
		}
		*at = item->next;
		unnoted_remove(item);
		engine->offboarding_count--;
		engine->unasked_count -= item->unasked;
		free(item);
	}
}

/* Unlink what `finished` says; wakes the waiting. */
static void unlink_if(struct change_engine *engine, finished_fn finished, const void *context)
{
	pthread_mutex_lock(&engine->lock);
	for (size_t i = 0; i < OFFBOARDING_BUCKETS; i++)
		bucket_unlink(engine, &engine->offboardings[i], finished, context);
	pthread_cond_broadcast(&engine->finished);
	pthread_mutex_unlock(&engine->lock);
}

static int uid_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool is_ending(const struct published *published, uint32_t uid)
{
	return published->ending_count > 0 &&
	       bsearch(&uid, published->ending, published->ending_count, sizeof(uid), uid_compare);
}

/* Others that were published before still have their reports to come. */
static bool has_nothing_to_end(const struct offboarding *item, const void *context)
{
	const struct published *published = context;

	return item->published && item->revision == published->revision &&
	       !is_ending(published, item->uid);
}

/* Every offboarding: only the writer's thread adds and removes, so it may walk without the lock. */
typedef int (*offboarding_fn)(struct offboarding *item, void *context);

static int each_offboarding(struct change_engine *engine, offboarding_fn each, void *context)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < OFFBOARDING_BUCKETS; i++)
		for (struct offboarding *item = engine->offboardings[i]; r == 0 && item;
		     item = item->next)
			r = each(item, context);
	return r;
}

struct step {
	struct change_engine *engine;
	const struct published *published;
	size_t portion;
	struct store_txn *txn; /* begun when it is needed; owned */
};

static void step_done(struct step *step)
{
	store_abortp(&step->txn);
}

static int step_begin(struct step *step)
{
	return step->txn ? 0 : store_begin(step->engine->store, NULL, true, &step->txn);
}

static void set_unasked(struct change_engine *engine, struct offboarding *item, bool unasked)
{
	pthread_mutex_lock(&engine->lock);
	engine->unasked_count += unasked;
	engine->unasked_count -= item->unasked;
	item->unasked = unasked;
	pthread_mutex_unlock(&engine->lock);
}

/* What was kept is in the receipts: whatever is lost now is done again at the next start, as those are open
 * still. */
static int step_commit(struct step *step)
{
	step->engine->unflushed = true;
	return store_commit_unsynced(&step->txn);
}

/* The times of those that were not published before. Returns how many of them have nothing to be ended:
 * if fresh, those who are not listed although everybody is. They are written now. */
static int note_published(struct step *step, bool fresh)
{
	const struct published *published = step->published;
	int r = 0, over = 0;

	for (struct offboarding *item = step->engine->unnoted; r == 0 && item;
	     item = item->unnoted_next) {
		bool known = is_ending(published, item->uid);

		if (item->published)
			continue;
		item->revision = published->revision;
		item->durable_us = published->durable_us;
		item->visible_us = published->visible_us;
		if (published->partial && !known)
			set_unasked(step->engine, item, true);
		if (fresh && !known && !published->partial) {
			r = step_begin(step);
			if (r == 0)
				r = receipt_published(step->txn, item, true);
			over++;
		}
		item->published = step->engine->notes = r == 0;
	}
	return r < 0 ? r : over;
}

int offboardings_published(struct change_engine *engine, const struct published *published)
{
	_cleanup_(step_done) struct step step = { .engine = engine, .published = published };
	int r = note_published(&step, true);

	if (r > 0) {
		r = step_commit(&step);
		if (r == 0)
			unlink_if(engine, has_nothing_to_end, published);
	}
	return r;
}

int offboardings_note(struct change_engine *engine)
{
	_cleanup_(step_done) struct step step = { .engine = engine };
	int r = 0;

	engine->notes = false;
	for (struct offboarding *item = engine->unnoted; r == 0 && item; item = item->unnoted_next)
		if (item->published) {
			r = step_begin(&step);
			if (r == 0)
				r = receipt_published(step.txn, item, false);
		}
	if (!step.txn || r < 0)
		return r;
	r = step_commit(&step);
	for (struct offboarding *item = engine->unnoted, *next; r == 0 && item; item = next) {
		next = item->unnoted_next;
		if (item->published)
			unnoted_remove(item);
	}
	return r;
}

/* Ask for another end and report; close the receipt if the warden says that there is no need. */
static int ask_one(struct offboarding *item, void *context)
{
	struct step *step = context;
	struct change_engine *engine = step->engine;
	const struct conf *conf = engine_conf(engine);
	struct warden_end end = { .uid = item->uid, .deadline_ms = conf->offboard.deadline_ms,
				  .grace_ms = conf->offboard.grace_ms,
				  .since_us = item->received_us };
	char sentence[WARDEN_REASON_MAX + 1];
	const struct packet *answer;
	struct packet packet;
	int r;

	if (!item->unasked || step->portion == 0)
		return 0;
	packet_begin(&packet, WARDEN_END, item->revision);
	packet_put(&packet, &end, sizeof(end));
	r = warden_client_ask(engine->warden, &packet, END_TIMEOUT_MS, &answer);
	if (r < 0)
		return r;
	step->portion--;
	set_unasked(engine, item, false);
	if (warden_answer_op(answer) == WARDEN_OK)
		return 0;
	warden_answer_sentence(answer, sentence);
	item->refused = true;
	r = step_begin(step);
	return r < 0 ? r : receipt_close(step->txn, item->receipt, sentence);
}

static bool is_refused(const struct offboarding *item, const void *context)
{
	(void)context;
	return item->refused;
}

int offboardings_ask(struct change_engine *engine)
{
	_cleanup_(step_done) struct step step = { .engine = engine, .portion = ASK_PORTION };
	int r;

	if (engine->unasked_count == 0)
		return 0;
	r = each_offboarding(engine, ask_one, &step);
	if (step.txn && r == 0) {
		r = store_commit(&step.txn);
		if (r == 0)
			unlink_if(engine, is_refused, NULL);
	}
	return r;
}

static int mark_unasked(struct offboarding *item, void *context)
{
	struct step *step = context;

	if (!is_ending(step->published, item->uid))
		set_unasked(step->engine, item, true);
	return 0;
}

int offboardings_resume(struct change_engine *engine, const struct published *published)
{
	struct step step = { .engine = engine, .published = published };
	int r = note_published(&step, false);

	if (r == 0)
		r = offboardings_note(engine);
	if (r == 0)
		r = each_offboarding(engine, mark_unasked, &step);
	return r < 0 ? r : offboardings_ask(engine);
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

	pthread_mutex_lock(&engine->lock);
	if (done)
		bucket_unlink(engine, bucket_of(engine, uid), is_reported, &report);
	for (struct offboarding *item = *bucket_of(engine, uid); item; item = item->next)
		if (is_reported(item, &report)) {
			item->reported = true;
			unnoted_remove(item);
		}
	pthread_mutex_unlock(&engine->lock);
	pthread_cond_broadcast(&engine->finished);
}

size_t offboardings_of(struct change_engine *engine, uint32_t uid, uint64_t tag,
		       const struct offboarding **ret, size_t room)
{
	const struct report report = { uid, tag };
	size_t count = 0;

	for (const struct offboarding *item = *bucket_of(engine, uid); item && count < room;
	     item = item->next)
		if (is_reported(item, &report))
			ret[count++] = item;
	return count;
}

static int recover_one(uint64_t number, const char *user, const char *json, void *context)
{
	_cleanup_(json_putp) struct json_object *receipt = json_tokener_parse(json);
	struct change_engine *engine = context;
	struct offboarding *item;

	(void)user;
	if (!receipt || !receipt_is_open(receipt))
		return 0;
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	item->uid = (uint32_t)json_object_get_int64(json_get(receipt, "uid"));
	item->receipt = number;
	item->received_us = (uint64_t)json_object_get_int64(json_get(receipt, "received_us"));
	offboardings_take(engine, item);
	return 1;
}

int offboardings_recover(struct change_engine *engine)
{
	return store_receipt_open_each(engine->store, recover_one, engine);
}

static bool is_waited_for(struct change_engine *engine, const struct awaited *receipts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (const struct offboarding *item = *bucket_of(engine, receipts[i].uid); item;
		     item = item->next)
			if (!item->reported && item->receipt == receipts[i].receipt)
				return true;
	return false;
}

void offboardings_wait(struct change_engine *engine, const struct awaited *receipts, size_t count,
		       const struct timespec *until)
{
	if (count == 0)
		return;
	pthread_mutex_lock(&engine->lock);
	while (is_waited_for(engine, receipts, count) &&
	       pthread_cond_timedwait(&engine->finished, &engine->lock, until) == 0)
		;
	pthread_mutex_unlock(&engine->lock);
}
