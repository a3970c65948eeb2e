/* people.h - a directory with a few people in it, for tests of its readers, made by the real
 * writer. The test lives in a mount namespace of its own (so it needs root), where the directory,
 * /etc/passwd and what else a test puts there are its alone and vanish with it. */
#ifndef TESTS_UNIT_NSS_SCIM_PEOPLE_H
#define TESTS_UNIT_NSS_SCIM_PEOPLE_H

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scimd/warden/directory_writer.h"
#include "shared/directory.h"
#include "shared/names.h"
#include "tests/unit/t.h"

#define ALICE 70001u /* allowed: two groups, password, keys, environment */
#define BOB 70002u   /* not allowed, for a reason */
#define CAROL 70003u /* allowed: nothing else */
#define DAVE 70004u  /* deleted */
#define USERS_GID 80001u
#define CROWD_GID 80002u /* CROWD_COUNT members who exist as members only */
#define SUDO_GID 27u     /* local */
#define EXIM_GID 113u    /* local */
#define CROWD_COUNT 3000u
#define CROWD_UID 90000u
#define PEOPLE_HASH "$y$j9T$salt$hash"
#define BOB_REASON "locked by \"ops\""
#define ALICE_GECOS "Alice A."

static const unsigned char people_instance[DIRECTORY_INSTANCE_SIZE] = "people";
static const char *people_folder;
static uint64_t people_revision;

/* Preconditions: a test without them proves nothing, so it ends as failed. */
#define NEED(x)                                                                                 \
	do {                                                                                    \
		if (!(x)) {                                                                     \
			fprintf(stderr, "%s:%d: %s: %m\n", __FILE__, __LINE__, #x);             \
			exit(3);                                                                \
		}                                                                               \
	} while (0)

static inline void people_write(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	NEED(fd >= 0);
	NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	NEED(fchmod(fd, mode) == 0);
	close(fd);
}

/* Lay a file with this text over `path`, which exists. */
static inline void people_cover(const char *path, const char *text, mode_t mode)
{
	static int number;
	char cover[128];

	(void)snprintf(cover, sizeof(cover), "/mnt/cover-%d", number++);
	people_write(cover, text, mode);
	NEED(mount(cover, path, NULL, MS_BIND, NULL) == 0);
}

static inline void people_mkdirs(const char *path)
{
	char part[256];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		(void)mkdir(part, 0755);
	}
	(void)mkdir(path, 0755);
}

/* Give /etc/passwd another text. */
static inline void people_local(const char *passwd)
{
	people_write("/mnt/passwd", passwd, 0644);
}

#define PEOPLE_PASSWD "root:x:0:0:root:/root:/bin/bash\nerin:x:1000:1000::/home/erin:/bin/sh\n"

static inline void people_namespace(const char *folder)
{
	if (people_folder)
		return;
	NEED(geteuid() == 0);
	NEED(unshare(CLONE_NEWNS) == 0);
	NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	NEED(mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0755") == 0);
	people_write("/mnt/passwd", PEOPLE_PASSWD, 0644);
	NEED(mount("/mnt/passwd", "/etc/passwd", NULL, MS_BIND, NULL) == 0);
	if (strncmp(folder, "/var/lib/", 9) == 0)
		NEED(mount("tmpfs", "/var/lib", "tmpfs", 0, "mode=0755") == 0);
	people_mkdirs(folder);
	NEED(mount("tmpfs", folder, "tmpfs", 0, "mode=0755") == 0);
	people_folder = folder;
}

static inline struct directory_writer *people_writer(const char *name, const char *magic,
						     mode_t mode)
{
	const struct directory_writer_options options = {
		.folder = people_folder,
		.name = name,
		.magic = magic,
		.mode = mode,
		.uid_min = UID_MIN_DEFAULT,
		.uid_max = UID_MAX_DEFAULT,
	};
	struct directory_writer *writer;
	bool damaged;

	NEED(directory_writer_open(&options, &writer, &damaged) == 0);
	return writer;
}

static inline struct directory_writer *people_open(void)
{
	return people_writer(DIRECTORY_FILE, DIRECTORY_MAGIC, 0644);
}

static inline void people_commit(struct directory_writer *writer)
{
	uint64_t durable_us, visible_us;

	NEED(directory_writer_commit(writer, ++people_revision, &durable_us, &visible_us) == 0);
	directory_writer_closep(&writer);
}

static inline void people_put(struct directory_writer *writer, uint32_t uid, const char *name,
			      uint16_t flags)
{
	static const char none[] = "";
	bool allowed = flags & DIRECTORY_ALLOWED, deleted = flags & DIRECTORY_DELETED;
	char home[64];
	struct directory_user_entry entry = {
		.uid = uid,
		.flags = flags,
		.name = name,
		.gecos = uid == ALICE ? ALICE_GECOS : "",
		.home = deleted ? "" : home,
		.shell = deleted ? "" : allowed ? "/bin/bash" : DIRECTORY_NOLOGIN,
		.detail_text = none,
		.detail_size = sizeof(none),
	};

	(void)snprintf(home, sizeof(home), "/home/%s", name);
	NEED(directory_writer_put_user(writer, &entry) == 0);
}

static inline void people_put_alice(struct directory_writer *writer)
{
	static const uint32_t gids[] = { USERS_GID, SUDO_GID };
	static const char detail[] = "\0admin\0ssh-ed25519 AAAA alice@one\0ssh-rsa BBBB\0"
				     "SCIM_COST_CENTER=42 a\0LD_PRELOAD=/tmp/x.so";
	const struct directory_user_entry entry = {
		.uid = ALICE,
		.flags = DIRECTORY_ALLOWED,
		.name = "alice",
		.gecos = ALICE_GECOS,
		.home = "/home/alice",
		.shell = "/bin/bash",
		.gids = gids,
		.gid_count = 2,
		.detail_text = detail,
		.detail_size = sizeof(detail),
		.role_count = 1,
		.key_count = 2,
		.env_count = 2,
	};

	NEED(directory_writer_put_user(writer, &entry) == 0);
}

static inline void people_put_bob(struct directory_writer *writer)
{
	static const char detail[] = BOB_REASON "\0" "ssh-ed25519 CCCC bob";
	const struct directory_user_entry entry = {
		.uid = BOB,
		.name = "bob",
		.gecos = "",
		.home = "/home/bob",
		.shell = DIRECTORY_NOLOGIN,
		.detail_text = detail,
		.detail_size = sizeof(detail),
		.key_count = 1,
	};

	NEED(directory_writer_put_user(writer, &entry) == 0);
}

static inline void people_put_groups(struct directory_writer *writer)
{
	char name[NAME_MAX_BYTES + 1];

	NEED(directory_writer_put_group(writer, USERS_GID, 0, "linux-users") == 0);
	NEED(directory_writer_put_member(writer, USERS_GID, ALICE, "alice") == 0);
	NEED(directory_writer_put_group(writer, SUDO_GID, DIRECTORY_LOCAL, "sudo") == 0);
	NEED(directory_writer_put_member(writer, SUDO_GID, ALICE, "alice") == 0);
	NEED(directory_writer_put_group(writer, EXIM_GID, DIRECTORY_LOCAL, "Debian-exim") == 0);
	NEED(directory_writer_put_member(writer, EXIM_GID, ALICE, "alice") == 0);
	NEED(directory_writer_put_group(writer, CROWD_GID, 0, "crowd") == 0);
	for (uint32_t i = 0; i < CROWD_COUNT; i++) {
		(void)snprintf(name, sizeof(name), "m%u", i);
		NEED(directory_writer_put_member(writer, CROWD_GID, CROWD_UID + i, name) == 0);
	}
}

static inline void people_publish_shadow(void)
{
	struct directory_writer *writer =
		people_writer(DIRECTORY_SHADOW_FILE, DIRECTORY_SHADOW_MAGIC, 0640);

	NEED(directory_writer_start_over(writer, people_instance, 8, 8) == 0);
	NEED(directory_writer_put_shadow(writer, ALICE, PEOPLE_HASH, 20000) == 0);
	NEED(directory_writer_put_shadow(writer, BOB, PEOPLE_HASH, 20000) == 0);
	people_commit(writer);
}

static inline void people_publish(void)
{
	struct directory_writer *writer = people_open();

	NEED(directory_writer_start_over(writer, people_instance, 8, 8) == 0);
	people_put_alice(writer);
	people_put_bob(writer);
	people_put(writer, CAROL, "carol", DIRECTORY_ALLOWED);
	people_put(writer, DAVE, "", DIRECTORY_DELETED);
	people_put_groups(writer);
	people_commit(writer);
	people_publish_shadow();
}

/* Take a file away if it is there; who mapped it is told, as after a replacement. */
static inline void people_remove(const char *file)
{
	uint64_t superseded = 1;
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", people_folder, file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	NEED(unlink(path) == 0);
	NEED(pwrite(fd, &superseded, sizeof(superseded),
		    offsetof(struct directory_header, superseded)) == sizeof(superseded));
	close(fd);
}

/* What each test begins with: the namespace, and everything as described above. */
static inline void people_start_in(const char *folder)
{
	people_namespace(folder);
	people_local(PEOPLE_PASSWD);
	people_remove(DIRECTORY_FILE); /* a test before may have spoilt it */
	people_remove(DIRECTORY_SHADOW_FILE);
	people_publish();
}

/* One change more. */
static inline void people_change(uint32_t uid, const char *name, uint16_t flags)
{
	struct directory_writer *writer = people_open();

	people_put(writer, uid, name, flags);
	people_commit(writer);
}

/* Spoil the published file where it holds these bytes, in place, all occurrences. */
static inline void people_damage(const char *file, const void *bytes, size_t size)
{
	unsigned char *content, *found;
	char path[256];
	struct stat st;
	size_t hits = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", people_folder, file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	NEED(fd >= 0 && fstat(fd, &st) == 0);
	content = malloc((size_t)st.st_size);
	NEED(content && pread(fd, content, (size_t)st.st_size, 0) == st.st_size);
	found = content;
	while ((found = memmem(found, (size_t)(content + st.st_size - found), bytes, size))) {
		*found ^= 0x20;
		NEED(pwrite(fd, found, 1, found - content) == 1);
		found += size;
		hits++;
	}
	NEED(hits > 0);
	free(content);
	close(fd);
}

#endif
