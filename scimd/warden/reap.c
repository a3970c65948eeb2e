#include "scimd/warden/reap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/warden/cgroup.h"
#include "scimd/warden/logind.h"
#include "scimd/warden/proc.h"
#include "scimd/warden/tally.h"
#include "scimd/warden/targets.h"
#include "shared/names.h"

/*
 * Everything happens in looks. A look serves every target: it asks policy, visits the slices, walks
 * /proc once, notes what must go, and signals it. Looks repeat until one finds nothing, and then
 * come back at later_us for what was being born meanwhile.
 *
 * Why a look that finds nothing may be believed. The walk is in ascending order of pids, and a new
 * process gets a higher pid than its parent (or the numbers start again at the bottom, once in
 * pid_max). Whoever runs away by forking and exiting is therefore always met: alive, and then it is
 * signalled; or gone between the listing and the reading, or a fresh zombie, and then the look is
 * unsure. Against those, and against whoever forks faster than pids can be signalled, the kernel is
 * asked to kill by cgroup and by uid (proc_kill_as), each in one step, and looked again.
 */
#define PIDS_MAX 4194304 /* PID_MAX_LIMIT: no pid is above */
#define VICTIMS_MAX 64u
#define VICTIMS_SPARE 16u  /* more than the targets that one process can be noted for */
#define UNSURE_MAX 3u      /* on a busy host some process of others vanishes in every look */
#define LATE_DEADLINE_MS 2000u
#define FAILED_PAUSE_US 10000u
#define ANSWER_POLL_MS 2
#define SESSIONS_US 20000u /* how long an answer waits for their names */
#define ROOM_POLL_US 2000u /* for a report that there was no room for */
#define TELL_AGAIN_US 500000u
#define TRACE_US 50000u

static const uint64_t later_us[] = { 50000, 250000, 1000000, 5000000 };
#define LATER_TOGETHER_US 10000u /* many who left one after the other share a later look */

struct victim {
	struct target *target;
	int pid;
	enum warden_found found;
	bool fresh;
	uint64_t ticks;
};

struct reap {
	struct reap_options options;
	int self; /* our own pid */
	char *paths[4];
	struct proc proc;
	struct logind *logind;
	struct transients *transients; /* NULL: not looked for */
	struct tally *tally;           /* NULL: nothing is kept */
	bool tracing;                  /* a search for units is under way */
	struct targets targets;
	bool missed;        /* a target did not fit in memory: sweep for it */
	bool cannot_become; /* a user, to kill by uid: said once */

	/* the look under way */
	uint32_t look;
	uint64_t now_us;   /* when it began; monotonic */
	bool failed;       /* something could not be looked at */
	uint32_t fleeting; /* processes that were gone before they could be looked at */
	struct target *slice_target;
	bool slice_is_ours; /* the warden itself lives in it */
	uint32_t *seen;     /* by pid: the look that last found it; untouched pages cost nothing */
	struct victim victims[VICTIMS_MAX];
	uint32_t victim_count;
};

static void on_logind_session(void *context, uint32_t uid, const char *id);
static void on_logind_service(void *context, uint32_t uid, const char *unit, const char *user);

int reap_new(const struct reap_options *options, struct reap **ret)
{
	_cleanup_(reap_freep) struct reap *reap = calloc(1, sizeof(*reap));
	int r;

	if (!reap)
		return -ENOMEM;
	reap->options = *options;
	reap->self = getpid();
	reap->options.proc = reap->paths[0] = strdup(options->proc);
	reap->options.cgroup = reap->paths[1] = strdup(options->cgroup);
	reap->options.linger = reap->paths[2] = strdup(options->linger);
	reap->seen = calloc(PIDS_MAX + 1, sizeof(*reap->seen));
	if (options->transient)
		reap->options.transient = reap->paths[3] = strdup(options->transient);
	if (!reap->paths[0] || !reap->paths[1] || !reap->paths[2] || !reap->seen ||
	    (options->transient && !reap->paths[3]))
		return -ENOMEM;
	r = proc_open(options->proc, &reap->proc);
	if (r >= 0 && options->logind)
		r = logind_new(on_logind_session, on_logind_service, reap, &reap->logind);
	if (r >= 0 && options->transient)
		r = transients_new(reap->options.transient, reap->options.cgroup, &reap->transients);
	if (r < 0)
		return r;
	if (options->tally && tally_open(options->tally, &reap->tally) < 0)
		log_warning("%s: receipts will lack what a killed warden had ended", options->tally);
	reap->look = 1; /* so that a zero in seen is long ago */
	*ret = TAKE_PTR(reap);
	return 0;
}

void reap_freep(struct reap **reap)
{
	if (!*reap)
		return;
	targets_done(&(*reap)->targets);
	logind_freep(&(*reap)->logind);
	transients_freep(&(*reap)->transients);
	tally_freep(&(*reap)->tally);
	proc_close(&(*reap)->proc);
	free((*reap)->seen);
	for (size_t i = 0; i < ARRAY_SIZE((*reap)->paths); i++)
		free((*reap)->paths[i]);
	free(*reap);
	*reap = NULL;
}

uint32_t reap_pending(const struct reap *reap)
{
	return reap->targets.count;
}

/* --- targets ------------------------------------------------------------------------------- */

/* Made if need be; who does not fit in memory is swept for. */
static int target_get(struct reap *reap, uint32_t uid, bool role, struct target **ret)
{
	int r = targets_get(&reap->targets, uid, role, ret);

	reap->missed = reap->missed || r < 0;
	return r;
}

static void ask(struct reap *reap, struct target *target, uint64_t tag, uint32_t deadline_ms,
		uint32_t grace_ms)
{
	uint64_t now = clock_monotonic_us();
	struct request request = { .tag = tag, .started_us = clock_now_us(),
				   .deadline_us = now + deadline_ms * 1000ull, .late = tag == 0 };

	/* Nobody waits in vain: answer what is known. Who does not read answers gets fewer. */
	if (target->request_count == TARGET_REQUESTS_MAX &&
	    !target_answer(target, &reap->options, &reap->proc, UINT64_MAX, false))
		target->request_count--;
	target_begin(target, now, deadline_ms, grace_ms);
	target_ask(target, &request);
}

int reap_user(struct reap *reap, uint32_t uid, const char *name, uint64_t tag, uint32_t deadline_ms,
	      uint32_t grace_ms)
{
	struct target *target;
	int r;

	if (id_is_reserved(uid))
		return -EINVAL;
	r = target_get(reap, uid, false, &target);
	if (r < 0)
		return r;
	if (name_is_valid(name, strlen(name)))
		(void)snprintf(target->name, sizeof(target->name), "%s", name);
	ask(reap, target, tag, deadline_ms, grace_ms);
	return 0;
}

int reap_gids(struct reap *reap, uint32_t uid, const uint32_t *gids, uint32_t gid_count,
	      uint64_t tag, uint32_t deadline_ms)
{
	struct target *target;
	int r;

	if (id_is_reserved(uid) || gid_count == 0)
		return -EINVAL;
	r = target_get(reap, uid, true, &target);
	if (r >= 0)
		r = target_add_gids(target, gids, gid_count);
	if (r < 0)
		return r; /* a target without gids goes with the next look */
	ask(reap, target, tag, deadline_ms, 0);
	return 0;
}

static void recall_item(void *context, const struct reap_item *item, uint64_t noted_us)
{
	target_recall(context, item, noted_us);
}

void reap_recall(struct reap *reap, uint32_t uid, uint64_t since_us)
{
	struct target *target = targets_find(&reap->targets, uid, false);

	if (reap->tally && target)
		tally_each(reap->tally, uid, since_us, recall_item, target);
}

/* --- what must go -------------------------------------------------------------------------- */

/* Its first thread has ended, others live. The kernel's kill by control group signals each first thread,
 * and one that has ended takes nothing; a pidfd means them all. */
static bool is_headless(const struct proc_info *info)
{
	return info->state == 'Z' && !info->gone;
}

/* Notes a process which must go because of target. */
static void note(struct reap *reap, struct target *target, const struct proc_info *info,
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
	if (reap->victim_count >= VICTIMS_MAX - (is_headless(info) ? 0 : VICTIMS_SPARE))
		return; /* a slice, which is killed as a whole; if not, the next look meets it */
	reap->victims[reap->victim_count++] = (struct victim){
		.target = target, .pid = info->pid, .found = found, .fresh = fresh, .ticks = ticks
	};
}

/* The five ids of a process are mostly one. */
static bool is_repeated(const uint32_t *ids, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (ids[i] == ids[at])
			return true;
	return false;
}

static void consider(struct reap *reap, const struct proc_info *info)
{
	const uint32_t ids[PROC_OWNERS] = { info->uids[0], info->uids[1], info->uids[2],
					    info->uids[3], info->loginuid };
	const struct targets *targets = &reap->targets;
	bool matched = false;

	for (size_t i = 0; i < PROC_OWNERS; i++) {
		if (id_is_reserved(ids[i]) || is_repeated(ids, i))
			continue;
		for (uint32_t at = targets_place(targets, ids[i], false);
		     at < targets->count && targets->items[at]->uid == ids[i]; at++) {
			enum warden_found found = target_match(targets->items[at], &reap->proc, info);

			if (found)
				note(reap, targets->items[at], info, found);
			matched = matched || found;
		}
	}
	if (matched)
		reap->seen[info->pid] = reap->look;
}

/* Never init, never ourselves. */
static bool is_untouchable(const struct reap *reap, int pid)
{
	return pid <= 1 || pid > PIDS_MAX || pid == reap->self;
}

/* False: it can't be looked at, for whatever reason. */
static bool was_read(struct reap *reap, int r)
{
	if (r == -ENOENT || r == -ESRCH)
		reap->fleeting++;
	else if (r < 0)
		reap->failed = true;
	return r >= 0;
}

/* Whether it may be a target's, and is worth reading as a whole. */
static bool concerns(struct reap *reap, int pid)
{
	const struct targets *targets = &reap->targets;
	uint32_t ids[PROC_OWNERS];

	if (!was_read(reap, proc_owners(&reap->proc, pid, ids)))
		return false;
	for (size_t i = 0; i < PROC_OWNERS; i++) {
		uint32_t at = targets_place(targets, ids[i], false);

		if (at < targets->count && targets->items[at]->uid == ids[i])
			return true;
	}
	return false;
}

/* --- signals ------------------------------------------------------------------------------- */

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

static void signal_victims(struct reap *reap)
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

/* --- services of the system's ------------------------------------------------------------- */

/* It was found by its uid, and out of their slice: systemd may be running a service as them (User=), and
 * would start it again. What others do for them, as cron, is in a service as well, but not in theirs. */
static void ask_service(struct reap *reap, const struct proc_info *info)
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

static void on_logind_service(void *context, uint32_t uid, const char *unit, const char *user)
{
	struct reap *reap = context;
	const struct target *target = targets_find(&reap->targets, uid, false);

	if (!target || reap->now_us < target->kill_us || !is_user(reap, uid, user) ||
	    reap->options.policy.verdict(reap->options.policy.context, uid) != REAP_END)
		return;
	if (logind_stop_unit(reap->logind, unit))
		log_info("stopped %s, which runs as uid %u", unit, uid);
}

/* --- a look -------------------------------------------------------------------------------- */

static void look_at_processes(struct reap *reap)
{
	struct proc_info info;
	int pid;

	proc_rewind(&reap->proc);
	while ((pid = proc_next(&reap->proc)) > 0) {
		if (is_untouchable(reap, pid) || reap->seen[pid] == reap->look ||
		    !concerns(reap, pid) ||
		    !was_read(reap, proc_read(&reap->proc, pid, &info)))
			continue;
		consider(reap, &info);
		ask_service(reap, &info);
		/* At once: what forks and exits in a moment is gone when the walk has ended. As root and
		 * out of the slice it can be caught in no other way. */
		signal_victims(reap);
	}
	if (pid < 0)
		reap->failed = true;
}

/* Of a control group being visited: false for what is not to be looked at, or was already. */
static bool visit_process(struct reap *reap, int pid, struct proc_info *ret)
{
	if (pid == reap->self)
		reap->slice_is_ours = true;
	return !is_untouchable(reap, pid) && reap->seen[pid] != reap->look &&
	       was_read(reap, proc_read(&reap->proc, pid, ret));
}

static void on_slice_process(void *context, int pid)
{
	struct reap *reap = context;
	struct proc_info info;

	/* Nothing kills the slice as a whole while they may still end by themselves. */
	if (reap->victim_count > VICTIMS_MAX / 2 && reap->now_us < reap->slice_target->kill_us)
		signal_victims(reap);
	if (!visit_process(reap, pid, &info))
		return;
	consider(reap, &info);
	if (reap->seen[pid] != reap->look)
		note(reap, reap->slice_target, &info, WARDEN_FOUND_CGROUP);
	reap->seen[pid] = reap->look;
	if (is_headless(&info))
		signal_victims(reap);
}

static void on_slice_session(void *context, const char *id)
{
	struct reap *reap = context;

	target_add_session(reap->slice_target, id);
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
	const struct cgroup_visitor visitor = { on_slice_process, on_slice_session, reap };
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
	signal_victims(reap); /* SIGTERM, an old kernel, or a warden started by hand from there */
}

static void on_unit_process(void *context, int pid)
{
	struct reap *reap = context;
	struct proc_info info;

	if (!visit_process(reap, pid, &info))
		return;
	note(reap, reap->slice_target, &info, WARDEN_FOUND_UNIT);
	reap->seen[pid] = reap->look;
	if (is_headless(&info))
		signal_victims(reap);
}

/* A unit that is theirs: stopped, so that it does not come again, and killed. */
static void end_unit(struct reap *reap, struct target *target, struct transient *unit, bool tell)
{
	const struct cgroup_visitor visitor = { on_unit_process, on_slice_session, reap };
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

static void look_at_units(struct reap *reap, struct target *target)
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
	signal_victims(reap);
}

static bool wants_trace(const struct target *target)
{
	return target->trace == TRACE_WANTED && !target->role;
}

/* The second stage, once the first signals are out: what else did they start, by sudo? Asked again with
 * each later look, for what systemd was about to start. */
static void trace_start(struct reap *reap)
{
	_cleanup_free_ uint32_t *uids = calloc(reap->targets.count, sizeof(*uids));
	size_t count = 0;
	int r;

	for (uint32_t i = 0; uids && i < reap->targets.count; i++) {
		struct target *target = reap->targets.items[i];

		if (target->clean_us && target->traces < ARRAY_SIZE(later_us) &&
		    reap->now_us >= target->clean_us + later_us[target->traces]) {
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
static void trace_take(struct reap *reap)
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

/* After the first signals, or the answer that nothing was there: the bus and logind would be working
 * while somebody waits. logind forgets a session when its processes are gone and systemd has noticed,
 * which is later than it reads this. */
static void announce(struct reap *reap)
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

/* Whose processes went at once: the sessions they were in are about to be told. */
static bool sessions_are_due(const struct reap *reap, const struct target *target, uint64_t now)
{
	return target->found && target->request_count > 0 && reap->logind &&
	       logind_is_busy(reap->logind) && now < target->begun_us + SESSIONS_US;
}

/* Nothing is left, everybody was told, and the next look for it is not now: its processes are looked for all
 * the same, as everybody's are, but its slice and its units are not. */
static bool rests(const struct reap *reap, const struct target *target)
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
	while (later < ARRAY_SIZE(later_us) && target->clean_us + later_us[later] <= now)
		later++;
	if (later == ARRAY_SIZE(later_us))
		return false;
	target->next_us = target->clean_us + later_us[later] + LATER_TOGETHER_US - 1;
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

static void settle_targets(struct reap *reap)
{
	uint64_t now = clock_monotonic_us();

	for (uint32_t i = 0; i < reap->targets.count; i++) {
		struct target *target = reap->targets.items[i];

		target->looks++;
		if (target->alive > 0)
			settle_alive(reap, target, now);
		else if (rests(reap, target))
			continue;
		else if (reap->failed || (reap->fleeting > 0 && target->unsure < UNSURE_MAX))
			settle_unsure(reap, target, now);
		else if (!settle_clean(reap, target, now))
			targets_drop(&reap->targets, i--);
	}
}

static void look(struct reap *reap)
{
	reap->look++;
	reap->now_us = clock_monotonic_us();
	reap->fleeting = 0;
	reap->failed = false;
	begin_targets(reap);
	if (reap->targets.count == 0)
		return;
	for (uint32_t i = 0; i < reap->targets.count; i++)
		if (!reap->targets.items[i]->role && !rests(reap, reap->targets.items[i])) {
			look_at_slice(reap, reap->targets.items[i]);
			look_at_units(reap, reap->targets.items[i]);
		}
	look_at_processes(reap);
	signal_victims(reap);
	trace_start(reap);
	settle_targets(reap);
	announce(reap);
}

/* --- sweeping ------------------------------------------------------------------------------ */

static bool is_swept(const struct reap *reap, uint32_t uid)
{
	return !id_is_reserved(uid) && !targets_find(&reap->targets, uid, false) && /* not under way */
	       reap->options.policy.verdict(reap->options.policy.context, uid) == REAP_END;
}

static void sweep_process(struct reap *reap, int pid)
{
	uint64_t now = clock_monotonic_us();
	uint32_t ids[PROC_OWNERS];
	struct proc_info info;
	struct target *target;

	if (proc_owners(&reap->proc, pid, ids) < 0)
		return;
	for (size_t i = 0; i < PROC_OWNERS; i++)
		if (!is_repeated(ids, i) && is_swept(reap, ids[i]) &&
		    proc_read(&reap->proc, pid, &info) >= 0 && !info.gone &&
		    target_get(reap, ids[i], false, &target) >= 0)
			target_begin(target, now, LATE_DEADLINE_MS, 0);
}

int reap_sweep(struct reap *reap)
{
	int pid;

	reap->missed = false;
	proc_rewind(&reap->proc);
	while ((pid = proc_next(&reap->proc)) > 0)
		if (!is_untouchable(reap, pid))
			sweep_process(reap, pid);
	proc_tidy(&reap->proc);
	if (pid < 0)
		return pid;
	return reap->missed ? -ENOMEM : 0;
}

static void on_logind_session(void *context, uint32_t uid, const char *id)
{
	struct reap *reap = context;
	struct target *target = targets_find(&reap->targets, uid, false);

	if (target)
		target_add_session(target, id);
}

/* --- the loop ------------------------------------------------------------------------------ */

int reap_step(struct reap *reap)
{
	uint64_t now = clock_monotonic_us(), next;
	uint64_t wait_ms = INT32_MAX;

	if (reap->missed)
		(void)reap_sweep(reap); /* still missed: tried again below */
	if (reap->logind)
		logind_process(reap->logind);
	trace_take(reap);
	if (targets_next_us(&reap->targets) <= now)
		look(reap);
	if (reap->logind)
		logind_process(reap->logind);
	next = targets_next_us(&reap->targets);
	now = clock_monotonic_us();
	if (next != UINT64_MAX)
		wait_ms = next <= now ? 0 : (next - now + 999) / 1000;
	if ((reap->tracing || (reap->logind && logind_is_busy(reap->logind))) &&
	    wait_ms > ANSWER_POLL_MS)
		wait_ms = ANSWER_POLL_MS;
	if (reap->missed && wait_ms > 100)
		wait_ms = 100;
	return wait_ms == INT32_MAX ? -1 : (int)wait_ms;
}
