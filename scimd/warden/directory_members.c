#include "scimd/warden/directory_stage.h"

#define CHUNK_FIRST 128u /* bytes of the smallest chunk with room to grow */

int stage_table_get(const struct directory_writer *writer, const struct directory_group *group,
		    struct stage_table *ret)
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

/* One chunk's entries, being edited. */
struct edit {
	uint32_t gid;
	uint16_t depth;
	uint32_t prefix;
	size_t count, text_size;
	struct directory_members old; /* count 0: nothing */
	uint32_t skip_uid;            /* an entry to leave out; UINT32_MAX none */
	size_t skip, skip_at, skip_size; /* which one it is (old.count: none), where its name lies */
	uint32_t add_uid;
	const char *add_name; /* NULL: none */
};

/* Most edits touch one entry: one look for it. */
static void edit_measure(struct edit *edit)
{
	const struct directory_members *old = &edit->old;

	edit->skip = edit->skip_at = edit->skip_size = 0;
	while (edit->skip < old->count && old->uids[edit->skip] != edit->skip_uid)
		edit->skip++;
	edit->count = old->count;
	if (edit->skip < old->count) {
		for (size_t i = 0; i < edit->skip; i++)
			edit->skip_at += old->sizes[i];
		edit->skip_size = old->sizes[edit->skip];
		edit->count--;
	}
	edit->text_size = old->names_size - edit->skip_size;
	if (edit->add_name) {
		edit->count++;
		edit->text_size += strlen(edit->add_name) + 1;
	}
}

static size_t edit_size(const struct edit *edit)
{
	return directory_chunk_size(edit->count, edit->text_size);
}

/* `size` bytes without those at [at, at + gone). */
static void *copy_without(void *into, const void *from, size_t size, size_t at, size_t gone)
{
	if (size == 0)
		return into;
	memcpy(into, from, at);
	memcpy((char *)into + at, (const char *)from + at + gone, size - at - gone);
	return (char *)into + size - gone;
}

static uint32_t *chunk_uids(struct directory_chunk_record *chunk, size_t count, size_t text_size)
{
	return (uint32_t *)(void *)((char *)chunk + directory_chunk_uids_at(count, text_size));
}

/* Everything behind the record's head. */
static void edit_fill(struct directory_chunk_record *chunk, const struct edit *edit)
{
	const struct directory_members *old = &edit->old;
	size_t gone = edit->skip < old->count, skip = gone ? edit->skip : 0;
	uint8_t *sizes = (uint8_t *)(chunk + 1);
	char *text = (char *)sizes + edit->count;
	uint32_t *uids = chunk_uids(chunk, edit->count, edit->text_size);

	chunk->text_size = (uint32_t)edit->text_size;
	chunk->prefix = edit->prefix;
	chunk->depth = edit->depth;
	chunk->count = (uint16_t)edit->count;
	sizes = copy_without(sizes, old->sizes, old->count, skip, gone);
	text = copy_without(text, old->names, old->names_size, edit->skip_at, edit->skip_size);
	uids = copy_without(uids, old->uids, old->count * sizeof(*uids), skip * sizeof(*uids),
			    gone * sizeof(*uids));
	if (!edit->add_name)
		return;
	*sizes = (uint8_t)(strlen(edit->add_name) + 1);
	memcpy(text, edit->add_name, *sizes);
	*uids = edit->add_uid;
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

/* The slot of the new chunk: 0 if nobody is left. */
static uint64_t edit_write(struct directory_writer *writer, const struct edit *edit)
{
	size_t room = edit_room(edit, writer->next != NULL);
	struct directory_chunk_record *chunk;
	uint32_t units;

	if (edit->count == 0)
		return 0;
	chunk = stage_append(stage_file(writer), room, DIRECTORY_RECORD_CHUNK, 0, edit->gid, &units);
	edit_fill(chunk, edit);
	if (writer->next) /* sealed when the file is written */
		writer->strewn += room;
	else
		stage_seal(&chunk->head, units);
	return directory_chunk_slot(units, room, edit->gid);
}

/* In a file that nobody reads yet a chunk may be changed where it lies: one more, for which there is
 * room. From behind, everything makes way for it. */
static bool edit_in_place(const struct directory_writer *writer, const struct edit *edit,
			  uint64_t slot)
{
	size_t count = edit->old.count, text_size = edit->old.names_size;
	struct directory_chunk_record *chunk;
	uint32_t *uids;
	char *text;

	if (!writer->next || slot == 0 || edit->skip < edit->old.count || !edit->add_name)
		return false;
	chunk = (void *)(uintptr_t)stage_head(writer, directory_slot_units(slot));
	if (chunk->head.size < edit_size(edit))
		return false;
	uids = chunk_uids(chunk, edit->count, edit->text_size);
	memmove(uids, edit->old.uids, count * sizeof(*uids));
	uids[count] = edit->add_uid;
	text = (char *)(chunk + 1) + count;
	memmove(text + 1, text, text_size);
	*text++ = (char)(edit->text_size - text_size);
	memset(text + text_size, 0, (size_t)((char *)uids - (text + text_size)));
	strcpy(text + text_size, edit->add_name);
	chunk->count = (uint16_t)edit->count;
	chunk->text_size = (uint32_t)edit->text_size;
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

int stage_chunk(const struct directory_writer *writer, uint64_t slot, uint32_t gid,
		const struct directory_chunk_record **ret, struct directory_members *ret_members)
{
	return directory_record_chunk(&stage_file(writer)->view, directory_slot_units(slot), gid,
				      ret, ret_members);
}

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
	ret->depth = (uint16_t)ret->table.record->depth;
	ret->prefix = (uint32_t)number;
	if (ret->slot == 0)
		return 0;
	r = stage_chunk(writer, ret->slot, gid, &chunk, &ret->members);
	if (r < 0)
		return r;
	ret->depth = chunk->depth;
	ret->prefix = chunk->prefix;
	return 0;
}

int stage_member(const struct directory_writer *writer, uint32_t gid, uint32_t uid,
		 const char **ret_name)
{
	struct place place;
	const char *name;
	int r = place_find(writer, gid, uid, &place);

	if (r < 0)
		return r == -ENODATA ? -ENOENT : r;
	name = place.members.names;
	for (size_t i = 0; i < place.members.count; i++) {
		if (place.members.uids[i] == uid) {
			*ret_name = name;
			return 0;
		}
		name += place.members.sizes[i];
	}
	return -ENOENT;
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
		r = stage_chunk(writer, slot, group->gid, &chunk, ret);
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

int stage_group_table(struct directory_writer *writer, const struct directory_group *group,
		      uint32_t old, uint32_t table)
{
	uint32_t units = stage_group_record(stage_file(writer), group->gid, group->flags, group->name,
					    group->name_size, table);
	int r = stage_index_put(writer, DIRECTORY_GROUP_BY_ID, directory_hash_id(group->gid), old,
				units);

	stage_forget(stage_file(writer), old);
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
	int r = stage_reserve(writer, STAGE_TABLE_BYTES(0) + 512);

	if (r == 0)
		r = stage_group(writer, gid, &group, &group_units);
	if (r < 0)
		return r;
	table = stage_append(stage_file(writer), STAGE_TABLE_BYTES(0), DIRECTORY_RECORD_TABLE, 0, gid, &units);
	stage_seal(&table->head, units);
	return stage_group_table(writer, &group, group_units, units);
}

/* The members whose hash ends in the half's prefix, in buffers as large as a chunk's parts. */
static void half_take(const struct directory_members *all, uint32_t mask, uint32_t prefix,
		      uint32_t *uids, uint8_t *sizes, char *names, struct directory_members *ret)
{
	const char *name = all->names;

	*ret = (struct directory_members){ .uids = uids, .sizes = sizes, .names = names };
	for (size_t i = 0; i < all->count; i++) {
		size_t size = all->sizes[i];

		if ((directory_hash_member(all->uids[i]) & mask) == prefix) {
			sizes[ret->count] = all->sizes[i];
			uids[ret->count++] = all->uids[i];
			memcpy(names + ret->names_size, name, size);
			ret->names_size += size;
		}
		name += size;
	}
}

/* A copy of the table, twice as long if need be. */
static uint64_t *table_copy(struct directory_writer *writer, const struct place *place, uint32_t depth,
			    uint32_t *ret_units)
{
	struct directory_table_record *table;
	uint64_t *slots;

	table = stage_append(stage_file(writer), STAGE_TABLE_BYTES(depth), DIRECTORY_RECORD_TABLE,
			     0, place->group.gid, ret_units);
	table->depth = depth;
	stage_seal(&table->head, *ret_units);
	slots = (uint64_t *)(void *)(table + 1);
	for (uint64_t i = 0; i < UINT64_C(1) << depth; i++)
		slots[i] = stage_slot_read(writer, place->table.slots +
						       (i & (place->table.count - 1)) *
							       sizeof(uint64_t));
	return slots;
}

/* Divide a chunk in two, in a new table: the group switches to it in one step, so that no reader sees
 * one half without the other. */
static int place_split(struct directory_writer *writer, const struct place *place)
{
	uint32_t uids[DIRECTORY_CHUNK_MAX / sizeof(uint32_t)], units;
	uint8_t sizes[ARRAY_SIZE(uids)];
	char names[DIRECTORY_CHUNK_MAX];
	uint16_t depth = place->depth + 1;
	uint32_t table_depth = place->table.record->depth;
	uint64_t *slots;

	if (place->members.count > ARRAY_SIZE(uids) || place->members.names_size > sizeof(names))
		return -EIO;
	table_depth = table_depth < depth ? depth : table_depth;
	slots = table_copy(writer, place, table_depth, &units);
	for (uint32_t half = 0; half < 2; half++) {
		struct edit edit = { .gid = place->group.gid, .depth = depth,
				     .prefix = place->prefix | half << place->depth,
				     .skip_uid = UINT32_MAX };
		uint64_t slot;

		half_take(&place->members, (UINT32_C(1) << depth) - 1, edit.prefix, uids, sizes,
			  names, &edit.old);
		edit_measure(&edit);
		slot = edit_write(writer, &edit);
		for (uint64_t i = edit.prefix; i < UINT64_C(1) << table_depth;
		     i += UINT64_C(1) << depth)
			slots[i] = slot;
	}
	stage_forget(stage_file(writer), place->group.table);
	stage_forget(stage_file(writer), directory_slot_units(place->slot));
	return stage_group_table(writer, &place->group, place->group_units, units);
}

/* The chunk with the edit, in the place of the one before. */
static int place_write(struct directory_writer *writer, const struct place *place,
		       const struct edit *edit)
{
	if (edit_in_place(writer, edit, place->slot))
		return 0;
	if (place->slot != 0)
		stage_forget(stage_file(writer), directory_slot_units(place->slot));
	return place_store(writer, place, edit_write(writer, edit));
}

static int place_edit(const struct directory_writer *writer, struct edit *edit, uint32_t uid,
		      struct place *ret)
{
	int r = place_find(writer, edit->gid, uid, ret);

	if (r < 0)
		return r;
	edit->old = ret->members;
	edit->depth = ret->depth;
	edit->prefix = ret->prefix;
	edit_measure(edit);
	return 0;
}

/* Room for what an edit may append: a chunk, or two of them and a table, and the group's record. */
static int edit_reserve(struct directory_writer *writer, const struct edit *edit,
			const struct place *place)
{
	size_t bytes = 4 * (size_t)DIRECTORY_CHUNK_MAX + edit_room(edit, true) + 512;

	return stage_reserve(writer, bytes + STAGE_TABLE_BYTES(place->table.record->depth + 1));
}

/* The place of the edit, and room for it. */
static int edit_begin(struct directory_writer *writer, struct edit *edit, uint32_t uid,
		      struct place *ret)
{
	const struct directory_file *file = stage_file(writer);
	int r = place_edit(writer, edit, uid, ret);

	if (r == 0)
		r = edit_reserve(writer, edit, ret);
	if (r == 0 && stage_file(writer) != file) /* all of it has moved */
		r = place_edit(writer, edit, uid, ret);
	return r;
}

/* One step: 0 it is in; 1 there is more room now. */
static int member_put(struct directory_writer *writer, uint32_t gid, uint32_t uid, const char *name)
{
	struct edit edit = { .gid = gid, .skip_uid = uid, .add_uid = uid, .add_name = name };
	struct place place;
	int r = edit_begin(writer, &edit, uid, &place);

	if (r == -ENODATA) {
		r = table_begin(writer, gid);
		return r < 0 ? r : 1;
	}
	if (r < 0)
		return r;
	/* Ids that agree in so many bits are no accident; their chunk may grow. */
	if (edit_size(&edit) > DIRECTORY_CHUNK_MAX && place.depth < DIRECTORY_DEPTH_MAX) {
		r = place_split(writer, &place);
		return r < 0 ? r : 1;
	}
	return place_write(writer, &place, &edit);
}

int directory_writer_put_member(struct directory_writer *writer, uint32_t gid, uint32_t uid,
				const char *name)
{
	int r;

	if (strlen(name) >= UINT8_MAX)
		return -EINVAL;
	while ((r = member_put(writer, gid, uid, name)) == 1)
		;
	if (r == 0)
		build_note(writer, CHANGE_MEMBER, gid, uid);
	return r;
}

int directory_writer_remove_member(struct directory_writer *writer, uint32_t gid, uint32_t uid)
{
	struct edit edit = { .gid = gid, .skip_uid = uid };
	struct place place;
	int r = edit_begin(writer, &edit, uid, &place);

	if (r < 0)
		return r == -ENODATA ? 0 : r;
	if (place.slot == 0 || edit.count == place.members.count)
		return 0;
	build_note(writer, CHANGE_MEMBER, gid, uid);
	return place_write(writer, &place, &edit);
}
