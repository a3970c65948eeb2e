/* enumeration.h - where a process stands in getpwent, getgrent or getspent.
 * Layer: nss_scim. glibc's contract makes this state per process and shared by its threads. A
 * child finds every lock free; if another thread was inside when the process forked, it starts anew.
 * No waiting is endless. errno is kept. */
#ifndef NSS_SCIM_ENUMERATION_H
#define NSS_SCIM_ENUMERATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/attrs.h"
#include "shared/directory.h"

/* Static, all zero but `number`. Everything belongs to whoever holds the lock. */
struct enumeration {
	const uint32_t number; /* of its lock: different for each */
	bool is_busy;          /* somebody is inside */
	bool is_open, has_hashes;
	uint64_t cursor;
	struct directory_view view;   /* one snapshot from the first entry to the last */
	struct directory_view hashes; /* the shadow file; getspent only */
};

/* The lock; -EBUSY when somebody holds it for longer than any of our calls takes. */
_must_use_ int enumeration_lock(struct enumeration *e);
void enumeration_unlock(struct enumeration *e);

/* Locked: open the newest directory and stand before its first entry. */
_must_use_ int enumeration_begin(struct enumeration *e);

/* Locked, open: a program that closes descriptors it does not know has taken our files; -EBADF then, and
 * the next get begins anew. */
_must_use_ int enumeration_check(struct enumeration *e);

/* Locked: close; the next get begins anew. */
void enumeration_end(struct enumeration *e);

/* setXXent and endXXent in one piece, lock included. */
_must_use_ int enumeration_set(struct enumeration *e);
_must_use_ int enumeration_stop(struct enumeration *e);

#endif
