/* limit.h - the least that a lookup in shared memory can cost: a bare open-addressing table of 8-byte
 * slots in a mapped file, load at most one half, one word read to see whether the file was superseded,
 * one memcpy into the caller's buffer, pointers set. No checks of any kind. Every figure of the NSS
 * benchmark is a ratio to it. */
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
int limit_groups(const char *name, gid_t *gids, int room);
/* Walk all users in the order of the file; returns the number of bytes filled in, for the compiler. */
uint64_t limit_enumerate(char *buffer, size_t size);

#endif
