#include "nss_scim/enumeration.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <time.h>

#include "nss_scim/pack.h"

#define PAGE 4096u
#define WAIT_NS 100000L
#define WAIT_COUNT 20000 /* 2 s and more */

/* The locks of all enumerations, in a page that the kernel empties in a child: what another thread
 * held when the process forked is free there. (A process id in the lock would do as well, and cost a
 * system call for each entry.) */
static uint32_t *locks_get(void)
{
	static uint32_t *locks;
	uint32_t *found = __atomic_load_n(&locks, __ATOMIC_ACQUIRE);
	void *fresh;

	if (found)
		return found;
	fresh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fresh == MAP_FAILED)
		return NULL;
	(void)madvise(fresh, PAGE, MADV_WIPEONFORK); /* since Linux 4.14 */
	if (__atomic_compare_exchange_n(&locks, &found, fresh, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return fresh;
	(void)munmap(fresh, PAGE); /* another thread was first */
	return found;
}

/* What another thread left half done before the fork is not touched again. A mapping may leak. */
static void forget(struct enumeration *e)
{
	e->is_open = e->is_memory = false;
	e->has_hashes = false;
	e->cursor = 0;
}

/* Without other threads a plain store does: glibc knows when that is so. */
static bool take(uint32_t *lock)
{
	uint32_t vacant = 0;

	if (__builtin_expect(__libc_single_threaded, 1)) {
		if (__atomic_load_n(lock, __ATOMIC_RELAXED))
			return false;
		__atomic_store_n(lock, 1, __ATOMIC_RELAXED);
		return true;
	}
	return __atomic_compare_exchange_n(lock, &vacant, 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static bool enter(struct enumeration *e, uint32_t *lock)
{
	if (!take(lock))
		return false;
	if (e->is_busy)
		forget(e);
	e->is_busy = true;
	return true;
}

/* For the first time, or somebody is inside. */
static _apart_ int lock_slowly(struct enumeration *e)
{
	static const struct timespec pause = { .tv_nsec = WAIT_NS };
	uint32_t *locks = locks_get();

	if (!locks)
		return -ENOMEM;
	__atomic_store_n(&e->lock, locks + e->number, __ATOMIC_RELEASE);
	for (int i = 0; i < WAIT_COUNT; i++) {
		int saved;

		if (enter(e, locks + e->number))
			return 0;
		saved = errno;
		(void)nanosleep(&pause, NULL); /* shorter than asked is as good */
		errno = saved;
	}
	return -EBUSY;
}

int enumeration_lock(struct enumeration *e)
{
	uint32_t *lock = __atomic_load_n(&e->lock, __ATOMIC_ACQUIRE);

	return lock && __builtin_expect(enter(e, lock), 1) ? 0 : lock_slowly(e);
}

void enumeration_end(struct enumeration *e)
{
	if (e->has_hashes)
		directory_release(&e->hashes);
	if (e->is_open)
		directory_release(&e->view);
	forget(e);
}

_apart_ int enumeration_begin(struct enumeration *e)
{
	int r;

	enumeration_end(e);
	r = pack_open(directory_acquire_long(&e->view));
	if (r < 0)
		return r;
	e->is_open = true;
	if (e->wants_hashes)
		r = pack_open_hashes(&e->hashes, &e->has_hashes);
	if (r < 0)
		enumeration_end(e);
	e->is_memory = e->is_open && e->view.is_checked && !e->has_hashes;
	return r;
}

/* Ready for the next entry. A program that closes descriptors it does not know has taken our files; the
 * next get begins anew. */
static _apart_ int resume(struct enumeration *e)
{
	if (!e->is_open)
		return enumeration_begin(e);
	if (directory_view_is_intact(&e->view) &&
	    (!e->has_hashes || directory_view_is_intact(&e->hashes)))
		return 0;
	enumeration_end(e);
	return -EBADF;
}

/* --- the entry points of a database --------------------------------------------------------------- */

enum nss_status enumeration_set(struct enumeration *e)
{
	int ignored, r;

	r = enumeration_lock(e);
	if (r < 0)
		return pack_status(r, &ignored);
	r = enumeration_begin(e);
	enumeration_unlock(e);
	return pack_status(r, &ignored);
}

enum nss_status enumeration_get(struct enumeration *e, enumeration_deliver deliver, void *ret,
				char *buffer, size_t size, int *errnop)
{
	uint64_t cursor;
	int r;

	r = enumeration_lock(e);
	if (r < 0)
		return pack_status(r, errnop);
	r = e->is_memory ? 0 : resume(e);
	cursor = e->cursor;
	if (r == 0)
		r = deliver(e, &cursor, ret, buffer, size);
	if (r == 0)
		e->cursor = cursor;
	enumeration_unlock(e);
	return pack_status(r, errnop);
}

enum nss_status enumeration_stop(struct enumeration *e)
{
	int ignored, r;

	r = enumeration_lock(e);
	if (r < 0)
		return pack_status(r, &ignored);
	enumeration_end(e);
	enumeration_unlock(e);
	return NSS_STATUS_SUCCESS;
}
