/* target.h - one uid that is being ended: what was asked, what was found, what is owed an answer.
 * Layer: warden, for the reaper alone. Threads: one. Bounded: what does not fit is only counted. */
#ifndef SCIMD_WARDEN_TARGET_H
#define SCIMD_WARDEN_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "scimd/warden/proc.h"
#include "scimd/warden/reap.h"
#include "shared/names.h"

#define TARGET_REQUESTS_MAX 16u
#define TARGET_LOGINS_MAX 64u

/* Somebody waits for a report. */
struct request {
	uint64_t tag;
	uint64_t started_us;  /* epoch */
	uint64_t deadline_us; /* monotonic; UINT64_MAX: owed when nothing is left, and in any case */
	bool late;            /* nobody asked: worth a report only if something was found */
};

struct target {
	uint32_t uid;
	bool role;                     /* only what carries one of gids */
	char name[NAME_MAX_BYTES + 1]; /* "": not known */
	uint32_t *gids, gid_count;
	uint32_t logins[TARGET_LOGINS_MAX], login_count; /* audit sessions that carried a gid */

	struct request requests[TARGET_REQUESTS_MAX];
	uint32_t request_count;
	uint64_t last_tag;
	uint32_t deadline_ms;

	/* monotonic */
	uint64_t begun_us; /* last asked */
	uint64_t kill_us;  /* SIGTERM before, SIGKILL from then on */
	uint64_t next_us;  /* wants to be looked at */
	uint64_t clean_us; /* first look that found nothing; 0: not yet */

	bool pardoned;          /* let in again: the next answer is the last */
	bool announced;         /* lingering is off and logind knows */
	uint32_t looks;         /* taken so far */
	uint32_t alive, fresh;  /* in this look: living, and not seen by the look before */
	uint32_t unsure;        /* looks in a row that found nothing but were not conclusive */
	bool chased;            /* the last look met new processes: somebody is forking */
	bool outrun;            /* the last kill by uid failed: only looks can tell */

	/* since the last report; epoch */
	uint32_t found;
	uint64_t first_signal_us, last_gone_us;
	struct reap_item *items;
	uint32_t item_count, item_room;
	char (*sessions)[33];
	uint32_t session_count;

	enum trace { TRACE_WANTED, TRACE_RUNNING, TRACE_DONE } trace; /* the search for units */
	uint32_t traces; /* how many of the later ones were begun */
	struct transient *units;
	uint32_t unit_count, unit_room;
	uint64_t told_us; /* monotonic: systemd was told last to stop them */
};

void target_freep(struct target **target);

/* Start, or start again, at now_us (monotonic). */
void target_begin(struct target *target, uint64_t now_us, uint32_t deadline_ms, uint32_t grace_ms);

/* How long to wait after a look that found something alive: a part of the time it has taken so far, quick at
 * first, and no load for ever. */
uint64_t target_pause_us(const struct target *target, uint64_t now_us);

/* There must be room. */
void target_ask(struct target *target, const struct request *request);

/* Lingering would start the person's services again, at the next boot. */
void target_linger_off(const struct target *target, const char *folder);

_must_use_ int target_add_gids(struct target *target, const uint32_t *gids, uint32_t gid_count);

/* Why the process is to be ended, or 0. For a role this notes the login that carries a gid. */
enum warden_found target_match(struct target *target, struct proc *proc,
			       const struct proc_info *info);

/* A process was found that the look before did not see. Borrowed; NULL: counted, not listed. */
const struct reap_item *target_add_item(struct target *target, const struct proc_info *info,
					enum warden_found found, uint64_t ticks);
/* It was found then, by somebody who could not report it; not if it is listed already. */
void target_recall(struct target *target, const struct reap_item *item, uint64_t noted_us);
void target_add_session(struct target *target, const char *id);
void target_add_unit(struct target *target, const struct transient *unit);
/* There may be more that nobody has looked at. */
void target_miss_units(struct target *target);

/* Report to the requests whose deadline is not after due_us (UINT64_MAX: to all) and, when nobody
 * else waits, forget what was reported. done: nothing is left; without it a late report is owed.
 * False: it has to be tried again, as there is no room for a report now. */
bool target_answer(struct target *target, const struct reap_options *options, struct proc *proc,
		   uint64_t due_us, bool done);

#endif
