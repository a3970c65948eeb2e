#include "scimd/warden/directory_writer.h"

#include "scimd/base/clock.h"
#include "scimd/warden/directory_file.h"
#include "scimd/warden/overlay.h"
#include "shared/directory_record.h"

#define LOG2_MIN 6u
#define HEAP_SLACK (256u * 1024u)
#define TABLE_BYTES(depth) (sizeof(struct directory_table_record) + (sizeof(uint64_t) << (depth)))

struct directory_writer {
	struct directory_writer_options options;
	struct directory_file *published; /* NULL: none */
	struct directory_file *next;      /* being built; NULL: the batch goes into published */
	struct overlay overlay;           /* slots of published, staged */
	uint64_t committed_used[DIRECTORY_INDEX_COUNT];
};

static struct directory_file *work(const struct directory_writer *writer)
{
	return writer->next ? writer->next : writer->published;
}

static size_t padded(size_t size)
{
	return (size + DIRECTORY_UNIT - 1) / DIRECTORY_UNIT * DIRECTORY_UNIT;
}

/* --- slots ------------------------------------------------------------------------------------ */

static uint64_t slot_read(const struct directory_writer *writer, uint64_t offset)
{
	uint64_t value;

	if (!writer->next && overlay_get(&writer->overlay, offset, &value))
		return value;
	return directory_slot_load(&work(writer)->view, offset);
}

static void slot_store(struct directory_file *file, uint64_t offset, uint64_t value)
{
	__atomic_store_n((uint64_t *)(void *)(file->base + offset), value, __ATOMIC_RELEASE);
}

static int slot_write(struct directory_writer *writer, uint64_t offset, uint64_t value)
{
	if (!writer->next)
		return overlay_set(&writer->overlay, offset, value);
	slot_store(writer->next, offset, value);
	return 0;
}

/* --- indexes ---------------------------------------------------------------------------------- */

struct probe {
	const struct directory_table *table;
	uint64_t mask, position, steps;
};

static struct probe probe_begin(const struct directory_writer *writer, enum directory_index index,
				uint64_t hash)
{
	const struct directory_table *table = &work(writer)->view.geometry->tables[index];
	uint64_t mask = (UINT64_C(1) << table->log2) - 1;

	return (struct probe){ .table = table, .mask = mask, .position = hash & mask };
}

static uint64_t probe_offset(const struct probe *probe)
{
	return probe->table->offset + probe->position * sizeof(uint64_t);
}

static bool probe_next(struct probe *probe)
{
	probe->position = (probe->position + 1) & probe->mask;
	return ++probe->steps <= probe->mask;
}

/* The slot that points at `units`. */
static int index_locate(const struct directory_writer *writer, enum directory_index index,
			uint64_t hash, uint32_t units, uint64_t *ret_offset)
{
	struct probe probe = probe_begin(writer, index, hash);

	do {
		uint64_t slot = slot_read(writer, probe_offset(&probe));

		if (slot == 0)
			return -EIO;
		if (directory_slot_units(slot) == units) {
			*ret_offset = probe_offset(&probe);
			return 0;
		}
	} while (probe_next(&probe));
	return -EIO;
}

static int index_insert(struct directory_writer *writer, enum directory_index index, uint64_t hash,
			uint32_t units)
{
	struct probe probe = probe_begin(writer, index, hash);

	do {
		uint64_t slot = slot_read(writer, probe_offset(&probe));

		if (slot != 0 && directory_slot_units(slot) != DIRECTORY_GONE)
			continue;
		work(writer)->table_used[index] += slot == 0;
		return slot_write(writer, probe_offset(&probe), directory_slot(units, hash, index));
	} while (probe_next(&probe));
	return -EIO; /* room was reserved: cannot happen in a sound file */
}

/* Point the entry from old (0: a new entry) to units. */
static int index_put(struct directory_writer *writer, enum directory_index index, uint64_t hash,
		     uint32_t old, uint32_t units)
{
	uint64_t offset;
	int r;

	if (old == 0)
		return index_insert(writer, index, hash, units);
	r = index_locate(writer, index, hash, old, &offset);
	return r < 0 ? r : slot_write(writer, offset, directory_slot(units, hash, index));
}

static int index_remove(struct directory_writer *writer, enum directory_index index, uint64_t hash,
			uint32_t old)
{
	uint64_t offset;
	int r = index_locate(writer, index, hash, old, &offset);

	return r < 0 ? r : slot_write(writer, offset, directory_slot(DIRECTORY_GONE, 0, index));
}

static uint64_t name_hash(const struct directory_writer *writer, const char *name, size_t size)
{
	return directory_hash_name(name, size, work(writer)->view.geometry->seed);
}

/* Walk the candidates of a hash; *units is moved on. Start with a fresh probe. -ENOENT at the end. */
static int candidate_next(const struct directory_writer *writer, struct probe *probe, uint64_t hash,
			  uint32_t *ret_units)
{
	while (probe->steps <= probe->mask) {
		uint64_t slot = slot_read(writer, probe_offset(probe));

		if (slot == 0)
			return -ENOENT;
		probe_next(probe);
		if (directory_slot_tag(slot) == (uint16_t)(hash >> 48) &&
		    directory_slot_units(slot) != DIRECTORY_GONE) {
			*ret_units = directory_slot_units(slot);
			return 0;
		}
	}
	return -ENOENT;
}

static int user_find(const struct directory_writer *writer, uint32_t uid, struct directory_user *ret,
		     uint32_t *ret_units)
{
	uint64_t hash = directory_hash_id(uid);
	struct probe probe;
	int r;

	if (!work(writer))
		return -ENOENT;
	probe = probe_begin(writer, DIRECTORY_USER_BY_ID, hash);
	while ((r = candidate_next(writer, &probe, hash, ret_units)) == 0) {
		r = directory_record_user(&work(writer)->view, *ret_units, ret);
		if (r < 0 || ret->uid == uid)
			return r;
	}
	return r;
}

static int group_find(const struct directory_writer *writer, uint32_t gid,
		      struct directory_group *ret, uint32_t *ret_units)
{
	uint64_t hash = directory_hash_id(gid);
	struct probe probe;
	int r;

	if (!work(writer))
		return -ENOENT;
	probe = probe_begin(writer, DIRECTORY_GROUP_BY_ID, hash);
	while ((r = candidate_next(writer, &probe, hash, ret_units)) == 0) {
		r = directory_record_group(&work(writer)->view, *ret_units, ret);
		if (r < 0 || ret->gid == gid)
			return r;
	}
	return r;
}

int directory_writer_user(struct directory_writer *writer, uint32_t uid, struct directory_user *ret)
{
	uint32_t units;

	return user_find(writer, uid, ret, &units);
}

int directory_writer_user_named(struct directory_writer *writer, const char *name, size_t name_size,
				struct directory_user *ret)
{
	struct probe probe;
	uint32_t units;
	uint64_t hash;
	int r;

	if (!work(writer))
		return -ENOENT;
	hash = name_hash(writer, name, name_size);
	probe = probe_begin(writer, DIRECTORY_USER_BY_NAME, hash);
	while ((r = candidate_next(writer, &probe, hash, &units)) == 0) {
		r = directory_record_user(&work(writer)->view, units, ret);
		if (r < 0 || (ret->name_size == name_size && memcmp(ret->name, name, name_size) == 0))
			return r;
	}
	return r;
}

int directory_writer_group(struct directory_writer *writer, uint32_t gid,
			   struct directory_group *ret)
{
	uint32_t units;

	return group_find(writer, gid, ret, &units);
}

int directory_writer_group_named(struct directory_writer *writer, const char *name,
				 size_t name_size, struct directory_group *ret)
{
	struct probe probe;
	uint32_t units;
	uint64_t hash;
	int r;

	if (!work(writer))
		return -ENOENT;
	hash = name_hash(writer, name, name_size);
	probe = probe_begin(writer, DIRECTORY_GROUP_BY_NAME, hash);
	while ((r = candidate_next(writer, &probe, hash, &units)) == 0) {
		r = directory_record_group(&work(writer)->view, units, ret);
		if (r < 0 || (ret->name_size == name_size && memcmp(ret->name, name, name_size) == 0))
			return r;
	}
	return r;
}

/* --- records ---------------------------------------------------------------------------------- */

/* Room at the end of the heap for a record of `size` bytes, zeroed. The caller has reserved it. */
static void *record_append(struct directory_file *file, size_t size, uint16_t type, uint16_t flags,
			   uint32_t id, uint32_t *ret_units)
{
	uint64_t offset = file->view.geometry->heap_offset + file->heap_used;
	struct directory_record *head = (void *)(file->base + offset);

	size = padded(size);
	memset(head, 0, size);
	*head = (struct directory_record){ .size = (uint32_t)size, .type = type, .flags = flags,
					   .id = id };
	file->heap_used += size;
	*ret_units = (uint32_t)(offset / DIRECTORY_UNIT);
	return head;
}

static void record_seal(struct directory_record *head, uint32_t units)
{
	size_t covered = head->type == DIRECTORY_RECORD_TABLE
				 ? sizeof(struct directory_table_record)
				 : head->size;

	head->checksum = directory_checksum((unsigned char *)head + 8, covered - 8,
					    (uint64_t)units * DIRECTORY_UNIT);
}

static uint32_t record_copy(struct directory_file *to, const void *record, size_t size)
{
	const struct directory_record *head = record;
	uint32_t units;
	void *copy = record_append(to, size, head->type, head->flags, head->id, &units);

	memcpy(copy, record, size);
	record_seal(copy, units);
	return units;
}

/* --- growing ---------------------------------------------------------------------------------- */

/* The used slots of an index, staged changes included, one after another. */
static int slot_walk(const struct directory_writer *writer, enum directory_index index,
		     uint64_t *cursor, uint32_t *ret_units)
{
	const struct directory_table *table = &work(writer)->view.geometry->tables[index];

	while (*cursor < UINT64_C(1) << table->log2) {
		uint64_t offset = table->offset + (*cursor)++ * sizeof(uint64_t);
		uint64_t slot = slot_read(writer, offset);

		if (slot != 0 && directory_slot_units(slot) != DIRECTORY_GONE) {
			*ret_units = directory_slot_units(slot);
			return 0;
		}
	}
	return -ENOENT;
}

static const struct directory_record *record_head(const struct directory_writer *writer,
						  uint32_t units)
{
	return (const void *)(work(writer)->base + (uint64_t)units * DIRECTORY_UNIT);
}

/* A member table of the state being staged. */
struct members_table {
	const struct directory_table_record *record;
	uint64_t slots; /* file offset of slot 0 */
	uint64_t count;
};

static int members_table_get(const struct directory_writer *writer,
			     const struct directory_group *group, struct members_table *ret)
{
	const void *found;
	size_t size;
	int r;

	if (group->table == 0)
		return -ENOENT;
	r = directory_record_get(&work(writer)->view, group->table, DIRECTORY_RECORD_TABLE,
				 sizeof(*ret->record), &found, &size);
	if (r < 0)
		return r;
	ret->record = found;
	if (ret->record->depth > DIRECTORY_DEPTH_MAX || TABLE_BYTES(ret->record->depth) > size)
		return -EIO;
	ret->slots = (uint64_t)group->table * DIRECTORY_UNIT + sizeof(*ret->record);
	ret->count = UINT64_C(1) << ret->record->depth;
	return 0;
}

struct live {
	uint64_t bytes;
	uint64_t counts[DIRECTORY_INDEX_COUNT];
};

static int live_count_members(const struct directory_writer *writer, uint32_t group_units,
			      struct live *live)
{
	struct members_table table;
	struct directory_group group;
	int r = directory_record_group(&work(writer)->view, group_units, &group);

	if (r < 0)
		return r;
	r = members_table_get(writer, &group, &table);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	live->bytes += table.record->head.size;
	for (uint64_t i = 0; i < table.count; i++) {
		uint64_t slot = slot_read(writer, table.slots + i * sizeof(uint64_t));
		const struct directory_chunk_record *chunk;

		if (slot == 0)
			continue;
		chunk = (const void *)record_head(writer, directory_slot_units(slot));
		live->bytes += chunk->prefix == i ? chunk->head.size : 0;
	}
	return 0;
}

static int live_count(const struct directory_writer *writer, struct live *live)
{
	for (enum directory_index i = 0; i < DIRECTORY_INDEX_COUNT; i++) {
		uint64_t cursor = 0;
		uint32_t units;

		while (slot_walk(writer, i, &cursor, &units) == 0) {
			int r = 0;

			live->counts[i]++;
			if (i == DIRECTORY_GROUP_BY_ID)
				r = live_count_members(writer, units, live);
			if (r < 0)
				return r;
			if (i != DIRECTORY_USER_BY_ID && i != DIRECTORY_GROUP_BY_ID)
				continue;
			live->bytes += record_head(writer, units)->size;
			if (record_head(writer, units)->type == DIRECTORY_RECORD_USER) {
				const struct directory_user_record *user =
					(const void *)record_head(writer, units);

				if (user->detail)
					live->bytes += record_head(writer, user->detail)->size;
			}
		}
	}
	return 0;
}

/* A fresh entry in a file nobody reads yet. */
static int file_insert(struct directory_file *file, enum directory_index index, uint64_t hash,
		       uint32_t units)
{
	struct directory_writer alone = { .next = file };

	return index_insert(&alone, index, hash, units);
}

static int copy_user(struct directory_writer *writer, struct directory_file *to, uint32_t units)
{
	const struct directory_record *head = record_head(writer, units);
	struct directory_user_record *copy;
	struct directory_user user;
	uint32_t detail = 0, placed;
	int r;

	if (head->type == DIRECTORY_RECORD_SHADOW)
		return file_insert(to, DIRECTORY_USER_BY_ID, directory_hash_id(head->id),
				   record_copy(to, head, head->size));
	r = directory_record_user(&work(writer)->view, units, &user);
	if (r < 0)
		return r;
	if (user.detail) {
		const struct directory_record *old = record_head(writer, user.detail);

		detail = record_copy(to, old, old->size);
	}
	copy = record_append(to, head->size, head->type, head->flags, head->id, &placed);
	memcpy(copy, head, head->size);
	copy->detail = detail;
	record_seal(&copy->head, placed);
	r = file_insert(to, DIRECTORY_USER_BY_ID, directory_hash_id(user.uid), placed);
	if (r < 0 || (user.flags & DIRECTORY_DELETED))
		return r;
	return file_insert(to, DIRECTORY_USER_BY_NAME,
			   directory_hash_name(user.name, user.name_size,
					       to->view.geometry->seed),
			   placed);
}

static void copy_chunk(struct directory_writer *writer, struct directory_file *to,
		       const struct members_table *table, uint64_t number, uint64_t *new_slots)
{
	uint64_t slot = slot_read(writer, table->slots + number * sizeof(uint64_t));
	const struct directory_chunk_record *chunk;
	uint64_t copy;

	if (slot == 0)
		return;
	chunk = (const void *)record_head(writer, directory_slot_units(slot));
	if (chunk->prefix != number)
		return;
	copy = directory_slot(record_copy(to, chunk, chunk->head.size), 0, chunk->head.id);
	for (uint64_t i = number; i < table->count; i += UINT64_C(1) << chunk->depth)
		new_slots[i] = copy;
}

static int copy_group(struct directory_writer *writer, struct directory_file *to, uint32_t units)
{
	const struct directory_record *head = record_head(writer, units);
	struct directory_group_record *copy;
	struct directory_table_record *new_table;
	struct members_table table;
	struct directory_group group;
	uint32_t placed, table_units = 0;
	int r = directory_record_group(&work(writer)->view, units, &group);

	if (r < 0)
		return r;
	r = members_table_get(writer, &group, &table);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		new_table = record_append(to, TABLE_BYTES(table.record->depth),
					  DIRECTORY_RECORD_TABLE, 0, group.gid, &table_units);
		new_table->depth = table.record->depth;
		record_seal(&new_table->head, table_units);
		for (uint64_t i = 0; i < table.count; i++)
			copy_chunk(writer, to, &table, i, (uint64_t *)(void *)(new_table + 1));
	}
	copy = record_append(to, head->size, head->type, head->flags, head->id, &placed);
	memcpy(copy, head, head->size);
	copy->table = table_units;
	record_seal(&copy->head, placed);
	r = file_insert(to, DIRECTORY_GROUP_BY_ID, directory_hash_id(group.gid), placed);
	if (r < 0)
		return r;
	return file_insert(to, DIRECTORY_GROUP_BY_NAME,
			   directory_hash_name(group.name, group.name_size,
					       to->view.geometry->seed),
			   placed);
}

static uint32_t log2_for(uint64_t count)
{
	uint32_t log2 = LOG2_MIN;

	while (log2 < DIRECTORY_LOG2_MAX && UINT64_C(1) << log2 < count * 3 + 8)
		log2++;
	return log2;
}

/* Go on in a new file with the live content and room for `need` bytes more. */
static int grow(struct directory_writer *writer, size_t need)
{
	_cleanup_(directory_file_closep) struct directory_file *to = NULL;
	uint32_t log2[DIRECTORY_INDEX_COUNT], units;
	struct live live = { 0 };
	uint64_t cursor;
	int r = live_count(writer, &live);

	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++)
		log2[i] = log2_for(live.counts[i]);
	if (r == 0)
		r = directory_file_create(&writer->options, directory_file_header(work(writer))->instance,
					  log2, live.bytes + live.bytes / 2 + 2 * need + HEAP_SLACK,
					  &to);
	for (cursor = 0; r == 0 && slot_walk(writer, DIRECTORY_USER_BY_ID, &cursor, &units) == 0;)
		r = copy_user(writer, to, units);
	for (cursor = 0; r == 0 && slot_walk(writer, DIRECTORY_GROUP_BY_ID, &cursor, &units) == 0;)
		r = copy_group(writer, to, units);
	if (r < 0)
		return r;
	overlay_clear(&writer->overlay);
	directory_file_closep(&writer->next);
	writer->next = TAKE_PTR(to);
	return 0;
}

/* Room for `bytes` of records and two entries in each index; may move everything to a new file, so
 * look things up after it. */
static int reserve(struct directory_writer *writer, size_t bytes)
{
	struct directory_file *file = work(writer);
	bool full;

	if (!file)
		return -EIO;
	full = directory_file_room(file) < bytes;
	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++)
		full |= (file->table_used[i] + 2) * 2 >
			UINT64_C(1) << file->view.geometry->tables[i].log2;
	return full ? grow(writer, bytes) : 0;
}

/* --- users ------------------------------------------------------------------------------------ */

static uint32_t put_detail(struct directory_file *file, const struct directory_user_entry *entry)
{
	struct directory_detail_record *record;
	uint32_t units;

	record = record_append(file, sizeof(*record) + entry->detail_size, DIRECTORY_RECORD_DETAIL,
			       0, entry->uid, &units);
	record->text_size = entry->detail_size;
	record->role_count = entry->role_count;
	record->key_count = entry->key_count;
	record->env_count = entry->env_count;
	memcpy(record + 1, entry->detail_text, entry->detail_size);
	record_seal(&record->head, units);
	return units;
}

static size_t user_size(const struct directory_user_entry *entry)
{
	return sizeof(struct directory_user_record) + entry->gid_count * sizeof(uint32_t) +
	       strlen(entry->name) + strlen(entry->gecos) + strlen(entry->home) +
	       strlen(entry->shell) + 6;
}

static uint32_t put_user_record(struct directory_file *file,
				const struct directory_user_entry *entry, uint32_t detail)
{
	struct directory_user_record *record;
	uint32_t units, *gids;
	char *text;

	record = record_append(file, user_size(entry), DIRECTORY_RECORD_USER, entry->flags,
			       entry->uid, &units);
	record->name_size = (uint16_t)strlen(entry->name);
	record->gecos_size = (uint16_t)strlen(entry->gecos);
	record->home_size = (uint16_t)strlen(entry->home);
	record->shell_size = (uint16_t)strlen(entry->shell);
	record->detail = detail;
	record->group_count = entry->gid_count;
	gids = (uint32_t *)(void *)(record + 1);
	if (entry->gid_count)
		memcpy(gids, entry->gids, entry->gid_count * sizeof(*gids));
	text = (char *)(gids + entry->gid_count);
	text = stpcpy(text, entry->name) + 1;
	text = stpcpy(text, "x") + 1;
	text = stpcpy(text, entry->gecos) + 1;
	text = stpcpy(text, entry->home) + 1;
	(void)stpcpy(text, entry->shell);
	record_seal(&record->head, units);
	return units;
}

/* The name index after a user's record moved from old (0: new) to units. */
static int put_user_name(struct directory_writer *writer, const struct directory_user *old_user,
			 uint32_t old, const struct directory_user_entry *entry, uint32_t units)
{
	bool had = old != 0 && !(old_user->flags & DIRECTORY_DELETED);
	bool has = !(entry->flags & DIRECTORY_DELETED);
	uint64_t hash = name_hash(writer, entry->name, strlen(entry->name));
	uint64_t old_hash = had ? name_hash(writer, old_user->name, old_user->name_size) : 0;
	int r = 0;

	if (had && has && strcmp(old_user->name, entry->name) == 0)
		return index_put(writer, DIRECTORY_USER_BY_NAME, hash, old, units);
	if (had)
		r = index_remove(writer, DIRECTORY_USER_BY_NAME, old_hash, old);
	if (r == 0 && has)
		r = index_put(writer, DIRECTORY_USER_BY_NAME, hash, 0, units);
	return r;
}

int directory_writer_put_user(struct directory_writer *writer,
			      const struct directory_user_entry *entry)
{
	struct directory_user old_user;
	uint32_t old = 0, detail = 0, units;
	int r;

	r = reserve(writer, padded(user_size(entry)) +
				    padded(sizeof(struct directory_detail_record) +
					   entry->detail_size));
	if (r < 0)
		return r;
	r = user_find(writer, entry->uid, &old_user, &old);
	if (r == -ENOENT)
		old = 0;
	else if (r < 0)
		return r;
	else
		detail = old_user.detail;
	if (entry->detail_text)
		detail = put_detail(work(writer), entry);
	units = put_user_record(work(writer), entry, detail);
	r = index_put(writer, DIRECTORY_USER_BY_ID, directory_hash_id(entry->uid), old, units);
	return r < 0 ? r : put_user_name(writer, &old_user, old, entry, units);
}

int directory_writer_put_shadow(struct directory_writer *writer, uint32_t uid, const char *hash,
				uint32_t changed_day)
{
	struct directory_shadow_record *record;
	uint64_t id_hash = directory_hash_id(uid);
	size_t size = sizeof(*record) + strlen(hash) + 1;
	uint32_t units, candidate, old = 0;
	struct probe probe;
	int r = reserve(writer, padded(size));

	if (r < 0)
		return r;
	probe = probe_begin(writer, DIRECTORY_USER_BY_ID, id_hash);
	while (candidate_next(writer, &probe, id_hash, &candidate) == 0)
		if (record_head(writer, candidate)->id == uid)
			old = candidate;
	record = record_append(work(writer), size, DIRECTORY_RECORD_SHADOW, 0, uid, &units);
	record->hash_size = (uint32_t)strlen(hash);
	record->changed_day = changed_day;
	memcpy(record + 1, hash, strlen(hash));
	record_seal(&record->head, units);
	return index_put(writer, DIRECTORY_USER_BY_ID, id_hash, old, units);
}

/* --- groups ----------------------------------------------------------------------------------- */

static uint32_t put_group_record(struct directory_file *file, uint32_t gid, uint16_t flags,
				 const char *name, size_t name_size, uint32_t table)
{
	struct directory_group_record *record;
	uint32_t units;

	record = record_append(file, sizeof(*record) + name_size + 1, DIRECTORY_RECORD_GROUP, flags,
			       gid, &units);
	record->name_size = (uint16_t)name_size;
	record->table = table;
	memcpy(record + 1, name, name_size);
	record_seal(&record->head, units);
	return units;
}

int directory_writer_put_group(struct directory_writer *writer, uint32_t gid, uint16_t flags,
			       const char *name)
{
	size_t size = strlen(name);
	struct directory_group old_group;
	uint32_t old = 0, units;
	uint64_t hash;
	int r;

	r = reserve(writer, padded(sizeof(struct directory_group_record) + size + 1));
	if (r < 0)
		return r;
	r = group_find(writer, gid, &old_group, &old);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT)
		old = 0;
	hash = name_hash(writer, name, size);
	units = put_group_record(work(writer), gid, flags, name, size, old ? old_group.table : 0);
	r = index_put(writer, DIRECTORY_GROUP_BY_ID, directory_hash_id(gid), old, units);
	if (r < 0)
		return r;
	if (old && strcmp(old_group.name, name) == 0)
		return index_put(writer, DIRECTORY_GROUP_BY_NAME, hash, old, units);
	if (old)
		r = index_remove(writer, DIRECTORY_GROUP_BY_NAME,
				 name_hash(writer, old_group.name, old_group.name_size), old);
	return r < 0 ? r : index_put(writer, DIRECTORY_GROUP_BY_NAME, hash, 0, units);
}

int directory_writer_remove_group(struct directory_writer *writer, uint32_t gid)
{
	struct directory_group group;
	uint32_t units;
	int r = group_find(writer, gid, &group, &units);

	if (r < 0)
		return r;
	r = index_remove(writer, DIRECTORY_GROUP_BY_NAME,
			 name_hash(writer, group.name, group.name_size), units);
	return r < 0 ? r
		     : index_remove(writer, DIRECTORY_GROUP_BY_ID, directory_hash_id(gid), units);
}

/* --- members ---------------------------------------------------------------------------------- */

/* One chunk's entries, being edited. */
struct edit {
	uint32_t gid;
	uint16_t depth;
	uint32_t prefix;
	size_t count, text_size;
	const struct directory_members *old; /* NULL: nothing */
	uint32_t skip_uid;                   /* an entry to leave out; UINT32_MAX none */
	uint32_t add_uid;
	const char *add_name; /* NULL: none */
	uint32_t mask, want;  /* keep only uids whose hash & mask == want */
};

static bool edit_keeps(const struct edit *edit, uint32_t uid)
{
	return uid != edit->skip_uid && (directory_hash_member(uid) & edit->mask) == edit->want;
}

static bool edit_adds(const struct edit *edit)
{
	return edit->add_name && (directory_hash_member(edit->add_uid) & edit->mask) == edit->want;
}

static void edit_measure(struct edit *edit)
{
	const char *name = edit->old ? edit->old->names : NULL;

	edit->count = 0;
	edit->text_size = 0;
	for (size_t i = 0; edit->old && i < edit->old->count; i++) {
		size_t size = strlen(name) + 1;

		if (edit_keeps(edit, edit->old->uids[i])) {
			edit->count++;
			edit->text_size += size;
		}
		name += size;
	}
	if (edit_adds(edit)) {
		edit->count++;
		edit->text_size += strlen(edit->add_name) + 1;
	}
}

static size_t edit_size(const struct edit *edit)
{
	return sizeof(struct directory_chunk_record) + edit->count * sizeof(uint32_t) +
	       edit->text_size;
}

static uint64_t edit_write(struct directory_file *file, const struct edit *edit)
{
	struct directory_chunk_record *chunk;
	const char *name = edit->old ? edit->old->names : NULL;
	uint32_t units, *uids;
	char *text;

	chunk = record_append(file, edit_size(edit), DIRECTORY_RECORD_CHUNK, 0, edit->gid, &units);
	chunk->text_size = (uint32_t)edit->text_size;
	chunk->prefix = edit->prefix;
	chunk->depth = edit->depth;
	chunk->count = (uint16_t)edit->count;
	uids = (uint32_t *)(void *)(chunk + 1);
	text = (char *)(uids + edit->count);
	for (size_t i = 0; edit->old && i < edit->old->count; i++) {
		size_t size = strlen(name) + 1;

		if (edit_keeps(edit, edit->old->uids[i])) {
			*uids++ = edit->old->uids[i];
			memcpy(text, name, size);
			text += size;
		}
		name += size;
	}
	if (edit_adds(edit)) {
		*uids = edit->add_uid;
		memcpy(text, edit->add_name, strlen(edit->add_name) + 1);
	}
	record_seal(&chunk->head, units);
	return directory_slot(units, 0, edit->gid);
}

/* The chunk a uid belongs to. slot 0: nothing there yet (depth 0 or an empty branch). */
struct place {
	struct directory_group group;
	uint32_t group_units;
	struct members_table table;
	uint64_t slot;
	uint16_t depth;
	uint32_t prefix;
	struct directory_members members;
};

static int place_find(const struct directory_writer *writer, uint32_t gid, uint32_t uid,
		      struct place *ret)
{
	const struct directory_chunk_record *chunk;
	uint64_t number;
	int r = group_find(writer, gid, &ret->group, &ret->group_units);

	if (r < 0)
		return r;
	r = members_table_get(writer, &ret->group, &ret->table);
	if (r < 0)
		return r == -ENOENT ? -ENODATA : r;
	number = directory_hash_member(uid) & (ret->table.count - 1);
	ret->slot = slot_read(writer, ret->table.slots + number * sizeof(uint64_t));
	ret->members = (struct directory_members){ 0 };
	ret->depth = 0;
	ret->prefix = 0;
	if (ret->slot == 0)
		return 0;
	r = directory_record_chunk(&work(writer)->view, directory_slot_units(ret->slot), gid, &chunk,
				   &ret->members);
	if (r < 0)
		return r;
	ret->depth = chunk->depth;
	ret->prefix = chunk->prefix;
	return 0;
}

int directory_writer_members_next(struct directory_writer *writer,
				  const struct directory_group *group, uint64_t *cursor,
				  struct directory_members *ret)
{
	const struct directory_chunk_record *chunk;
	struct members_table table;
	int r = members_table_get(writer, group, &table);

	if (r < 0)
		return r;
	while (*cursor < table.count) {
		uint64_t number = (*cursor)++;
		uint64_t slot = slot_read(writer, table.slots + number * sizeof(uint64_t));

		if (slot == 0)
			continue;
		r = directory_record_chunk(&work(writer)->view, directory_slot_units(slot),
					   group->gid, &chunk, ret);
		if (r < 0)
			return r;
		if (chunk->prefix == number && ret->count > 0)
			return 0;
	}
	return -ENOENT;
}

/* Every slot of the table that belongs to the chunk. */
static int place_store(struct directory_writer *writer, const struct place *place, uint64_t value)
{
	for (uint64_t i = place->prefix; i < place->table.count; i += UINT64_C(1) << place->depth) {
		int r = slot_write(writer, place->table.slots + i * sizeof(uint64_t), value);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Give the group another member table. */
static int group_set_table(struct directory_writer *writer, const struct directory_group *group,
			   uint32_t old, uint32_t table)
{
	uint32_t units = put_group_record(work(writer), group->gid, group->flags, group->name,
					  group->name_size, table);
	int r = index_put(writer, DIRECTORY_GROUP_BY_ID, directory_hash_id(group->gid), old, units);

	if (r < 0)
		return r;
	return index_put(writer, DIRECTORY_GROUP_BY_NAME,
			 name_hash(writer, group->name, group->name_size), old, units);
}

/* A table of its own for a group that never had members. */
static int table_begin(struct directory_writer *writer, uint32_t gid)
{
	struct directory_table_record *table;
	struct directory_group group;
	uint32_t units, group_units;
	int r = group_find(writer, gid, &group, &group_units);

	if (r < 0)
		return r;
	table = record_append(work(writer), TABLE_BYTES(0), DIRECTORY_RECORD_TABLE, 0, gid, &units);
	record_seal(&table->head, units);
	return group_set_table(writer, &group, group_units, units);
}

/* Divide a chunk in two, in a new table (twice as long if need be): the group switches to it in one
 * step, so that no reader sees one half without the other. */
static int place_split(struct directory_writer *writer, const struct place *place)
{
	uint16_t depth = place->depth + 1;
	uint32_t new_depth = place->table.record->depth;
	struct directory_table_record *table;
	uint32_t units;
	uint64_t *slots;

	if (new_depth < depth)
		new_depth = depth;
	table = record_append(work(writer), TABLE_BYTES(new_depth), DIRECTORY_RECORD_TABLE, 0,
			      place->group.gid, &units);
	table->depth = new_depth;
	record_seal(&table->head, units);
	slots = (uint64_t *)(void *)(table + 1);
	for (uint64_t i = 0; i < UINT64_C(1) << new_depth; i++)
		slots[i] = slot_read(writer, place->table.slots +
						     (i & (place->table.count - 1)) *
							     sizeof(uint64_t));
	for (uint32_t half = 0; half < 2; half++) {
		struct edit edit = { .gid = place->group.gid, .depth = depth,
				     .prefix = place->prefix | half << place->depth,
				     .old = &place->members, .skip_uid = UINT32_MAX };
		uint64_t slot;

		edit.mask = (UINT32_C(1) << depth) - 1;
		edit.want = edit.prefix;
		edit_measure(&edit);
		slot = edit_write(work(writer), &edit);
		for (uint64_t i = edit.prefix; i < UINT64_C(1) << new_depth;
		     i += UINT64_C(1) << depth)
			slots[i] = slot;
	}
	return group_set_table(writer, &place->group, place->group_units, units);
}

/* What one step on a group may append. */
static int member_reserve(struct directory_writer *writer, uint32_t gid)
{
	struct members_table table;
	struct directory_group group;
	size_t bytes = 4 * (size_t)DIRECTORY_CHUNK_MAX + TABLE_BYTES(1) + 512;
	int r = directory_writer_group(writer, gid, &group);

	if (r < 0)
		return r;
	r = members_table_get(writer, &group, &table);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0)
		bytes += 2 * TABLE_BYTES(table.record->depth);
	return reserve(writer, bytes);
}

int directory_writer_put_member(struct directory_writer *writer, uint32_t gid, uint32_t uid,
				const char *name)
{
	for (;;) {
		struct edit edit = { .gid = gid, .skip_uid = uid, .add_uid = uid, .add_name = name };
		struct place place;
		int r = member_reserve(writer, gid);

		if (r < 0)
			return r;
		r = place_find(writer, gid, uid, &place);
		if (r == -ENODATA) {
			r = table_begin(writer, gid);
			if (r < 0)
				return r;
			continue;
		}
		if (r < 0)
			return r;
		edit.old = place.slot ? &place.members : NULL;
		edit.depth = place.depth;
		edit.prefix = place.prefix;
		edit_measure(&edit);
		/* Ids that agree in so many bits are no accident; their chunk may grow. */
		if (edit_size(&edit) <= DIRECTORY_CHUNK_MAX || place.depth >= DIRECTORY_DEPTH_MAX) {
			r = reserve(writer, padded(edit_size(&edit)));
			if (r < 0)
				return r;
			r = place_find(writer, gid, uid, &place);
			if (r < 0)
				return r;
			return place_store(writer, &place, edit_write(work(writer), &edit));
		}
		r = place_split(writer, &place);
		if (r < 0)
			return r;
	}
}

int directory_writer_remove_member(struct directory_writer *writer, uint32_t gid, uint32_t uid)
{
	struct edit edit = { .gid = gid, .skip_uid = uid };
	struct place place;
	int r = member_reserve(writer, gid);

	if (r < 0)
		return r;
	r = place_find(writer, gid, uid, &place);
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	if (place.slot == 0)
		return 0;
	edit.old = &place.members;
	edit.depth = place.depth;
	edit.prefix = place.prefix;
	edit_measure(&edit);
	if (edit.count == place.members.count)
		return 0;
	return place_store(writer, &place, edit_write(work(writer), &edit));
}

/* --- the file as a whole ---------------------------------------------------------------------- */

int directory_writer_open(const struct directory_writer_options *options,
			  struct directory_writer **ret, bool *ret_damaged)
{
	_cleanup_(directory_writer_closep) struct directory_writer *writer =
		calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return -ENOMEM;
	writer->options = *options;
	r = directory_file_open(options, &writer->published);
	if (r < 0 && r != -ENOENT && r != -EIO)
		return r;
	if (r == 0)
		memcpy(writer->committed_used, writer->published->table_used,
		       sizeof(writer->committed_used));
	*ret_damaged = r == -EIO;
	*ret = TAKE_PTR(writer);
	return 0;
}

void directory_writer_closep(struct directory_writer **writer)
{
	if (!*writer)
		return;
	directory_file_closep(&(*writer)->next);
	directory_file_closep(&(*writer)->published);
	overlay_done(&(*writer)->overlay);
	free(*writer);
	*writer = NULL;
}

const struct directory_view *directory_writer_view(const struct directory_writer *writer)
{
	return writer->published ? &writer->published->view : NULL;
}

uint64_t directory_writer_revision(const struct directory_writer *writer)
{
	return writer->published ? directory_file_header(writer->published)->revision : 0;
}

int directory_writer_start_over(struct directory_writer *writer, const unsigned char *instance,
				uint32_t users, uint32_t groups)
{
	struct directory_file *next = NULL;
	uint32_t log2[DIRECTORY_INDEX_COUNT] = {
		[DIRECTORY_USER_BY_NAME] = log2_for(users),
		[DIRECTORY_USER_BY_ID] = log2_for(users),
		[DIRECTORY_GROUP_BY_NAME] = log2_for(groups),
		[DIRECTORY_GROUP_BY_ID] = log2_for(groups),
	};
	int r = directory_file_create(&writer->options, instance, log2,
				      HEAP_SLACK + (uint64_t)users * 512 + (uint64_t)groups * 512,
				      &next);

	if (r < 0)
		return r;
	overlay_clear(&writer->overlay);
	directory_file_closep(&writer->next);
	writer->next = next;
	return 0;
}

/* The records to the disk. */
static int write_heap(struct directory_file *file)
{
	uint64_t from = directory_file_header(file)->heap_used;
	int r = directory_file_write(file, file->view.geometry->heap_offset + from,
				     file->heap_used - from);

	return r == 0 && fdatasync(file->fd) < 0 ? -errno : r;
}

/* The slots that point at them, and the header's words. */
static int write_slots(struct directory_writer *writer, uint64_t revision)
{
	struct directory_file *file = writer->published;
	int r = 0;

	for (size_t i = 0; r == 0 && i < writer->overlay.capacity; i++)
		if (writer->overlay.entries[i].offset)
			r = directory_file_write_slot(file, writer->overlay.entries[i].offset,
						      writer->overlay.entries[i].value);
	if (r == 0)
		r = directory_file_write_slot(file, offsetof(struct directory_header, heap_used),
					      file->heap_used);
	if (r == 0)
		r = directory_file_write_slot(file, offsetof(struct directory_header, revision),
					      revision);
	return r == 0 && fdatasync(file->fd) < 0 ? -errno : r;
}

/* Same file: records to the disk, slots to the disk, then the slots that everybody sees. */
static int commit_in_place(struct directory_writer *writer, uint64_t revision,
			   uint64_t *ret_durable_us, uint64_t *ret_visible_us)
{
	struct directory_file *file = writer->published;
	struct directory_header *header = directory_file_header(file);
	int r = write_heap(file);

	if (r == 0)
		r = write_slots(writer, revision);
	if (r < 0)
		return r;
	*ret_durable_us = clock_now_us();
	for (size_t i = 0; i < writer->overlay.capacity; i++)
		if (writer->overlay.entries[i].offset)
			slot_store(file, writer->overlay.entries[i].offset,
				   writer->overlay.entries[i].value);
	__atomic_store_n(&header->heap_used, file->heap_used, __ATOMIC_RELEASE);
	__atomic_store_n(&header->revision, revision, __ATOMIC_RELEASE);
	*ret_visible_us = clock_now_us();
	overlay_clear(&writer->overlay);
	memcpy(writer->committed_used, file->table_used, sizeof(writer->committed_used));
	return 0;
}

static int commit_next(struct directory_writer *writer, uint64_t revision, uint64_t *ret_durable_us,
		       uint64_t *ret_visible_us)
{
	struct directory_header *header = directory_file_header(writer->next);
	int r;

	header->heap_used = writer->next->heap_used;
	header->revision = revision;
	r = directory_file_publish(writer->next, &writer->options);
	if (r < 0)
		return r;
	*ret_durable_us = clock_now_us();
	if (writer->published)
		directory_file_supersede(writer->published);
	*ret_visible_us = clock_now_us();
	directory_file_closep(&writer->published);
	writer->published = TAKE_PTR(writer->next);
	overlay_clear(&writer->overlay);
	memcpy(writer->committed_used, writer->published->table_used,
	       sizeof(writer->committed_used));
	return 0;
}

int directory_writer_commit(struct directory_writer *writer, uint64_t revision,
			    uint64_t *ret_durable_us, uint64_t *ret_visible_us)
{
	if (writer->next)
		return commit_next(writer, revision, ret_durable_us, ret_visible_us);
	if (!writer->published)
		return -EIO;
	return commit_in_place(writer, revision, ret_durable_us, ret_visible_us);
}

void directory_writer_abort(struct directory_writer *writer)
{
	overlay_clear(&writer->overlay);
	directory_file_closep(&writer->next);
	if (!writer->published)
		return;
	writer->published->heap_used = directory_file_header(writer->published)->heap_used;
	memcpy(writer->published->table_used, writer->committed_used,
	       sizeof(writer->committed_used));
}
