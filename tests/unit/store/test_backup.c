/* Backups while changes go on, what they say of themselves, formats, and who is held after a restore. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "scimd/store/table.h"
#include "tests/unit/store/store_t.h"

#define ROUNDS 4u

static char reason[12000]; /* much for the logs to hold */

static int put_numbered(struct store *store, unsigned int number)
{
	_cleanup_txn_ struct store_txn *txn = NULL;
	uint64_t revision;
	struct sample s;
	enum store_index taken;
	int r = store_begin(store, NULL, true, &txn);

	sample_make(&s, RESOURCE_USER, number, "okta");
	snprintf(s.row.posix_name, sizeof(s.row.posix_name), "user%u", number);
	s.row.password = (char *)"$y$j9T$secret";
	s.row.reason = reason;
	if (r == 0)
		r = store_number_take(txn, 70000, 999999, 0, s.row.id, &s.row.number);
	if (r == 0)
		r = store_resource_put(txn, &s.row, &taken);
	if (r == 0)
		r = store_revision_next(txn, &revision);
	return r < 0 ? r : store_commit(&txn);
}

struct writer {
	struct store *store;
	atomic_uint committed;
	atomic_bool stop;
	int result;
};

static void *write_on(void *context)
{
	struct writer *writer = context;

	for (unsigned int i = 1; !writer->stop && writer->result == 0; i++) {
		writer->result = put_numbered(writer->store, i);
		writer->committed = i;
		if (i % 50 == 0 && writer->result == 0)
			writer->result = store_checkpoint(writer->store);
	}
	return NULL;
}

/* Take a copy away to where a store can be. */
static void copy_take(const char *path, const struct dir *to)
{
	char command[8300];

	snprintf(command, sizeof(command), "cp -r %s/. %s/", path, to->path);
	T_INT(system(command), 0);
}

static int check_row(const struct store_resource *row, void *context)
{
	char name[64];

	++*(unsigned int *)context;
	snprintf(name, sizeof(name), "user%u", *(unsigned int *)context);
	T_STR(row->folded_name, name); /* none is missing in between */
	T_INT(row->number, 69999 + *(unsigned int *)context);
	T_STR(row->password, "$y$j9T$secret");
	return 0;
}

static void copy_check(const char *path, unsigned int least, unsigned int most,
		       const struct store_backup *backup)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *copy = NULL;
	_cleanup_txn_ struct store_txn *txn = NULL;
	unsigned int rows = 0;
	uint64_t time_us = 0, revision = 0;

	copy_take(path, &dir);
	copy = t_open(&dir);
	txn = t_begin(copy, NULL, true);
	T_OK(store_resource_each(txn, RESOURCE_USER, NULL, 0, check_row, &rows));
	T_TRUE(rows >= least && rows <= most);
	T_INT(rows, backup->users);
	T_OK(store_revision(txn, &revision));
	T_INT(revision, rows);
	T_INT(revision, backup->revision);
	T_OK(store_backup_time(txn, &time_us));
	T_INT(time_us, backup->time_us);
	T_OK(store_backup_forget(txn));
	T_INT(store_backup_time(txn, &time_us), -ENOENT);
	T_OK(store_commit(&txn));
	T_OK(put_numbered(copy, rows + 1)); /* it is a store like any other */
}

static void test_hot(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	struct writer writer = { .store = store };
	struct store_backup backup;
	pthread_t thread;

	T_FATAL(pthread_create(&thread, NULL, write_on, &writer) == 0);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int before = writer.committed;

		T_OK(store_backup(store, &backup));
		copy_check(backup.path, before, writer.committed + 1, &backup);
		T_OK(store_backup_drop(store));
	}
	T_TRUE(writer.committed > 1); /* it did go on */
	writer.stop = true;
	pthread_join(thread, NULL);
	T_OK(writer.result);
	T_OK(store_backup(store, &backup));
	copy_check(backup.path, writer.committed, writer.committed, &backup);
	T_OK(store_backup_drop(store));
	T_INT(access(backup.path, F_OK), -1);
	T_OK(store_backup_drop(store)); /* nothing to drop */
	{
		_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, false);
		uint64_t time_us;

		T_INT(store_backup_time(txn, &time_us), -ENOENT); /* the original is none */
	}
}

/* The store to write to, without a commit, when the first log of a backup has been copied. */
static struct store *disturbed;
static struct store_txn *disturbance;

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size,
			unsigned int flags)
{
	ssize_t n = syscall(SYS_copy_file_range, from, from_at, to, to_at, size, flags);
	struct store *store = disturbed;
	struct sample s;
	enum store_index taken;

	if (n != 0 || !store)
		return n;
	disturbed = NULL;
	sample_make(&s, RESOURCE_USER, 99, "okta");
	s.row.number = 79999;
	disturbance = t_begin(store, NULL, true);
	T_OK(store_resource_put(disturbance, &s.row, &taken));
	T_OK(store_error(store->env->memp_sync(store->env, NULL))); /* it is in the tables' files */
	return n;
}

/* The logs are copied last: with what has reached the tables by then, they can take it back. */
static void test_order(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	struct store_backup backup;

	for (unsigned int i = 1; i <= 3; i++)
		T_OK(put_numbered(store, i));
	disturbed = store;
	T_OK(store_backup(store, &backup));
	T_TRUE(disturbance != NULL);
	store_abortp(&disturbance);
	copy_check(backup.path, 3, 3, &backup);
	T_OK(store_backup_drop(store));
}

/* Nobody reads this page to make the copy or to recover it: without a look at every page the copy would
 * pass for a good one. */
static void test_broken_page(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	struct store_backup backup = { .users = 77 };
	unsigned char noise[64];
	char path[64];
	int fd;

	for (unsigned int i = 1; i <= 3; i++)
		T_OK(put_numbered(store, i));
	T_OK(store_backup(store, &backup));
	T_INT(backup.users, 3);
	T_OK(store_backup_drop(store));
	store_closep(&store);
	snprintf(path, sizeof(path), "%s/number.db", dir.path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	T_FATAL(fd >= 0);
	memset(noise, 0xa5, sizeof(noise));
	T_INT(pwrite(fd, noise, sizeof(noise), 4096 + 26), sizeof(noise)); /* where its entries are */
	close(fd);
	store = t_open(&dir);
	T_INT(store_backup(store, &backup), -EIO);
	T_INT(backup.users, 3); /* as it was */
	snprintf(path, sizeof(path), "%s/backup", dir.path);
	T_INT(access(path, F_OK), -1);
}

static bool has_log(const struct dir *dir, unsigned int number)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/log.%010u", dir->path, number);
	return access(path, F_OK) == 0;
}

static void test_logs_stay(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	struct store_backup backup;

	memset(reason, 'r', sizeof(reason) - 1);
	for (unsigned int i = 1; i <= 1000; i++) /* more than one log file's worth */
		T_OK(put_numbered(store, i));
	reason[0] = '\0';
	T_TRUE(has_log(&dir, 1) && has_log(&dir, 2));
	pthread_mutex_lock(&store->backup_lock);
	T_OK(store_checkpoint(store)); /* put off while a backup runs */
	T_TRUE(has_log(&dir, 1));
	pthread_mutex_unlock(&store->backup_lock);
	T_OK(store_checkpoint(store));
	T_TRUE(!has_log(&dir, 1));
	T_OK(store_backup(store, &backup));
	T_OK(store_backup(store, &backup)); /* the one before makes room */
	T_INT(backup.users, 1000);
	T_OK(store_backup_drop(store));
}

static void format_write(struct store *store, uint32_t format)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);

	codec_put_u8(&key, META_FORMAT);
	codec_put_u32(&value, format);
	if (format == 0)
		T_OK(table_delete(txn, TABLE_META, &key));
	else
		T_OK(table_put(txn, TABLE_META, &key, &value));
	T_OK(store_commit(&txn));
}

/* The first byte of the first row is its version. */
static void row_age(struct store *store)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);

	codec_put_u64(&key, 1);
	T_OK(table_get(txn, TABLE_RESOURCE, &key, &value));
	value.data[0] = 1;
	T_OK(table_put(txn, TABLE_RESOURCE, &key, &value));
	T_OK(store_commit(&txn));
}


/* A store of this format, or with a row of an earlier version: not opened, and left as it was. */
static void format_refused(uint32_t format, bool old_row)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	char late[64];

	T_OK(put_numbered(store, 1));
	if (old_row)
		row_age(store);
	format_write(store, format);
	store_closep(&store);
	snprintf(late, sizeof(late), "%s/import.db", dir.path);
	T_INT(unlink(late), 0);
	for (int i = 0; i < 2; i++) {
		T_INT(store_open(dir.path, &store), -EPROTONOSUPPORT);
		T_TRUE(store == NULL);
		T_INT(access(late, F_OK), -1); /* no table is made before the refusal */
	}
}

static void test_formats(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);

	T_OK(put_numbered(store, 1));
	format_write(store, 0); /* made before formats had numbers */
	store_closep(&store);
	store = t_open(&dir);
	format_refused(STORE_FORMAT - 1, false);
	format_refused(STORE_FORMAT + 1, false);
	format_refused(0, true);
}

static void test_held(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct seen seen = { 0 };

	T_INT(store_held_has(txn, USER_ID(1)), 0);
	T_INT(store_held_delete(txn, USER_ID(1)), -ENOENT);
	T_INT(store_held_put(txn, "no id", 7), -EINVAL);
	T_OK(store_held_put(txn, USER_ID(1), 7));
	T_OK(store_held_put(txn, USER_ID(2), 7));
	T_OK(store_commit(&txn));
	store_closep(&store);
	store = t_open(&dir);
	txn = t_begin(store, NULL, true);
	T_INT(store_held_has(txn, USER_ID(1)), 1);
	T_OK(store_held_each(txn, seen_id, &seen));
	T_INT(seen.count, 2);
	T_OK(store_held_delete(txn, USER_ID(1)));
	T_INT(store_held_has(txn, USER_ID(1)), 0);
	T_INT(store_held_has(txn, USER_ID(2)), 1);
}

T_MAIN("backup", T(test_hot), T(test_order), T(test_broken_page),
       T(test_logs_stay), T(test_formats), T(test_held))
