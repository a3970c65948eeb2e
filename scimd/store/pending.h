/* pending.h - what deleting a group does to members who are waited for. Layer: store, private.
 * Threads: as store.h. Errors: as store.h. What is given is borrowed. */
#ifndef SCIMD_STORE_PENDING_H
#define SCIMD_STORE_PENDING_H

#include "scimd/store/table.h"

/* Nobody is waited for by the group any more; the connection is the group's. */
_must_use_ int pending_drop_group(struct store_txn *txn, const char *connection,
				  const unsigned char group[static CODEC_ID_SIZE]);

#endif
