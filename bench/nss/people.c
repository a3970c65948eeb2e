#include "bench/nss/people.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/nss/limit.h"
#include "scimd/warden/directory_writer.h"

void people_must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "bench_nss: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

static void put_user(struct directory_writer *writer, const struct dataset *data, uint32_t u)
{
	uint32_t gids[DATASET_GROUPS_EACH + 1];
	char name[33], gecos[64], home[64];
	struct directory_user_entry entry = {
		.uid = DATASET_UID0 + u, .flags = DIRECTORY_ALLOWED, .name = name, .gecos = gecos,
		.home = home, .shell = "/bin/bash", .gids = gids,
	};

	dataset_user_name(u, name);
	sprintf(gecos, "User Number %u", u);
	sprintf(home, "/home/%s", name);
	for (uint32_t k = 0; k < DATASET_GROUPS_EACH; k++) {
		uint32_t gid = DATASET_GID0 + dataset_group_of(data, u, k), i = 0;

		while (i < entry.gid_count && gids[i] != gid)
			i++;
		if (i == entry.gid_count)
			gids[entry.gid_count++] = gid;
	}
	gids[entry.gid_count++] = DATASET_EVERYBODY;
	people_must(directory_writer_put_user(writer, &entry), "put user");
	for (uint32_t i = 0; i < entry.gid_count; i++)
		people_must(directory_writer_put_member(writer, gids[i], entry.uid, name), "put member");
}

static struct directory_writer *writer_open(const char *folder)
{
	struct directory_writer_options options = {
		.folder = folder, .name = DIRECTORY_FILE, .magic = DIRECTORY_MAGIC, .mode = 0644,
		.segment = true, .uid_min = 65536, .uid_max = 1u << 30,
	};
	struct directory_writer *writer;
	bool damaged;

	people_must(directory_writer_open(&options, &writer, &damaged), "open");
	return writer;
}

/* What the warden does when nothing is asked. */
static void tidy_up(struct directory_writer *writer)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	while (directory_writer_has_work(writer)) {
		directory_writer_work(writer, 0);
		if (!directory_writer_is_due(writer))
			nanosleep(&pause, NULL);
	}
}

static void make_directory(const char *folder, const struct dataset *data)
{
	static const unsigned char instance[DIRECTORY_INSTANCE_SIZE] = "bench";
	struct directory_writer *writer = writer_open(folder);
	uint64_t durable, visible;
	char name[33];

	people_must(directory_writer_start_over(writer, instance, data->users, data->groups + 1), "begin");
	for (uint32_t g = 0; g < data->groups; g++) {
		dataset_group_name(g, name);
		people_must(directory_writer_put_group(writer, DATASET_GID0 + g, 0, name), "put group");
	}
	people_must(directory_writer_put_group(writer, DATASET_EVERYBODY, 0, "everybody"), "put group");
	for (uint32_t u = 0; u < data->users; u++)
		put_user(writer, data, u);
	people_must(directory_writer_commit(writer, 1, &durable, &visible), "commit");
	tidy_up(writer);
	directory_writer_closep(&writer);
}

static FILE *text_open(const char *folder, const char *name)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	people_must(file ? 0 : -errno, path);
	return file;
}

/* passwd and group as text: for files, extrausers, and what is made from them. */
static void make_text(const char *folder, const struct dataset *data)
{
	FILE *passwd = text_open(folder, "passwd"), *group = text_open(folder, "group");
	char name[33];

	for (uint32_t u = 0; u < data->users; u++) {
		dataset_user_name(u, name);
		fprintf(passwd, "%s:x:%u:%u:User Number %u:/home/%s:/bin/bash\n", name,
			DATASET_UID0 + u, DATASET_UID0 + u, u, name);
	}
	for (uint32_t g = 0; g < data->groups; g++) {
		dataset_group_name(g, name);
		fprintf(group, "%s:x:%u:", name, DATASET_GID0 + g);
		for (uint32_t m = data->member_starts[g]; m < data->member_starts[g + 1]; m++) {
			dataset_user_name(data->members[m], name);
			fprintf(group, "%s%s", m > data->member_starts[g] ? "," : "", name);
		}
		fputc('\n', group);
	}
	fprintf(group, "everybody:x:%u:", DATASET_EVERYBODY);
	for (uint32_t u = 0; u < data->users; u++) {
		dataset_user_name(u, name);
		fprintf(group, "%s%s", u ? "," : "", name);
	}
	fputc('\n', group);
	fclose(passwd);
	fclose(group);
}

void people_make(const char *folder, const struct dataset *data)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/public", folder);
	make_directory(path, data);
	make_text(folder, data);
	snprintf(path, sizeof(path), "%s/limit", folder);
	people_must(limit_make(path, data), path);
}

void people_hold(const char *folder)
{
	struct directory_writer *writer;
	char path[300];

	snprintf(path, sizeof(path), "%s/public", folder);
	writer = writer_open(path);
	puts("held");
	fflush(stdout);
	while (getchar() != EOF)
		;
	directory_writer_closep(&writer);
}

/* --- publishing --------------------------------------------------------------------------------- */

#define PUBLISH_ROUNDS 2000u

static int compare_ns(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static uint64_t publish_revision;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void commit(struct directory_writer *writer)
{
	uint64_t durable, visible;

	people_must(directory_writer_commit(writer, ++publish_revision, &durable, &visible), "commit");
}

/* One user gets another GECOS field. */
static void change_user(struct directory_writer *writer, const struct dataset *data, uint32_t round)
{
	uint32_t u = (uint32_t)rand() % data->users;
	char name[33], gecos[64], home[64];
	struct directory_user_entry entry = {
		.uid = DATASET_UID0 + u, .flags = DIRECTORY_ALLOWED, .name = name, .gecos = gecos,
		.home = home, .shell = "/bin/bash",
	};

	dataset_user_name(u, name);
	sprintf(gecos, "Round %u", round);
	sprintf(home, "/home/%s", name);
	people_must(directory_writer_put_user(writer, &entry), "put user");
}

/* Somebody new joins a group. */
static void change_member(struct directory_writer *writer, uint32_t gid, uint32_t round)
{
	char name[33];

	sprintf(name, "new-%u", round);
	people_must(directory_writer_put_member(writer, gid, 500000000 + round, name), "put member");
}

static void publish_report(const char *what, uint32_t users, uint64_t *taken)
{
	qsort(taken, PUBLISH_ROUNDS, sizeof(*taken), compare_ns);
	printf("publish %u %s p50 %.0f us, p99 %.0f us, worst %.0f us\n", users, what,
	       (double)taken[PUBLISH_ROUNDS / 2] / 1e3,
	       (double)taken[PUBLISH_ROUNDS * 99 / 100] / 1e3,
	       (double)taken[PUBLISH_ROUNDS - 1] / 1e3);
}

void people_publish(const char *top, const struct dataset *data)
{
	static uint64_t taken[PUBLISH_ROUNDS];
	struct directory_writer *writer;
	char folder[300];
	uint64_t begin;

	snprintf(folder, sizeof(folder), "%s/public", top);
	writer = writer_open(folder);
	publish_revision = directory_writer_revision(writer);
	for (uint32_t i = 0; i < PUBLISH_ROUNDS; i++) {
		begin = now_ns();
		change_user(writer, data, i);
		commit(writer);
		taken[i] = now_ns() - begin;
	}
	publish_report("one-user", data->users, taken);
	for (int big = 0; big < 2; big++) {
		for (uint32_t i = 0; i < PUBLISH_ROUNDS; i++) {
			begin = now_ns();
			change_member(writer, big ? DATASET_EVERYBODY : DATASET_GID0,
				      i + (uint32_t)big * PUBLISH_ROUNDS);
			commit(writer);
			taken[i] = now_ns() - begin;
		}
		publish_report(big ? "member-of-everybody" : "member-of-a-team", data->users, taken);
	}
	begin = now_ns();
	for (uint32_t i = 0; i < 1000; i++)
		change_user(writer, data, i);
	commit(writer);
	printf("publish %u batch-of-1000 %.0f us\n", data->users, (double)(now_ns() - begin) / 1e3);
	directory_writer_closep(&writer);
}
