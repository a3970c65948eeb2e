/* transient.h - transient units that somebody started as root, by `sudo systemd-run COMMAND`. PID 1
 * starts those: they carry neither the person's uid nor their login uid and live outside of their slice.
 * What says whose they are is sudo's own entry in the journal. Layer: warden, for the reaper alone.
 * Threads: one. A search runs in a child process of its own, as nobody, and never blocks the caller.
 *
 * A unit is somebody's if all of this holds, and in doubt it is nobody's:
 * - an entry of sudo has the login uid, which nobody can change; a later entry of the same process has the
 *   real gid 0 and sudo's executable: it became root. (A forger can name a process "sudo" and send what
 *   they like, but the kernel says who sends: the last command that a process named before it was root is
 *   sudo's own word.)
 * - the command is systemd-run, and what follows its options is the unit's command line, word by word;
 *   if a name was given, it is the unit's.
 * - the unit was made between sudo's start and its end, at most 5 s later.
 * - no more units fit than entries, and none of the entries is somebody else's. */
#ifndef SCIMD_WARDEN_TRANSIENT_H
#define SCIMD_WARDEN_TRANSIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/attrs.h"
#include "shared/warden_proto.h"

#define TRANSIENT_NAME_SIZE 256u
#define TRANSIENT_COMMAND_SIZE 128u /* the rest is cut off */

struct transient {
	uint32_t uid;         /* whose, or in whose receipt it is named */
	enum warden_unit why; /* WARDEN_UNIT_ENDED: theirs; else why that is not known */
	bool ended, reported; /* for the caller: it was killed or stopped; that was said */
	uint64_t inode, made_ns; /* of its file: with the name, one unit for ever */
	char name[TRANSIENT_NAME_SIZE];
	char command[TRANSIENT_COMMAND_SIZE]; /* printable */
};

struct transients;

/* folder is "/run/systemd/transient", cgroup "/sys/fs/cgroup" but in tests; both are borrowed. */
_must_use_ int transients_new(const char *folder, const char *cgroup, struct transients **ret);
void transients_freep(struct transients **transients);

/* Search for what these people started. 1: under way; 0: there is no transient unit on this host.
 * -EBUSY: another search is under way. */
_must_use_ int transients_search(struct transients *transients, const uint32_t *uids, size_t count);

/* Whether the search is over; *ret and *ret_count, borrowed until the next search, are what it found.
 * *ret_complete: it looked at all there are. Where the journal took too long, what lives has a reason. */
bool transients_take(struct transients *transients, const struct transient **ret, size_t *ret_count,
		     bool *ret_complete);

/* The control group of a unit that is still the same, as a descriptor; -ENOENT: nothing of it runs.
 * Look at transient_is_there after opening it: a name can be used again. */
_must_use_ int transient_open(const struct transients *transients, const struct transient *unit);
bool transient_is_there(const struct transients *transients, const struct transient *unit);

/* A timer, path or socket: it has no processes, it starts some. */
bool transient_starts_others(const struct transient *unit);

#endif
