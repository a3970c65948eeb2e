/* How a process holds the directory's segment: by plain counts while it has one thread, by readers of
 * its threads afterwards, by counts where those do not do. Whatever is held stays readable through a
 * switch to another segment, and what nobody holds any more is detached. */
#include <pthread.h>
#include <sys/single_threaded.h>

#include "tests/unit/nss_scim/people.h"

#define MANY 150 /* threads: more than there are readers */

static struct directory_writer *writer;
static uint64_t revision;

/* A new segment in which the group is named so. */
static void publish(const char *name)
{
	uint64_t durable, visible;

	NEED(directory_writer_start_over(writer, people_instance, 1, 1) == 0);
	NEED(directory_writer_put_group(writer, USERS_GID, 0, name) == 0);
	NEED(directory_writer_commit(writer, ++revision, &durable, &visible) == 0);
	while (directory_writer_has_work(writer)) /* the one before is given back */
		directory_writer_work(writer, 0);
}

static void start(void)
{
	static const struct directory_writer_options options = {
		.folder = DIRECTORY_PUBLIC_DIR, .name = DIRECTORY_FILE, .magic = DIRECTORY_MAGIC,
		.mode = 0644, .segment = true, .uid_min = 65536, .uid_max = 99999,
	};
	bool damaged;

	people_namespace(DIRECTORY_PUBLIC_DIR);
	if (!writer)
		NEED(directory_writer_open(&options, &writer, &damaged) == 0);
	publish("one");
}

/* Of this process: the writer's and the readers'. */
static unsigned int segments(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	unsigned int count = 0;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, "SYSV") != NULL;
	if (file)
		fclose(file);
	return count;
}

static bool view_says(const struct directory_view *view, const char *name)
{
	struct directory_group group;

	return directory_group_by_gid(view, USERS_GID, &group) == 0 && view->base &&
	       strcmp(group.name, name) == 0;
}

static void expect_now(const char *name)
{
	struct directory_view view;

	T_OK(directory_acquire(&view));
	T_TRUE(view_says(&view, name));
	directory_release(&view);
}

/* Two held at once, as by a signal handler in the middle of a lookup, through two switches. */
static void hold_through_switches(void)
{
	struct directory_view first, inner, second;

	start();
	T_OK(directory_acquire(&first));
	T_OK(directory_acquire(&inner));
	publish("two");
	T_OK(directory_acquire(&second));
	publish("three");
	expect_now("three");
	T_TRUE(view_says(&first, "one") && view_says(&inner, "one"));
	T_TRUE(view_says(&second, "two"));
	directory_release(&first);
	T_TRUE(view_says(&inner, "one"));
	directory_release(&inner);
	directory_release(&second);
	expect_now("three");
	T_INT(segments(), 2);
}

static void test_one_thread(void)
{
	T_TRUE(__libc_single_threaded);
	hold_through_switches();
}

/* --- several threads ------------------------------------------------------------------------------ */

static pthread_barrier_t barrier;

/* Keeps the process one with several threads until two have met twice. */
static void *idle(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void test_several_threads(void)
{
	pthread_t thread;

	NEED(pthread_barrier_init(&barrier, NULL, 2) == 0);
	NEED(pthread_create(&thread, NULL, idle, NULL) == 0);
	pthread_barrier_wait(&barrier);
	T_TRUE(!__libc_single_threaded);
	hold_through_switches();
	pthread_barrier_wait(&barrier);
	T_INT(pthread_join(thread, NULL), 0);
}

static void *release_long(void *view)
{
	directory_release(view);
	return NULL;
}

static void test_released_in_another_thread(void)
{
	struct directory_view view, shorter;
	pthread_t thread;

	start();
	T_OK(directory_acquire_long(&view));
	T_OK(directory_acquire(&shorter));
	directory_release(&shorter);
	publish("two");
	expect_now("two");
	T_TRUE(view_says(&view, "one"));
	NEED(pthread_create(&thread, NULL, release_long, &view) == 0);
	T_INT(pthread_join(thread, NULL), 0);
	expect_now("two");
	T_INT(segments(), 2);
}

static unsigned int right;

static void *hold_and_wait(void *unused)
{
	struct directory_view view;

	(void)unused;
	if (directory_acquire(&view) < 0)
		return NULL;
	pthread_barrier_wait(&barrier); /* all hold it */
	pthread_barrier_wait(&barrier); /* it is superseded */
	if (view_says(&view, "one"))
		__atomic_fetch_add(&right, 1, __ATOMIC_RELAXED);
	directory_release(&view);
	return NULL;
}

static void test_more_threads_than_readers(void)
{
	pthread_t threads[MANY];

	start();
	expect_now("one"); /* attached: of threads that come first together each would attach its own */
	NEED(pthread_barrier_init(&barrier, NULL, MANY + 1) == 0);
	for (size_t i = 0; i < MANY; i++)
		NEED(pthread_create(&threads[i], NULL, hold_and_wait, NULL) == 0);
	pthread_barrier_wait(&barrier);
	publish("two");
	expect_now("two");
	T_INT(segments(), 3);
	pthread_barrier_wait(&barrier);
	for (size_t i = 0; i < MANY; i++)
		T_INT(pthread_join(threads[i], NULL), 0);
	T_INT(right, MANY);
	publish("three");
	expect_now("three");
	T_INT(segments(), 2);
}

T_MAIN("directory map", T(test_one_thread), T(test_several_threads),
       T(test_released_in_another_thread), T(test_more_threads_than_readers))
