#include "scimd/warden/reap_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"

#define TELL_AGAIN_US 500000u

/* --- services of the system's ---------------------------------------------------------------- */

/* It was found by its uid, and out of their slice: systemd may be running a service as them (User=), and
 * would start it again. What others do for them, as cron, is in a service as well, but not in theirs. */
void service_ask(struct reap *reap, const struct proc_info *info)
{
	char unit[PROC_UNIT_SIZE];

	if (reap->logind && reap->seen[info->pid] == reap->look && !info->gone &&
	    targets_find(&reap->targets, info->uids[0], false) &&
	    proc_service(&reap->proc, info->pid, unit) >= 0)
		logind_ask_service(reap->logind, info->uids[0], unit);
}

static bool is_user(const struct reap *reap, uint32_t uid, const char *user)
{
	const struct reap_policy *policy = &reap->options.policy;
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", uid);
	return strcmp(user, number) == 0 ||
	       (policy->is_named && policy->is_named(policy->context, uid, user));
}

void service_answer(void *context, uint32_t uid, const char *unit, const char *user)
{
	struct reap *reap = context;
	const struct target *target = targets_find(&reap->targets, uid, false);

	if (!target || reap->now_us < target->kill_us || !is_user(reap, uid, user) ||
	    reap->options.policy.verdict(reap->options.policy.context, uid) != REAP_END)
		return;
	if (logind_stop_unit(reap->logind, unit))
		log_info("stopped %s, which runs as uid %u", unit, uid);
}

/* --- transient units ------------------------------------------------------------------------- */

static void on_unit_process(void *context, int pid)
{
	struct reap *reap = context;
	struct proc_info info;

	if (!process_visit(reap, pid, &info))
		return;
	victim_note(reap, reap->slice_target, &info, WARDEN_FOUND_UNIT);
	reap->seen[pid] = reap->look;
	if (victim_is_headless(&info))
		victims_signal(reap);
}

/* A unit that is theirs: stopped, so that it does not come again, and killed. */
static void end_unit(struct reap *reap, struct target *target, struct transient *unit, bool tell)
{
	const struct cgroup_visitor visitor = { on_unit_process, session_visit, reap };
	_cleanup_close_ int group = transient_open(reap->transients, unit);
	bool told = unit->why == WARDEN_UNIT_ENDED;

	if (!transient_is_there(reap->transients, unit))
		return; /* or there is another of that name by now */
	if (tell)
		told = reap->logind && logind_stop_unit(reap->logind, unit->name);
	unit->why = told ? WARDEN_UNIT_ENDED : WARDEN_UNIT_KILLED;
	if (transient_starts_others(unit)) {
		unit->ended = true;
		target->alive += told; /* until systemd has done it */
		return;
	}
	if (group < 0 || cgroup_is_populated(group) <= 0)
		return;
	reap->slice_target = target;
	reap->slice_is_ours = false;
	cgroup_visit(group, &visitor);
	if (!reap->slice_is_ours && cgroup_kill(group) >= 0)
		reap->victim_count = 0;
	unit->ended = true;
	target->alive += target->alive == 0;
}

void units_look(struct reap *reap, struct target *target)
{
	bool tell = reap->now_us >= target->told_us + TELL_AGAIN_US;

	if (reap->now_us < target->kill_us)
		return;
	for (uint32_t i = 0; i < target->unit_count; i++)
		if (target->units[i].why == WARDEN_UNIT_ENDED ||
		    target->units[i].why == WARDEN_UNIT_KILLED)
			end_unit(reap, target, &target->units[i], tell);
	if (tell && target->unit_count)
		target->told_us = reap->now_us;
	victims_signal(reap);
}

/* --- the search for them --------------------------------------------------------------------- */

static bool wants_trace(const struct target *target)
{
	return target->trace == TRACE_WANTED && !target->role;
}

/* The second stage, once the first signals are out: what else did they start, by sudo? Asked again with
 * each later look, for what systemd was about to start. */
void units_search(struct reap *reap)
{
	_cleanup_free_ uint32_t *uids = calloc(reap->targets.count, sizeof(*uids));
	size_t count = 0;
	int r;

	for (uint32_t i = 0; uids && i < reap->targets.count; i++) {
		struct target *target = reap->targets.items[i];

		if (target->clean_us && target->traces < SETTLE_LATER &&
		    reap->now_us >= target->clean_us + settle_later_us[target->traces]) {
			target->traces++;
			target->trace = TRACE_WANTED;
		}
		if (wants_trace(target))
			uids[count++] = target->uid;
	}
	if (count == 0 || reap->tracing)
		return;
	r = reap->transients ? transients_search(reap->transients, uids, count) : 0;
	reap->tracing = r > 0;
	for (uint32_t i = 0; i < reap->targets.count; i++) {
		struct target *target = reap->targets.items[i];

		if (!wants_trace(target))
			continue;
		target->trace = reap->tracing ? TRACE_RUNNING : TRACE_DONE;
		if (r < 0)
			target_miss_units(target);
	}
}

/* What the search found, to those who were waiting for it. */
void units_take(struct reap *reap)
{
	const struct transient *found;
	bool complete;
	size_t count;

	if (!reap->tracing || !transients_take(reap->transients, &found, &count, &complete))
		return;
	reap->tracing = false;
	for (size_t i = 0; i < count; i++) {
		struct target *target = targets_find(&reap->targets, found[i].uid, false);

		if (target && target->trace == TRACE_RUNNING)
			target_add_unit(target, &found[i]);
	}
	for (uint32_t i = 0; i < reap->targets.count; i++) {
		struct target *target = reap->targets.items[i];

		if (target->trace != TRACE_RUNNING)
			continue;
		if (!complete)
			target_miss_units(target);
		target->trace = TRACE_DONE;
		target->told_us = target->next_us = 0;
	}
}
