#include "scimd/warden/reap_parts.h"

#include <signal.h>

#include "scimd/base/clock.h"
#include "shared/names.h"

/* Its first thread has ended, others live. The kernel's kill by control group signals each first thread,
 * and one that has ended takes nothing; a pidfd means them all. */
bool victim_is_headless(const struct proc_info *info)
{
	return info->state == 'Z' && !info->gone;
}

/* Notes a process which must go because of target. */
void victim_note(struct reap *reap, struct target *target, const struct proc_info *info,
		 enum warden_found found)
{
	bool fresh = target->looks == 0 || reap->seen[info->pid] != reap->look - 1;
	const struct reap_item *item;
	uint64_t ticks;
	int r;

	if (info->gone) {
		reap->fleeting += fresh;
		return;
	}
	r = proc_start_ticks(&reap->proc, info->pid, &ticks);
	if (r == -EPERM)
		return; /* a kernel thread */
	if (r < 0) {
		reap->fleeting++;
		return;
	}
	target->alive++;
	if (fresh) {
		target->fresh++;
		item = target_add_item(target, info, found, ticks);
		if (item && reap->tally && !target->role)
			tally_note(reap->tally, target->uid, item);
	}
	if (reap->victim_count >= VICTIMS_MAX - (victim_is_headless(info) ? 0 : VICTIMS_SPARE))
		return; /* a slice, which is killed as a whole; if not, the next look meets it */
	reap->victims[reap->victim_count++] = (struct victim){
		.target = target, .pid = info->pid, .found = found, .fresh = fresh, .ticks = ticks
	};
}

/* The five ids of a process are mostly one. */
bool ids_repeat(const uint32_t *ids, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (ids[i] == ids[at])
			return true;
	return false;
}

void victims_consider(struct reap *reap, const struct proc_info *info)
{
	const uint32_t ids[PROC_OWNERS] = { info->uids[0], info->uids[1], info->uids[2],
					    info->uids[3], info->loginuid };
	const struct targets *targets = &reap->targets;
	bool matched = false;

	for (size_t i = 0; i < PROC_OWNERS; i++) {
		if (id_is_reserved(ids[i]) || ids_repeat(ids, i))
			continue;
		for (uint32_t at = targets_place(targets, ids[i], false);
		     at < targets->count && targets->items[at]->uid == ids[i]; at++) {
			enum warden_found found = target_match(targets->items[at], &reap->proc, info);

			if (found)
				victim_note(reap, targets->items[at], info, found);
			matched = matched || found;
		}
	}
	if (matched)
		reap->seen[info->pid] = reap->look;
}

/* Never init, never ourselves. */
bool process_is_untouchable(const struct reap *reap, int pid)
{
	return pid <= 1 || pid > PIDS_MAX || pid == reap->self;
}

/* False: it can't be looked at, for whatever reason. */
bool process_was_read(struct reap *reap, int r)
{
	if (r == -ENOENT || r == -ESRCH)
		reap->fleeting++;
	else if (r < 0)
		reap->failed = true;
	return r >= 0;
}

/* Whether it may be a target's, and is worth reading as a whole. */
bool process_concerns(struct reap *reap, int pid)
{
	const struct targets *targets = &reap->targets;
	uint32_t ids[PROC_OWNERS];

	if (!process_was_read(reap, proc_owners(&reap->proc, pid, ids)))
		return false;
	for (size_t i = 0; i < PROC_OWNERS; i++) {
		uint32_t at = targets_place(targets, ids[i], false);

		if (at < targets->count && targets->items[at]->uid == ids[i])
			return true;
	}
	return false;
}

/* Of a control group being visited: false for what is not to be looked at, or was already. */
bool process_visit(struct reap *reap, int pid, struct proc_info *ret)
{
	if (pid == reap->self)
		reap->slice_is_ours = true;
	return !process_is_untouchable(reap, pid) && reap->seen[pid] != reap->look &&
	       process_was_read(reap, proc_read(&reap->proc, pid, ret));
}

void session_visit(void *context, const char *id)
{
	struct reap *reap = context;

	target_add_session(reap->slice_target, id);
}

static void signal_victim(struct reap *reap, const struct victim *victim, int signal_number)
{
	_cleanup_close_ int pidfd = proc_pin(victim->pid);
	struct proc_info info;
	uint64_t ticks;

	/* Pinned first, looked at again after that: the one we hold is the one we mean. */
	if (pidfd < 0 || proc_start_ticks(&reap->proc, victim->pid, &ticks) < 0 ||
	    ticks != victim->ticks || proc_read(&reap->proc, victim->pid, &info) < 0)
		return;
	if (victim->found != WARDEN_FOUND_CGROUP && victim->found != WARDEN_FOUND_UNIT &&
	    !target_match(victim->target, &reap->proc, &info))
		return;
	(void)proc_signal(pidfd, signal_number);
}

void victims_signal(struct reap *reap)
{
	for (uint32_t i = 0; i < reap->victim_count; i++) {
		const struct victim *victim = &reap->victims[i];
		bool kills = reap->now_us >= victim->target->kill_us;

		if (!victim->target->first_signal_us)
			victim->target->first_signal_us = clock_now_us();
		if (kills || victim->fresh)
			signal_victim(reap, victim, kills ? SIGKILL : SIGTERM);
	}
	reap->victim_count = 0;
}
