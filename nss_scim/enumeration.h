/* enumeration.h - where a process stands in getpwent, getgrent or getspent.
 * Layer: nss_scim. glibc's contract makes this state per process and shared by its threads. A
 * child finds every lock free; if another thread was inside when the process forked, it starts anew.
 * No waiting is endless. errno is kept. */
#ifndef NSS_SCIM_ENUMERATION_H
#define NSS_SCIM_ENUMERATION_H

#include <nss.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/single_threaded.h>
#include <sys/types.h>

#include "shared/attrs.h"
#include "shared/directory.h"

struct enumeration;

/* The entry behind *cursor into the caller's buffer; moves *cursor past it. -ENOENT at the end. */
typedef int (*enumeration_deliver)(struct enumeration *e, uint64_t *cursor, void *ret, char *buffer,
				   size_t size);

/* Static, all zero but the constants. Everything but `lock` belongs to whoever holds that, or, where
 * enumeration_is_ours, to the one thread. */
struct enumeration {
	const uint32_t number; /* of its lock: different for each */
	const bool wants_hashes; /* getspent */
	bool is_busy;            /* somebody is inside */
	bool is_open, has_hashes;
	bool is_memory; /* open, and nothing but checked memory, which no program closes */
	uint32_t *lock; /* NULL: not asked for yet */
	uint64_t cursor;
	struct directory_view view;   /* one snapshot from the first entry to the last */
	struct directory_view hashes; /* the shadow file, if there is one */
};

/* setXXent, getXXent_r and endXXent in one piece. The cursor moves on only when the entry was delivered. */
enum nss_status enumeration_set(struct enumeration *e);
enum nss_status enumeration_get(struct enumeration *e, enumeration_deliver deliver, void *ret,
				char *buffer, size_t size, int *errnop);
enum nss_status enumeration_stop(struct enumeration *e);

/* Whether an entry may be read without the lock: there is one thread, nobody was inside when it came or when
 * it was forked, and the enumeration stands in checked memory. All that changes then is the cursor. False:
 * enumeration_get does all. */
static inline bool enumeration_is_ours(const struct enumeration *e)
{
	return __libc_single_threaded && e->is_memory && !e->is_busy;
}

static inline void enumeration_unlock(struct enumeration *e)
{
	e->is_busy = false;
	__atomic_store_n(e->lock, 0, __ATOMIC_RELEASE);
}

/* --- what these are made of, for tests --- */

/* The lock; -EBUSY when somebody holds it for longer than any of our calls takes. */
_must_use_ int enumeration_lock(struct enumeration *e);

/* Locked: open the newest directory and stand before its first entry. */
_must_use_ int enumeration_begin(struct enumeration *e);

/* Locked: close; the next get begins anew. */
void enumeration_end(struct enumeration *e);

#endif
