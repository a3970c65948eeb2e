/* table.h - the environment, its tables, and the few ways in which the store touches them.
 * Layer: store, private: the only header that knows Berkeley DB.
 * Threads: as store.h. Errors: as store.h. */
#ifndef SCIMD_STORE_TABLE_H
#define SCIMD_STORE_TABLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <db.h>

#include "scimd/store/codec.h"
#include "scimd/store/meta.h"
#include "scimd/store/store.h"
#include "shared/attrs.h"
#include "shared/backup.h"

/* Keys and values are described beside the code that owns the table. */
enum table {
	TABLE_META,         /* store.c, counters of everybody */
	TABLE_RESOURCE,     /* row.c */
	TABLE_ID,           /* resource.c, and so on to TABLE_ORDER */
	TABLE_USER_NAME,
	TABLE_GROUP_NAME,
	TABLE_POSIX_NAME,
	TABLE_NUMBER,
	TABLE_EXTERNAL,
	TABLE_EMAIL,
	TABLE_ORDER,
	TABLE_MEMBER,       /* member.c */
	TABLE_MEMBERSHIP,
	TABLE_PENDING,      /* pending.c */
	TABLE_PENDING_GROUP,
	TABLE_LEDGER,       /* ledger.c */
	TABLE_EVENT,        /* event.c */
	TABLE_RECEIPT,      /* receipt.c */
	TABLE_RECEIPT_USER,
	TABLE_RECEIPT_OPEN,
	TABLE_LOCK,         /* lock.c */
	TABLE_HELD,         /* held.c */
	TABLE_NAME,         /* name.c */
	TABLE_IMPORT,       /* import.c */
	TABLE_POSITION,     /* event.c */
	TABLE_LOGIN,        /* login.c */
	TABLE_USE,          /* use.c */
	TABLE_COUNT
};

#define STORE_INSTANCE_SIZE 16

struct store {
	int directory_fd, lock_fd;
	DB_ENV *env;
	DB *tables[TABLE_COUNT];
	unsigned char instance[STORE_INSTANCE_SIZE];
	unsigned char secret[STORE_SECRET_SIZE];
	uint64_t complaints_since_us; /* libdb's messages, store.c; monotonic */
	unsigned int complaints;
	pthread_mutex_t backup_lock; /* held while a backup is made: logs stay */
	/* One snapshot at a time reads TABLE_META. While somebody writes its first page, which each
	 * commit does, libdb has a reader try again and again; many of them at once would never
	 * leave the latch of the page's hash bucket to the one who has to take it before he lets
	 * go of the page. */
	pthread_mutex_t meta_lock;
	pthread_mutex_t write_lock; /* held by the top of the transactions that write */
};

struct store_txn {
	struct store *store;
	struct store_txn *parent; /* borrowed; NULL at the top */
	DB_TXN *handle;
	struct meta meta;
	bool write, has_turn;
};

/* What a libdb return code means to callers of the store; 0 stays 0. */
_must_use_ int store_error(int db_error);

/* The table's file in the store's directory; borrowed for ever. */
const char *table_file(enum table table);

/* Open a copy that a backup made: recovers from all of its logs, not from the last checkpoint on. */
_must_use_ int store_open_copy(const char *directory, struct store **ret);

/* Check it when META and RESOURCE are open, before anything else is. -EPROTONOSUPPORT. */
_must_use_ int store_format_settle(struct store *store);

/* First bytes of the keys in TABLE_META. */
enum meta_key {
	META_INSTANCE = 'i',   /* version, 16 bytes */
	META_SECRET = 'k',     /* version, 32 bytes */
	META_REVISION = 'v',   /* counters: u64 */
	META_PASSWORDS = 'w',  /* META_REVISION when a password was changed last */
	META_SEQUENCE = 's',   /* creation order of resources */
	META_EVENT = 'e',
	META_RECEIPT = 'r',
	META_RECEIPT_OPEN = 'o', /* receipt.c */
	META_RESOURCES = 'c',  /* and a scope, resource.c */
	META_MEMBERS = 'm',    /* and a group id */
	META_FORMAT = 'f',     /* format.c: u32 */
	META_BASIS = 'p',      /* basis.c */
	META_BACKUP = 'b',     /* backup.c: only in a copy that nobody has opened as a store yet */
	META_NUMBER_HINT = 'h' /* and a range's start, ledger.c */
};

/* key and value are borrowed; a value of NULL is empty. What is written to TABLE_META goes there with the
 * commit (meta.h), and is read as if it were there. */
_must_use_ int table_get(struct store_txn *txn, enum table table, const struct bytes *key,
			 struct bytes *ret); /* owned; ret was empty */
_must_use_ int table_has(struct store_txn *txn, enum table table, const struct bytes *key);
_must_use_ int table_put(struct store_txn *txn, enum table table, const struct bytes *key,
			 const struct bytes *value);
_must_use_ int table_insert(struct store_txn *txn, enum table table, const struct bytes *key,
			    const struct bytes *value); /* -EEXIST */
_must_use_ int table_delete(struct store_txn *txn, enum table table, const struct bytes *key);
/* For meta.c alone: into the table itself; value NULL: out of it. */
_must_use_ int table_meta_write(struct store_txn *txn, const struct bytes *key,
				const struct bytes *value);

/* Counters of 64 bits in TABLE_META; one that is not there is 0. add: -EIO on wrapping. */
_must_use_ int table_counter_get(struct store_txn *txn, const struct bytes *key, uint64_t *ret);
_must_use_ int table_counter_add(struct store_txn *txn, const struct bytes *key, int64_t by,
				 uint64_t *ret);
/* The same for a counter whose key is one byte. */
_must_use_ int table_sequence_next(struct store_txn *txn, enum meta_key key, uint64_t *ret);

/* The entries whose keys begin with prefix (empty: all). */
struct walk {
	enum table table;
	const struct bytes *prefix;
	const struct bytes *from; /* begin at this key or after it; NULL: at the first */
	uint64_t skip;            /* entries left out at the start, TABLE_ORDER only: O(log n) */
	bool backward;
};
/* 0 to go on, >0 to stop, <0 to fail with that; spans are borrowed for the call. The callback may
 * write to the table in the same transaction. */
typedef int (*walk_fn)(struct span key, struct span value, void *context);
_must_use_ int table_walk(struct store_txn *txn, const struct walk *walk, walk_fn each,
			  void *context);

#endif
