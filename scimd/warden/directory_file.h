/* directory_file.h - one directory: its memory, which readers attach, and its file, which survives.
 * Layer: warden, below directory_writer.c. Threads: one. */
#ifndef SCIMD_WARDEN_DIRECTORY_FILE_H
#define SCIMD_WARDEN_DIRECTORY_FILE_H

#include "scimd/warden/directory_writer.h"

struct directory_file {
	unsigned char *base; /* the whole content in memory: a segment, or private memory */
	uint64_t size;
	bool is_segment;
	int fd;                     /* of the file; -1 until it is published */
	struct directory_view view; /* of the memory, for the reader's functions */
	uint64_t heap_used;         /* staged; the header has the published value */
	uint64_t table_used[DIRECTORY_INDEX_COUNT]; /* slots not empty, removed ones included */
	uint64_t checkpoint_heap, checkpoint_revision; /* durable with the next sync */
};

static inline struct directory_header *directory_file_header(const struct directory_file *file)
{
	return (struct directory_header *)(void *)file->base;
}

static inline uint64_t directory_file_room(const struct directory_file *file)
{
	return file->size - file->view.geometry->heap_offset - file->heap_used;
}

/* Read the published file, complete what its journals say, verify it, and offer it to readers in a new segment (with
 * options->segment); the one before is superseded. -ENOENT: there is none; -EIO: damaged. Owned. */
_must_use_ int directory_file_open(const struct directory_writer_options *options,
				   struct directory_file **ret);

/* An empty one in memory, not published yet. */
_must_use_ int directory_file_create(const struct directory_writer_options *options,
				     const unsigned char *instance,
				     const uint32_t log2[static DIRECTORY_INDEX_COUNT],
				     uint64_t heap_size, struct directory_file **ret);

/* Write all of it beside the published file, sync, rename, sync the folder. */
_must_use_ int directory_file_publish(struct directory_file *file,
				      const struct directory_writer_options *options);

/* Make the heap up to heap_used durable, the journal at its end included. */
_must_use_ int directory_file_sync_heap(struct directory_file *file);

/* After that: write the slots that the journal sets, and the checkpoint of the change before. */
_must_use_ int directory_file_write_slots(struct directory_file *file,
					  const struct directory_journal_entry *entries,
					  size_t count, uint64_t revision);

/* Tell whoever is attached to look at the file again. */
void directory_file_supersede(struct directory_file *file);

void directory_file_closep(struct directory_file **file);

#endif
