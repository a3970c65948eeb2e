/* member.h - what deleting or renaming a resource does to memberships. Layer: store, private.
 * Threads: as store.h. Errors: as store.h. What is given is borrowed. */
#ifndef SCIMD_STORE_MEMBER_H
#define SCIMD_STORE_MEMBER_H

#include "scimd/store/table.h"

/* End all memberships of the group, or of the user. */
_must_use_ int member_drop_group(struct store_txn *txn,
				 const unsigned char group[static CODEC_ID_SIZE]);
_must_use_ int member_drop_user(struct store_txn *txn,
				const unsigned char user[static CODEC_ID_SIZE]);

/* The title (or NULL) that is kept beside each membership of the user. */
_must_use_ int member_retitle(struct store_txn *txn,
			      const unsigned char user[static CODEC_ID_SIZE], const char *title);

#endif
