/* libnss_limit - the limit (limit.h) as an NSS service, to see what glibc adds to it. */
#include <errno.h>
#include <nss.h>
#include <stdlib.h>
#include <string.h>

#include "bench/nss/limit.h"

#define PUBLIC __attribute__((visibility("default")))

enum nss_status _nss_limit_getpwnam_r(const char *name, struct passwd *ret, char *buffer,
				      size_t size, int *errnop);
enum nss_status _nss_limit_getpwuid_r(uid_t uid, struct passwd *ret, char *buffer, size_t size,
				      int *errnop);
enum nss_status _nss_limit_getgrnam_r(const char *name, struct group *ret, char *buffer,
				      size_t size, int *errnop);
enum nss_status _nss_limit_getgrgid_r(gid_t gid, struct group *ret, char *buffer, size_t size,
				      int *errnop);
enum nss_status _nss_limit_initgroups_dyn(const char *name, gid_t group, long *start, long *size,
					  gid_t **groups, long limit, int *errnop);

enum nss_status _nss_limit_setpwent(int stay_open);
enum nss_status _nss_limit_getpwent_r(struct passwd *ret, char *buffer, size_t size, int *errnop);
enum nss_status _nss_limit_endpwent(void);
enum nss_status _nss_limit_setgrent(int stay_open);
enum nss_status _nss_limit_getgrent_r(struct group *ret, char *buffer, size_t size, int *errnop);
enum nss_status _nss_limit_endgrent(void);

static int is_open;

static void open_once(void)
{
	if (!is_open)
		is_open = limit_open(getenv("BENCH_LIMIT")) == 0;
}

static enum nss_status status(int r, int *errnop)
{
	if (r > 0)
		return NSS_STATUS_SUCCESS;
	*errnop = r < 0 ? ERANGE : ENOENT;
	return r < 0 ? NSS_STATUS_TRYAGAIN : NSS_STATUS_NOTFOUND;
}

PUBLIC enum nss_status _nss_limit_getpwnam_r(const char *name, struct passwd *ret, char *buffer,
					     size_t size, int *errnop)
{
	open_once();
	return status(limit_getpwnam(name, ret, buffer, size), errnop);
}

PUBLIC enum nss_status _nss_limit_getpwuid_r(uid_t uid, struct passwd *ret, char *buffer,
					     size_t size, int *errnop)
{
	open_once();
	return status(limit_getpwuid(uid, ret, buffer, size), errnop);
}

PUBLIC enum nss_status _nss_limit_getgrnam_r(const char *name, struct group *ret, char *buffer,
					     size_t size, int *errnop)
{
	open_once();
	return status(limit_getgrnam(name, ret, buffer, size), errnop);
}

PUBLIC enum nss_status _nss_limit_getgrgid_r(gid_t gid, struct group *ret, char *buffer,
					     size_t size, int *errnop)
{
	open_once();
	return status(limit_getgrgid(gid, ret, buffer, size), errnop);
}

PUBLIC enum nss_status _nss_limit_initgroups_dyn(const char *name, gid_t group, long *start,
						 long *size, gid_t **groups, long limit,
						 int *errnop)
{
	int count;

	(void)group;
	(void)limit;
	open_once();
	count = limit_groups(name, *groups + *start, (int)(*size - *start));
	if (count < 0) {
		gid_t *larger = realloc(*groups, (size_t)(*start - count) * sizeof(gid_t));

		if (!larger)
			return NSS_STATUS_TRYAGAIN;
		*groups = larger;
		*size = *start - count;
		count = limit_groups(name, *groups + *start, -count);
	}
	if (count <= 0)
		return status(0, errnop);
	*start += count;
	return NSS_STATUS_SUCCESS;
}

PUBLIC enum nss_status _nss_limit_setpwent(int stay_open)
{
	(void)stay_open;
	open_once();
	limit_setpwent();
	return NSS_STATUS_SUCCESS;
}

PUBLIC enum nss_status _nss_limit_getpwent_r(struct passwd *ret, char *buffer, size_t size,
					     int *errnop)
{
	return status(limit_getpwent(ret, buffer, size), errnop);
}

PUBLIC enum nss_status _nss_limit_endpwent(void)
{
	return NSS_STATUS_SUCCESS;
}

/* Groups are not enumerated; SSSD's proxy wants the functions to exist. */
PUBLIC enum nss_status _nss_limit_setgrent(int stay_open)
{
	(void)stay_open;
	return NSS_STATUS_SUCCESS;
}

PUBLIC enum nss_status _nss_limit_getgrent_r(struct group *ret, char *buffer, size_t size,
					     int *errnop)
{
	(void)ret;
	(void)buffer;
	(void)size;
	return status(0, errnop);
}

PUBLIC enum nss_status _nss_limit_endgrent(void)
{
	return NSS_STATUS_SUCCESS;
}
