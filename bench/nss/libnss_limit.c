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
	gid_t found[64];
	int count;

	(void)group;
	(void)limit;
	open_once();
	count = limit_groups(name, found, 64);
	if (count == 0)
		return status(0, errnop);
	if (*start + count > *size) {
		gid_t *larger = realloc(*groups, (size_t)(*start + count) * sizeof(gid_t));

		if (!larger)
			return NSS_STATUS_TRYAGAIN;
		*groups = larger;
		*size = *start + count;
	}
	memcpy(*groups + *start, found, (size_t)count * sizeof(gid_t));
	*start += count;
	return NSS_STATUS_SUCCESS;
}
