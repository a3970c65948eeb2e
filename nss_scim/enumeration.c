#include "nss_scim/enumeration.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "nss_scim/pack.h"

#define WAIT_NS 100000L
#define WAIT_COUNT 20000 /* 2 s and more */

static bool take(struct enumeration *e, pid_t *from, pid_t self)
{
	return __atomic_compare_exchange_n(&e->holder, from, self, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* What another thread left half done before the fork is not touched again. A mapping may leak. */
static void forget(struct enumeration *e)
{
	e->is_open = false;
	e->has_hashes = false;
	e->cursor = 0;
}

int enumeration_lock(struct enumeration *e)
{
	static const struct timespec pause = { .tv_nsec = WAIT_NS };
	pid_t self = getpid(), holder;
	int saved = errno;

	for (int i = 0; i < WAIT_COUNT; i++) {
		holder = 0;
		if (take(e, &holder, self))
			return 0;
		if (holder != self && take(e, &holder, self)) {
			forget(e);
			return 0;
		}
		(void)nanosleep(&pause, NULL); /* shorter than asked is as good */
		errno = saved;
	}
	return -EBUSY;
}

void enumeration_unlock(struct enumeration *e)
{
	__atomic_store_n(&e->holder, 0, __ATOMIC_RELEASE);
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
