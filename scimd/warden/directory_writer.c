#include "scimd/warden/directory_stage.h"

#include "scimd/base/clock.h"

#define HEAP_SLACK (128u * 1024u)
#define JOURNAL_MAX (16u * 1024u * 1024u) /* a batch that sets more slots makes a new file */
#define FLUSH_US 1000000u /* slots of so long a time go to the disk at once: many lie together */

/* --- users ------------------------------------------------------------------------------------ */

static uint32_t put_detail(struct directory_file *file, const struct directory_user_entry *entry)
{
	struct directory_detail_record *record;
	uint32_t units;

	record = stage_append(file, sizeof(*record) + entry->detail_size, DIRECTORY_RECORD_DETAIL,
			       0, entry->uid, &units);
	record->text_size = entry->detail_size;
	record->role_count = entry->role_count;
	record->key_count = entry->key_count;
	record->env_count = entry->env_count;
	memcpy(record + 1, entry->detail_text, entry->detail_size);
	stage_seal(&record->head, units);
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

	record = stage_append(file, user_size(entry), DIRECTORY_RECORD_USER, entry->flags,
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
	stage_seal(&record->head, units);
	return units;
}

int stage_user_name(struct directory_writer *writer, const struct directory_user *old_user, uint32_t old,
		    const struct directory_user *user, uint32_t units)
{
	bool had = old != 0 && !(old_user->flags & DIRECTORY_DELETED);
	bool has = !(user->flags & DIRECTORY_DELETED);
	uint64_t hash = stage_name_hash(writer, user->name, user->name_size);
	uint64_t old_hash = had ? stage_name_hash(writer, old_user->name, old_user->name_size) : 0;
	int r = 0;

	if (had && has && old_user->name_size == user->name_size &&
	    memcmp(old_user->name, user->name, user->name_size) == 0)
		return stage_index_put(writer, DIRECTORY_USER_BY_NAME, hash, old, units);
	if (had)
		r = stage_index_remove(writer, DIRECTORY_USER_BY_NAME, old_hash, old);
	if (r == 0 && has)
		r = stage_index_put(writer, DIRECTORY_USER_BY_NAME, hash, 0, units);
	return r;
}

/* The details of a deleted user are nobody's business any more. */
static uint32_t user_detail(struct directory_file *file, const struct directory_user_entry *entry,
			    uint32_t old)
{
	bool drop = entry->flags & DIRECTORY_DELETED;

	if (old && (drop || entry->detail_text))
		stage_forget(file, old);
	if (drop)
		return 0;
	return entry->detail_text ? put_detail(file, entry) : old;
}

int directory_writer_put_user(struct directory_writer *writer,
			      const struct directory_user_entry *entry)
{
	struct directory_user old_user = { 0 }, user = { .flags = entry->flags, .name = entry->name,
							 .name_size = strlen(entry->name) };
	uint32_t old = 0, detail, units;
	int r;

	r = stage_reserve(writer, stage_padded(user_size(entry)) +
				    stage_padded(sizeof(struct directory_detail_record) +
					   entry->detail_size));
	if (r == 0)
		r = stage_user(writer, entry->uid, &old_user, &old);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT)
		old = 0;
	build_note(writer, CHANGE_USER, 0, entry->uid);
	if (old)
		stage_forget(stage_file(writer), old);
	detail = user_detail(stage_file(writer), entry, old_user.detail);
	units = put_user_record(stage_file(writer), entry, detail);
	r = stage_index_put(writer, DIRECTORY_USER_BY_ID, directory_hash_id(entry->uid), old, units);
	return r < 0 ? r : stage_user_name(writer, &old_user, old, &user, units);
}

int directory_writer_put_shadow(struct directory_writer *writer, uint32_t uid, const char *hash,
				uint32_t changed_day)
{
	struct directory_shadow_record *record;
	size_t size = sizeof(*record) + strlen(hash) + 1;
	uint32_t units, old = 0;
	int r = stage_reserve(writer, stage_padded(size));

	if (r == 0)
		r = stage_find(writer, DIRECTORY_USER_BY_ID, uid, &old);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT)
		old = 0;
	build_note(writer, CHANGE_USER, 0, uid);
	if (old)
		stage_forget(stage_file(writer), old);
	record = stage_append(stage_file(writer), size, DIRECTORY_RECORD_SHADOW, 0, uid, &units);
	record->hash_size = (uint32_t)strlen(hash);
	record->changed_day = changed_day;
	memcpy(record + 1, hash, strlen(hash));
	stage_seal(&record->head, units);
	return stage_index_put(writer, DIRECTORY_USER_BY_ID, directory_hash_id(uid), old, units);
}

/* --- groups ----------------------------------------------------------------------------------- */

uint32_t stage_group_record(struct directory_file *file, uint32_t gid, uint16_t flags,
				 const char *name, size_t name_size, uint32_t table)
{
	struct directory_group_record *record;
	uint32_t units;

	record = stage_append(file, sizeof(*record) + name_size + 1, DIRECTORY_RECORD_GROUP, flags,
			       gid, &units);
	record->name_size = (uint16_t)name_size;
	record->table = table;
	memcpy(record + 1, name, name_size);
	stage_seal(&record->head, units);
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

	r = stage_reserve(writer, stage_padded(sizeof(struct directory_group_record) + size + 1));
	if (r < 0)
		return r;
	r = stage_group(writer, gid, &old_group, &old);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT)
		old = 0;
	build_note(writer, CHANGE_GROUP, gid, 0);
	if (old)
		stage_forget(stage_file(writer), old);
	hash = stage_name_hash(writer, name, size);
	units = stage_group_record(stage_file(writer), gid, flags, name, size, old ? old_group.table : 0);
	r = stage_index_put(writer, DIRECTORY_GROUP_BY_ID, directory_hash_id(gid), old, units);
	if (r < 0)
		return r;
	if (old && strcmp(old_group.name, name) == 0)
		return stage_index_put(writer, DIRECTORY_GROUP_BY_NAME, hash, old, units);
	if (old)
		r = stage_index_remove(writer, DIRECTORY_GROUP_BY_NAME,
				 stage_name_hash(writer, old_group.name, old_group.name_size), old);
	return r < 0 ? r : stage_index_put(writer, DIRECTORY_GROUP_BY_NAME, hash, 0, units);
}

/* The record of a group and all that hangs on it. */
static int group_forget(struct directory_writer *writer, const struct directory_group *group,
			uint32_t units)
{
	struct stage_table table;
	int r = stage_table_get(writer, group, &table);

	if (r < 0 && r != -ENOENT)
		return r;
	for (uint64_t i = 0; r == 0 && i < table.count; i++) {
		uint64_t slot = stage_slot_read(writer, table.slots + i * sizeof(uint64_t));
		const struct directory_chunk_record *chunk;

		if (slot == 0)
			continue;
		chunk = (const void *)stage_head(writer, directory_slot_units(slot));
		if (chunk->prefix == i)
			stage_forget(stage_file(writer), directory_slot_units(slot));
	}
	if (r == 0)
		stage_forget(stage_file(writer), group->table);
	stage_forget(stage_file(writer), units);
	return 0;
}

int directory_writer_remove_group(struct directory_writer *writer, uint32_t gid)
{
	struct directory_group group;
	uint32_t units;
	int r = stage_group(writer, gid, &group, &units);

	if (r == 0)
		r = group_forget(writer, &group, units);
	if (r < 0)
		return r;
	build_note(writer, CHANGE_GROUP_GONE, gid, 0);
	r = stage_index_remove(writer, DIRECTORY_GROUP_BY_NAME,
			       stage_name_hash(writer, group.name, group.name_size), units);
	if (r < 0)
		return r;
	return stage_index_remove(writer, DIRECTORY_GROUP_BY_ID, directory_hash_id(gid), units);
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
	*ret_damaged = r == -EIO;
	if (r == 0)
		r = stage_usage_count(writer);
	if (r < 0 && r != -ENOENT && r != -EIO)
		return r;
	*ret = TAKE_PTR(writer);
	return 0;
}

void directory_writer_closep(struct directory_writer **writer)
{
	if (!*writer)
		return;
	build_give_up(*writer);
	directory_file_closep(&(*writer)->next);
	directory_file_closep(&(*writer)->published);
	while ((*writer)->retired) {
		struct directory_file *file = (*writer)->retired;

		(*writer)->retired = file->next;
		directory_file_closep(&file);
	}
	overlay_done(&(*writer)->overlay);
	free(*writer);
	*writer = NULL;
}

const struct directory_view *directory_writer_view(const struct directory_writer *writer)
{
	return writer->published ? &writer->published->view : NULL;
}

bool directory_writer_is_in_place(const struct directory_writer *writer)
{
	return writer->published &&
	       directory_file_is_in_place(writer->published, &writer->options);
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
		[DIRECTORY_USER_BY_NAME] = stage_log2(users),
		[DIRECTORY_USER_BY_ID] = stage_log2(users),
		[DIRECTORY_GROUP_BY_NAME] = stage_log2(groups),
		[DIRECTORY_GROUP_BY_ID] = stage_log2(groups),
	};
	int r = directory_file_create(&writer->options, instance, log2,
				      HEAP_SLACK + (uint64_t)users * 768 + (uint64_t)groups * 512,
				      &next);

	if (r < 0)
		return r;
	(void)directory_file_touch(next, UINT64_MAX);
	overlay_clear(&writer->overlay);
	directory_file_closep(&writer->next);
	writer->next = next;
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct directory_journal_entry *left = a, *right = b;

	return left->offset < right->offset ? -1 : left->offset > right->offset;
}

uint64_t stage_journal_size(const struct directory_writer *writer)
{
	return stage_padded(sizeof(struct directory_journal_record) +
			    writer->overlay.count * sizeof(struct directory_journal_entry));
}

/* The last record of a batch: the slots it sets, in ascending order. Reserved by the caller. */
static const struct directory_journal_record *journal_append(struct directory_writer *writer,
							     uint64_t revision)
{
	struct directory_journal_record *journal;
	struct directory_journal_entry *entries;
	size_t count = 0;
	uint32_t units;

	journal = stage_append(writer->published, stage_journal_size(writer),
			       DIRECTORY_RECORD_JOURNAL, 0, 0, &units);
	journal->revision = revision;
	journal->count = (uint32_t)writer->overlay.count;
	entries = (void *)(journal + 1);
	for (size_t i = 0; i < writer->overlay.capacity; i++)
		if (writer->overlay.entries[i].offset)
			entries[count++] = (struct directory_journal_entry){
				writer->overlay.entries[i].offset, writer->overlay.entries[i].value
			};
	qsort(entries, count, sizeof(*entries), compare_entries);
	stage_seal(&journal->head, units);
	stage_forget(writer->published, units);
	return journal;
}

/* Same file: what is new to the disk in one piece, then the slots that everybody sees. Nobody sees a file
 * of a build: it is synced later. */
int stage_publish(struct directory_writer *writer, uint64_t revision, uint64_t *ret_durable_us,
		  uint64_t *ret_visible_us)
{
	struct directory_file *file = writer->published;
	struct directory_header *header = directory_file_header(file);
	const struct directory_journal_record *journal = journal_append(writer, revision);
	const struct directory_journal_entry *entries = (const void *)(journal + 1);
	int r = directory_file_write_heap(file, !writer->is_fixed);

	if (r < 0)
		return r;
	*ret_durable_us = clock_now_us();
	for (uint32_t i = 0; i < journal->count; i++)
		stage_slot_store(file, entries[i].offset, entries[i].value);
	__atomic_store_n(&header->heap_used, file->heap_used, __ATOMIC_RELEASE);
	__atomic_store_n(&header->revision, revision, __ATOMIC_RELEASE);
	*ret_visible_us = clock_now_us();
	file->committed = file->usage;
	overlay_clear(&writer->overlay);
	if (!file->flush_after_us && !writer->is_fixed)
		file->flush_after_us = clock_monotonic_us() + FLUSH_US;
	return directory_file_write_slots(file, entries, journal->count);
}

/* A new file, whole. */
static int write_next(struct directory_writer *writer)
{
	struct directory_file *file = writer->next;
	int r = directory_file_write(file, &writer->options);

	if (r == 0)
		r = directory_file_rename(&writer->options, writer->published);
	if (r < 0)
		directory_file_unwrite(file, &writer->options);
	return r;
}

/* Under its name it is what readers get, whatever comes after. */
static int commit_next(struct directory_writer *writer, uint64_t revision, uint64_t *ret_durable_us,
		       uint64_t *ret_visible_us)
{
	int r;

	build_give_up(writer);
	directory_file_seal(writer->next, revision);
	r = write_next(writer);
	if (r < 0)
		return r;
	r = directory_file_folder_sync(&writer->options);
	*ret_durable_us = clock_now_us();
	stage_retire(writer, &writer->published);
	*ret_visible_us = clock_now_us();
	writer->published = TAKE_PTR(writer->next);
	writer->published->is_suspect = r < 0;
	overlay_clear(&writer->overlay);
	return r;
}

int directory_writer_commit(struct directory_writer *writer, uint64_t revision,
			    uint64_t *ret_durable_us, uint64_t *ret_visible_us)
{
	uint64_t size = stage_journal_size(writer);
	int r = 0;

	if (!stage_file(writer))
		return -EIO;
	if (!writer->next && (size > JOURNAL_MAX || size > directory_file_room(writer->published) ||
			      writer->published->is_suspect))
		r = stage_grow(writer, 0);
	if (r < 0)
		return r;
	if (writer->next)
		return commit_next(writer, revision, ret_durable_us, ret_visible_us);
	r = stage_publish(writer, revision, ret_durable_us, ret_visible_us);
	if (stage_is_empty(writer))
		build_notes_keep(writer);
	return r;
}

void directory_writer_abort(struct directory_writer *writer)
{
	overlay_clear(&writer->overlay);
	directory_file_closep(&writer->next);
	build_notes_drop(writer);
	if (!writer->published)
		return;
	writer->published->heap_used = directory_file_header(writer->published)->heap_used;
	writer->published->usage = writer->published->committed;
}

bool directory_writer_is_staged(const struct directory_writer *writer)
{
	return !stage_is_empty(writer);
}

void directory_writer_set_range(struct directory_writer *writer, uint32_t uid_min, uint32_t uid_max)
{
	writer->options.uid_min = uid_min;
	writer->options.uid_max = uid_max;
}

void directory_writer_usage(const struct directory_writer *writer, struct directory_writer_usage *ret)
{
	const struct directory_file *file = writer->published;

	*ret = (struct directory_writer_usage){ 0 };
	if (!file)
		return;
	ret->users = file->committed.entries[DIRECTORY_USER_BY_NAME];
	ret->groups = file->committed.entries[DIRECTORY_GROUP_BY_ID];
	ret->content = directory_file_content(file);
	ret->size = file->size;
}
