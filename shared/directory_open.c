#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "shared/directory.h"

#define SCRATCH_SIZE ((size_t)DIRECTORY_RECORD_SHADOW * DIRECTORY_RECORD_MAX)

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

static int open_view(const char *folder, const char *name, const char *magic,
		     struct directory_view *ret)
{
	_cleanup_close_ int fd = -1;
	struct directory_view view = { 0 };
	struct directory_header header;
	struct stat st;
	int r;

	fd = open_checked(folder, name, &st);
	if (fd < 0)
		return fd;
	if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return -EIO;
	r = directory_header_check(&header, (uint64_t)st.st_size, magic, &view.geometry);
	if (r < 0)
		return r;
	view.scratch = mmap(NULL, SCRATCH_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (view.scratch == MAP_FAILED)
		return -errno;
	view.size = (uint64_t)st.st_size;
	view.device = st.st_dev;
	view.inode = st.st_ino;
	view.fd = TAKE_FD(fd);
	*ret = view;
	return 0;
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

int directory_acquire(struct directory_view *ret)
{
	return directory_open(DIRECTORY_PUBLIC_DIR, DIRECTORY_FILE, DIRECTORY_MAGIC, ret);
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

void directory_release(struct directory_view *view)
{
	int saved = errno;

	if (view->scratch) {
		if (directory_view_is_intact(view)) /* else the number is somebody else's now */
			closep(&view->fd);
		(void)munmap(view->scratch, SCRATCH_SIZE); /* our own range: cannot fail */
	}
	*view = (struct directory_view){ .fd = -1 };
	errno = saved;
}
