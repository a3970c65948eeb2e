/* reap.h - ending everything of people who may not be here. Layer: warden. Threads: one.
 * The module is told who lost access, and it asks (struct reap_policy) before each signal who may be
 * here: never a uid that is local, out of range or below the floor, never one whom the directory lets
 * in. It never blocks for longer than one look at /proc; reap_step is called by the event loop. */
#ifndef SCIMD_WARDEN_REAP_H
#define SCIMD_WARDEN_REAP_H

#include <stdbool.h>
#include <stdint.h>

#include "scimd/warden/transient.h"
#include "shared/attrs.h"
#include "shared/warden_proto.h"

enum reap_verdict {
	REAP_UNTOUCHABLE, /* not ours, allowed, or unknown: leave alone */
	REAP_END,         /* in the directory and not allowed (deactivated or deleted) */
};

struct reap_policy {
	enum reap_verdict (*verdict)(void *context, uint32_t uid);
	/* Is that the name of uid? NULL: it has none. */
	bool (*is_named)(void *context, uint32_t uid, const char *name);
	void *context;
};

/* One process or session ended, or left. */
struct reap_item {
	int pid;
	uint32_t uid;
	enum warden_found found;
	char left; /* 0, or the letter of its state in /proc */
	uint64_t started_us; /* epoch */
	char comm[33];
};

/* What was done for one uid; handed to the report function, borrowed. */
struct reap_report {
	uint32_t uid;
	uint64_t tag;   /* as given to reap_user; 0 for sweeps */
	uint32_t flags; /* WARDEN_ENDED_* */
	uint64_t started_us, first_signal_us, last_gone_us;
	uint32_t ended_count, left_count;
	const struct reap_item *items; /* at most REAP_ITEMS_MAX are listed */
	uint32_t item_count;
	char (*sessions)[33]; /* logind session ids */
	uint32_t session_count;
	const struct transient *units; /* made by sudo systemd-run, or perhaps; REAP_UNITS_MAX at a time */
	uint32_t unit_count;
};

#define REAP_ITEMS_MAX 1024u
#define REAP_SESSIONS_MAX 64u
#define REAP_UNITS_MAX 64u

/* Must not call back into the reaper. */
typedef void (*reap_report_fn)(void *context, const struct reap_report *report);

struct reap;

/* proc and cgroup are "/proc" and "/sys/fs/cgroup" but in tests; linger is "/var/lib/systemd/linger". */
struct reap_options {
	const char *proc, *cgroup, *linger;
	struct reap_policy policy;
	reap_report_fn report;
	void *report_context;
	bool logind; /* talk to logind over D-Bus when it is there */
	/* May uid carry gid by now? Asked before each look, with the policy's context, so that a role
	 * which comes back is not held against anybody. NULL: what reap_gids was told stays true. */
	bool (*may_carry)(void *context, uint32_t uid, uint32_t gid);
	/* Is there room for a report just now? What is not told is told later. NULL: always. */
	bool (*can_report)(void *report_context);
	const char *transient; /* "/run/systemd/transient"; NULL: units are not looked for */
	const char *tally;     /* "/run/scimd/ended"; NULL: nothing outlives this process */
};

_must_use_ int reap_new(const struct reap_options *options, struct reap **ret);
void reap_freep(struct reap **reap);

/* Somebody lost access: end everything of uid. name is for the linger file ("" if unknown). A first
 * report comes when nothing is left or deadline_ms passed; it goes on trying after that and looks
 * again after 50 ms, 250 ms, 1 s and 5 s, reporting late finds. Asking again while it is under way
 * only extends it (both tags are reported). Each request that returns 0 gets one report without
 * WARDEN_ENDED_LATE (with tag 0: only if something was found, and with it), from a later reap_step.
 * If that says that something is left, another with LATE follows when it is gone. Whom policy lets
 * in again meanwhile is left alone, and reported at once, with PARDONED instead of DONE.
 * -EINVAL: a reserved uid; -ENOMEM: the next reap_step sweeps for it, and tag gets no report. */
_must_use_ int reap_user(struct reap *reap, uint32_t uid, const char *name, uint64_t tag,
			 uint32_t deadline_ms, uint32_t grace_ms);

/* Somebody keeps access but lost gids: end the sessions and processes of uid which still carry one
 * of them (supplementary or real/effective/saved/fs gid). A session is an audit session: a shell that
 * it became by sudo goes with it. Policy's verdict is not asked (it lets uid in), may_carry is. */
_must_use_ int reap_gids(struct reap *reap, uint32_t uid, const uint32_t *gids, uint32_t gid_count,
			 uint64_t tag, uint32_t deadline_ms);

/* After reap_user, when a report was lost: the next one names again what was ended since then (epoch), by
 * a warden before this one too. */
void reap_recall(struct reap *reap, uint32_t uid, uint64_t since_us);

/* Look at every process on the host once and start ending whoever policy says must not be here. */
_must_use_ int reap_sweep(struct reap *reap);

/* Do what is due now; returns milliseconds until it wants to be called again, or -1 for never. */
int reap_step(struct reap *reap);

/* Uids under way. */
uint32_t reap_pending(const struct reap *reap);

#endif
