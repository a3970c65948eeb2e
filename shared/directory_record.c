#include "shared/directory_record.h"

#include "shared/names.h"

#define PASSWORD_FIELD "x"
#define CONTROL_BELOW 0x20u
#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

/* Read exactly size bytes at offset; a file that got shorter is damaged. */
static int read_at(const struct directory_view *view, void *into, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t n = pread(view->fd, into, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		into = (unsigned char *)into + n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* A read may meet the writer in the middle of a store: half of it is not sound, and the next read gets
 * it whole. */
#define SLOT_READS 4

_apart_ int directory_slot_read_checked(const struct directory_view *view, uint64_t offset,
					uint32_t salt, uint64_t *ret)
{
	uint64_t slot = 0;
	int r = 0;

	for (int i = 0; i < SLOT_READS; i++) {
		if (view->base)
			slot = directory_slot_load(view, offset);
		else
			r = read_at(view, &slot, sizeof(slot), offset);
		if (r < 0)
			return r;
		if (slot == 0 || directory_slot_is_sound(slot, salt)) {
			*ret = slot;
			return 0;
		}
	}
	return -EIO;
}

/* Most records are smaller than this: one read gets them whole. */
#define FIRST_READ 512u

static bool size_is_sane(uint64_t size, uint16_t type, size_t fixed_size, uint64_t room)
{
	return size >= fixed_size && size % DIRECTORY_UNIT == 0 && size <= room &&
	       (type == DIRECTORY_RECORD_TABLE || size <= DIRECTORY_RECORD_MAX);
}

/* The record at offset, copied from the file into the scratch room of its type; of a member table only
 * the fixed part. */
static _apart_ int record_copy(const struct directory_view *view, uint64_t offset, uint16_t type,
			       size_t fixed_size, const struct directory_record **ret)
{
	uint64_t room = view->size - offset;
	size_t first = room < FIRST_READ ? (size_t)room : FIRST_READ;
	struct directory_record head;
	unsigned char *copy = view->scratch + (size_t)(type - 1) * DIRECTORY_RECORD_MAX;
	int r;

	r = read_at(view, copy, first, offset);
	if (r < 0)
		return r;
	memcpy(&head, copy, sizeof(head));
	if (!size_is_sane(head.size, type, fixed_size, room))
		return -EIO;
	if (head.size > first && type != DIRECTORY_RECORD_TABLE)
		r = read_at(view, copy + first, head.size - first, offset + first);
	*ret = (const void *)copy;
	return r;
}

/* Whether there is room for a record at all. */
static inline bool place_is_sane(uint64_t size, uint64_t heap_offset, uint64_t offset, size_t fixed_size)
{
	return offset >= heap_offset && size >= fixed_size && offset <= size - fixed_size;
}

static inline int record_get(const struct directory_view *view, uint32_t units, uint16_t type,
			     size_t fixed_size, const void **ret, size_t *ret_size)
{
	uint64_t offset = (uint64_t)units * DIRECTORY_UNIT;
	const struct directory_record *head;
	size_t size, covered;
	int r;

	if (!place_is_sane(view->size, view->geometry->heap_offset, offset, fixed_size))
		return -EIO;
	if (view->base) {
		head = (const void *)(view->base + offset);
		/* What follows the head is wanted next; two waits for memory become one. */
		__builtin_prefetch((const unsigned char *)head + 64);
		__builtin_prefetch((const unsigned char *)head + 128);
	} else {
		r = record_copy(view, offset, type, fixed_size, &head);
		if (r < 0)
			return r;
	}
	size = head->size;
	if (!size_is_sane(size, type, fixed_size, view->size - offset) || head->type != type)
		return -EIO;
	covered = type == DIRECTORY_RECORD_TABLE ? fixed_size : size;
	if (!view->is_checked && directory_checksum((const unsigned char *)head + 8, covered - 8,
						    offset) != head->checksum)
		return -EIO;
	*ret = head;
	*ret_size = size;
	return 0;
}

int directory_record_get(const struct directory_view *view, uint32_t units, uint16_t type,
			 size_t fixed_size, const void **ret, size_t *ret_size)
{
	return record_get(view, units, type, fixed_size, ret, ret_size);
}

/* Whether any byte is below 0x20 (a NUL too), ':' or DEL. */
static bool word_is_foul(uint64_t word)
{
	uint64_t colon = word ^ (ONES * ':'), delete = word ^ (ONES * 0x7f);
	uint64_t low = (word - ONES * CONTROL_BELOW) & ~word;

	return ((low | ((colon - ONES) & ~colon) | ((delete - ONES) & ~delete)) & HIGHS) != 0;
}

/* A field of passwd: clean bytes, then the NUL right at its end. */
static bool field_is_clean(const char *field, size_t size)
{
	size_t i = 0;

	if (size > FIELD_MAX_BYTES || field[size] != '\0')
		return false;
	for (; i + 8 <= size; i += 8)
		if (word_is_foul(directory_word(field + i, 8)))
			return false;
	/* The rest, filled up with a harmless byte. */
	if (i < size) {
		uint64_t word = ONES * 'x';

		memcpy(&word, field + i, size - i);
		return !word_is_foul(word);
	}
	return true;
}

static _apart_ bool user_text_is_sound(const struct directory_user *user, size_t gecos, size_t home,
				       size_t shell)
{
	if (!name_is_valid(user->name, user->name_size) ||
	    name_is_reserved(user->name, user->name_size))
		return false;
	return field_is_clean(user->name, user->name_size) &&
	       memcmp(user->name + user->name_size + 1, PASSWORD_FIELD, 2) == 0 &&
	       field_is_clean(user->gecos, gecos) && field_is_clean(user->home, home) &&
	       field_is_clean(user->shell, shell) && user->home[0] == '/' &&
	       user->shell[0] == '/';
}

/* Take a record of `size` bytes apart. */
static inline int user_take(const struct directory_user_record *record, size_t size,
			    struct directory_user *ret)
{
	size_t text_size = (size_t)record->name_size + record->gecos_size + record->home_size +
			   record->shell_size + 6;

	if (record->group_count > DIRECTORY_GROUPS_MAX ||
	    sizeof(*record) + record->group_count * sizeof(uint32_t) + text_size > size)
		return -EIO;
	ret->uid = record->head.id;
	ret->flags = record->head.flags;
	ret->gids = (const uint32_t *)(const void *)(record + 1);
	ret->group_count = record->group_count;
	ret->text = (const char *)(ret->gids + record->group_count);
	ret->text_size = text_size;
	ret->name = ret->text;
	ret->name_size = record->name_size;
	ret->gecos = ret->name + record->name_size + 3;
	ret->home = ret->gecos + record->gecos_size + 1;
	ret->shell = ret->home + record->home_size + 1;
	ret->detail = record->detail;
	return id_is_reserved(ret->uid) ? -EIO : 0;
}

int directory_record_user(const struct directory_view *view, uint32_t units, struct directory_user *ret)
{
	const struct directory_user_record *record;
	const void *found;
	size_t size;
	int r;

	r = record_get(view, units, DIRECTORY_RECORD_USER, sizeof(*record), &found, &size);
	if (r < 0)
		return r;
	record = found;
	r = user_take(record, size, ret);
	if (r < 0 || view->is_checked || (ret->flags & DIRECTORY_DELETED))
		return r;
	return user_text_is_sound(ret, record->gecos_size, record->home_size, record->shell_size)
		       ? 0
		       : -EIO;
}

int directory_record_user_in_memory(const unsigned char *base, uint64_t size, uint64_t heap_offset,
				    uint32_t units, struct directory_user *ret)
{
	uint64_t offset = (uint64_t)units * DIRECTORY_UNIT;
	const struct directory_user_record *record = (const void *)(base + offset);

	/* No file is as small as a record; and what its parts take together is more than its fixed one. */
	if (offset < heap_offset || offset > size - sizeof(*record) ||
	    record->head.size > size - offset || record->head.type != DIRECTORY_RECORD_USER)
		return -EIO;
	return user_take(record, record->head.size, ret);
}

int directory_record_group(const struct directory_view *view, uint32_t units, struct directory_group *ret)
{
	const struct directory_group_record *record;
	const void *found;
	size_t size;
	bool local;
	int r;

	r = record_get(view, units, DIRECTORY_RECORD_GROUP, sizeof(*record), &found, &size);
	if (r < 0)
		return r;
	record = found;
	if (sizeof(*record) + record->name_size + 1 > size)
		return -EIO;
	ret->gid = record->head.id;
	ret->flags = record->head.flags;
	ret->name = (const char *)(record + 1);
	ret->name_size = record->name_size;
	ret->table = record->table;
	ret->is_private = false;
	local = ret->flags & DIRECTORY_LOCAL;
	if (view->is_checked)
		return 0;
	if (ret->name_size == 0 || !field_is_clean(ret->name, ret->name_size))
		return -EIO;
	/* root's own groups may be reserved ones, and named as root likes; 0 is never granted. */
	if (local)
		return ret->gid == 0 ? -EIO : 0;
	return id_is_reserved(ret->gid) || !name_is_valid(ret->name, ret->name_size) ||
			       name_is_reserved(ret->name, ret->name_size)
		       ? -EIO
		       : 0;
}

static inline void chunk_take(const struct directory_chunk_record *chunk, struct directory_members *ret)
{
	const unsigned char *begin = (const void *)chunk;

	ret->count = chunk->count;
	ret->sizes = (const uint8_t *)(chunk + 1);
	ret->names = (const char *)begin + directory_chunk_names_at(ret->count);
	ret->names_size = chunk->text_size;
	ret->uids = (const void *)(begin + directory_chunk_uids_at(ret->count, ret->names_size));
}

/* Then all others end, too: at the latest there. */
static inline bool last_name_ends(const struct directory_members *members)
{
	return members->names_size > 0 && members->names[members->names_size - 1] == '\0' &&
	       members->sizes[members->count - 1] > 0;
}

static _apart_ bool members_are_sound(const struct directory_members *members)
{
	size_t at = 0;

	for (size_t i = 0; i < members->count; i++) {
		size_t size = members->sizes[i];

		if (size == 0 || size > members->names_size - at ||
		    members->names[at + size - 1] != '\0' ||
		    !name_is_valid(members->names + at, size - 1))
			return false;
		at += size;
	}
	return at == members->names_size;
}

int directory_record_chunk(const struct directory_view *view, uint32_t units, uint32_t gid,
		     const struct directory_chunk_record **ret, struct directory_members *ret_members)
{
	const struct directory_chunk_record *chunk;
	const void *found;
	size_t size, fixed = sizeof(*chunk);
	int r;

	r = record_get(view, units, DIRECTORY_RECORD_CHUNK, fixed, &found, &size);
	if (r < 0)
		return r;
	chunk = found;
	if (chunk->head.id != gid || chunk->depth > DIRECTORY_DEPTH_MAX ||
	    chunk->text_size > size || directory_chunk_size(chunk->count, chunk->text_size) > size)
		return -EIO;
	chunk_take(chunk, ret_members);
	*ret = chunk;
	if (ret_members->count > 0 && !last_name_ends(ret_members))
		return -EIO;
	return view->is_checked || members_are_sound(ret_members) ? 0 : -EIO;
}

/* count NUL-terminated strings from *text, within the bytes left; moves past them. */
static const char *strings_take(const char **text, const char *end, size_t count)
{
	const char *first = *text;

	for (size_t i = 0; i < count; i++) {
		const char *nul = memchr(*text, '\0', (size_t)(end - *text));

		if (!nul)
			return NULL;
		*text = nul + 1;
	}
	return first;
}

int directory_record_detail(const struct directory_detail_record *record, size_t size,
			struct directory_detail *ret)
{
	const char *text = (const char *)(record + 1);
	const char *end = text + record->text_size;
	struct directory_detail detail = { .role_count = record->role_count,
					   .key_count = record->key_count,
					   .env_count = record->env_count };

	if (record->text_size > size - sizeof(*record))
		return -EIO;
	if (detail.role_count > DIRECTORY_STRINGS_MAX || detail.key_count > DIRECTORY_STRINGS_MAX ||
	    detail.env_count > DIRECTORY_STRINGS_MAX)
		return -EIO;
	detail.reason = strings_take(&text, end, 1);
	if (detail.reason)
		detail.roles = strings_take(&text, end, detail.role_count);
	if (detail.roles)
		detail.keys = strings_take(&text, end, detail.key_count);
	if (detail.keys)
		detail.environment = strings_take(&text, end, detail.env_count);
	if (!detail.environment || text != end)
		return -EIO;
	*ret = detail;
	return 0;
}

int directory_record_shadow(const struct directory_view *view, uint32_t units, uint32_t *ret_uid,
		      struct directory_shadow *ret)
{
	const struct directory_shadow_record *record;
	const void *found;
	const char *hash;
	size_t size;
	int r;

	r = record_get(view, units, DIRECTORY_RECORD_SHADOW, sizeof(*record), &found, &size);
	if (r < 0)
		return r;
	record = found;
	hash = (const char *)(record + 1);
	if ((uint64_t)sizeof(*record) + record->hash_size + 1 > size ||
	    !field_is_clean(hash, record->hash_size))
		return -EIO;
	*ret_uid = record->head.id;
	*ret = (struct directory_shadow){ .hash = hash, .changed_day = record->changed_day };
	return 0;
}

