/* Whatever happens to the writer, in whatever order: changes, commits, aborts, files made beside at any
 * step, and death at any write. A reader always sees what the model says. */
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/warden/directory_file.h"
#include "tests/unit/warden/directory_model.h"

/* --- a disk that dies ----------------------------------------------------------------------------- */

/* After so many calls nothing reaches the file any more, as after kill -9: the last write in part. Calls
 * come from the writer's threads too. */
static _Atomic long calls_left = -1; /* below 0: for ever */

static bool is_dead(void)
{
	return calls_left == 0;
}

static bool dies_now(void)
{
	long left = calls_left;

	while (left > 0 && !atomic_compare_exchange_weak(&calls_left, &left, left - 1))
		;
	return left == 1;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	if (!is_dead() && dies_now() && size > 1) /* a part that no reader takes for the whole */
		(void)syscall(SYS_pwrite64, fd, bytes, (size_t)rand() % size / 8 * 8, offset);
	if (is_dead()) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

/* Written, then synced. */
ssize_t pwritev2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	ssize_t n = pwrite(fd, pieces->iov_base, pieces->iov_len, offset);

	T_TRUE(count == 1 && flags == RWF_DSYNC);
	if (n < 0)
		return n;
	errno = EIO;
	return is_dead() || dies_now()
		       ? -1
		       : syscall(SYS_pwritev2, fd, pieces, count, offset, 0L, flags);
}

static int result(long r)
{
	return (int)r;
}

static _Atomic unsigned int syncs_beside;
static _Atomic bool fsync_waits; /* for as long as this is set */

int fdatasync(int fd)
{
	syncs_beside += gettid() != getpid();
	errno = EIO;
	return is_dead() || dies_now() ? -1 : result(syscall(SYS_fdatasync, fd));
}

int fsync(int fd)
{
	while (fsync_waits)
		(void)usleep(50);
	errno = EIO;
	return is_dead() || dies_now() ? -1 : result(syscall(SYS_fsync, fd));
}

int rename(const char *from, const char *to)
{
	errno = EIO;
	return is_dead() || dies_now() ? -1 : result(syscall(SYS_rename, from, to));
}

int unlink(const char *path)
{
	errno = EIO;
	return is_dead() ? -1 : result(syscall(SYS_unlink, path));
}

/* --- helpers -------------------------------------------------------------------------------------- */

static uint64_t revision = 1;

static int commit(struct directory_writer *writer)
{
	uint64_t durable, visible;

	return directory_writer_commit(writer, revision++, &durable, &visible);
}

/* A piece; of what is done beside, as long as it takes, mostly. */
static void work_once(struct directory_writer *writer)
{
	bool waits = rand() % 8 != 0;

	while (waits && directory_writer_has_work(writer) && !directory_writer_is_due(writer))
		(void)usleep(50);
	directory_writer_work(writer, 0);
}

static void work_out(struct directory_writer *writer)
{
	while (directory_writer_has_work(writer)) {
		if (!directory_writer_is_due(writer))
			(void)usleep(50);
		directory_writer_work(writer, clock_monotonic_us() + 1000);
	}
}

static void work(struct directory_writer *writer, int pieces)
{
	for (; pieces > 0; pieces--)
		work_once(writer);
}

/* From a piece to all there is. */
static void work_a_while(struct directory_writer *writer)
{
	work(writer, rand() % 3 ? rand() % 50 : rand() % 1500);
}

static void usage_check(const struct directory_writer *writer)
{
	struct directory_writer_usage usage;

	directory_writer_usage(writer, &usage);
	T_TRUE(usage.size <= usage.content * 5 / 2 + DIRECTORY_SIZE_SLACK);
}

static struct directory_writer *empty_writer(void)
{
	struct directory_writer *writer = writer_open();

	T_FATAL(directory_writer_start_over(writer, instance, 10, 2) == 0);
	T_FATAL(commit(writer) == 0);
	return writer;
}

/* What was kept up to date with each change is what counting gives. */
static struct directory_writer *reopen(struct directory_writer *writer)
{
	struct directory_writer_usage before, after;

	directory_writer_usage(writer, &before);
	directory_writer_closep(&writer);
	writer = writer_open();
	directory_writer_usage(writer, &after);
	T_INT(after.users, before.users);
	T_INT(after.groups, before.groups);
	T_INT(after.content, before.content);
	T_INT(after.size, before.size);
	return writer;
}

static unsigned int replaced; /* how often another file took the name */

static void count_replaced(void)
{
	static ino_t last;
	char path[128];
	struct stat st;

	sprintf(path, "%s/" DIRECTORY_FILE, folder);
	T_FATAL(stat(path, &st) == 0);
	replaced += st.st_ino != last;
	last = st.st_ino;
}

/* --- tests ---------------------------------------------------------------------------------------- */

/* A piece of work falls between any two changes, also of an open batch. */
static void test_build_at_any_step(void)
{
	struct directory_writer *writer;
	static struct model model, before;

	log_open("test", LOG_LEVEL_ERROR);
	writer = empty_writer();
	srand(11);
	replaced = 0;
	for (unsigned int round = 0; round < 1200; round++) {
		before = model;
		for (int n = rand() % 6; n >= 0; n--) {
			change_once(writer, &model);
			if (rand() % 4 == 0)
				work_once(writer);
		}
		if (rand() % 10 == 0) {
			directory_writer_abort(writer);
			model = before;
		} else {
			T_FATAL(commit(writer) == 0);
		}
		/* Another range is a reason to make another file. */
		options.uid_max = 99000 + round / 5;
		directory_writer_set_range(writer, options.uid_min, options.uid_max);
		work(writer, rand() % 80);
		count_replaced();
		if (round % 400 == 399)
			writer = reopen(writer);
		if (round % 6 == 0)
			check_all(writer, &model);
	}
	work_out(writer);
	check_all(writer, &model);
	T_TRUE(replaced > 100);
	directory_writer_closep(&writer);
}

static void test_size_is_bounded(void)
{
	struct directory_writer *writer = empty_writer();
	static struct model model;

	srand(12);
	for (unsigned int round = 0; round < 600; round++) {
		for (int n = rand() % 200; n >= 0; n--)
			change_once(writer, &model);
		T_FATAL(commit(writer) == 0);
		work_out(writer);
		usage_check(writer);
		if (round % 300 == 0) {
			writer = reopen(writer);
			check_all(writer, &model);
		}
	}
	check_all(writer, &model);
	directory_writer_closep(&writer);
}

#define MANY 20000u

static int put_many(struct directory_writer *writer, uint32_t i, bool deleted)
{
	char name[33];
	uint32_t gid = GID0;
	struct directory_user_entry entry = { .uid = 200000 + i, .name = name, .gecos = "",
					      .home = "/", .shell = "/bin/sh", .gids = &gid,
					      .gid_count = 1, .flags = DIRECTORY_ALLOWED,
					      .detail_text = "", .detail_size = 1 };

	sprintf(name, "many%u", i);
	if (deleted) {
		entry.name = entry.home = entry.shell = "";
		entry.flags = DIRECTORY_DELETED;
		entry.gid_count = 0;
		return directory_writer_put_user(writer, &entry);
	}
	return directory_writer_put_user(writer, &entry);
}

static size_t members_count(const struct directory_writer *writer)
{
	const struct directory_view *view = directory_writer_view(writer);
	struct directory_members members;
	struct directory_group group;
	uint64_t cursor = 0;
	size_t count = 0;

	T_FATAL(directory_group_by_gid(view, GID0, &group) == 0);
	while (directory_members_next(view, &group, &cursor, &members) == 0)
		count += members.count;
	return count;
}

/* 99 of 100 go: in one batch, then the rest one by one; and everybody leaves a large group. */
static void test_mass_deletion_shrinks(void)
{
	struct directory_writer *writer = empty_writer();
	struct directory_writer_usage full, usage;

	T_OK(directory_writer_put_group(writer, GID0, 0, "everybody"));
	for (uint32_t i = 0; i < MANY; i++) {
		char name[33];

		sprintf(name, "many%u", i);
		T_FATAL(put_many(writer, i, false) == 0);
		T_FATAL(directory_writer_put_member(writer, GID0, 200000 + i, name) == 0);
	}
	T_FATAL(commit(writer) == 0);
	work_out(writer);
	usage_check(writer);
	directory_writer_usage(writer, &full);
	for (uint32_t i = 0; i < MANY * 99 / 100; i++) {
		T_FATAL(directory_writer_remove_member(writer, GID0, 200000 + i) == 0);
		T_FATAL(put_many(writer, i, true) == 0);
	}
	T_FATAL(commit(writer) == 0);
	work_out(writer);
	usage_check(writer);
	directory_writer_usage(writer, &usage);
	T_INT(usage.users, MANY / 100);
	T_TRUE(usage.size * 2 < full.size);
	T_INT(members_count(writer), MANY / 100);
	for (uint32_t i = MANY * 99 / 100; i < MANY; i++) {
		T_FATAL(directory_writer_remove_member(writer, GID0, 200000 + i) == 0);
		T_FATAL(put_many(writer, i, true) == 0);
		T_FATAL(commit(writer) == 0);
		work_out(writer);
		usage_check(writer);
	}
	T_INT(members_count(writer), 0);
	writer = reopen(writer);
	usage_check(writer);
	directory_writer_closep(&writer);
}

#define TEAMS 100u

static uint64_t record_end(const struct directory_view *view, uint64_t offset)
{
	return offset + ((const struct directory_record *)(const void *)(view->base + offset))->size;
}

/* The record, the table and each chunk, one behind another. */
static bool group_lies_together(const struct directory_view *view, uint32_t gid)
{
	struct directory_members members;
	struct directory_group group;
	uint64_t cursor = 0, end;

	T_FATAL(directory_group_by_gid(view, gid, &group) == 0);
	end = record_end(view, (uint64_t)((const unsigned char *)group.name - view->base) -
				       sizeof(struct directory_group_record));
	if ((uint64_t)group.table * DIRECTORY_UNIT != end)
		return false;
	end = record_end(view, end);
	while (directory_members_next(view, &group, &cursor, &members) == 0) {
		if ((uint64_t)(members.sizes - view->base) !=
		    end + sizeof(struct directory_chunk_record))
			return false;
		end = record_end(view, end);
	}
	return true;
}

static unsigned int groups_together(const struct directory_writer *writer)
{
	unsigned int count = 0;

	for (uint32_t g = 0; g < TEAMS; g++)
		count += group_lies_together(directory_writer_view(writer), GID0 + g);
	return count;
}

/* Members that came one by one, each to another group, and not once more. */
static void test_strewn_is_copied(void)
{
	struct directory_writer *writer = writer_open();
	struct directory_writer_usage usage;
	char name[33];

	/* As much room as makes it neither tight nor loose. */
	T_FATAL(directory_writer_start_over(writer, instance, TEAMS * 49, TEAMS) == 0);
	for (uint32_t g = 0; g < TEAMS; g++) {
		sprintf(name, "team%u", g);
		T_OK(directory_writer_put_group(writer, GID0 + g, 0, name));
	}
	for (uint32_t i = 0; i < TEAMS * 600; i++) {
		sprintf(name, "many%u", i);
		T_FATAL(directory_writer_put_member(writer, GID0 + i % TEAMS, 200000 + i, name) == 0);
	}
	T_FATAL(commit(writer) == 0);
	directory_writer_usage(writer, &usage);
	T_TRUE(usage.size <= usage.content / 2 * 5 + DIRECTORY_SIZE_SLACK);
	T_INT(groups_together(writer), 0);
	T_TRUE(directory_writer_has_work(writer));
	work_out(writer);
	T_INT(groups_together(writer), TEAMS);
	T_INT(members_count(writer), 600);
	T_OK(directory_writer_put_member(writer, GID0, 199999, "late"));
	T_FATAL(commit(writer) == 0);
	T_TRUE(!directory_writer_has_work(writer));
	T_INT(members_count(writer), 601);
	writer = reopen(writer);
	usage_check(writer);
	directory_writer_closep(&writer);
}

/* More comes in one batch than there is room for, while the next file is being made. */
static void test_batch_overtakes_build(void)
{
	struct directory_writer *writer = empty_writer();
	struct directory_user user;

	for (uint32_t round = 0; round < 8; round++) {
		options.uid_max ^= 1;
		directory_writer_set_range(writer, options.uid_min, options.uid_max);
		work(writer, rand() % 40);
		for (uint32_t i = 0; i < 3000u << round / 2; i++)
			T_FATAL(put_many(writer, i * 8 + round, false) == 0);
		T_FATAL(commit(writer) == 0);
		work(writer, rand() % 40);
	}
	work_out(writer);
	usage_check(writer);
	for (uint32_t round = 0; round < 8; round++)
		for (uint32_t i = 0; i < 3000u << round / 2; i++)
			T_FATAL(directory_user_by_uid(directory_writer_view(writer),
						      200000 + i * 8 + round, &user) == 0);
	writer = reopen(writer);
	directory_writer_closep(&writer);
}

/* A slow disk: while the next file is written, more changes come than one sync at its end should take,
 * and they do not wait for it. */
static void test_changes_while_written(void)
{
	struct directory_writer *writer = empty_writer();
	struct directory_user user;
	uint32_t count;

	for (count = 0; count < 1000; count++) /* so that there is room for the rest */
		T_FATAL(put_many(writer, count, false) == 0);
	T_FATAL(commit(writer) == 0);
	work_out(writer);
	for (uint32_t round = 0; round < 5; round++) {
		options.uid_max ^= 1;
		directory_writer_set_range(writer, options.uid_min, options.uid_max);
		replaced = 0;
		count_replaced();
		replaced = syncs_beside = 0;
		fsync_waits = true;
		while (directory_writer_is_due(writer))
			directory_writer_work(writer, clock_monotonic_us() + 1000);
		T_TRUE(directory_writer_has_work(writer));
		for (uint32_t end = count + 80; count < end; count++) {
			T_FATAL(put_many(writer, count, false) == 0);
			T_FATAL(commit(writer) == 0);
		}
		fsync_waits = false;
		for (uint32_t end = count + 80; count < end; count++) {
			T_FATAL(put_many(writer, count, false) == 0);
			work(writer, 3);
			T_FATAL(commit(writer) == 0);
		}
		work_out(writer);
		count_replaced();
		T_INT(replaced, 1);
		T_TRUE(syncs_beside > 0);
		writer = reopen(writer);
		for (uint32_t i = 0; i < count; i++)
			T_FATAL(directory_user_by_uid(directory_writer_view(writer), 200000 + i,
						      &user) == 0);
	}
	directory_writer_closep(&writer);
}

/* The file after the death shows the last confirmed state, or all of the batch that was under way. */
static void check_survivor(const struct model *before, const struct model *after, bool confirmed,
			   uint64_t revision_before, struct model *ret)
{
	struct directory_writer *writer = writer_open();
	uint64_t shown = directory_writer_revision(writer);

	T_TRUE(shown == revision_before || shown == revision - 1);
	if (confirmed)
		T_INT(shown, revision - 1);
	*ret = shown == revision_before && !confirmed ? *before : *after;
	check_all(writer, ret);
	directory_writer_closep(&writer);
}

static void test_death_at_any_write(void)
{
	static struct model model, before;
	struct directory_writer *writer = empty_writer();
	unsigned int between = 0;

	srand(13);
	for (unsigned int round = 0; round < 1000; round++) {
		uint64_t revision_before = directory_writer_revision(writer);
		bool confirmed;

		before = model;
		calls_left = 1 + rand() % 24;
		options.uid_max = 99000 + round % 2;
		directory_writer_set_range(writer, options.uid_min, options.uid_max);
		work_a_while(writer);
		for (int n = rand() % 10; n >= 0; n--)
			change_once(writer, &model);
		confirmed = commit(writer) == 0;
		if (!confirmed)
			directory_writer_abort(writer);
		work_a_while(writer);
		between += is_dead();
		calls_left = 0;
		directory_writer_closep(&writer);
		calls_left = -1;
		check_survivor(&before, &model, confirmed, revision_before, &model);
		writer = writer_open();
	}
	T_TRUE(between > 300);
	directory_writer_closep(&writer);
}

/* After a sync that failed nobody knows what the disk has: another file takes the place. */
static void test_failed_sync_means_another_file(void)
{
	struct directory_writer *writer = empty_writer();
	static struct model model, before;

	srand(14);
	for (unsigned int round = 0; round < 20; round++) {
		before = model;
		replaced = 0;
		count_replaced();
		for (int n = rand() % 10; n >= 0; n--)
			change_once(writer, &model);
		calls_left = 2; /* the records are written, the sync fails */
		T_INT(commit(writer), -EIO);
		directory_writer_abort(writer);
		model = before;
		calls_left = -1;
		check_all(writer, &model);
		for (int n = rand() % 10; n >= 0; n--)
			change_once(writer, &model);
		replaced = 0;
		T_FATAL(commit(writer) == 0);
		count_replaced();
		T_INT(replaced, 1);
		writer = reopen(writer);
		check_all(writer, &model);
	}
	directory_writer_closep(&writer);
}

static int maker_mode = 0644;

static pid_t segment_maker(uid_t uid, bool stay)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setresuid(uid, uid, uid) < 0 ||
		    shmget(DIRECTORY_SEGMENT_KEY, 4096, IPC_CREAT | IPC_EXCL | maker_mode) < 0)
			_exit(1);
		while (stay)
			(void)pause();
		_exit(0);
	}
	return pid;
}

static bool key_is_taken(void)
{
	return shmget(DIRECTORY_SEGMENT_KEY, 0, 0) >= 0;
}

static void key_free(void)
{
	T_OK(shmctl(shmget(DIRECTORY_SEGMENT_KEY, 0, 0), IPC_RMID, NULL));
}

/* What a warden killed at the wrong instant has left goes away; nothing of anybody else's does, and
 * whoever has our key keeps nobody from working. */
static void test_left_segment_is_removed(void)
{
	struct directory_writer *writer;
	int status;
	pid_t pid;

	T_FATAL(unshare(CLONE_NEWIPC) == 0); /* the key is the host's */
	options.segment = true;
	for (uid_t uid = 0; uid <= 12345; uid += 12345) {
		T_FATAL(waitpid(segment_maker(uid, false), &status, 0) > 0 && status == 0);
		T_TRUE(key_is_taken());
		writer = writer_open();
		directory_writer_closep(&writer);
		T_INT(key_is_taken(), uid != 0);
	}
	key_free();
	pid = segment_maker(0, true);
	while (!key_is_taken())
		(void)usleep(1000);
	writer = writer_open();
	T_TRUE(key_is_taken());
	directory_writer_closep(&writer);
	kill(pid, SIGKILL);
	T_FATAL(waitpid(pid, &status, 0) == pid);
	writer = empty_writer();
	T_TRUE(!key_is_taken());
	directory_writer_closep(&writer);
	options.segment = false;
}

/* As the warden's sandbox has it. */
static void ipc_owner_set(bool on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	uint32_t bit = 1u << CAP_IPC_OWNER;

	T_OK(syscall(SYS_capget, &header, data));
	data[0].effective = on ? data[0].effective | bit : data[0].effective & ~bit;
	T_OK(syscall(SYS_capset, &header, data));
}

static bool names_segment(const struct directory_writer *writer)
{
	const struct directory_header *header = (const void *)directory_writer_view(writer)->base;

	return (header->segment_nonce[0] | header->segment_nonce[1]) != 0;
}

/* Any user can take our key for themselves, or all the segments that there are. */
static void test_segments_are_taken(void)
{
	struct directory_writer *writer;
	static struct model model;
	int status;

	T_FATAL(unshare(CLONE_NEWIPC) == 0);
	options.segment = true;
	maker_mode = 0600;
	T_FATAL(waitpid(segment_maker(12345, false), &status, 0) > 0 && status == 0);
	maker_mode = 0644;
	ipc_owner_set(false);
	writer = empty_writer();
	T_TRUE(names_segment(writer));
	directory_writer_closep(&writer);
	while (shmget(IPC_PRIVATE, 4096, 0600) >= 0)
		;
	T_INT(errno, ENOSPC);
	writer = writer_open();
	for (int round = 0; round < 3; round++) {
		for (int n = 0; n < 10; n++)
			change_once(writer, &model);
		T_OK(commit(writer));
		check_all(writer, &model);
		writer = reopen(writer);
		T_TRUE(!names_segment(writer));
		check_all(writer, &model);
	}
	replaced = 0;
	count_replaced();
	replaced = 0;
	work_out(writer); /* tries, and not again for a while */
	count_replaced();
	T_INT(replaced, 0);
	T_TRUE(!names_segment(writer));
	directory_writer_closep(&writer);
	ipc_owner_set(true);
	writer = writer_open();
	T_TRUE(!names_segment(writer));
	T_FATAL(unshare(CLONE_NEWIPC) == 0); /* there are some again */
	work_out(writer);
	T_TRUE(names_segment(writer));
	check_all(writer, &model);
	directory_writer_closep(&writer);
	writer = writer_open();
	T_TRUE(names_segment(writer));
	check_all(writer, &model);
	directory_writer_closep(&writer);
	options.segment = false;
}

static void folder_remove(void)
{
	char path[128];

	sprintf(path, "%s/" DIRECTORY_FILE, folder);
	T_OK(unlink(path));
	sprintf(path, "%s/." DIRECTORY_FILE ".new", folder);
	(void)unlink(path);
	T_OK(rmdir(folder));
}

T_MAIN("directory_history", T(folder_make), T(test_build_at_any_step), T(test_size_is_bounded),
       T(test_mass_deletion_shrinks), T(test_strewn_is_copied), T(test_batch_overtakes_build),
       T(test_changes_while_written), T(test_death_at_any_write),
       T(test_failed_sync_means_another_file), T(test_left_segment_is_removed),
       T(test_segments_are_taken), T(folder_remove))
