/* kill -9 at a random moment: whatever was acknowledged is there afterwards, and all of it fits
 * together. A child commits in a loop and reports each commit over a pipe. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/store/store_t.h"

#define ROUNDS 20
#define MIN 65536u
#define MAX 99999u

/* Everything that user number n brings: a row, a number, a membership, an event, a revision. The
 * row's change is a nested transaction; beside it, one that is given up. */
static int commit_user(struct store *store, uint32_t n)
{
	_cleanup_txn_ struct store_txn *txn = NULL, *child = NULL, *lost = NULL;
	enum store_index taken;
	uint64_t sequence, revision;
	struct sample s;

	sample_make(&s, RESOURCE_USER, n, "okta");
	if (store_begin(store, NULL, true, &txn) < 0 ||
	    store_begin(store, txn, true, &lost) < 0 ||
	    t_put(lost, RESOURCE_USER, n + 1000000, "okta") < 0)
		return -1;
	store_abortp(&lost);
	if (store_begin(store, txn, true, &child) < 0 ||
	    store_number_take(child, MIN, MAX, 0, s.row.id, &s.row.number) < 0 ||
	    store_resource_put(child, &s.row, &taken) < 0 ||
	    store_member_add(child, GROUP_ID(1), s.row.id, NULL) != 1 || store_commit(&child) < 0)
		return -1;
	if (store_event_append(txn, "t", "", "{}", &sequence) < 0 ||
	    store_revision_next(txn, &revision) < 0)
		return -1;
	return store_commit(&txn);
}

/* The child: never returns. */
static void commit_for_ever(const char *directory, uint32_t next, int report)
{
	struct store *store = NULL;

	if (store_open(directory, &store) < 0)
		_exit(1);
	for (;; next++) {
		if (commit_user(store, next) < 0)
			_exit(2);
		if (write(report, &next, sizeof(next)) != sizeof(next))
			_exit(3);
		if (next % 16 == 0 && store_checkpoint(store) < 0)
			_exit(4);
	}
}

/* Run the child until some milliseconds after its first report; returns one more than the last
 * number it reported. */
static uint32_t run_and_kill(const struct dir *dir, uint32_t next, unsigned int wait_us)
{
	struct timespec wait = { 0, wait_us * 1000L };
	_cleanup_close_ int out = -1;
	uint32_t reported;
	int pipe_fds[2], status;
	pid_t pid;

	T_FATAL(pipe(pipe_fds) == 0);
	pid = fork();
	T_FATAL(pid >= 0);
	if (pid == 0)
		commit_for_ever(dir->path, next, pipe_fds[1]);
	(void)close(pipe_fds[1]);
	out = pipe_fds[0];
	if (read(out, &reported, sizeof(reported)) == sizeof(reported))
		next = reported + 1;
	(void)nanosleep(&wait, NULL);
	T_OK(kill(pid, SIGKILL));
	T_INT(waitpid(pid, &status, 0), pid);
	T_TRUE(WIFSIGNALED(status)); /* it did not end by itself */
	while (read(out, &reported, sizeof(reported)) == sizeof(reported))
		next = reported + 1;
	return next;
}

static int event_counts(const struct store_event *event, void *context)
{
	uint64_t *expected = context;

	T_INT(event->sequence, *expected);
	--*expected;
	return 0;
}

static int number_counts(uint32_t number, enum resource_type type, bool retired, void *context)
{
	uint32_t *expected = context;

	T_TRUE(number == *expected && type == RESOURCE_USER && !retired);
	++*expected;
	return 0;
}

static int row_counts(const struct store_resource *row, void *context)
{
	uint32_t *expected = context;

	T_STR(row->id, USER_ID(*expected));
	T_INT(row->number, MIN + *expected);
	++*expected;
	return 0;
}

/* All of 0..next-1, perhaps one more (committed, not reported any more), each completely. */
static uint32_t check(const struct dir *dir, uint32_t next)
{
	_cleanup_store_ struct store *store = t_open(dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, false);
	uint64_t users = t_count(txn, RESOURCE_USER, NULL), revision, members, walked = 0, events;
	uint32_t rows = 0, numbers = MIN;

	T_TRUE(users == next || users == next + 1);
	T_OK(store_resource_each(txn, RESOURCE_USER, "okta", 0, row_counts, &rows));
	T_INT(rows, users);
	T_INT(t_count(txn, RESOURCE_USER, "okta"), users);
	T_OK(store_revision(txn, &revision));
	T_INT(revision, users);
	T_OK(store_member_count(txn, GROUP_ID(1), &members));
	T_INT(members, users);
	T_OK(store_members_each(txn, GROUP_ID(1), count_id, &walked));
	T_INT(walked, users);
	events = users;
	T_OK(store_event_each(txn, event_counts, &events));
	T_INT(events, 0);
	T_OK(store_number_each(txn, number_counts, &numbers));
	T_INT(numbers - MIN, users);
	for (uint32_t n = 0; n < users; n++) {
		char id[RESOURCE_ID_SIZE], name[32];

		snprintf(name, sizeof(name), "user%u", n);
		T_OK(store_lookup(txn, STORE_BY_USER_NAME, NULL, name, id));
		T_STR(id, USER_ID(n));
	}
	return (uint32_t)users;
}

static void test_kill(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	unsigned int seed = (unsigned int)time(NULL);
	uint32_t next = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint32_t reported = run_and_kill(&dir, next,
						 (unsigned int)rand_r(&seed) % 60000);

		T_TRUE(reported > next);
		next = check(&dir, reported);
	}
	printf("%u commits survived\n", next);
}

/* A log file is filled with zeros when it is begun: killed in between, it is all zeros, or is short. */
static void next_log(const struct dir *dir, off_t size)
{
	char path[128];
	unsigned int number = 1;
	int fd;

	do
		snprintf(path, sizeof(path), "%s/log.%010u", dir->path, number++);
	while (access(path, F_OK) == 0);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	T_FATAL(fd >= 0);
	T_OK(ftruncate(fd, size));
	(void)close(fd);
}

static void test_kill_at_a_new_log(void)
{
	static const off_t sizes[] = { 0, 1, 4096, 1 << 20, (8 << 20) - 1, 9 << 20 };
	_cleanup_dir_ struct dir dir = dir_make();
	uint32_t next = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		next = run_and_kill(&dir, next, 5000);
		next_log(&dir, sizes[i]);
		next = check(&dir, next);
	}
}

/* So that a sync writes what was committed, and has no size or blocks of the file to write down. */
static void test_log_is_filled(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	char path[128];
	struct stat before, after;

	snprintf(path, sizeof(path), "%s/log.0000000001", dir.path);
	T_OK(stat(path, &before));
	T_TRUE(before.st_blocks * 512 >= before.st_size && before.st_size >= 8 << 20);
	for (uint32_t n = 0; n < 100; n++)
		T_OK(commit_user(store, n));
	T_OK(stat(path, &after));
	T_INT(after.st_size, before.st_size);
	T_INT(after.st_blocks, before.st_blocks);
}

T_MAIN("kill", T(test_kill), T(test_kill_at_a_new_log), T(test_log_is_filled))
