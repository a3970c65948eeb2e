#include "scimd/warden/overlay.h"

#include <string.h>

#define CAPACITY_FIRST 64u

static size_t home(const struct overlay *overlay, uint64_t offset)
{
	return (size_t)((offset >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
	       (overlay->capacity - 1);
}

static struct overlay_entry *find(const struct overlay *overlay, uint64_t offset)
{
	size_t i = home(overlay, offset);

	while (overlay->entries[i].offset != 0 && overlay->entries[i].offset != offset)
		i = (i + 1) & (overlay->capacity - 1);
	return &overlay->entries[i];
}

static int grow(struct overlay *overlay)
{
	struct overlay larger = { .capacity = overlay->capacity ? overlay->capacity * 2
								: CAPACITY_FIRST };

	larger.entries = calloc(larger.capacity, sizeof(*larger.entries));
	if (!larger.entries)
		return -ENOMEM;
	larger.count = overlay->count;
	for (size_t i = 0; i < overlay->capacity; i++)
		if (overlay->entries[i].offset)
			*find(&larger, overlay->entries[i].offset) = overlay->entries[i];
	free(overlay->entries);
	*overlay = larger;
	return 0;
}

int overlay_set(struct overlay *overlay, uint64_t offset, uint64_t value)
{
	struct overlay_entry *entry;

	if (overlay->count * 2 >= overlay->capacity) {
		int r = grow(overlay);

		if (r < 0)
			return r;
	}
	entry = find(overlay, offset);
	overlay->count += entry->offset == 0;
	*entry = (struct overlay_entry){ offset, value };
	return 0;
}

bool overlay_get(const struct overlay *overlay, uint64_t offset, uint64_t *ret)
{
	const struct overlay_entry *entry;

	if (overlay->count == 0)
		return false;
	entry = find(overlay, offset);
	if (entry->offset == 0)
		return false;
	*ret = entry->value;
	return true;
}

void overlay_clear(struct overlay *overlay)
{
	if (overlay->count)
		memset(overlay->entries, 0, overlay->capacity * sizeof(*overlay->entries));
	overlay->count = 0;
}

void overlay_done(struct overlay *overlay)
{
	free(overlay->entries);
	*overlay = (struct overlay){ 0 };
}
