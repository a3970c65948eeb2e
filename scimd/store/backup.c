/* A hot backup: a copy of every table, then of the logs, while changes go on; the copy is recovered to the
 * last commit in its logs, verified page by page, and marked as a copy, so that whoever opens it later
 * knows that time has passed.
 *
 * TABLE_META 'b' -> version, when the copy was made. */
#include "scimd/store/table.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "scimd/base/clock.h"

#define BACKUP_FOLDER "backup"
#define MARK_VERSION 1

/* The folder is flat. */
static int folder_remove(int parent_fd)
{
	int fd = openat(parent_fd, BACKUP_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		int error = errno;

		closep(&fd);
		return error == ENOENT ? 0 : -error;
	}
	while ((entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0); /* what stays fails the rmdir */
	closedir(dir);
	return unlinkat(parent_fd, BACKUP_FOLDER, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int file_copy(int from_folder, const char *name, int to_folder)
{
	_cleanup_close_ int from = openat(from_folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int to = -1;
	ssize_t n;

	if (from < 0)
		return -errno;
	to = openat(to_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	while ((n = copy_file_range(from, NULL, to, NULL, SSIZE_MAX, 0)) != 0)
		if (n < 0 && errno != EINTR)
			return -errno;
	return fsync(to) < 0 ? -errno : 0;
}

/* After the tables: the logs hold what was committed while those were copied. The last one is still
 * written to; recovery ends at the record that was cut. */
static int logs_copy(struct store *store, int folder_fd)
{
	_cleanup_free_ char **names = NULL;
	int r;

	if ((r = store_error(store->env->log_flush(store->env, NULL))) < 0 ||
	    (r = store_error(store->env->log_archive(store->env, &names, DB_ARCH_LOG))) < 0)
		return r;
	for (char **name = names; name && *name; name++)
		if ((r = file_copy(store->directory_fd, *name, folder_fd)) < 0)
			return r;
	return names ? 0 : -EIO;
}

static int tables_copy(struct store *store, const char *folder)
{
	DB_ENV *env = store->env;
	int r;

	for (enum table table = 0; table < TABLE_COUNT; table++)
		if ((r = store_error(env->dbbackup(env, table_file(table), folder, DB_EXCL))) < 0)
			return r;
	return 0;
}

static int copy_make(struct store *store, const char *folder)
{
	_cleanup_close_ int fd = -1;
	int r;

	if ((r = folder_remove(store->directory_fd)) < 0)
		return r;
	if (mkdirat(store->directory_fd, BACKUP_FOLDER, 0700) < 0)
		return -errno;
	fd = openat(store->directory_fd, BACKUP_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = store_error(store->env->set_flags(store->env, DB_HOTBACKUP_IN_PROGRESS, 1));
	if (r < 0)
		return r;
	r = tables_copy(store, folder);
	if (r == 0)
		r = logs_copy(store, fd);
	if (store->env->set_flags(store->env, DB_HOTBACKUP_IN_PROGRESS, 0) != 0 && r == 0)
		r = -EIO;
	return r;
}

static void mark_key(struct bytes *ret)
{
	codec_put_u8(ret, META_BACKUP);
}

static int copy_mark(struct store_txn *txn, uint64_t time_us)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;

	mark_key(&key);
	codec_put_u8(&value, MARK_VERSION);
	codec_put_u64(&value, time_us);
	return table_put(txn, TABLE_META, &key, &value);
}

/* Recover the copy, mark it, and say what is in it. */
static int copy_settle(const struct store *original, struct store_backup *backup)
{
	_cleanup_(store_closep) struct store *copy = NULL;
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r;

	if ((r = store_open_copy(backup->path, &copy)) < 0 ||
	    (r = store_begin(copy, NULL, true, &txn)) < 0)
		return r;
	if (memcmp(copy->instance, original->instance, sizeof(copy->instance)) != 0)
		return -EIO;
	if ((r = store_revision(txn, &backup->revision)) < 0 ||
	    (r = store_resource_count(txn, RESOURCE_USER, NULL, &backup->users)) < 0 ||
	    (r = store_resource_count(txn, RESOURCE_GROUP, NULL, &backup->groups)) < 0 ||
	    (r = copy_mark(txn, backup->time_us)) < 0 || (r = store_commit(&txn)) < 0)
		return r;
	return store_checkpoint(copy);
}

/* Every page of the closed copy. */
static int copy_verify(const char *folder)
{
	char path[PATH_MAX];

	for (enum table table = 0; table < TABLE_COUNT; table++) {
		DB *db;
		int r;

		if (snprintf(path, sizeof(path), "%s/%s", folder, table_file(table)) >= PATH_MAX)
			return -ENAMETOOLONG;
		if ((r = db_create(&db, NULL, 0)) != 0)
			return store_error(r);
		if ((r = db->verify(db, path, NULL, NULL, 0)) != 0) /* frees the handle */
			return store_error(r);
	}
	return 0;
}

static int backup_run(struct store *store, struct store_backup *backup)
{
	const char *home;
	int r;

	if ((r = store_error(store->env->get_home(store->env, &home))) < 0)
		return r;
	if (snprintf(backup->path, sizeof(backup->path), "%s/" BACKUP_FOLDER, home) >=
	    (int)sizeof(backup->path))
		return -ENAMETOOLONG;
	backup->time_us = clock_now_us();
	if ((r = copy_make(store, backup->path)) < 0 || (r = copy_settle(store, backup)) < 0 ||
	    (r = copy_verify(backup->path)) < 0)
		(void)folder_remove(store->directory_fd); /* the next backup tries again */
	return r;
}

int store_backup(struct store *store, struct store_backup *ret)
{
	struct store_backup backup = { .format = STORE_FORMAT };
	int r;

	/* Logs stay while it runs: store_checkpoint sees that it does. */
	pthread_mutex_lock(&store->backup_lock);
	r = backup_run(store, &backup);
	pthread_mutex_unlock(&store->backup_lock);
	if (r == 0)
		*ret = backup;
	return r;
}

int store_backup_drop(struct store *store)
{
	int r;

	pthread_mutex_lock(&store->backup_lock);
	r = folder_remove(store->directory_fd);
	pthread_mutex_unlock(&store->backup_lock);
	return r;
}

int store_backup_time(struct store_txn *txn, uint64_t *ret_time_us)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	struct span span;
	uint64_t time_us;
	int r;

	mark_key(&key);
	if ((r = table_get(txn, TABLE_META, &key, &value)) < 0)
		return r;
	span = codec_span(&value);
	if ((r = codec_get_version(&span, MARK_VERSION)) < 0 ||
	    (r = codec_get_u64(&span, &time_us)) < 0 || (r = codec_get_end(&span)) < 0)
		return r;
	*ret_time_us = time_us;
	return 0;
}

int store_backup_forget(struct store_txn *txn)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;

	mark_key(&key);
	return table_delete(txn, TABLE_META, &key);
}
