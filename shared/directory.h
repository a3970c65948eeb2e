/* directory.h - reading the directory (directory_format.h).
 * Layer: shared. Needs libc alone. No malloc, no locks, no thread-local storage, no signals, no stdio:
 * this runs inside every process on the host. Threads: all functions from any thread, after fork too; a
 * view belongs to one thread and is held for the length of a lookup or an enumeration.
 *
 * Errors: 0 found; -ENOENT not in the directory: the only "no"; everything else (-EIO damaged,
 * -EACCES, -EPERM wrong owner, -ESTALE, …) means unavailable and must never be read as "no".
 * errno is kept. Pointers in results point into the view and live until the next record of the same
 * type is read through it, or directory_release. */
#ifndef SHARED_DIRECTORY_H
#define SHARED_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/attrs.h"
#include "shared/directory_format.h"

#ifndef DIRECTORY_PUBLIC_DIR /* another value makes a build for tests or for `make run` */
#define DIRECTORY_PUBLIC_DIR "/var/lib/scimd/public"
#endif
#define DIRECTORY_FILE "directory"
#define DIRECTORY_SHADOW_FILE "shadow"
#define DIRECTORY_NOLOGIN "/usr/sbin/nologin"

/* Where the tables lie, as checked when the file was opened. */
struct directory_geometry {
	struct directory_table tables[DIRECTORY_INDEX_COUNT];
	uint64_t heap_offset;
	uint64_t seed;
};

struct directory_map;
struct directory_reader;

/* A directory, held. Not to be copied: it may point into itself.
 *
 * No file is ever mapped: root truncating a mapped file (cp over it does) kills every process that
 * maps it with SIGBUS, PID 1 first, and no check can come before it. The warden keeps the directory in
 * a System V shared memory segment as well, which cannot shrink and lives as long as anybody is
 * attached; the file's header names it. Where it can't be attached (another IPC namespace, the warden
 * has not run since boot) the file is read piece by piece with pread(2). */
struct directory_view {
	const unsigned char *base; /* memory; NULL: read through fd */
	uint64_t size;
	const struct directory_geometry *geometry;
	struct directory_map *map; /* the process's attachment, held; NULL: none */
	struct directory_reader *reader; /* how it is held (directory_map.c) */
	bool is_checked; /* the warden's memory: it has checked what it holds, and no disk can have
			  * changed it; bounds are looked at all the same */
	int fd;
	uint64_t device, inode;  /* of fd, which a careless program may have closed and used anew */
	unsigned char *scratch;  /* room for one record of each type, in pages made on touch */
	uint64_t walk_begin, walk_count; /* for directory_user_next_checked */
	struct directory_geometry own;
};

/* The host's directory in its newest published state. Warm: no system call, but for one stat(2) every
 * DIRECTORY_RECHECK_MS that sees whether the file was removed or replaced by somebody who is not the
 * warden (that one tells at once); every fourth lookup looks at the clock for it. The thread that
 * acquired it releases it, soon; directory_acquire_long is for an enumeration, which may take its time
 * and may end in another thread. */
#define DIRECTORY_RECHECK_MS 250u
_must_use_ int directory_acquire(struct directory_view *ret); /* on failure *ret is released */
_must_use_ int directory_acquire_long(struct directory_view *ret);
void directory_release(struct directory_view *view);

/* The same where nothing is in the way: the process is attached, nothing newer was published. True: the view
 * is held and is_checked, and directory_release_quickly lets it go. False: it is for directory_acquire.
 * Whoever is in one piece with these needs no view in memory. */
bool directory_acquire_quickly(struct directory_view *ret);
void directory_release_quickly(const struct directory_view *view);

/* A file by folder and name. magic is DIRECTORY_MAGIC or DIRECTORY_SHADOW_MAGIC. The folder and the
 * file must belong to root (owner 0) and be writable by nobody else. */
_must_use_ int directory_open(const char *folder, const char *name, const char *magic,
			      struct directory_view *ret);

/* The hashes of this host; -EACCES unless root or group shadow. */
_must_use_ int directory_open_shadow(struct directory_view *ret);

/* For who holds a view for long: whether its descriptor is still the file. */
bool directory_view_is_intact(const struct directory_view *view);

/* Attach the segment that a header (a copy) names, read-only, if it is the warden's and shows this very
 * file. NULL: it can't be had. directory_segment_detach. */
const unsigned char *directory_segment_attach(const struct directory_header *header);
void directory_segment_detach(const unsigned char *base);

/* Check a header (a copy of at least its size) of a file of `size` bytes. -EIO. */
_must_use_ int directory_header_check(const struct directory_header *header, uint64_t size,
				      const char *magic, struct directory_geometry *ret);

struct directory_user {
	uint32_t uid;
	uint16_t flags; /* DIRECTORY_ALLOWED, DIRECTORY_DELETED (by id and next only) */
	const char *text; /* "name\0x\0gecos\0home\0shell\0" */
	size_t text_size;
	const char *name, *gecos, *home, *shell; /* into text */
	size_t name_size;                        /* without NUL */
	const uint32_t *gids; /* aligned, group_count of them, private group not included */
	size_t group_count;
	uint32_t detail; /* for directory_detail */
};

struct directory_group {
	uint32_t gid;
	uint16_t flags; /* DIRECTORY_LOCAL */
	const char *name;
	size_t name_size;
	uint32_t table;       /* for directory_members_next */
	bool is_private;      /* implied by a user: one member at most, the user itself, not listed */
};

/* By key. Deleted users are not found by name, and by uid only with their flag set: the caller that
 * resolves (NSS) must treat DIRECTORY_DELETED as not found. */
_must_use_ int directory_user_by_name(const struct directory_view *view, const char *name,
				      size_t name_size, struct directory_user *ret);
_must_use_ int directory_user_by_uid(const struct directory_view *view, uint32_t uid,
				     struct directory_user *ret);
/* The same of a view that is_checked, and quicker. */
_must_use_ int directory_user_by_name_checked(const struct directory_view *view, const char *name,
					      size_t name_size, struct directory_user *ret);
_must_use_ int directory_user_by_uid_checked(const struct directory_view *view, uint32_t uid,
					     struct directory_user *ret);

/* Groups, the implied private ones included. */
_must_use_ int directory_group_by_name(const struct directory_view *view, const char *name,
				       size_t name_size, struct directory_group *ret);
_must_use_ int directory_group_by_gid(const struct directory_view *view, uint32_t gid,
				      struct directory_group *ret);

/* Enumeration: *cursor starts at 0 and is moved past the entry returned; -ENOENT at the end. Deleted
 * users are left out. Groups: records first, then the private groups. A cursor is good for one file:
 * whoever enumerates holds one view of its own (directory_open) from the first entry to the last;
 * that file stays a true snapshot even when it is superseded meanwhile. */
_must_use_ int directory_user_next(const struct directory_view *view, uint64_t *cursor,
				   struct directory_user *ret);
/* The same of a view by directory_acquire_long that is_checked, and quicker. Its cursor is of no use to
 * the others. */
_must_use_ int directory_user_next_checked(const struct directory_view *view, uint64_t *cursor,
					   struct directory_user *ret);
/* The same with the deleted ones. */
_must_use_ int directory_user_next_any(const struct directory_view *view, uint64_t *cursor,
				       struct directory_user *ret);
_must_use_ int directory_group_next(const struct directory_view *view, uint64_t *cursor,
				    struct directory_group *ret);

/* A group's members, a chunk at a time: *cursor starts at 0; -ENOENT at the end. names: `count`
 * NUL-terminated names one after another, names_size bytes in all; the size of each with its NUL; and their
 * uids. In a view that is_checked the sizes are the writer's word alone: whoever goes by them looks whether
 * they add up. */
struct directory_members {
	const uint32_t *uids;
	const uint8_t *sizes;
	const char *names;
	size_t names_size;
	size_t count;
};
_must_use_ int directory_members_next(const struct directory_view *view,
				      const struct directory_group *group, uint64_t *cursor,
				      struct directory_members *ret);

/* What else is known about a user. Strings lie one after another; walk with directory_string_next. */
struct directory_detail {
	const char *reason;                     /* "" if allowed */
	const char *roles, *keys, *environment; /* first string of each list */
	size_t role_count, key_count, env_count;
};
_must_use_ int directory_detail(const struct directory_view *view, const struct directory_user *user,
				struct directory_detail *ret);

static inline const char *directory_string_next(const char *string)
{
	return string + strlen(string) + 1;
}

/* The crypt(3) string of a uid, from a view of the shadow file. -ENOENT: has no password. */
struct directory_shadow {
	const char *hash;
	uint32_t changed_day;
};
_must_use_ int directory_shadow_by_uid(const struct directory_view *view, uint32_t uid,
				       struct directory_shadow *ret);

/* Check everything: every slot, every record in the heap, every cross reference, of a file that lies in
 * memory whole (view->base). For the warden at start. 0 or -EIO; *ret_where: byte offset of the first
 * fault. */
_must_use_ int directory_verify(const struct directory_view *view, uint64_t *ret_where);

#endif
