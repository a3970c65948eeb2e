/* The writer against a plain model in memory: whatever sequence of changes, commits, aborts and
 * reopenings, a reader sees what the model says. */
#include "tests/unit/warden/directory_model.h"

static void test_random_changes_match_model(void)
{
	struct directory_writer *writer = writer_open();
	static struct model model, before;
	uint64_t durable, visible, revision = 1;

	srand(7);
	T_OK(directory_writer_start_over(writer, instance, 10, 2));
	T_OK(directory_writer_commit(writer, revision++, &durable, &visible));
	for (unsigned int round = 0; round < 400; round++) {
		before = model;
		for (int n = rand() % 60; n >= 0; n--)
			change_once(writer, &model);
		if (rand() % 10 == 0) {
			directory_writer_abort(writer);
			model = before;
		} else {
			T_OK(directory_writer_commit(writer, revision++, &durable, &visible));
		}
		if (round % 20 == 0) {
			directory_writer_closep(&writer);
			writer = writer_open();
			T_INT(directory_writer_revision(writer), revision - 1);
		}
		if (round % 4 == 0)
			check_all(writer, &model);
	}
	check_all(writer, &model);
	directory_writer_closep(&writer);
}

static void test_big_group_splits(void)
{
	struct directory_writer *writer = writer_open();
	struct directory_view view;
	struct directory_group group;
	struct directory_members members;
	uint64_t durable, visible, cursor = 0;
	size_t count = 0;
	char name[33];

	T_OK(directory_writer_start_over(writer, instance, 1, 1));
	T_OK(directory_writer_put_group(writer, GID0, 0, "everybody"));
	for (uint32_t i = 0; i < 20000; i++) {
		sprintf(name, "u%u", i);
		T_FATAL(directory_writer_put_member(writer, GID0, UID0 + i, name) == 0);
	}
	T_OK(directory_writer_commit(writer, 1000000, &durable, &visible));
	T_FATAL(directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view) == 0);
	T_OK(directory_group_by_name(&view, "everybody", 9, &group));
	while (directory_members_next(&view, &group, &cursor, &members) == 0)
		count += members.count;
	T_INT(count, 20000);
	directory_release(&view);
	directory_writer_closep(&writer);
}

static void test_uncommitted_is_invisible(void)
{
	struct directory_writer *writer = writer_open();
	struct directory_view view;
	struct directory_user user;
	static struct model model;
	uint64_t durable, visible;

	T_OK(directory_writer_start_over(writer, instance, 10, 2));
	T_OK(directory_writer_commit(writer, 5, &durable, &visible));
	T_FATAL(directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view) == 0);
	model.user[3] = true;
	T_OK(put_user(writer, &model, 3));
	T_INT(directory_user_by_uid(&view, UID0 + 3, &user), -ENOENT);
	T_OK(directory_writer_user(writer, UID0 + 3, &user));
	T_OK(directory_writer_commit(writer, 6, &durable, &visible));
	T_OK(directory_user_by_uid(&view, UID0 + 3, &user));
	directory_release(&view);
	directory_writer_closep(&writer);
}

static unsigned char *file_read(size_t *ret_size)
{
	char path[128];
	struct stat st;
	unsigned char *bytes;
	int fd;

	sprintf(path, "%s/" DIRECTORY_FILE, folder);
	fd = open(path, O_RDONLY);
	T_FATAL(fd >= 0 && fstat(fd, &st) == 0);
	*ret_size = (size_t)st.st_size;
	bytes = malloc(*ret_size);
	T_FATAL(bytes && pread(fd, bytes, *ret_size, 0) == st.st_size);
	close(fd);
	return bytes;
}

static void file_write(const unsigned char *bytes, size_t size)
{
	char path[128];
	int fd;

	sprintf(path, "%s/" DIRECTORY_FILE, folder);
	fd = open(path, O_WRONLY);
	T_FATAL(fd >= 0 && pwrite(fd, bytes, size, 0) == (ssize_t)size);
	close(fd);
}

/* What a power failure leaves when only the one sync of a change took place: the heap is there, the
 * slots and the header are those of before. Damaged anywhere, the journal counts for nothing. */
static void test_journal_completes_a_change(void)
{
	struct directory_writer *writer = writer_open();
	struct directory_user user;
	static struct model model;
	uint64_t durable, visible;
	size_t size, heap, last = 0;
	unsigned char *before, *after;

	T_OK(directory_writer_start_over(writer, instance, 10, 2));
	T_OK(directory_writer_commit(writer, 10, &durable, &visible));
	before = file_read(&size);
	model.user[3] = model.user[4] = true;
	T_OK(put_user(writer, &model, 3));
	T_OK(put_user(writer, &model, 4));
	T_OK(directory_writer_commit(writer, 11, &durable, &visible));
	directory_writer_closep(&writer);
	after = file_read(&size);
	heap = ((const struct directory_header *)(const void *)before)->heap_offset;
	memcpy(after, before, heap);
	for (size_t at = heap; at < size; at++)
		last = after[at] ? at : last;

	file_write(after, size);
	writer = writer_open();
	T_INT(directory_writer_revision(writer), 11);
	T_OK(directory_writer_user(writer, UID0 + 3, &user));
	T_OK(directory_writer_user(writer, UID0 + 4, &user));
	directory_writer_closep(&writer);

	after[last] ^= 1;
	file_write(after, size);
	writer = writer_open();
	T_INT(directory_writer_revision(writer), 10);
	T_INT(directory_writer_user(writer, UID0 + 3, &user), -ENOENT);
	directory_writer_closep(&writer);
	free(before);
	free(after);
}

/* Any one byte changed, and any truncation: never another answer than before or "unavailable". */
static void test_damage_is_noticed(void)
{
	struct directory_writer *writer = writer_open();
	static struct model model;
	struct directory_view view;
	struct directory_user user;
	uint64_t durable, visible;
	char path[128], name[33];
	struct stat st;
	int fd, wrong = 0;

	T_OK(directory_writer_start_over(writer, instance, 1, 1));
	model.user[1] = model.group[0] = true;
	T_OK(directory_writer_put_group(writer, GID0, 0, "eng"));
	T_OK(put_user(writer, &model, 1));
	change_member(writer, &model, 0, 1);
	T_OK(directory_writer_commit(writer, 7, &durable, &visible));
	user_name(&model, 1, name);
	sprintf(path, "%s/" DIRECTORY_FILE, folder);
	fd = open(path, O_RDWR);
	T_FATAL(fd >= 0 && fstat(fd, &st) == 0);
	for (off_t at = 0; at < st.st_size && at < 20000; at++) {
		unsigned char byte, flipped;

		T_FATAL(pread(fd, &byte, 1, at) == 1);
		flipped = (unsigned char)(byte ^ (1 + at % 255));
		T_FATAL(pwrite(fd, &flipped, 1, at) == 1);
		if (directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view) == 0) {
			int r = directory_user_by_name(&view, name, strlen(name), &user);

			wrong += r == -ENOENT || (r == 0 && (strcmp(user.name, name) != 0 ||
							     user.uid != UID0 + 1 ||
							     user.group_count != 1 ||
							     user.gids[0] != GID0));
			wrong += directory_user_by_name(&view, "nobody-here", 11, &user) == 0;
			directory_release(&view);
		}
		T_FATAL(pwrite(fd, &byte, 1, at) == 1);
	}
	T_INT(wrong, 0);
	close(fd);
	directory_writer_closep(&writer);
}

static void test_reader_refuses_others_files(void)
{
	struct directory_view view;
	char path[128];

	sprintf(path, "%s/" DIRECTORY_FILE, folder);
	T_OK(directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view));
	directory_release(&view);
	T_INT(directory_open(folder, DIRECTORY_FILE, DIRECTORY_SHADOW_MAGIC, &view), -EIO);
	T_OK(chown(path, 12345, 0));
	T_INT(directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view), -EPERM);
	T_OK(chown(path, 0, 0));
	T_OK(chmod(path, 0666));
	T_INT(directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view), -EPERM);
	T_OK(chmod(path, 0644));
	T_OK(chmod(folder, 0777));
	T_INT(directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view), -EPERM);
	T_OK(chmod(folder, 0755));
	T_OK(unlink(path));
	T_OK(mkfifo(path, 0644));
	T_INT(directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view), -EPERM);
	T_OK(unlink(path));
	T_INT(directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view), -ESTALE);
	T_OK(rmdir(folder));
}

T_MAIN("directory_writer", T(folder_make), T(test_random_changes_match_model),
       T(test_big_group_splits), T(test_uncommitted_is_invisible),
       T(test_journal_completes_a_change), T(test_damage_is_noticed),
       T(test_reader_refuses_others_files))
