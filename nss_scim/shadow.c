#include "nss_scim/nss_scim.h"

#include <errno.h>
#include <string.h>

#include "nss_scim/enumeration.h"
#include "nss_scim/pack.h"
#include "shared/directory.h"
#include "shared/local_user.h"
#include "shared/names.h"

#define NO_PASSWORD "*"
#define LOCKED "!*" /* "!": what sshd and passwd -S take for locked; "*": no hash behind it */

/* hashes: NULL when there is no shadow file, so nobody has a password. */
static int compose(const struct directory_view *hashes, const struct directory_user *user,
		   struct spwd *ret, char *buffer, size_t size)
{
	struct directory_shadow shadow = { .hash = NO_PASSWORD };
	int r;

	r = pack_check_user(user);
	if (r < 0)
		return r;
	if (hashes) {
		r = pack_lookup(directory_shadow_by_uid(hashes, user->uid, &shadow));
		if (r < 0 && r != -ENOENT)
			return r;
	}
	if (!(user->flags & DIRECTORY_ALLOWED))
		shadow.hash = LOCKED;
	return pack_shadow(user, shadow.hash, shadow.changed_day, ret, buffer, size);
}

static int by_name(const char *name, struct spwd *ret, char *buffer, size_t size)
{
	_cleanup_(directory_release) struct directory_view view = { 0 }, hashes = { 0 };
	size_t name_size = strnlen(name, NAME_MAX_BYTES + 1);
	struct directory_user user;
	bool opened = false;
	int r;

	if (!name_is_valid(name, name_size))
		return -ENOENT;
	r = pack_acquire(&view);
	if (r < 0)
		return r;
	r = pack_lookup(directory_user_by_name(&view, name, name_size, &user));
	if (r < 0)
		return r;
	/* A local account without a shadow line must not be opened by a person's password. */
	r = local_has_user(name, name_size);
	if (r != 0)
		return r < 0 ? pack_open(r) : -ENOENT;
	r = pack_open_hashes(&hashes, &opened);
	if (r < 0)
		return r;
	return compose(opened ? &hashes : NULL, &user, ret, buffer, size);
}

static int deliver(struct enumeration *e, uint64_t *cursor, void *ret, char *buffer, size_t size)
{
	struct directory_user user;
	int r;

	r = pack_lookup(directory_user_next(&e->view, cursor, &user));
	if (r < 0)
		return r;
	return compose(e->has_hashes ? &e->hashes : NULL, &user, ret, buffer, size);
}

static struct enumeration users = { .number = 2, .wants_hashes = true };

_public_ enum nss_status _nss_scim_getspnam_r(const char *name, struct spwd *ret, char *buffer,
					      size_t size, int *errnop)
{
	return pack_status(by_name(name, ret, buffer, size), errnop);
}

_public_ enum nss_status _nss_scim_setspent(int stay_open)
{
	(void)stay_open;
	return enumeration_set(&users);
}

_public_ enum nss_status _nss_scim_getspent_r(struct spwd *ret, char *buffer, size_t size,
					      int *errnop)
{
	return enumeration_get(&users, deliver, ret, buffer, size, errnop);
}

_public_ enum nss_status _nss_scim_endspent(void)
{
	return enumeration_stop(&users);
}
