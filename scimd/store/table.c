#include "scimd/store/table.h"

#include <string.h>

static DBT dbt_in(const struct bytes *bytes)
{
	DBT dbt;

	memset(&dbt, 0, sizeof(dbt));
	if (bytes) {
		dbt.data = bytes->data;
		dbt.size = (u_int32_t)bytes->size;
	}
	return dbt;
}

/* Shared handles demand that libdb allocates what it returns. */
static DBT dbt_out(void)
{
	DBT dbt;

	memset(&dbt, 0, sizeof(dbt));
	dbt.flags = DB_DBT_MALLOC;
	return dbt;
}

static void dbt_done(DBT *dbt)
{
	if (dbt->data)
		explicit_bzero(dbt->data, dbt->size);
	free(dbt->data);
	dbt->data = NULL;
	dbt->size = 0;
}

static int bytes_check(const struct bytes *bytes)
{
	if (!bytes)
		return 0;
	return bytes->failed || bytes->size > UINT32_MAX ? -ENOMEM : 0;
}

int table_get(struct store_txn *txn, enum table table, const struct bytes *key, struct bytes *ret)
{
	DB *db = txn->store->tables[table];
	bool one_by_one = table == TABLE_META && !txn->write;
	DBT k = dbt_in(key), v = dbt_out();
	int r;

	if ((r = bytes_check(key)) < 0)
		return r;
	if (table == TABLE_META && (r = meta_recall(txn, key, ret)) != 0)
		return r < 0 ? r : 0;
	if (one_by_one)
		pthread_mutex_lock(&txn->store->meta_lock);
	r = store_error(db->get(db, txn->handle, &k, &v, 0));
	if (one_by_one)
		pthread_mutex_unlock(&txn->store->meta_lock);
	if (r < 0)
		return r;
	*ret = (struct bytes){ v.data, v.size, v.size, false };
	return 0;
}

int table_has(struct store_txn *txn, enum table table, const struct bytes *key)
{
	DB *db = txn->store->tables[table];
	DBT k = dbt_in(key);
	int r;

	if ((r = bytes_check(key)) < 0)
		return r;
	r = store_error(db->exists(db, txn->handle, &k, 0));
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static int table_write(struct store_txn *txn, enum table table, const struct bytes *key,
		       const struct bytes *value, u_int32_t flags)
{
	DB *db = txn->store->tables[table];
	DBT k = dbt_in(key), v = dbt_in(value);
	int r;

	if (!txn->write)
		return -EINVAL;
	if ((r = bytes_check(key)) < 0 || (r = bytes_check(value)) < 0)
		return r;
	return store_error(db->put(db, txn->handle, &k, &v, flags));
}

/* Into the transaction, where the table is TABLE_META. */
static int meta_write(struct store_txn *txn, const struct bytes *key, const struct bytes *value)
{
	int r;

	if (!txn->write)
		return -EINVAL;
	if ((r = bytes_check(key)) < 0 || (r = bytes_check(value)) < 0)
		return r;
	return meta_note(txn, key, value);
}

/* Whether TABLE_META has the key, as this transaction sees it: 0 or -ENOENT. */
static int meta_find(struct store_txn *txn, const struct bytes *key)
{
	_cleanup_bytes_ struct bytes value = BYTES_INIT;

	return table_get(txn, TABLE_META, key, &value);
}

int table_put(struct store_txn *txn, enum table table, const struct bytes *key,
	      const struct bytes *value)
{
	if (table == TABLE_META)
		return meta_write(txn, key, value);
	return table_write(txn, table, key, value, 0);
}

int table_insert(struct store_txn *txn, enum table table, const struct bytes *key,
		 const struct bytes *value)
{
	int r;

	if (table != TABLE_META)
		return table_write(txn, table, key, value, DB_NOOVERWRITE);
	r = meta_find(txn, key);
	if (r != -ENOENT)
		return r < 0 ? r : -EEXIST;
	return meta_write(txn, key, value);
}

static int table_remove(struct store_txn *txn, enum table table, const struct bytes *key)
{
	DB *db = txn->store->tables[table];
	DBT k = dbt_in(key);
	int r;

	if (!txn->write)
		return -EINVAL;
	if ((r = bytes_check(key)) < 0)
		return r;
	return store_error(db->del(db, txn->handle, &k, 0));
}

int table_delete(struct store_txn *txn, enum table table, const struct bytes *key)
{
	int r;

	if (table != TABLE_META)
		return table_remove(txn, table, key);
	r = meta_find(txn, key);
	return r < 0 ? r : meta_write(txn, key, NULL);
}

int table_meta_write(struct store_txn *txn, const struct bytes *key, const struct bytes *value)
{
	return value ? table_write(txn, TABLE_META, key, value, 0)
		     : table_remove(txn, TABLE_META, key);
}

int table_counter_get(struct store_txn *txn, const struct bytes *key, uint64_t *ret)
{
	_cleanup_bytes_ struct bytes value = BYTES_INIT;
	struct span span;
	uint64_t number = 0;
	int r;

	r = table_get(txn, TABLE_META, key, &value);
	if (r < 0 && r != -ENOENT)
		return r;
	span = codec_span(&value);
	if (r == 0 && (codec_get_u64(&span, &number) < 0 || codec_get_end(&span) < 0))
		return -EIO;
	*ret = number;
	return 0;
}

int table_counter_add(struct store_txn *txn, const struct bytes *key, int64_t by, uint64_t *ret)
{
	_cleanup_bytes_ struct bytes value = BYTES_INIT;
	uint64_t number;
	int r;

	if ((r = table_counter_get(txn, key, &number)) < 0)
		return r;
	if (__builtin_add_overflow(number, by, &number))
		return -EIO;
	codec_put_u64(&value, number);
	if ((r = table_put(txn, TABLE_META, key, &value)) < 0)
		return r;
	*ret = number;
	return 0;
}

int table_sequence_next(struct store_txn *txn, enum meta_key name, uint64_t *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;

	codec_put_u8(&key, (uint8_t)name);
	return table_counter_add(txn, &key, 1, ret);
}

/* A cursor and the entry under it. */
struct cursor {
	DBC *handle;
	DBT key, value;
};

/* Closing may do the work of a deletion under the cursor, so its failure counts. */
static int cursor_close(struct cursor *cursor)
{
	DBC *handle = TAKE_PTR(cursor->handle);

	dbt_done(&cursor->key);
	dbt_done(&cursor->value);
	return handle ? store_error(handle->close(handle)) : 0;
}

static void cursor_done(struct cursor *cursor)
{
	(void)cursor_close(cursor); /* on the way out with another error */
}

static int cursor_get(struct cursor *cursor, const struct bytes *at, u_int32_t how)
{
	dbt_done(&cursor->key);
	dbt_done(&cursor->value);
	cursor->value = dbt_out();
	cursor->key = dbt_in(at);
	cursor->key.flags = DB_DBT_MALLOC;
	return store_error(cursor->handle->get(cursor->handle, &cursor->key, &cursor->value, how));
}

/* As above from a key; a failure can leave that borrowed key in the place of the found one. */
static int cursor_seek(struct cursor *cursor, const struct bytes *at, u_int32_t how)
{
	int r = cursor_get(cursor, at, how);

	if (cursor->key.data == at->data)
		cursor->key = dbt_out();
	return r;
}

/* The least byte string after all that begin with prefix; empty if there is none. */
static void prefix_successor(const struct bytes *prefix, struct bytes *ret)
{
	codec_put_mem(ret, prefix->data, prefix->size);
	while (ret->size > 0 && ret->data[ret->size - 1] == 0xff)
		ret->size--;
	if (ret->size > 0)
		ret->data[ret->size - 1]++;
}

static int cursor_last(struct cursor *cursor, const struct bytes *prefix)
{
	_cleanup_bytes_ struct bytes after = BYTES_INIT;
	int r;

	prefix_successor(prefix, &after);
	if (after.failed)
		return -ENOMEM;
	if (after.size == 0)
		return cursor_get(cursor, NULL, DB_LAST);
	r = cursor_seek(cursor, &after, DB_SET_RANGE);
	if (r == -ENOENT)
		return cursor_get(cursor, NULL, DB_LAST);
	return r < 0 ? r : cursor_get(cursor, NULL, DB_PREV);
}

/* From the entry under the cursor skip entries on, by the record numbers the tree keeps. */
static int cursor_skip(struct cursor *cursor, uint64_t skip)
{
	struct bytes at = BYTES_INIT;
	db_recno_t number;
	int r;

	if ((r = cursor_get(cursor, NULL, DB_GET_RECNO)) < 0)
		return r;
	if (cursor->value.size != sizeof(number))
		return -EIO;
	memcpy(&number, cursor->value.data, sizeof(number));
	if (skip > UINT32_MAX - number)
		return -ENOENT;
	number += (db_recno_t)skip;
	at.data = (unsigned char *)&number;
	at.size = sizeof(number);
	return cursor_seek(cursor, &at, DB_SET_RECNO);
}

static int cursor_start(struct cursor *cursor, const struct walk *walk)
{
	int r;

	if (walk->backward)
		return cursor_last(cursor, walk->prefix);
	if (walk->from)
		r = cursor_seek(cursor, walk->from, DB_SET_RANGE);
	else if (walk->prefix->size == 0)
		r = cursor_get(cursor, NULL, DB_FIRST);
	else
		r = cursor_seek(cursor, walk->prefix, DB_SET_RANGE);
	return r < 0 || walk->skip == 0 ? r : cursor_skip(cursor, walk->skip);
}

static bool cursor_has_prefix(const struct cursor *cursor, const struct bytes *prefix)
{
	return prefix->size == 0 ||
	       (cursor->key.size >= prefix->size &&
		memcmp(cursor->key.data, prefix->data, prefix->size) == 0);
}

int table_walk(struct store_txn *txn, const struct walk *walk, walk_fn each, void *context)
{
	DB *db = txn->store->tables[walk->table];
	_cleanup_(cursor_done) struct cursor cursor = { NULL, dbt_out(), dbt_out() };
	int r;

	if ((r = bytes_check(walk->prefix)) < 0 || (r = bytes_check(walk->from)) < 0)
		return r;
	if ((r = store_error(db->cursor(db, txn->handle, &cursor.handle, 0))) < 0)
		return r;
	r = cursor_start(&cursor, walk);
	while (r == 0 && cursor_has_prefix(&cursor, walk->prefix)) {
		r = each((struct span){ cursor.key.data, cursor.key.size },
			 (struct span){ cursor.value.data, cursor.value.size }, context);
		if (r < 0)
			return r;
		if (r > 0)
			break;
		r = cursor_get(&cursor, NULL, walk->backward ? DB_PREV : DB_NEXT);
	}
	if (r < 0 && r != -ENOENT)
		return r;
	return cursor_close(&cursor);
}
