#include "scimd/warden/directory_stage.h"

#define CHUNK_FIRST 128u /* bytes of the smallest chunk with room to grow */

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

/* Everything behind the record's head. */
static void edit_fill(struct directory_chunk_record *chunk, const struct edit *edit)
{
	const char *name = edit->old ? edit->old->names : NULL;
	uint32_t *uids = (uint32_t *)(void *)(chunk + 1);
	char *text = (char *)(uids + edit->count);

	chunk->text_size = (uint32_t)edit->text_size;
	chunk->prefix = edit->prefix;
	chunk->depth = edit->depth;
	chunk->count = (uint16_t)edit->count;
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
}

/* A chunk of a file that is being built has room to grow into: it will not be written again for each
 * member. */
static size_t edit_room(const struct edit *edit, bool building)
{
	size_t size = edit_size(edit), room = CHUNK_FIRST;

	if (!building || size >= DIRECTORY_CHUNK_MAX)
		return size;
	while (room < size)
		room *= 2;
	return room;
}

static uint64_t edit_write(const struct directory_writer *writer, const struct edit *edit)
{
	struct directory_chunk_record *chunk;
	uint32_t units;

	chunk = stage_append(stage_file(writer), edit_room(edit, writer->next != NULL),
			     DIRECTORY_RECORD_CHUNK, 0, edit->gid, &units);
	edit_fill(chunk, edit);
	stage_seal(&chunk->head, units);
	return directory_slot(units, 0, edit->gid);
}

/* In a file that nobody reads yet a chunk may be changed where it lies. */
static bool edit_in_place(const struct directory_writer *writer, const struct edit *edit,
			  uint64_t slot)
{
	_Alignas(16) unsigned char copy[DIRECTORY_CHUNK_MAX];
	uint32_t units = directory_slot_units(slot);
	struct directory_record *head;
	size_t size = edit_size(edit);

	if (!writer->next || slot == 0 || size > sizeof(copy))
		return false;
	head = (void *)(writer->next->base + (uint64_t)units * DIRECTORY_UNIT);
	if (head->size < size)
		return false;
	memset(copy, 0, sizeof(copy)); /* the old names lie in the record: fill in beside it */
	edit_fill((void *)copy, edit);
	memcpy(head + 1, copy + sizeof(*head), size - sizeof(*head));
	memset((unsigned char *)head + size, 0, head->size - size);
	stage_seal(head, units);
	return true;
}

/* The chunk a uid belongs to. slot 0: nothing there yet (depth 0 or an empty branch). */
struct place {
	struct directory_group group;
	uint32_t group_units;
	struct stage_table table;
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
	int r = stage_group(writer, gid, &ret->group, &ret->group_units);

	if (r < 0)
		return r;
	r = stage_table_get(writer, &ret->group, &ret->table);
	if (r < 0)
		return r == -ENOENT ? -ENODATA : r;
	number = directory_hash_member(uid) & (ret->table.count - 1);
	ret->slot = stage_slot_read(writer, ret->table.slots + number * sizeof(uint64_t));
	ret->members = (struct directory_members){ 0 };
	ret->depth = 0;
	ret->prefix = 0;
	if (ret->slot == 0)
		return 0;
	r = directory_record_chunk(&stage_file(writer)->view, directory_slot_units(ret->slot), gid, &chunk,
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
	struct stage_table table;
	int r = stage_table_get(writer, group, &table);

	if (r < 0)
		return r;
	while (*cursor < table.count) {
		uint64_t number = (*cursor)++;
		uint64_t slot = stage_slot_read(writer, table.slots + number * sizeof(uint64_t));

		if (slot == 0)
			continue;
		r = directory_record_chunk(&stage_file(writer)->view, directory_slot_units(slot),
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
		int r = stage_slot_write(writer, place->table.slots + i * sizeof(uint64_t), value);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Give the group another member table. */
static int group_set_table(struct directory_writer *writer, const struct directory_group *group,
			   uint32_t old, uint32_t table)
{
	uint32_t units = stage_group_record(stage_file(writer), group->gid, group->flags, group->name,
					  group->name_size, table);
	int r = stage_index_put(writer, DIRECTORY_GROUP_BY_ID, directory_hash_id(group->gid), old, units);

	if (r < 0)
		return r;
	return stage_index_put(writer, DIRECTORY_GROUP_BY_NAME,
			 stage_name_hash(writer, group->name, group->name_size), old, units);
}

/* A table of its own for a group that never had members. */
static int table_begin(struct directory_writer *writer, uint32_t gid)
{
	struct directory_table_record *table;
	struct directory_group group;
	uint32_t units, group_units;
	int r = stage_group(writer, gid, &group, &group_units);

	if (r < 0)
		return r;
	table = stage_append(stage_file(writer), STAGE_TABLE_BYTES(0), DIRECTORY_RECORD_TABLE, 0, gid, &units);
	stage_seal(&table->head, units);
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
	table = stage_append(stage_file(writer), STAGE_TABLE_BYTES(new_depth), DIRECTORY_RECORD_TABLE, 0,
			      place->group.gid, &units);
	table->depth = new_depth;
	stage_seal(&table->head, units);
	slots = (uint64_t *)(void *)(table + 1);
	for (uint64_t i = 0; i < UINT64_C(1) << new_depth; i++)
		slots[i] = stage_slot_read(writer, place->table.slots +
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
		slot = edit_write(writer, &edit);
		for (uint64_t i = edit.prefix; i < UINT64_C(1) << new_depth;
		     i += UINT64_C(1) << depth)
			slots[i] = slot;
	}
	return group_set_table(writer, &place->group, place->group_units, units);
}

/* What one step on a group may append. */
static int member_reserve(struct directory_writer *writer, uint32_t gid)
{
	struct stage_table table;
	struct directory_group group;
	size_t bytes = 4 * (size_t)DIRECTORY_CHUNK_MAX + STAGE_TABLE_BYTES(1) + 512;
	int r = directory_writer_group(writer, gid, &group);

	if (r < 0)
		return r;
	r = stage_table_get(writer, &group, &table);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0)
		bytes += 2 * STAGE_TABLE_BYTES(table.record->depth);
	return stage_reserve(writer, bytes);
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
			r = stage_reserve(writer, stage_padded(edit_room(&edit, writer->next != NULL)));
			if (r < 0)
				return r;
			r = place_find(writer, gid, uid, &place);
			if (r < 0)
				return r;
			if (edit_in_place(writer, &edit, place.slot))
				return 0;
			return place_store(writer, &place, edit_write(writer, &edit));
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
	if (edit.count == place.members.count || edit_in_place(writer, &edit, place.slot))
		return 0;
	return place_store(writer, &place, edit_write(writer, &edit));
}
