/* TABLE_NAME: POSIX name given up by a rename -> version, when, id of whose it was. */
#include "scimd/store/table.h"

#include <string.h>

#define NAME_VERSION 1

static void name_key(const char *name, struct bytes *ret)
{
	codec_put_mem(ret, name, strlen(name));
}

int store_name_retire(struct store_txn *txn, const char *name, const char *owner_id,
		      uint64_t time_us)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	unsigned char id[CODEC_ID_SIZE];
	int r = codec_id_parse(owner_id, id);

	if (r < 0)
		return r;
	name_key(name, &key);
	codec_put_u8(&value, NAME_VERSION);
	codec_put_u64(&value, time_us);
	codec_put_mem(&value, id, sizeof(id));
	return table_put(txn, TABLE_NAME, &key, &value);
}

int store_name_retired(struct store_txn *txn, const char *name,
		       char ret_owner[static RESOURCE_ID_SIZE], uint64_t *ret_time_us)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	unsigned char id[CODEC_ID_SIZE];
	struct span span;
	uint64_t time_us;
	int r;

	name_key(name, &key);
	r = table_get(txn, TABLE_NAME, &key, &value);
	if (r < 0)
		return r;
	span = codec_span(&value);
	if (codec_get_version(&span, NAME_VERSION) < 0 || codec_get_u64(&span, &time_us) < 0 ||
	    codec_get_mem(&span, sizeof(id), id) < 0 || codec_get_end(&span) < 0)
		return -EIO;
	codec_id_format(id, ret_owner);
	*ret_time_us = time_us;
	return 0;
}
