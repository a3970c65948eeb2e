/* How large a file has to be, and going on in a larger one at once when a batch does not fit. */
#include "scimd/warden/directory_stage.h"

#include "scimd/base/log.h"

#define LOG2_MIN 6u
#define HEAP_SLACK (128u * 1024u)

uint32_t stage_log2(uint64_t count)
{
	uint32_t log2 = LOG2_MIN;

	while (log2 < DIRECTORY_LOG2_MAX && UINT64_C(1) << log2 < count * 3 + 8)
		log2++;
	return log2;
}

/* Twice its content and a little: when small records have long indexes, less room than else. */
static uint64_t heap_size(const struct directory_usage *usage, const uint32_t *log2, size_t need)
{
	uint64_t tables = 0, content = usage->bytes, room = usage->bytes / 2;

	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++) {
		tables += sizeof(uint64_t) << log2[i];
		content += usage->entries[i] * sizeof(uint64_t);
	}
	if (tables + usage->bytes + room > content / 4 * 9)
		room = usage->bytes / 4;
	return usage->bytes + room + 2 * need + HEAP_SLACK;
}

int stage_file_for(const struct directory_writer *from, size_t need, struct directory_file **ret)
{
	const struct directory_file *file = stage_file(from);
	uint32_t log2[DIRECTORY_INDEX_COUNT];

	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++)
		log2[i] = stage_log2(file->usage.entries[i]);
	return directory_file_create(&from->options, directory_file_header(file)->instance, log2,
				     heap_size(&file->usage, log2, need), ret);
}

static bool tables_are_full(const struct directory_file *file, uint64_t more)
{
	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++)
		if ((file->usage.slots[i] + more) * 2 >
		    UINT64_C(1) << file->view.geometry->tables[i].log2)
			return true;
	return false;
}

/* Early enough for a new one to be ready in time. */
bool stage_is_tight(const struct directory_file *file)
{
	for (size_t i = 0; i < DIRECTORY_INDEX_COUNT; i++)
		if (file->usage.slots[i] * 16 > UINT64_C(7) << file->view.geometry->tables[i].log2)
			return true;
	return directory_file_room(file) < file->usage.bytes / 8 + HEAP_SLACK / 2;
}

bool stage_is_loose(const struct directory_file *file)
{
	return file->size > directory_file_content(file) / 2 * 5 + DIRECTORY_SIZE_SLACK;
}

/* Go on in a new file with the live content and room for `need` bytes more. */
int stage_grow(struct directory_writer *writer, size_t need)
{
	_cleanup_(directory_file_closep) struct directory_file *to = NULL;
	_cleanup_(carry_done) struct carry carry = { 0 };
	struct directory_writer target = { .options = writer->options, .is_fixed = true };
	int r;

	if (writer->build)
		log_warning("%s is full before a larger one is ready: waiting for it",
			    writer->options.name);
	r = stage_file_for(writer, need, &to);
	if (r < 0)
		return r;
	(void)directory_file_touch(to, UINT64_MAX);
	target.next = to;
	r = carry_step(writer, &target, &carry, UINT64_MAX);
	if (r < 0)
		return r;
	overlay_clear(&writer->overlay);
	directory_file_closep(&writer->next);
	writer->next = TAKE_PTR(to);
	writer->strewn = 0;
	return 0;
}

/* Room for `bytes` of records and two entries in each index; may move everything to a new file, so
 * look things up after it. */
int stage_reserve(struct directory_writer *writer, size_t bytes)
{
	struct directory_file *file = stage_file(writer);

	if (!file)
		return -EIO;
	if (directory_file_room(file) >= bytes && !tables_are_full(file, 2))
		return 0;
	return writer->is_fixed ? -ENOBUFS : stage_grow(writer, bytes);
}

/* --- counting ------------------------------------------------------------------------------------- */

static int count_members(const struct directory_writer *writer, uint32_t group_units,
			 struct directory_usage *usage)
{
	struct stage_table table;
	struct directory_group group;
	int r = directory_record_group(&stage_file(writer)->view, group_units, &group);

	if (r == 0)
		r = stage_table_get(writer, &group, &table);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	usage->bytes += table.record->head.size;
	for (uint64_t i = 0; i < table.count; i++) {
		uint64_t slot = stage_slot_read(writer, table.slots + i * sizeof(uint64_t));
		const struct directory_chunk_record *chunk;

		if (slot == 0)
			continue;
		chunk = (const void *)stage_head(writer, directory_slot_units(slot));
		usage->bytes += chunk->prefix == i ? chunk->head.size : 0;
	}
	return 0;
}

static int count_record(const struct directory_writer *writer, enum directory_index index,
			uint32_t units, struct directory_usage *usage)
{
	const struct directory_record *head = stage_head(writer, units);
	const struct directory_user_record *user = (const void *)head;

	usage->entries[index]++;
	if (index != DIRECTORY_USER_BY_ID && index != DIRECTORY_GROUP_BY_ID)
		return 0;
	usage->bytes += head->size;
	if (index == DIRECTORY_USER_BY_ID)
		stage_span_add(usage, head->id);
	if (head->type == DIRECTORY_RECORD_USER && user->detail)
		usage->bytes += stage_head(writer, user->detail)->size;
	return index == DIRECTORY_GROUP_BY_ID ? count_members(writer, units, usage) : 0;
}

int stage_usage_count(struct directory_writer *writer)
{
	struct directory_usage usage = { .user_span = DIRECTORY_SPAN_NONE };
	int r = 0;

	for (enum directory_index i = 0; i < DIRECTORY_INDEX_COUNT; i++) {
		const struct directory_table *table =
			&writer->published->view.geometry->tables[i];

		for (uint64_t n = 0; r == 0 && n < UINT64_C(1) << table->log2; n++) {
			uint64_t slot = stage_slot_read(writer, table->offset + n * sizeof(slot));

			usage.slots[i] += slot != 0;
			if (slot != 0 && directory_slot_units(slot) != DIRECTORY_GONE)
				r = count_record(writer, i, directory_slot_units(slot), &usage);
		}
	}
	if (r < 0)
		usage.user_span = (uint64_t)UINT32_MAX << 32; /* not all were seen: any */
	writer->published->usage = writer->published->committed = usage;
	stage_span_store(writer->published);
	return r;
}
