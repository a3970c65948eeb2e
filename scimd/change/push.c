/* A push: changes with no pause between them. An initial sync is a large one, which is told in the log
 * and can be watched in the status. */
#include "scimd/change/internal.h"

#include "scimd/base/clock.h"
#include "scimd/base/log.h"

#define PAUSE_US (5u * 1000000u) /* without a change: the push is over */
#define LARGE 1000u              /* changes from which on it is worth a line */

static uint64_t per_second(uint64_t changes, uint64_t took_us)
{
	return took_us ? changes * 1000000 / took_us : changes;
}

/* Under the lock. */
static bool is_over(const struct push *push, uint64_t now_us)
{
	return now_us - push->last_us > PAUSE_US;
}

void push_look(struct change_engine *engine)
{
	struct push *push = &engine->push, ended;

	pthread_mutex_lock(&engine->lock);
	ended = *push;
	if (is_over(push, clock_monotonic_us()))
		push->told = false;
	pthread_mutex_unlock(&engine->lock);
	if (ended.told && !push->told)
		log_notice("the large push is over: %llu changes, %llu new users and %llu new groups "
			   "in %llu s, %llu changes a second",
			   (unsigned long long)ended.changes, (unsigned long long)ended.users,
			   (unsigned long long)ended.groups,
			   (unsigned long long)((ended.last_us - ended.began_us) / 1000000),
			   (unsigned long long)per_second(ended.changes,
							  ended.last_us - ended.began_us));
}

void push_note(struct change_engine *engine, struct task *const *batch, size_t count)
{
	struct push *push = &engine->push, added = { 0 };
	uint64_t now_us = clock_monotonic_us();
	bool large;

	for (size_t i = 0; i < count; i++) {
		if (batch[i]->kind != TASK_CHANGE || batch[i]->result < 0)
			continue;
		added.changes++;
		added.users += batch[i]->change.made[RESOURCE_USER];
		added.groups += batch[i]->change.made[RESOURCE_GROUP];
	}
	if (added.changes == 0)
		return;
	push_look(engine);
	pthread_mutex_lock(&engine->lock);
	if (push->changes == 0 || is_over(push, now_us))
		*push = (struct push){ .began_us = now_us };
	push->last_us = now_us;
	push->changes += added.changes;
	push->users += added.users;
	push->groups += added.groups;
	large = !push->told && push->changes >= LARGE;
	push->told |= large;
	pthread_mutex_unlock(&engine->lock);
	if (large)
		log_notice("a large push goes on: %llu changes in %llu ms until now",
			   (unsigned long long)push->changes,
			   (unsigned long long)((now_us - push->began_us) / 1000));
}

void push_status(const struct push *push, struct change_status *ret)
{
	uint64_t took_us = push->last_us - push->began_us;

	ret->push_active = push->changes && !is_over(push, clock_monotonic_us());
	ret->push_changes = push->changes;
	ret->push_users = push->users;
	ret->push_groups = push->groups;
	ret->push_seconds = took_us / 1000000;
	ret->push_per_second = per_second(push->changes, took_us);
}
