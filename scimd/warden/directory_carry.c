/* Bringing one file to what another state holds, in pieces: for a larger or compacted one. Whatever is
 * carried twice is right twice, so nobody needs to know what was carried already. */
#include "scimd/warden/directory_stage.h"

#include "scimd/base/clock.h"

#define SLOTS_AT_ONCE 2048u
#define CHUNKS_AT_ONCE 16u
#define SPARSE_BYTES 256u /* of chunks for a slot: below, the member table is too long */

static uint32_t record_copy(struct directory_file *to, const struct directory_record *head)
{
	uint32_t units;
	void *copy = stage_append(to, head->size, head->type, head->flags, head->id, &units);

	memcpy(copy, head, head->size);
	stage_seal(copy, units);
	return units;
}

static int carry_shadow(struct directory_writer *to, const struct directory_record *head)
{
	uint32_t old = 0;
	int r = stage_reserve(to, head->size);

	if (r == 0)
		r = stage_find(to, DIRECTORY_USER_BY_ID, head->id, &old);
	if (r < 0 && r != -ENOENT)
		return r;
	if (old)
		stage_forget(stage_file(to), old);
	return stage_index_put(to, DIRECTORY_USER_BY_ID, directory_hash_id(head->id), old,
			       record_copy(stage_file(to), head));
}

static int user_reserve(const struct directory_writer *from, struct directory_writer *to,
			const struct directory_record *head, const struct directory_user *user)
{
	size_t size = head->size;

	if (user->detail)
		size += stage_head(from, user->detail)->size;
	return stage_reserve(to, size);
}

static int carry_user(const struct directory_writer *from, struct directory_writer *to,
		      uint32_t units)
{
	const struct directory_record *head = stage_head(from, units);
	struct directory_user_record *copy;
	struct directory_user user, old_user;
	uint32_t old = 0, placed;
	int r;

	if (head->type == DIRECTORY_RECORD_SHADOW)
		return carry_shadow(to, head);
	r = directory_record_user(&stage_file(from)->view, units, &user);
	if (r == 0)
		r = user_reserve(from, to, head, &user);
	if (r < 0)
		return r;
	r = stage_user(to, user.uid, &old_user, &old);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT)
		old = 0;
	else if (old_user.detail)
		stage_forget(stage_file(to), old_user.detail);
	if (old)
		stage_forget(stage_file(to), old);
	if (user.detail)
		user.detail = record_copy(stage_file(to), stage_head(from, user.detail));
	placed = record_copy(stage_file(to), head);
	copy = (void *)(uintptr_t)stage_head(to, placed);
	copy->detail = user.detail;
	stage_seal(&copy->head, placed);
	r = stage_index_put(to, DIRECTORY_USER_BY_ID, directory_hash_id(user.uid), old, placed);
	return r < 0 ? r : stage_user_name(to, &old_user, old, &user, placed);
}

/* --- groups --------------------------------------------------------------------------------------- */

/* A table as long as the one that is copied, still empty, right behind a record of its group: whoever reads
 * one asks for the other. */
static int table_put(struct directory_writer *to, const struct directory_group *group, uint32_t depth)
{
	size_t size = stage_padded(sizeof(struct directory_group_record) + group->name_size + 1);
	struct directory_table_record *table;
	uint32_t units, old;
	int r = stage_reserve(to, STAGE_TABLE_BYTES(depth) + group->name_size + 256);

	if (r == 0)
		r = stage_find(to, DIRECTORY_GROUP_BY_ID, group->gid, &old);
	if (r < 0)
		return r;
	r = stage_group_table(to, group, old, stage_end(stage_file(to)) + (uint32_t)(size / DIRECTORY_UNIT));
	if (r < 0)
		return r;
	table = stage_append(stage_file(to), STAGE_TABLE_BYTES(depth), DIRECTORY_RECORD_TABLE, 0,
			     group->gid, &units);
	table->depth = depth;
	stage_seal(&table->head, units);
	return 0;
}

/* Whether there are hardly any members for so long a table. */
static bool table_is_sparse(const struct directory_writer *from, const struct carry *carry)
{
	uint64_t bytes = 0, enough = carry->count * SPARSE_BYTES;

	for (uint64_t i = 0; i < carry->count && bytes < enough; i++) {
		const struct directory_chunk_record *chunk;

		if (carry->slots[i] == 0)
			continue;
		chunk = (const void *)stage_head(from, directory_slot_units(carry->slots[i]));
		bytes += chunk->prefix == i ? chunk->head.size : 0;
	}
	return carry->count > 1 && bytes < enough;
}

static int group_begin(const struct directory_writer *from, struct directory_writer *to,
		       uint32_t units, struct carry *carry)
{
	struct directory_group group;
	struct stage_table table;
	int r = directory_record_group(&stage_file(from)->view, units, &group);

	if (r < 0)
		return r;
	/* Removed and made again during the walk, it can be met twice: its members as they are now. */
	r = directory_writer_remove_group(to, group.gid);
	if (r == 0 || r == -ENOENT)
		r = directory_writer_put_group(to, group.gid, group.flags, group.name);
	if (r == 0)
		r = stage_table_get(from, &group, &table);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	carry->slots = calloc(table.count, sizeof(*carry->slots));
	if (!carry->slots)
		return -ENOMEM;
	for (uint64_t i = 0; i < table.count; i++)
		carry->slots[i] = stage_slot_read(from, table.slots + i * sizeof(uint64_t));
	carry->gid = group.gid;
	carry->count = table.count;
	carry->at = 0;
	carry->is_sparse = table_is_sparse(from, carry);
	return carry->is_sparse ? 0 : table_put(to, &group, table.record->depth);
}

static int members_put(struct directory_writer *to, uint32_t gid,
		       const struct directory_members *members)
{
	const char *name = members->names;
	int r = 0;

	for (size_t i = 0; r == 0 && i < members->count; i++) {
		r = directory_writer_put_member(to, gid, members->uids[i], name);
		name = directory_string_next(name);
	}
	return r;
}

/* Without room to grow. */
static uint64_t chunk_copy(struct directory_file *to, const struct directory_chunk_record *chunk)
{
	size_t size = directory_chunk_size(chunk->count, chunk->text_size);
	struct directory_chunk_record *copy;
	uint32_t units;

	copy = stage_append(to, size, DIRECTORY_RECORD_CHUNK, chunk->head.flags, chunk->head.id, &units);
	memcpy(&copy->head + 1, &chunk->head + 1, size - sizeof(chunk->head));
	stage_seal(&copy->head, units);
	return directory_chunk_slot(units, directory_chunk_uids_at(chunk->count, chunk->text_size),
				    chunk->head.id);
}

/* The chunk at every slot that is its. */
static int chunk_put(struct directory_writer *to, uint32_t gid,
		     const struct directory_chunk_record *chunk)
{
	struct directory_group group;
	struct stage_table table;
	uint32_t units;
	uint64_t slot;
	int r = stage_reserve(to, chunk->head.size);

	if (r == 0)
		r = stage_group(to, gid, &group, &units);
	if (r == 0)
		r = stage_table_get(to, &group, &table);
	if (r < 0)
		return r;
	slot = chunk_copy(stage_file(to), chunk);
	for (uint64_t i = chunk->prefix; r == 0 && i < table.count;
	     i += UINT64_C(1) << chunk->depth)
		r = stage_slot_write(to, table.slots + i * sizeof(uint64_t), slot);
	return r;
}

static int group_go_on(const struct directory_writer *from, struct directory_writer *to,
		       struct carry *carry)
{
	int r = 0;

	for (uint32_t n = 0; r == 0 && n < CHUNKS_AT_ONCE && carry->at < carry->count; carry->at++) {
		const struct directory_chunk_record *chunk;
		struct directory_members members;
		uint64_t slot = carry->slots[carry->at];

		if (slot == 0)
			continue;
		r = stage_chunk(from, slot, carry->gid, &chunk, &members);
		if (r < 0 || chunk->prefix != carry->at)
			continue;
		n++;
		r = carry->is_sparse ? members_put(to, carry->gid, &members)
				     : chunk_put(to, carry->gid, chunk);
	}
	if (r == 0 && carry->at == carry->count)
		carry_done(carry);
	return r;
}

/* --- everything ----------------------------------------------------------------------------------- */

void carry_done(struct carry *carry)
{
	free(carry->slots);
	carry->slots = NULL;
}

/* The next used slot of an index, in the order in which readers walk, who so find the records one behind
 * another. -EAGAIN: enough looked at; -ENOENT: that was all. */
static int slot_walk(const struct directory_writer *from, enum directory_index index,
		     uint64_t *cursor, uint32_t *ret_units)
{
	const struct directory_table *table = &stage_file(from)->view.geometry->tables[index];
	uint64_t mask = (UINT64_C(1) << table->log2) - 1;

	for (uint32_t n = 0; *cursor <= mask; n++) {
		uint64_t number, slot;

		if (n == SLOTS_AT_ONCE)
			return -EAGAIN;
		number = directory_walk_slot((*cursor)++, mask);
		slot = stage_slot_read(from, table->offset + number * sizeof(slot));
		if (slot != 0 && directory_slot_units(slot) != DIRECTORY_GONE) {
			*ret_units = directory_slot_units(slot);
			return 0;
		}
	}
	return -ENOENT;
}

/* One user, one group or a piece of it. 1: there is more. */
static int carry_one(const struct directory_writer *from, struct directory_writer *to,
		     struct carry *carry)
{
	uint32_t units;
	int r;

	if (carry->slots)
		r = group_go_on(from, to, carry);
	else if ((r = slot_walk(from, DIRECTORY_USER_BY_ID, &carry->users, &units)) == 0)
		r = carry_user(from, to, units);
	else if (r == -ENOENT &&
		 (r = slot_walk(from, DIRECTORY_GROUP_BY_ID, &carry->groups, &units)) == 0)
		r = group_begin(from, to, units, carry);
	else if (r == -ENOENT)
		return 0;
	return r < 0 && r != -EAGAIN ? r : 1;
}

int carry_step(const struct directory_writer *from, struct directory_writer *to, struct carry *carry,
	       uint64_t until_us)
{
	int r;

	do
		r = carry_one(from, to, carry);
	while (r > 0 && clock_monotonic_us() < until_us);
	return r;
}

/* --- one key -------------------------------------------------------------------------------------- */

static int carry_group(const struct directory_writer *from, struct directory_writer *to, uint32_t gid)
{
	struct directory_group group;
	uint32_t units;
	int r = stage_group(from, gid, &group, &units);

	if (r < 0) /* gone since: another note says so */
		return r == -ENOENT ? 0 : r;
	return directory_writer_put_group(to, gid, group.flags, group.name);
}

static int carry_member(const struct directory_writer *from, struct directory_writer *to,
			uint32_t gid, uint32_t uid)
{
	const char *name;
	int r = stage_member(from, gid, uid, &name);

	if (r == 0)
		r = directory_writer_put_member(to, gid, uid, name);
	else if (r == -ENOENT)
		r = directory_writer_remove_member(to, gid, uid);
	return r == -ENOENT ? 0 : r; /* that group is gone */
}

int carry_change(const struct directory_writer *from, struct directory_writer *to,
		 const struct change_note *note)
{
	uint32_t units;
	int r;

	switch (note->kind) {
	case CHANGE_USER:
		r = stage_find(from, DIRECTORY_USER_BY_ID, note->uid, &units);
		return r < 0 ? r : carry_user(from, to, units); /* a uid never goes away */
	case CHANGE_GROUP:
		return carry_group(from, to, note->gid);
	case CHANGE_GROUP_GONE:
		r = directory_writer_remove_group(to, note->gid);
		return r == -ENOENT ? 0 : r;
	case CHANGE_MEMBER:
		return carry_member(from, to, note->gid, note->uid);
	}
	return -EINVAL;
}
