/* email.h - the index of users by their e-mail addresses. Layer: store, private. Threads: as
 * store.h. */
#ifndef SCIMD_STORE_EMAIL_H
#define SCIMD_STORE_EMAIL_H

#include "scimd/store/row.h"
#include "shared/attrs.h"

/* Bring the index from one state of a row to another; NULL for the side that does not exist. */
_must_use_ int email_update(struct store_txn *txn, const struct row *from, const struct row *to);

/* What the keys of one address in a connection begin with; the order of the user follows. */
void email_put_key(struct bytes *bytes, const char *connection, const char *folded_email,
		   size_t len);

#endif
