#include "nss_scim/nss_scim.h"

#include <errno.h>
#include <string.h>

#include "nss_scim/enumeration.h"
#include "nss_scim/pack.h"
#include "shared/directory.h"
#include "shared/names.h"

static struct enumeration groups = { .number = 1 };

static int by_name(const char *name, struct group *ret, char *buffer, size_t size)
{
	_cleanup_(directory_release) struct directory_view view;
	size_t name_size = strnlen(name, NAME_MAX_BYTES + 1);
	struct directory_group group;
	int r;

	r = pack_acquire(&view);
	if (r < 0) /* what can't be ours is not there, file or no file */
		return name_is_valid(name, name_size) ? r : -ENOENT;
	if (name_size == 0 || name_size > NAME_MAX_BYTES)
		return -ENOENT;
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

/* Locked. The cursor moves on only when the entry was delivered. */
static int next(struct enumeration *e, struct group *ret, char *buffer, size_t size)
{
	struct directory_group group;
	uint64_t cursor;
	int r = 0;

	if (!e->is_open)
		r = enumeration_begin(e);
	else
		r = enumeration_check(e);
	if (r < 0)
		return r;
	cursor = e->cursor;
	r = pack_lookup(directory_group_next(&e->view, &cursor, &group));
	if (r < 0)
		return r;
	r = pack_group(&e->view, &group, ret, buffer, size);
	if (r < 0)
		return r;
	e->cursor = cursor;
	return 0;
}

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
	int ignored;

	(void)stay_open;
	return pack_status(enumeration_set(&groups), &ignored);
}

_public_ enum nss_status _nss_scim_getgrent_r(struct group *ret, char *buffer, size_t size,
					      int *errnop)
{
	int r = enumeration_lock(&groups);

	if (r < 0)
		return pack_status(r, errnop);
	r = next(&groups, ret, buffer, size);
	enumeration_unlock(&groups);
	return pack_status(r, errnop);
}

_public_ enum nss_status _nss_scim_endgrent(void)
{
	int ignored;

	return pack_status(enumeration_stop(&groups), &ignored);
}
