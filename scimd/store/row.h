/* row.h - resources as rows of TABLE_RESOURCE, which lie in the order of creation.
 * Layer: store, private. Threads: any. */
#ifndef SCIMD_STORE_ROW_H
#define SCIMD_STORE_ROW_H

#include "scimd/store/codec.h"
#include "scimd/store/store.h"
#include "shared/attrs.h"

#define ROW_VERSION 2

struct row {
	struct store_resource resource;
	uint64_t order; /* place in the order of creation, from 1 */
};

void row_done(struct row *row);

/* -EINVAL: a field that the format does not hold. */
_must_use_ int row_encode(const struct store_resource *resource, struct bytes *ret);
/* Owned in *ret; -EIO for a damaged row. order is the row's key. */
_must_use_ int row_decode(uint64_t order, struct span value, struct row *ret);

/* The row of an id, owned in *ret (resource.c). -ENOENT. */
_must_use_ int row_find(struct store_txn *txn, const unsigned char id[static CODEC_ID_SIZE],
			struct row *ret);

#endif
