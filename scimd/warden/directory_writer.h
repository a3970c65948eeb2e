/* directory_writer.h - the only writer of the directory and the shadow file (directory_format.h).
 * Layer: warden (uses shared). Threads: one. It works in memory and writes what it made to the file;
 * it reads the file once, when it opens it. Threads of its own write new files and give old ones back.
 *
 * Changes are staged: records go to the heap at once, but slots are kept aside, so that no reader sees
 * anything before directory_writer_commit. Between two commits the published state stays whole whatever
 * happens to this process. What a batch staged is seen by its own later calls. Records are believed to be
 * checked by the caller.
 *
 * Before the file is full, when it is much larger than what it holds, or when there was no memory to share
 * for it, a new one is made beside it by directory_writer_work, a short piece at a time between other
 * things, and takes its place when it has caught up; no commit waits for it. Only a batch that does not
 * fit any more waits until a larger file is written.
 *
 * Errors: -ENOSPC, -EIO, … from the file system; -EIO also when the file is damaged (make it anew with
 * directory_writer_start_over); -ENOENT as documented. After any other error than -ENOENT the batch must be
 * aborted. */
#ifndef SCIMD_WARDEN_DIRECTORY_WRITER_H
#define SCIMD_WARDEN_DIRECTORY_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/attrs.h"
#include "shared/directory.h"

struct directory_writer;

struct directory_writer_options {
	const char *folder; /* belongs to root, 0755 */
	const char *name;
	const char *magic;
	mode_t mode;
	gid_t group; /* owner group of the file */
	bool segment; /* readers attach it: the directory; no: they read the file: the shadow file */
	uint32_t uid_min, uid_max;
};

/* Open the file for writing, verifying it whole. Options' strings are borrowed for the writer's life.
 * 0 and an owned writer; without a usable file the writer is empty (directory_writer_view gives NULL) and
 * the first batch must begin with directory_writer_start_over. *ret_damaged: there was one, unusable. */
_must_use_ int directory_writer_open(const struct directory_writer_options *options,
				     struct directory_writer **ret, bool *ret_damaged);
void directory_writer_closep(struct directory_writer **writer);

/* The published state, borrowed until the next commit; NULL if there is none. */
const struct directory_view *directory_writer_view(const struct directory_writer *writer);
/* Whether the file is there as it was written; reads all of it. */
bool directory_writer_is_in_place(const struct directory_writer *writer);
uint64_t directory_writer_revision(const struct directory_writer *writer); /* published; 0: none */

/* The state being staged (the published one if nothing is): same lookups as the reader's, staged
 * changes included. -ENOENT not there. Pointers live until the next staging call. */
_must_use_ int directory_writer_user(struct directory_writer *writer, uint32_t uid,
				     struct directory_user *ret);
_must_use_ int directory_writer_user_named(struct directory_writer *writer, const char *name,
					   size_t name_size, struct directory_user *ret);
_must_use_ int directory_writer_group(struct directory_writer *writer, uint32_t gid,
				      struct directory_group *ret);
_must_use_ int directory_writer_group_named(struct directory_writer *writer, const char *name,
					    size_t name_size, struct directory_group *ret);

/* The staged members of a group, as directory_members_next (reader) walks the published ones. */
_must_use_ int directory_writer_members_next(struct directory_writer *writer,
					     const struct directory_group *group, uint64_t *cursor,
					     struct directory_members *ret);

/* Forget everything: the rest of the batch builds a new file with room for so many. */
_must_use_ int directory_writer_start_over(struct directory_writer *writer,
					   const unsigned char *instance, uint32_t users,
					   uint32_t groups);

/* Strings of details: one after another, NUL-terminated, in the record's order. */
struct directory_user_entry {
	uint32_t uid;
	uint16_t flags;
	const char *name, *gecos, *home, *shell; /* "" for a deleted user */
	const uint32_t *gids;
	uint32_t gid_count;
	const char *detail_text; /* reason, roles, keys, environment; NULL: keep the present record */
	uint32_t detail_size;
	uint16_t role_count, key_count, env_count;
};

/* Insert or replace by uid. An old name's entry goes. */
_must_use_ int directory_writer_put_user(struct directory_writer *writer,
					 const struct directory_user_entry *entry);

/* Insert, or rename (members stay), by gid. */
_must_use_ int directory_writer_put_group(struct directory_writer *writer, uint32_t gid,
					  uint16_t flags, const char *name);
_must_use_ int directory_writer_remove_group(struct directory_writer *writer, uint32_t gid);

/* The group's side of a membership; the user's side is its record's gids. The group exists (-ENOENT).
 * put replaces the name if uid is in already. */
_must_use_ int directory_writer_put_member(struct directory_writer *writer, uint32_t gid,
					   uint32_t uid, const char *name);
_must_use_ int directory_writer_remove_member(struct directory_writer *writer, uint32_t gid,
					      uint32_t uid);

/* The shadow file's one kind of record. hash "" takes the password away. */
_must_use_ int directory_writer_put_shadow(struct directory_writer *writer, uint32_t uid,
					   const char *hash, uint32_t changed_day);

/* Make the batch durable, then visible; the times are epoch microseconds. */
_must_use_ int directory_writer_commit(struct directory_writer *writer, uint64_t revision,
				       uint64_t *ret_durable_us, uint64_t *ret_visible_us);
void directory_writer_abort(struct directory_writer *writer);
bool directory_writer_is_staged(const struct directory_writer *writer);

/* A file of at most 2.5 times its content and this (room for the first changes) is never made anew for
 * its size. */
#define DIRECTORY_SIZE_SLACK (256u * 1024u)

/* Whether there is tidying up to do; whether directory_writer_work has a part in it now, or all of it is
 * done by a thread beside, so that one looks again some milliseconds later; when there will be some, by the
 * monotonic clock (0: not before the next commit); do a piece, and more until a point of that clock. A
 * piece is a few dozen records, or the sync of as many. */
bool directory_writer_has_work(const struct directory_writer *writer);
bool directory_writer_is_due(const struct directory_writer *writer);
uint64_t directory_writer_next_us(const struct directory_writer *writer);
void directory_writer_work(struct directory_writer *writer, uint64_t until_us);

/* The managed range: of the next file; that is made beside if the present one says something else. */
void directory_writer_set_range(struct directory_writer *writer, uint32_t uid_min, uint32_t uid_max);

/* Of the published file, without counting. */
struct directory_writer_usage {
	uint64_t users, groups; /* deleted ones left out */
	uint64_t content;       /* bytes of reachable records, and of the slots that lead to them */
	uint64_t size;          /* of the file */
};
void directory_writer_usage(const struct directory_writer *writer,
			    struct directory_writer_usage *ret);

#endif
