#include "nss_scim/nss_scim.h"

#include <errno.h>
#include <string.h>

#include "nss_scim/enumeration.h"
#include "nss_scim/pack.h"
#include "shared/directory.h"
#include "shared/names.h"

static int by_name(const char *name, struct group *ret, char *buffer, size_t size)
{
	_cleanup_(directory_release) struct directory_view view;
	struct directory_group group;
	size_t name_size;
	int r;

	r = pack_acquire_for(name, &view, &name_size);
	if (r < 0)
		return r;
	r = pack_lookup(directory_group_by_name(&view, name, name_size, &group));
	if (r < 0)
		return r;
	return pack_group(&view, &group, ret, buffer, size);
}

/* No gid is refused before the look: a local group that a role grants may have a low one. */
static int by_gid(gid_t gid, struct group *ret, char *buffer, size_t size)
{
	_cleanup_(directory_release) struct directory_view view;
	struct directory_group group;
	int r;

	r = pack_acquire(&view);
	if (r < 0)
		return r;
	r = pack_lookup(directory_group_by_gid(&view, gid, &group));
	if (r < 0)
		return r;
	return pack_group(&view, &group, ret, buffer, size);
}

/* Local groups are left out: glibc merges entries of one name when it is asked for the name or the gid, not
 * here, and the services before us have listed them already. */
static int deliver(struct enumeration *e, uint64_t *cursor, void *ret, char *buffer, size_t size)
{
	struct directory_group group;
	int r;

	do {
		r = pack_lookup(directory_group_next(&e->view, cursor, &group));
	} while (r == 0 && (group.flags & DIRECTORY_LOCAL));
	if (r < 0)
		return r;
	return pack_group(&e->view, &group, ret, buffer, size);
}

static struct enumeration groups = { .number = 1 };

_public_ enum nss_status _nss_scim_getgrnam_r(const char *name, struct group *ret, char *buffer,
					      size_t size, int *errnop)
{
	return pack_status(by_name(name, ret, buffer, size), errnop);
}

_public_ enum nss_status _nss_scim_getgrgid_r(gid_t gid, struct group *ret, char *buffer,
					      size_t size, int *errnop)
{
	return pack_status(by_gid(gid, ret, buffer, size), errnop);
}

_public_ enum nss_status _nss_scim_setgrent(int stay_open)
{
	(void)stay_open;
	return enumeration_set(&groups);
}

_public_ enum nss_status _nss_scim_getgrent_r(struct group *ret, char *buffer, size_t size,
					      int *errnop)
{
	return enumeration_get(&groups, deliver, ret, buffer, size, errnop);
}

_public_ enum nss_status _nss_scim_endgrent(void)
{
	return enumeration_stop(&groups);
}
