/* Whether the warden would take what a change is about to make. */
#include "scimd/change/internal.h"

#include <string.h>

#define CHECK_TIMEOUT_MS 5000u
#define CHECK_TAGS (UINT64_C(1) << 62) /* revisions are below */

/* Take the answer that is under way, if one is. */
static int check_end(struct change_engine *engine)
{
	const struct packet *answer;
	int r;

	if (!engine->checking)
		return 0;
	engine->checking = false;
	r = warden_client_wait(engine->warden, CHECK_TAGS + engine->checks, CHECK_TIMEOUT_MS, &answer);
	if (r == 0 && warden_answer_op(answer) != WARDEN_OK)
		engine->check_failed = true;
	return r;
}

void warden_check_forget(struct change_engine *engine)
{
	engine->checking = engine->check_failed = false;
}

int warden_check(struct change_engine *engine, struct packet *packet,
		 char sentence[static WARDEN_REASON_MAX + 1])
{
	const struct packet *answer;
	int r = check_end(engine);

	if (r == 0)
		r = warden_client_ask(engine->warden, packet, CHECK_TIMEOUT_MS, &answer);
	if (r < 0)
		return r;
	if (warden_answer_op(answer) == WARDEN_OK)
		return 0;
	warden_answer_sentence(answer, sentence);
	return -EPROTO;
}

int warden_check_later(struct change *change, struct packet *packet)
{
	struct change_engine *engine = change->engine;
	uint64_t tag = CHECK_TAGS + engine->checks + 1;

	packet_finish(packet);
	if (!engine->checking && !packet->bad) {
		memcpy(packet->bytes + offsetof(struct warden_message, tag), &tag, sizeof(tag));
		engine->checking = warden_client_send(engine->warden, packet->bytes, packet->size) == 0;
		engine->checks += engine->checking;
		if (engine->checking)
			return 0;
	}
	return outbox_add(&change->checks, packet);
}

/* Ask about those that were collected, if any. 1: one of them would not be taken. */
static int checks_ask(struct change_engine *engine, struct packet *checks)
{
	const struct packet *answer;
	int r;

	if (checks->size == 0)
		return 0;
	r = warden_client_ask(engine->warden, checks, CHECK_TIMEOUT_MS, &answer);
	checks->size = 0;
	return r < 0 ? r : warden_answer_op(answer) != WARDEN_OK;
}

/* Into the packet, which goes first if it is full. One that fills a packet by itself is asked about alone. */
static int checks_add(struct change_engine *engine, struct packet *checks,
		      const struct outbox_item *item)
{
	int r = checks->size && packet_room(checks) < item->size ? checks_ask(engine, checks) : 0;

	if (r != 0)
		return r;
	if (checks->size == 0)
		packet_begin(checks, WARDEN_CHECKS, CHECK_LATER_TAG);
	if (packet_room(checks) < item->size)
		checks->size = 0;
	packet_put(checks, item->bytes, item->size);
	return checks->size > item->size ? 0 : checks_ask(engine, checks);
}

int warden_check_all(struct change_engine *engine, struct task *const *tasks, size_t count)
{
	struct packet packet; /* not zeroed: it is large */
	int r = check_end(engine);

	packet.size = 0;
	packet.bad = false;
	for (size_t i = 0; i < count; i++) {
		const struct outbox *checks = &tasks[i]->change.checks;

		for (size_t n = 0; r == 0 && n < checks->count; n++)
			r = checks_add(engine, &packet, &checks->items[n]);
	}
	if (r == 0)
		r = checks_ask(engine, &packet);
	return r == 0 ? engine->check_failed : r;
}
