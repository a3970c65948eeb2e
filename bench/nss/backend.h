/* backend.h - who answers in the NSS benchmark: a module called directly (the limit is one too, so that
 * both are called in the same way), or glibc with one service. Functions return 1 found, 0 not found, -1 anything else. Threads: all but enumeration. */
#ifndef BENCH_NSS_BACKEND_H
#define BENCH_NSS_BACKEND_H

#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>

struct backend {
	int (*pwnam)(const char *name, struct passwd *ret, char *buffer, size_t size);
	int (*pwuid)(uid_t uid, struct passwd *ret, char *buffer, size_t size);
	int (*grnam)(const char *name, struct group *ret, char *buffer, size_t size);
	int (*grgid)(gid_t gid, struct group *ret, char *buffer, size_t size);
	/* `primary` is the caller's to know, as getgrouplist(3) has it. Returns the count, -1. */
	int (*groups)(const char *name, gid_t primary, gid_t *gids, int room);
	/* Walk all users, an entry a call; returns how many. */
	uint64_t (*enumerate)(char *buffer, size_t size);
};

extern const struct backend backend_module, backend_glibc;

/* libnss_SERVICE.so.2 on the loader's path; ends the program if it can't be had. Never freed. */
struct module;
const struct module *backend_load(const char *service);
void backend_use(const struct module *loaded); /* from now on backend_module calls this one */

/* glibc's passwd, group and initgroups come from this service alone; "nscd": from what nsswitch.conf
 * says, because glibc asks nscd for nothing else. */
void backend_set_service(const char *service);

#endif
