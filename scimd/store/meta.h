/* meta.h - what a transaction has written to TABLE_META, kept in memory until it commits: counters that
 * each of very many changes moves are written once for all of them. A nested transaction has its own, which
 * go to its parent if it commits and are forgotten if it does not.
 * Layer: store, private. Threads: as its transaction. Errors: as store.h. */
#ifndef SCIMD_STORE_META_H
#define SCIMD_STORE_META_H

#include <stdbool.h>
#include <stddef.h>

#include "scimd/store/codec.h"
#include "shared/attrs.h"

/* Owned; ordered by key. */
struct meta {
	struct meta_entry *entries;
	size_t count, room;
};

struct store_txn;

void meta_done(struct meta *meta);

/* What the transaction, or the one it is nested in, has written under the key: 1 and a copy (owned; ret was
 * empty); -ENOENT it was deleted; 0 nothing. */
_must_use_ int meta_recall(const struct store_txn *txn, const struct bytes *key, struct bytes *ret);
/* Write; value NULL: delete. Both are copied. */
_must_use_ int meta_note(struct store_txn *txn, const struct bytes *key, const struct bytes *value);
/* Before a commit: into the table, or make room in the parent; and after it, into the parent. */
_must_use_ int meta_settle(struct store_txn *txn);
void meta_hand_over(struct store_txn *txn);

#endif
