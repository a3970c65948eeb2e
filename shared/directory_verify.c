#include "shared/directory.h"

struct verify {
	const struct directory_view *view;
	uint64_t *ret_where;
};

static const struct directory_header *header_of(const struct directory_view *view)
{
	return (const void *)view->base;
}

static int fault_at(struct verify *verify, uint64_t where)
{
	*verify->ret_where = where;
	return -EIO;
}

static bool type_is_known(uint16_t type)
{
	return type >= DIRECTORY_RECORD_USER && type <= DIRECTORY_RECORD_JOURNAL;
}

/* The heap record by record: sizes that lead from one to the next, and every checksum. */
static int verify_heap(struct verify *verify)
{
	const struct directory_view *view = verify->view;
	uint64_t offset = view->geometry->heap_offset;
	uint64_t used = __atomic_load_n(&header_of(view)->heap_used, __ATOMIC_ACQUIRE);
	uint64_t end = offset + used;

	if (used > view->size - offset)
		return fault_at(verify, offsetof(struct directory_header, heap_used));
	while (offset < end) {
		const struct directory_record *head = (const void *)(view->base + offset);
		size_t covered;

		if (end - offset < sizeof(*head) || head->size < sizeof(*head) ||
		    head->size % DIRECTORY_UNIT != 0 || head->size > end - offset ||
		    !type_is_known(head->type))
			return fault_at(verify, offset);
		covered = head->type == DIRECTORY_RECORD_TABLE
				  ? sizeof(struct directory_table_record)
				  : head->size;
		if (covered > head->size ||
		    directory_checksum(view->base + offset + 8, covered - 8, offset) !=
			    head->checksum)
			return fault_at(verify, offset);
		offset += head->size;
	}
	return 0;
}

/* Every user by id is found by name as the same record, and its details can be read. */
static int verify_users(struct verify *verify, bool shadow)
{
	struct directory_user user, again;
	struct directory_detail detail;
	uint64_t cursor = 0;
	int r;

	if (shadow)
		return 0;
	while ((r = directory_user_next(verify->view, &cursor, &user)) == 0) {
		uint64_t where = (uint64_t)((const unsigned char *)user.text - verify->view->base);

		if (directory_user_by_name(verify->view, user.name, user.name_size, &again) < 0 ||
		    again.text != user.text ||
		    directory_detail(verify->view, &user, &detail) < 0)
			return fault_at(verify, where);
	}
	return r == -ENOENT ? 0 : fault_at(verify, cursor);
}

static int verify_groups(struct verify *verify, bool shadow)
{
	struct directory_group group, again;
	struct directory_members members;
	uint64_t cursor = 0, chunk;
	int r;

	if (shadow)
		return 0;
	while ((r = directory_group_next(verify->view, &cursor, &group)) == 0) {
		uint64_t where = (uint64_t)((const unsigned char *)group.name - verify->view->base);

		if (group.is_private)
			return 0;
		if (directory_group_by_name(verify->view, group.name, group.name_size, &again) < 0 ||
		    again.name != group.name)
			return fault_at(verify, where);
		for (chunk = 0; (r = directory_members_next(verify->view, &group, &chunk,
							    &members)) == 0;)
			;
		if (r != -ENOENT)
			return fault_at(verify, where);
	}
	return r == -ENOENT ? 0 : fault_at(verify, cursor);
}

static int verify_slots(struct verify *verify)
{
	const struct directory_view *view = verify->view;

	for (uint32_t index = 0; index < DIRECTORY_INDEX_COUNT; index++) {
		const struct directory_table *table = &view->geometry->tables[index];

		for (uint64_t i = 0; i < UINT64_C(1) << table->log2; i++) {
			uint64_t where = table->offset + i * sizeof(uint64_t), slot;

			memcpy(&slot, view->base + where, sizeof(slot));
			if (slot != 0 &&
			    (uint16_t)(slot >> 48) !=
				    directory_slot_check((uint32_t)slot, (uint16_t)(slot >> 32),
							 index))
				return fault_at(verify, where);
		}
	}
	return 0;
}

int directory_verify(const struct directory_view *view, uint64_t *ret_where)
{
	struct verify verify = { .view = view, .ret_where = ret_where };
	bool shadow = memcmp(header_of(view)->magic, DIRECTORY_SHADOW_MAGIC, 8) == 0;
	int r = verify_heap(&verify);

	if (r == 0)
		r = verify_slots(&verify);
	if (r == 0)
		r = verify_users(&verify, shadow);
	if (r == 0)
		r = verify_groups(&verify, shadow);
	return r;
}
