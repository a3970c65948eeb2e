/* directory_stage.h - a batch being staged: what the files of the writer share. Layer: warden, private
 * to directory_*.c. Lookups see the published state with the batch's own changes. A pointer into a
 * record lives until the next stage_reserve, which may move everything to a new file. */
#ifndef SCIMD_WARDEN_DIRECTORY_STAGE_H
#define SCIMD_WARDEN_DIRECTORY_STAGE_H

#include "scimd/warden/directory_file.h"
#include "scimd/warden/overlay.h"
#include "shared/directory_record.h"

struct directory_writer {
	struct directory_writer_options options;
	struct directory_file *published; /* NULL: none */
	struct directory_file *next;      /* being built; NULL: the batch goes into published */
	struct overlay overlay;           /* slots of published, staged */
	uint64_t committed_used[DIRECTORY_INDEX_COUNT];
};

static inline struct directory_file *stage_file(const struct directory_writer *writer)
{
	return writer->next ? writer->next : writer->published;
}

static inline size_t stage_padded(size_t size)
{
	return (size + DIRECTORY_UNIT - 1) / DIRECTORY_UNIT * DIRECTORY_UNIT;
}

/* directory_index.c: slots, indexes and records. */
uint64_t stage_slot_read(const struct directory_writer *writer, uint64_t offset);
_must_use_ int stage_slot_write(struct directory_writer *writer, uint64_t offset, uint64_t value);
void stage_slot_store(struct directory_file *file, uint64_t offset, uint64_t value);

struct stage_probe {
	const struct directory_table *table;
	uint64_t mask, position, steps;
};

struct stage_probe stage_probe_begin(const struct directory_writer *writer,
				     enum directory_index index, uint64_t hash);
/* The next record with the hash's tag; -ENOENT at the end. */
_must_use_ int stage_candidate_next(const struct directory_writer *writer, struct stage_probe *probe,
				    uint64_t hash, uint32_t *ret_units);
uint64_t stage_name_hash(const struct directory_writer *writer, const char *name, size_t size);
_must_use_ int stage_index_insert(struct directory_writer *writer, enum directory_index index,
				  uint64_t hash, uint32_t units);
/* Point the entry from old (0: a new entry) to units. */
_must_use_ int stage_index_put(struct directory_writer *writer, enum directory_index index,
			       uint64_t hash, uint32_t old, uint32_t units);
_must_use_ int stage_index_remove(struct directory_writer *writer, enum directory_index index,
				  uint64_t hash, uint32_t old);
_must_use_ int stage_user(const struct directory_writer *writer, uint32_t uid,
			  struct directory_user *ret, uint32_t *ret_units);
_must_use_ int stage_group(const struct directory_writer *writer, uint32_t gid,
			   struct directory_group *ret, uint32_t *ret_units);
const struct directory_record *stage_head(const struct directory_writer *writer, uint32_t units);

/* Room at the end of the heap for a record of `size` bytes, zeroed, and its checksum when it is
 * complete. The caller has reserved it. */
void *stage_append(struct directory_file *file, size_t size, uint16_t type, uint16_t flags,
		   uint32_t id, uint32_t *ret_units);
void stage_seal(struct directory_record *head, uint32_t units);

/* directory_grow.c: room for `bytes` of records and two entries in each index, if need be in a new
 * file; or a new file in any case. */
_must_use_ int stage_reserve(struct directory_writer *writer, size_t bytes);
_must_use_ int stage_grow(struct directory_writer *writer, size_t need);
uint32_t stage_log2(uint64_t count);

/* A member table of the state being staged. */
struct stage_table {
	const struct directory_table_record *record;
	uint64_t slots; /* file offset of slot 0 */
	uint64_t count;
};

#define STAGE_TABLE_BYTES(depth) \
	(sizeof(struct directory_table_record) + (sizeof(uint64_t) << (depth)))
_must_use_ int stage_table_get(const struct directory_writer *writer,
			       const struct directory_group *group, struct stage_table *ret);

/* directory_writer.c */
uint32_t stage_group_record(struct directory_file *file, uint32_t gid, uint16_t flags,
			    const char *name, size_t name_size, uint32_t table);

#endif
