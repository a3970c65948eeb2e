/* limit.h - the least that a lookup in shared memory can cost: a bare open-addressing table of 8-byte
 * slots in a mapped file, load at most one half, one word read to see whether the file was superseded,
 * one memcpy into the caller's buffer (if it fits), pointers set. Nothing is checked beyond that, nobody
 * may remove or replace the file, and it cannot change. Every figure of the NSS benchmark is a ratio to
 * it. Functions return 1 found, 0 not found, -1 the buffer is too small. */
#ifndef BENCH_NSS_LIMIT_H
#define BENCH_NSS_LIMIT_H

#include <grp.h>
#include <pwd.h>
#include <stdint.h>

struct dataset;

int limit_make(const char *path, const struct dataset *data);
int limit_open(const char *path);

int limit_getpwnam(const char *name, struct passwd *ret, char *buffer, size_t size);
int limit_getpwuid(uid_t uid, struct passwd *ret, char *buffer, size_t size);
int limit_getgrnam(const char *name, struct group *ret, char *buffer, size_t size);
int limit_getgrgid(gid_t gid, struct group *ret, char *buffer, size_t size);
int limit_groups(const char *name, gid_t *gids, int room); /* the count; negated: room for so many */

/* Walk all users in the order of the file, an entry a call, 0 at the end. One walk at a time and no lock:
 * glibc has one of its own around it. */
void limit_setpwent(void);
int limit_getpwent(struct passwd *ret, char *buffer, size_t size);

#endif
