#include "nss_scim/nss_scim.h"

#include <errno.h>
#include <string.h>

#include "nss_scim/enumeration.h"
#include "nss_scim/pack.h"
#include "shared/directory.h"
#include "shared/names.h"

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

static _apart_ int by_name_slowly(const char *name, struct passwd *ret, char *buffer, size_t size)
{
	_cleanup_(directory_release) struct directory_view view;
	struct directory_user user;
	size_t name_size;
	int r;

	r = pack_acquire_for(name, &view, &name_size);
	if (r < 0)
		return r;
	r = pack_lookup(directory_user_by_name(&view, name, name_size, &user));
	if (r < 0)
		return r;
	return checked(&user, ret, buffer, size);
}

static _apart_ int by_uid_slowly(uid_t uid, struct passwd *ret, char *buffer, size_t size)
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

/* Nearly every lookup is one of these two, and nothing is in its way. */
static inline int by_name(const char *name, struct passwd *ret, char *buffer, size_t size)
{
	size_t name_size = strnlen(name, NAME_MAX_BYTES + 1);
	struct directory_view view;
	struct directory_user user;
	int r = -ENOENT;

	if (!directory_acquire_quickly(&view))
		return by_name_slowly(name, ret, buffer, size);
	if (name_size > 0 && name_size <= NAME_MAX_BYTES)
		r = directory_user_by_name_checked(&view, name, name_size, &user);
	if (r == 0)
		r = checked(&user, ret, buffer, size);
	directory_release_quickly(&view);
	return r;
}

static inline int by_uid(uid_t uid, struct passwd *ret, char *buffer, size_t size)
{
	struct directory_view view;
	struct directory_user user;
	int r;

	if (!directory_acquire_quickly(&view))
		return by_uid_slowly(uid, ret, buffer, size);
	r = directory_user_by_uid_checked(&view, uid, &user);
	if (r == 0)
		r = checked(&user, ret, buffer, size);
	directory_release_quickly(&view);
	return r;
}

static int deliver(struct enumeration *e, uint64_t *cursor, void *ret, char *buffer, size_t size)
{
	struct directory_user user;
	int r;

	r = pack_lookup(e->is_memory ? directory_user_next_checked(&e->view, cursor, &user)
				     : directory_user_next(&e->view, cursor, &user));
	if (r < 0)
		return r;
	return checked(&user, ret, buffer, size);
}

static struct enumeration users = { .number = 0 };

_public_ _flat_ enum nss_status _nss_scim_getpwnam_r(const char *name, struct passwd *ret,
						     char *buffer, size_t size, int *errnop)
{
	return pack_status(by_name(name, ret, buffer, size), errnop);
}

_public_ _flat_ enum nss_status _nss_scim_getpwuid_r(uid_t uid, struct passwd *ret, char *buffer,
						     size_t size, int *errnop)
{
	return pack_status(by_uid(uid, ret, buffer, size), errnop);
}

_public_ enum nss_status _nss_scim_setpwent(int stay_open)
{
	(void)stay_open;
	return enumeration_set(&users);
}

/* Everybody is asked for everybody: where nothing is in the way, in one piece. */
static _flat_ int next_in_memory(struct enumeration *e, struct passwd *ret, char *buffer, size_t size)
{
	struct directory_user user;
	uint64_t cursor = e->cursor;
	int r = directory_user_next_checked(&e->view, &cursor, &user);

	if (r == 0)
		r = checked(&user, ret, buffer, size);
	if (r == 0)
		e->cursor = cursor;
	return r;
}

_public_ enum nss_status _nss_scim_getpwent_r(struct passwd *ret, char *buffer, size_t size,
					      int *errnop)
{
	if (enumeration_is_ours(&users))
		return pack_status(next_in_memory(&users, ret, buffer, size), errnop);
	return enumeration_get(&users, deliver, ret, buffer, size, errnop);
}

_public_ enum nss_status _nss_scim_endpwent(void)
{
	return enumeration_stop(&users);
}
