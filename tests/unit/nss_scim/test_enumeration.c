#include "nss_scim/enumeration.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
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

static unsigned char met[MANY];

static void *pull(void *unused)
{
	char own[1024];
	struct passwd found;
	int error;

	while (_nss_scim_getpwent_r(&found, own, sizeof(own), &error) == NSS_STATUS_SUCCESS)
		if (found.pw_uid >= MANY_UID && found.pw_uid < MANY_UID + MANY)
			__atomic_fetch_add(&met[found.pw_uid - MANY_UID], 1, __ATOMIC_RELAXED);
	return unused;
}

/* Two threads share one walk, as glibc has it: each entry goes to one of them. */
static void test_threads_share_a_walk(void)
{
	struct directory_writer *writer;
	pthread_t threads[2];
	char name[16];

	start();
	writer = people_open();
	for (uint32_t i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "many%u", i);
		people_put(writer, MANY_UID + i, name, DIRECTORY_ALLOWED);
	}
	people_commit(writer);
	T_INT(_nss_scim_setpwent(0), NSS_STATUS_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		NEED(pthread_create(&threads[i], NULL, pull, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		T_INT(pthread_join(threads[i], NULL), 0);
	for (uint32_t i = 0; i < MANY; i++)
		T_INT(met[i], 1);
	T_INT(_nss_scim_endpwent(), NSS_STATUS_SUCCESS);
}

T_MAIN("nss enumeration", T(test_lock_held_at_fork), T(test_lock_waits_with_an_end),
       T(test_child_inherits_the_position), T(test_fork_among_threads),
       T(test_databases_do_not_disturb_each_other), T(test_threads_share_a_walk))
