/* directory.h - reading the directory (directory_format.h).
 * Layer: shared. Needs libc alone. No allocation, no locks, no thread-local storage, no signals, no
 * stdio: this runs inside every process on the host. Threads: all functions from any thread, after
 * fork too; a view belongs to one thread and is held for the length of a lookup or an enumeration.
 *
 * Errors: 0 found; -ENOENT not in the directory: the only "no"; everything else (-EIO damaged,
 * -EACCES, -EPERM wrong owner, -ESTALE, …) means unavailable and must never be read as "no".
 * errno is kept. Pointers in results point into the view and live until directory_release. */
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

struct directory_map;

/* Where the tables lie, as checked when the file was mapped: kept in the process's own memory, since
 * a damaged disk may give other bytes when a page is read again. */
struct directory_geometry {
	struct directory_table tables[DIRECTORY_INDEX_COUNT];
	uint64_t heap_offset;
	uint64_t seed;
};

/* A mapped file, held. Not to be copied: it may point into itself. */
struct directory_view {
	const unsigned char *base;
	size_t size;
	const struct directory_geometry *geometry;
	struct directory_map *map;     /* NULL: mapped for this view alone */
	struct directory_geometry own; /* used if map is NULL */
};

static inline const struct directory_header *directory_view_header(const struct directory_view *view)
{
	return (const struct directory_header *)(const void *)view->base;
}

/* The host's directory, newest published state: cached by the process, reopened when superseded or
 * replaced. Zero system calls when warm, but for one stat every 250 ms. */
_must_use_ int directory_acquire(struct directory_view *ret);
void directory_release(struct directory_view *view);

/* A file by folder and name, uncached. magic is DIRECTORY_MAGIC or DIRECTORY_SHADOW_MAGIC. The folder
 * and the file must belong to root (owner 0) and be writable by nobody else. */
_must_use_ int directory_open(const char *folder, const char *name, const char *magic,
			      struct directory_view *ret);

/* The hashes of this host; -EACCES unless root or group shadow. */
_must_use_ int directory_open_shadow(struct directory_view *ret);

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
/* The same with the deleted ones. */
_must_use_ int directory_user_next_any(const struct directory_view *view, uint64_t *cursor,
				       struct directory_user *ret);
_must_use_ int directory_group_next(const struct directory_view *view, uint64_t *cursor,
				    struct directory_group *ret);

/* A group's members, a chunk at a time: *cursor starts at 0; -ENOENT at the end. names: `count`
 * NUL-terminated names one after another, names_size bytes in all, and their uids. */
struct directory_members {
	const uint32_t *uids;
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

/* Check everything: every slot, every record in the heap, every cross reference. Slow; for the warden
 * at start and for scimctl. 0 or -EIO; *ret_where: byte offset of the first fault. */
_must_use_ int directory_verify(const struct directory_view *view, uint64_t *ret_where);

#endif
