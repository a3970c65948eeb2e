/* lost_roles.h - who lost which local group, kept in a file of /run: written before it is published, so that
 * a warden which is killed before all of it has ended leaves the next one what is to be looked for. (For
 * lost access the published state itself says so.) Layer: warden. Threads: one.
 * A ring of the last LOST_ROLES_RECORDS; never synced: it has to outlive this process, not the machine.
 * What cannot be written is not remembered, and publishing goes on. */
#ifndef SCIMD_WARDEN_LOST_ROLES_H
#define SCIMD_WARDEN_LOST_ROLES_H

#include <stdint.h>

#include "shared/attrs.h"

#define LOST_ROLES_FILE "/run/scimd/lost-roles"
#define LOST_ROLES_RECORDS 8192u

struct lost_roles;

/* The folder of path belongs to root. */
_must_use_ int lost_roles_open(const char *path, struct lost_roles **ret);
void lost_roles_freep(struct lost_roles **lost);

/* now_us and since_us are of the monotonic clock: the file lives no longer than that. */
void lost_roles_note(struct lost_roles *lost, uint32_t uid, uint32_t gid, uint64_t now_us);

typedef void (*lost_roles_fn)(void *context, uint32_t uid, uint32_t gid);
void lost_roles_each(const struct lost_roles *lost, uint64_t since_us, lost_roles_fn each,
		     void *context);

#endif
