/* The reader and a file full of noise. The input's first byte says which checksums are made right again
 * after the damage, so that it gets past them; then six bytes for each place that is damaged. The same
 * file is read in memory and piece by piece from the disk: both must say the same, end, and stay inside.
 * Another bit cuts the file off while it is open. Needs root, because only root's files are read. */
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "scimd/warden/directory_writer.h"
#include "shared/directory.h"
#include "tests/fuzz/fuzz.h"

#define USERS 24u
#define UID_FIRST 70000u
#define GROUPS 4u
#define GID_FIRST 71000u
#define STEPS_MAX 200000u
#define DAMAGES_MAX 64

enum { FIX_HEADER = 1, FIX_RECORDS = 2, FIX_SLOTS = 4, CUT = 8 };

static char folder[] = "/dev/shm/scimd-fuzz-XXXXXX";
static unsigned char *image, *damaged; /* the file as it was, and now */
static size_t image_size;
static int file = -1;

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st, (void)type, (void)walk;
	return remove(path);
}

static void finish(void)
{
	free(image);
	free(damaged);
	(void)nftw(folder, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- a file ------------------------------------------------------------------------------------- */

static void user_put(struct directory_writer *writer, uint32_t i)
{
	static const char detail[] = "why not\0admin\0ssh-ed25519 KEY\0A=b\0C=d\0";
	uint32_t gids[] = { GID_FIRST + i % GROUPS, 27 };
	char name[16];
	struct directory_user_entry entry = {
		.uid = UID_FIRST + i, .flags = i % 5 ? DIRECTORY_ALLOWED : 0, .name = name,
		.gecos = "Some Body", .home = "/home/x", .shell = i % 5 ? "/bin/sh" : DIRECTORY_NOLOGIN,
		.gids = gids, .gid_count = i % 5 ? 2 : 0, .detail_text = detail,
		.detail_size = sizeof(detail) - 1, .role_count = 1, .key_count = 1, .env_count = 2,
	};

	(void)snprintf(name, sizeof(name), "user%u", i);
	if (i == USERS - 1)
		entry = (struct directory_user_entry){ .uid = entry.uid, .flags = DIRECTORY_DELETED,
						       .name = "", .gecos = "", .home = "",
						       .shell = "" };
	HOLDS(directory_writer_put_user(writer, &entry) == 0);
	if (i % 5 && i < USERS - 1) {
		HOLDS(directory_writer_put_member(writer, gids[0], entry.uid, name) == 0);
		HOLDS(directory_writer_put_member(writer, 27, entry.uid, name) == 0);
	}
}

static void file_make(void)
{
	static const unsigned char instance[DIRECTORY_INSTANCE_SIZE] = "instance";
	const struct directory_writer_options options = {
		.folder = folder, .name = DIRECTORY_FILE, .magic = DIRECTORY_MAGIC, .mode = 0644,
		.uid_min = UID_FIRST, .uid_max = 79999,
	};
	_cleanup_(directory_writer_closep) struct directory_writer *writer = NULL;
	uint64_t durable_us, visible_us;
	bool was_damaged;

	HOLDS(directory_writer_open(&options, &writer, &was_damaged) == 0);
	HOLDS(directory_writer_start_over(writer, instance, USERS, GROUPS) == 0);
	HOLDS(directory_writer_put_group(writer, 27, DIRECTORY_LOCAL, "sudo") == 0);
	for (uint32_t i = 0; i < GROUPS; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "group%u", i);
		HOLDS(directory_writer_put_group(writer, GID_FIRST + i, 0, name) == 0);
	}
	for (uint32_t i = 0; i < USERS; i++)
		user_put(writer, i);
	HOLDS(directory_writer_commit(writer, 1, &durable_us, &visible_us) == 0);
}

static void prepare(void)
{
	char path[64];
	struct stat st;

	HOLDS(mkdtemp(folder) != NULL && chmod(folder, 0755) == 0);
	(void)atexit(finish);
	file_make();
	(void)snprintf(path, sizeof(path), "%s/%s", folder, DIRECTORY_FILE);
	file = open(path, O_RDWR | O_CLOEXEC);
	HOLDS(file >= 0 && fstat(file, &st) == 0);
	image_size = (size_t)st.st_size;
	image = aligned_alloc(64, image_size);
	damaged = aligned_alloc(64, image_size);
	HOLDS(image && damaged && pread(file, image, image_size, 0) == (ssize_t)image_size);
	memcpy(damaged, image, image_size);
}

/* --- damage ------------------------------------------------------------------------------------- */

static struct directory_header *header(void)
{
	return (struct directory_header *)(void *)damaged;
}

/* Half of it where it matters most: the header's fields, the slots, the records. */
static size_t place(struct bytes *bytes)
{
	const struct directory_header *was = (const void *)image;
	uint8_t where = bytes_take(bytes);
	size_t at = (size_t)bytes_take(bytes) << 16;

	at |= (size_t)bytes_take(bytes) << 8;
	at |= bytes_take(bytes);
	if (where % 8 == 0)
		return at % sizeof(*was);
	if (where % 8 < 4)
		return was->tables[0].offset + at % (was->heap_offset - was->tables[0].offset);
	if (where % 8 < 7)
		return was->heap_offset + at % (was->heap_used + 64);
	return at % image_size;
}

static void fix_slots(void)
{
	const struct directory_header *was = (const void *)image;

	for (uint32_t i = 0; i < DIRECTORY_INDEX_COUNT; i++) {
		uint64_t *slots = (uint64_t *)(void *)(damaged + was->tables[i].offset);

		for (size_t n = 0; n < (size_t)1 << was->tables[i].log2; n++) {
			uint32_t units = (uint32_t)slots[n];
			uint16_t tag = (uint16_t)(slots[n] >> 32);

			if (slots[n])
				slots[n] = (slots[n] & 0xffffffffffffu) |
					   (uint64_t)directory_slot_check(units, tag, i) << 48;
		}
	}
}

static void fix_records(void)
{
	const struct directory_header *was = (const void *)image;
	uint64_t at = was->heap_offset, end = at + was->heap_used;

	while (at + sizeof(struct directory_record) <= end) {
		struct directory_record *record = (struct directory_record *)(void *)(damaged + at);
		const struct directory_record *old = (const void *)(image + at);
		size_t covered = record->size;

		if (old->type == DIRECTORY_RECORD_TABLE)
			covered = sizeof(struct directory_table_record);
		if (covered >= sizeof(*record) && at + covered <= image_size)
			record->checksum = directory_checksum(
				(unsigned char *)record + offsetof(struct directory_record, type),
				covered - offsetof(struct directory_record, type), at);
		if (old->size == 0)
			break;
		at += old->size;
	}
}

static void damage(struct bytes *bytes, uint8_t flags)
{
	size_t from = offsetof(struct directory_header, file_size);

	for (int i = 0; bytes->left > 0 && i < DAMAGES_MAX; i++) {
		size_t at = place(bytes);

		damaged[at] ^= bytes_take(bytes);
	}
	if (flags & FIX_SLOTS)
		fix_slots();
	if (flags & FIX_RECORDS)
		fix_records();
	if (flags & FIX_HEADER)
		header()->checksum = directory_checksum(
			damaged + from, offsetof(struct directory_header, superseded) - from, 0);
}

/* --- reading ------------------------------------------------------------------------------------ */

/* What was read, in one number; to compare two ways of reading. */
static uint64_t mix(uint64_t sum, const void *data, size_t size)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ at[i]) * 0x100000001b3u;
	return sum;
}

static uint64_t strings_mix(uint64_t sum, const char *string, size_t count)
{
	for (; count > 0; count--, string = directory_string_next(string))
		sum = mix(sum, string, strlen(string));
	return sum;
}

static uint64_t user_mix(const struct directory_view *view, uint64_t sum,
			 const struct directory_user *user)
{
	struct directory_detail detail;
	int r;

	if (user->flags & DIRECTORY_DELETED)
		return mix(sum, &user->uid, sizeof(user->uid)); /* nobody looks at more of them */
	HOLDS(user->text[user->text_size - 1] == '\0');
	sum = mix(sum, user->text, user->text_size);
	sum = strings_mix(sum, user->name, 1);
	HOLDS(strlen(user->name) == user->name_size);
	sum = strings_mix(sum, user->shell, 1);
	sum = mix(sum, user->gids, user->group_count * sizeof(*user->gids));
	r = directory_detail(view, user, &detail);
	sum = mix(sum, &r, sizeof(r));
	if (r < 0)
		return sum;
	sum = strings_mix(sum, detail.reason, 1);
	sum = strings_mix(sum, detail.roles, detail.role_count);
	sum = strings_mix(sum, detail.keys, detail.key_count);
	return strings_mix(sum, detail.environment, detail.env_count);
}

static uint64_t group_mix(const struct directory_view *view, uint64_t sum,
			  const struct directory_group *group)
{
	struct directory_group copy = *group; /* its name is the next record's by then */
	struct directory_members members;
	uint64_t cursor = 0;
	uint32_t steps = 0;
	int r;

	sum = mix(sum, group->name, group->name_size);
	while ((r = directory_members_next(view, &copy, &cursor, &members)) == 0) {
		HOLDS(steps++ < STEPS_MAX);
		sum = mix(sum, members.uids, members.count * sizeof(*members.uids));
		sum = strings_mix(sum, members.names, members.count);
	}
	return mix(sum, &r, sizeof(r));
}

static uint64_t lookups_mix(const struct directory_view *view, uint64_t sum)
{
	struct directory_group group;
	struct directory_user user;
	char name[16];
	int r;

	for (uint32_t i = 0; i <= USERS; i++) {
		int len = snprintf(name, sizeof(name), "user%u", i);

		r = directory_user_by_name(view, name, (size_t)len, &user);
		HOLDS(r < 0 || strcmp(user.name, name) == 0);
		sum = r < 0 ? mix(sum, &r, sizeof(r)) : user_mix(view, sum, &user);
		r = directory_user_by_uid(view, UID_FIRST + i, &user);
		HOLDS(r < 0 || user.uid == UID_FIRST + i);
		sum = mix(sum, &r, sizeof(r));
	}
	for (uint32_t i = 0; i <= GROUPS; i++) {
		int len = snprintf(name, sizeof(name), "group%u", i);

		r = directory_group_by_name(view, name, (size_t)len, &group);
		sum = r < 0 ? mix(sum, &r, sizeof(r)) : group_mix(view, sum, &group);
		r = directory_group_by_gid(view, GID_FIRST + i, &group);
		HOLDS(r < 0 || group.gid == GID_FIRST + i);
		sum = mix(sum, &r, sizeof(r));
	}
	return sum;
}

static uint64_t walk_mix(const struct directory_view *view, uint64_t sum)
{
	struct directory_group group;
	struct directory_user user;
	uint64_t cursor = 0;
	uint32_t steps = 0;
	int r;

	while ((r = directory_user_next_any(view, &cursor, &user)) != -ENOENT && steps++ < 1000)
		sum = r < 0 ? mix(sum, &r, sizeof(r)) : user_mix(view, sum, &user);
	cursor = 0;
	steps = 0;
	while ((r = directory_group_next(view, &cursor, &group)) != -ENOENT && steps++ < 1000)
		sum = r < 0 ? mix(sum, &r, sizeof(r)) : group_mix(view, sum, &group);
	return sum;
}

static bool memory_read(uint64_t *ret)
{
	struct directory_view view = { .base = damaged, .size = image_size, .fd = -1 };
	uint64_t where;

	if (directory_header_check(header(), image_size, DIRECTORY_MAGIC, &view.own) < 0)
		return false;
	view.geometry = &view.own;
	if (directory_verify(&view, &where) < 0)
		HOLDS(where < image_size + 8);
	*ret = walk_mix(&view, lookups_mix(&view, 0xcbf29ce484222325u));
	return true;
}

static bool file_read(uint8_t cut, uint64_t *ret)
{
	struct directory_view view;

	if (directory_open(folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view) < 0)
		return false;
	if (cut)
		HOLDS(ftruncate(file, (off_t)(image_size * cut / 256)) == 0);
	*ret = walk_mix(&view, lookups_mix(&view, 0xcbf29ce484222325u));
	directory_release(&view);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	uint8_t flags = bytes_take(&bytes);
	uint8_t cut = flags & CUT ? bytes_take(&bytes) | 1 : 0;
	uint64_t in_memory = 0, on_disk = 0;
	bool memory, disk;

	if (!image)
		prepare();
	damage(&bytes, flags);
	HOLDS(pwrite(file, damaged, image_size, 0) == (ssize_t)image_size);
	memory = memory_read(&in_memory);
	disk = file_read(cut, &on_disk);
	HOLDS(memory == disk);
	HOLDS(cut || in_memory == on_disk);
	memcpy(damaged, image, image_size);
	return 0;
}
