/* directory_file.h - one directory: its memory, which readers attach, and its file, which survives.
 * Layer: warden, below directory_writer.c. Threads: one, which alone knows of a file; but a job that waits
 * long for the disk may have one of its own (directory_job.c): until that is over nobody else touches the
 * file. */
#ifndef SCIMD_WARDEN_DIRECTORY_FILE_H
#define SCIMD_WARDEN_DIRECTORY_FILE_H

#include <pthread.h>

#include "scimd/warden/directory_writer.h"

/* Of a segment between its making and its being marked for removal: "SCIM". */
#define DIRECTORY_SEGMENT_KEY 0x5343494d

/* What a file holds, kept up to date with each change, so that nobody has to count. */
struct directory_usage {
	uint64_t slots[DIRECTORY_INDEX_COUNT];   /* not empty: removed entries included */
	uint64_t entries[DIRECTORY_INDEX_COUNT]; /* without them */
	uint64_t bytes;                          /* of the records that are reachable */
	uint64_t user_span;                      /* the header's, or DIRECTORY_SPAN_NONE */
};

struct directory_file;
typedef int (*directory_job_fn)(struct directory_file *file,
				const struct directory_writer_options *options);

struct directory_job {
	directory_job_fn run; /* NULL: there is none */
	const struct directory_writer_options *options;
	pthread_t thread;
	int result; /* -EINPROGRESS until it is over */
	bool stop;  /* come to an end early */
};

/* Behind it everything is in its place, and on the disk; as it lies in the header. */
struct directory_checkpoint {
	uint64_t revision, heap_used;
};

struct directory_file {
	unsigned char *base; /* the whole content in memory: a segment, or private memory */
	uint64_t size;
	uint64_t mapped; /* bytes of memory at base */
	bool is_segment;
	bool is_suspect; /* a write or sync failed: what the disk has is not known any more */
	int fd;                     /* -1 as long as it is in memory alone */
	struct directory_view view; /* of the memory, for the reader's functions */
	uint64_t heap_used;         /* staged; the header has the published value */
	struct directory_usage usage, committed; /* staged, published */
	uint64_t flush_after_us; /* slots are not synced yet: then they are; 0: all are */
	struct directory_checkpoint checkpoint; /* of a flush that is under way */
	uint64_t touched; /* so far its pages are made */
	struct directory_job job;
	struct directory_file *next; /* of those that are given back */
};

static inline struct directory_header *directory_file_header(const struct directory_file *file)
{
	return (struct directory_header *)(void *)file->base;
}

static inline uint64_t directory_file_room(const struct directory_file *file)
{
	return file->size - file->view.geometry->heap_offset - file->heap_used;
}

/* What the file is for: records, and the slots that lead to them. */
static inline uint64_t directory_file_content(const struct directory_file *file)
{
	uint64_t content = file->committed.bytes;

	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++)
		content += file->committed.entries[i] * sizeof(uint64_t);
	return content;
}

/* Over what a record says; a member table's slots change. */
static inline uint32_t directory_file_checksum(const struct directory_record *head, uint64_t offset)
{
	size_t covered = head->type == DIRECTORY_RECORD_TABLE
				 ? sizeof(struct directory_table_record)
				 : head->size;

	return directory_checksum((const unsigned char *)head + 8, covered - 8, offset);
}

/* Read the published file, complete what its journals say, verify it, and offer it to readers in a new
 * segment (with options->segment); the one before is superseded. -ENOENT: there is none; -EIO: damaged.
 * Owned; its usage is not counted. */
_must_use_ int directory_file_open(const struct directory_writer_options *options,
				   struct directory_file **ret);

/* Whether the name still leads to the file, and what is in there is what was written. */
bool directory_file_is_in_place(const struct directory_file *file,
				const struct directory_writer_options *options);

/* An empty one in memory, not published yet. Owned. */
_must_use_ int directory_file_create(const struct directory_writer_options *options,
				     const unsigned char *instance,
				     const uint32_t log2[static DIRECTORY_INDEX_COUNT],
				     uint64_t heap_size, struct directory_file **ret);

/* The pages of the index tables exist from the start: it must not be a reader for whom there is no
 * memory. At most so many pages at once; true when there are no more. */
bool directory_file_touch(struct directory_file *file, uint64_t pages);

/* What is in it now is what it shows. */
void directory_file_seal(struct directory_file *file, uint64_t revision);

/* Publishing a new file. Write: seal its chunks, then all of it, beside the published one, and synced. Rename: under its name
 * (durable with folder_sync); the previous one (NULL: none) is superseded first, so that a kill right
 * behind leaves nobody with it; in between, readers read its file. Until then directory_file_unwrite
 * takes it back. */
_must_use_ int directory_file_write(struct directory_file *file,
				    const struct directory_writer_options *options);
_must_use_ int directory_file_rename(const struct directory_writer_options *options,
				     struct directory_file *previous);
_must_use_ int directory_file_folder_sync(const struct directory_writer_options *options);
void directory_file_unwrite(struct directory_file *file,
			    const struct directory_writer_options *options);

/* Write the heap up to heap_used, durable when this returns or not yet; make all of the file durable. */
_must_use_ int directory_file_write_heap(struct directory_file *file, bool is_durable);
_must_use_ int directory_file_sync(struct directory_file *file);
_must_use_ int directory_file_sync_job(struct directory_file *file,
				       const struct directory_writer_options *options);

/* Write the slots that a journal sets (ascending offsets; they are in memory already), for who reads the
 * file. Until they are flushed the journals stand for them. */
_must_use_ int directory_file_write_slots(struct directory_file *file,
					  const struct directory_journal_entry *entries,
					  size_t count);

/* Make the slots durable, by a thread that touches nothing but the disk, so that changes go on; and move
 * the checkpoint to what was published when it began. */
_must_use_ int directory_file_flush_begin(struct directory_file *file,
					  const struct directory_writer_options *options);
_must_use_ int directory_file_flush_end(struct directory_file *file);

_must_use_ int directory_file_write_header(struct directory_file *file);

/* Tell whoever is attached to look at the file again. */
void directory_file_supersede(struct directory_file *file);

/* Give its memory and its blocks back piece by piece, but for what directory_file_closep does. */
int directory_file_shed(struct directory_file *file,
			const struct directory_writer_options *options);
void directory_file_closep(struct directory_file **file);

/* directory_job.c: a thread for one of the functions above that take the options (borrowed until it is
 * over). What it returned, or -EINPROGRESS; when it is over another one may begin. Stop waits for the end
 * of what it is at. */
_must_use_ int directory_job_begin(struct directory_file *file, directory_job_fn run,
				   const struct directory_writer_options *options);
bool directory_job_runs(const struct directory_file *file);
_must_use_ int directory_job_result(struct directory_file *file);
void directory_job_stop(struct directory_file *file);

#endif
