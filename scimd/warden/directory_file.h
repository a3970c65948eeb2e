/* directory_file.h - one writable directory file, mapped. Layer: warden, below directory_writer.c. */
#ifndef SCIMD_WARDEN_DIRECTORY_FILE_H
#define SCIMD_WARDEN_DIRECTORY_FILE_H

#include "scimd/warden/directory_writer.h"

struct directory_file {
	int fd;
	unsigned char *base;
	uint64_t size;
	struct directory_view view; /* of the same memory, for the reader's functions */
	uint64_t heap_used;         /* staged; the header has the published value */
	uint64_t table_used[DIRECTORY_INDEX_COUNT]; /* slots not empty, removed ones included */
	char *temporary; /* path while it is not published, else NULL */
};

static inline struct directory_header *directory_file_header(const struct directory_file *file)
{
	return (struct directory_header *)(void *)file->base;
}

static inline uint64_t directory_file_room(const struct directory_file *file)
{
	return file->size - file->view.geometry.heap_offset - file->heap_used;
}

/* Map the published file for writing. -ENOENT: there is none; -EIO: damaged. Owned. */
_must_use_ int directory_file_open(const struct directory_writer_options *options,
				   struct directory_file **ret);

/* An empty file beside it, not published yet. */
_must_use_ int directory_file_create(const struct directory_writer_options *options,
				     const unsigned char *instance,
				     const uint32_t log2[static DIRECTORY_INDEX_COUNT],
				     uint64_t heap_size, struct directory_file **ret);

/* Sync it, rename it to its name, sync the folder. */
_must_use_ int directory_file_publish(struct directory_file *file,
				      const struct directory_writer_options *options);

/* Unmap and close; an unpublished file is removed. */
void directory_file_closep(struct directory_file **file);

#endif
