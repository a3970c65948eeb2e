#include "shared/directory.h"

#include "shared/directory_record.h"

/* Search one index: each sound slot with the right tag is offered to `match`, which returns 1 to take
 * it, 0 to go on, or a negative errno. */
struct search {
	enum directory_index index;
	uint64_t hash;
	const char *name;
	size_t name_size;
	uint32_t id;
	struct directory_user *user;
	struct directory_group *group;
};

typedef int (*match_fn)(const struct directory_view *view, uint32_t units, struct search *search);

static inline int search_run(const struct directory_view *view, struct search *search,
			     match_fn match)
{
	const struct directory_table *table = &view->geometry->tables[search->index];
	uint64_t mask = (UINT64_C(1) << table->log2) - 1;
	uint16_t tag = (uint16_t)(search->hash >> 48);

	for (uint64_t n = 0, i = search->hash & mask; n <= mask; n++, i = (i + 1) & mask) {
		uint64_t slot;
		int r = directory_slot_read(view, table->offset + i * sizeof(slot),
					    search->index, &slot);

		if (r < 0)
			return r;
		if (slot == 0)
			return -ENOENT;
		if (directory_slot_tag(slot) != tag || directory_slot_units(slot) == DIRECTORY_GONE)
			continue;
		r = match(view, directory_slot_units(slot), search);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return -EIO; /* the writer never fills a table */
}

static int user_match_name(const struct directory_view *view, uint32_t units, struct search *search)
{
	struct directory_user *user = search->user;
	int r = directory_record_user(view, units, user);

	if (r < 0)
		return r;
	if (user->flags & DIRECTORY_DELETED)
		return -EIO;
	return user->name_size == search->name_size &&
	       memcmp(user->name, search->name, search->name_size) == 0;
}

static int user_match_id(const struct directory_view *view, uint32_t units, struct search *search)
{
	int r = directory_record_user(view, units, search->user);

	return r < 0 ? r : search->user->uid == search->id;
}

static int group_match_name(const struct directory_view *view, uint32_t units,
			    struct search *search)
{
	struct directory_group *group = search->group;
	int r = directory_record_group(view, units, group);

	if (r < 0)
		return r;
	return group->name_size == search->name_size &&
	       memcmp(group->name, search->name, search->name_size) == 0;
}

static int group_match_id(const struct directory_view *view, uint32_t units, struct search *search)
{
	int r = directory_record_group(view, units, search->group);

	return r < 0 ? r : search->group->gid == search->id;
}

static uint64_t name_hash(const struct directory_view *view, const char *name, size_t size)
{
	return directory_hash_name(name, size, view->geometry->seed);
}

int directory_user_by_name(const struct directory_view *view, const char *name, size_t name_size,
			   struct directory_user *ret)
{
	struct search search = { .index = DIRECTORY_USER_BY_NAME, .name = name,
				 .name_size = name_size, .user = ret };

	search.hash = name_hash(view, name, name_size);
	return search_run(view, &search, user_match_name);
}

int directory_user_by_uid(const struct directory_view *view, uint32_t uid,
			  struct directory_user *ret)
{
	struct search search = { .index = DIRECTORY_USER_BY_ID, .id = uid, .user = ret };

	search.hash = directory_hash_id(uid);
	return search_run(view, &search, user_match_id);
}

/* The group that each user is alone in. */
static void group_of_user(const struct directory_user *user, struct directory_group *ret)
{
	*ret = (struct directory_group){ .gid = user->uid, .name = user->name,
					 .name_size = user->name_size, .is_private = true };
}

int directory_group_by_name(const struct directory_view *view, const char *name, size_t name_size,
			    struct directory_group *ret)
{
	struct search search = { .index = DIRECTORY_GROUP_BY_NAME, .name = name,
				 .name_size = name_size, .group = ret };
	struct directory_user user;
	int r;

	search.hash = name_hash(view, name, name_size);
	r = search_run(view, &search, group_match_name);
	if (r != -ENOENT)
		return r;
	r = directory_user_by_name(view, name, name_size, &user);
	if (r == 0)
		group_of_user(&user, ret);
	return r;
}

int directory_group_by_gid(const struct directory_view *view, uint32_t gid,
			   struct directory_group *ret)
{
	struct search search = { .index = DIRECTORY_GROUP_BY_ID, .id = gid, .group = ret };
	struct directory_user user;
	int r;

	search.hash = directory_hash_id(gid);
	r = search_run(view, &search, group_match_id);
	if (r != -ENOENT)
		return r;
	r = directory_user_by_uid(view, gid, &user);
	if (r < 0)
		return r;
	if (user.flags & DIRECTORY_DELETED)
		return -ENOENT;
	group_of_user(&user, ret);
	return 0;
}

/* The slot that comes so many eights after one. */
static inline uint64_t walk_ahead(uint64_t slot, uint64_t eights, uint64_t mask)
{
	return (slot + (eights * DIRECTORY_EIGHTS << 3)) & mask;
}

static inline uint64_t slot_load(const unsigned char *slots, uint64_t number)
{
	return __atomic_load_n((const uint64_t *)(const void *)slots + number, __ATOMIC_ACQUIRE);
}

/* A record will be asked for soon. A prefetch of any address is harmless. */
static inline void record_expect(const unsigned char *base, uint64_t slot)
{
	const unsigned char *record = base + (uint64_t)directory_slot_units(slot) * DIRECTORY_UNIT;

	__builtin_prefetch(record);
	__builtin_prefetch(record + 64);
}

/* Its head is asked for already; two waits become one. */
static inline void record_expect_rest(const unsigned char *base, uint64_t slot)
{
	const unsigned char *record = base + (uint64_t)directory_slot_units(slot) * DIRECTORY_UNIT;

	__builtin_prefetch(record + 64);
	__builtin_prefetch(record + 128);
}

/* Eights follow one another all over the table: so many of them are asked for beforehand. */
#define FAR 32u

/* At the first slot of an eight: whether all of it is empty. Those to come are asked for, and the records
 * of the next one. */
static inline bool eight_begin(const unsigned char *base, const unsigned char *slots, uint64_t number,
			       uint64_t mask)
{
	uint64_t next = walk_ahead(number, 1, mask), any = slot_load(slots, number);

	__builtin_prefetch(slots + walk_ahead(number, FAR, mask) * sizeof(any));
	if ((number | 7) > mask)
		return false;
#pragma GCC unroll 8
	for (uint64_t i = 0; i < 8; i++)
		record_expect(base, slot_load(slots, next + i));
	if (any != 0)
		return false;
#pragma GCC unroll 8
	for (uint64_t i = 1; i < 8; i++)
		any |= slot_load(slots, number + i);
	return any == 0;
}

static bool slot_is_used(uint64_t slot)
{
	return slot != 0 && directory_slot_units(slot) != DIRECTORY_GONE;
}

/* --- in checked memory, all of it in registers ------------------------------------------------------ */

static inline bool user_is(const struct directory_user *user, const struct search *search)
{
	if (!search->name)
		return user->uid == search->id;
	return user->name_size == search->name_size && !(user->flags & DIRECTORY_DELETED) &&
	       memcmp(user->name, search->name, search->name_size) == 0;
}

static inline int user_search_checked(const struct directory_view *view, const struct search *search)
{
	const struct directory_geometry *geometry = view->geometry;
	const struct directory_table *table = &geometry->tables[search->index];
	const unsigned char *base = view->base, *slots = base + table->offset;
	uint64_t mask = (UINT64_C(1) << table->log2) - 1, i = search->hash & mask;
	uint16_t tag = (uint16_t)(search->hash >> 48);

	for (uint64_t n = 0; n <= mask; n++, i = (i + 1) & mask) {
		uint64_t slot = slot_load(slots, i);
		int r;

		if (slot == 0)
			return -ENOENT;
		if (directory_slot_tag(slot) != tag || directory_slot_units(slot) == DIRECTORY_GONE)
			continue;
		record_expect_rest(base, slot);
		r = directory_record_user_in_memory(base, view->size, geometry->heap_offset,
						    directory_slot_units(slot), search->user);
		if (r < 0 || user_is(search->user, search))
			return r;
	}
	return -EIO;
}

int directory_user_by_name_checked(const struct directory_view *view, const char *name,
				   size_t name_size, struct directory_user *ret)
{
	const struct search search = { .index = DIRECTORY_USER_BY_NAME, .name = name,
				       .name_size = name_size, .user = ret,
				       .hash = name_hash(view, name, name_size) };

	return user_search_checked(view, &search);
}

int directory_user_by_uid_checked(const struct directory_view *view, uint32_t uid,
				  struct directory_user *ret)
{
	const struct search search = { .index = DIRECTORY_USER_BY_ID, .id = uid, .user = ret,
				       .hash = directory_hash_id(uid) };

	return user_search_checked(view, &search);
}

/* --- walking ---------------------------------------------------------------------------------------- */

/* The next used slot of an index, from *cursor on; moves it past the slot. */
static int slot_next(const struct directory_view *view, enum directory_index index, uint64_t *cursor,
		     uint32_t *ret_units)
{
	const struct directory_table *table = &view->geometry->tables[index];
	uint64_t mask = (UINT64_C(1) << table->log2) - 1;
	uint64_t number = 0, slot = 0;

	for (; *cursor <= mask && !slot_is_used(slot); (*cursor)++) {
		int r;

		number = directory_walk_slot(*cursor, mask);
		r = directory_slot_read(view, table->offset + number * sizeof(slot), index, &slot);
		if (r < 0)
			return r;
	}
	if (!slot_is_used(slot))
		return -ENOENT;
	if (view->base)
		record_expect(view->base, slot_load(view->base + table->offset, walk_ahead(number, 1, mask)));
	*ret_units = directory_slot_units(slot);
	return 0;
}

int directory_user_next_any(const struct directory_view *view, uint64_t *cursor,
			    struct directory_user *ret)
{
	uint32_t units;
	int r = slot_next(view, DIRECTORY_USER_BY_ID, cursor, &units);

	return r < 0 ? r : directory_record_user(view, units, ret);
}

int directory_user_next(const struct directory_view *view, uint64_t *cursor,
			struct directory_user *ret)
{
	int r;

	do {
		r = directory_user_next_any(view, cursor, ret);
	} while (r == 0 && (ret->flags & DIRECTORY_DELETED));
	return r;
}

/* The cursor: the position of the walk from its begin on, and in the low half the number of its slot. Nothing
 * here is given the view, and so the compiler keeps all of it in registers. */
int directory_user_next_checked(const struct directory_view *view, uint64_t *cursor,
				struct directory_user *ret)
{
	const struct directory_table *table = &view->geometry->tables[DIRECTORY_USER_BY_ID];
	const unsigned char *base = view->base, *slots = base + table->offset;
	uint64_t mask = (UINT64_C(1) << table->log2) - 1;
	uint64_t at = *cursor >> 32, end = view->walk_count, number = (uint32_t)*cursor;
	int r = -ENOENT;

	while (at < end) {
		uint64_t slot;

		if (at % 8 == 0) {
			number = directory_walk_slot(view->walk_begin + at, mask);
			if (eight_begin(base, slots, number, mask)) {
				at += 8;
				continue;
			}
		}
		slot = slot_load(slots, number);
		number = (number + 1) & mask;
		at++;
		if (!slot_is_used(slot))
			continue;
		r = directory_record_user_in_memory(base, view->size, view->geometry->heap_offset,
						    directory_slot_units(slot), ret);
		if (r < 0 || !(ret->flags & DIRECTORY_DELETED))
			break;
		r = -ENOENT;
	}
	*cursor = at << 32 | number;
	return r;
}

int directory_group_next(const struct directory_view *view, uint64_t *cursor,
			 struct directory_group *ret)
{
	uint64_t capacity = UINT64_C(1) << view->geometry->tables[DIRECTORY_GROUP_BY_ID].log2;
	struct directory_user user;
	uint64_t user_cursor;
	uint32_t units;
	int r;

	if (*cursor < capacity) {
		r = slot_next(view, DIRECTORY_GROUP_BY_ID, cursor, &units);
		if (r == 0)
			return directory_record_group(view, units, ret);
		if (r != -ENOENT)
			return r;
	}
	user_cursor = *cursor - capacity;
	r = directory_user_next(view, &user_cursor, &user);
	*cursor = capacity + user_cursor;
	if (r == 0)
		group_of_user(&user, ret);
	return r;
}

/* The first chunks are asked for at once, so that one wait for memory is enough for all: as many, and as
 * much of them. */
#define CHUNKS_AHEAD 8u
#define LINES_AHEAD 64u

static void chunks_expect(const struct directory_view *view, uint64_t slots, uint64_t count)
{
	size_t lines = LINES_AHEAD;

	if (!view->base)
		return;
	for (uint64_t i = 0; i < count && i < CHUNKS_AHEAD; i++) {
		uint64_t slot = directory_slot_load(view, slots + i * sizeof(slot));
		const unsigned char *chunk =
			view->base + (uint64_t)directory_slot_units(slot) * DIRECTORY_UNIT;
		size_t size = directory_slot_tag(slot) * DIRECTORY_UNIT;

		for (size_t at = 0; at < size && lines > 0; at += 64, lines--)
			__builtin_prefetch(chunk + at);
	}
}

int directory_members_next(const struct directory_view *view, const struct directory_group *group,
			   uint64_t *cursor, struct directory_members *ret)
{
	const struct directory_table_record *table;
	const struct directory_chunk_record *chunk;
	uint64_t capacity, offset;
	const void *found;
	size_t size;
	int r;

	if (group->table == 0)
		return -ENOENT;
	r = directory_record_get(view, group->table, DIRECTORY_RECORD_TABLE, sizeof(*table), &found, &size);
	if (r < 0)
		return r;
	table = found;
	if (table->head.id != group->gid || table->depth > DIRECTORY_DEPTH_MAX)
		return -EIO;
	capacity = UINT64_C(1) << table->depth;
	if (sizeof(*table) + capacity * sizeof(uint64_t) > size)
		return -EIO;
	offset = (uint64_t)group->table * DIRECTORY_UNIT + sizeof(*table);
	if (*cursor == 0)
		chunks_expect(view, offset, capacity);
	while (*cursor < capacity) {
		uint64_t number = (*cursor)++;
		uint64_t slot;

		r = directory_slot_read(view, offset + number * sizeof(slot), group->gid, &slot);
		if (r < 0)
			return r;
		if (slot == 0)
			continue;
		r = directory_record_chunk(view, directory_slot_units(slot), group->gid, &chunk, ret);
		if (r < 0)
			return r;
		if (chunk->prefix == number && ret->count > 0)
			return 0;
	}
	return -ENOENT;
}

int directory_detail(const struct directory_view *view, const struct directory_user *user,
		     struct directory_detail *ret)
{
	const struct directory_detail_record *record;
	const void *found;
	size_t size;
	int r;

	if (user->detail == 0) {
		*ret = (struct directory_detail){ .reason = "", .roles = "", .keys = "",
						  .environment = "" };
		return 0;
	}
	r = directory_record_get(view, user->detail, DIRECTORY_RECORD_DETAIL, sizeof(*record), &found, &size);
	if (r < 0)
		return r;
	record = found;
	if (record->head.id != user->uid)
		return -EIO;
	return directory_record_detail(record, size, ret);
}

struct shadow_search {
	struct search search; /* first: match gets a pointer to it */
	struct directory_shadow *shadow;
};

static int shadow_match(const struct directory_view *view, uint32_t units, struct search *search)
{
	struct shadow_search *shadow_search = (struct shadow_search *)search;
	uint32_t uid;
	int r = directory_record_shadow(view, units, &uid, shadow_search->shadow);

	return r < 0 ? r : uid == search->id;
}

int directory_shadow_by_uid(const struct directory_view *view, uint32_t uid,
			    struct directory_shadow *ret)
{
	struct directory_shadow found;
	struct shadow_search search = {
		.search = { .index = DIRECTORY_USER_BY_ID, .id = uid,
			    .hash = directory_hash_id(uid) },
		.shadow = &found,
	};
	int r = search_run(view, &search.search, shadow_match);

	if (r < 0)
		return r;
	if (found.hash[0] == '\0') /* a password that was taken away */
		return -ENOENT;
	*ret = found;
	return 0;
}
