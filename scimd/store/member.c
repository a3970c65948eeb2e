/* TABLE_MEMBER: group id, user id -> the user's title, without terminator.
 * TABLE_MEMBERSHIP: user id, group id -> nothing.
 * TABLE_META 'm', group id: how many members. The three change together. */
#include "scimd/store/member.h"

#include <string.h>

#include "scimd/store/row.h"

#define DROP_BATCH 256 /* memberships that one cursor collects before they go */

struct pair {
	unsigned char group[CODEC_ID_SIZE], user[CODEC_ID_SIZE];
};

static void put_pair(struct bytes *bytes, const void *first, const void *second)
{
	codec_put_mem(bytes, first, CODEC_ID_SIZE);
	codec_put_mem(bytes, second, CODEC_ID_SIZE);
}

static int pair_parse(const char *group_id, const char *user_id, struct pair *ret)
{
	int r = codec_id_parse(group_id, ret->group);

	return r < 0 ? r : codec_id_parse(user_id, ret->user);
}

static int count_add(struct store_txn *txn, const unsigned char *group, int64_t by)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	uint64_t count;

	codec_put_u8(&key, META_MEMBERS);
	codec_put_mem(&key, group, CODEC_ID_SIZE);
	return table_counter_add(txn, &key, by, &count);
}

int store_member_add(struct store_txn *txn, const char *group_id, const char *user_id,
		     const char *user_title)
{
	_cleanup_bytes_ struct bytes member = BYTES_INIT, membership = BYTES_INIT,
				     title = BYTES_INIT;
	struct pair pair;
	int r;

	if ((r = pair_parse(group_id, user_id, &pair)) < 0)
		return r;
	if (user_title)
		codec_put_mem(&title, user_title, strlen(user_title));
	put_pair(&member, pair.group, pair.user);
	put_pair(&membership, pair.user, pair.group);
	r = table_insert(txn, TABLE_MEMBER, &member, &title);
	if (r == -EEXIST)
		return 0;
	if (r < 0 || (r = table_put(txn, TABLE_MEMBERSHIP, &membership, NULL)) < 0 ||
	    (r = count_add(txn, pair.group, 1)) < 0)
		return r;
	return 1;
}

static int pair_remove(struct store_txn *txn, const struct pair *pair)
{
	_cleanup_bytes_ struct bytes member = BYTES_INIT, membership = BYTES_INIT;
	int r;

	put_pair(&member, pair->group, pair->user);
	put_pair(&membership, pair->user, pair->group);
	if ((r = table_delete(txn, TABLE_MEMBER, &member)) < 0)
		return r;
	r = table_delete(txn, TABLE_MEMBERSHIP, &membership);
	return r == -ENOENT ? -EIO : r; /* one without the other: damage */
}

int store_member_remove(struct store_txn *txn, const char *group_id, const char *user_id)
{
	struct pair pair;
	int r;

	if (pair_parse(group_id, user_id, &pair) < 0)
		return 0;
	r = pair_remove(txn, &pair);
	if (r == -ENOENT)
		return 0;
	if (r < 0 || (r = count_add(txn, pair.group, -1)) < 0)
		return r;
	return 1;
}

int store_member_has(struct store_txn *txn, const char *group_id, const char *user_id)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	struct pair pair;

	if (pair_parse(group_id, user_id, &pair) < 0)
		return 0;
	put_pair(&key, pair.group, pair.user);
	return table_has(txn, TABLE_MEMBER, &key);
}

struct id_walk {
	store_id_fn each;
	void *context;
};

static int id_each(struct span key, struct span value, void *context)
{
	const struct id_walk *walk = context;
	char id[RESOURCE_ID_SIZE];

	(void)value;
	if (key.size != 2 * CODEC_ID_SIZE)
		return -EIO;
	codec_id_format(key.data + CODEC_ID_SIZE, id);
	return walk->each(id, walk->context);
}

struct titled_walk {
	store_member_fn each;
	void *context;
};

static int titled_each(struct span key, struct span value, void *context)
{
	const struct titled_walk *walk = context;
	_cleanup_free_ char *title = NULL;
	char id[RESOURCE_ID_SIZE];

	if (key.size != 2 * CODEC_ID_SIZE)
		return -EIO;
	codec_id_format(key.data + CODEC_ID_SIZE, id);
	if (value.size > 0) {
		title = strndup((const char *)value.data, value.size);
		if (!title)
			return -ENOMEM;
	}
	return walk->each(id, title, walk->context);
}

static int walk_beside(struct store_txn *txn, enum table table, const char *id, walk_fn each,
		       void *context)
{
	_cleanup_bytes_ struct bytes prefix = BYTES_INIT;
	struct walk walk = { .table = table, .prefix = &prefix };
	unsigned char raw[CODEC_ID_SIZE];

	if (codec_id_parse(id, raw) < 0)
		return 0;
	codec_put_mem(&prefix, raw, sizeof(raw));
	return table_walk(txn, &walk, each, context);
}

static int ids_walk(struct store_txn *txn, enum table table, const char *id, store_id_fn each,
		    void *context)
{
	struct id_walk ids = { each, context };

	return walk_beside(txn, table, id, id_each, &ids);
}

int store_members_each(struct store_txn *txn, const char *group_id, store_id_fn each,
		       void *context)
{
	return ids_walk(txn, TABLE_MEMBER, group_id, each, context);
}

int store_members_titled_each(struct store_txn *txn, const char *group_id, store_member_fn each,
			      void *context)
{
	struct titled_walk members = { each, context };

	return walk_beside(txn, TABLE_MEMBER, group_id, titled_each, &members);
}

int store_groups_each(struct store_txn *txn, const char *user_id, store_id_fn each, void *context)
{
	return ids_walk(txn, TABLE_MEMBERSHIP, user_id, each, context);
}

int store_member_count(struct store_txn *txn, const char *group_id, uint64_t *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	unsigned char group[CODEC_ID_SIZE];

	if (codec_id_parse(group_id, group) < 0) {
		*ret = 0;
		return 0;
	}
	codec_put_u8(&key, META_MEMBERS);
	codec_put_mem(&key, group, sizeof(group));
	return table_counter_get(txn, &key, ret);
}

struct batch {
	unsigned char ids[DROP_BATCH][CODEC_ID_SIZE];
	size_t count;
};

static int batch_collect(struct span key, struct span value, void *context)
{
	struct batch *batch = context;

	(void)value;
	if (key.size != 2 * CODEC_ID_SIZE)
		return -EIO;
	memcpy(batch->ids[batch->count++], key.data + CODEC_ID_SIZE, CODEC_ID_SIZE);
	return batch->count == DROP_BATCH;
}

/* The first ids that stand beside id in the table. */
static int batch_read(struct store_txn *txn, enum table table, const unsigned char *id,
		      struct batch *batch)
{
	_cleanup_bytes_ struct bytes prefix = BYTES_INIT;
	struct walk walk = { .table = table, .prefix = &prefix };

	batch->count = 0;
	codec_put_mem(&prefix, id, CODEC_ID_SIZE);
	return table_walk(txn, &walk, batch_collect, batch);
}

static int drop_pair(struct store_txn *txn, const unsigned char *group, const unsigned char *user)
{
	struct pair pair;
	int r;

	memcpy(pair.group, group, CODEC_ID_SIZE);
	memcpy(pair.user, user, CODEC_ID_SIZE);
	r = pair_remove(txn, &pair);
	return r == -ENOENT ? -EIO : r;
}

int member_drop_group(struct store_txn *txn, const unsigned char group[static CODEC_ID_SIZE])
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	struct batch batch;
	int r;

	do {
		if ((r = batch_read(txn, TABLE_MEMBER, group, &batch)) < 0)
			return r;
		for (size_t i = 0; i < batch.count; i++)
			if ((r = drop_pair(txn, group, batch.ids[i])) < 0)
				return r;
	} while (batch.count == DROP_BATCH);
	codec_put_u8(&key, META_MEMBERS);
	codec_put_mem(&key, group, CODEC_ID_SIZE);
	r = table_delete(txn, TABLE_META, &key);
	return r == -ENOENT ? 0 : r;
}

int member_drop_user(struct store_txn *txn, const unsigned char user[static CODEC_ID_SIZE])
{
	struct batch batch;
	int r;

	do {
		if ((r = batch_read(txn, TABLE_MEMBERSHIP, user, &batch)) < 0)
			return r;
		for (size_t i = 0; i < batch.count; i++)
			if ((r = drop_pair(txn, batch.ids[i], user)) < 0 ||
			    (r = count_add(txn, batch.ids[i], -1)) < 0)
				return r;
	} while (batch.count == DROP_BATCH);
	return 0;
}

struct retitle {
	struct store_txn *txn;
	const unsigned char *user;
	struct bytes title;
};

static int retitle_each(struct span key, struct span value, void *context)
{
	const struct retitle *retitle = context;
	_cleanup_bytes_ struct bytes member = BYTES_INIT;

	(void)value;
	if (key.size != 2 * CODEC_ID_SIZE)
		return -EIO;
	put_pair(&member, key.data + CODEC_ID_SIZE, retitle->user);
	return table_put(retitle->txn, TABLE_MEMBER, &member, &retitle->title);
}

int member_retitle(struct store_txn *txn, const unsigned char user[static CODEC_ID_SIZE],
		   const char *title)
{
	struct retitle retitle = { txn, user, BYTES_INIT };
	_cleanup_bytes_ struct bytes prefix = BYTES_INIT;
	struct walk walk = { .table = TABLE_MEMBERSHIP, .prefix = &prefix };
	int r;

	if (title)
		codec_put_mem(&retitle.title, title, strlen(title));
	codec_put_mem(&prefix, user, CODEC_ID_SIZE);
	r = table_walk(txn, &walk, retitle_each, &retitle);
	bytes_done(&retitle.title);
	return r;
}
