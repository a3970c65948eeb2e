/* bench_nss - measure lookups and publishing. `make DIR N` writes the same people for every backend; `run DIR N WHAT`
 * measures one: "limit", "module:PATH" (libnss_scim.so.2 called directly), or "glibc:SERVICE".
 * Prints one line per operation: WHAT N OPERATION NANOSECONDS. `publish DIR N` measures changes of the
 * directory, each on the disk and visible when it is over. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <nss.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/nss/dataset.h"
#include "bench/nss/limit.h"
#include "scimd/warden/directory_writer.h"

#define KEYS (1u << 17)
#define ROUND_NS 150000000u
#define ROUNDS 5

/* --- making ------------------------------------------------------------------------------------- */

static void must(int r, const char *what)
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
	must(directory_writer_put_user(writer, &entry), "put user");
	for (uint32_t i = 0; i < entry.gid_count; i++)
		must(directory_writer_put_member(writer, gids[i], entry.uid, name), "put member");
}

static struct directory_writer *writer_open(const char *folder)
{
	struct directory_writer_options options = {
		.folder = folder, .name = DIRECTORY_FILE, .magic = DIRECTORY_MAGIC, .mode = 0644,
		.segment = true, .uid_min = 65536, .uid_max = 1u << 30,
	};
	struct directory_writer *writer;
	bool damaged;

	must(directory_writer_open(&options, &writer, &damaged), "open");
	return writer;
}

static void make_ours(const char *folder, const struct dataset *data)
{
	static const unsigned char instance[DIRECTORY_INSTANCE_SIZE] = "bench";
	struct directory_writer *writer = writer_open(folder);
	uint64_t durable, visible;
	char name[33];

	must(directory_writer_start_over(writer, instance, data->users, data->groups + 1), "begin");
	for (uint32_t g = 0; g < data->groups; g++) {
		dataset_group_name(g, name);
		must(directory_writer_put_group(writer, DATASET_GID0 + g, 0, name), "put group");
	}
	must(directory_writer_put_group(writer, DATASET_EVERYBODY, 0, "everybody"), "put group");
	for (uint32_t u = 0; u < data->users; u++)
		put_user(writer, data, u);
	must(directory_writer_commit(writer, 1, &durable, &visible), "commit");
	directory_writer_closep(&writer);
}

static FILE *text_open(const char *folder, const char *name)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	must(file ? 0 : -errno, path);
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

/* --- backends ----------------------------------------------------------------------------------- */

struct backend {
	int (*pwnam)(const char *, struct passwd *, char *, size_t);
	int (*pwuid)(uid_t, struct passwd *, char *, size_t);
	int (*grnam)(const char *, struct group *, char *, size_t);
	int (*grgid)(gid_t, struct group *, char *, size_t);
	int (*groups)(const char *, gid_t *, int);
	uint64_t (*enumerate)(char *, size_t);
};

static enum nss_status (*m_pwnam)(const char *, struct passwd *, char *, size_t, int *);
static enum nss_status (*m_pwuid)(uid_t, struct passwd *, char *, size_t, int *);
static enum nss_status (*m_grnam)(const char *, struct group *, char *, size_t, int *);
static enum nss_status (*m_grgid)(gid_t, struct group *, char *, size_t, int *);
static enum nss_status (*m_initgroups)(const char *, gid_t, long *, long *, gid_t **, long, int *);
static enum nss_status (*m_setpwent)(int);
static enum nss_status (*m_getpwent)(struct passwd *, char *, size_t, int *);

static int status_int(enum nss_status status)
{
	return status == NSS_STATUS_SUCCESS ? 1 : status == NSS_STATUS_NOTFOUND ? 0 : -1;
}

static int module_pwnam(const char *name, struct passwd *ret, char *buffer, size_t size)
{
	int error;

	return status_int(m_pwnam(name, ret, buffer, size, &error));
}

static int module_pwuid(uid_t uid, struct passwd *ret, char *buffer, size_t size)
{
	int error;

	return status_int(m_pwuid(uid, ret, buffer, size, &error));
}

static int module_grnam(const char *name, struct group *ret, char *buffer, size_t size)
{
	int error;

	return status_int(m_grnam(name, ret, buffer, size, &error));
}

static int module_grgid(gid_t gid, struct group *ret, char *buffer, size_t size)
{
	int error;

	return status_int(m_grgid(gid, ret, buffer, size, &error));
}

/* The primary group is the caller's to know, as getgrouplist(3) has it. */
static gid_t primary;

static int module_groups(const char *name, gid_t *gids, int room)
{
	static gid_t *array;
	static long size;
	long start = 0;
	int error;

	if (!array) {
		size = room;
		array = malloc((size_t)room * sizeof(*array));
	}
	if (m_initgroups(name, primary, &start, &size, &array, -1, &error) != NSS_STATUS_SUCCESS)
		return 0;
	memcpy(gids, array, (size_t)start * sizeof(*gids));
	return (int)start;
}

static uint64_t module_enumerate(char *buffer, size_t size)
{
	struct passwd entry;
	uint64_t count = 0;
	int error;

	m_setpwent(0);
	while (m_getpwent(&entry, buffer, size, &error) == NSS_STATUS_SUCCESS)
		count++;
	return count;
}

static void *symbol(void *handle, const char *name)
{
	void *found = dlsym(handle, name);

	must(found ? 0 : -ENOSYS, name);
	return found;
}

static void module_load(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW);

	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&m_pwnam = symbol(handle, "_nss_scim_getpwnam_r");
	*(void **)&m_pwuid = symbol(handle, "_nss_scim_getpwuid_r");
	*(void **)&m_grnam = symbol(handle, "_nss_scim_getgrnam_r");
	*(void **)&m_grgid = symbol(handle, "_nss_scim_getgrgid_r");
	*(void **)&m_initgroups = symbol(handle, "_nss_scim_initgroups_dyn");
	*(void **)&m_setpwent = symbol(handle, "_nss_scim_setpwent");
	*(void **)&m_getpwent = symbol(handle, "_nss_scim_getpwent_r");
}

static int glibc_pwnam(const char *name, struct passwd *ret, char *buffer, size_t size)
{
	struct passwd *found;

	return getpwnam_r(name, ret, buffer, size, &found) ? -1 : found != NULL;
}

static int glibc_pwuid(uid_t uid, struct passwd *ret, char *buffer, size_t size)
{
	struct passwd *found;

	return getpwuid_r(uid, ret, buffer, size, &found) ? -1 : found != NULL;
}

static int glibc_grnam(const char *name, struct group *ret, char *buffer, size_t size)
{
	struct group *found;

	return getgrnam_r(name, ret, buffer, size, &found) ? -1 : found != NULL;
}

static int glibc_grgid(gid_t gid, struct group *ret, char *buffer, size_t size)
{
	struct group *found;

	return getgrgid_r(gid, ret, buffer, size, &found) ? -1 : found != NULL;
}

static int glibc_groups(const char *name, gid_t *gids, int room)
{
	return getgrouplist(name, primary, gids, &room) < 0 ? -1 : room;
}

static uint64_t glibc_enumerate(char *buffer, size_t size)
{
	struct passwd entry, *found;
	uint64_t count = 0;

	setpwent();
	while (getpwent_r(&entry, buffer, size, &found) == 0)
		count++;
	endpwent();
	return count;
}

static const struct backend limit_backend = {
	limit_getpwnam, limit_getpwuid, limit_getgrnam, limit_getgrgid, limit_groups,
	limit_enumerate,
};
static const struct backend module_backend = {
	module_pwnam, module_pwuid, module_grnam, module_grgid, module_groups, module_enumerate,
};
static const struct backend glibc_backend = {
	glibc_pwnam, glibc_pwuid, glibc_grnam, glibc_grgid, glibc_groups, glibc_enumerate,
};

/* --- measuring ---------------------------------------------------------------------------------- */

struct bench {
	const struct backend *backend;
	const struct dataset *data;
	char (*names)[33], (*misses)[33], (*groups)[33];
	uint32_t *numbers, *group_numbers;
	char *buffer; /* for big groups */
	size_t buffer_size;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void expect(int got, int want, const char *what)
{
	if (got != want) {
		fprintf(stderr, "bench_nss: %s answers %d instead of %d\n", what, got, want);
		exit(1);
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
	(void)size;
	primary = DATASET_UID0 + bench->numbers[k];
	if (bench->backend->groups(bench->names[k], (gid_t *)(void *)buffer, 64) < 3)
		expect(0, 9, "a group list");
	return buffer[0] == '\1' && buffer[1] == '\1';
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
	if (bench->backend->enumerate(buffer, size) < bench->data->users)
		expect(0, (int)bench->data->users, "enumeration");
	return buffer[0] == '\0';
}

static double measure(struct bench *bench, operation run)
{
	static char buffer[1 << 16];
	double best = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t begin = now_ns(), taken, count = 0;
		uint32_t k = (uint32_t)rand() % KEYS;

		do {
			for (int i = 0; i < 16; i++, count++) {
				k += 1 + run(bench, k % KEYS, buffer, sizeof(buffer));
				if (now_ns() - begin > ROUND_NS * 2)
					break;
			}
			taken = now_ns() - begin;
		} while (taken < ROUND_NS);
		if ((double)taken / (double)count < best)
			best = (double)taken / (double)count;
	}
	return best;
}

/* The clock is not read within a run of quick operations. */
static double measure_quick(struct bench *bench, operation run)
{
	static char buffer[1 << 16];
	double best = 1e18;

	run(bench, 0, buffer, sizeof(buffer));
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t begin = now_ns(), taken, count = 0;
		uint32_t k = (uint32_t)rand() % KEYS;

		do {
			for (int i = 0; i < 1024; i++, count++)
				k += 1 + run(bench, k % KEYS, buffer, sizeof(buffer));
			taken = now_ns() - begin;
		} while (taken < ROUND_NS);
		if ((double)taken / (double)count < best)
			best = (double)taken / (double)count;
	}
	return best;
}

static const struct {
	const char *name;
	operation run;
	int slow, per_user;
} operations[] = {
	{ "hit", op_hit, 0, 0 },       { "miss", op_miss, 0, 0 },
	{ "uid", op_uid, 0, 0 },       { "group", op_group, 0, 0 },
	{ "gid", op_gid, 0, 0 },       { "grouplist", op_list, 0, 0 },
	{ "everybody", op_everybody, 1, 0 }, { "enumerate", op_enumerate, 1, 1 },
};

static void keys_make(struct bench *bench)
{
	bench->names = calloc(KEYS, sizeof(*bench->names));
	bench->misses = calloc(KEYS, sizeof(*bench->misses));
	bench->groups = calloc(KEYS, sizeof(*bench->groups));
	bench->numbers = calloc(KEYS, sizeof(*bench->numbers));
	bench->group_numbers = calloc(KEYS, sizeof(*bench->group_numbers));
	for (uint32_t k = 0; k < KEYS; k++) {
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

/* A backend that scans takes seconds for one lookup: one round of it is enough to see that. */
static int is_slow(struct bench *bench, operation run)
{
	static char buffer[1 << 16];
	uint64_t begin = now_ns();

	run(bench, 1, buffer, sizeof(buffer));
	return now_ns() - begin > 2000000;
}

static void run_all(struct bench *bench, const char *what)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		int slow = operations[i].slow || is_slow(bench, operations[i].run);
		double ns = slow ? measure(bench, operations[i].run)
				 : measure_quick(bench, operations[i].run);

		if (operations[i].per_user)
			ns /= bench->data->users;
		printf("%s %u %s %.1f\n", what, bench->data->users, operations[i].name, ns);
		fflush(stdout);
	}
}

/* Both in one process, by turns, so that the machine's noise meets both. */
static void run_pair(struct bench *bench, const char *path)
{
	module_load(path);
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		double best[2] = { 1e18, 1e18 };

		for (int turn = 0; turn < 6; turn++) {
			double ns;

			bench->backend = turn % 2 ? &module_backend : &limit_backend;
			ns = operations[i].slow ? measure(bench, operations[i].run)
						: measure_quick(bench, operations[i].run);
			if (ns < best[turn % 2])
				best[turn % 2] = ns;
		}
		for (int b = 0; b < 2; b++)
			printf("%s %u %s %.1f\n", b ? "module" : "limit", bench->data->users,
			       operations[i].name,
			       operations[i].per_user ? best[b] / bench->data->users : best[b]);
		fflush(stdout);
	}
}

/* --- publishing --------------------------------------------------------------------------------- */

#define PUBLISH_ROUNDS 2000u

static int compare_ns(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static uint64_t publish_revision;

static void commit(struct directory_writer *writer)
{
	uint64_t durable, visible;

	must(directory_writer_commit(writer, ++publish_revision, &durable, &visible), "commit");
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
	must(directory_writer_put_user(writer, &entry), "put user");
}

/* Somebody new joins a group. */
static void change_member(struct directory_writer *writer, uint32_t gid, uint32_t round)
{
	char name[33];

	sprintf(name, "new-%u", round);
	must(directory_writer_put_member(writer, gid, 500000000 + round, name), "put member");
}

static void publish_report(const char *what, uint32_t users, uint64_t *taken)
{
	qsort(taken, PUBLISH_ROUNDS, sizeof(*taken), compare_ns);
	printf("publish %u %s p50 %.0f us, p99 %.0f us, worst %.0f us\n", users, what,
	       (double)taken[PUBLISH_ROUNDS / 2] / 1e3,
	       (double)taken[PUBLISH_ROUNDS * 99 / 100] / 1e3,
	       (double)taken[PUBLISH_ROUNDS - 1] / 1e3);
}

static void run_publish(const char *folder, const struct dataset *data)
{
	static uint64_t taken[PUBLISH_ROUNDS];
	struct directory_writer *writer = writer_open(folder);
	uint64_t begin;

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

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	struct dataset *data;
	char path[300];

	if (argc < (argc > 1 && strcmp(argv[1], "run") == 0 ? 5 : 4)) {
		fprintf(stderr, "usage: bench_nss make DIR N | publish DIR N | run DIR N pair:MODULE|glibc:SERVICE\n");
		return 2;
	}
	srand(42);
	data = dataset_new((uint32_t)strtoul(argv[3], NULL, 10));
	snprintf(path, sizeof(path), "%s/limit", argv[2]);
	if (strcmp(argv[1], "make") == 0) {
		snprintf(path, sizeof(path), "%s/public", argv[2]);
		make_ours(path, data);
		make_text(argv[2], data);
		snprintf(path, sizeof(path), "%s/limit", argv[2]);
		must(limit_make(path, data), path);
		dataset_free(data);
		return 0;
	}
	if (strcmp(argv[1], "publish") == 0) {
		snprintf(path, sizeof(path), "%s/public", argv[2]);
		run_publish(path, data);
		return 0;
	}
	bench.data = data;
	keys_make(&bench);
	if (strncmp(argv[4], "pair:", 5) == 0) {
		struct directory_writer *writer;

		must(limit_open(path), path);
		/* As the warden does on a host: the segment exists while somebody holds it. */
		snprintf(path, sizeof(path), "%s/public", argv[2]);
		writer = writer_open(path);
		run_pair(&bench, argv[4] + 5);
		directory_writer_closep(&writer);
	} else if (strncmp(argv[4], "glibc:", 6) == 0) {
		struct directory_writer *writer = NULL;

		if (strcmp(argv[4], "glibc:scim") == 0) {
			snprintf(path, sizeof(path), "%s/public", argv[2]);
			writer = writer_open(path);
		}
		__nss_configure_lookup("passwd", argv[4] + 6);
		__nss_configure_lookup("group", argv[4] + 6);
		bench.backend = &glibc_backend;
		run_all(&bench, argv[4]);
		directory_writer_closep(&writer);
	} else {
		return 2;
	}
	return 0;
}
