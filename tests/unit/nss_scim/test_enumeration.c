#include "nss_scim/enumeration.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/single_threaded.h>
#include <sys/wait.h>
#include <time.h>

#include "nss_scim/nss_scim.h"
#include "tests/unit/nss_scim/people.h"

#define CHILD_SECONDS 10
#define FORKS 50

static void start(void)
{
	people_start_in(DIRECTORY_PUBLIC_DIR);
}

/* Exit code of a child that runs `run`, or -1 if it did not end by itself. */
static int in_child(int (*run)(void))
{
	int state;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(CHILD_SECONDS);
		_exit(run());
	}
	T_INT(waitpid(pid, &state, 0), pid);
	return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static struct enumeration e;

static int take_over(void)
{
	struct timespec before, after;

	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	if (enumeration_lock(&e) < 0)
		return 1;
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	if (after.tv_sec - before.tv_sec > 1)
		return 2;
	if (e.is_open || e.cursor != 0)
		return 3;
	enumeration_unlock(&e);
	return 0;
}

static void test_lock_held_at_fork(void)
{
	start();
	T_OK(enumeration_lock(&e));
	T_OK(enumeration_begin(&e));
	e.cursor = 5;
	T_INT(in_child(take_over), 0);
	T_INT(e.cursor, 5);
	enumeration_end(&e);
	enumeration_unlock(&e);
	T_OK(enumeration_lock(&e));
	enumeration_unlock(&e);
}

/* A second taker in the same process waits, and not for ever. */
static void test_lock_waits_with_an_end(void)
{
	struct timespec before, after;

	T_OK(enumeration_lock(&e));
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	errno = EXDEV;
	T_INT(enumeration_lock(&e), -EBUSY);
	T_INT(errno, EXDEV);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	T_TRUE(after.tv_sec - before.tv_sec >= 1);
	enumeration_unlock(&e);
}

static struct passwd entry;
static char buffer[1024];

static int next_uid(void)
{
	int error;

	if (_nss_scim_getpwent_r(&entry, buffer, sizeof(buffer), &error) != NSS_STATUS_SUCCESS)
		return 0;
	return (int)(entry.pw_uid - ALICE) + 1;
}

/* A child goes on where its parent stood, and leaves the parent where it stands. */
static void test_child_inherits_the_position(void)
{
	start();
	T_INT(_nss_scim_setpwent(0), NSS_STATUS_SUCCESS);
	T_INT(next_uid(), 1);
	T_INT(in_child(next_uid), 2);
	T_INT(next_uid(), 2);
	T_INT(next_uid(), 3);
	T_INT(next_uid(), 0);
	T_INT(_nss_scim_endpwent(), NSS_STATUS_SUCCESS);
}

static atomic_bool stop;

static void *walk(void *unused)
{
	char own[1024];
	struct passwd found;
	int error;

	(void)unused;
	while (!atomic_load(&stop))
		if (_nss_scim_getpwent_r(&found, own, sizeof(own), &error) != NSS_STATUS_SUCCESS)
			(void)_nss_scim_setpwent(0);
	return NULL;
}

static int walk_in_child(void)
{
	(void)_nss_scim_setpwent(0);
	for (int want = 1; want <= 3; want++)
		if (next_uid() != want)
			return want;
	return next_uid() == 0 ? 0 : 9;
}

/* Two threads are inside at most moments when the process forks. */
static void test_fork_among_threads(void)
{
	pthread_t threads[2];

	start();
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		NEED(pthread_create(&threads[i], NULL, walk, NULL) == 0);
	for (int i = 0; i < FORKS; i++)
		T_INT(in_child(walk_in_child), 0);
	atomic_store(&stop, true);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		T_OK(pthread_join(threads[i], NULL));
	T_INT(_nss_scim_endpwent(), NSS_STATUS_SUCCESS);
}

/* --- walks beside each other ---------------------------------------------------------------------- */

static int next_group(void)
{
	static char room[131072];
	struct group group;
	int error;

	return _nss_scim_getgrent_r(&group, room, sizeof(room), &error) == NSS_STATUS_SUCCESS;
}

static int next_shadow(void)
{
	struct spwd spwd;
	char room[1024];
	int error;

	return _nss_scim_getspent_r(&spwd, room, sizeof(room), &error) == NSS_STATUS_SUCCESS;
}

/* By turns; beginning one anew leaves the others where they are. */
static void test_databases_do_not_disturb_each_other(void)
{
	int users = 0, groups = 0, shadows = 0;

	start();
	T_INT(_nss_scim_setpwent(0), NSS_STATUS_SUCCESS);
	T_INT(_nss_scim_setgrent(0), NSS_STATUS_SUCCESS);
	T_INT(_nss_scim_setspent(0), NSS_STATUS_SUCCESS);
	for (int turn = 0; turn < 10; turn++) {
		users += next_uid() > 0;
		groups += next_group();
		if (turn == 1)
			T_INT(_nss_scim_setspent(0), NSS_STATUS_SUCCESS);
		shadows += next_shadow();
	}
	T_INT(users, 3);
	T_INT(groups, 2 + 3); /* the crowd, linux-users, and private ones */
	T_INT(shadows, 3 + 1);
	T_INT(_nss_scim_endpwent(), NSS_STATUS_SUCCESS);
	T_INT(_nss_scim_endgrent(), NSS_STATUS_SUCCESS);
	T_INT(_nss_scim_endspent(), NSS_STATUS_SUCCESS);
}

#define MANY 2000u
#define MANY_UID 71000u

#define SHARED_WALKS 20 /* in which each thread was given some */
#define WALKS_MAX 2000

static unsigned char met[MANY];
static pthread_barrier_t together;

static void *pull(void *ret_count)
{
	char own[1024];
	struct passwd found;
	int error, *count = ret_count;

	(void)pthread_barrier_wait(&together);
	while (_nss_scim_getpwent_r(&found, own, sizeof(own), &error) == NSS_STATUS_SUCCESS)
		if (found.pw_uid >= MANY_UID && found.pw_uid < MANY_UID + MANY) {
			__atomic_fetch_add(&met[found.pw_uid - MANY_UID], 1, __ATOMIC_RELAXED);
			++*count;
		}
	return NULL;
}

/* Whether both threads had a part in it. */
static bool walk_together(void)
{
	int counts[2] = { 0 }, once = 0;
	pthread_t threads[2];

	memset(met, 0, sizeof(met));
	T_INT(_nss_scim_setpwent(0), NSS_STATUS_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		NEED(pthread_create(&threads[i], NULL, pull, &counts[i]) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		T_INT(pthread_join(threads[i], NULL), 0);
	for (uint32_t i = 0; i < MANY; i++)
		once += met[i] == 1;
	T_INT(once, MANY);
	return counts[0] > 0 && counts[1] > 0;
}

/* Two threads share one walk, as glibc has it: each entry goes to one of them. */
static void test_threads_share_a_walk(void)
{
	struct directory_writer *writer;
	int shared = 0;
	char name[16];

	start();
	NEED(pthread_barrier_init(&together, NULL, 2) == 0);
	writer = people_open();
	for (uint32_t i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "many%u", i);
		people_put(writer, MANY_UID + i, name, DIRECTORY_ALLOWED);
	}
	people_commit(writer);
	for (int i = 0; i < WALKS_MAX && shared < SHARED_WALKS; i++)
		shared += walk_together();
	T_INT(shared, SHARED_WALKS);
	T_INT(_nss_scim_endpwent(), NSS_STATUS_SUCCESS);
}

/* --- in the warden's memory ----------------------------------------------------------------------- */

#define SPARSE_UID 72000u
#define SPARSE 600u

/* Eights of which only some, or only the last, or none are there; every fifth was deleted. */
static bool is_there(uint32_t i)
{
	return i % 8 == 7 || (i / 8 % 3 == 1 && i % 2);
}

static bool is_deleted(uint32_t i)
{
	return i % 5 == 4;
}

static struct directory_writer *memory_open(void)
{
	static const struct directory_writer_options options = {
		.folder = DIRECTORY_PUBLIC_DIR, .name = DIRECTORY_FILE, .magic = DIRECTORY_MAGIC,
		.mode = 0644, .segment = true, .uid_min = 65536, .uid_max = 99999,
	};
	struct directory_writer *writer;
	bool damaged;

	people_namespace(DIRECTORY_PUBLIC_DIR);
	NEED(directory_writer_open(&options, &writer, &damaged) == 0);
	return writer;
}

static struct directory_writer *memory_make(void)
{
	struct directory_writer *writer = memory_open();
	uint64_t durable, visible;
	char name[16];

	NEED(directory_writer_start_over(writer, people_instance, SPARSE * 4, 8) == 0);
	for (uint32_t i = 0; i < SPARSE; i++) {
		(void)snprintf(name, sizeof(name), "sparse%u", i);
		if (is_there(i))
			people_put(writer, SPARSE_UID + i, is_deleted(i) ? "" : name,
				   is_deleted(i) ? DIRECTORY_DELETED : DIRECTORY_ALLOWED);
	}
	NEED(directory_writer_commit(writer, ++people_revision, &durable, &visible) == 0);
	return writer;
}

/* The next one, which a short buffer does not lose. 0: the end. */
static uint32_t next_sparse(void)
{
	int error = 0;

	if (_nss_scim_getpwent_r(&entry, buffer, 9, &error) == NSS_STATUS_NOTFOUND)
		return 0;
	T_INT(error, ERANGE);
	T_INT(_nss_scim_getpwent_r(&entry, buffer, sizeof(buffer), &error), NSS_STATUS_SUCCESS);
	return entry.pw_uid;
}

static unsigned char sparse_met[SPARSE];

/* So many of them at most; each is whom it should be. */
static void walk_sparse(uint32_t most)
{
	char name[16];
	uint32_t uid;

	for (; most > 0 && (uid = next_sparse()) != 0; most--) {
		T_FATAL(uid >= SPARSE_UID && uid < SPARSE_UID + SPARSE);
		sparse_met[uid - SPARSE_UID]++;
		(void)snprintf(name, sizeof(name), "sparse%u", uid - SPARSE_UID);
		T_STR(entry.pw_name, name);
		T_INT(entry.pw_gid, uid);
		T_STR(entry.pw_passwd, "x");
		T_STR(entry.pw_dir + sizeof("/home/") - 1, name);
		T_STR(entry.pw_shell, "/bin/bash");
	}
}

static bool all_met_once(void)
{
	for (uint32_t i = 0; i < SPARSE; i++)
		if (sparse_met[i] != (is_there(i) && !is_deleted(i)))
			return false;
	return true;
}

static int walk_rest(void)
{
	walk_sparse(UINT32_MAX);
	return all_met_once() && CU_get_number_of_failures() == 0 ? 0 : 1;
}

/* A process with one thread, which others publish beside, and which forks. */
static void test_walk_in_memory(void)
{
	struct directory_writer *writer = memory_make();
	struct directory_view view;
	uint64_t durable, visible;
	char name[16];

	T_TRUE(__libc_single_threaded);
	T_OK(directory_acquire(&view));
	T_TRUE(view.is_checked);
	directory_release(&view);
	T_INT(_nss_scim_setpwent(0), NSS_STATUS_SUCCESS);
	walk_sparse(60);
	/* Some behind us and some before us get other records. */
	for (uint32_t i = 7; i < SPARSE; i += 16) {
		(void)snprintf(name, sizeof(name), "sparse%u", i);
		if (!is_deleted(i))
			people_put(writer, SPARSE_UID + i, name, DIRECTORY_ALLOWED);
		NEED(directory_writer_commit(writer, ++people_revision, &durable, &visible) == 0);
	}
	T_INT(in_child(walk_rest), 0);
	directory_writer_set_range(writer, 65536, 99998); /* another file takes its place */
	while (directory_writer_has_work(writer))
		directory_writer_work(writer, 0);
	walk_sparse(UINT32_MAX);
	T_TRUE(all_met_once());
	T_INT(next_sparse(), 0);
	T_INT(_nss_scim_endpwent(), NSS_STATUS_SUCCESS);
	directory_writer_closep(&writer);
}

/* In the order they come in: lower and higher ones, one so far away that no table is that long, one whose
 * home slot is taken (`DISTANCE` further, all ids share theirs), and so on. The names are the numbers. */
#define DISTANCE 8192u
static const uint32_t arrivals[] = { 75000, 75001, 74991, 75407, 75009, 66000, 75002,
				     75000 + DISTANCE, 98765, 74991 + DISTANCE };
static const size_t dense = 5;

static void arrive(struct directory_writer *writer, size_t i)
{
	uint64_t durable, visible;
	char name[16];

	(void)snprintf(name, sizeof(name), "n%u", arrivals[i]);
	people_put(writer, arrivals[i], name, DIRECTORY_ALLOWED);
	NEED(directory_writer_commit(writer, ++people_revision, &durable, &visible) == 0);
}

/* The first `count` are met once each, nobody else. */
static void expect_arrived(size_t count)
{
	unsigned char seen[ARRAY_SIZE(arrivals)] = { 0 };
	size_t total = 0, once = 0;
	int error;

	T_INT(_nss_scim_setpwent(0), NSS_STATUS_SUCCESS);
	for (; _nss_scim_getpwent_r(&entry, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS; total++)
		for (size_t i = 0; i < ARRAY_SIZE(arrivals); i++)
			seen[i] += arrivals[i] == entry.pw_uid;
	for (size_t i = 0; i < count; i++)
		once += seen[i] == 1;
	T_INT(once, count);
	T_INT(total, count);
}

static uint64_t positions_walked(uint64_t *ret_capacity)
{
	struct directory_view view;
	uint64_t count;

	NEED(directory_acquire_long(&view) == 0);
	NEED(view.is_checked);
	count = view.walk_count;
	*ret_capacity = UINT64_C(1) << view.geometry->tables[DIRECTORY_USER_BY_ID].log2;
	directory_release(&view);
	return count;
}

static void test_walk_over_the_span(void)
{
	struct directory_writer *writer = memory_open();
	uint64_t durable, visible, capacity;

	NEED(directory_writer_start_over(writer, people_instance, 2700, 8) == 0);
	NEED(directory_writer_commit(writer, ++people_revision, &durable, &visible) == 0);
	expect_arrived(0);
	for (size_t i = 0; i < ARRAY_SIZE(arrivals); i++) {
		uint64_t walked;

		arrive(writer, i);
		walked = positions_walked(&capacity);
		T_INT(capacity, DISTANCE);
		T_TRUE(i < dense ? walked <= 75407 - 74984 + 1 : walked == capacity);
		T_TRUE(directory_writer_is_in_place(writer));
		expect_arrived(i + 1);
		if (i % 2)
			continue;
		directory_writer_closep(&writer); /* what it knew by heart, it counts now */
		writer = memory_open();
		T_INT(positions_walked(&capacity), walked);
		expect_arrived(i + 1);
	}
	T_INT(_nss_scim_endpwent(), NSS_STATUS_SUCCESS);
	directory_writer_closep(&writer);
}

T_MAIN("nss enumeration", T(test_walk_in_memory), T(test_lock_held_at_fork), T(test_lock_waits_with_an_end),
       T(test_child_inherits_the_position), T(test_fork_among_threads),
       T(test_databases_do_not_disturb_each_other), T(test_threads_share_a_walk), T(test_walk_over_the_span))
