#include "scimd/warden/directory_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

static int file_map(struct directory_file *file)
{
	void *base = mmap(NULL, file->size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);

	if (base == MAP_FAILED)
		return -errno;
	file->base = base;
	return 0;
}

/* The reader's functions work on a view that points to our own mapping. */
static void view_set(struct directory_file *file)
{
	const struct directory_header *header = directory_file_header(file);

	file->view = (struct directory_view){ .base = file->base, .size = file->size, .fd = -1 };
	memcpy(file->view.geometry.tables, header->tables, sizeof(header->tables));
	file->view.geometry.heap_offset = header->heap_offset;
	file->view.geometry.seed = header->seed;
}

static void tables_count(struct directory_file *file)
{
	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++) {
		const struct directory_table *table = &file->view.geometry.tables[i];
		const uint64_t *slots = (const void *)(file->base + table->offset);

		file->table_used[i] = 0;
		for (uint64_t n = 0; n < UINT64_C(1) << table->log2; n++)
			file->table_used[i] += slots[n] != 0;
	}
}

static struct directory_file *file_new(void)
{
	struct directory_file *file = calloc(1, sizeof(*file));

	if (file)
		file->fd = -1;
	return file;
}

/* What any reader would refuse is refused here too. */
static int file_verify(const struct directory_file *file,
		       const struct directory_writer_options *options)
{
	struct directory_geometry geometry;
	struct directory_view view;
	uint64_t where;
	int r = directory_open(options->folder, options->name, options->magic, &view);

	if (r < 0)
		return r;
	directory_release(&view);
	r = directory_header_check(directory_file_header(file), file->size, options->magic,
				   &geometry);
	return r < 0 ? r : directory_verify(&file->view, &where);
}

int directory_file_open(const struct directory_writer_options *options, struct directory_file **ret)
{
	_cleanup_(directory_file_closep) struct directory_file *file = file_new();
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r;

	if (!file || asprintf(&path, "%s/%s", options->folder, options->name) < 0)
		return -ENOMEM;
	if (access(path, F_OK) < 0)
		return -errno;
	file->fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file->fd < 0 || fstat(file->fd, &st) < 0)
		return -errno;
	file->size = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) || file->size < DIRECTORY_HEADER_SIZE)
		return -EIO;
	r = file_map(file);
	if (r < 0)
		return r;
	view_set(file);
	r = file_verify(file, options);
	if (r < 0)
		return r == -ENOMEM ? r : -EIO;
	tables_count(file);
	file->heap_used = directory_file_header(file)->heap_used;
	*ret = TAKE_PTR(file);
	return 0;
}

static void header_fill(struct directory_file *file, const struct directory_writer_options *options,
			const unsigned char *instance, const uint32_t *log2, uint64_t seed)
{
	struct directory_header *header = directory_file_header(file);
	size_t from = offsetof(struct directory_header, file_size);
	uint64_t offset = DIRECTORY_HEADER_SIZE;

	memcpy(header->magic, options->magic, sizeof(header->magic));
	header->version = 1;
	header->file_size = file->size;
	header->seed = seed;
	memcpy(header->instance, instance, sizeof(header->instance));
	header->uid_min = options->uid_min;
	header->uid_max = options->uid_max;
	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++) {
		header->tables[i] = (struct directory_table){ .offset = offset, .log2 = log2[i] };
		offset += sizeof(uint64_t) << log2[i];
	}
	header->heap_offset = offset;
	header->checksum =
		directory_checksum((const unsigned char *)header + from,
				   offsetof(struct directory_header, superseded) - from, 0);
}

static int temporary_create(struct directory_file *file,
			    const struct directory_writer_options *options)
{
	if (asprintf(&file->temporary, "%s/.%s.new", options->folder, options->name) < 0) {
		file->temporary = NULL;
		return -ENOMEM;
	}
	(void)unlink(file->temporary); /* left over from a crash */
	file->fd = open(file->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return file->fd < 0 ? -errno : 0;
}

int directory_file_create(const struct directory_writer_options *options,
			  const unsigned char *instance,
			  const uint32_t log2[static DIRECTORY_INDEX_COUNT], uint64_t heap_size,
			  struct directory_file **ret)
{
	_cleanup_(directory_file_closep) struct directory_file *file = file_new();
	uint64_t seed;
	int r;

	if (!file)
		return -ENOMEM;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	r = temporary_create(file, options);
	if (r < 0)
		return r;
	file->size = DIRECTORY_HEADER_SIZE + heap_size;
	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++)
		file->size += sizeof(uint64_t) << log2[i];
	file->size = (file->size + DIRECTORY_HEADER_SIZE - 1) / DIRECTORY_HEADER_SIZE *
		     DIRECTORY_HEADER_SIZE;
	/* All blocks now: a full disk is an error here and not a SIGBUS later. */
	r = posix_fallocate(file->fd, 0, (off_t)file->size);
	if (r != 0)
		return -r;
	r = file_map(file);
	if (r < 0)
		return r;
	header_fill(file, options, instance, log2, seed);
	view_set(file);
	*ret = TAKE_PTR(file);
	return 0;
}

static int folder_sync(const char *folder)
{
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int directory_file_publish(struct directory_file *file,
			   const struct directory_writer_options *options)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", options->folder, options->name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (fchown(file->fd, 0, options->group) < 0 || fchmod(file->fd, options->mode) < 0 ||
	    fsync(file->fd) < 0 || rename(file->temporary, path) < 0)
		return -errno;
	free(file->temporary);
	file->temporary = NULL;
	return folder_sync(options->folder);
}

void directory_file_closep(struct directory_file **file)
{
	if (!*file)
		return;
	if ((*file)->base)
		(void)munmap((*file)->base, (*file)->size); /* our own range: cannot fail */
	closep(&(*file)->fd);
	if ((*file)->temporary)
		(void)unlink((*file)->temporary); /* the next creation tries again */
	free((*file)->temporary);
	free(*file);
	*file = NULL;
}
