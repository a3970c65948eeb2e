#include "scimd/warden/reap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/warden/reap_parts.h"
#include "shared/names.h"

#define ANSWER_POLL_MS 2

static void on_logind_session(void *context, uint32_t uid, const char *id);

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
		r = logind_new(on_logind_session, service_answer, reap, &reap->logind);
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
		if (!ids_repeat(ids, i) && is_swept(reap, ids[i]) &&
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
		if (!process_is_untouchable(reap, pid))
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
	units_take(reap);
	if (targets_next_us(&reap->targets) <= now)
		reap_look(reap);
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
