/* bench_publish - what a change of the directory costs until it is on the disk and every lookup sees it,
 * beside the limit: one pwrite and one fdatasync of as many bytes into a file that is written already, by
 * turns in the same run. `bench_publish DIR N` makes N people in DIR (which belongs to root) and prints a
 * line for each operation, with the ratio of its median and its 99th percentile to those of another line.
 * The last ones tell what making the next file beside adds to a change that comes meanwhile, in the worst
 * case, at the beginning of a piece: it waits for the end of that, and then the disk and the caches have had
 * other things to do, or have them still. By the clock other programs count too; in processor time they
 * do not. `bench_publish DIR N beside` does nothing else and prints one line for docs/bench. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "scimd/base/log.h"
#include "scimd/warden/directory_writer.h"

#define UID0 200000u
#define GID0 (1u << 30)
#define EVERYBODY (GID0 - 1)
#define HUNDRED (GID0 - 2)
#define LARGE (GID0 - 3) /* with LARGE_MEMBERS, or everybody where they are fewer */
#define LARGE_MEMBERS 100000u
#define TEAM 20u /* people in a team; each is in eight */
#define TEAMS_EACH 8u
#define ROUNDS 4000u
#define LIMIT_SIZE (64u << 20)
#define WORK_US 1000u
#define BESIDE_FILES 3u     /* to be made, at least, */
#define BESIDE_CHANGES 400u /* and changes meanwhile */
#define BESIDE_NS (UINT64_C(30) * 1000000000)

static uint32_t users;
static uint64_t revision;

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "bench_publish: %s: %s\n", what, strerror(-r));
	exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static uint32_t pick(uint32_t below)
{
	return (uint32_t)((uint64_t)rand() * below / ((uint64_t)RAND_MAX + 1));
}

/* --- people --------------------------------------------------------------------------------------- */

static uint32_t team_of(uint32_t u, uint32_t k)
{
	uint32_t teams = users / TEAM ? users / TEAM : 1;

	return GID0 + (u / TEAM + k * 7919u) % teams;
}

static void put_user(struct directory_writer *writer, uint32_t u, const char *gecos, bool members)
{
	uint32_t gids[TEAMS_EACH + 2];
	char name[33], home[64];
	struct directory_user_entry entry = {
		.uid = UID0 + u, .flags = DIRECTORY_ALLOWED, .name = name, .gecos = gecos,
		.home = home, .shell = "/bin/bash", .gids = gids, .detail_text = "",
		.detail_size = 1,
	};

	sprintf(name, "person.%u", u);
	sprintf(home, "/home/%s", name);
	gids[entry.gid_count++] = EVERYBODY;
	for (uint32_t k = 0; k < TEAMS_EACH; k++)
		gids[entry.gid_count++] = team_of(u, k);
	must(directory_writer_put_user(writer, &entry), "put user");
	for (uint32_t i = 0; members && i < entry.gid_count; i++)
		must(directory_writer_put_member(writer, gids[i], entry.uid, name), "put member");
}

static void commit(struct directory_writer *writer)
{
	uint64_t durable, visible;

	must(directory_writer_commit(writer, ++revision, &durable, &visible), "commit");
}

static void people_make(struct directory_writer *writer)
{
	static const unsigned char instance[DIRECTORY_INSTANCE_SIZE] = "bench";
	char name[33];

	must(directory_writer_start_over(writer, instance, users, users / TEAM + 3), "start");
	must(directory_writer_put_group(writer, EVERYBODY, 0, "everybody"), "put group");
	must(directory_writer_put_group(writer, HUNDRED, 0, "hundred"), "put group");
	must(directory_writer_put_group(writer, LARGE, 0, "large"), "put group");
	for (uint32_t g = 0; g < users / TEAM + 1; g++) {
		sprintf(name, "team-%u", g);
		must(directory_writer_put_group(writer, GID0 + g, 0, name), "put group");
	}
	for (uint32_t u = 0; u < users; u++)
		put_user(writer, u, "A Person", true);
	for (uint32_t u = 0; u < users && u < LARGE_MEMBERS; u++) {
		sprintf(name, "person.%u", u);
		must(directory_writer_put_member(writer, LARGE, UID0 + u, name), "put member");
		if (u < 100)
			must(directory_writer_put_member(writer, HUNDRED, UID0 + u, name),
			     "put member");
	}
	commit(writer);
}

static struct directory_writer *writer_open(const char *folder)
{
	struct directory_writer_options options = {
		.folder = folder, .name = DIRECTORY_FILE, .magic = DIRECTORY_MAGIC, .mode = 0644,
		.segment = true, .uid_min = 65536, .uid_max = GID0,
	};
	struct directory_writer *writer;
	bool damaged;

	must(directory_writer_open(&options, &writer, &damaged), "open");
	return writer;
}

/* --- figures -------------------------------------------------------------------------------------- */

struct figures {
	uint64_t *ns; /* owned until the end */
	size_t count, room;
};

static void note_ns(struct figures *figures, uint64_t ns)
{
	if (figures->count == figures->room) {
		figures->room = figures->room ? figures->room * 2 : ROUNDS;
		figures->ns = reallocarray(figures->ns, figures->room, sizeof(ns));
		must(figures->ns ? 0 : -ENOMEM, "memory");
	}
	figures->ns[figures->count++] = ns;
}

static void note(struct figures *figures, uint64_t begin)
{
	note_ns(figures, now_ns() - begin);
}

static int compare_ns(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

struct summary {
	double p50, p99, worst; /* us */
};

static struct summary summary_of(struct figures *figures)
{
	uint64_t *ns = figures->ns;
	size_t n = figures->count;

	if (n == 0)
		return (struct summary){ 0 };
	qsort(ns, n, sizeof(*ns), compare_ns);
	return (struct summary){ (double)ns[n / 2] / 1e3, (double)ns[n * 99 / 100] / 1e3,
				 (double)ns[n - 1] / 1e3 };
}

/* base: what it is compared with, or NULL. */
static struct summary report(const char *what, struct figures *figures, const struct summary *base)
{
	struct summary sum = summary_of(figures);

	if (figures->count == 0)
		return sum;
	printf("%8u %-32s p50 %7.0f us  p99 %7.0f us  worst %7.0f us", users, what, sum.p50, sum.p99,
	       sum.worst);
	if (base)
		printf("  %5.2fx %5.2fx", sum.p50 / base->p50, sum.p99 / base->p99);
	printf("\n");
	fflush(stdout);
	figures->count = 0;
	return sum;
}

/* --- the limit ------------------------------------------------------------------------------------ */

static int limit_fd;

static void limit_make(const char *folder)
{
	static unsigned char zeros[1 << 20];
	char path[512];

	snprintf(path, sizeof(path), "%s/limit", folder);
	limit_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(limit_fd, path);
	(void)unlink(path);
	for (off_t at = 0; at < LIMIT_SIZE; at += (off_t)sizeof(zeros))
		must((int)pwrite(limit_fd, zeros, sizeof(zeros), at), "write");
	must(fsync(limit_fd), "sync");
}

static void limit_once(struct figures *figures, size_t size)
{
	static unsigned char bytes[1 << 20];
	static off_t at;
	uint64_t begin;

	if (at + (off_t)size > LIMIT_SIZE)
		at = 0;
	memset(bytes, (int)(revision & 0xff) + 1, size);
	begin = now_ns();
	must((int)pwrite(limit_fd, bytes, size, at), "write");
	must(fdatasync(limit_fd), "sync");
	note(figures, begin);
	at += (off_t)size;
}

/* --- operations ----------------------------------------------------------------------------------- */

static void change_one(struct directory_writer *writer, uint32_t round)
{
	char gecos[33];

	sprintf(gecos, "Round %u", round);
	put_user(writer, pick(users), gecos, false);
}

static void join(struct directory_writer *writer, uint32_t gid, uint32_t round)
{
	char name[33];

	sprintf(name, "new-%u", round);
	must(directory_writer_put_member(writer, gid, UID0 * 2 + users + round, name), "put member");
}

static void leave(struct directory_writer *writer, uint32_t gid, uint32_t round)
{
	must(directory_writer_remove_member(writer, gid, UID0 * 2 + users + round), "remove member");
}

/* All that is due, before what is measured next: it is measured by itself. */
static void settle(struct directory_writer *writer)
{
	while (directory_writer_has_work(writer)) {
		if (!directory_writer_is_due(writer))
			(void)usleep(100);
		directory_writer_work(writer, 0);
	}
}

static void run_single(struct directory_writer *writer)
{
	static struct figures change, limit;
	struct summary base;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t begin;

		settle(writer);
		begin = now_ns();
		change_one(writer, i);
		commit(writer);
		note(&change, begin);
		limit_once(&limit, 320);
	}
	base = report("limit (pwrite + fdatasync)", &limit, NULL);
	report("one user", &change, &base);
}

/* Each newcomer leaves again, so that the small group stays small. */
static void run_members(struct directory_writer *writer)
{
	static const uint32_t gids[] = { HUNDRED, LARGE, EVERYBODY };
	static struct figures figures[3];
	struct summary small;
	char what[64];

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t begin;

		settle(writer);
		begin = now_ns();
		join(writer, gids[i % 3], i);
		commit(writer);
		note(&figures[i % 3], begin);
		leave(writer, gids[i % 3], i);
		commit(writer);
	}
	small = report("member of a group of 100", &figures[0], NULL);
	sprintf(what, "member of a group of %u", users < LARGE_MEMBERS ? users : LARGE_MEMBERS);
	report(what, &figures[1], &small);
	sprintf(what, "member of a group of %u", users);
	if (users > LARGE_MEMBERS)
		report(what, &figures[2], &small);
}

static void run_batch(struct directory_writer *writer)
{
	static struct figures batch, limit;
	struct summary base;

	for (uint32_t i = 0; i < 20; i++) {
		uint64_t begin;

		settle(writer);
		begin = now_ns();
		for (uint32_t n = 0; n < 1000; n++)
			change_one(writer, i * 1000 + n);
		commit(writer);
		note(&batch, begin);
		limit_once(&limit, 320000);
	}
	base = report("limit (320 KB)", &limit, NULL);
	report("batch of 1000 users", &batch, &base);
}

/* By the clock, and in processor time of the thread that publishes. */
struct beside {
	struct figures quiet, quiet_cpu, late, late_cpu, piece;
	uint32_t files, round;
};

static void beside_change(struct directory_writer *writer, struct beside *beside)
{
	change_one(writer, beside->round++);
	commit(writer);
}

static void beside_quiet(struct directory_writer *writer, struct beside *beside)
{
	uint64_t begin, cpu;

	settle(writer);
	begin = now_ns();
	cpu = cpu_ns();
	beside_change(writer, beside);
	note_ns(&beside->quiet_cpu, cpu_ns() - cpu);
	note(&beside->quiet, begin);
}

/* A change that came when a piece had just been begun, or while a thread is at it. */
static void beside_late(struct directory_writer *writer, struct beside *beside)
{
	uint64_t begin = now_ns(), cpu = cpu_ns();

	if (directory_writer_is_due(writer)) {
		directory_writer_work(writer, begin / 1000 + WORK_US);
		note_ns(&beside->piece, cpu_ns() - cpu);
	} else {
		(void)usleep(1000);
		begin = now_ns();
	}
	beside_change(writer, beside);
	note_ns(&beside->late_cpu, cpu_ns() - cpu);
	note(&beside->late, begin);
}

/* One file, made while changes are published: another range is a reason. */
static void beside_once(struct directory_writer *writer, struct beside *beside)
{
	for (uint32_t i = 0; i < BESIDE_CHANGES; i++)
		beside_quiet(writer, beside);
	directory_writer_set_range(writer, 65536, GID0 + ++beside->files);
	while (directory_writer_has_work(writer))
		beside_late(writer, beside);
}

static void run_beside(struct directory_writer *writer, bool is_brief)
{
	static struct beside beside;
	struct summary quiet, quiet_cpu, late, late_cpu;
	uint64_t start = now_ns();

	while ((beside.files < BESIDE_FILES || beside.late.count < BESIDE_CHANGES) &&
	       now_ns() - start < BESIDE_NS)
		beside_once(writer, &beside);
	if (is_brief) {
		quiet = summary_of(&beside.quiet);
		quiet_cpu = summary_of(&beside.quiet_cpu);
		late = summary_of(&beside.late);
		late_cpu = summary_of(&beside.late_cpu);
		printf("publish %u one-user while another file is made: p50 %.0f us, p99 %.0f us, "
		       "worst %.0f us; adds at most %.0f us of processor time\n", users, late.p50,
		       late.p99, late.worst, late_cpu.worst - quiet_cpu.p50);
		return;
	}
	printf("%8u %u files made beside in %.0f ms\n", users, beside.files,
	       (double)(now_ns() - start) / 1e6);
	quiet = report("one user, nothing beside", &beside.quiet, NULL);
	late = report("one user, making a file", &beside.late, &quiet);
	quiet_cpu = report("processor: nothing beside", &beside.quiet_cpu, NULL);
	late_cpu = report("processor: making a file", &beside.late_cpu, &quiet_cpu);
	report("processor: a piece of the file", &beside.piece, NULL);
	printf("%8u making a file delays a change by at most %.0f us of processor time, %.0f us by the clock\n",
	       users, late_cpu.worst - quiet_cpu.p50, late.worst - quiet.p50);
}

static void run_all(struct directory_writer *writer)
{
	struct directory_writer_usage usage;

	run_single(writer);
	run_members(writer);
	run_batch(writer);
	run_beside(writer, false);
	directory_writer_usage(writer, &usage);
	printf("%8u after all that: %.1f MB, %.2f times its content\n", users,
	       (double)usage.size / 1e6, (double)usage.size / (double)usage.content);
}

/* Made, and opened again. */
static struct directory_writer *people_open(const char *folder, bool is_brief)
{
	struct directory_writer *writer = writer_open(folder);
	struct directory_writer_usage usage;
	uint64_t begin = now_ns(), made;

	people_make(writer);
	directory_writer_closep(&writer);
	made = now_ns();
	writer = writer_open(folder);
	if (is_brief)
		return writer;
	directory_writer_usage(writer, &usage);
	printf("%8s, each change on the disk and visible; at the right: to the limit, or to the first of its\n"
	       "%8s  kind (p50, p99)\n", "people", "");
	printf("%8u everybody at once: %.0f ms\n", users, (double)(made - begin) / 1e6);
	printf("%8u opened and verified: %.0f ms, %.1f MB, %.2f times its content\n", users,
	       (double)(now_ns() - made) / 1e6, (double)usage.size / 1e6,
	       (double)usage.size / (double)usage.content);
	return writer;
}

int main(int argc, char **argv)
{
	bool is_brief = argc == 4 && strcmp(argv[3], "beside") == 0;
	struct directory_writer *writer;

	if (argc != 3 && !is_brief) {
		fprintf(stderr, "usage: bench_publish DIR N [beside]\n");
		return 2;
	}
	log_open("bench_publish", LOG_LEVEL_WARNING);
	users = (uint32_t)strtoul(argv[2], NULL, 10);
	(void)umask(022);
	(void)mkdir(argv[1], 0755); /* there already, or open says so */
	srand(42);
	limit_make(argv[1]);
	writer = people_open(argv[1], is_brief);
	if (is_brief)
		run_beside(writer, true);
	else
		run_all(writer);
	directory_writer_closep(&writer);
	return 0;
}
