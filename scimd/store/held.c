/* TABLE_HELD: id of a user in 16 bytes -> version, when the backup was made that they came back with.
 * The owner of a kept number (import.c) is here too while its name is published. */
#include "scimd/store/table.h"

#include <string.h>

#define HELD_VERSION 1

int store_held_put(struct store_txn *txn, const char *user_id, uint64_t backup_us)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	int r = codec_put_id(&key, user_id);

	if (r < 0)
		return r;
	codec_put_u8(&value, HELD_VERSION);
	codec_put_u64(&value, backup_us);
	return table_put(txn, TABLE_HELD, &key, &value);
}

int store_held_has(struct store_txn *txn, const char *user_id)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	int r = codec_put_id(&key, user_id);

	return r < 0 ? r : table_has(txn, TABLE_HELD, &key);
}

int store_held_delete(struct store_txn *txn, const char *user_id)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	int r = codec_put_id(&key, user_id);

	return r < 0 ? r : table_delete(txn, TABLE_HELD, &key);
}

struct held_walk {
	store_id_fn each;
	void *context;
};

static int held_each(struct span key, struct span value, void *context)
{
	const struct held_walk *walk = context;
	unsigned char raw[CODEC_ID_SIZE];
	char id[RESOURCE_ID_SIZE];
	uint64_t backup_us;

	static const unsigned char nobody[8]; /* import.c: a name alone */

	if (codec_get_mem(&key, sizeof(raw), raw) < 0 || codec_get_end(&key) < 0 ||
	    codec_get_version(&value, HELD_VERSION) < 0 || codec_get_u64(&value, &backup_us) < 0 ||
	    codec_get_end(&value) < 0)
		return -EIO;
	if (memcmp(raw, nobody, sizeof(nobody)) == 0)
		return 0;
	codec_id_format(raw, id);
	return walk->each(id, walk->context);
}

int store_held_each(struct store_txn *txn, store_id_fn each, void *context)
{
	const struct bytes all = BYTES_INIT;
	struct walk walk = { .table = TABLE_HELD, .prefix = &all };
	struct held_walk held = { each, context };

	return table_walk(txn, &walk, held_each, &held);
}
