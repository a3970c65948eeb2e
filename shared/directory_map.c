#include "shared/directory_map.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#define RECHECK_MS 250u
#define MAPS 16u
#define ATTEMPTS 8

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

static int header_check(const unsigned char *base, size_t size, const char *magic,
			struct directory_geometry *ret)
{
	struct directory_header header;
	size_t from = offsetof(struct directory_header, file_size);

	memcpy(&header, base, sizeof(header));
	if (memcmp(header.magic, magic, sizeof(header.magic)) != 0 || header.version != 1)
		return -EIO;
	if (directory_checksum((const unsigned char *)&header + from,
			       offsetof(struct directory_header, superseded) - from,
			       0) != header.checksum)
		return -EIO;
	if (header.file_size != size)
		return -EIO;
	memcpy(ret->tables, header.tables, sizeof(ret->tables));
	ret->heap_offset = header.heap_offset;
	ret->seed = header.seed;
	return tables_are_sane(ret, size) ? 0 : -EIO;
}

int directory_mapping_open(const char *folder, const char *name, const char *magic,
			   struct directory_mapping *ret)
{
	_cleanup_close_ int fd = -1;
	struct directory_mapping mapping;
	struct stat st;
	void *base;
	int r;

	fd = open_checked(folder, name, &st);
	if (fd < 0)
		return fd;
	if (st.st_size < (off_t)DIRECTORY_HEADER_SIZE || (uint64_t)st.st_size > SIZE_MAX)
		return -EIO;
	base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	mapping.base = base;
	mapping.size = (size_t)st.st_size;
	mapping.id = (struct directory_file_id){ st.st_dev, st.st_ino, st.st_size };
	r = header_check(base, mapping.size, magic, &mapping.geometry);
	if (r < 0) {
		directory_mapping_close(base, mapping.size);
		return r;
	}
	*ret = mapping;
	return 0;
}

void directory_mapping_close(const unsigned char *base, size_t size)
{
	(void)munmap((void *)(uintptr_t)base, size); /* our own range: cannot fail */
}

bool directory_mapping_is_current(const char *folder, const char *name,
				  const struct directory_file_id *id)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);

	return n > 0 && (size_t)n < sizeof(path) && lstat(path, &st) == 0 &&
	       st.st_dev == id->device && st.st_ino == id->inode && st.st_size == id->size;
}

/* --- the process's cached map -------------------------------------------------------------------
 * A few static slots hold maps; `current` names one. A reader counts itself in and then looks whether
 * the slot is still current; a map is unmapped by whoever finds it not current and not counted. No
 * thread ever waits for another, so a fork in the middle of anything costs the child one slot at most
 * (and without a free slot a lookup maps the file for itself alone). */
enum { MAP_FREE, MAP_TAKEN, MAP_LIVE, MAP_CLOSING };

struct directory_map {
	atomic_int state;
	atomic_uint readers;
	atomic_uint_least64_t checked_ms;
	struct directory_mapping mapping;
};

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

/* Unmap if nobody needs it. Looks again after letting go, for a reader who left meanwhile. */
static void map_reclaim(struct directory_map *map)
{
	while (map_is_unused(map)) {
		int live = MAP_LIVE;

		if (!atomic_compare_exchange_strong(&map->state, &live, MAP_CLOSING))
			return;
		if (map_is_unused(map)) {
			directory_mapping_close(map->mapping.base, map->mapping.size);
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

static bool map_is_fresh(struct directory_map *map)
{
	const struct directory_header *header = (const void *)map->mapping.base;
	uint64_t now, checked;

	if (__atomic_load_n(&header->superseded, __ATOMIC_ACQUIRE) != 0)
		return false;
	now = coarse_ms();
	checked = atomic_load_explicit(&map->checked_ms, memory_order_relaxed);
	if (now - checked < RECHECK_MS)
		return true;
	if (!directory_mapping_is_current(DIRECTORY_PUBLIC_DIR, DIRECTORY_FILE, &map->mapping.id))
		return false;
	atomic_store_explicit(&map->checked_ms, now, memory_order_relaxed);
	return true;
}

static void view_of_map(struct directory_map *map, struct directory_view *ret)
{
	ret->base = map->mapping.base;
	ret->size = map->mapping.size;
	ret->geometry = &map->mapping.geometry;
	ret->map = map;
}

static void view_of_mapping(const struct directory_mapping *mapping, struct directory_view *ret)
{
	ret->base = mapping->base;
	ret->size = mapping->size;
	ret->own = mapping->geometry;
	ret->geometry = &ret->own;
	ret->map = NULL;
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

/* Put a new mapping in the place of `old` (NULL: none) and hold it. */
static void map_install(struct directory_map *old, const struct directory_mapping *mapping,
			struct directory_view *ret)
{
	struct directory_map *map = map_take();

	if (!map) {
		view_of_mapping(mapping, ret);
		return;
	}
	map->mapping = *mapping;
	atomic_store(&map->checked_ms, coarse_ms());
	atomic_fetch_add(&map->readers, 1);
	atomic_store(&map->state, MAP_LIVE);
	view_of_map(map, ret);
	/* If another thread was first, ours lives until this lookup is over. */
	if (atomic_compare_exchange_strong(&current, &old, map) && old)
		map_reclaim(old);
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

static int acquire(struct directory_view *ret)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		struct directory_map *map = atomic_load(&current);
		struct directory_mapping mapping;
		int r = map ? map_hold(map, ret) : -ESTALE;

		if (r == 0)
			return 0;
		if (r == -EAGAIN)
			continue;
		r = directory_mapping_open(DIRECTORY_PUBLIC_DIR, DIRECTORY_FILE, DIRECTORY_MAGIC,
					   &mapping);
		if (r < 0)
			return r;
		map_install(map, &mapping, ret);
		return 0;
	}
	return -EAGAIN;
}

int directory_acquire(struct directory_view *ret)
{
	int saved = errno;
	int r = acquire(ret);

	errno = saved;
	/* A missing file is no answer about any name. */
	return r == -ENOENT ? -ESTALE : r;
}

void directory_release(struct directory_view *view)
{
	int saved = errno;

	if (view->map)
		map_put(view->map);
	else if (view->base)
		directory_mapping_close(view->base, view->size);
	view->base = NULL;
	view->map = NULL;
	errno = saved;
}

int directory_open(const char *folder, const char *name, const char *magic,
		   struct directory_view *ret)
{
	struct directory_mapping mapping;
	int saved = errno;
	int r = directory_mapping_open(folder, name, magic, &mapping);

	errno = saved;
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	view_of_mapping(&mapping, ret);
	return 0;
}

int directory_open_shadow(struct directory_view *ret)
{
	return directory_open(DIRECTORY_PUBLIC_DIR, DIRECTORY_SHADOW_FILE, DIRECTORY_SHADOW_MAGIC,
			      ret);
}
