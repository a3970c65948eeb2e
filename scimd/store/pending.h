/* pending.h - what deleting a group does to members who are waited for. Layer: store, private. */
#ifndef SCIMD_STORE_PENDING_H
#define SCIMD_STORE_PENDING_H

#include "scimd/store/table.h"

_must_use_ int pending_drop_group(struct store_txn *txn, const char *connection,
				  const unsigned char group[static CODEC_ID_SIZE]);

#endif
