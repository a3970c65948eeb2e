#include "shared/directory_open.h"

#include <stdatomic.h>
#include <sys/single_threaded.h>
#include <time.h>

/* The process's attachment to the segment. A few static slots (maps) hold attachments; `current`
 * names one. A reader says that it reads a map and then looks whether that is still current; a
 * segment is detached by whoever finds it not current and read by nobody. No thread ever waits for
 * another, so a fork in the middle of anything costs the child one slot at most (without a free slot
 * a lookup reads the file).
 *
 * There are two ways to say so. A process with one thread counts in map->readers by plain stores;
 * glibc knows when that is so. Otherwise a thread has a reader of its own, told by its thread
 * pointer, where it alone stores, which takes one atomic exchange and touches no other thread's cache
 * line. Whoever finds no reader (too many threads, one lookup inside another in a signal handler) or
 * will hold a view for long, maybe to release it in another thread, counts in map->readers
 * atomically. */
#define MAPS 16u
#define READERS 64u /* a power of two */
#define ATTEMPTS 8
#define TICKS 4u /* lookups between two looks at the clock */

enum { MAP_FREE, MAP_TAKEN, MAP_LIVE, MAP_CLOSING };

struct directory_map {
	/* What lookups read; written while the slot is taken. */
	const unsigned char *base;
	uint64_t size;
	struct directory_geometry geometry;
	dev_t device;
	ino_t inode;
	atomic_int state;
	/* What lookups write. */
	atomic_uint readers __attribute__((aligned(64)));
	atomic_uint ticks;
	atomic_uint_least64_t checked_ms;
} __attribute__((aligned(64)));

/* Of one thread for good: its pointer may become a later thread's, never two threads' at a time. */
struct directory_reader {
	atomic_uintptr_t thread; /* 0: nobody's */
	struct directory_map *_Atomic map; /* that it reads */
	atomic_uint ticks;
} __attribute__((aligned(64)));

static struct directory_map maps[MAPS];
static struct directory_map *_Atomic current;
static struct directory_reader readers[READERS];

static uint64_t coarse_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* the vDSO: no system call */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- detaching ---------------------------------------------------------------------------------- */

static bool map_is_unused(struct directory_map *map)
{
	if (atomic_load(&map->readers) != 0 || atomic_load(&current) == map)
		return false;
	for (size_t i = 0; i < READERS; i++)
		if (atomic_load(&readers[i].map) == map)
			return false;
	return true;
}

/* Detach if nobody needs it. Looks again after letting go, for a reader who left meanwhile. */
static void map_reclaim(struct directory_map *map)
{
	while (map_is_unused(map)) {
		int live = MAP_LIVE;

		if (!atomic_compare_exchange_strong(&map->state, &live, MAP_CLOSING))
			return;
		if (map_is_unused(map)) {
			directory_segment_detach(map->base);
			atomic_store(&map->state, MAP_FREE);
			return;
		}
		atomic_store(&map->state, MAP_LIVE);
	}
}

/* Whatever an earlier reader left behind, who let go in the same moment as another looked. */
static void maps_reclaim(void)
{
	for (size_t i = 0; i < MAPS; i++)
		if (atomic_load(&maps[i].state) == MAP_LIVE)
			map_reclaim(&maps[i]);
}

/* --- holding ------------------------------------------------------------------------------------ */

static void count_in(struct directory_map *map)
{
	if (__libc_single_threaded)
		atomic_store_explicit(&map->readers,
				      atomic_load_explicit(&map->readers, memory_order_relaxed) + 1,
				      memory_order_relaxed);
	else
		atomic_fetch_add(&map->readers, 1);
}

static void count_out(struct directory_map *map)
{
	if (__libc_single_threaded)
		atomic_store_explicit(&map->readers,
				      atomic_load_explicit(&map->readers, memory_order_relaxed) - 1,
				      memory_order_relaxed);
	else
		atomic_fetch_sub(&map->readers, 1);
}

/* This thread's reader, if it has one that is not in use. */
static struct directory_reader *reader_own(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
	uintptr_t thread = (uintptr_t)__builtin_thread_pointer();
	uint64_t spread = (uint64_t)thread * DIRECTORY_K1;
	struct directory_reader *reader = &readers[spread >> 32 & (READERS - 1)];
	uintptr_t owner = atomic_load_explicit(&reader->thread, memory_order_relaxed);

	if (owner != thread &&
	    (owner != 0 || !atomic_compare_exchange_strong(&reader->thread, &owner, thread)))
		return NULL;
	return atomic_load_explicit(&reader->map, memory_order_relaxed) ? NULL : reader;
#else
	return NULL;
#endif
}

/* Say that `map` is read. *ret_reader: where; NULL: it is counted. */
static inline void map_announce(struct directory_map *map, bool is_long,
				struct directory_reader **ret_reader)
{
	struct directory_reader *reader = is_long || __libc_single_threaded ? NULL : reader_own();

	if (reader)
		atomic_exchange(&reader->map, map);
	else
		count_in(map);
	*ret_reader = reader;
}

static inline void map_put(struct directory_map *map, struct directory_reader *reader)
{
	if (reader)
		atomic_store_explicit(&reader->map, NULL, memory_order_release);
	else
		count_out(map);
	if (atomic_load_explicit(&current, memory_order_relaxed) != map)
		map_reclaim(map);
}

/* The file of that name is still the one this shows. */
static _apart_ bool map_is_named(const struct directory_map *map)
{
	struct stat st;

	return lstat(DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE, &st) == 0 &&
	       st.st_dev == map->device && st.st_ino == map->inode &&
	       (uint64_t)st.st_size == map->size;
}

static __attribute__((noinline)) bool map_look_at_clock(struct directory_map *map)
{
	uint64_t now = coarse_ms();

	if (now - atomic_load_explicit(&map->checked_ms, memory_order_relaxed) <
	    DIRECTORY_RECHECK_MS)
		return true;
	maps_reclaim();
	if (!map_is_named(map))
		return false;
	atomic_store_explicit(&map->checked_ms, now, memory_order_relaxed);
	return true;
}

static inline bool map_is_fresh(struct directory_map *map, struct directory_reader *reader)
{
	const struct directory_header *header = (const void *)map->base;
	atomic_uint *ticks = reader ? &reader->ticks : &map->ticks;
	unsigned int tick = atomic_load_explicit(ticks, memory_order_relaxed);

	if (__atomic_load_n(&header->superseded, __ATOMIC_ACQUIRE) != 0)
		return false;
	atomic_store_explicit(ticks, tick + 1, memory_order_relaxed);
	return tick % TICKS != 0 || map_look_at_clock(map);
}

static inline void view_of_map(struct directory_map *map, struct directory_reader *reader,
			       struct directory_view *ret)
{
	ret->base = map->base;
	ret->size = map->size;
	ret->geometry = &map->geometry;
	ret->map = map;
	ret->reader = reader;
	ret->is_checked = true;
	ret->fd = -1;
	ret->scratch = NULL;
}

/* 0 held; -EAGAIN the map went away meanwhile; -ESTALE open the name again. */
static inline int map_hold(struct directory_map *map, bool is_long, struct directory_view *ret)
{
	struct directory_reader *reader;
	int r = 0;

	map_announce(map, is_long, &reader);
	if (atomic_load(&current) != map)
		r = -EAGAIN;
	else if (!map_is_fresh(map, reader))
		r = -ESTALE;
	if (r < 0) {
		map_put(map, reader);
		return r;
	}
	view_of_map(map, reader, ret);
	return 0;
}

/* --- attaching ---------------------------------------------------------------------------------- */

static struct directory_map *map_take(void)
{
	for (size_t i = 0; i < MAPS; i++) {
		int vacant = MAP_FREE;

		if (atomic_compare_exchange_strong(&maps[i].state, &vacant, MAP_TAKEN))
			return &maps[i];
	}
	return NULL;
}

/* Attach what the open file names and put it in the place of `old` (NULL: none). */
static int map_install(struct directory_map *old, const struct directory_opened *opened,
		       struct directory_view *ret)
{
	const unsigned char *base = directory_segment_attach(&opened->header);
	struct directory_map *map;

	if (!base)
		return -ENOENT;
	maps_reclaim();
	map = map_take();
	if (!map) {
		directory_segment_detach(base);
		return -ENOENT;
	}
	map->base = base;
	map->size = (uint64_t)opened->st.st_size;
	map->geometry = opened->geometry;
	map->device = opened->st.st_dev;
	map->inode = opened->st.st_ino;
	atomic_store(&map->checked_ms, coarse_ms());
	atomic_fetch_add(&map->readers, 1);
	atomic_store(&map->state, MAP_LIVE);
	view_of_map(map, NULL, ret);
	/* If another thread was first, ours lives until this lookup is over. */
	if (atomic_compare_exchange_strong(&current, &old, map) && old)
		map_reclaim(old);
	return 0;
}

/* An attachment that is no longer true must not pin the segment. */
static void map_forget(struct directory_map *map)
{
	struct directory_map *expected = map;

	if (map && atomic_compare_exchange_strong(&current, &expected, NULL))
		map_reclaim(map);
}

static int acquire_anew(struct directory_map *old, struct directory_view *ret)
{
	struct directory_opened opened;
	int r = directory_file_look(DIRECTORY_PUBLIC_DIR, DIRECTORY_FILE, DIRECTORY_MAGIC, &opened);

	if (r == 0 && map_install(old, &opened, ret) < 0) {
		map_forget(old);
		r = directory_view_of_file(&opened, ret);
	} else if (r < 0) {
		map_forget(old);
		return r;
	}
	closep(&opened.fd);
	return r;
}

static __attribute__((noinline)) int acquire_slowly(bool is_long, struct directory_view *ret)
{
	int r = -EAGAIN, saved = errno;

	for (int i = 0; r == -EAGAIN && i < ATTEMPTS; i++) {
		struct directory_map *map = atomic_load(&current);

		r = map ? map_hold(map, is_long, ret) : -ESTALE;
		if (r == -ESTALE)
			r = acquire_anew(map, ret);
	}
	errno = saved;
	if (r < 0) {
		ret->map = NULL;
		ret->scratch = NULL;
	}
	/* A missing file is no answer about any name. */
	return r == -ENOENT ? -ESTALE : r;
}

static inline bool acquire_at_once(bool is_long, struct directory_view *ret)
{
	struct directory_map *map = atomic_load(&current);

	return map && map_hold(map, is_long, ret) == 0;
}

static inline int acquire(bool is_long, struct directory_view *ret)
{
	return acquire_at_once(is_long, ret) ? 0 : acquire_slowly(is_long, ret);
}

bool directory_acquire_quickly(struct directory_view *ret)
{
	return acquire_at_once(false, ret);
}

void directory_release_quickly(const struct directory_view *view)
{
	map_put(view->map, view->reader);
}

int directory_acquire(struct directory_view *ret)
{
	return acquire(false, ret);
}

/* Which positions of the walk over users may be in use. */
static void view_set_walk(struct directory_view *view)
{
	const struct directory_header *header = (const void *)view->base;
	uint64_t capacity = UINT64_C(1) << view->geometry->tables[DIRECTORY_USER_BY_ID].log2;
	uint64_t span = __atomic_load_n(&header->user_span, __ATOMIC_ACQUIRE);
	uint64_t begin = span & UINT32_MAX & ~UINT64_C(7), end = (span >> 32) + 1;

	view->walk_begin = 0;
	view->walk_count = capacity;
	if (span == DIRECTORY_SPAN_NONE) {
		view->walk_count = 0;
	} else if (span != 0 && end > begin && end - begin < capacity) {
		view->walk_begin = begin;
		view->walk_count = end - begin;
	}
}

int directory_acquire_long(struct directory_view *ret)
{
	int r = acquire(true, ret);

	if (r == 0 && ret->base)
		view_set_walk(ret);
	return r;
}

void directory_release(struct directory_view *view)
{
	if (!view->map) {
		directory_view_close(view);
		return;
	}
	map_put(view->map, view->reader);
	view->map = NULL;
	view->base = NULL;
}
