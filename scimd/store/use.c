/* TABLE_USE: name of a connection with its terminator -> version, time of the last request, how many, and
 * how many of them failed. */
#include "scimd/store/table.h"

#define USE_VERSION 1

int store_use_put(struct store_txn *txn, const char *connection, const struct store_use *use)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;

	codec_put_word(&key, connection);
	codec_put_u8(&value, USE_VERSION);
	codec_put_u64(&value, use->last_us);
	codec_put_u64(&value, use->requests);
	codec_put_u64(&value, use->errors);
	return table_put(txn, TABLE_USE, &key, &value);
}

struct use_walk {
	store_use_fn each;
	void *context;
};

static int use_each(struct span key, struct span value, void *context)
{
	const struct use_walk *walk = context;
	const char *connection;
	struct store_use use;

	if (codec_get_word(&key, &connection) < 0 || codec_get_end(&key) < 0 ||
	    codec_get_version(&value, USE_VERSION) < 0 ||
	    codec_get_u64(&value, &use.last_us) < 0 ||
	    codec_get_u64(&value, &use.requests) < 0 || codec_get_u64(&value, &use.errors) < 0 ||
	    codec_get_end(&value) < 0)
		return -EIO;
	return walk->each(connection, &use, walk->context);
}

int store_use_each(struct store_txn *txn, store_use_fn each, void *context)
{
	const struct bytes all = BYTES_INIT;
	struct walk walk = { .table = TABLE_USE, .prefix = &all };
	struct use_walk uses = { each, context };

	return table_walk(txn, &walk, use_each, &uses);
}
