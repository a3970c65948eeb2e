#include "scimd/warden/reap_parts.h"

#include "scimd/base/clock.h"
#include "scimd/base/log.h"

#define UNSURE_MAX 3u      /* on a busy host some process of others vanishes in every look */
#define FAILED_PAUSE_US 10000u
#define SESSIONS_US 20000u /* how long an answer waits for their names */
#define ROOM_POLL_US 2000u /* for a report that there was no room for */
#define TRACE_US 50000u
#define LATER_TOGETHER_US 10000u /* many who left one after the other share a later look */

const uint64_t settle_later_us[SETTLE_LATER] = { 50000, 250000, 1000000, 5000000 };

/* Whose processes went at once: the sessions they were in are about to be told. */
static bool sessions_are_due(const struct reap *reap, const struct target *target, uint64_t now)
{
	return target->found && target->request_count > 0 && reap->logind &&
	       logind_is_busy(reap->logind) && now < target->begun_us + SESSIONS_US;
}

/* Nothing is left, everybody was told, and the next look for it is not now: its processes are looked for all
 * the same, as everybody's are, but its slice and its units are not. */
bool settle_rests(const struct reap *reap, const struct target *target)
{
	return target->clean_us && target->request_count == 0 && reap->now_us < target->next_us;
}

/* Nothing was found. Returns false when the target has had its last look. */
static bool settle_clean(struct reap *reap, struct target *target, uint64_t now)
{
	bool news = target->found || !target->clean_us;
	size_t later = 0;

	if (target->found && !target->last_gone_us)
		target->last_gone_us = clock_now_us();
	if (target->trace != TRACE_DONE && !target->role) {
		target->next_us = now + TRACE_US; /* or when it ends */
		return true;
	}
	if (sessions_are_due(reap, target, now) ||
	    !target_answer(target, &reap->options, &reap->proc, UINT64_MAX, true) ||
	    target->request_count > 0) {
		target->next_us = now + ROOM_POLL_US;
		return true;
	}
	if (!target->role && reap->logind && news)
		logind_terminate(reap->logind, target->uid);
	target->unsure = 0;
	if (!target->clean_us)
		target->clean_us = now;
	while (later < SETTLE_LATER && target->clean_us + settle_later_us[later] <= now)
		later++;
	if (later == SETTLE_LATER)
		return false;
	target->next_us = target->clean_us + settle_later_us[later] + LATER_TOGETHER_US - 1;
	target->next_us -= target->next_us % LATER_TOGETHER_US;
	return true;
}

static void kill_by_uid(struct reap *reap, struct target *target, uint64_t now)
{
	int r;

	if (target->role || now < target->kill_us)
		return;
	r = proc_kill_as(target->uid);
	target->outrun = r < 0;
	if (r == -EPERM && !reap->cannot_become)
		log_warning("cannot become uid %u to kill by uid, going on by pid", target->uid);
	reap->cannot_become = reap->cannot_become || r == -EPERM;
}

static void settle_alive(struct reap *reap, struct target *target, uint64_t now)
{
	uint32_t deadline_ms = target->deadline_ms ? target->deadline_ms : LATE_DEADLINE_MS;
	struct request late = { .tag = target->last_tag, .started_us = clock_now_us(), .late = true,
				.deadline_us = now + deadline_ms * 1000ull };

	target->unsure = 0;
	target->chased = target->fresh > 0 && target->looks > 1;
	if (target->chased)
		kill_by_uid(reap, target, now);
	if (target->request_count == 0) { /* found by a later look */
		target->begun_us = now;
		target_ask(target, &late);
	}
	target->next_us = now + target_pause_us(target, now);
	if (!target_answer(target, &reap->options, &reap->proc, now, false)) {
		target->next_us = now + ROOM_POLL_US;
		return;
	}
	for (uint32_t i = 0; i < target->request_count; i++)
		if (target->requests[i].deadline_us < target->next_us)
			target->next_us = target->requests[i].deadline_us;
	if (now < target->kill_us && target->kill_us < target->next_us)
		target->next_us = target->kill_us;
}

/* Nothing was found, but it may be there all the same. */
static void settle_unsure(struct reap *reap, struct target *target, uint64_t now)
{
	if (target->unsure++ == 0 || target->outrun)
		kill_by_uid(reap, target, now);
	target->next_us = now + (reap->failed ? FAILED_PAUSE_US : 0);
	if (!target_answer(target, &reap->options, &reap->proc, now, false))
		target->next_us = now + ROOM_POLL_US;
}

void settle_targets(struct reap *reap)
{
	uint64_t now = clock_monotonic_us();

	for (uint32_t i = 0; i < reap->targets.count; i++) {
		struct target *target = reap->targets.items[i];

		target->looks++;
		if (target->alive > 0)
			settle_alive(reap, target, now);
		else if (settle_rests(reap, target))
			continue;
		else if (reap->failed || (reap->fleeting > 0 && target->unsure < UNSURE_MAX))
			settle_unsure(reap, target, now);
		else if (!settle_clean(reap, target, now))
			targets_drop(&reap->targets, i--);
	}
}

/* After the first signals, or the answer that nothing was there: the bus and logind would be working
 * while somebody waits. logind forgets a session when its processes are gone and systemd has noticed,
 * which is later than it reads this. */
void settle_announce(struct reap *reap)
{
	bool news = false;

	for (uint32_t i = 0; i < reap->targets.count; i++) {
		struct target *target = reap->targets.items[i];

		if (target->role || target->announced)
			continue;
		target->announced = news = true;
		if (reap->logind)
			logind_linger_off(reap->logind, target->uid);
	}
	if (reap->logind && news)
		logind_list(reap->logind);
}
