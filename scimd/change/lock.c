/* Locks by this host's administrators: stronger than the identity provider, older than its changes. */
#include "scimd/change/internal.h"

#include <string.h>

#include "scimd/base/clock.h"

#define LOCK_REASON "locked on this host by an administrator"

static void list_empty(char **list)
{
	for (size_t i = 0; list && list[i]; i++) {
		free(list[i]);
		list[i] = NULL;
	}
}

int identity_deny(struct identity *identity, const char *reason)
{
	char *copy = strdup(reason);

	if (!copy)
		return -ENOMEM;
	free(identity->reason);
	identity->reason = copy;
	identity->allowed = false;
	list_empty(identity->roles);
	list_empty(identity->keys);
	list_empty(identity->env);
	return 0;
}

int lock_apply(struct store_txn *txn, const char *user_id, struct identity *identity)
{
	_cleanup_(store_lock_done) struct store_lock lock = { 0 };
	int r = store_lock_get(txn, user_id, &lock);

	if (r == -ENOENT)
		return 0;
	/* Who and why are for administrators; the directory is for everybody. */
	return r < 0 ? r : identity_deny(identity, LOCK_REASON);
}

struct lock_search {
	struct store_txn *txn;
	const char *name;
	char found[RESOURCE_ID_SIZE];
};

/* Stops at the lock of somebody of that name who is gone. */
static int lock_is_orphan(const char *user_id, const struct store_lock *lock, void *context)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	struct lock_search *search = context;
	int r;

	if (strcmp(lock->name, search->name) != 0)
		return 0;
	r = store_resource_get(search->txn, user_id, &row);
	if (r != -ENOENT)
		return r;
	memcpy(search->found, user_id, sizeof(search->found));
	return 1;
}

int change_lock_of_gone(struct store_txn *txn, const char *name, char ret[static RESOURCE_ID_SIZE])
{
	struct lock_search search = { .txn = txn, .name = name };
	int r = store_lock_each(txn, lock_is_orphan, &search);

	if (r < 0)
		return r;
	if (!search.found[0])
		return -ENOENT;
	memcpy(ret, search.found, RESOURCE_ID_SIZE);
	return 0;
}

int lock_inherit(struct change *change, const char *user_id, struct identity *identity)
{
	_cleanup_(store_lock_done) struct store_lock lock = { 0 };
	char gone[RESOURCE_ID_SIZE];
	int r = change_lock_of_gone(change->txn, identity->name, gone);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = store_lock_get(change->txn, gone, &lock);
	if (r == 0)
		r = store_lock_put(change->txn, user_id, &lock);
	if (r == 0)
		r = store_lock_delete(change->txn, gone);
	return r < 0 ? r : identity_deny(identity, LOCK_REASON);
}

int change_user_lock(struct change *change, const char *id, const char *by, const char *reason,
		     struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	_cleanup_(store_lock_done) struct store_lock old = { 0 };
	struct store_lock lock = { .by = (char *)by, .reason = (char *)reason };
	int r = store_resource_get(change->txn, id, &row);

	if (r == 0)
		r = store_lock_get(change->txn, id, &old);
	if (r == 0)
		return fault_set(fault, 409, NULL, "%s is locked already, by %s", row.posix_name,
				 old.by);
	if (r != -ENOENT || !row.id[0])
		return r;
	lock.name = row.posix_name;
	lock.time_us = clock_now_us();
	r = store_lock_put(change->txn, id, &lock);
	if (r == 0)
		r = event_add(change, "user.locked", row.posix_name, reason);
	return r < 0 ? r : change_mark_dirty(change, id);
}

int change_user_unlock(struct change *change, const char *id, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	_cleanup_(store_lock_done) struct store_lock lock = { 0 };
	int r = store_lock_get(change->txn, id, &lock);

	if (r == -ENOENT)
		return fault_set(fault, 409, NULL, "not locked");
	if (r == 0)
		r = store_lock_delete(change->txn, id);
	if (r == 0)
		r = store_resource_get(change->txn, id, &row);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0)
		r = change_mark_dirty(change, id);
	else
		r = 0; /* the person is gone, and now the lock too */
	return r < 0 ? r : event_add(change, "user.unlocked",
				     row.id[0] ? row.posix_name : lock.name, NULL);
}
