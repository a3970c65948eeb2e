#include "nss_scim/nss_scim.h"

#include <errno.h>
#include <string.h>

#include "nss_scim/enumeration.h"
#include "nss_scim/pack.h"
#include "shared/directory.h"
#include "shared/names.h"

static struct enumeration users = { .number = 0 };

static int checked(const struct directory_user *user, struct passwd *ret, char *buffer, size_t size)
{
	int r;

	if (user->flags & DIRECTORY_DELETED)
		return -ENOENT;
	r = pack_check_user(user);
	if (r < 0)
		return r;
	return pack_user(user, ret, buffer, size);
}

static int by_name(const char *name, struct passwd *ret, char *buffer, size_t size)
{
	_cleanup_(directory_release) struct directory_view view;
	size_t name_size = strnlen(name, NAME_MAX_BYTES + 1);
	struct directory_user user;
	int r;

	r = pack_acquire(&view);
	if (r < 0) /* what can't be ours is not there, file or no file */
		return name_is_valid(name, name_size) ? r : -ENOENT;
	if (name_size == 0 || name_size > NAME_MAX_BYTES)
		return -ENOENT;
	r = pack_lookup(directory_user_by_name(&view, name, name_size, &user));
	if (r < 0)
		return r;
	return checked(&user, ret, buffer, size);
}

static int by_uid(uid_t uid, struct passwd *ret, char *buffer, size_t size)
{
	_cleanup_(directory_release) struct directory_view view;
	struct directory_user user;
	int r;

	r = pack_acquire(&view);
	if (r < 0)
		return id_is_reserved(uid) ? -ENOENT : r;
	r = pack_lookup(directory_user_by_uid(&view, uid, &user));
	if (r < 0)
		return r;
	return checked(&user, ret, buffer, size);
}

/* Locked. The cursor moves on only when the entry was delivered. */
static int next(struct enumeration *e, struct passwd *ret, char *buffer, size_t size)
{
	struct directory_user user;
	uint64_t cursor;
	int r = 0;

	if (!e->is_open)
		r = enumeration_begin(e);
	else
		r = enumeration_check(e);
	if (r < 0)
		return r;
	cursor = e->cursor;
	r = pack_lookup(directory_user_next(&e->view, &cursor, &user));
	if (r < 0)
		return r;
	r = checked(&user, ret, buffer, size);
	if (r < 0)
		return r;
	e->cursor = cursor;
	return 0;
}

_public_ enum nss_status _nss_scim_getpwnam_r(const char *name, struct passwd *ret, char *buffer,
					      size_t size, int *errnop)
{
	return pack_status(by_name(name, ret, buffer, size), errnop);
}

_public_ enum nss_status _nss_scim_getpwuid_r(uid_t uid, struct passwd *ret, char *buffer,
					      size_t size, int *errnop)
{
	return pack_status(by_uid(uid, ret, buffer, size), errnop);
}

_public_ enum nss_status _nss_scim_setpwent(int stay_open)
{
	int ignored;

	(void)stay_open;
	return pack_status(enumeration_set(&users), &ignored);
}

_public_ enum nss_status _nss_scim_getpwent_r(struct passwd *ret, char *buffer, size_t size,
					      int *errnop)
{
	int r = enumeration_lock(&users);

	if (r < 0)
		return pack_status(r, errnop);
	r = next(&users, ret, buffer, size);
	enumeration_unlock(&users);
	return pack_status(r, errnop);
}

_public_ enum nss_status _nss_scim_endpwent(void)
{
	int ignored;

	return pack_status(enumeration_stop(&users), &ignored);
}
