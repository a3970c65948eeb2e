/* cgroup.h - the cgroup (v2) that holds everything systemd started for a person: user-N.slice.
 * Layer: warden. Threads: one. Errors: negative errno; -ENOENT: there is no such slice, or no
 * cgroup v2. root is "/sys/fs/cgroup" but in tests; where v1 is in use v2 is in unified/ below. */
#ifndef SCIMD_WARDEN_CGROUP_H
#define SCIMD_WARDEN_CGROUP_H

#include <stdint.h>

#include "shared/attrs.h"

/* Open the slice of uid; returns a file descriptor for the functions below. */
_must_use_ int cgroup_open_slice(const char *root, uint32_t uid);

/* Open the group of a unit of the system's, in whichever slice it is. */
_must_use_ int cgroup_open_unit(const char *root, const char *unit);

/* 1: something lives in the slice or below it; 0: nothing does. */
_must_use_ int cgroup_is_populated(int slice);

/* SIGKILL all in the slice and below, those being forked included. -ENOENT: an old kernel. */
_must_use_ int cgroup_kill(int slice);

/* Call back for each process and each logind session ("session-ID.scope") in the slice and below.
 * What is nested too deeply or is too much to visit is left out: cgroup_kill sees it anyway. */
struct cgroup_visitor {
	void (*process)(void *context, int pid);
	void (*session)(void *context, const char *id);
	void *context;
};
void cgroup_visit(int slice, const struct cgroup_visitor *visitor);

#endif
