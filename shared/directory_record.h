/* directory_record.h - reading single slots and records, every bound checked.
 * Layer: shared, for directory*.c and the writer. Rules as in directory.h; -EIO: damaged. */
#ifndef SHARED_DIRECTORY_RECORD_H
#define SHARED_DIRECTORY_RECORD_H

#include "shared/directory.h"

/* A slot of a file that lies in memory. */
static inline uint64_t directory_slot_load(const struct directory_view *view, uint64_t offset)
{
	return __atomic_load_n((const uint64_t *)(const void *)(view->base + offset),
			       __ATOMIC_ACQUIRE);
}

/* A slot of any file: 0 (empty) or sound, else -EIO. salt as directory_slot_check wants it. */
_must_use_ int directory_slot_read_checked(const struct directory_view *view, uint64_t offset,
					   uint32_t salt, uint64_t *ret);

static inline int directory_slot_read(const struct directory_view *view, uint64_t offset,
				      uint32_t salt, uint64_t *ret)
{
	if (!view->is_checked)
		return directory_slot_read_checked(view, offset, salt, ret);
	*ret = directory_slot_load(view, offset);
	return 0;
}

static inline uint32_t directory_slot_units(uint64_t slot)
{
	return (uint32_t)slot;
}

static inline uint16_t directory_slot_tag(uint64_t slot)
{
	return (uint16_t)(slot >> 32);
}

static inline bool directory_slot_is_sound(uint64_t slot, uint32_t salt)
{
	return (uint16_t)(slot >> 48) ==
	       directory_slot_check(directory_slot_units(slot), directory_slot_tag(slot), salt);
}

/* The record at `units`: of this type, inside the heap, its checksum right. fixed_size is the size of
 * its struct, *ret_size the record's own. */
_must_use_ int directory_record_get(const struct directory_view *view, uint32_t units, uint16_t type,
				    size_t fixed_size, const void **ret, size_t *ret_size);

/* The same, taken apart, with what a reader may believe about the fields checked. */
_must_use_ int directory_record_user(const struct directory_view *view, uint32_t units,
				     struct directory_user *ret);
/* The same of a view's memory that is checked. */
_must_use_ int directory_record_user_in_memory(const unsigned char *base, uint64_t size,
					       uint64_t heap_offset, uint32_t units,
					       struct directory_user *ret);
_must_use_ int directory_record_group(const struct directory_view *view, uint32_t units,
				      struct directory_group *ret);
_must_use_ int directory_record_chunk(const struct directory_view *view, uint32_t units,
				      uint32_t gid, const struct directory_chunk_record **ret,
				      struct directory_members *ret_members);
_must_use_ int directory_record_detail(const struct directory_detail_record *record, size_t size,
				       struct directory_detail *ret);
_must_use_ int directory_record_shadow(const struct directory_view *view, uint32_t units,
				       uint32_t *ret_uid, struct directory_shadow *ret);

#endif
