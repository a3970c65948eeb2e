#include "nss_scim/nss_scim.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nss_scim/pack.h"
#include "shared/directory.h"
#include "shared/local_user.h"
#include "shared/names.h"

/* glibc's growing array of groups. */
struct group_array {
	long *start, *size;
	gid_t **groups;
	long limit; /* <= 0: none */
};

/* Room for count more if the limit lets us; *ret_room: how many there is room for. */
static int array_reserve(struct group_array *array, size_t count, size_t *ret_room)
{
	long want = *array->start + (long)count, size = *array->size;
	gid_t *groups;

	if (want > size) {
		size = want > 2 * size ? want : 2 * size;
		if (array->limit > 0 && size > array->limit)
			size = array->limit;
	}
	if (size > *array->size) {
		groups = realloc(*array->groups, (size_t)size * sizeof(*groups));
		if (!groups)
			return -ENOMEM;
		*array->groups = groups;
		*array->size = size;
	}
	*ret_room = *array->size > *array->start ? (size_t)(*array->size - *array->start) : 0;
	return 0;
}

static int array_add(struct group_array *array, const struct directory_user *user, gid_t group)
{
	size_t room, added = 0;
	int r;

	r = array_reserve(array, user->group_count, &room);
	if (r < 0)
		return r;
	for (size_t i = 0; i < user->group_count && added < room; i++) {
		if (user->gids[i] == (gid_t)-1)
			return -EIO; /* setgroups(2) would refuse the whole list */
		if (user->gids[i] == group)
			continue;
		(*array->groups)[*array->start + (long)added] = user->gids[i];
		added++;
	}
	*array->start += (long)added;
	return added ? 0 : -ENOENT;
}

/* A group of the system's, by a role. */
static bool has_system_group(const struct directory_user *user)
{
	for (size_t i = 0; i < user->group_count; i++)
		if (user->gids[i] < ID_FLOOR)
			return true;
	return false;
}

static _apart_ int look_for_local(const char *name, size_t size)
{
	int r = local_has_user(name, size);

	if (r < 0)
		return pack_open(r);
	return r ? -ENOENT : 0;
}

/* glibc asks every service for every name. Our people have their own group as the primary one; with
 * another it may be a local account of the same name, which must not gain a person's groups. Root may have
 * given it the person's numbers as well: whoever would gain a group of the system's by that is looked up. */
static int check_not_local(const struct directory_user *user, gid_t group)
{
	if (group == user->uid && !has_system_group(user))
		return 0;
	return look_for_local(user->name, user->name_size);
}

static int add_groups_of(const struct directory_user *user, gid_t group, struct group_array *array)
{
	int r = pack_check_user(user);

	if (r < 0)
		return r;
	if (!(user->flags & DIRECTORY_ALLOWED) || user->group_count == 0)
		return -ENOENT;
	r = check_not_local(user, group);
	return r < 0 ? r : array_add(array, user, group);
}

static _apart_ int add_groups_slowly(const char *name, gid_t group, struct group_array *array)
{
	_cleanup_(directory_release) struct directory_view view;
	struct directory_user user;
	size_t name_size;
	int r;

	r = pack_acquire_for(name, &view, &name_size);
	if (r < 0)
		return r;
	r = pack_lookup(directory_user_by_name(&view, name, name_size, &user));
	return r < 0 ? r : add_groups_of(&user, group, array);
}

/* As in passwd.c. */
static inline int add_groups(const char *name, gid_t group, struct group_array *array)
{
	size_t name_size = strnlen(name, NAME_MAX_BYTES + 1);
	struct directory_view view;
	struct directory_user user;
	int r = -ENOENT;

	if (!directory_acquire_quickly(&view))
		return add_groups_slowly(name, group, array);
	if (name_size > 0 && name_size <= NAME_MAX_BYTES)
		r = directory_user_by_name_checked(&view, name, name_size, &user);
	if (r == 0)
		r = add_groups_of(&user, group, array);
	directory_release_quickly(&view);
	return r;
}

_public_ _flat_ enum nss_status _nss_scim_initgroups_dyn(const char *user, gid_t group, long *start,
							 long *size, gid_t **groupsp, long limit,
							 int *errnop)
{
	struct group_array array = {
		.start = start,
		.size = size,
		.groups = groupsp,
		.limit = limit,
	};
	int saved = errno, r;

	r = add_groups(user, group, &array);
	errno = saved; /* realloc */
	return pack_status(r, errnop);
}
