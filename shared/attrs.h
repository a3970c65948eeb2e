/* attrs.h - compiler attributes and scope-bound clean-up. Layer: shared, libc only.
 * Clean-up functions take a pointer to the variable, accept an empty one, and keep errno. */
#ifndef SHARED_ATTRS_H
#define SHARED_ATTRS_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _must_use_ __attribute__((warn_unused_result))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _public_ __attribute__((visibility("default")))
#define _flat_ __attribute__((flatten)) /* all that it calls in line: for what is called all the time */
#define _apart_ __attribute__((noinline, cold)) /* never in line: for what such a one seldom needs */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Hand the value over to somebody else and leave nothing behind for the clean-up. */
#define TAKE_PTR(p)                             \
	({                                      \
		__typeof__(p) taken_ = (p);     \
		(p) = NULL;                     \
		taken_;                         \
	})
#define TAKE_FD(fd)                             \
	({                                      \
		int taken_ = (fd);              \
		(fd) = -1;                      \
		taken_;                         \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd); /* nothing useful can be done about it here */
	errno = saved;
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

#endif
