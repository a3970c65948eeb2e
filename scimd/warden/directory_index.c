#include "scimd/warden/directory_stage.h"

/* --- slots ------------------------------------------------------------------------------------ */

uint64_t stage_slot_read(const struct directory_writer *writer, uint64_t offset)
{
	uint64_t value;

	if (!writer->next && overlay_get(&writer->overlay, offset, &value))
		return value;
	return directory_slot_load(&stage_file(writer)->view, offset);
}

void stage_slot_store(struct directory_file *file, uint64_t offset, uint64_t value)
{
	__atomic_store_n((uint64_t *)(void *)(file->base + offset), value, __ATOMIC_RELEASE);
}

int stage_slot_write(struct directory_writer *writer, uint64_t offset, uint64_t value)
{
	if (!writer->next)
		return overlay_set(&writer->overlay, offset, value);
	stage_slot_store(writer->next, offset, value);
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
	const struct directory_table *table = &stage_file(writer)->view.geometry->tables[index];
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
		uint64_t slot = stage_slot_read(writer, probe_offset(&probe));

		if (slot == 0)
			return -EIO;
		if (directory_slot_units(slot) == units) {
			*ret_offset = probe_offset(&probe);
			return 0;
		}
	} while (probe_next(&probe));
	return -EIO;
}

void stage_span_add(struct directory_usage *usage, uint32_t uid)
{
	uint32_t low = (uint32_t)usage->user_span, high = (uint32_t)(usage->user_span >> 32);

	usage->user_span = (uint64_t)(uid > high ? uid : high) << 32 | (uid < low ? uid : low);
}

void stage_span_store(struct directory_file *file)
{
	__atomic_store_n(&directory_file_header(file)->user_span, file->usage.user_span,
			 __ATOMIC_RELEASE);
}

static int index_insert(struct directory_writer *writer, enum directory_index index, uint64_t hash,
			uint32_t units)
{
	struct probe probe = probe_begin(writer, index, hash);

	do {
		uint64_t slot = stage_slot_read(writer, probe_offset(&probe));

		if (slot != 0 && directory_slot_units(slot) != DIRECTORY_GONE)
			continue;
		stage_file(writer)->usage.slots[index] += slot == 0;
		stage_file(writer)->usage.entries[index]++;
		if (index == DIRECTORY_USER_BY_ID) {
			stage_span_add(&stage_file(writer)->usage, stage_head(writer, units)->id);
			stage_span_store(stage_file(writer));
		}
		return stage_slot_write(writer, probe_offset(&probe), directory_slot(units, hash, index));
	} while (probe_next(&probe));
	return -EIO; /* room was reserved: cannot happen in a sound file */
}

/* Point the entry from old (0: a new entry) to units. */
int stage_index_put(struct directory_writer *writer, enum directory_index index, uint64_t hash,
		     uint32_t old, uint32_t units)
{
	uint64_t offset;
	int r;

	if (old == 0)
		return index_insert(writer, index, hash, units);
	r = index_locate(writer, index, hash, old, &offset);
	return r < 0 ? r : stage_slot_write(writer, offset, directory_slot(units, hash, index));
}

int stage_index_remove(struct directory_writer *writer, enum directory_index index, uint64_t hash,
			uint32_t old)
{
	uint64_t offset;
	int r = index_locate(writer, index, hash, old, &offset);

	if (r < 0)
		return r;
	stage_file(writer)->usage.entries[index]--;
	return stage_slot_write(writer, offset, directory_slot(DIRECTORY_GONE, 0, index));
}

uint64_t stage_name_hash(const struct directory_writer *writer, const char *name, size_t size)
{
	return directory_hash_name(name, size, stage_file(writer)->view.geometry->seed);
}

/* The next record with the hash's tag, from a fresh probe on. -ENOENT at the end. */
static int candidate_next(const struct directory_writer *writer, struct probe *probe, uint64_t hash,
			  uint32_t *ret_units)
{
	while (probe->steps <= probe->mask) {
		uint64_t slot = stage_slot_read(writer, probe_offset(probe));

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

/* --- lookups ---------------------------------------------------------------------------------- */

/* What a record is found by. */
struct key {
	const char *name; /* NULL: by id */
	size_t name_size;
	uint32_t id;
};

static bool record_is(const struct directory_record *head, const struct key *key)
{
	const struct directory_user_record *user = (const void *)head;
	const struct directory_group_record *group = (const void *)head;
	const char *name;

	if (!key->name)
		return head->id == key->id;
	if (head->type == DIRECTORY_RECORD_USER) {
		name = (const char *)(user + 1) + user->group_count * sizeof(uint32_t);
		return user->name_size == key->name_size &&
		       memcmp(name, key->name, key->name_size) == 0;
	}
	name = (const char *)(group + 1);
	return group->name_size == key->name_size && memcmp(name, key->name, key->name_size) == 0;
}

static int find(const struct directory_writer *writer, enum directory_index index,
		const struct key *key, uint32_t *ret_units)
{
	const struct directory_file *file = stage_file(writer);
	struct probe probe;
	uint64_t hash;
	int r;

	if (!file)
		return -ENOENT;
	hash = key->name ? stage_name_hash(writer, key->name, key->name_size)
			 : directory_hash_id(key->id);
	probe = probe_begin(writer, index, hash);
	while ((r = candidate_next(writer, &probe, hash, ret_units)) == 0) {
		uint64_t offset = (uint64_t)*ret_units * DIRECTORY_UNIT;

		if (offset < file->view.geometry->heap_offset ||
		    offset > file->size - sizeof(struct directory_user_record))
			return -EIO;
		if (record_is(stage_head(writer, *ret_units), key))
			return 0;
	}
	return r;
}

int stage_find(const struct directory_writer *writer, enum directory_index index, uint32_t id,
	       uint32_t *ret_units)
{
	return find(writer, index, &(struct key){ .id = id }, ret_units);
}

int stage_user(const struct directory_writer *writer, uint32_t uid, struct directory_user *ret,
	       uint32_t *ret_units)
{
	int r = stage_find(writer, DIRECTORY_USER_BY_ID, uid, ret_units);

	return r < 0 ? r : directory_record_user(&stage_file(writer)->view, *ret_units, ret);
}

int stage_group(const struct directory_writer *writer, uint32_t gid, struct directory_group *ret,
		uint32_t *ret_units)
{
	int r = stage_find(writer, DIRECTORY_GROUP_BY_ID, gid, ret_units);

	return r < 0 ? r : directory_record_group(&stage_file(writer)->view, *ret_units, ret);
}

int directory_writer_user(struct directory_writer *writer, uint32_t uid, struct directory_user *ret)
{
	uint32_t units;

	return stage_user(writer, uid, ret, &units);
}

int directory_writer_user_named(struct directory_writer *writer, const char *name, size_t name_size,
				struct directory_user *ret)
{
	uint32_t units;
	int r = find(writer, DIRECTORY_USER_BY_NAME,
		     &(struct key){ .name = name, .name_size = name_size }, &units);

	return r < 0 ? r : directory_record_user(&stage_file(writer)->view, units, ret);
}

int directory_writer_group(struct directory_writer *writer, uint32_t gid,
			   struct directory_group *ret)
{
	uint32_t units;

	return stage_group(writer, gid, ret, &units);
}

int directory_writer_group_named(struct directory_writer *writer, const char *name,
				 size_t name_size, struct directory_group *ret)
{
	uint32_t units;
	int r = find(writer, DIRECTORY_GROUP_BY_NAME,
		     &(struct key){ .name = name, .name_size = name_size }, &units);

	return r < 0 ? r : directory_record_group(&stage_file(writer)->view, units, ret);
}

/* --- records ---------------------------------------------------------------------------------- */

/* Room at the end of the heap for a record of `size` bytes, zeroed. The caller has reserved it. */
void *stage_append(struct directory_file *file, size_t size, uint16_t type, uint16_t flags,
			   uint32_t id, uint32_t *ret_units)
{
	uint64_t offset = file->view.geometry->heap_offset + file->heap_used;
	struct directory_record *head = (void *)(file->base + offset);

	size = stage_padded(size);
	memset(head, 0, size);
	*head = (struct directory_record){ .size = (uint32_t)size, .type = type, .flags = flags,
					   .id = id };
	file->heap_used += size;
	file->usage.bytes += size;
	*ret_units = (uint32_t)(offset / DIRECTORY_UNIT);
	return head;
}

void stage_seal(struct directory_record *head, uint32_t units)
{
	head->checksum = directory_file_checksum(head, (uint64_t)units * DIRECTORY_UNIT);
}

const struct directory_record *stage_head(const struct directory_writer *writer,
						  uint32_t units)
{
	return (const void *)(stage_file(writer)->base + (uint64_t)units * DIRECTORY_UNIT);
}

void stage_forget(struct directory_file *file, uint32_t units)
{
	const struct directory_record *head =
		(const void *)(file->base + (uint64_t)units * DIRECTORY_UNIT);

	file->usage.bytes -= head->size;
}
