/* Readers in several processes and threads, some forking, against a writer that publishes without
 * pause (people come, are renamed, change groups, are deactivated and deleted, and everything is made
 * anew) and is killed -9 and started again at random instants. Every answer is checked against rules
 * that the content itself proves: each field derives from the uid and a version, and the version is at
 * least the one whose publication was confirmed before the lookup began. Meanwhile each process walks
 * through all users: whoever is never deleted appears once, whatever happens to others.
 * SCIMD_TORTURE_S sets the seconds (default 4). */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "nss_scim/nss_scim.h"
#include "scimd/base/log.h"
#include "scimd/warden/directory_writer.h"
#include "tests/unit/nss_scim/people.h"

#define UID0 70000u
#define USERS 300u
#define STABLE 200u /* the first ones are never deleted */
#define GROUPS 7u
#define GID0 90000u
#define PROCESSES 8
#define THREADS 4

/* Shared by all processes. */
struct board {
	uint64_t started[USERS];   /* version that is or was being published */
	uint64_t confirmed[USERS]; /* version that a commit has confirmed */
	uint64_t lookups, walks, wrong, stale, unavailable;
	uint64_t publications;
	int stop;
};

static struct board *board;

static unsigned int seconds(void)
{
	const char *text = getenv("SCIMD_TORTURE_S");
	long value = text ? strtol(text, NULL, 10) : 0;

	return value > 0 ? (unsigned int)value : 4;
}

static void complain(const char *what, uint32_t uid, const char *got)
{
	fprintf(stderr, "uid %u: %s: \"%s\"\n", uid, what, got);
	__atomic_fetch_add(&board->wrong, 1, __ATOMIC_RELAXED);
}

/* --- the writer --------------------------------------------------------------------------------- */

enum kind { ALLOWED, DENIED, GONE };

/* What somebody is in a version. */
static enum kind kind_of(uint32_t n, uint64_t version)
{
	uint64_t roll = (n * 7 + version) % 8;

	return roll == 0 ? DENIED : roll == 1 && n >= STABLE ? GONE : ALLOWED;
}

static bool is_member(uint32_t n, uint64_t version, uint32_t g)
{
	return kind_of(n, version) == ALLOWED && (n + version) % (g + 2) == 0;
}

static int put_user(struct directory_writer *writer, uint32_t n, uint64_t version, const char *name)
{
	enum kind kind = kind_of(n, version);
	char gecos[64], home[64];
	uint32_t gids[GROUPS];
	struct directory_user_entry entry = {
		.uid = UID0 + n, .flags = kind == ALLOWED ? DIRECTORY_ALLOWED : 0, .name = name,
		.gecos = gecos, .home = home,
		.shell = kind == ALLOWED ? "/bin/sh" : DIRECTORY_NOLOGIN, .gids = gids,
		.detail_text = "", .detail_size = 1,
	};

	if (kind == GONE)
		entry = (struct directory_user_entry){ .uid = UID0 + n, .flags = DIRECTORY_DELETED,
						       .name = "", .gecos = "", .home = "",
						       .shell = "" };
	(void)snprintf(gecos, sizeof(gecos), "%u %llu", UID0 + n, (unsigned long long)version);
	(void)snprintf(home, sizeof(home), "/home/%u", UID0 + n);
	for (uint32_t g = 0; g < GROUPS; g++)
		if (is_member(n, version, g))
			gids[entry.gid_count++] = GID0 + g;
	return directory_writer_put_user(writer, &entry);
}

static int put(struct directory_writer *writer, uint32_t n, uint64_t version)
{
	char name[33];
	int r;

	(void)snprintf(name, sizeof(name), "u%u-%u", n, (unsigned int)(version % 3));
	__atomic_store_n(&board->started[n], version, __ATOMIC_RELEASE);
	for (uint32_t g = 0; g < GROUPS; g++) {
		r = is_member(n, version, g)
			    ? directory_writer_put_member(writer, GID0 + g, UID0 + n, name)
			    : directory_writer_remove_member(writer, GID0 + g, UID0 + n);
		if (r < 0)
			return r;
	}
	return put_user(writer, n, version, name);
}

static int put_everybody(struct directory_writer *writer, uint64_t version)
{
	int r = directory_writer_start_over(writer, people_instance, 1, 1);
	char name[33];

	for (uint32_t g = 0; r == 0 && g < GROUPS; g++) {
		(void)snprintf(name, sizeof(name), "g%u", g);
		r = directory_writer_put_group(writer, GID0 + g, 0, name);
	}
	for (uint32_t n = 0; r == 0 && n < USERS; n++)
		r = put(writer, n, version);
	return r;
}

static struct directory_writer *writer_start(void)
{
	static const struct directory_writer_options options = {
		.folder = DIRECTORY_PUBLIC_DIR, .name = DIRECTORY_FILE, .magic = DIRECTORY_MAGIC,
		.mode = 0644, .segment = true, .uid_min = 65536, .uid_max = 99999,
	};
	struct directory_writer *writer;
	bool damaged;

	if (directory_writer_open(&options, &writer, &damaged) < 0)
		_exit(10);
	if (damaged) /* a kill must never do that */
		_exit(11);
	return writer;
}

/* As the warden does between changes; another range is a reason for another file. */
static void work(struct directory_writer *writer)
{
	if (rand() % 16 == 0)
		directory_writer_set_range(writer, 65536, 99000 + (uint32_t)rand() % 100);
	for (int pieces = rand() % 100; pieces > 0; pieces--)
		directory_writer_work(writer, 0);
}

/* Until killed: one to five people change, a file is made beside, and sometimes all of it anew. */
static void write_for_ever(unsigned int seed)
{
	struct directory_writer *writer = writer_start();
	uint64_t revision = directory_writer_revision(writer), durable, visible;

	log_open("test", LOG_LEVEL_ERROR);
	srand(seed);
	for (;;) {
		uint32_t changed[5], count = 1 + (uint32_t)rand() % 5;
		uint64_t version = revision + 1;
		bool all = revision == 0 || rand() % 400 == 0;
		int r = all ? put_everybody(writer, version) : 0;

		for (uint32_t i = 0; r == 0 && !all && i < count; i++) {
			changed[i] = (uint32_t)rand() % USERS;
			r = put(writer, changed[i], version);
		}
		if (r < 0 || directory_writer_commit(writer, version, &durable, &visible) < 0)
			_exit(12);
		for (uint32_t i = 0; i < (all ? USERS : count); i++)
			__atomic_store_n(&board->confirmed[all ? i : changed[i]], version,
					 __ATOMIC_RELEASE);
		__atomic_fetch_add(&board->publications, 1, __ATOMIC_RELAXED);
		revision = version;
		work(writer);
	}
}

/* --- the readers -------------------------------------------------------------------------------- */

static void check_entry(const struct passwd *entry, uint32_t uid, uint64_t confirmed)
{
	unsigned long long version;
	unsigned int in_gecos;
	char home[64], name[33];

	if (entry->pw_uid != uid || entry->pw_gid != uid)
		complain("another uid", uid, entry->pw_name);
	if (sscanf(entry->pw_gecos, "%u %llu", &in_gecos, &version) != 2 || in_gecos != uid) {
		complain("gecos", uid, entry->pw_gecos);
		return;
	}
	(void)snprintf(home, sizeof(home), "/home/%u", uid);
	(void)snprintf(name, sizeof(name), "u%u-%u", uid - UID0, (unsigned int)(version % 3));
	if (strcmp(entry->pw_dir, home) != 0)
		complain("home", uid, entry->pw_dir);
	if (strcmp(entry->pw_name, name) != 0)
		complain("name", uid, entry->pw_name);
	if (kind_of(uid - UID0, version) == GONE ||
	    strcmp(entry->pw_shell, kind_of(uid - UID0, version) == ALLOWED ? "/bin/sh"
									    : DIRECTORY_NOLOGIN))
		complain("shell", uid, entry->pw_shell);
	if (version < confirmed)
		__atomic_fetch_add(&board->stale, 1, __ATOMIC_RELAXED);
}

static void look_up(unsigned int *seed)
{
	uint32_t n = (uint32_t)rand_r(seed) % USERS;
	uint64_t confirmed = __atomic_load_n(&board->confirmed[n], __ATOMIC_ACQUIRE);
	char buffer[1024];
	struct passwd entry;
	int error = 0;
	enum nss_status status = _nss_scim_getpwuid_r(UID0 + n, &entry, buffer, sizeof(buffer),
						      &error);

	__atomic_fetch_add(&board->lookups, 1, __ATOMIC_RELAXED);
	if (status == NSS_STATUS_SUCCESS)
		check_entry(&entry, UID0 + n, confirmed);
	else if (status != NSS_STATUS_NOTFOUND)
		__atomic_fetch_add(&board->unavailable, 1, __ATOMIC_RELAXED);
	else if (n < STABLE && confirmed)
		complain("not found", UID0 + n, "");
	if (confirmed && __atomic_load_n(&board->started[n], __ATOMIC_ACQUIRE) == confirmed &&
	    (status == NSS_STATUS_NOTFOUND) != (kind_of(n, confirmed) == GONE))
		complain(status == NSS_STATUS_NOTFOUND ? "lost" : "not deleted", UID0 + n, "");
}

/* From the first user to the last, at any pace. Only one thread of a process may: they share the place. */
static void walk(void)
{
	bool seen[USERS] = { false };
	uint64_t before = __atomic_load_n(&board->publications, __ATOMIC_ACQUIRE);
	enum nss_status status;
	char buffer[1024];
	struct passwd entry;
	int error = 0;

	(void)_nss_scim_setpwent(0);
	while ((status = _nss_scim_getpwent_r(&entry, buffer, sizeof(buffer), &error)) ==
	       NSS_STATUS_SUCCESS) {
		uint32_t n = entry.pw_uid - UID0;

		if (n >= USERS || seen[n]) {
			complain("walked twice", entry.pw_uid, entry.pw_name);
			break;
		}
		seen[n] = true;
		check_entry(&entry, entry.pw_uid, 0);
	}
	for (uint32_t n = 0; status == NSS_STATUS_NOTFOUND && before && n < STABLE; n++)
		if (!seen[n])
			complain("not walked", UID0 + n, "");
	if (status == NSS_STATUS_UNAVAIL)
		__atomic_fetch_add(&board->unavailable, 1, __ATOMIC_RELAXED);
	(void)_nss_scim_endpwent();
	__atomic_fetch_add(&board->walks, 1, __ATOMIC_RELAXED);
}

/* A group's members are people of this test, each once. */
static void look_up_group(unsigned int *seed)
{
	static const size_t room = 65536;
	char *buffer = malloc(room);
	bool seen[USERS] = { false };
	struct group entry;
	int error = 0;

	if (buffer && _nss_scim_getgrgid_r(GID0 + (uint32_t)rand_r(seed) % GROUPS, &entry, buffer,
					   room, &error) == NSS_STATUS_SUCCESS)
		for (char **member = entry.gr_mem; *member; member++) {
			unsigned int n;

			if (sscanf(*member, "u%u-", &n) != 1 || n >= USERS || seen[n])
				complain("member", entry.gr_gid, *member);
			else
				seen[n] = true;
		}
	free(buffer);
}

static void *read_for_ever(void *argument)
{
	unsigned int seed = (unsigned int)(uintptr_t)argument;

	while (!__atomic_load_n(&board->stop, __ATOMIC_RELAXED)) {
		look_up(&seed);
		if (rand_r(&seed) % 16 == 0)
			look_up_group(&seed);
	}
	return NULL;
}

static unsigned int count_lines(const char *path, const char *what)
{
	FILE *file = fopen(path, "re");
	unsigned int count = 0;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, what) != NULL;
	if (file)
		fclose(file);
	return count;
}

static unsigned int count_entries(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static void fork_and_look(unsigned int *seed)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		for (int i = 0; i < 200; i++)
			look_up(seed);
		_exit(0);
	}
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0))
		complain("a forked reader died", (uint32_t)status, "");
}

static void read_process(unsigned int number)
{
	struct timespec pause = { .tv_nsec = 5000000 };
	pthread_t threads[THREADS];
	unsigned int seed = number * 1000 + 1, files = count_entries("/proc/self/fd");

	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, read_for_ever, (void *)(number * 100 + i)))
			_exit(20);
	while (!__atomic_load_n(&board->stop, __ATOMIC_RELAXED)) {
		if (number % 2 == 0)
			fork_and_look(&seed);
		walk();
		nanosleep(&pause, NULL);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	/* One attachment that is current and one that a late thread may still have had. */
	_exit(count_lines("/proc/self/maps", "SYSV") > 2 ? 21 : count_entries("/proc/self/fd") > files);
}

/* --- the test ----------------------------------------------------------------------------------- */

static pid_t spawn(void (*run)(unsigned int), unsigned int argument)
{
	pid_t pid = fork();

	if (pid == 0) {
		run(argument);
		_exit(0);
	}
	T_FATAL(pid > 0);
	return pid;
}

static void wait_publications(uint64_t count)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 10000 && __atomic_load_n(&board->publications, __ATOMIC_RELAXED) < count;
	     i++)
		nanosleep(&pause, NULL);
}

static void test_readers_against_killed_writer(void)
{
	pid_t readers[PROCESSES], writer;
	time_t end = time(NULL) + seconds();
	unsigned int seed = 1, kills = 0;
	int status;

	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	T_FATAL(board != MAP_FAILED);
	people_namespace(DIRECTORY_PUBLIC_DIR);
	writer = spawn(write_for_ever, seed);
	wait_publications(1);
	for (unsigned int i = 0; i < PROCESSES; i++)
		readers[i] = spawn(read_process, i + 1);
	while (time(NULL) < end) {
		struct timespec pause = { .tv_nsec = 1000000L * (1 + rand_r(&seed) % 200) };

		nanosleep(&pause, NULL);
		kill(writer, SIGKILL);
		T_FATAL(waitpid(writer, &status, 0) == writer);
		T_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		kills++;
		writer = spawn(write_for_ever, seed);
	}
	__atomic_store_n(&board->stop, 1, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		T_FATAL(waitpid(readers[i], &status, 0) == readers[i]);
		T_INT(status, 0);
	}
	kill(writer, SIGKILL);
	waitpid(writer, &status, 0);
	printf("%llu lookups, %llu walks, %llu publications, %u kills\n",
	       (unsigned long long)board->lookups, (unsigned long long)board->walks,
	       (unsigned long long)board->publications, kills);
	T_TRUE(board->lookups > 1000 && board->walks > 20 && board->publications > 20 && kills > 2);
	T_INT(board->wrong, 0);
	T_INT(board->stale, 0);
	T_INT(board->unavailable, 0);
}

/* --- reopening ----------------------------------------------------------------------------------- */

#define REOPENS 100000u

/* A directory with a segment, under a name of its own; its header in the segment. */
struct side {
	struct directory_writer *writer;
	struct directory_header *header;
	const char *path;
};

static void side_make(struct side *side, const char *name, const char *path)
{
	struct directory_writer_options options = {
		.folder = DIRECTORY_PUBLIC_DIR, .name = name, .magic = DIRECTORY_MAGIC, .mode = 0644,
		.segment = true, .uid_min = 65536, .uid_max = 99999,
	};
	uint64_t durable, visible;
	bool damaged;

	side->path = path;
	T_FATAL(directory_writer_open(&options, &side->writer, &damaged) == 0);
	T_FATAL(directory_writer_start_over(side->writer, people_instance, 1, 1) == 0);
	T_FATAL(directory_writer_put_group(side->writer, GID0, 0, name) == 0);
	T_FATAL(directory_writer_commit(side->writer, 1, &durable, &visible) == 0);
	side->header = (void *)(uintptr_t)directory_writer_view(side->writer)->base;
}

/* Put the other one in place, as a publication that grows does. */
static void side_show(struct side *show, struct side *hide)
{
	static const char temporary[] = DIRECTORY_PUBLIC_DIR "/.linked";

	__atomic_store_n(&show->header->superseded, 0, __ATOMIC_RELEASE);
	T_FATAL(link(show->path, temporary) == 0);
	T_FATAL(rename(temporary, DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE) == 0);
	__atomic_store_n(&hide->header->superseded, 1, __ATOMIC_RELEASE);
}

static unsigned int resident_kb(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned int kb = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %u", &kb) == 1)
			break;
	if (file)
		fclose(file);
	return kb;
}

/* Each lookup finds another segment in the place of the last: nothing piles up, and it is the right one. */
static void test_reopening_leaks_nothing(void)
{
	struct side sides[2];
	unsigned int files = 0, kb = 0;
	struct group entry;
	char buffer[1024];
	int error;

	people_namespace(DIRECTORY_PUBLIC_DIR);
	side_make(&sides[0], "one", DIRECTORY_PUBLIC_DIR "/one");
	side_make(&sides[1], "two", DIRECTORY_PUBLIC_DIR "/two");
	for (unsigned int i = 0; i < REOPENS; i++) {
		side_show(&sides[i % 2], &sides[(i + 1) % 2]);
		T_FATAL(_nss_scim_getgrgid_r(GID0, &entry, buffer, sizeof(buffer), &error) ==
			NSS_STATUS_SUCCESS);
		T_FATAL(strcmp(entry.gr_name, i % 2 ? "two" : "one") == 0);
		if (i == REOPENS / 100) {
			files = count_entries("/proc/self/fd");
			kb = resident_kb();
		}
	}
	T_INT(count_lines("/proc/self/maps", "SYSV"), 3); /* the writers' and the reader's */
	T_INT(count_entries("/proc/self/fd"), files);
	T_TRUE(resident_kb() < kb + 1024);
	for (int i = 0; i < 2; i++)
		directory_writer_closep(&sides[i].writer);
	people_remove(DIRECTORY_FILE);
}

T_MAIN("torture", T(test_readers_against_killed_writer), T(test_reopening_leaks_nothing))
