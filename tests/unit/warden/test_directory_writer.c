/* The writer against a plain model in memory: whatever sequence of changes, commits, aborts and
 * reopenings, a reader sees what the model says. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scimd/warden/directory_writer.h"
#include "tests/unit/t.h"

#define USERS 400
#define GROUPS 12
#define UID0 70000u
#define GID0 80000u

static char folder[] = "/tmp/scimd-writer-XXXXXX";
static const unsigned char instance[16] = "instance-of-test";

struct model {
	bool user[USERS], deleted[USERS];
	unsigned int name[USERS];
	bool group[GROUPS], member[GROUPS][USERS];
};

static struct directory_writer_options options = {
	.folder = folder,
	.name = DIRECTORY_FILE,
	.magic = DIRECTORY_MAGIC,
	.mode = 0644,
	.uid_min = 65536,
	.uid_max = 99999,
};

static struct directory_writer *writer_open(void)
{
	struct directory_writer *writer = NULL;
	bool damaged;

	T_FATAL(directory_writer_open(&options, &writer, &damaged) == 0);
	T_TRUE(!damaged);
	return writer;
}

static void user_name(const struct model *model, unsigned int i, char *buf)
{
	sprintf(buf, "user%u-%u", i, model->name[i]);
}

static int put_user(struct directory_writer *writer, const struct model *model, unsigned int i)
{
	char name[33], home[64], reason[80];
	uint32_t gids[GROUPS];
	struct directory_user_entry entry = { .uid = UID0 + i, .gids = gids, .gecos = "A B",
					      .shell = "/bin/sh", .name = name, .home = home,
					      .flags = DIRECTORY_ALLOWED };

	user_name(model, i, name);
	sprintf(home, "/home/%s", name);
	for (unsigned int g = 0; g < GROUPS; g++)
		if (model->group[g] && model->member[g][i])
			gids[entry.gid_count++] = GID0 + g;
	if (model->deleted[i]) {
		entry.name = entry.gecos = entry.home = entry.shell = "";
		entry.flags = DIRECTORY_DELETED;
		entry.gid_count = 0;
	}
	entry.detail_size = (uint32_t)sprintf(reason, "why %u", i) + 1;
	entry.detail_text = reason;
	return directory_writer_put_user(writer, &entry);
}

static void check_user(const struct directory_view *view, const struct model *model, unsigned int i)
{
	struct directory_user user, by_name;
	struct directory_detail detail;
	char name[33];
	int r = directory_user_by_uid(view, UID0 + i, &user);

	if (!model->user[i] && !model->deleted[i]) {
		T_INT(r, -ENOENT);
		return;
	}
	T_FATAL(r == 0);
	T_INT(!!(user.flags & DIRECTORY_DELETED), model->deleted[i]);
	if (model->deleted[i])
		return;
	user_name(model, i, name);
	T_STR(user.name, name);
	T_OK(directory_user_by_name(view, name, strlen(name), &by_name));
	T_INT(by_name.uid, UID0 + i);
	T_OK(directory_detail(view, &user, &detail));
	T_TRUE(strncmp(detail.reason, "why", 3) == 0);
}

static void check_group(const struct directory_view *view, const struct model *model, unsigned int g)
{
	struct directory_group group;
	struct directory_members members;
	bool seen[USERS] = { false };
	uint64_t cursor = 0;
	size_t count = 0, want = 0;
	int r = directory_group_by_gid(view, GID0 + g, &group);

	T_INT(r, model->group[g] ? 0 : -ENOENT);
	if (r < 0)
		return;
	while ((r = directory_members_next(view, &group, &cursor, &members)) == 0) {
		const char *name = members.names;

		for (size_t i = 0; i < members.count; i++, count++) {
			unsigned int n = members.uids[i] - UID0;
			char want_name[33];

			T_FATAL(n < USERS);
			T_TRUE(!seen[n] && model->member[g][n]);
			seen[n] = true;
			user_name(model, n, want_name);
			T_STR(name, want_name);
			name = directory_string_next(name);
		}
	}
	T_INT(r, -ENOENT);
	for (unsigned int i = 0; i < USERS; i++)
		want += model->member[g][i];
	T_INT(count, want);
}

static void check_all(const struct directory_writer *writer, const struct model *model)
{
	struct directory_view view;
	struct directory_user user;
	uint64_t where = 0, cursor = 0;
	size_t count = 0, want = 0;

	T_FATAL(directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view) == 0);
	T_OK(directory_verify(directory_writer_view(writer), &where));
	for (unsigned int i = 0; i < USERS; i++) {
		check_user(&view, model, i);
		want += model->user[i];
	}
	while (directory_user_next(&view, &cursor, &user) == 0)
		count++;
	T_INT(count, want);
	for (unsigned int g = 0; g < GROUPS; g++)
		check_group(&view, model, g);
	directory_release(&view);
}

static void drop_memberships(struct directory_writer *writer, struct model *model, unsigned int i)
{
	for (unsigned int g = 0; g < GROUPS; g++) {
		if (model->group[g] && model->member[g][i])
			T_OK(directory_writer_remove_member(writer, GID0 + g, UID0 + i));
		model->member[g][i] = false;
	}
}

static void rename_user(struct directory_writer *writer, struct model *model, unsigned int i)
{
	char name[33];

	model->name[i]++;
	user_name(model, i, name);
	for (unsigned int g = 0; g < GROUPS; g++)
		if (model->group[g] && model->member[g][i])
			T_OK(directory_writer_put_member(writer, GID0 + g, UID0 + i, name));
	T_OK(put_user(writer, model, i));
}

static void change_member(struct directory_writer *writer, struct model *model, unsigned int g,
			  unsigned int i)
{
	char name[33];

	if (!model->group[g] || !model->user[i])
		return;
	user_name(model, i, name);
	model->member[g][i] = !model->member[g][i];
	if (model->member[g][i])
		T_OK(directory_writer_put_member(writer, GID0 + g, UID0 + i, name));
	else
		T_OK(directory_writer_remove_member(writer, GID0 + g, UID0 + i));
	T_OK(put_user(writer, model, i));
}

static void change_group(struct directory_writer *writer, struct model *model, unsigned int g)
{
	char name[33];

	if (model->group[g] && rand() % 8 == 0) {
		for (unsigned int i = 0; i < USERS; i++)
			if (model->member[g][i])
				change_member(writer, model, g, i);
		model->group[g] = false;
		T_OK(directory_writer_remove_group(writer, GID0 + g));
		return;
	}
	model->group[g] = true;
	sprintf(name, "group%u-%d", g, rand() % 3);
	T_OK(directory_writer_put_group(writer, GID0 + g, 0, name));
}

static void change_once(struct directory_writer *writer, struct model *model)
{
	unsigned int i = (unsigned int)rand() % USERS, g = (unsigned int)rand() % GROUPS;

	switch (rand() % 40) {
	case 0:
		change_group(writer, model, g);
		break;
	case 1:
		if (model->user[i]) {
			drop_memberships(writer, model, i);
			model->user[i] = false;
			model->deleted[i] = true;
			T_OK(put_user(writer, model, i));
		}
		break;
	case 2 ... 5:
		if (model->user[i])
			rename_user(writer, model, i);
		break;
	case 6 ... 15:
		if (!model->deleted[i]) {
			model->user[i] = true;
			T_OK(put_user(writer, model, i));
		}
		break;
	default:
		change_member(writer, model, g, i);
	}
}

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

static void test_folder(void)
{
	T_FATAL(mkdtemp(folder) != NULL);
	T_OK(chmod(folder, 0755));
}

T_MAIN("directory_writer", T(test_folder), T(test_random_changes_match_model),
       T(test_big_group_splits), T(test_uncommitted_is_invisible),
       T(test_journal_completes_a_change), T(test_damage_is_noticed),
       T(test_reader_refuses_others_files))
