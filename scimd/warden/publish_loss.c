#include "scimd/warden/publish_batch.h"

#include <stdio.h>

/* --- who may lose something ------------------------------------------------------------------------ */

static bool was_published(const struct publish *publish, uint32_t uid, struct directory_user *ret)
{
	const struct directory_view *view = directory_writer_view(publish->directory);

	return view && directory_user_by_uid(view, uid, ret) == 0;
}

/* Only who is let in by the published state can lose something; with WARDEN_FULL all of those. */
int batch_touch(struct publish *publish, uint32_t uid)
{
	struct directory_user user;

	return !publish->full && was_published(publish, uid, &user) && (user.flags & DIRECTORY_ALLOWED)
		       ? id_list_add(&publish->touched, uid)
		       : 0;
}

/* --- who is left out or refused -------------------------------------------------------------------- */

/* A refused record must not leave its uid as it was. In a full batch it is nowhere yet: what becomes of
 * it is decided when everybody else is known. */
int batch_shut_out(struct publish *publish, uint32_t uid)
{
	_cleanup_(user_copy_done) struct user_copy old = { 0 }, new = { 0 };
	struct directory_user user;
	int r = user_copy_get(publish, uid, &old);

	if (r == 0 && publish->full && !old.exists)
		return was_published(publish, uid, &user) ? id_list_add(&publish->shut, uid) : 0;
	if (r < 0 || !old.exists || !(old.flags & DIRECTORY_ALLOWED))
		return r;
	new = old;
	new.gids = NULL;
	new.gid_count = new.gid_room = 0;
	new.flags = 0;
	(void)snprintf(new.shell, sizeof(new.shell), DIRECTORY_NOLOGIN);
	r = batch_members_sync(publish, uid, &old, &new);
	return r < 0 ? r : user_copy_put(publish, uid, &new, NULL);
}

/* What a full batch leaves of somebody whom it did not name, or named in a way that was refused: a
 * tombstone, or a name without access. */
static void remains_of(struct publish *publish, const struct directory_user *user, bool refused,
		       struct user_copy *ret)
{
	struct directory_group group;
	struct directory_user other;

	*ret = (struct user_copy){ .flags = DIRECTORY_DELETED };
	if (user->flags & DIRECTORY_DELETED) {
		ret->flags |= user->flags & DIRECTORY_RETIRED;
		return;
	}
	if (!refused || user->name_size >= sizeof(ret->name) ||
	    directory_writer_user_named(publish->directory, user->name, user->name_size, &other) == 0 ||
	    directory_writer_group_named(publish->directory, user->name, user->name_size,
					 &group) == 0 ||
	    directory_writer_group(publish->directory, user->uid, &group) == 0)
		return;
	ret->flags = 0;
	(void)snprintf(ret->name, sizeof(ret->name), "%s", user->name);
	(void)snprintf(ret->gecos, sizeof(ret->gecos), "%s", user->gecos);
	(void)snprintf(ret->home, sizeof(ret->home), "%s", user->home);
	(void)snprintf(ret->shell, sizeof(ret->shell), DIRECTORY_NOLOGIN);
}

/* With WARDEN_FULL: whom the batch did not name is gone; the uid stays taken. */
int batch_bury(struct publish *publish)
{
	const struct directory_view *before = directory_writer_view(publish->directory);
	struct directory_user user, staged;
	uint64_t cursor = 0;
	int r = 0;

	if (!publish->full || !before)
		return 0;
	id_list_sort(&publish->shut);
	while (r == 0 && (r = directory_user_next_any(before, &cursor, &user)) == 0) {
		struct user_copy remains;
		uint32_t uid = user.uid;

		r = directory_writer_user(publish->directory, uid, &staged);
		if (r == -ENOENT) {
			remains_of(publish, &user, id_list_has(&publish->shut, uid), &remains);
			r = user_copy_put(publish, uid, &remains, NULL);
		}
		if (r == 0 && user.flags & DIRECTORY_ALLOWED)
			r = id_list_add(&publish->touched, uid);
	}
	return r == -ENOENT ? 0 : r;
}

/* --- who loses what --------------------------------------------------------------------------------- */

static int loss_add(struct publish_result *result, const struct publish_loss *loss)
{
	/* Full whenever the count is a power of two. */
	if ((result->loss_count & (result->loss_count - 1)) == 0) {
		size_t room = result->loss_count ? result->loss_count * 2 : 1;
		struct publish_loss *larger =
			reallocarray(result->losses, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		result->losses = larger;
	}
	result->losses[result->loss_count++] = *loss;
	return 0;
}

static bool was_local_group(const struct directory_view *view, uint32_t gid)
{
	struct directory_group group;

	return directory_group_by_gid(view, gid, &group) == 0 && (group.flags & DIRECTORY_LOCAL);
}

static int loss_add_gid(struct publish_loss *loss, uint32_t gid)
{
	uint32_t *larger = reallocarray(loss->gids, loss->gid_count + 1, sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	loss->gids = larger;
	loss->gids[loss->gid_count++] = gid;
	return 0;
}

static bool is_as_before(const struct publish *publish, const struct directory_user *before)
{
	struct directory_user after;

	return directory_writer_user(publish->directory, before->uid, &after) == 0 &&
	       after.flags & DIRECTORY_ALLOWED && after.group_count == before->group_count &&
	       memcmp(after.gids, before->gids, after.group_count * sizeof(*after.gids)) == 0;
}

/* What one uid loses by the staged batch against the published state. */
static int loss_of(struct publish *publish, uint32_t uid, struct publish_result *result)
{
	const struct directory_view *view = directory_writer_view(publish->directory);
	_cleanup_(user_copy_done) struct user_copy after = { 0 };
	struct publish_loss loss = { .uid = uid };
	struct directory_user before;
	int r;

	if (!view || directory_user_by_uid(view, uid, &before) < 0 ||
	    !(before.flags & DIRECTORY_ALLOWED) || is_as_before(publish, &before))
		return 0;
	(void)snprintf(loss.name, sizeof(loss.name), "%s", before.name);
	r = user_copy_get(publish, uid, &after);
	if (r < 0)
		return r;
	if (!(after.flags & DIRECTORY_ALLOWED))
		return loss_add(result, &loss);
	for (size_t i = 0; r == 0 && i < before.group_count; i++)
		if (!gids_have(&after, before.gids[i]) && was_local_group(view, before.gids[i]))
			r = loss_add_gid(&loss, before.gids[i]);
	if (r == 0 && loss.gid_count)
		r = loss_add(result, &loss);
	if (r < 0)
		free(loss.gids);
	return r;
}

int batch_losses(struct publish *publish, struct publish_result *result)
{
	int r = 0;

	id_list_sort(&publish->touched);
	for (size_t i = 0; r == 0 && i < publish->touched.count; i++)
		r = loss_of(publish, publish->touched.ids[i], result);
	return r;
}
