/* bench_publish - what a change of the directory costs until it is on the disk and every lookup sees it,
 * beside the limit: one pwrite and one fdatasync of as many bytes into a file that is written already, by
 * turns in the same run. `bench_publish DIR N` makes N people in DIR (which belongs to root) and prints a
 * line for each operation; the last ones tell how long a piece of making the next file beside takes, and
 * what publishing costs meanwhile. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "scimd/base/log.h"
#include "scimd/warden/directory_writer.h"

#define UID0 200000u
#define GID0 (1u << 30)
#define EVERYBODY (GID0 - 1)
#define HUNDRED (GID0 - 2)
#define TEAM 20u /* people in a team; each is in eight */
#define TEAMS_EACH 8u
#define ROUNDS 4000u
#define LIMIT_SIZE (64u << 20)
#define WORK_US 1000u

static uint32_t users;
static uint64_t revision;

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "bench_publish: %s: %s\n", what, strerror(-r));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
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

	must(directory_writer_start_over(writer, instance, users, users / TEAM + 2), "start");
	must(directory_writer_put_group(writer, EVERYBODY, 0, "everybody"), "put group");
	must(directory_writer_put_group(writer, HUNDRED, 0, "hundred"), "put group");
	for (uint32_t g = 0; g < users / TEAM + 1; g++) {
		sprintf(name, "team-%u", g);
		must(directory_writer_put_group(writer, GID0 + g, 0, name), "put group");
	}
	for (uint32_t u = 0; u < users; u++)
		put_user(writer, u, "A Person", true);
	for (uint32_t u = 0; u < 100; u++) {
		sprintf(name, "person.%u", u);
		must(directory_writer_put_member(writer, HUNDRED, UID0 + u, name), "put member");
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
	uint64_t ns[ROUNDS];
	size_t count;
};

static void note(struct figures *figures, uint64_t begin)
{
	if (figures->count < ROUNDS)
		figures->ns[figures->count++] = now_ns() - begin;
}

static int compare_ns(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static void report(const char *what, struct figures *figures)
{
	uint64_t *ns = figures->ns;
	size_t n = figures->count;

	qsort(ns, n, sizeof(*ns), compare_ns);
	printf("%8u %-28s p50 %7.0f us  p99 %7.0f us  worst %7.0f us\n", users, what,
	       (double)ns[n / 2] / 1e3, (double)ns[n * 99 / 100] / 1e3, (double)ns[n - 1] / 1e3);
	fflush(stdout);
	figures->count = 0;
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
	while (directory_writer_has_work(writer))
		directory_writer_work(writer, 0);
}

static void run_single(struct directory_writer *writer)
{
	static struct figures change, limit;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t begin;

		settle(writer);
		begin = now_ns();
		change_one(writer, i);
		commit(writer);
		note(&change, begin);
		limit_once(&limit, 320);
	}
	report("limit (pwrite + fdatasync)", &limit);
	report("one user", &change);
}

/* Each newcomer leaves again, so that the small group stays small. */
static void run_members(struct directory_writer *writer)
{
	static struct figures small, large;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t gid = i % 2 ? EVERYBODY : HUNDRED;
		uint64_t begin;

		settle(writer);
		begin = now_ns();
		join(writer, gid, i);
		commit(writer);
		note(i % 2 ? &large : &small, begin);
		leave(writer, gid, i);
		commit(writer);
	}
	report("member of a group of 100", &small);
	report("member of everybody", &large);
}

static void run_batch(struct directory_writer *writer)
{
	static struct figures batch, limit;

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
	report("limit (320 KB)", &limit);
	report("batch of 1000 users", &batch);
}

/* A new file is made again and again while changes are published: another range is a reason. */
static void run_beside(struct directory_writer *writer)
{
	static struct figures change, piece;
	uint32_t files = 0, round = 0;
	uint64_t start = now_ns();

	while (files < 3) {
		bool had = directory_writer_has_work(writer);
		uint64_t begin = now_ns();

		directory_writer_work(writer, begin / 1000 + WORK_US);
		if (had)
			note(&piece, begin);
		if (!directory_writer_has_work(writer))
			directory_writer_set_range(writer, 65536, GID0 + ++files);
		if (round++ % 4)
			continue;
		begin = now_ns();
		change_one(writer, round);
		commit(writer);
		note(&change, begin);
		if (change.count == ROUNDS || piece.count == ROUNDS)
			break;
	}
	printf("%8u %u files made beside in %.0f ms\n", users, files, (double)(now_ns() - start) / 1e6);
	report("one user, while making one", &change);
	report("piece of making one", &piece);
}

int main(int argc, char **argv)
{
	struct directory_writer *writer;
	struct directory_writer_usage usage;
	uint64_t begin;

	if (argc != 3) {
		fprintf(stderr, "usage: bench_publish DIR N\n");
		return 2;
	}
	log_open("bench_publish", LOG_LEVEL_WARNING);
	users = (uint32_t)strtoul(argv[2], NULL, 10);
	(void)umask(022);
	(void)mkdir(argv[1], 0755); /* there already, or open says so */
	srand(42);
	limit_make(argv[1]);
	writer = writer_open(argv[1]);
	begin = now_ns();
	people_make(writer);
	printf("%8u everybody at once: %.0f ms\n", users, (double)(now_ns() - begin) / 1e6);
	directory_writer_closep(&writer);
	begin = now_ns();
	writer = writer_open(argv[1]);
	directory_writer_usage(writer, &usage);
	printf("%8u opened and verified: %.0f ms, %.1f MB, %.2f times its content\n", users,
	       (double)(now_ns() - begin) / 1e6, (double)usage.size / 1e6,
	       (double)usage.size / (double)usage.content);
	run_single(writer);
	run_members(writer);
	run_batch(writer);
	run_beside(writer);
	directory_writer_usage(writer, &usage);
	printf("%8u after all that: %.1f MB, %.2f times its content\n", users,
	       (double)usage.size / 1e6, (double)usage.size / (double)usage.content);
	directory_writer_closep(&writer);
	return 0;
}
