#include "nss_scim/enumeration.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#include "nss_scim/pack.h"

#define PAGE 4096u
#define WAIT_NS 100000L
#define WAIT_COUNT 20000 /* 2 s and more */

/* The locks of all enumerations, in a page that the kernel empties in a child: what another thread
 * held when the process forked is free there. (A process id in the lock would do as well, and cost a
 * system call for each entry.) */
static uint32_t *lock_page(void)
{
	static uint32_t *page;
	uint32_t *found = __atomic_load_n(&page, __ATOMIC_ACQUIRE);
	void *fresh;

	if (found)
		return found;
	fresh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fresh == MAP_FAILED)
		return NULL;
	(void)madvise(fresh, PAGE, MADV_WIPEONFORK); /* since Linux 4.14 */
	if (__atomic_compare_exchange_n(&page, &found, fresh, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return fresh;
	(void)munmap(fresh, PAGE); /* another thread was first */
	return found;
}

/* What another thread left half done before the fork is not touched again. A mapping may leak. */
static void forget(struct enumeration *e)
{
	e->is_open = false;
	e->has_hashes = false;
	e->cursor = 0;
}

static bool take(uint32_t *lock)
{
	uint32_t vacant = 0;

	return __atomic_compare_exchange_n(lock, &vacant, 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

int enumeration_lock(struct enumeration *e)
{
	static const struct timespec pause = { .tv_nsec = WAIT_NS };
	uint32_t *page = lock_page();
	int saved = errno;

	if (!page)
		return -ENOMEM;
	for (int i = 0; i < WAIT_COUNT; i++) {
		if (take(page + e->number)) {
			if (e->is_busy)
				forget(e);
			e->is_busy = true;
			return 0;
		}
		(void)nanosleep(&pause, NULL); /* shorter than asked is as good */
		errno = saved;
	}
	return -EBUSY;
}

void enumeration_unlock(struct enumeration *e)
{
	e->is_busy = false;
	__atomic_store_n(lock_page() + e->number, 0, __ATOMIC_RELEASE);
}

void enumeration_end(struct enumeration *e)
{
	if (e->has_hashes)
		directory_release(&e->hashes);
	if (e->is_open)
		directory_release(&e->view);
	forget(e);
}

int enumeration_begin(struct enumeration *e)
{
	int r;

	enumeration_end(e);
	r = pack_acquire(&e->view);
	if (r < 0)
		return r;
	e->is_open = true;
	return 0;
}

int enumeration_check(struct enumeration *e)
{
	if (directory_view_is_intact(&e->view) &&
	    (!e->has_hashes || directory_view_is_intact(&e->hashes)))
		return 0;
	enumeration_end(e);
	return -EBADF;
}

int enumeration_set(struct enumeration *e)
{
	int r;

	r = enumeration_lock(e);
	if (r < 0)
		return r;
	r = enumeration_begin(e);
	enumeration_unlock(e);
	return r;
}

int enumeration_stop(struct enumeration *e)
{
	int r;

	r = enumeration_lock(e);
	if (r < 0)
		return r;
	enumeration_end(e);
	enumeration_unlock(e);
	return 0;
}
