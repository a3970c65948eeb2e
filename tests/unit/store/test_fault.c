/* The disk fills, fails, writes half or does not sync, and memory runs out, at each place in turn: what
 * was acknowledged is there after the next start, and either writing goes on once the fault is over, or
 * the store says that the process must end. */
#include <errno.h>

#include <db.h>

/* Hundreds of stores are made, and nothing here depends on a disk. */
#define DIRECTORY_TEMPLATE "/dev/shm/scimd-fault-XXXXXX"
#include "tests/unit/store/store_t.h"

#define BEFORE 3u /* rows that are there before anything fails */
#define ROWS 9u

enum kind { NOTHING, WRITE_FULL, WRITE_FAILS, WRITE_HALF, SYNC_FAILS, NO_MEMORY, KINDS };

static struct fault_plan {
	enum kind kind;
	long left;  /* calls until it strikes */
	bool stays; /* and strikes at all that follow */
	unsigned int struck;
} plan;

static bool strikes(enum kind kind)
{
	if (plan.kind != kind || (plan.left > 0 && --plan.left > 0))
		return false;
	if (!plan.stays && plan.struck > 0)
		return false;
	plan.struck++;
	return true;
}

/* Bytes that may be written; -1 with errno. */
static ssize_t allow_write(size_t size)
{
	if (strikes(WRITE_FULL))
		errno = ENOSPC;
	else if (strikes(WRITE_FAILS))
		errno = EIO;
	else if (!strikes(WRITE_HALF))
		return (ssize_t)size;
	else if (plan.struck == 1 && size > 1)
		return (ssize_t)(size / 2);
	else
		errno = ENOSPC; /* what comes after the last bytes that fitted */
	return -1;
}

static ssize_t bad_write(int fd, const void *data, size_t size)
{
	ssize_t allowed = allow_write(size);

	return allowed < 0 ? -1 : write(fd, data, (size_t)allowed);
}

static ssize_t bad_pwrite(int fd, const void *data, size_t size, off_t at)
{
	ssize_t allowed = allow_write(size);

	return allowed < 0 ? -1 : pwrite(fd, data, (size_t)allowed, at);
}

static int bad_fsync(int fd)
{
	(void)fd; /* a kill loses nothing that was written */
	return strikes(SYNC_FAILS) ? EIO : 0;
}

static bool no_memory(void)
{
	if (plan.kind != NO_MEMORY || !strikes(NO_MEMORY))
		return false;
	errno = ENOMEM;
	return true;
}

#define FOR_ALL __attribute__((visibility("default"))) /* for libraries as well */

#ifdef __SANITIZE_ADDRESS__
/* The sanitizer's are not to be replaced: libdb's alone fail. What libdb has when a failure has made it
 * give up it never gives back; the process ends then. */
const char *__asan_default_options(void);
FOR_ALL const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static void *bad_malloc(size_t size)
{
	return no_memory() ? NULL : malloc(size);
}

static void *bad_realloc(void *data, size_t size)
{
	return no_memory() ? NULL : realloc(data, size);
}
#else
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *data, size_t size);

FOR_ALL void *malloc(size_t size)
{
	return no_memory() ? NULL : __libc_malloc(size);
}

FOR_ALL void *calloc(size_t count, size_t size)
{
	return no_memory() ? NULL : __libc_calloc(count, size);
}

FOR_ALL void *realloc(void *data, size_t size)
{
	return no_memory() ? NULL : __libc_realloc(data, size);
}
#endif

static void plan_none(void)
{
	plan.kind = NOTHING;
}

static void hooks_set(void)
{
	T_INT(db_env_set_func_write(bad_write), 0);
	T_INT(db_env_set_func_pwrite(bad_pwrite), 0);
	T_INT(db_env_set_func_fsync(bad_fsync), 0);
#ifdef __SANITIZE_ADDRESS__
	T_INT(db_env_set_func_malloc(bad_malloc), 0);
	T_INT(db_env_set_func_realloc(bad_realloc), 0);
#endif
}

/* --- what is done meanwhile --- */

static int put_one(struct store *store, unsigned int number)
{
	_cleanup_txn_ struct store_txn *txn = NULL;
	char event[] = "{\"type\":\"x\"}";
	uint64_t revision, sequence;
	enum store_index taken;
	struct sample s;
	int r = store_begin(store, NULL, true, &txn);

	sample_make(&s, RESOURCE_USER, number, "okta");
	s.row.number = 70000 + number;
	if (r == 0)
		r = store_resource_put(txn, &s.row, &taken);
	if (r == 0)
		r = store_event_append(txn, "x", s.row.id, event, &sequence);
	if (r == 0)
		r = store_revision_next(txn, &revision);
	return r < 0 ? r : store_commit(&txn);
}

/* A failure that is over when the transaction is. */
static bool is_passing(int r)
{
	return r == -ENOSPC || r == -ENOMEM || r == -EDEADLK;
}

/* How many rows are acknowledged in the end; *ret_fatal: the store has said that the process must end. */
static unsigned int work(struct store *store, bool *ret_fatal)
{
	unsigned int acknowledged = BEFORE;

	*ret_fatal = false;
	for (unsigned int i = 0; i < ROWS && !*ret_fatal; i++) {
		int r = put_one(store, acknowledged + 1);

		T_TRUE(r == 0 || r == -EIO || is_passing(r));
		acknowledged += r == 0;
		*ret_fatal = r == -EIO;
		r = i % 3 == 2 && !*ret_fatal ? store_checkpoint(store) : 0;
		T_TRUE(r == 0 || r == -EIO || is_passing(r));
		*ret_fatal |= r == -EIO;
	}
	return acknowledged;
}

static int see_row(const struct store_resource *row, void *context)
{
	unsigned int *seen = context;

	T_STR(row->id, USER_ID(++*seen));
	T_INT(row->number, 70000 + *seen);
	return 0;
}

/* Everything that was acknowledged, in order, and at most the one whose acknowledgement failed. */
static void check(struct store *store, unsigned int acknowledged)
{
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, false);
	uint64_t revision = 0, last = 0;
	unsigned int seen = 0;

	T_OK(store_resource_each(txn, RESOURCE_USER, NULL, 0, see_row, &seen));
	T_TRUE(seen == acknowledged || seen == acknowledged + 1);
	T_OK(store_revision(txn, &revision));
	T_INT(revision, seen);
	T_OK(store_event_last(txn, &last));
	T_INT(last, seen);
	store_abortp(&txn);
	T_OK(put_one(store, seen + 1));
}

/* Whether the fault came before everything was done. */
static bool run(enum kind kind, long left, bool stays)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	unsigned int acknowledged;
	bool fatal;

	for (unsigned int i = 1; i <= BEFORE; i++)
		T_OK(put_one(store, i));
	plan = (struct fault_plan){ .kind = kind, .left = left, .stays = stays };
	acknowledged = work(store, &fatal);
	plan_none();
	if (!fatal) {
		int r = put_one(store, acknowledged + 1);

		T_TRUE(r == 0 || r == -EIO); /* it goes on, or says that it cannot */
		acknowledged += r == 0;
	}
	store_closep(&store);
	store = t_open(&dir);
	check(store, acknowledged);
	return plan.struck > 0;
}

/* The first calls in turn, then further and further apart: a checkpoint that fails takes libdb a
 * second. */
static void run_all(enum kind kind)
{
	unsigned int struck = 0;

	for (int stays = 0; stays < 2; stays++)
		for (long left = 1; run(kind, left, stays); left += 1 + left / 2)
			struck++;
	T_TRUE(struck >= 6); /* so many places at least */
}

static void test_full(void)
{
	run_all(WRITE_FULL);
}

static void test_broken(void)
{
	run_all(WRITE_FAILS);
}

static void test_half(void)
{
	run_all(WRITE_HALF);
}

static void test_unsynced(void)
{
	run_all(SYNC_FAILS);
}

static void test_memory(void)
{
	run_all(NO_MEMORY);
}

static void test_none(void)
{
	hooks_set();
	T_TRUE(!run(NOTHING, 1, false));
}

T_MAIN("store fault", T(test_none), T(test_full), T(test_broken), T(test_half), T(test_unsynced),
       T(test_memory))
