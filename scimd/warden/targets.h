/* targets.h - everybody who is being ended. Layer: warden, for the reaper alone. Threads: one. A zeroed one is
 * empty. Owns its targets; what it hands out is borrowed until that target is dropped. Errors: -ENOMEM,
 * and then nothing changed. */
#ifndef SCIMD_WARDEN_TARGETS_H
#define SCIMD_WARDEN_TARGETS_H

#include "scimd/warden/target.h"

struct targets {
	struct target **items; /* by uid, then role */
	uint32_t count, room;
};

/* Where the first one is that is not before (uid, role). */
uint32_t targets_place(const struct targets *targets, uint32_t uid, bool role);

/* NULL: there is none. */
struct target *targets_find(const struct targets *targets, uint32_t uid, bool role);

/* Made if need be. */
_must_use_ int targets_get(struct targets *targets, uint32_t uid, bool role, struct target **ret);

/* When the first of them is to be looked for; UINT64_MAX: there is none. */
uint64_t targets_next_us(const struct targets *targets);

void targets_drop(struct targets *targets, uint32_t at);
void targets_done(struct targets *targets);

#endif
