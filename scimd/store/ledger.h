/* ledger.h - what storing a resource does to the id ledger. Layer: store, private.
 * Threads: as store.h. Errors: as store.h, and those below. What is given is borrowed. */
#ifndef SCIMD_STORE_LEDGER_H
#define SCIMD_STORE_LEDGER_H

#include "scimd/store/table.h"

/* The resource carries this number from now on: note its type, and enter the number if nobody ever
 * had it. -EEXIST: it is, or was, somebody else's. */
_must_use_ int ledger_claim(struct store_txn *txn, uint32_t number, enum resource_type type,
			    const unsigned char owner[static CODEC_ID_SIZE]);

/* The number becomes to's, if it is from's: else -EEXIST. -ENOENT: nobody's yet. */
_must_use_ int ledger_hand_over(struct store_txn *txn, uint32_t number,
				const unsigned char from[static CODEC_ID_SIZE],
				const unsigned char to[static CODEC_ID_SIZE]);

#endif
