/* freed.h - looks into memory that is given back, for a secret that should not be there any more. Included by
 * one file of a test, which sets freed_watches around what it watches.
 * Threads: each for itself. */
#ifndef TESTS_UNIT_FREED_H
#define TESTS_UNIT_FREED_H

#include <malloc.h>
#include <stdbool.h>
#include <string.h>

#define FREED_SECRET "Tr0ub4dor-and-3-horses"

/* Volatile: the compiler knows that free changes nothing of the program's. */
static __thread volatile bool freed_watches;
static __thread volatile unsigned int freed_found, freed_looked;

static inline void freed_look(const volatile void *at, size_t size)
{
	if (!at || !freed_watches)
		return;
	freed_looked++;
	freed_found += memmem((const void *)at, size, FREED_SECRET, strlen(FREED_SECRET)) != NULL;
}

static inline void freed_watch(void)
{
	freed_found = freed_looked = 0;
	freed_watches = true;
}

/* For libraries as well. */
#define FREED_FOR_ALL __attribute__((visibility("default")))

#ifdef __SANITIZE_ADDRESS__
extern size_t __sanitizer_get_allocated_size(const volatile void *at);
void __sanitizer_free_hook(const volatile void *at);

void FREED_FOR_ALL __sanitizer_free_hook(const volatile void *at)
{
	freed_look(at, at ? __sanitizer_get_allocated_size(at) : 0);
}
#else
extern void *__libc_malloc(size_t size);
extern void __libc_free(void *at);

FREED_FOR_ALL void free(void *at)
{
	freed_look(at, at ? malloc_usable_size(at) : 0);
	__libc_free(at);
}

/* Always elsewhere, so that what was left behind is looked at. */
FREED_FOR_ALL void *realloc(void *at, size_t size)
{
	void *to = __libc_malloc(size);
	size_t had = at ? malloc_usable_size(at) : 0;

	if (to && at) {
		memcpy(to, at, had < size ? had : size);
		free(at);
	}
	return to;
}
#endif

#endif
