#include "scimd/store/meta.h"

#include <string.h>

#include "scimd/store/table.h"

#define META_BYTES_MAX 64u /* of a key, and of a value */

struct meta_bytes {
	unsigned char size, data[META_BYTES_MAX];
};

struct meta_entry {
	struct meta_bytes key, value;
	bool gone;
};

void meta_done(struct meta *meta)
{
	if (meta->entries)
		explicit_bzero(meta->entries, meta->count * sizeof(*meta->entries));
	freep(&meta->entries);
	*meta = (struct meta){ 0 };
}

static int compare(const struct meta_entry *entry, const unsigned char *key, size_t size)
{
	size_t both = entry->key.size < size ? entry->key.size : size;
	int r = memcmp(entry->key.data, key, both);

	return r != 0 ? r : (entry->key.size > size) - (entry->key.size < size);
}

/* Where the key is, or belongs; *ret_found tells which. */
static size_t search(const struct meta *meta, const unsigned char *key, size_t size, bool *ret_found)
{
	size_t low = 0, high = meta->count;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = compare(&meta->entries[middle], key, size);

		if (r == 0) {
			*ret_found = true;
			return middle;
		}
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int meta_recall(const struct store_txn *txn, const struct bytes *key, struct bytes *ret)
{
	for (; txn; txn = txn->parent) {
		const struct meta_entry *entry;
		bool found;
		size_t at = search(&txn->meta, key->data, key->size, &found);

		if (!found)
			continue;
		entry = &txn->meta.entries[at];
		if (entry->gone)
			return -ENOENT;
		codec_put_mem(ret, entry->value.data, entry->value.size);
		return ret->failed ? -ENOMEM : 1;
	}
	return 0;
}

static int make_room(struct meta *meta, size_t more)
{
	size_t room = meta->room ? meta->room : 16;
	struct meta_entry *larger;

	while (room < meta->count + more)
		room *= 2;
	if (room == meta->room)
		return 0;
	larger = reallocarray(meta->entries, room, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	meta->entries = larger;
	meta->room = room;
	return 0;
}

/* There is room. */
static void entry_put(struct meta *meta, const struct meta_entry *entry)
{
	bool found;
	size_t at = search(meta, entry->key.data, entry->key.size, &found);

	if (!found) {
		memmove(&meta->entries[at + 1], &meta->entries[at],
			(meta->count - at) * sizeof(*meta->entries));
		meta->count++;
	}
	meta->entries[at] = *entry;
}

static void bytes_keep(struct meta_bytes *to, const struct bytes *from)
{
	to->size = (unsigned char)from->size;
	if (from->size)
		memcpy(to->data, from->data, from->size);
}

int meta_note(struct store_txn *txn, const struct bytes *key, const struct bytes *value)
{
	struct meta_entry entry = { .gone = !value };
	int r;

	if (key->size > META_BYTES_MAX || (value && value->size > META_BYTES_MAX))
		return -EINVAL;
	r = make_room(&txn->meta, 1);
	if (r < 0)
		return r;
	bytes_keep(&entry.key, key);
	if (value)
		bytes_keep(&entry.value, value);
	entry_put(&txn->meta, &entry);
	return 0;
}

static struct bytes borrow(const struct meta_bytes *bytes)
{
	return (struct bytes){ (unsigned char *)(uintptr_t)bytes->data, bytes->size, 0, false };
}

/* What was deleted need never have been in the table. */
static int entry_write(struct store_txn *txn, const struct meta_entry *entry)
{
	struct bytes key = borrow(&entry->key), value = borrow(&entry->value);
	int r = table_meta_write(txn, &key, entry->gone ? NULL : &value);

	return r == -ENOENT && entry->gone ? 0 : r;
}

int meta_settle(struct store_txn *txn)
{
	int r = 0;

	if (txn->meta.count == 0)
		return 0;
	if (txn->parent)
		return make_room(&txn->parent->meta, txn->meta.count);
	for (size_t i = 0; r == 0 && i < txn->meta.count; i++)
		r = entry_write(txn, &txn->meta.entries[i]);
	return r;
}

void meta_hand_over(struct store_txn *txn)
{
	for (size_t i = 0; txn->parent && i < txn->meta.count; i++)
		entry_put(&txn->parent->meta, &txn->meta.entries[i]);
}
