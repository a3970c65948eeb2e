#include "scimd/warden/publish_batch.h"

void user_copy_done(struct user_copy *copy)
{
	free(copy->gids);
}

/* Where gid is in the list, or would be. */
static uint32_t gids_place(const struct user_copy *copy, uint32_t gid)
{
	uint32_t low = 0, high = copy->gid_count;

	if (high == 0 || copy->gids[high - 1] < gid)
		return high;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (copy->gids[middle] < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool gids_have(const struct user_copy *copy, uint32_t gid)
{
	uint32_t place = gids_place(copy, gid);

	return place < copy->gid_count && copy->gids[place] == gid;
}

int gids_add(struct user_copy *copy, uint32_t gid)
{
	uint32_t place = gids_place(copy, gid);

	if (place < copy->gid_count && copy->gids[place] == gid)
		return 0;
	if (copy->gid_count >= DIRECTORY_GROUPS_MAX)
		return 0; /* the kernel takes no more */
	if (copy->gid_count == copy->gid_room) {
		uint32_t room = copy->gid_room ? copy->gid_room * 2 : 16;
		uint32_t *larger = reallocarray(copy->gids, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		copy->gids = larger;
		copy->gid_room = room;
	}
	memmove(copy->gids + place + 1, copy->gids + place,
		(copy->gid_count - place) * sizeof(*copy->gids));
	copy->gids[place] = gid;
	copy->gid_count++;
	return 1;
}

static void text_copy(char *into, size_t room, const char *from)
{
	size_t size = strnlen(from, room - 1);

	memcpy(into, from, size);
	into[size] = '\0';
}

static int user_copy_of(const struct directory_user *user, struct user_copy *ret)
{
	*ret = (struct user_copy){ .exists = true, .flags = user->flags };
	if (!(user->flags & DIRECTORY_DELETED)) {
		text_copy(ret->name, sizeof(ret->name), user->name);
		text_copy(ret->gecos, sizeof(ret->gecos), user->gecos);
		text_copy(ret->home, sizeof(ret->home), user->home);
		text_copy(ret->shell, sizeof(ret->shell), user->shell);
	}
	if (user->group_count == 0)
		return 0;
	ret->gids = calloc(user->group_count, sizeof(*ret->gids));
	if (!ret->gids)
		return -ENOMEM;
	memcpy(ret->gids, user->gids, user->group_count * sizeof(*ret->gids));
	ret->gid_count = ret->gid_room = (uint32_t)user->group_count;
	/* Files of an older warden are in any order. */
	qsort(ret->gids, ret->gid_count, sizeof(*ret->gids), id_compare);
	return 0;
}

/* The staged user; an absent one is a zero copy. */
int user_copy_get(struct publish *publish, uint32_t uid, struct user_copy *ret)
{
	struct directory_user user;
	int r = directory_writer_user(publish->directory, uid, &user);

	*ret = (struct user_copy){ 0 };
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : user_copy_of(&user, ret);
}

int user_copy_put(struct publish *publish, uint32_t uid, const struct user_copy *copy,
			 const struct user_record *record)
{
	struct directory_user_entry entry = {
		.uid = uid,
		.flags = copy->flags,
		.name = copy->name,
		.gecos = copy->gecos,
		.home = copy->home,
		.shell = copy->shell,
		.gids = copy->gids,
		.gid_count = copy->gid_count,
	};

	if (record) {
		entry.detail_text = record->detail;
		entry.detail_size = record->detail_size;
		entry.role_count = record->fixed.role_count;
		entry.key_count = record->fixed.key_count;
		entry.env_count = record->fixed.env_count;
	}
	return directory_writer_put_user(publish->directory, &entry);
}

/* Bring the groups' side of memberships from old to new (a renamed user is put again). */
int batch_members_sync(struct publish *publish, uint32_t uid, const struct user_copy *old,
			const struct user_copy *new)
{
	bool renamed = strcmp(old->name, new->name) != 0;
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < old->gid_count; i++) {
		if (!gids_have(new, old->gids[i]))
			r = directory_writer_remove_member(publish->directory, old->gids[i], uid);
		r = r == -ENOENT ? 0 : r; /* that group is gone */
	}
	for (uint32_t i = 0; r >= 0 && i < new->gid_count; i++) {
		if (renamed || !gids_have(old, new->gids[i]))
			r = directory_writer_put_member(publish->directory, new->gids[i], uid,
							new->name);
		r = r == -ENOENT ? 0 : r;
	}
	return r;
}

int batch_is_local_group(struct publish *publish, uint32_t gid)
{
	struct directory_group group;
	int r = directory_writer_group(publish->directory, gid, &group);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return (group.flags & DIRECTORY_LOCAL) != 0;
}

/* --- memberships -------------------------------------------------------------------------------- */

int batch_pending_add(struct publish *publish, uint32_t uid, uint32_t gid, bool add)
{
	if (publish->pending_count == publish->pending_room) {
		size_t room = publish->pending_room ? publish->pending_room * 2 : 1024;
		struct pending_member *larger =
			reallocarray(publish->pending, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		publish->pending = larger;
		publish->pending_room = room;
	}
	publish->pending[publish->pending_count] = (struct pending_member){
		.uid = uid, .gid = gid, .order = (uint32_t)publish->pending_count, .add = add
	};
	publish->pending_count++;
	return 0;
}

static int compare_pending(const void *a, const void *b)
{
	const struct pending_member *left = a, *right = b;

	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	if (left->gid != right->gid)
		return left->gid < right->gid ? -1 : 1;
	return left->order < right->order ? -1 : left->order > right->order;
}

/* Both lists ascend by gid; of what a batch says about one group the last word counts. */
static int gids_merge(const struct user_copy *old, const struct pending_member *changes, size_t count,
		      struct user_copy *new)
{
	uint32_t n = 0;
	size_t i = 0;
	int r = 0;

	while (r >= 0 && (n < old->gid_count || i < count)) {
		if (i == count || (n < old->gid_count && old->gids[n] < changes[i].gid)) {
			r = gids_add(new, old->gids[n++]);
			continue;
		}
		while (i + 1 < count && changes[i + 1].gid == changes[i].gid)
			i++;
		if (n < old->gid_count && old->gids[n] == changes[i].gid)
			n++;
		if (changes[i].add)
			r = gids_add(new, changes[i].gid);
		i++;
	}
	return r;
}

/* All changes of one uid's memberships, in one new record. */
static int apply_memberships(struct publish *publish, const struct pending_member *first,
			     size_t count)
{
	_cleanup_(user_copy_done) struct user_copy old = { 0 }, new = { 0 };
	int r = user_copy_get(publish, first->uid, &old);

	if (r < 0 || !(old.flags & DIRECTORY_ALLOWED))
		return r; /* who is not allowed has no groups */
	new = old;
	new.gids = NULL;
	new.gid_count = new.gid_room = 0;
	r = gids_merge(&old, first, count, &new);
	if (r >= 0)
		r = batch_members_sync(publish, first->uid, &old, &new);
	return r < 0 ? r : user_copy_put(publish, first->uid, &new, NULL);
}

int batch_pending_flush(struct publish *publish)
{
	size_t first = 0;

	if (publish->pending_count == 0)
		return 0;
	qsort(publish->pending, publish->pending_count, sizeof(*publish->pending), compare_pending);
	while (first < publish->pending_count) {
		size_t end = first + 1;
		int r;

		while (end < publish->pending_count &&
		       publish->pending[end].uid == publish->pending[first].uid)
			end++;
		r = apply_memberships(publish, &publish->pending[first], end - first);
		if (r < 0)
			return r;
		first = end;
	}
	publish->pending_count = 0;
	return 0;
}

/* Its members lose the gid (and get another one, unless heir is 0); then the group goes. */
static int group_vanish(struct publish *publish, uint32_t gid, uint32_t heir)
{
	struct directory_members members;
	struct directory_group group;
	uint64_t cursor = 0;
	int r = batch_pending_flush(publish);

	if (r == 0)
		r = directory_writer_group(publish->directory, gid, &group);
	while (r == 0 &&
	       (r = directory_writer_members_next(publish->directory, &group, &cursor,
						  &members)) == 0)
		for (size_t i = 0; r == 0 && i < members.count; i++) {
			r = batch_pending_add(publish, members.uids[i], gid, false);
			if (r == 0 && heir)
				r = batch_pending_add(publish, members.uids[i], heir, true);
		}
	if (r == -ENOENT)
		r = batch_pending_flush(publish);
	return r < 0 ? r : directory_writer_remove_group(publish->directory, gid);
}

int batch_group_delete(struct publish *publish, uint32_t gid)
{
	struct directory_group group;
	int r = directory_writer_group(publish->directory, gid, &group);

	if (r < 0 || (group.flags & DIRECTORY_LOCAL))
		return r == -ENOENT ? 0 : r;
	return group_vanish(publish, gid, 0);
}

/* A group of root's that a role grants. What has its name or its number in the directory was there
 * before root made it so, and gives way; the members of root's own group stay, under its new gid. */
int batch_local_group_put(struct publish *publish, uint32_t gid, const char *name)
{
	struct directory_group group;
	uint32_t other = 0, heir = 0;
	int r = directory_writer_group_named(publish->directory, name, strlen(name), &group);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && group.gid != gid) {
		other = group.gid;
		heir = group.flags & DIRECTORY_LOCAL ? gid : 0;
	} else if (r == 0 && (group.flags & DIRECTORY_LOCAL)) {
		return 0;
	}
	r = batch_group_delete(publish, gid);
	if (r == 0)
		r = directory_writer_put_group(publish->directory, gid, DIRECTORY_LOCAL, name);
	if (r == 0 && other)
		r = group_vanish(publish, other, heir);
	return r;
}
