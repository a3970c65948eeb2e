/* TABLE_META 'f' -> the format of the whole store in 4 bytes: what its tables mean together. Rows carry
 * versions of their own besides, which tell damage from data. */
#include "scimd/store/table.h"

#include "scimd/store/row.h"

static int format_read(struct store_txn *txn, const struct bytes *key, uint32_t *ret)
{
	_cleanup_bytes_ struct bytes value = BYTES_INIT;
	struct span span;
	uint32_t format;
	int r;

	if ((r = table_get(txn, TABLE_META, key, &value)) < 0)
		return r;
	span = codec_span(&value);
	if (codec_get_u32(&span, &format) < 0 || codec_get_end(&span) < 0)
		return -EIO;
	*ret = format;
	return 0;
}

/* Stores had no such key at first: then their rows tell. */
static int row_look(struct span key, struct span value, void *context)
{
	uint8_t version;

	(void)key;
	if (codec_get_u8(&value, &version) < 0)
		return -EIO;
	*(uint32_t *)context = version == ROW_VERSION ? STORE_FORMAT : 1;
	return 1;
}

static int format_guess(struct store_txn *txn, uint32_t *ret)
{
	const struct bytes all = BYTES_INIT;
	struct walk walk = { .table = TABLE_RESOURCE, .prefix = &all };

	*ret = STORE_FORMAT; /* empty, or new */
	return table_walk(txn, &walk, row_look, ret);
}

int store_format_settle(struct store *store)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	uint32_t format;
	int r;

	codec_put_u8(&key, META_FORMAT);
	if ((r = store_begin(store, NULL, true, &txn)) < 0)
		return r;
	r = format_read(txn, &key, &format);
	if (r == 0)
		return format == STORE_FORMAT ? 0 : -EPROTONOSUPPORT;
	if (r != -ENOENT)
		return r;
	if ((r = format_guess(txn, &format)) < 0)
		return r;
	if (format != STORE_FORMAT)
		return -EPROTONOSUPPORT;
	codec_put_u32(&value, format);
	r = table_put(txn, TABLE_META, &key, &value);
	return r < 0 ? r : store_commit(&txn);
}
