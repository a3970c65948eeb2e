#include "scimd/warden/directory_stage.h"

#define LOG2_MIN 6u
#define HEAP_SLACK (256u * 1024u)

static uint32_t record_copy(struct directory_file *to, const void *record, size_t size)
{
	const struct directory_record *head = record;
	uint32_t units;
	void *copy = stage_append(to, size, head->type, head->flags, head->id, &units);

	memcpy(copy, record, size);
	stage_seal(copy, units);
	return units;
}

/* The used slots of an index, staged changes included, one after another. */
static int slot_walk(const struct directory_writer *writer, enum directory_index index,
		     uint64_t *cursor, uint32_t *ret_units)
{
	const struct directory_table *table = &stage_file(writer)->view.geometry->tables[index];

	while (*cursor < UINT64_C(1) << table->log2) {
		uint64_t offset = table->offset + (*cursor)++ * sizeof(uint64_t);
		uint64_t slot = stage_slot_read(writer, offset);

		if (slot != 0 && directory_slot_units(slot) != DIRECTORY_GONE) {
			*ret_units = directory_slot_units(slot);
			return 0;
		}
	}
	return -ENOENT;
}

int stage_table_get(const struct directory_writer *writer,
			     const struct directory_group *group, struct stage_table *ret)
{
	const void *found;
	size_t size;
	int r;

	if (group->table == 0)
		return -ENOENT;
	r = directory_record_get(&stage_file(writer)->view, group->table, DIRECTORY_RECORD_TABLE,
				 sizeof(*ret->record), &found, &size);
	if (r < 0)
		return r;
	ret->record = found;
	if (ret->record->depth > DIRECTORY_DEPTH_MAX || STAGE_TABLE_BYTES(ret->record->depth) > size)
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
	struct stage_table table;
	struct directory_group group;
	int r = directory_record_group(&stage_file(writer)->view, group_units, &group);

	if (r < 0)
		return r;
	r = stage_table_get(writer, &group, &table);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	live->bytes += table.record->head.size;
	for (uint64_t i = 0; i < table.count; i++) {
		uint64_t slot = stage_slot_read(writer, table.slots + i * sizeof(uint64_t));
		const struct directory_chunk_record *chunk;

		if (slot == 0)
			continue;
		chunk = (const void *)stage_head(writer, directory_slot_units(slot));
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
			live->bytes += stage_head(writer, units)->size;
			if (stage_head(writer, units)->type == DIRECTORY_RECORD_USER) {
				const struct directory_user_record *user =
					(const void *)stage_head(writer, units);

				if (user->detail)
					live->bytes += stage_head(writer, user->detail)->size;
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

	return stage_index_insert(&alone, index, hash, units);
}

static int copy_user(struct directory_writer *writer, struct directory_file *to, uint32_t units)
{
	const struct directory_record *head = stage_head(writer, units);
	struct directory_user_record *copy;
	struct directory_user user;
	uint32_t detail = 0, placed;
	int r;

	if (head->type == DIRECTORY_RECORD_SHADOW)
		return file_insert(to, DIRECTORY_USER_BY_ID, directory_hash_id(head->id),
				   record_copy(to, head, head->size));
	r = directory_record_user(&stage_file(writer)->view, units, &user);
	if (r < 0)
		return r;
	if (user.detail) {
		const struct directory_record *old = stage_head(writer, user.detail);

		detail = record_copy(to, old, old->size);
	}
	copy = stage_append(to, head->size, head->type, head->flags, head->id, &placed);
	memcpy(copy, head, head->size);
	copy->detail = detail;
	stage_seal(&copy->head, placed);
	r = file_insert(to, DIRECTORY_USER_BY_ID, directory_hash_id(user.uid), placed);
	if (r < 0 || (user.flags & DIRECTORY_DELETED))
		return r;
	return file_insert(to, DIRECTORY_USER_BY_NAME,
			   directory_hash_name(user.name, user.name_size,
					       to->view.geometry->seed),
			   placed);
}

static void copy_chunk(struct directory_writer *writer, struct directory_file *to,
		       const struct stage_table *table, uint64_t number, uint64_t *new_slots)
{
	uint64_t slot = stage_slot_read(writer, table->slots + number * sizeof(uint64_t));
	const struct directory_chunk_record *chunk;
	uint64_t copy;

	if (slot == 0)
		return;
	chunk = (const void *)stage_head(writer, directory_slot_units(slot));
	if (chunk->prefix != number)
		return;
	copy = directory_slot(record_copy(to, chunk, chunk->head.size), 0, chunk->head.id);
	for (uint64_t i = number; i < table->count; i += UINT64_C(1) << chunk->depth)
		new_slots[i] = copy;
}

static int copy_group(struct directory_writer *writer, struct directory_file *to, uint32_t units)
{
	const struct directory_record *head = stage_head(writer, units);
	struct directory_group_record *copy;
	struct directory_table_record *new_table;
	struct stage_table table;
	struct directory_group group;
	uint32_t placed, table_units = 0;
	int r = directory_record_group(&stage_file(writer)->view, units, &group);

	if (r < 0)
		return r;
	r = stage_table_get(writer, &group, &table);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		new_table = stage_append(to, STAGE_TABLE_BYTES(table.record->depth),
					  DIRECTORY_RECORD_TABLE, 0, group.gid, &table_units);
		new_table->depth = table.record->depth;
		stage_seal(&new_table->head, table_units);
		for (uint64_t i = 0; i < table.count; i++)
			copy_chunk(writer, to, &table, i, (uint64_t *)(void *)(new_table + 1));
	}
	copy = stage_append(to, head->size, head->type, head->flags, head->id, &placed);
	memcpy(copy, head, head->size);
	copy->table = table_units;
	stage_seal(&copy->head, placed);
	r = file_insert(to, DIRECTORY_GROUP_BY_ID, directory_hash_id(group.gid), placed);
	if (r < 0)
		return r;
	return file_insert(to, DIRECTORY_GROUP_BY_NAME,
			   directory_hash_name(group.name, group.name_size,
					       to->view.geometry->seed),
			   placed);
}

uint32_t stage_log2(uint64_t count)
{
	uint32_t log2 = LOG2_MIN;

	while (log2 < DIRECTORY_LOG2_MAX && UINT64_C(1) << log2 < count * 3 + 8)
		log2++;
	return log2;
}

/* Go on in a new file with the live content and room for `need` bytes more. */
int stage_grow(struct directory_writer *writer, size_t need)
{
	_cleanup_(directory_file_closep) struct directory_file *to = NULL;
	uint32_t log2[DIRECTORY_INDEX_COUNT], units;
	struct live live = { 0 };
	uint64_t cursor;
	int r = live_count(writer, &live);

	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++)
		log2[i] = stage_log2(live.counts[i]);
	if (r == 0)
		r = directory_file_create(&writer->options, directory_file_header(stage_file(writer))->instance,
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
int stage_reserve(struct directory_writer *writer, size_t bytes)
{
	struct directory_file *file = stage_file(writer);
	bool full;

	if (!file)
		return -EIO;
	full = directory_file_room(file) < bytes;
	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++)
		full |= (file->table_used[i] + 2) * 2 >
			UINT64_C(1) << file->view.geometry->tables[i].log2;
	return full ? stage_grow(writer, bytes) : 0;
}
