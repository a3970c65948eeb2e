/* bench_nss - measures lookups; bench/nss/run runs it, in an environment where a service finds its data.
 *
 *   make DIR N          write the same people for every backend
 *   hold DIR            keep the directory's segment, as the warden does, until standard input ends
 *   publish DIR N       changes of the directory, each on the disk and visible when it is over
 *   pair DIR N          the limit and the module, called directly, by turns
 *   glibc DIR N SERVICE [KEYS]   through glibc; KEYS: as many names at random, looked up before
 *   strict DIR N [SERVICE]       that a warm lookup makes no system call: the kernel would kill it
 *   calls DIR N SERVICE          100 warm hits between two getppid(2), for strace
 *   cold DIR N SERVICE [NAME]    what one lookup adds to a process that starts for it, in microseconds
 *
 * Prints lines of WHAT N OPERATION NANOSECONDS; "-": the service answers something else, or BENCH_SKIP
 * names the operation; "over": not one within LIMIT_S; "late": SERVICE has had its SERVICE_S.
 * BENCH_ROUND_MS (80) is how long one round of one operation takes. */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/nss/backend.h"
#include "bench/nss/limit.h"
#include "bench/nss/people.h"

#define KEYS (1u << 17)
#define ROUNDS 3
#define TURNS 6
#define THREADS 2
#define LIMIT_S 10
#define SERVICE_S 40
#define ROUNDS_NS 2000000000u /* no further round after it */
#define PRIME_S 8 /* for each pass */
#define SLOW_NS 2000000u
#define GROUPS_ROOM 64
#define STRICT_TRIES 8
#define ENTRY_ROOM (1u << 21) /* libnss-cache asks for a megabyte */
#define COLD_RUNS 100
#define COLD_BUDGET_NS 2000000000u

/* --- the keys ----------------------------------------------------------------------------------- */

/* What is looked up, as a cache comes to know it. */
enum pass { PASS_USERS, PASS_GROUPS, PASS_LISTS, PASSES };

struct bench {
	const struct backend *backend;
	const struct dataset *data;
	char (*names)[33], (*misses)[33], (*groups)[33];
	uint32_t *numbers, *group_numbers;
	uint32_t keys[PASSES];
	uint64_t round_ns;
	char *buffer; /* for big groups */
	size_t buffer_size;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void keys_make(struct bench *bench, uint32_t keys)
{
	const char *round_ms = getenv("BENCH_ROUND_MS");

	bench->round_ns = (round_ms ? strtoul(round_ms, NULL, 10) : 80) * UINT64_C(1000000);
	for (size_t pass = 0; pass < PASSES; pass++)
		bench->keys[pass] = keys;
	bench->names = calloc(keys, sizeof(*bench->names));
	bench->misses = calloc(keys, sizeof(*bench->misses));
	bench->groups = calloc(keys, sizeof(*bench->groups));
	bench->numbers = calloc(keys, sizeof(*bench->numbers));
	bench->group_numbers = calloc(keys, sizeof(*bench->group_numbers));
	for (uint32_t k = 0; k < keys; k++) {
		bench->numbers[k] = (uint32_t)rand() % bench->data->users;
		bench->group_numbers[k] = (uint32_t)rand() % bench->data->groups;
		dataset_user_name(bench->numbers[k], bench->names[k]);
		dataset_group_name(bench->group_numbers[k], bench->groups[k]);
		sprintf(bench->misses[k], "nobody.x%u", (uint32_t)rand());
	}
	bench->buffer_size = (size_t)bench->data->users * 40 + 65536;
	bench->buffer = malloc(bench->buffer_size);
	memset(bench->buffer, 1, bench->buffer_size);
}

/* --- the operations ----------------------------------------------------------------------------- */

/* Called with a wrong answer: the child that measures ends, and the operation has no figure. */
static void expect(int got, int want, const char *what)
{
	if (got != want) {
		fprintf(stderr, "bench_nss: %s answers %d instead of %d\n", what, got, want);
		_exit(1);
	}
}

/* One operation on the k-th key. Returns 0 in a way that only the answer shows: the next key depends on
 * it, so that the processor cannot begin the next lookup before this one is over. What is measured is
 * the time that a caller waits. */
typedef uint32_t (*operation)(struct bench *bench, uint32_t k, char *buffer, size_t size);

static uint32_t op_hit(struct bench *bench, uint32_t k, char *buffer, size_t size)
{
	struct passwd entry;

	expect(bench->backend->pwnam(bench->names[k], &entry, buffer, size), 1, "a hit");
	return entry.pw_name[0] == '\0';
}

static uint32_t op_miss(struct bench *bench, uint32_t k, char *buffer, size_t size)
{
	struct passwd entry;

	expect(bench->backend->pwnam(bench->misses[k], &entry, buffer, size), 0, "a miss");
	return buffer[0] == '\1';
}

static uint32_t op_uid(struct bench *bench, uint32_t k, char *buffer, size_t size)
{
	struct passwd entry;

	expect(bench->backend->pwuid(DATASET_UID0 + bench->numbers[k], &entry, buffer, size), 1,
	       "a uid");
	return entry.pw_name[0] == '\0';
}

static uint32_t op_group(struct bench *bench, uint32_t k, char *buffer, size_t size)
{
	struct group entry;

	expect(bench->backend->grnam(bench->groups[k], &entry, buffer, size), 1, "a group");
	return entry.gr_name[0] == '\0';
}

static uint32_t op_gid(struct bench *bench, uint32_t k, char *buffer, size_t size)
{
	struct group entry;

	expect(bench->backend->grgid(DATASET_GID0 + bench->group_numbers[k], &entry, buffer, size),
	       1, "a gid");
	return entry.gr_name[0] == '\0';
}

static uint32_t op_list(struct bench *bench, uint32_t k, char *buffer, size_t size)
{
	gid_t *gids = (gid_t *)(void *)buffer;
	int count = bench->backend->groups(bench->names[k], DATASET_UID0 + bench->numbers[k], gids,
					   GROUPS_ROOM);

	(void)size;
	expect(count >= 3, 1, "a group list");
	return gids[0] == 1;
}

static uint32_t op_everybody(struct bench *bench, uint32_t k, char *buffer, size_t size)
{
	struct group entry;

	(void)k;
	(void)buffer;
	(void)size;
	expect(bench->backend->grnam("everybody", &entry, bench->buffer, bench->buffer_size), 1,
	       "everybody");
	return entry.gr_name[0] == '\0';
}

static uint32_t op_enumerate(struct bench *bench, uint32_t k, char *buffer, size_t size)
{
	(void)k;
	expect(bench->backend->enumerate(buffer, size) >= bench->data->users, 1, "enumeration");
	return buffer[0] == '\0';
}

static const struct {
	const char *name;
	operation run;
	enum pass pass;
	int slow, threads;
} operations[] = {
	{ "hit", op_hit, PASS_USERS, 0, 1 },
	{ "miss", op_miss, PASS_USERS, 0, 1 },
	{ "uid", op_uid, PASS_USERS, 0, 1 },
	{ "group", op_group, PASS_GROUPS, 0, 1 },
	{ "gid", op_gid, PASS_GROUPS, 0, 1 },
	{ "grouplist", op_list, PASS_LISTS, 0, 1 },
	{ "everybody", op_everybody, PASS_GROUPS, 1, 1 },
	{ "enumerate", op_enumerate, PASS_USERS, 1, 1 },
	/* last: from here on the process has had threads, and libraries take no shortcuts any more */
	{ "hit/2", op_hit, PASS_USERS, 0, THREADS },
	{ "uid/2", op_uid, PASS_USERS, 0, THREADS },
	{ "gid/2", op_gid, PASS_GROUPS, 0, THREADS },
	{ "grouplist/2", op_list, PASS_LISTS, 0, THREADS },
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* --- measuring ---------------------------------------------------------------------------------- */

/* One round: nanoseconds for one. The clock is read once in `batch` of them. */
static double round_run(struct bench *bench, size_t o, uint32_t k, int batch)
{
	uint32_t keys = bench->keys[operations[o].pass];
	char buffer[ENTRY_ROOM] __attribute__((aligned(16)));
	uint64_t begin = now_ns(), taken, count = 0;

	do {
		for (int i = 0; i < batch; i++, count++)
			k += 1 + operations[o].run(bench, k % keys, buffer, sizeof(buffer));
		taken = now_ns() - begin;
	} while (taken < bench->round_ns);
	return (double)taken / (double)count;
}

struct thread {
	struct bench *bench;
	size_t o;
	uint32_t k;
	int batch;
	double ns;
};

static void *thread_run(void *argument)
{
	struct thread *thread = argument;

	thread->ns = round_run(thread->bench, thread->o, thread->k, thread->batch);
	return NULL;
}

/* The slower thread's time. */
static double threads_run(struct bench *bench, size_t o, int batch)
{
	struct thread threads[THREADS];
	pthread_t handles[THREADS];
	double worst = 0;

	for (int i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){ bench, o, (uint32_t)rand() % KEYS, batch, 0 };
		people_must(-pthread_create(&handles[i], NULL, thread_run, &threads[i]), "thread");
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(handles[i], NULL);
		worst = threads[i].ns > worst ? threads[i].ns : worst;
	}
	return worst;
}

/* The best of some rounds; a slow operation is not run more often than it must be. */
static double measure(struct bench *bench, size_t o)
{
	operation run = operations[o].run;
	char buffer[ENTRY_ROOM] __attribute__((aligned(16)));
	double best = 1e18, ns;
	uint64_t begin, start = now_ns();
	int batch = 1;

	run(bench, 0, buffer, sizeof(buffer));
	begin = now_ns();
	run(bench, 1 % bench->keys[operations[o].pass], buffer, sizeof(buffer));
	ns = (double)(now_ns() - begin);
	if (ns > 1e9)
		return ns;
	if (!operations[o].slow && ns < SLOW_NS)
		batch = 512;
	for (int round = 0; round < ROUNDS && now_ns() - start < ROUNDS_NS; round++) {
		ns = operations[o].threads > 1
			     ? threads_run(bench, o, batch)
			     : round_run(bench, o, (uint32_t)rand() % KEYS, batch);
		best = ns < best ? ns : best;
	}
	return best;
}

static void report(const struct bench *bench, const char *what, size_t o, double ns)
{
	if (operations[o].run == op_enumerate)
		ns /= bench->data->users;
	printf("%s %u %s %.1f\n", what, bench->data->users, operations[o].name, ns);
	fflush(stdout);
}

/* In a child, so that an operation which never ends costs LIMIT_S. */
static void measure_in_child(struct bench *bench, const char *what, size_t o)
{
	struct pollfd waiting = { .events = POLLIN };
	int ends[2], status;
	const char *failure = "-";
	double ns = 0;
	pid_t pid;

	people_must(pipe(ends) < 0 ? -errno : 0, "pipe");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		ns = measure(bench, o);
		_exit(write(ends[1], &ns, sizeof(ns)) != sizeof(ns));
	}
	close(ends[1]);
	waiting.fd = ends[0];
	if (poll(&waiting, 1, LIMIT_S * 1000) <= 0)
		failure = "over";
	else if (read(ends[0], &ns, sizeof(ns)) != sizeof(ns))
		ns = 0;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(ends[0]);
	if (ns > 0)
		report(bench, what, o, ns);
	else
		printf("%s %u %s %s\n", what, bench->data->users, operations[o].name, failure);
}

static bool is_skipped(const struct bench *bench, size_t o)
{
	const char *skip = getenv("BENCH_SKIP"), *name = operations[o].name;

	if (bench->keys[operations[o].pass] == 0)
		return true;
	for (; skip && *skip; skip += strspn(skip, " ")) {
		size_t size = strcspn(skip, " ");

		if (size == strlen(name) && strncmp(skip, name, size) == 0)
			return true;
		skip += size;
	}
	return false;
}

static void run_glibc(struct bench *bench, const char *what)
{
	uint64_t begin = now_ns();

	for (size_t o = 0; o < OPERATIONS; o++) {
		bool late = now_ns() - begin > SERVICE_S * UINT64_C(1000000000);

		if (!late && !is_skipped(bench, o))
			measure_in_child(bench, what, o);
		else
			printf("%s %u %s %s\n", what, bench->data->users, operations[o].name,
			       late ? "late" : "-");
	}
}

/* Both in one process, by turns, so that the machine's noise meets both. */
static void run_pair(struct bench *bench)
{
	static const char *const names[] = { "limit", "module" };
	const struct module *modules[] = { backend_load("limit"), backend_load("scim") };

	bench->backend = &backend_module;
	for (size_t o = 0; o < OPERATIONS; o++) {
		double best[2] = { 1e18, 1e18 };

		for (int turn = 0; turn < TURNS; turn++) {
			double ns;

			backend_use(modules[turn % 2]);
			ns = measure(bench, o);
			best[turn % 2] = ns < best[turn % 2] ? ns : best[turn % 2];
		}
		report(bench, names[0], o, best[0]);
		report(bench, names[1], o, best[1]);
	}
}

/* --- system calls ------------------------------------------------------------------------------- */

/* Ends the child: 0 if the kernel let all of them pass. The operation before is the one every 250 ms
 * that asks whether the file is still there. */
static void strict_run(struct bench *bench, size_t o)
{
	struct timespec pause = { .tv_nsec = 300000000 };
	char buffer[ENTRY_ROOM] __attribute__((aligned(16)));
	int count = operations[o].slow ? 1 : 1000;

	for (uint32_t k = 0; k < (operations[o].slow ? 4 : 100); k++)
		operations[o].run(bench, k % bench->keys[operations[o].pass], buffer, sizeof(buffer));
	nanosleep(&pause, NULL);
	for (uint32_t k = 0; k < (operations[o].slow ? 4 : 16); k++)
		operations[o].run(bench, k % bench->keys[operations[o].pass], buffer, sizeof(buffer));
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
		_exit(2);
	for (int i = 0; i < count; i++)
		operations[o].run(bench, (uint32_t)i, buffer, sizeof(buffer));
	syscall(SYS_exit, 0);
}

/* Once must do: a process that has to wait for its turn can miss the 250 ms. */
static bool strict_holds(struct bench *bench, size_t o)
{
	int status = -1;

	for (int try = 0; try < STRICT_TRIES && status != 0; try++) {
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0)
			strict_run(bench, o);
		waitpid(pid, &status, 0);
	}
	return status == 0;
}

static int run_strict(struct bench *bench, const char *what)
{
	int failed = 0;

	for (size_t o = 0; o < OPERATIONS; o++) {
		bool holds;

		if (operations[o].threads > 1)
			continue;
		holds = strict_holds(bench, o);
		printf("strict %u %s %s %s\n", bench->data->users, what, operations[o].name,
		       holds ? "0" : "some");
		failed |= !holds;
	}
	return failed;
}

static void run_calls(struct bench *bench)
{
	char buffer[ENTRY_ROOM] __attribute__((aligned(16)));

	for (uint32_t k = 0; k < 100; k++)
		op_hit(bench, k % bench->keys[PASS_USERS], buffer, sizeof(buffer));
	syscall(SYS_getppid);
	for (uint32_t k = 0; k < 100; k++)
		op_hit(bench, k % bench->keys[PASS_USERS], buffer, sizeof(buffer));
	syscall(SYS_getppid);
}

/* --- cold processes ----------------------------------------------------------------------------- */

/* One process; SERVICE NULL: it looks nothing up. */
static uint64_t cold_once(const char *program, const char *service, const char *name)
{
	char *argv[] = { (char *)program, (char *)service, (char *)name, NULL };
	uint64_t begin = now_ns();
	int status;
	pid_t pid;

	people_must(-posix_spawn(&pid, program, NULL, NULL, argv, environ), program);
	waitpid(pid, &status, 0);
	expect(status, 0, program);
	return now_ns() - begin;
}

/* What a lookup adds to a process, by the best of both. */
static void run_cold(struct bench *bench, const char *program, const char *service, const char *name)
{
	uint64_t with = UINT64_MAX, without = UINT64_MAX, taken, begin = now_ns();

	for (int i = 0; i < COLD_RUNS && (i < 3 || now_ns() - begin < COLD_BUDGET_NS); i++) {
		taken = cold_once(program, service, name ? name : bench->names[(uint32_t)i % bench->keys[PASS_USERS]]);
		with = taken < with ? taken : with;
		taken = cold_once(program, NULL, NULL);
		without = taken < without ? taken : without;
	}
	printf("%s%s %u cold %.1f\n", name ? "few:" : "glibc:", service, bench->data->users,
	       ((double)with - (double)without) / 1e3);
}

/* --- the command line --------------------------------------------------------------------------- */

static void prime_one(struct bench *bench, enum pass pass, uint32_t k)
{
	const struct backend *backend = bench->backend;
	char buffer[ENTRY_ROOM] __attribute__((aligned(16)));
	uint32_t uid = DATASET_UID0 + bench->numbers[k];
	struct passwd user;
	struct group group;

	switch (pass) {
	case PASS_USERS:
		(void)backend->pwnam(bench->names[k], &user, buffer, sizeof(buffer));
		(void)backend->pwnam(bench->misses[k], &user, buffer, sizeof(buffer));
		(void)backend->pwuid(uid, &user, buffer, sizeof(buffer));
		return;
	case PASS_GROUPS:
		(void)backend->grnam(bench->groups[k], &group, buffer, sizeof(buffer));
		(void)backend->grgid(DATASET_GID0 + bench->group_numbers[k], &group, buffer,
				     sizeof(buffer));
		return;
	default:
		(void)backend->groups(bench->names[k], uid, (gid_t *)(void *)buffer, GROUPS_ROOM);
	}
}

/* Each key once, so that a cache has them; what does not get in in time is not asked for later. Lists of
 * groups come last: who can't do them shall have the rest. */
static void prime(struct bench *bench)
{
	const char *skip = getenv("BENCH_SKIP");

	for (enum pass pass = 0; pass < PASSES; pass++) {
		uint64_t begin = now_ns();
		uint32_t k = 0;

		if (pass == PASS_LISTS && skip && strstr(skip, "grouplist"))
			break;
		while (k < bench->keys[pass] && now_ns() - begin < PRIME_S * UINT64_C(1000000000))
			prime_one(bench, pass, k++);
		bench->keys[pass] = k;
	}
}

static void measure_glibc(struct bench *bench, const char *program, char **argv, const char *hot)
{
	char what[64];

	snprintf(what, sizeof(what), "glibc:%s%s", argv[4], hot ? "-hot" : "");
	if (hot)
		prime(bench);
	if (strcmp(argv[1], "calls") == 0)
		run_calls(bench);
	else if (strcmp(argv[1], "cold") == 0)
		run_cold(bench, program, argv[4], argv[5]);
	else
		run_glibc(bench, what);
}

static int measure_command(struct bench *bench, int argc, char **argv)
{
	bool is_cold = strcmp(argv[1], "cold") == 0;
	const char *hot = argc > 5 && !is_cold ? argv[5] : NULL;
	char program[300];

	snprintf(program, sizeof(program), "%s", argv[0]);
	memcpy(strrchr(program, '_') + 1, "cold", sizeof("cold"));
	keys_make(bench, hot ? (uint32_t)strtoul(hot, NULL, 10) : KEYS);
	bench->backend = &backend_module;
	if (strcmp(argv[1], "pair") == 0) {
		run_pair(bench);
		return 0;
	}
	if (strcmp(argv[1], "strict") == 0 && argc == 4) {
		backend_use(backend_load("scim"));
		return run_strict(bench, "module");
	}
	if (argc < 5)
		return 2;
	backend_set_service(argv[4]);
	bench->backend = &backend_glibc;
	if (strcmp(argv[1], "strict") == 0)
		return run_strict(bench, argv[4]);
	measure_glibc(bench, program, argv, hot);
	return 0;
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	struct dataset *data;

	if (argc == 3 && strcmp(argv[1], "hold") == 0) {
		people_hold(argv[2]);
		return 0;
	}
	if (argc < 4) {
		fprintf(stderr, "usage: bench_nss COMMAND DIR N [SERVICE [KEYS]]\n");
		return 2;
	}
	srand(42);
	data = dataset_new((uint32_t)strtoul(argv[3], NULL, 10));
	bench.data = data;
	if (strcmp(argv[1], "make") == 0)
		people_make(argv[2], data);
	else if (strcmp(argv[1], "publish") == 0)
		people_publish(argv[2], data);
	else
		return measure_command(&bench, argc, argv);
	dataset_free(data);
	return 0;
}
