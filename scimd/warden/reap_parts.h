/* reap_parts.h - what the files of the reaper share: its state, and what they call of each other.
 * Layer: warden, for reap*.c alone. Threads: one.
 *
 *   reap.c          who is to be ended: requests, sweeps, and when the next look is due
 *   reap_look.c     a look: policy, slices, every process
 *   reap_victims.c  what a look finds: notes and signals
 *   reap_units.c    what systemd runs for somebody outside of their slice
 *   reap_settle.c   what follows from a look: an answer, another look, the end */
#ifndef SCIMD_WARDEN_REAP_PARTS_H
#define SCIMD_WARDEN_REAP_PARTS_H

#include "scimd/warden/cgroup.h"
#include "scimd/warden/logind.h"
#include "scimd/warden/proc.h"
#include "scimd/warden/tally.h"
#include "scimd/warden/targets.h"

#define PIDS_MAX 4194304 /* PID_MAX_LIMIT: no pid is above */
#define VICTIMS_MAX 64u
#define VICTIMS_SPARE 16u  /* more than the targets that one process can be noted for */
#define LATE_DEADLINE_MS 2000u

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

/* reap_look.c: serves every target that it is time for. */
void reap_look(struct reap *reap);

/* reap_victims.c. Never init, never ourselves. */
bool process_is_untouchable(const struct reap *reap, int pid);
/* False: it can't be looked at, for whatever reason. */
bool process_was_read(struct reap *reap, int r);
/* Whether it may be a target's, and is worth reading as a whole. */
bool process_concerns(struct reap *reap, int pid);
/* Of a control group being visited: false for what is not to be looked at, or was already. */
bool process_visit(struct reap *reap, int pid, struct proc_info *ret);
void session_visit(void *context, const char *id);
/* The five ids of a process are mostly one. */
bool ids_repeat(const uint32_t *ids, size_t at);
bool victim_is_headless(const struct proc_info *info);
/* A process which must go because of target. */
void victim_note(struct reap *reap, struct target *target, const struct proc_info *info,
		 enum warden_found found);
/* One which must go if it is a target's. */
void victims_consider(struct reap *reap, const struct proc_info *info);
/* All that were noted since the last time. */
void victims_signal(struct reap *reap);

/* reap_units.c */
void service_ask(struct reap *reap, const struct proc_info *info);
void service_answer(void *context, uint32_t uid, const char *unit, const char *user);
void units_look(struct reap *reap, struct target *target);
void units_search(struct reap *reap);
void units_take(struct reap *reap);

/* reap_settle.c. When they are looked for again of whom nothing is left, after the first such look: */
#define SETTLE_LATER 4
extern const uint64_t settle_later_us[SETTLE_LATER];
bool settle_rests(const struct reap *reap, const struct target *target);
void settle_targets(struct reap *reap);
void settle_announce(struct reap *reap);

#endif
