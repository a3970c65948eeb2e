#include "nss_scim/nss_scim.h"

#include <errno.h>
#include <string.h>

#include "nss_scim/enumeration.h"
#include "nss_scim/local.h"
#include "nss_scim/pack.h"
#include "shared/directory.h"
#include "shared/names.h"

#define NO_PASSWORD "*"
#define LOCKED "!*" /* "!": what sshd and passwd -S take for locked; "*": no hash behind it */

static struct enumeration users = { .number = 2 };

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

/* A missing file means that no password was ever set: "*" lets nobody in, and without an entry
 * pam_unix would turn away people who log in by key. Any other fault is a fault. */
static int open_hashes(struct directory_view *ret, bool *ret_opened)
{
	int r;

	r = directory_open_shadow(ret);
	if (r < 0 && r != -ESTALE)
		return pack_open(r);
	*ret_opened = r >= 0;
	return 0;
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
	r = open_hashes(&hashes, &opened);
	if (r < 0)
		return r;
	return compose(opened ? &hashes : NULL, &user, ret, buffer, size);
}

/* Locked. Both files are opened before the first entry. */
static int begin(struct enumeration *e)
{
	int r;

	r = enumeration_begin(e);
	if (r < 0)
		return r;
	r = open_hashes(&e->hashes, &e->has_hashes);
	if (r < 0)
		enumeration_end(e);
	return r;
}

/* Locked. The cursor moves on only when the entry was delivered. */
static int next(struct enumeration *e, struct spwd *ret, char *buffer, size_t size)
{
	struct directory_user user;
	uint64_t cursor;
	int r = 0;

	if (!e->is_open)
		r = begin(e);
	else
		r = enumeration_check(e);
	if (r < 0)
		return r;
	cursor = e->cursor;
	r = pack_lookup(directory_user_next(&e->view, &cursor, &user));
	if (r < 0)
		return r;
	r = compose(e->has_hashes ? &e->hashes : NULL, &user, ret, buffer, size);
	if (r < 0)
		return r;
	e->cursor = cursor;
	return 0;
}

_public_ enum nss_status _nss_scim_getspnam_r(const char *name, struct spwd *ret, char *buffer,
					      size_t size, int *errnop)
{
	return pack_status(by_name(name, ret, buffer, size), errnop);
}

_public_ enum nss_status _nss_scim_setspent(int stay_open)
{
	int ignored, r = enumeration_lock(&users);

	(void)stay_open;
	if (r < 0)
		return pack_status(r, &ignored);
	r = begin(&users);
	enumeration_unlock(&users);
	return pack_status(r, &ignored);
}

_public_ enum nss_status _nss_scim_getspent_r(struct spwd *ret, char *buffer, size_t size,
					      int *errnop)
{
	int r = enumeration_lock(&users);

	if (r < 0)
		return pack_status(r, errnop);
	r = next(&users, ret, buffer, size);
	enumeration_unlock(&users);
	return pack_status(r, errnop);
}

_public_ enum nss_status _nss_scim_endspent(void)
{
	int ignored;

	return pack_status(enumeration_stop(&users), &ignored);
}
