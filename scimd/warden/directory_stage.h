/* directory_stage.h - a batch being staged: what the files of the writer share. Layer: warden,
 * private to directory_*.c. Threads: one. Errors: negative errno; -ENOENT is a lookup's answer,
 * after any other the batch is lost. Lookups see the published state with the batch's own changes.
 * A pointer into a record lives until the next stage_reserve, which may move everything to a new
 * file. */
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
	bool is_fixed; /* writes into a file of a build: that one never grows, it is given up */
	struct directory_build *build;  /* beside; NULL: none */
	struct directory_file *retired; /* superseded, being given back */
	uint64_t build_after_us;        /* the last one failed: not before */
	uint64_t segment_after_us;      /* there was no segment for it: not before */
	uint64_t strewn; /* bytes of chunks that were put into `next` between other records */
};

static inline struct directory_file *stage_file(const struct directory_writer *writer)
{
	return writer->next ? writer->next : writer->published;
}

static inline size_t stage_padded(size_t size)
{
	return (size + DIRECTORY_UNIT - 1) / DIRECTORY_UNIT * DIRECTORY_UNIT;
}

static inline bool stage_is_empty(const struct directory_writer *writer)
{
	return !writer->next && writer->overlay.count == 0 &&
	       (!writer->published ||
		writer->published->heap_used ==
			directory_file_header(writer->published)->heap_used);
}

/* directory_index.c: slots, indexes and records. */
uint64_t stage_slot_read(const struct directory_writer *writer, uint64_t offset);
_must_use_ int stage_slot_write(struct directory_writer *writer, uint64_t offset, uint64_t value);
void stage_slot_store(struct directory_file *file, uint64_t offset, uint64_t value);

uint64_t stage_name_hash(const struct directory_writer *writer, const char *name, size_t size);
/* The span of uids, and for all to see. */
void stage_span_add(struct directory_usage *usage, uint32_t uid);
void stage_span_store(struct directory_file *file);
/* Point the entry from old (0: a new entry) to units. */
_must_use_ int stage_index_put(struct directory_writer *writer, enum directory_index index,
			       uint64_t hash, uint32_t old, uint32_t units);
_must_use_ int stage_index_remove(struct directory_writer *writer, enum directory_index index,
				  uint64_t hash, uint32_t old);
/* The record of an id (a user, a hash, a group): -ENOENT. */
_must_use_ int stage_find(const struct directory_writer *writer, enum directory_index index,
			  uint32_t id, uint32_t *ret_units);
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

/* Where the next one will lie, in units. */
static inline uint32_t stage_end(const struct directory_file *file)
{
	return (uint32_t)((file->view.geometry->heap_offset + file->heap_used) / DIRECTORY_UNIT);
}

/* The record is not reachable any more. */
void stage_forget(struct directory_file *file, uint32_t units);

/* directory_grow.c: room for `bytes` of records and two entries in each index, if need be in a new
 * file (of a build: -ENOBUFS); or a new file in any case. */
_must_use_ int stage_reserve(struct directory_writer *writer, size_t bytes);
_must_use_ int stage_grow(struct directory_writer *writer, size_t need);
/* An empty file with room for what `from` holds and `need` bytes more. */
_must_use_ int stage_file_for(const struct directory_writer *from, size_t need,
			      struct directory_file **ret);
uint32_t stage_log2(uint64_t count);
bool stage_is_tight(const struct directory_file *file); /* will be full before long */
bool stage_is_loose(const struct directory_file *file); /* too large for what it holds */
_must_use_ int stage_usage_count(struct directory_writer *writer); /* of the published file */

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

/* Give the group another member table; `old` is its record. */
_must_use_ int stage_group_table(struct directory_writer *writer, const struct directory_group *group,
				 uint32_t old, uint32_t table);
/* Members of the slot's chunk as the state being staged has them. */
_must_use_ int stage_chunk(const struct directory_writer *writer, uint64_t slot, uint32_t gid,
			   const struct directory_chunk_record **ret,
			   struct directory_members *ret_members);
/* The name under which a uid is in a group: -ENOENT. */
_must_use_ int stage_member(const struct directory_writer *writer, uint32_t gid, uint32_t uid,
			    const char **ret_name);

/* directory_carry.c: bring `to` to what `from` holds, a piece at a time. */
struct carry {
	uint64_t users, groups; /* slots of the indexes by id that are done */
	/* A group with more members than one piece takes: its slots as they were when it was begun
	 * (records never change, so they stay true). */
	uint32_t gid;
	uint64_t *slots; /* owned; NULL: no group is under way */
	uint64_t count, at;
	bool is_sparse; /* its members are better put one by one */
};

/* 1: there is more; 0: all is there; -ENOBUFS: `to` is full. */
_must_use_ int carry_step(const struct directory_writer *from, struct directory_writer *to,
			  struct carry *carry, uint64_t until_us);
void carry_done(struct carry *carry);

/* What has changed in `from`: one key of it. */
enum change_kind { CHANGE_USER, CHANGE_GROUP, CHANGE_GROUP_GONE, CHANGE_MEMBER };
struct change_note {
	enum change_kind kind;
	uint32_t uid, gid;
};
_must_use_ int carry_change(const struct directory_writer *from, struct directory_writer *to,
			    const struct change_note *note);

/* directory_build.c: a new file beside. Note what a batch changes; the batch was published; it was
 * given up; another file took the place of the one that is copied. */
void build_note(struct directory_writer *writer, enum change_kind kind, uint32_t gid, uint32_t uid);
void build_notes_keep(struct directory_writer *writer);
void build_notes_drop(struct directory_writer *writer);
void build_give_up(struct directory_writer *writer);
void stage_retire(struct directory_writer *writer, struct directory_file **file);

/* directory_writer.c */
uint32_t stage_group_record(struct directory_file *file, uint32_t gid, uint16_t flags,
			    const char *name, size_t name_size, uint32_t table);
/* The name index after a user's record moved from old (0: new) to units. */
_must_use_ int stage_user_name(struct directory_writer *writer, const struct directory_user *old_user,
			       uint32_t old, const struct directory_user *user, uint32_t units);
/* Into the published file: records and journal, one sync (not of a build), then the slots. */
_must_use_ int stage_publish(struct directory_writer *writer, uint64_t revision,
			     uint64_t *ret_durable_us, uint64_t *ret_visible_us);
uint64_t stage_journal_size(const struct directory_writer *writer);

#endif
