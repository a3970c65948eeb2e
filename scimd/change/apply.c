#include "scimd/change/internal.h"

#include <stdlib.h>
#include <string.h>

#include "scimd/base/log.h"

#define PUBLISH_TIMEOUT_MS 30000u

void published_done(struct published *published)
{
	free(published->ending);
	*published = (struct published){ 0 };
}

int apply_begin(struct change_engine *engine, uint64_t revision, uint32_t flags, uint32_t users,
		uint32_t groups)
{
	struct warden_begin begin = { .revision = revision, .flags = flags, .users_hint = users,
				      .groups_hint = groups };
	struct packet packet;

	memcpy(begin.instance, store_instance(engine->store), sizeof(begin.instance));
	packet_begin(&packet, WARDEN_BEGIN, revision);
	packet_put(&packet, &begin, sizeof(begin));
	packet_finish(&packet);
	return warden_client_put(engine->warden, packet.bytes, packet.size);
}

/* What the warden would not have although the change is committed: said aloud. The uid is shut out. */
static void log_refusals(struct packet_reader *reader, uint32_t count)
{
	for (uint32_t i = 0; i < count && !reader->bad; i++) {
		struct warden_refusal refusal;
		char sentence[WARDEN_REASON_MAX + 1];

		packet_get(reader, &refusal, sizeof(refusal));
		packet_get_string(reader, sentence, sizeof(sentence));
		if (!reader->bad)
			log_error("the warden refused %s %u: %s",
				  refusal.is_group ? "group" : "user", refusal.id, sentence);
	}
}

static int uid_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int published_parse(const struct packet *answer, struct published *ret)
{
	struct packet_reader reader = { .at = answer->bytes + sizeof(struct warden_message),
					.left = answer->size - sizeof(struct warden_message) };
	struct warden_published head;

	packet_get(&reader, &head, sizeof(head));
	if (reader.bad || head.ending_count > reader.left / sizeof(uint32_t))
		return -EPROTO;
	*ret = (struct published){ .revision = head.revision, .durable_us = head.durable_us,
				   .visible_us = head.visible_us,
				   .ending_count = head.ending_count };
	ret->ending = calloc(head.ending_count + 1, sizeof(*ret->ending));
	if (!ret->ending)
		return -ENOMEM;
	packet_get(&reader, ret->ending, head.ending_count * sizeof(*ret->ending));
	qsort(ret->ending, head.ending_count, sizeof(*ret->ending), uid_compare);
	ret->partial = head.ending_count >= WARDEN_ENDING_MAX;
	log_refusals(&reader, head.refused_count);
	ret->refused = head.refused_count > 0;
	return 0;
}

int apply_finish(struct change_engine *engine, uint64_t revision, struct published *ret)
{
	const struct conf *conf = engine_conf(engine);
	struct warden_commit commit = { .deadline_ms = conf->offboard.deadline_ms,
					.grace_ms = conf->offboard.grace_ms };
	char sentence[WARDEN_REASON_MAX + 1];
	const struct packet *answer;
	struct packet packet;
	int r;

	packet_begin(&packet, WARDEN_COMMIT, revision);
	packet_put(&packet, &commit, sizeof(commit));
	r = warden_client_ask(engine->warden, &packet, PUBLISH_TIMEOUT_MS, &answer);
	if (r < 0)
		return r;
	if (warden_answer_op(answer) != WARDEN_PUBLISHED) {
		warden_answer_sentence(answer, sentence);
		log_error("the warden did not publish: %s", sentence);
		return -EPROTO;
	}
	r = published_parse(answer, ret);
	if (r < 0)
		return r;
	pthread_mutex_lock(&engine->lock);
	engine->warden_revision = revision;
	pthread_mutex_unlock(&engine->lock);
	return 0;
}

/* What the warden would not have now it may have at the next start. */
static int doubt(struct change_engine *engine)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = store_begin(engine->store, NULL, true, &txn);

	if (r == 0)
		r = store_basis_forget(txn);
	return r < 0 ? r : store_commit(&txn);
}

int apply_batch(struct change_engine *engine, uint64_t revision, struct task *const *tasks,
		size_t count, struct published *ret)
{
	int r = apply_begin(engine, revision, 0, 0, 0);

	for (size_t i = 0; i < count; i++) {
		const struct outbox *outbox = &tasks[i]->change.outbox;

		for (size_t n = 0; r == 0 && n < outbox->count; n++)
			r = warden_client_put(engine->warden, outbox->items[n].bytes,
					      outbox->items[n].size);
	}
	if (r == 0)
		r = apply_finish(engine, revision, ret);
	return r == 0 && ret->refused ? doubt(engine) : r;
}
