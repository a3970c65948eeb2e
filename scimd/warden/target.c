#include "scimd/warden/target.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"

#define CALM_US 1000000u       /* after that, what is left does not yield to haste */
#define START_SLACK_US 50000u /* the same start, computed from ticks at two times */

void target_freep(struct target **target)
{
	if (!*target)
		return;
	free((*target)->gids);
	free((*target)->items);
	free((*target)->sessions);
	free((*target)->units);
	free(*target);
	*target = NULL;
}

void target_begin(struct target *target, uint64_t now_us, uint32_t deadline_ms, uint32_t grace_ms)
{
	uint64_t kill_us = now_us + grace_ms * 1000ull;

	/* Asked again while it is under way, nobody gets longer than they had. */
	if (target->begun_us == 0 || target->clean_us != 0 || kill_us < target->kill_us)
		target->kill_us = kill_us;
	target->begun_us = now_us;
	target->next_us = now_us;
	target->clean_us = 0;
	target->announced = false;
	target->trace = TRACE_WANTED;
	target->traces = 0;
	target->deadline_ms = deadline_ms;
}

void target_ask(struct target *target, const struct request *request)
{
	target->requests[target->request_count++] = *request;
	target->last_tag = request->tag;
}

void target_linger_off(const struct target *target, const char *folder)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, target->name);
	if (target->name[0] && unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		log_warning("%s: %s", path, strerror(errno));
}

int target_add_gids(struct target *target, const uint32_t *gids, uint32_t gid_count)
{
	uint32_t *all;

	if (gid_count > NGROUPS_MAX || target->gid_count > NGROUPS_MAX - gid_count)
		return -E2BIG;
	all = reallocarray(target->gids, target->gid_count + gid_count, sizeof(*all));
	if (!all)
		return -ENOMEM;
	target->gids = all;
	for (uint32_t i = 0; i < gid_count; i++) {
		uint32_t at = 0;

		while (at < target->gid_count && all[at] != gids[i])
			at++;
		if (at == target->gid_count)
			all[target->gid_count++] = gids[i];
	}
	return 0;
}

uint64_t target_pause_us(const struct target *target, uint64_t now)
{
	uint64_t elapsed = now - target->begun_us, pause = elapsed / 8;
	uint64_t longest = elapsed < CALM_US ? 10000 : 1000000;

	if (target->chased && elapsed < CALM_US)
		return 0; /* they are forking */
	return pause < 1000 ? 1000 : pause > longest ? longest : pause;
}

static bool has_login(const struct target *target, uint32_t login)
{
	for (uint32_t i = 0; i < target->login_count; i++)
		if (target->logins[i] == login)
			return true;
	return false;
}

/* A login goes as a whole when anything of it carries a gid: the shells it became by sudo too. */
static bool carries_lost(struct target *target, struct proc *proc, const struct proc_info *info)
{
	uint32_t login = PROC_ID_UNSET;
	bool carries = false;

	if (info->loginuid == target->uid)
		login = proc_session(proc, info->pid);
	for (uint32_t i = 0; i < target->gid_count && !carries; i++)
		carries = proc_has_gid(info, target->gids[i]);
	if (login == PROC_ID_UNSET || has_login(target, login))
		return carries || login != PROC_ID_UNSET;
	if (carries && !info->gone && target->login_count < TARGET_LOGINS_MAX)
		target->logins[target->login_count++] = login;
	return carries;
}

enum warden_found target_match(struct target *target, struct proc *proc,
			       const struct proc_info *info)
{
	bool by_uid = false;

	for (size_t i = 0; i < ARRAY_SIZE(info->uids); i++)
		by_uid = by_uid || info->uids[i] == target->uid;
	if (!by_uid && info->loginuid != target->uid)
		return 0;
	if (target->role)
		return carries_lost(target, proc, info) ? WARDEN_FOUND_GID : 0;
	return by_uid ? WARDEN_FOUND_UID : WARDEN_FOUND_LOGINUID;
}

/* Makes room for one more, or says no. */
static bool reserve_item(struct target *target)
{
	uint32_t room = target->item_room ? target->item_room * 2 : 16;
	struct reap_item *items;

	if (target->item_count < target->item_room)
		return true;
	if (room > REAP_ITEMS_MAX)
		return false;
	items = reallocarray(target->items, room, sizeof(*items));
	if (!items)
		return false; /* a shorter report must not save anybody */
	target->items = items;
	target->item_room = room;
	return true;
}

const struct reap_item *target_add_item(struct target *target, const struct proc_info *info,
					enum warden_found found, uint64_t ticks)
{
	struct reap_item *item;

	target->found++;
	if (!reserve_item(target))
		return NULL;
	item = &target->items[target->item_count++];
	*item = (struct reap_item){ .pid = info->pid, .uid = info->uids[0], .found = found,
				    .started_us = proc_ticks_to_epoch_us(ticks) };
	memcpy(item->comm, info->comm, sizeof(item->comm));
	return item;
}

void target_recall(struct target *target, const struct reap_item *item, uint64_t noted_us)
{
	for (uint32_t i = 0; i < target->item_count; i++) {
		const struct reap_item *listed = &target->items[i];

		if (listed->pid == item->pid &&
		    listed->started_us < item->started_us + START_SLACK_US &&
		    item->started_us < listed->started_us + START_SLACK_US)
			return;
	}
	target->found++;
	if (target->first_signal_us == 0 || noted_us < target->first_signal_us)
		target->first_signal_us = noted_us;
	if (reserve_item(target))
		target->items[target->item_count++] = *item;
}

void target_add_session(struct target *target, const char *id)
{
	for (uint32_t i = 0; i < target->session_count; i++)
		if (strcmp(target->sessions[i], id) == 0)
			return;
	if (!target->sessions)
		target->sessions = calloc(REAP_SESSIONS_MAX, sizeof(*target->sessions));
	if (target->sessions && target->session_count < REAP_SESSIONS_MAX)
		(void)snprintf(target->sessions[target->session_count++],
			       sizeof(target->sessions[0]), "%s", id);
}

/* Theirs all have room, since what is not listed here is not ended; of others only some are named. */
static bool reserve_unit(struct target *target, bool must)
{
	uint32_t room = target->unit_room ? target->unit_room * 2 : 16;
	struct transient *units;

	if (!must && target->unit_count >= REAP_UNITS_MAX)
		return false;
	if (target->unit_count < target->unit_room)
		return true;
	units = reallocarray(target->units, room, sizeof(*units));
	if (!units)
		return false;
	target->units = units;
	target->unit_room = room;
	return true;
}

void target_add_unit(struct target *target, const struct transient *unit)
{
	bool must = unit->why == WARDEN_UNIT_ENDED || unit->why == WARDEN_UNIT_UNSEARCHED;

	for (uint32_t i = 0; i < target->unit_count; i++)
		if (target->units[i].inode == unit->inode &&
		    target->units[i].made_ns == unit->made_ns)
			return;
	if (reserve_unit(target, must))
		target->units[target->unit_count++] = *unit;
	else if (!must)
		target_miss_units(target);
}

void target_miss_units(struct target *target)
{
	target_add_unit(target, &(struct transient){ .why = WARDEN_UNIT_UNSEARCHED, .name = "*" });
}

/* Puts first what is to be reported, and says how many that are, or how many fit. */
static uint32_t units_to_report(struct target *target)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < target->unit_count && count < REAP_UNITS_MAX; i++) {
		struct transient unit = target->units[i];

		if (unit.reported || (unit.why == WARDEN_UNIT_ENDED && !unit.ended))
			continue;
		target->units[i] = target->units[count];
		target->units[count++] = unit;
	}
	return count;
}

/* The letter of its state, or 0 if it is gone. */
static char state_left(struct target *target, struct proc *proc, const struct reap_item *item)
{
	struct proc_info info;

	if (proc_read(proc, item->pid, &info) < 0 || info.gone)
		return 0;
	if (item->found != WARDEN_FOUND_CGROUP && item->found != WARDEN_FOUND_UNIT &&
	    !target_match(target, proc, &info))
		return 0;
	return info.state;
}

/* How many are left, with a mark on each that is. */
static uint32_t mark_left(struct target *target, struct proc *proc, bool done)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < target->item_count; i++) {
		target->items[i].left = done ? 0 : state_left(target, proc, &target->items[i]);
		left += target->items[i].left != 0;
	}
	if (done)
		return 0;
	/* The list tells, if all are in it; else it is what the last look saw. */
	return target->found == target->item_count && target->found > 0 ? left : target->alive;
}

static void emit(struct target *target, const struct reap_options *options,
		 const struct request *request, uint32_t left, bool done)
{
	uint32_t unit_count = units_to_report(target);
	struct reap_report report = {
		.uid = target->uid,
		.tag = request->tag,
		.flags = (done ? WARDEN_ENDED_DONE : 0) | (request->late ? WARDEN_ENDED_LATE : 0) |
			 (target->role ? WARDEN_ENDED_ROLE : 0) |
			 (target->pardoned ? WARDEN_ENDED_PARDONED : 0),
		.started_us = request->started_us,
		.first_signal_us = target->first_signal_us,
		.last_gone_us = target->last_gone_us,
		.ended_count = target->found > left ? target->found - left : 0,
		.left_count = left,
		.items = target->items,
		.item_count = target->item_count,
		.sessions = target->sessions,
		.session_count = target->session_count,
		.units = target->units,
		.unit_count = unit_count,
	};

	if (!request->late || target->found > 0 || unit_count > 0 || request->deadline_us == UINT64_MAX)
		options->report(options->report_context, &report);
}

/* What is still there will be part of the next report. */
static void forget_reported(struct target *target, uint32_t left)
{
	uint32_t kept = 0, units = units_to_report(target);

	for (uint32_t i = 0; i < target->item_count; i++)
		if (target->items[i].left)
			target->items[kept++] = target->items[i];
	target->item_count = kept;
	target->found = left;
	target->session_count = 0;
	for (uint32_t i = 0; i < units; i++)
		target->units[i].reported = true;
	if (units_to_report(target) == 0) /* what did not fit is part of the same end */
		target->last_gone_us = 0;
	if (left == 0)
		target->first_signal_us = 0;
}

static bool is_due(const struct target *target, uint64_t due_us)
{
	for (uint32_t i = 0; i < target->request_count; i++)
		if (target->requests[i].deadline_us <= due_us)
			return true;
	return false;
}

bool target_answer(struct target *target, const struct reap_options *options, struct proc *proc,
		   uint64_t due_us, bool done)
{
	struct request follow = { .tag = target->last_tag, .started_us = clock_now_us(),
				  .deadline_us = UINT64_MAX, .late = true };
	uint32_t left, kept = 0;

	if (!is_due(target, due_us))
		return true;
	if (options->can_report && !target->pardoned && !options->can_report(options->report_context))
		return false;
	left = mark_left(target, proc, done);
	for (uint32_t i = 0; i < target->request_count; i++) {
		if (target->requests[i].deadline_us <= due_us)
			emit(target, options, &target->requests[i], left, done);
		else
			target->requests[kept++] = target->requests[i];
	}
	target->request_count = kept;
	if (kept > 0)
		return true;
	forget_reported(target, left);
	/* They were told that it goes on, or not of all units: tell them. */
	if (!target->pardoned && (!done || units_to_report(target) > 0))
		target->requests[target->request_count++] = follow;
	return true;
}
