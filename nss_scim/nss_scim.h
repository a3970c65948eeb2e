/* nss_scim.h - the entry points of libnss_scim.so.2, as glibc looks them up by name.
 * Layer: nss_scim (uses shared/directory and shared/names, libc alone).
 * Threads: all of them from any thread, and in a child after fork. Nothing is allocated, but for
 * the group array that initgroups_dyn grows by contract. The caller's errno is kept; when errnop
 * points at errno, which is how glibc calls, it changes only as the result says:
 *   SUCCESS   untouched
 *   NOTFOUND  ENOENT: the directory was read and has no such entry; the only "no"
 *   TRYAGAIN  ERANGE: the buffer is too small, the same entry comes again; ENOMEM (initgroups)
 *   UNAVAIL   anything else: damaged, not root's, …; ENOENT if there is no directory */
#ifndef NSS_SCIM_NSS_SCIM_H
#define NSS_SCIM_NSS_SCIM_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <shadow.h>
#include <sys/types.h>

enum nss_status _nss_scim_getpwnam_r(const char *name, struct passwd *ret, char *buffer,
				     size_t size, int *errnop);
enum nss_status _nss_scim_getpwuid_r(uid_t uid, struct passwd *ret, char *buffer, size_t size,
				     int *errnop);
enum nss_status _nss_scim_setpwent(int stay_open);
enum nss_status _nss_scim_getpwent_r(struct passwd *ret, char *buffer, size_t size, int *errnop);
enum nss_status _nss_scim_endpwent(void);

enum nss_status _nss_scim_getgrnam_r(const char *name, struct group *ret, char *buffer,
				     size_t size, int *errnop);
enum nss_status _nss_scim_getgrgid_r(gid_t gid, struct group *ret, char *buffer, size_t size,
				     int *errnop);
enum nss_status _nss_scim_setgrent(int stay_open);
enum nss_status _nss_scim_getgrent_r(struct group *ret, char *buffer, size_t size, int *errnop);
enum nss_status _nss_scim_endgrent(void);

enum nss_status _nss_scim_getspnam_r(const char *name, struct spwd *ret, char *buffer, size_t size,
				     int *errnop);
enum nss_status _nss_scim_setspent(int stay_open);
enum nss_status _nss_scim_getspent_r(struct spwd *ret, char *buffer, size_t size, int *errnop);
enum nss_status _nss_scim_endspent(void);

/* Appends the user's groups to (*groupsp)[*start…], growing the array to at most `limit` entries
 * (<= 0: no limit). Never adds `group`, which is the caller's idea of the primary one. */
enum nss_status _nss_scim_initgroups_dyn(const char *user, gid_t group, long *start, long *size,
					 gid_t **groupsp, long limit, int *errnop);

#endif
