/* A damaged or hostile file where the directory should be: each lookup gives the answer of the sound file
 * or UNAVAIL, never another one, never "not found", and none takes long. All of a small file's bytes
 * are changed in turn, and it is cut off at each length, before it is opened and while it is read. */
#include <signal.h>
#include <sys/stat.h>

#include "nss_scim/nss_scim.h"
#include "tests/unit/nss_scim/people.h"

#define SECONDS 50 /* for a whole test; its lookups take microseconds each */
#define WALK_MAX 16
#define BEYOND 61 /* behind the heap, where nothing is read, every so many bytes */

static const char path[] = DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE;
static unsigned char *sound;
static size_t sound_size, used;

/* What was answered, in one number; 0 for UNAVAIL. */
static uint64_t mix(uint64_t sum, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ at[i]) * 0x100000001b3u;
	return sum;
}

static uint64_t user_mix(const struct passwd *user)
{
	const char *const fields[] = { user->pw_name, user->pw_passwd, user->pw_gecos,
				       user->pw_dir, user->pw_shell };
	uint64_t sum = mix(1, &user->pw_uid, sizeof(user->pw_uid));

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		sum = mix(sum, fields[i], strlen(fields[i]) + 1);
	return mix(sum, &user->pw_gid, sizeof(user->pw_gid));
}

static uint64_t group_mix(const struct group *group)
{
	uint64_t sum = mix(2, group->gr_name, strlen(group->gr_name) + 1);

	for (size_t i = 0; group->gr_mem[i]; i++)
		sum = mix(sum, group->gr_mem[i], strlen(group->gr_mem[i]) + 1);
	return mix(sum, &group->gr_gid, sizeof(group->gr_gid));
}

enum { NOBODY = 3 }; /* the sum of NOTFOUND */

static uint64_t answer(enum nss_status status, uint64_t sum)
{
	if (status == NSS_STATUS_SUCCESS)
		return sum;
	T_TRUE(status == NSS_STATUS_NOTFOUND || status == NSS_STATUS_UNAVAIL);
	return status == NSS_STATUS_NOTFOUND ? NOBODY : 0;
}

static uint64_t ask_user(const char *name, uid_t uid)
{
	struct passwd entry = { 0 };
	char buffer[1024];
	int error;
	enum nss_status status =
		name ? _nss_scim_getpwnam_r(name, &entry, buffer, sizeof(buffer), &error)
		     : _nss_scim_getpwuid_r(uid, &entry, buffer, sizeof(buffer), &error);

	return answer(status, status == NSS_STATUS_SUCCESS ? user_mix(&entry) : 0);
}

static uint64_t ask_group(const char *name, gid_t gid)
{
	struct group entry = { 0 };
	char buffer[1024];
	int error;
	enum nss_status status =
		name ? _nss_scim_getgrnam_r(name, &entry, buffer, sizeof(buffer), &error)
		     : _nss_scim_getgrgid_r(gid, &entry, buffer, sizeof(buffer), &error);

	return answer(status, status == NSS_STATUS_SUCCESS ? group_mix(&entry) : 0);
}

static uint64_t ask_list(void)
{
	gid_t *gids = calloc(16, sizeof(*gids));
	long start = 0, size = 16;
	enum nss_status status;
	uint64_t sum;
	int error;

	NEED(gids);
	status = _nss_scim_initgroups_dyn("alice", ALICE, &start, &size, &gids, -1, &error);
	sum = mix(4, gids, (size_t)start * sizeof(*gids));
	free(gids);
	return answer(status, sum);
}

enum { QUERIES = 13 };

static void ask_all(uint64_t answers[static QUERIES])
{
	const uint64_t all[QUERIES] = {
		ask_user("alice", 0),	     ask_user("bob", 0),       ask_user(NULL, ALICE),
		ask_user(NULL, BOB),	     ask_user("nobody-here", 0), ask_user(NULL, 70009),
		ask_group("linux-users", 0), ask_group("sudo", 0),     ask_group("bob", 0),
		ask_group(NULL, USERS_GID),  ask_group(NULL, BOB),     ask_group(NULL, 70009),
		ask_list(),
	};

	memcpy(answers, all, sizeof(all));
}

/* From the present place on; the sums of what comes, and at the end NOBODY or 0. */
static size_t walk(uint64_t answers[static WALK_MAX])
{
	struct passwd entry;
	char buffer[1024];
	size_t count = 0;
	int error;

	while (count < WALK_MAX) {
		enum nss_status status =
			_nss_scim_getpwent_r(&entry, buffer, sizeof(buffer), &error);

		answers[count++] = answer(status, status == NSS_STATUS_SUCCESS ? user_mix(&entry) : 0);
		if (status != NSS_STATUS_SUCCESS)
			break;
	}
	return count;
}

/* --- the sound file ----------------------------------------------------------------------------- */

static uint64_t right[QUERIES], right_walk[WALK_MAX];
static size_t right_count;

static void file_read(void)
{
	const struct directory_header *header;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	NEED(fd >= 0 && fstat(fd, &st) == 0);
	sound_size = (size_t)st.st_size;
	sound = realloc(sound, sound_size);
	NEED(sound && pread(fd, sound, sound_size, 0) == (ssize_t)sound_size);
	close(fd);
	header = (const void *)sound;
	used = header->heap_offset + header->heap_used;
}

static void start(void)
{
	struct directory_writer *writer;

	people_namespace(DIRECTORY_PUBLIC_DIR);
	(void)alarm(SECONDS);
	people_remove(DIRECTORY_FILE);
	writer = people_open();
	NEED(directory_writer_start_over(writer, people_instance, 1, 1) == 0);
	people_put_alice(writer);
	people_put_bob(writer);
	NEED(directory_writer_put_group(writer, USERS_GID, 0, "linux-users") == 0);
	NEED(directory_writer_put_member(writer, USERS_GID, ALICE, "alice") == 0);
	NEED(directory_writer_put_group(writer, SUDO_GID, DIRECTORY_LOCAL, "sudo") == 0);
	NEED(directory_writer_put_member(writer, SUDO_GID, ALICE, "alice") == 0);
	people_commit(writer);
	file_read();
	ask_all(right);
	for (size_t i = 0; i < QUERIES; i++)
		T_TRUE(right[i] != 0);
	T_INT(_nss_scim_setpwent(0), NSS_STATUS_SUCCESS);
	right_count = walk(right_walk);
	T_INT(right_count, 3);
	T_INT(right_walk[2], NOBODY);
}

/* Each is right, or "unavailable"; how many are right. */
static size_t compare(const char *what, size_t at)
{
	uint64_t answers[QUERIES];
	size_t same = 0;

	ask_all(answers);
	for (size_t i = 0; i < QUERIES; i++) {
		if (answers[i] != 0 && answers[i] != right[i])
			fprintf(stderr, "%s %zu: query %zu\n", what, at, i);
		T_TRUE(answers[i] == 0 || answers[i] == right[i]);
		same += answers[i] == right[i];
	}
	return same;
}

static void compare_walk(const char *what, size_t at)
{
	uint64_t answers[WALK_MAX];
	size_t count = walk(answers);

	for (size_t i = 0; i < count; i++) {
		if (answers[i] != 0 && (i >= right_count || answers[i] != right_walk[i]))
			fprintf(stderr, "%s %zu: entry %zu\n", what, at, i);
		T_TRUE(answers[i] == 0 || (i < right_count && answers[i] == right_walk[i]));
	}
}

/* --- the tests ---------------------------------------------------------------------------------- */

static void test_every_byte(void)
{
	static const unsigned char masks[] = { 0xff, 0x01, 0x80 };
	size_t harmless = 0, harmful = 0;
	int fd;

	start();
	fd = open(path, O_WRONLY | O_CLOEXEC);
	NEED(fd >= 0);
	for (size_t at = 0; at < sound_size; at += at < used ? 1 : BEYOND) {
		unsigned char changed = sound[at] ^ masks[at % ARRAY_SIZE(masks)];

		NEED(pwrite(fd, &changed, 1, (off_t)at) == 1);
		if (compare("byte", at) == QUERIES)
			harmless++;
		else
			harmful++;
		(void)_nss_scim_setpwent(0);
		compare_walk("byte", at);
		NEED(pwrite(fd, sound + at, 1, (off_t)at) == 1);
	}
	T_TRUE(harmful > 500 && harmless > 500); /* both were met: records and slots, and room */
	T_INT(compare("restored", 0), QUERIES);
	close(fd);
}

/* Its first `size` bytes, and zeros if it has not so many. */
static void file_put(size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	size_t kept = size < sound_size ? size : sound_size;

	NEED(fd >= 0 && pwrite(fd, sound, kept, 0) == (ssize_t)kept);
	NEED(ftruncate(fd, (off_t)size) == 0);
	close(fd);
}

static void test_every_length(void)
{
	start();
	for (size_t size = 0; size < sound_size; size += size < used ? 1 : BEYOND) {
		file_put(size);
		T_INT(ask_user("alice", 0), 0);
		T_INT(ask_group(NULL, USERS_GID), 0);
	}
	file_put(sound_size + 1);
	T_INT(ask_user("alice", 0), 0);
	file_put(sound_size);
	T_INT(compare("whole again", 0), QUERIES);
}

/* The walk began when all was well. */
static void test_every_length_while_open(void)
{
	int fd;

	start();
	fd = open(path, O_WRONLY | O_CLOEXEC);
	NEED(fd >= 0);
	for (size_t size = 0; size <= used; size++) {
		NEED(pwrite(fd, sound, used, 0) == (ssize_t)used);
		NEED(ftruncate(fd, (off_t)sound_size) == 0);
		T_INT(_nss_scim_setpwent(0), NSS_STATUS_SUCCESS);
		NEED(ftruncate(fd, (off_t)size) == 0);
		compare_walk("length", size);
	}
	T_INT(_nss_scim_endpwent(), NSS_STATUS_SUCCESS);
	close(fd);
}

static void put_folder(void)
{
	NEED(mkdir(path, 0755) == 0);
}

static void put_fifo(void)
{
	NEED(mkfifo(path, 0644) == 0);
}

static void put_link(void)
{
	int fd = open("/mnt/elsewhere", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	NEED(fd >= 0 && write(fd, sound, sound_size) == (ssize_t)sound_size);
	close(fd);
	NEED(symlink("/mnt/elsewhere", path) == 0);
}

static void put_sound(uid_t owner, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	NEED(fd >= 0 && write(fd, sound, sound_size) == (ssize_t)sound_size);
	NEED(fchown(fd, owner, 0) == 0 && fchmod(fd, mode) == 0);
	close(fd);
}

static void put_anothers(void)
{
	put_sound(1000, 0644);
}

static void put_writable(void)
{
	put_sound(0, 0664);
}

static void put_nothing(void)
{
	people_write(path, "", 0644);
}

static void test_something_else(void)
{
	static const struct {
		const char *what;
		void (*put)(void);
	} cases[] = {
		{ "a folder", put_folder },	   { "a fifo", put_fifo },
		{ "a link", put_link },		   { "another's", put_anothers },
		{ "a writable one", put_writable }, { "an empty one", put_nothing },
	};

	start();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		NEED(remove(path) == 0);
		cases[i].put();
		T_STR(ask_user("alice", 0) == 0 ? cases[i].what : "believed", cases[i].what);
		T_INT(ask_group(NULL, BOB), 0);
		T_INT(_nss_scim_setpwent(0), NSS_STATUS_UNAVAIL);
	}
	NEED(remove(path) == 0);
	put_sound(0, 0644);
	T_INT(compare("its own again", 0), QUERIES);
}

/* --- sums that are right ------------------------------------------------------------------------- */

/* The first record of this type and id, in `sound`. */
static size_t record_at(uint16_t type, uint32_t id)
{
	const struct directory_header *header = (const void *)sound;

	for (size_t at = header->heap_offset; at < used;) {
		const struct directory_record *head = (const void *)(sound + at);

		if (head->type == type && head->id == id)
			return at;
		at += head->size;
	}
	NEED(!"such a record");
	return 0;
}

/* `sound` becomes one with other bytes in the record, whose sum is right, and is put in place. */
static void record_spoil(size_t record, size_t at, const void *bytes, size_t size)
{
	struct directory_record *head = (void *)(sound + record);

	memcpy(sound + record + at, bytes, size);
	head->checksum = directory_checksum((unsigned char *)head + 8, head->size - 8, record);
	file_put(sound_size);
}

#define USER_AT(field) offsetof(struct directory_user_record, field)
#define TEXT_AT (sizeof(struct directory_user_record) + 2 * sizeof(uint32_t)) /* alice's two gids */
#define GECOS_AT (TEXT_AT + sizeof("alice") + sizeof("x"))
#define HOME_AT (GECOS_AT + sizeof(ALICE_GECOS))
#define SHELL_AT (HOME_AT + sizeof("/home/alice"))

static void test_foul_user(void)
{
	static const struct {
		const char *what, *bytes;
		size_t at, size;
	} cases[] = {
		{ "nothing", "A", GECOS_AT, 1 },
		{ "a colon", ":", GECOS_AT + 1, 1 },
		{ "a newline", "\n", GECOS_AT + 7, 1 },
		{ "a NUL", "\0", GECOS_AT + 2, 1 },
		{ "DEL", "\x7f", HOME_AT + 3, 1 },
		{ "no NUL after the gecos", "a", GECOS_AT + 8, 1 },
		{ "another password field", "y", TEXT_AT + 6, 1 },
		{ "a relative home", "h", HOME_AT, 1 },
		{ "a relative shell", "b", SHELL_AT, 1 },
		{ "a capital in the name", "A", TEXT_AT, 1 },
		{ "a name with a slash", "/", TEXT_AT + 2, 1 },
		{ "a reserved name", "games", TEXT_AT, 5 },
		{ "a uid below the floor", "\xe7\3\0\0", USER_AT(head.id), 4 },
		{ "nobody's uid", "\xfe\xff\0\0", USER_AT(head.id), 4 },
		{ "root's uid", "\0\0\0\0", USER_AT(head.id), 4 },
		{ "a uid beyond", "\xff\xff\xff\xff", USER_AT(head.id), 4 },
		{ "a longer name", "\xff\xff", USER_AT(name_size), 2 },
		{ "a longer shell", "\xff\xff", USER_AT(shell_size), 2 },
		{ "more groups", "\xff\xff\0\0", USER_AT(group_count), 4 },
		{ "very many groups", "\xff\xff\xff\xff", USER_AT(group_count), 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t want, got;

		start();
		want = i == 0 ? right[2] : 0;
		record_spoil(record_at(DIRECTORY_RECORD_USER, ALICE), cases[i].at, cases[i].bytes,
			     cases[i].size);
		got = ask_user(NULL, ALICE);
		if (got != want)
			fprintf(stderr, "%s\n", cases[i].what);
		T_TRUE(got == want);
		T_INT(ask_user(NULL, BOB), right[3]);
	}
}

/* A search in a table without an empty slot ends, and is no answer. */
static void test_full_tables(void)
{
	struct directory_header *header;

	start();
	header = (void *)sound;
	for (enum directory_index index = 0; index < DIRECTORY_INDEX_COUNT; index++) {
		uint64_t *slots = (void *)(sound + header->tables[index].offset);

		for (size_t i = 0; i < (size_t)1 << header->tables[index].log2; i++)
			if (slots[i] == 0)
				slots[i] = directory_slot(DIRECTORY_GONE, 0, index);
	}
	file_put(sound_size);
	T_INT(ask_user("alice", 0), right[0]);
	T_INT(ask_user(NULL, BOB), right[3]);
	T_INT(ask_user("nobody-here", 0), 0);
	T_INT(ask_user(NULL, 70009), 0);
	T_INT(ask_group("nobody-here", 0), 0);
	T_INT(ask_group(NULL, 70009), 0);
}

T_MAIN("nss damage", T(test_every_byte), T(test_every_length), T(test_every_length_while_open),
       T(test_something_else), T(test_foul_user), T(test_full_tables))
