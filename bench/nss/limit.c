#include "bench/nss/limit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/nss/dataset.h"

enum { USER_NAME, USER_ID, GROUP_NAME, GROUP_ID, TABLES };

struct header {
	volatile uint64_t superseded;
	uint64_t offset[TABLES], mask[TABLES];
	uint64_t users, users_end; /* where the user records lie */
};

struct slot {
	uint32_t units; /* of 8 bytes */
	uint32_t tag;
};

struct user {
	uint32_t uid, size; /* of text */
	uint16_t passwd, gecos, dir, shell;
	uint32_t group_count, total;
	/* gids, text */
};

struct record {
	uint32_t gid, count, size, unused;
	/* text: name, members */
};

static unsigned char *base;

static uint64_t fold(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_name(const char *name)
{
	size_t size = strlen(name);
	uint64_t hash = size, word;

	for (; size > 8; name += 8, size -= 8) {
		memcpy(&word, name, 8);
		hash = fold(hash ^ word, 0x9e3779b97f4a7c15u);
	}
	word = 0;
	memcpy(&word, name, size);
	return fold(hash ^ word, 0x9e3779b97f4a7c15u);
}

static uint64_t hash_id(uint32_t id)
{
	uint32_t home = (id >> 3) * 0x0e5d72e3u << 3 | (id & 7);

	return (uint64_t)(id * 0x9e3779b1u) << 32 | home;
}

/* --- making ------------------------------------------------------------------------------------- */

static void insert(int table, uint64_t hash, uint64_t offset)
{
	struct header *header = (void *)base;
	struct slot *slots = (void *)(base + header->offset[table]);
	uint64_t i = hash & header->mask[table];

	while (slots[i].units)
		i = (i + 1) & header->mask[table];
	slots[i] = (struct slot){ (uint32_t)(offset / 8), (uint32_t)(hash >> 32) };
}

static uint64_t capacity(uint64_t count)
{
	uint64_t size = 64;

	while (size < count * 2)
		size *= 2;
	return size;
}

static uint64_t put_user(const struct dataset *data, uint32_t u, uint64_t at)
{
	struct user *user = (void *)(base + at);
	uint32_t *gids = (uint32_t *)(user + 1);
	char name[40], *text;

	dataset_user_name(u, name);
	user->uid = DATASET_UID0 + u;
	for (uint32_t k = 0; k < DATASET_GROUPS_EACH; k++) {
		uint32_t gid = DATASET_GID0 + dataset_group_of(data, u, k), i = 0;

		while (i < user->group_count && gids[i] != gid)
			i++;
		if (i == user->group_count)
			gids[user->group_count++] = gid;
	}
	gids[user->group_count++] = DATASET_EVERYBODY;
	text = (char *)(gids + user->group_count);
	user->passwd = (uint16_t)(sprintf(text, "%s", name) + 1);
	user->gecos = (uint16_t)(user->passwd + sprintf(text + user->passwd, "x") + 1);
	user->dir = (uint16_t)(user->gecos + sprintf(text + user->gecos, "User Number %u", u) + 1);
	user->shell = (uint16_t)(user->dir + sprintf(text + user->dir, "/home/%s", name) + 1);
	user->size = (uint32_t)(user->shell + sprintf(text + user->shell, "/bin/bash") + 1);
	user->total = (uint32_t)((sizeof(*user) + user->group_count * 4 + user->size + 7) / 8 * 8);
	insert(USER_NAME, hash_name(name), at);
	insert(USER_ID, hash_id(user->uid), at);
	return at + user->total;
}

static uint64_t put_group(const char *name, uint32_t gid, const uint32_t *members, uint32_t count,
			  uint64_t at)
{
	struct record *group = (void *)(base + at);
	char *text = (char *)(group + 1), *end = text + sprintf(text, "%s", name) + 1;

	group->gid = gid;
	group->count = count;
	for (uint32_t i = 0; i < count; i++) {
		dataset_user_name(members ? members[i] : i, end);
		end += strlen(end) + 1;
	}
	group->size = (uint32_t)(end - text);
	insert(GROUP_NAME, hash_name(name), at);
	insert(GROUP_ID, hash_id(gid), at);
	return at + (sizeof(*group) + group->size + 7) / 8 * 8;
}

int limit_make(const char *path, const struct dataset *data)
{
	uint64_t counts[TABLES] = { data->users, data->users, data->groups + 1, data->groups + 1 };
	uint64_t at = sizeof(struct header), size = (uint64_t)data->users * 640 + (64 << 20);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	struct header *header;
	char name[40];

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return -1;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (base == MAP_FAILED)
		return -1;
	header = (void *)base;
	for (int t = 0; t < TABLES; t++) {
		header->offset[t] = at;
		header->mask[t] = capacity(counts[t]) - 1;
		at += 8 * capacity(counts[t]);
	}
	header->users = at;
	for (uint32_t u = 0; u < data->users; u++)
		at = put_user(data, u, at);
	header->users_end = at;
	for (uint32_t g = 0; g < data->groups; g++) {
		dataset_group_name(g, name);
		at = put_group(name, DATASET_GID0 + g, data->members + data->member_starts[g],
			       data->member_starts[g + 1] - data->member_starts[g], at);
	}
	put_group("everybody", DATASET_EVERYBODY, NULL, data->users, at);
	munmap(base, size);
	return 0;
}

int limit_open(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return base == MAP_FAILED ? -1 : 0;
}

/* --- looking up --------------------------------------------------------------------------------- */

static int fill_user(const struct user *user, struct passwd *ret, char *buffer, size_t size)
{
	if (user->size > size)
		return -1;
	memcpy(buffer, (const char *)(user + 1) + user->group_count * 4, user->size);
	ret->pw_name = buffer;
	ret->pw_passwd = buffer + user->passwd;
	ret->pw_gecos = buffer + user->gecos;
	ret->pw_dir = buffer + user->dir;
	ret->pw_shell = buffer + user->shell;
	ret->pw_uid = ret->pw_gid = user->uid;
	return 1;
}

static const struct user *find_user(const char *name)
{
	const struct header *header = (void *)base;
	const struct slot *slots = (void *)(base + header->offset[USER_NAME]);
	uint64_t hash = hash_name(name), mask = header->mask[USER_NAME];

	if (header->superseded)
		return NULL;
	for (uint64_t i = hash & mask; slots[i].units; i = (i + 1) & mask) {
		const struct user *user = (void *)(base + (uint64_t)slots[i].units * 8);

		if (slots[i].tag == (uint32_t)(hash >> 32) &&
		    strcmp((const char *)(user + 1) + user->group_count * 4, name) == 0)
			return user;
	}
	return NULL;
}

int limit_getpwnam(const char *name, struct passwd *ret, char *buffer, size_t size)
{
	const struct user *user = find_user(name);

	return user ? fill_user(user, ret, buffer, size) : 0;
}

int limit_getpwuid(uid_t uid, struct passwd *ret, char *buffer, size_t size)
{
	const struct header *header = (void *)base;
	const struct slot *slots = (void *)(base + header->offset[USER_ID]);
	uint64_t hash = hash_id(uid), mask = header->mask[USER_ID];

	if (header->superseded)
		return 0;
	for (uint64_t i = hash & mask; slots[i].units; i = (i + 1) & mask) {
		const struct user *user = (void *)(base + (uint64_t)slots[i].units * 8);

		if (user->uid == uid)
			return fill_user(user, ret, buffer, size);
	}
	return 0;
}

/* The pointers first, then all names in one piece. */
static int fill_group(const struct record *record, struct group *ret, char *buffer, size_t size)
{
	char **members = (char **)(void *)buffer, *text;

	if ((record->count + 1) * sizeof(*members) + record->size > size)
		return -1;
	text = (char *)(members + record->count + 1);
	memcpy(text, record + 1, record->size);
	ret->gr_name = text;
	text += strlen(text) + 1;
	for (uint32_t i = 0; i < record->count; i++) {
		members[i] = text;
		text += strlen(text) + 1;
	}
	members[record->count] = NULL;
	ret->gr_passwd = ret->gr_name + strlen(ret->gr_name);
	ret->gr_gid = record->gid;
	ret->gr_mem = members;
	return 1;
}

int limit_getgrnam(const char *name, struct group *ret, char *buffer, size_t size)
{
	const struct header *header = (void *)base;
	const struct slot *slots = (void *)(base + header->offset[GROUP_NAME]);
	uint64_t hash = hash_name(name), mask = header->mask[GROUP_NAME];

	if (header->superseded)
		return 0;
	for (uint64_t i = hash & mask; slots[i].units; i = (i + 1) & mask) {
		const struct record *record = (void *)(base + (uint64_t)slots[i].units * 8);

		if (slots[i].tag == (uint32_t)(hash >> 32) &&
		    strcmp((const char *)(record + 1), name) == 0)
			return fill_group(record, ret, buffer, size);
	}
	return 0;
}

int limit_getgrgid(gid_t gid, struct group *ret, char *buffer, size_t size)
{
	const struct header *header = (void *)base;
	const struct slot *slots = (void *)(base + header->offset[GROUP_ID]);
	uint64_t hash = hash_id(gid), mask = header->mask[GROUP_ID];

	if (header->superseded)
		return 0;
	for (uint64_t i = hash & mask; slots[i].units; i = (i + 1) & mask) {
		const struct record *record = (void *)(base + (uint64_t)slots[i].units * 8);

		if (record->gid == gid)
			return fill_group(record, ret, buffer, size);
	}
	return 0;
}

int limit_groups(const char *name, gid_t *gids, int room)
{
	const struct user *user = find_user(name);

	if (!user)
		return 0;
	if ((int)user->group_count > room)
		return -(int)user->group_count;
	memcpy(gids, user + 1, user->group_count * sizeof(*gids));
	return (int)user->group_count;
}

static uint64_t walked; /* where the walk stands */

void limit_setpwent(void)
{
	walked = ((const struct header *)(const void *)base)->users;
}

int limit_getpwent(struct passwd *ret, char *buffer, size_t size)
{
	const struct header *header = (void *)base;
	const struct user *user = (void *)(base + walked);
	int r;

	if (header->superseded || walked >= header->users_end)
		return 0;
	r = fill_user(user, ret, buffer, size);
	if (r > 0)
		walked += user->total;
	return r;
}
