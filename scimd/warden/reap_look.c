#include "scimd/warden/reap_parts.h"

#include "scimd/base/clock.h"

/*
 * Everything happens in looks. A look serves every target: it asks policy, visits the slices, walks
 * /proc once, notes what must go, and signals it. Looks repeat until one finds nothing, and then
 * come back later for what was being born meanwhile.
 *
 * Why a look that finds nothing may be believed. The walk is in ascending order of pids, and a new
 * process gets a higher pid than its parent (or the numbers start again at the bottom, once in
 * pid_max). Whoever runs away by forking and exiting is therefore always met: alive, and then it is
 * signalled; or gone between the listing and the reading, or a fresh zombie, and then the look is
 * unsure. Against those, and against whoever forks faster than pids can be signalled, the kernel is
 * asked to kill by cgroup and by uid (proc_kill_as), each in one step, and looked again.
 */

static void look_at_processes(struct reap *reap)
{
	struct proc_info info;
	int pid;

	proc_rewind(&reap->proc);
	while ((pid = proc_next(&reap->proc)) > 0) {
		if (process_is_untouchable(reap, pid) || reap->seen[pid] == reap->look ||
		    !process_concerns(reap, pid) ||
		    !process_was_read(reap, proc_read(&reap->proc, pid, &info)))
			continue;
		victims_consider(reap, &info);
		service_ask(reap, &info);
		/* At once: what forks and exits in a moment is gone when the walk has ended. As root and
		 * out of the slice it can be caught in no other way. */
		victims_signal(reap);
	}
	if (pid < 0)
		reap->failed = true;
}

static void on_slice_process(void *context, int pid)
{
	struct reap *reap = context;
	struct proc_info info;

	/* Nothing kills the slice as a whole while they may still end by themselves. */
	if (reap->victim_count > VICTIMS_MAX / 2 && reap->now_us < reap->slice_target->kill_us)
		victims_signal(reap);
	if (!process_visit(reap, pid, &info))
		return;
	victims_consider(reap, &info);
	if (reap->seen[pid] != reap->look)
		victim_note(reap, reap->slice_target, &info, WARDEN_FOUND_CGROUP);
	reap->seen[pid] = reap->look;
	if (victim_is_headless(&info))
		victims_signal(reap);
}

static void on_empty_session(void *context, const char *id)
{
	const struct reap *reap = context;

	logind_stop_session(reap->logind, id);
}

/* Nothing lives in the slice. Later looks end the sessions that systemd has not noticed to be empty. */
static void end_empty_sessions(struct reap *reap, struct target *target, int slice)
{
	const struct cgroup_visitor visitor = { on_slice_process, on_empty_session, reap };

	reap->slice_target = target;
	if (target->clean_us && reap->logind)
		cgroup_visit(slice, &visitor);
}

/* What lives there is noted for the report, then killed in one step, those being born included. */
static void look_at_slice(struct reap *reap, struct target *target)
{
	const struct cgroup_visitor visitor = { on_slice_process, session_visit, reap };
	_cleanup_close_ int slice = cgroup_open_slice(reap->options.cgroup, target->uid);

	if (slice < 0)
		return;
	if (cgroup_is_populated(slice) <= 0) {
		end_empty_sessions(reap, target, slice);
		return;
	}
	reap->slice_target = target;
	reap->slice_is_ours = false;
	cgroup_visit(slice, &visitor);
	if (target->alive == 0 && !reap->slice_is_ours)
		target->alive = 1; /* the kernel says so, and it sees deeper */
	if (reap->now_us >= target->kill_us && !reap->slice_is_ours) {
		if (!target->first_signal_us)
			target->first_signal_us = clock_now_us();
		if (cgroup_kill(slice) >= 0)
			reap->victim_count = 0;
	}
	victims_signal(reap); /* SIGTERM, an old kernel, or a warden started by hand from there */
}

/* May the target be ended as of now? */
static bool is_doomed(const struct reap *reap, struct target *target)
{
	const struct reap_options *options = &reap->options;
	uint32_t kept = 0;

	if (!target->role)
		return options->policy.verdict(options->policy.context, target->uid) == REAP_END;
	for (uint32_t i = 0; i < target->gid_count; i++)
		if (!options->may_carry ||
		    !options->may_carry(options->policy.context, target->uid, target->gids[i]))
			target->gids[kept++] = target->gids[i];
	target->gid_count = kept;
	return kept > 0;
}

static void begin_targets(struct reap *reap)
{
	for (uint32_t i = 0; i < reap->targets.count; i++) {
		struct target *target = reap->targets.items[i];

		if (!is_doomed(reap, target)) {
			target->pardoned = true;
			(void)target_answer(target, &reap->options, &reap->proc, UINT64_MAX, false);
			targets_drop(&reap->targets, i--);
			continue;
		}
		target->alive = target->fresh = 0;
		if (!target->role && !target->announced)
			target_linger_off(target, reap->options.linger);
	}
}

void reap_look(struct reap *reap)
{
	reap->look++;
	reap->now_us = clock_monotonic_us();
	reap->fleeting = 0;
	reap->failed = false;
	begin_targets(reap);
	if (reap->targets.count == 0)
		return;
	for (uint32_t i = 0; i < reap->targets.count; i++)
		if (!reap->targets.items[i]->role && !settle_rests(reap, reap->targets.items[i])) {
			look_at_slice(reap, reap->targets.items[i]);
			units_look(reap, reap->targets.items[i]);
		}
	look_at_processes(reap);
	victims_signal(reap);
	units_search(reap);
	settle_targets(reap);
	settle_announce(reap);
}
