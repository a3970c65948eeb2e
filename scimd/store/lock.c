/* TABLE_LOCK: id of a user in 16 bytes -> version, time, name, who and why, each with its length. */
#include "scimd/store/table.h"

#include <string.h>

#define LOCK_VERSION 1

void store_lock_done(struct store_lock *lock)
{
	free(lock->name);
	free(lock->by);
	free(lock->reason);
	*lock = (struct store_lock){ 0 };
}

static int lock_decode(struct span value, struct store_lock *ret)
{
	_cleanup_(store_lock_done) struct store_lock lock = { 0 };
	int r;

	if (codec_get_version(&value, LOCK_VERSION) < 0 || codec_get_u64(&value, &lock.time_us) < 0)
		return -EIO;
	if ((r = codec_get_text(&value, &lock.name)) < 0 ||
	    (r = codec_get_text(&value, &lock.by)) < 0 ||
	    (r = codec_get_text(&value, &lock.reason)) < 0)
		return r;
	if (codec_get_end(&value) < 0 || !lock.name || !lock.by)
		return -EIO;
	*ret = lock;
	lock = (struct store_lock){ 0 }; /* handed over */
	return 0;
}

int store_lock_put(struct store_txn *txn, const char *user_id, const struct store_lock *lock)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	int r = codec_put_id(&key, user_id);

	if (r < 0)
		return r;
	codec_put_u8(&value, LOCK_VERSION);
	codec_put_u64(&value, lock->time_us);
	codec_put_text(&value, lock->name);
	codec_put_text(&value, lock->by);
	codec_put_text(&value, lock->reason);
	return table_put(txn, TABLE_LOCK, &key, &value);
}

int store_lock_get(struct store_txn *txn, const char *user_id, struct store_lock *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	int r = codec_put_id(&key, user_id);

	if (r < 0)
		return r;
	r = table_get(txn, TABLE_LOCK, &key, &value);
	return r < 0 ? r : lock_decode(codec_span(&value), ret);
}

int store_lock_delete(struct store_txn *txn, const char *user_id)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	int r = codec_put_id(&key, user_id);

	return r < 0 ? r : table_delete(txn, TABLE_LOCK, &key);
}

struct lock_walk {
	store_lock_fn each;
	void *context;
};

static int lock_each(struct span key, struct span value, void *context)
{
	_cleanup_(store_lock_done) struct store_lock lock = { 0 };
	const struct lock_walk *walk = context;
	char id[RESOURCE_ID_SIZE];
	int r;

	if (codec_get_id(&key, id) < 0 || codec_get_end(&key) < 0)
		return -EIO;
	r = lock_decode(value, &lock);
	return r < 0 ? r : walk->each(id, &lock, walk->context);
}

int store_lock_each(struct store_txn *txn, store_lock_fn each, void *context)
{
	const struct bytes all = BYTES_INIT;
	struct walk walk = { .table = TABLE_LOCK, .prefix = &all };
	struct lock_walk locks = { each, context };

	return table_walk(txn, &walk, lock_each, &locks);
}
