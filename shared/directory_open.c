#include <fcntl.h>
#include <stdatomic.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <time.h>

#include "shared/directory.h"

#define SCRATCH_SIZE ((size_t)DIRECTORY_RECORD_SHADOW * DIRECTORY_RECORD_MAX)
#define MAPS 16u
#define ATTEMPTS 8

/* --- the file ----------------------------------------------------------------------------------- */

static bool only_root_writes(const struct stat *st)
{
	return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* O_NONBLOCK: a fifo in our place must not hang every process on the host. */
static int open_checked(const char *folder, const char *name, struct stat *ret_st)
{
	_cleanup_close_ int dir = -1, fd = -1;

	dir = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, ret_st) < 0)
		return -errno;
	if (!only_root_writes(ret_st))
		return -EPERM;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, ret_st) < 0)
		return -errno;
	if (!S_ISREG(ret_st->st_mode) || !only_root_writes(ret_st))
		return -EPERM;
	return TAKE_FD(fd);
}

static bool tables_are_sane(const struct directory_geometry *geometry, uint64_t size)
{
	uint64_t end = DIRECTORY_HEADER_SIZE;

	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++) {
		const struct directory_table *table = &geometry->tables[i];

		if (table->log2 > DIRECTORY_LOG2_MAX || table->offset != end)
			return false;
		end += sizeof(uint64_t) << table->log2;
		if (end > size)
			return false;
	}
	return geometry->heap_offset >= end && geometry->heap_offset <= size &&
	       geometry->heap_offset % DIRECTORY_UNIT == 0;
}

int directory_header_check(const struct directory_header *header, uint64_t size, const char *magic,
			   struct directory_geometry *ret)
{
	size_t from = offsetof(struct directory_header, file_size);
	struct directory_geometry geometry;

	if (memcmp(header->magic, magic, sizeof(header->magic)) != 0 || header->version != 1)
		return -EIO;
	if (directory_checksum((const unsigned char *)header + from,
			       offsetof(struct directory_header, superseded) - from,
			       0) != header->checksum)
		return -EIO;
	if (header->file_size != size)
		return -EIO;
	memcpy(geometry.tables, header->tables, sizeof(geometry.tables));
	geometry.heap_offset = header->heap_offset;
	geometry.seed = header->seed;
	if (!tables_are_sane(&geometry, size))
		return -EIO;
	*ret = geometry;
	return 0;
}

/* An open file whose header is right. */
struct opened {
	int fd;
	struct stat st;
	struct directory_header header;
	struct directory_geometry geometry;
};

static int file_open(const char *folder, const char *name, const char *magic, struct opened *ret)
{
	_cleanup_close_ int fd = open_checked(folder, name, &ret->st);
	int r;

	if (fd < 0)
		return fd;
	if (pread(fd, &ret->header, sizeof(ret->header), 0) != sizeof(ret->header))
		return -EIO;
	r = directory_header_check(&ret->header, (uint64_t)ret->st.st_size, magic, &ret->geometry);
	if (r < 0)
		return r;
	ret->fd = TAKE_FD(fd);
	return 0;
}

/* --- a view that reads -------------------------------------------------------------------------- */

static int view_of_file(struct opened *opened, struct directory_view *ret)
{
	void *scratch = mmap(NULL, SCRATCH_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (scratch == MAP_FAILED)
		return -errno;
	*ret = (struct directory_view){
		.size = (uint64_t)opened->st.st_size,
		.geometry = &ret->own,
		.fd = TAKE_FD(opened->fd),
		.device = opened->st.st_dev,
		.inode = opened->st.st_ino,
		.scratch = scratch,
		.own = opened->geometry,
	};
	return 0;
}

static int open_view(const char *folder, const char *name, const char *magic,
		     struct directory_view *ret)
{
	struct opened opened;
	int r = file_open(folder, name, magic, &opened);

	if (r < 0)
		return r;
	r = view_of_file(&opened, ret);
	closep(&opened.fd);
	return r;
}

int directory_open(const char *folder, const char *name, const char *magic,
		   struct directory_view *ret)
{
	int saved = errno;
	int r = open_view(folder, name, magic, ret);

	errno = saved;
	/* A missing file is no answer about any name. */
	return r == -ENOENT ? -ESTALE : r;
}

int directory_open_shadow(struct directory_view *ret)
{
	return directory_open(DIRECTORY_PUBLIC_DIR, DIRECTORY_SHADOW_FILE, DIRECTORY_SHADOW_MAGIC,
			      ret);
}

bool directory_view_is_intact(const struct directory_view *view)
{
	struct stat st;
	int saved = errno;
	bool intact = view->base || (view->fd >= 0 && fstat(view->fd, &st) == 0 &&
				     st.st_dev == view->device && st.st_ino == view->inode);

	errno = saved;
	return intact;
}

/* --- the segment -------------------------------------------------------------------------------- */

static bool segment_is_roots(int id, uint64_t size)
{
	struct shmid_ds info;

	return shmctl(id, IPC_STAT, &info) == 0 && info.shm_perm.uid == 0 &&
	       info.shm_perm.cuid == 0 && (info.shm_perm.mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       info.shm_segsz >= size;
}

static bool segment_shows(const struct directory_header *segment,
			  const struct directory_header *file)
{
	size_t changing = offsetof(struct directory_header, superseded);

	return memcmp(segment, file, changing) == 0 &&
	       memcmp(segment->segment_nonce, file->segment_nonce,
		      sizeof(file->segment_nonce)) == 0 &&
	       __atomic_load_n(&segment->superseded, __ATOMIC_ACQUIRE) == 0;
}

const unsigned char *directory_segment_attach(const struct directory_header *header)
{
	const struct directory_header *segment;
	void *base;

	if ((header->segment_nonce[0] | header->segment_nonce[1]) == 0 ||
	    !segment_is_roots(header->segment_id, header->file_size))
		return NULL;
	base = shmat(header->segment_id, NULL, SHM_RDONLY);
	if ((intptr_t)base == -1)
		return NULL;
	segment = base;
	if (!segment_shows(segment, header)) {
		directory_segment_detach(base);
		return NULL;
	}
	/* Everybody's accounts do not belong into each process's core file. */
	(void)madvise(base, header->file_size, MADV_DONTDUMP);
	return base;
}

void directory_segment_detach(const unsigned char *base)
{
	(void)shmdt(base); /* our own address: cannot fail */
}

/* --- the process's attachment --------------------------------------------------------------------
 * A few static slots hold attachments; `current` names one. A reader counts itself in and then looks
 * whether the slot is still current; a segment is detached by whoever finds it not current and not
 * counted. No thread ever waits for another, so a fork in the middle of anything costs the child one
 * slot at most (without a free slot a lookup reads the file). */
enum { MAP_FREE, MAP_TAKEN, MAP_LIVE, MAP_CLOSING };

struct directory_map {
	atomic_int state;
	atomic_uint readers;
	atomic_uint_least64_t checked_ms;
	const unsigned char *base;
	uint64_t size;
	struct directory_geometry geometry;
	dev_t device;
	ino_t inode;
} __attribute__((aligned(64)));

static struct directory_map maps[MAPS];
static struct directory_map *_Atomic current;

static uint64_t coarse_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* the vDSO: no system call */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool map_is_unused(struct directory_map *map)
{
	return atomic_load(&map->readers) == 0 && atomic_load(&current) != map;
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

static void map_put(struct directory_map *map)
{
	if (atomic_fetch_sub(&map->readers, 1) == 1 && atomic_load(&current) != map)
		map_reclaim(map);
}

/* The file of that name is still the one this shows. */
static bool map_is_named(const struct directory_map *map)
{
	struct stat st;

	return lstat(DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE, &st) == 0 &&
	       st.st_dev == map->device && st.st_ino == map->inode &&
	       (uint64_t)st.st_size == map->size;
}

static bool map_is_fresh(struct directory_map *map)
{
	const struct directory_header *header = (const void *)map->base;
	uint64_t now, checked;

	if (__atomic_load_n(&header->superseded, __ATOMIC_ACQUIRE) != 0)
		return false;
	now = coarse_ms();
	checked = atomic_load_explicit(&map->checked_ms, memory_order_relaxed);
	if (now - checked < DIRECTORY_RECHECK_MS)
		return true;
	if (!map_is_named(map))
		return false;
	atomic_store_explicit(&map->checked_ms, now, memory_order_relaxed);
	return true;
}

static void view_of_map(struct directory_map *map, struct directory_view *ret)
{
	ret->base = map->base;
	ret->size = map->size;
	ret->geometry = &map->geometry;
	ret->map = map;
	ret->is_checked = true;
	ret->fd = -1;
	ret->scratch = NULL;
}

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
static int map_install(struct directory_map *old, const struct opened *opened,
		       struct directory_view *ret)
{
	const unsigned char *base = directory_segment_attach(&opened->header);
	struct directory_map *map;

	if (!base)
		return -ENOENT;
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
	view_of_map(map, ret);
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

/* 0 held; -EAGAIN the map went away meanwhile; -ESTALE open the name again. */
static int map_hold(struct directory_map *map, struct directory_view *ret)
{
	atomic_fetch_add(&map->readers, 1);
	if (atomic_load(&current) != map) {
		map_put(map);
		return -EAGAIN;
	}
	if (!map_is_fresh(map)) {
		map_put(map);
		return -ESTALE;
	}
	view_of_map(map, ret);
	return 0;
}

static int acquire_anew(struct directory_map *old, struct directory_view *ret)
{
	struct opened opened;
	int r = file_open(DIRECTORY_PUBLIC_DIR, DIRECTORY_FILE, DIRECTORY_MAGIC, &opened);

	if (r == 0 && map_install(old, &opened, ret) < 0) {
		map_forget(old);
		r = view_of_file(&opened, ret);
	} else if (r < 0) {
		map_forget(old);
		return r;
	}
	closep(&opened.fd);
	return r;
}

static __attribute__((noinline)) int acquire_slowly(struct directory_view *ret)
{
	int r = -EAGAIN, saved = errno;

	for (int i = 0; r == -EAGAIN && i < ATTEMPTS; i++) {
		struct directory_map *map = atomic_load(&current);

		r = map ? map_hold(map, ret) : -ESTALE;
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

int directory_acquire(struct directory_view *ret)
{
	struct directory_map *map = atomic_load(&current);

	if (map && map_hold(map, ret) == 0)
		return 0;
	return acquire_slowly(ret);
}

void directory_release(struct directory_view *view)
{
	int saved;

	if (view->map) {
		map_put(view->map);
		view->map = NULL;
		view->base = NULL;
		return;
	}
	saved = errno;
	if (view->scratch) {
		if (directory_view_is_intact(view)) /* else the number is somebody else's now */
			closep(&view->fd);
		(void)munmap(view->scratch, SCRATCH_SIZE); /* our own range: cannot fail */
	}
	*view = (struct directory_view){ .fd = -1 };
	errno = saved;
}
