/* TABLE_META 'p' -> version, the digest of what the rows were evaluated under. */
#include <string.h>

#include "scimd/store/table.h"

#define BASIS_VERSION 1

static void basis_key(struct bytes *ret)
{
	codec_put_u8(ret, META_BASIS);
}

int store_basis_put(struct store_txn *txn, const unsigned char basis[static STORE_BASIS_SIZE])
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;

	basis_key(&key);
	codec_put_u8(&value, BASIS_VERSION);
	codec_put_mem(&value, basis, STORE_BASIS_SIZE);
	return table_put(txn, TABLE_META, &key, &value);
}

int store_basis_is(struct store_txn *txn, const unsigned char basis[static STORE_BASIS_SIZE])
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	unsigned char stored[STORE_BASIS_SIZE];
	struct span span;
	int r;

	basis_key(&key);
	if ((r = table_get(txn, TABLE_META, &key, &value)) < 0)
		return r == -ENOENT ? 0 : r;
	span = codec_span(&value);
	if ((r = codec_get_version(&span, BASIS_VERSION)) < 0 ||
	    (r = codec_get_mem(&span, sizeof(stored), stored)) < 0 ||
	    (r = codec_get_end(&span)) < 0)
		return r;
	return memcmp(stored, basis, sizeof(stored)) == 0;
}

int store_basis_forget(struct store_txn *txn)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	int r;

	basis_key(&key);
	r = table_delete(txn, TABLE_META, &key);
	return r == -ENOENT ? 0 : r;
}
