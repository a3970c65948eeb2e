/* TABLE_PENDING: group id, member -> nothing. TABLE_PENDING_GROUP: connection, terminator, member,
 * terminator, group id -> nothing. The two change together. */
#include "scimd/store/pending.h"

#include <stdlib.h>
#include <string.h>

static void put_pending(struct bytes *bytes, const unsigned char *group, const char *member)
{
	codec_put_mem(bytes, group, CODEC_ID_SIZE);
	codec_put_mem(bytes, member, strlen(member));
}

static void put_waiting(struct bytes *bytes, const char *connection, const char *member)
{
	codec_put_word(bytes, connection);
	codec_put_word(bytes, member);
}

int store_pending_add(struct store_txn *txn, const char *connection, const char *group_id,
		      const char *member)
{
	_cleanup_bytes_ struct bytes pending = BYTES_INIT, waiting = BYTES_INIT;
	unsigned char group[CODEC_ID_SIZE];
	int r;

	if ((r = codec_id_parse(group_id, group)) < 0)
		return r;
	put_pending(&pending, group, member);
	put_waiting(&waiting, connection, member);
	codec_put_mem(&waiting, group, sizeof(group));
	r = table_insert(txn, TABLE_PENDING, &pending, NULL);
	if (r == -EEXIST)
		return 0;
	if (r < 0 || (r = table_put(txn, TABLE_PENDING_GROUP, &waiting, NULL)) < 0)
		return r;
	return 1;
}

static int pending_remove(struct store_txn *txn, const char *connection,
			  const unsigned char *group, const char *member)
{
	_cleanup_bytes_ struct bytes pending = BYTES_INIT, waiting = BYTES_INIT;
	int r;

	put_pending(&pending, group, member);
	put_waiting(&waiting, connection, member);
	codec_put_mem(&waiting, group, CODEC_ID_SIZE);
	r = table_delete(txn, TABLE_PENDING, &pending);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = table_delete(txn, TABLE_PENDING_GROUP, &waiting);
	if (r < 0)
		return r == -ENOENT ? -EIO : r; /* one without the other: damage */
	return 1;
}

int store_pending_remove(struct store_txn *txn, const char *connection, const char *group_id,
			 const char *member)
{
	unsigned char group[CODEC_ID_SIZE];
	int r = codec_id_parse(group_id, group);

	return r < 0 ? r : pending_remove(txn, connection, group, member);
}

int store_pending_has(struct store_txn *txn, const char *group_id, const char *member)
{
	_cleanup_bytes_ struct bytes pending = BYTES_INIT;
	unsigned char group[CODEC_ID_SIZE];

	if (codec_id_parse(group_id, group) < 0)
		return 0;
	put_pending(&pending, group, member);
	return table_has(txn, TABLE_PENDING, &pending);
}

struct text_walk {
	store_id_fn each;
	void *context;
};

static int member_each(struct span key, struct span value, void *context)
{
	const struct text_walk *walk = context;
	_cleanup_free_ char *member = NULL;

	if (key.size <= CODEC_ID_SIZE || value.size != 0)
		return -EIO;
	member = strndup((const char *)key.data + CODEC_ID_SIZE, key.size - CODEC_ID_SIZE);
	return member ? walk->each(member, walk->context) : -ENOMEM;
}

int store_pending_each(struct store_txn *txn, const char *group_id, store_id_fn each,
		       void *context)
{
	_cleanup_bytes_ struct bytes prefix = BYTES_INIT;
	struct walk walk = { .table = TABLE_PENDING, .prefix = &prefix };
	struct text_walk members = { each, context };
	unsigned char group[CODEC_ID_SIZE];

	if (codec_id_parse(group_id, group) < 0)
		return 0;
	codec_put_mem(&prefix, group, sizeof(group));
	return table_walk(txn, &walk, member_each, &members);
}

static int group_each(struct span key, struct span value, void *context)
{
	const struct text_walk *walk = context;
	char id[RESOURCE_ID_SIZE];

	if (key.size <= CODEC_ID_SIZE || value.size != 0)
		return -EIO;
	codec_id_format(key.data + key.size - CODEC_ID_SIZE, id);
	return walk->each(id, walk->context);
}

int store_pending_groups_each(struct store_txn *txn, const char *connection, const char *member,
			      store_id_fn each, void *context)
{
	_cleanup_bytes_ struct bytes prefix = BYTES_INIT;
	struct walk walk = { .table = TABLE_PENDING_GROUP, .prefix = &prefix };
	struct text_walk groups = { each, context };

	put_waiting(&prefix, connection, member);
	return table_walk(txn, &walk, group_each, &groups);
}

struct drop {
	struct store_txn *txn;
	const char *connection;
	const unsigned char *group;
};

static int drop_each(const char *member, void *context)
{
	const struct drop *drop = context;
	int r = pending_remove(drop->txn, drop->connection, drop->group, member);

	return r < 0 ? r : 0;
}

int pending_drop_group(struct store_txn *txn, const char *connection,
		       const unsigned char group[static CODEC_ID_SIZE])
{
	struct drop drop = { txn, connection, group };
	char id[RESOURCE_ID_SIZE];

	codec_id_format(group, id);
	return store_pending_each(txn, id, drop_each, &drop);
}
