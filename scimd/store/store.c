/* TABLE_META: the instance, the secret, and the counters named by enum meta_key. */
#include "scimd/store/table.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "scimd/base/clock.h"

/* Grown into; holds page versions for snapshots too. A transaction that alters more pages than half of it
 * has libdb put old versions into files of their own, at ten times the cost of everything else.
 *
 * Where libdb looks for a page to give up and the oldest version of one is a better choice than its newest,
 * it takes hold of it, then believes itself to be its reader, and passes it by or writes it to such a file,
 * although nobody needs it any more; until half of the cache is of these. A version's worth is that of the
 * moment when it was replaced. So each page in use is worth less than that (DB_PRIORITY_LOW takes half the
 * cache off): then old versions are given up first, as they should be. */
#define CACHE_BYTES (16u << 20)
#define CACHE_BYTES_MAX (64u << 20)
#define LOG_BUFFER_BYTES (1u << 20) /* a batch of a thousand changes without an early write */
#define LOG_FILE_BYTES (8u << 20)   /* the unit in which old logs are dropped */
/* No larger than what the kernel writes as one: a kill -9 or a power cut between the halves of a page
 * would leave it with a new sequence number and old contents, which recovery then takes for done. */
#define PAGE_BYTES 4096u
/* Beyond the open ones, each transaction whose page versions are still in the cache counts. */
#define TXNS_MAX 40000u
#define MUTEXES_MAX 400000u
#define RANDOM_VERSION 1
#define COMPLAINTS_PERIOD_US (60u * 1000000u)
#define COMPLAINTS_MAX 10u

static const struct {
	const char *file;
	u_int32_t flags;
} table_files[TABLE_COUNT] = {
	[TABLE_META] = { "meta.db", 0 },
	[TABLE_RESOURCE] = { "resource.db", 0 },
	[TABLE_ID] = { "id.db", 0 },
	[TABLE_USER_NAME] = { "user_name.db", 0 },
	[TABLE_GROUP_NAME] = { "group_name.db", 0 },
	[TABLE_POSIX_NAME] = { "posix_name.db", 0 },
	[TABLE_NUMBER] = { "number.db", 0 },
	[TABLE_EXTERNAL] = { "external.db", 0 },
	[TABLE_EMAIL] = { "email.db", 0 },
	[TABLE_ORDER] = { "order.db", DB_RECNUM }, /* pages of a listing are found by position */
	[TABLE_MEMBER] = { "member.db", 0 },
	[TABLE_MEMBERSHIP] = { "membership.db", 0 },
	[TABLE_PENDING] = { "pending.db", 0 },
	[TABLE_PENDING_GROUP] = { "pending_group.db", 0 },
	[TABLE_LEDGER] = { "ledger.db", 0 },
	[TABLE_EVENT] = { "event.db", 0 },
	[TABLE_RECEIPT] = { "receipt.db", 0 },
	[TABLE_RECEIPT_USER] = { "receipt_user.db", 0 },
	[TABLE_RECEIPT_OPEN] = { "receipt_open.db", 0 },
	[TABLE_LOCK] = { "lock.db", 0 },
	[TABLE_HELD] = { "held.db", 0 },
	[TABLE_NAME] = { "name.db", 0 },
	[TABLE_IMPORT] = { "import.db", 0 },
	[TABLE_POSITION] = { "position.db", 0 },
	[TABLE_LOGIN] = { "login.db", 0 },
	[TABLE_USE] = { "use.db", 0 },
};

const char *table_file(enum table table)
{
	return table_files[table].file;
}

int store_error(int db_error)
{
	switch (db_error) {
	case 0:
		return 0;
	case DB_NOTFOUND:
	case DB_KEYEMPTY:
		return -ENOENT;
	case DB_KEYEXIST:
		return -EEXIST;
	case DB_LOCK_DEADLOCK:
	case DB_LOCK_NOTGRANTED:
		return -EDEADLK;
	case ENOMEM:
		return -ENOMEM;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return -ENOSPC;
	default: /* DB_RUNRECOVERY, EIO, and what should never come */
		return -EIO;
	}
}

/* One process at a time: the environment lives in this process's memory. */
static int store_lock(struct store *store, const char *directory)
{
	store->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory_fd < 0)
		return -errno;
	store->lock_fd = openat(store->directory_fd, "lock",
				O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock_fd < 0)
		return -errno;
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

/* libdb's own words when something breaks, for the journal; a full disk alone has hundreds of them,
 * so only some in each period. Threads may race here for a line more or less. */
static void env_complain(const DB_ENV *env, const char *prefix, const char *message)
{
	struct store *store = env->app_private;
	uint64_t now = clock_monotonic_us();

	(void)prefix;
	if (now - __atomic_load_n(&store->complaints_since_us, __ATOMIC_RELAXED) >
	    COMPLAINTS_PERIOD_US) {
		__atomic_store_n(&store->complaints_since_us, now, __ATOMIC_RELAXED);
		__atomic_store_n(&store->complaints, 0, __ATOMIC_RELAXED);
	}
	if (__atomic_fetch_add(&store->complaints, 1, __ATOMIC_RELAXED) < COMPLAINTS_MAX)
		fprintf(stderr, "store: %s\n", message);
}

/* Half of what changes of people and groups go all over. */
static u_int32_t cache_bytes(const struct store *store)
{
	static const enum table tables[] = { TABLE_RESOURCE, TABLE_MEMBER, TABLE_MEMBERSHIP };
	uint64_t bytes = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct stat file;

		if (fstatat(store->directory_fd, table_files[tables[i]].file, &file,
			    AT_SYMLINK_NOFOLLOW) == 0)
			bytes += (uint64_t)file.st_size / 2;
	}
	if (bytes < CACHE_BYTES)
		return CACHE_BYTES;
	return bytes < CACHE_BYTES_MAX ? (u_int32_t)bytes : CACHE_BYTES_MAX;
}

static int env_configure(const struct store *store)
{
	const u_int32_t cache = cache_bytes(store);
	DB_ENV *env = store->env;
	int r;

	env->set_errcall(env, env_complain);
	/* A bucket for each page: looking for one to give up, libdb walks them, and each has a mutex. By
	 * itself it makes one for 2.5 pages, with all their versions. */
	if ((r = env->set_cachesize(env, 0, cache, 1)) != 0 ||
	    (r = env->set_mp_tablesize(env, cache / PAGE_BYTES)) != 0 ||
	    (r = env->set_lg_bsize(env, LOG_BUFFER_BYTES)) != 0 ||
	    (r = env->set_lg_max(env, LOG_FILE_BYTES)) != 0 ||
	    /* Filled with zeros before it is used: a sync then finds size and blocks as they were. */
	    (r = env->log_set_config(env, DB_LOG_ZERO, 1)) != 0 ||
	    (r = env->set_tx_max(env, TXNS_MAX)) != 0 ||
	    (r = env->mutex_set_max(env, MUTEXES_MAX)) != 0)
		return r;
	return env->set_flags(env, DB_MULTIVERSION, 1);
}

/* DB_PRIVATE keeps the regions out of mapped files, where a full disk would be a SIGBUS. Nobody locks pages
 * (DB_INIT_LOCK): readers have versions of their own, and writers take turns. */
static int env_open(struct store *store, const char *directory, u_int32_t recover)
{
	const u_int32_t flags = DB_CREATE | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL | DB_THREAD |
				DB_PRIVATE | recover;
	int r;

	if ((r = db_env_create(&store->env, 0)) != 0)
		return store_error(r);
	store->env->app_private = store;
	if ((r = env_configure(store)) != 0)
		return store_error(r);
	return store_error(store->env->open(store->env, directory, flags, 0600));
}

static int table_open(struct store *store, enum table table)
{
	DB *db;
	int r;

	if ((r = db_create(&db, store->env, 0)) != 0)
		return store_error(r);
	store->tables[table] = db; /* must be closed even if it never opened */
	if ((r = db->set_pagesize(db, PAGE_BYTES)) != 0 ||
	    (r = db->set_priority(db, DB_PRIORITY_LOW)) != 0 ||
	    (r = db->set_flags(db, table_files[table].flags)) != 0)
		return store_error(r);
	return store_error(db->open(db, NULL, table_files[table].file, NULL, DB_BTREE,
				    DB_CREATE | DB_THREAD | DB_AUTO_COMMIT | DB_MULTIVERSION,
				    0600));
}

/* Random bytes that stay the same from the creation of the store on. */
static int random_read(struct store_txn *txn, const struct bytes *key, unsigned char *ret,
		       size_t size)
{
	_cleanup_bytes_ struct bytes value = BYTES_INIT;
	struct span span;
	int r;

	if ((r = table_get(txn, TABLE_META, key, &value)) < 0)
		return r;
	span = codec_span(&value);
	if ((r = codec_get_version(&span, RANDOM_VERSION)) < 0 ||
	    (r = codec_get_mem(&span, size, ret)) < 0)
		return r;
	return codec_get_end(&span);
}

static int random_create(struct store_txn *txn, const struct bytes *key, unsigned char *ret,
			 size_t size)
{
	_cleanup_bytes_ struct bytes value = BYTES_INIT;

	if (getrandom(ret, size, 0) != (ssize_t)size)
		return -EIO;
	codec_put_u8(&value, RANDOM_VERSION);
	codec_put_mem(&value, ret, size);
	return table_insert(txn, TABLE_META, key, &value);
}

static int random_load(struct store *store, enum meta_key name, unsigned char *ret, size_t size)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r;

	codec_put_u8(&key, (uint8_t)name);
	if ((r = store_begin(store, NULL, true, &txn)) < 0)
		return r;
	r = random_read(txn, &key, ret, size);
	if (r == -ENOENT)
		r = random_create(txn, &key, ret, size);
	return r < 0 ? r : store_commit(&txn);
}

static int store_open_by(const char *directory, u_int32_t recover, struct store **ret)
{
	_cleanup_(store_closep) struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	store->directory_fd = store->lock_fd = -1;
	pthread_mutex_init(&store->backup_lock, NULL);
	pthread_mutex_init(&store->meta_lock, NULL);
	pthread_mutex_init(&store->write_lock, NULL);
	if ((r = store_lock(store, directory)) < 0 ||
	    (r = env_open(store, directory, recover)) < 0)
		return r;
	for (enum table table = 0; table < TABLE_COUNT; table++) {
		if ((r = table_open(store, table)) < 0)
			return r;
		if (table == TABLE_RESOURCE && (r = store_format_settle(store)) < 0)
			return r;
	}
	if ((r = random_load(store, META_INSTANCE, store->instance, STORE_INSTANCE_SIZE)) < 0 ||
	    (r = random_load(store, META_SECRET, store->secret, STORE_SECRET_SIZE)) < 0)
		return r;
	if (fsync(store->directory_fd) < 0)
		return -errno;
	*ret = TAKE_PTR(store);
	return 0;
}

int store_open(const char *directory, struct store **ret)
{
	return store_open_by(directory, DB_RECOVER, ret);
}

int store_open_copy(const char *directory, struct store **ret)
{
	return store_open_by(directory, DB_RECOVER_FATAL, ret);
}

/* Failures here cost nothing: what was committed is in the log, and opening runs recovery. */
void store_closep(struct store **store_ptr)
{
	struct store *store = TAKE_PTR(*store_ptr);
	int saved = errno;

	if (!store)
		return;
	if (store->tables[TABLE_COUNT - 1])
		(void)store->env->txn_checkpoint(store->env, 0, 0, 0);
	for (enum table table = 0; table < TABLE_COUNT; table++)
		if (store->tables[table])
			(void)store->tables[table]->close(store->tables[table], 0);
	if (store->env)
		(void)store->env->close(store->env, 0);
	closep(&store->lock_fd);
	closep(&store->directory_fd);
	explicit_bzero(store->secret, sizeof(store->secret));
	pthread_mutex_destroy(&store->backup_lock);
	pthread_mutex_destroy(&store->meta_lock);
	pthread_mutex_destroy(&store->write_lock);
	free(store);
	errno = saved;
}

const unsigned char *store_instance(const struct store *store)
{
	return store->instance;
}

const unsigned char *store_secret(const struct store *store)
{
	return store->secret;
}

int store_checkpoint(struct store *store)
{
	DB_ENV *env = store->env;
	int r;

	if (pthread_mutex_trylock(&store->backup_lock) != 0)
		return 0; /* a backup needs the logs; the next one will do */
	r = env->txn_checkpoint(env, 0, 0, 0);
	if (r == 0)
		r = env->log_archive(env, NULL, DB_ARCH_REMOVE);
	pthread_mutex_unlock(&store->backup_lock);
	return store_error(r);
}

/* libdb keeps a transaction's detail for as long as a page version of it is in the cache, and does
 * not free those that are left when a private environment closes: a few hundred bytes each, bounded
 * by the cache, at the end of the process. Leak checkers need not hear about them; a struct
 * store_txn that is not given back they still see. */
static int txn_begin_quietly(DB_ENV *env, DB_TXN *parent, DB_TXN **ret, u_int32_t flags)
{
	int r;

#ifdef __SANITIZE_ADDRESS__
	__lsan_disable();
#endif
	r = env->txn_begin(env, parent, ret, flags);
#ifdef __SANITIZE_ADDRESS__
	__lsan_enable();
#endif
	return r;
}

/* libdb fixes a snapshot at its first read; ours is fixed when it begins, by a look into a table
 * that nearly nobody writes: not into TABLE_META, see struct store. */
static int snapshot_pin(struct store_txn *txn)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	int r;

	codec_put_u8(&key, 0);
	r = table_has(txn, TABLE_LOCK, &key);
	return r < 0 ? r : 0;
}

/* The turn of a writer, until its transaction is over. */
static void turn_take(struct store_txn *txn)
{
	if (!txn->write || txn->parent)
		return;
	pthread_mutex_lock(&txn->store->write_lock);
	txn->has_turn = true;
}

static void turn_give(struct store_txn *txn)
{
	if (txn->has_turn)
		pthread_mutex_unlock(&txn->store->write_lock);
	txn->has_turn = false;
}

int store_begin(struct store *store, struct store_txn *parent, bool write, struct store_txn **ret)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	u_int32_t flags = write || parent ? 0 : DB_TXN_SNAPSHOT;
	int r;

	if (parent && write && !parent->write)
		return -EINVAL;
	txn = calloc(1, sizeof(*txn));
	if (!txn)
		return -ENOMEM;
	txn->store = store;
	txn->parent = parent;
	txn->write = write;
	turn_take(txn);
	if ((r = store_error(txn_begin_quietly(store->env, parent ? parent->handle : NULL,
					       &txn->handle, flags))) < 0)
		return r;
	if (!write && !parent && (r = snapshot_pin(txn)) < 0)
		return r;
	*ret = TAKE_PTR(txn);
	return 0;
}

static int commit(struct store_txn **txn_ptr, u_int32_t flags)
{
	_cleanup_(store_abortp) struct store_txn *txn = TAKE_PTR(*txn_ptr);
	int r = meta_settle(txn);

	if (r < 0)
		return r;
	r = store_error(txn->handle->commit(txn->handle, flags));
	txn->handle = NULL; /* gone in any case */
	if (r == 0)
		meta_hand_over(txn);
	return r;
}

int store_commit(struct store_txn **txn_ptr)
{
	return commit(txn_ptr, 0);
}

int store_commit_unsynced(struct store_txn **txn_ptr)
{
	return commit(txn_ptr, DB_TXN_WRITE_NOSYNC);
}

int store_flush(struct store *store)
{
	return store_error(store->env->log_flush(store->env, NULL));
}

void store_abortp(struct store_txn **txn_ptr)
{
	_cleanup_free_ struct store_txn *txn = TAKE_PTR(*txn_ptr);
	int saved = errno;

	if (txn && txn->handle)
		(void)txn->handle->abort(txn->handle); /* a failure panics, the next call says so */
	if (txn) {
		turn_give(txn);
		meta_done(&txn->meta);
	}
	errno = saved;
}

int store_revision_next(struct store_txn *txn, uint64_t *ret)
{
	return table_sequence_next(txn, META_REVISION, ret);
}

int store_revision(struct store_txn *txn, uint64_t *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;

	codec_put_u8(&key, META_REVISION);
	return table_counter_get(txn, &key, ret);
}

static void passwords_key(struct bytes *ret)
{
	codec_put_u8(ret, META_PASSWORDS);
}

int store_passwords_changed(struct store_txn *txn, uint64_t revision)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;

	passwords_key(&key);
	codec_put_u64(&value, revision);
	return table_put(txn, TABLE_META, &key, &value);
}

int store_passwords_revision(struct store_txn *txn, uint64_t *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;

	passwords_key(&key);
	return table_counter_get(txn, &key, ret);
}
