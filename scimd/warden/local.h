/* local.h - the host's own accounts: /etc/passwd and /etc/group, read directly and never through NSS
 * (which would ask us). Layer: warden. Threads: one. */
#ifndef SCIMD_WARDEN_LOCAL_H
#define SCIMD_WARDEN_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/attrs.h"

struct local;

/* Paths are borrowed for ever. Reads both files: without them there is nothing to protect local
 * accounts by, so that is an error. */
_must_use_ int local_new(const char *passwd, const char *group, struct local **ret);
void local_freep(struct local **local);

/* Read again what changed since (by inode, size and times). On failure the last good state stays. */
_must_use_ int local_refresh(struct local *local);

/* A user or group of that name exists; letters compare without case. */
bool local_has_name(const struct local *local, const char *name);
bool local_has_uid(const struct local *local, uint32_t uid);
bool local_has_gid(const struct local *local, uint32_t gid);

/* -ENOENT: no such user, no such group. */
_must_use_ int local_user_uid(const struct local *local, const char *name, uint32_t *ret);
_must_use_ int local_group_gid(const struct local *local, const char *name, uint32_t *ret);

#endif
