/* TABLE_IMPORT: POSIX name of a person, or ':' and that of a group -> version, number. The number is in
 * the ledger too, owned by nobody who can be, until somebody of that name comes. */
#include "scimd/store/table.h"

#include <stdio.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/store/ledger.h"

#define IMPORT_VERSION 1
#define GROUP_MARK ':' /* in no name */
#define KEY_SIZE (STORE_NAME_SIZE + 1)

/* Who owns a number that is kept: made from the name (FNV-1a in the second half), so that two names
 * never share one. No resource has such an id. */
static void import_owner(const char *name, unsigned char ret[static CODEC_ID_SIZE])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	memset(ret, 0, CODEC_ID_SIZE);
	for (size_t i = 0; i < 8; i++)
		ret[8 + i] = (unsigned char)(hash >> (8 * i));
}

/* What a name is kept under. */
static void import_name(enum resource_type type, const char *name, char ret[static KEY_SIZE])
{
	const char mark[] = { type == RESOURCE_GROUP ? GROUP_MARK : '\0', '\0' };

	(void)snprintf(ret, KEY_SIZE, "%s%s", mark, name);
}

static void import_key(const char *name, struct bytes *ret)
{
	codec_put_mem(ret, name, strlen(name));
}

static int import_decode(struct span value, uint32_t *ret)
{
	uint32_t number;

	if (codec_get_version(&value, IMPORT_VERSION) < 0 || codec_get_u32(&value, &number) < 0 ||
	    codec_get_end(&value) < 0)
		return -EIO;
	*ret = number;
	return 0;
}

int store_import_get(struct store_txn *txn, enum resource_type type, const char *name,
		     uint32_t *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	char kept[KEY_SIZE];
	int r;

	import_name(type, name, kept);
	import_key(kept, &key);
	r = table_get(txn, TABLE_IMPORT, &key, &value);
	return r < 0 ? r : import_decode(codec_span(&value), ret);
}

int store_import_put(struct store_txn *txn, enum resource_type type, const char *name, uint32_t min,
		     uint32_t max, uint32_t number)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	unsigned char owner[CODEC_ID_SIZE];
	char owner_id[RESOURCE_ID_SIZE], kept[KEY_SIZE];
	enum resource_type other = type == RESOURCE_GROUP ? RESOURCE_USER : RESOURCE_GROUP;
	uint32_t before;
	int r = store_import_get(txn, other, name, &before);

	if (r == 0)
		return -EEXIST; /* people and groups share names */
	if (r == -ENOENT)
		r = store_import_get(txn, type, name, &before);

	if (r == 0)
		return before == number ? 0 : -EEXIST;
	if (r != -ENOENT)
		return r;
	import_name(type, name, kept);
	import_owner(kept, owner);
	codec_id_format(owner, owner_id);
	r = store_number_take(txn, min, max, number, owner_id, &number);
	if (r < 0)
		return r;
	import_key(kept, &key);
	codec_put_u8(&value, IMPORT_VERSION);
	codec_put_u32(&value, number);
	return table_insert(txn, TABLE_IMPORT, &key, &value);
}

static int import_held(struct store_txn *txn, const char *name,
		       int (*act)(struct store_txn *txn, const char *id))
{
	unsigned char owner[CODEC_ID_SIZE];
	char owner_id[RESOURCE_ID_SIZE];

	import_owner(name, owner);
	codec_id_format(owner, owner_id);
	return act(txn, owner_id);
}

static int held_now(struct store_txn *txn, const char *id)
{
	return store_held_put(txn, id, clock_now_us());
}

int store_import_publish(struct store_txn *txn, const char *name)
{
	return import_held(txn, name, held_now);
}

int store_import_is_published(struct store_txn *txn, const char *name)
{
	return import_held(txn, name, store_held_has);
}

int store_import_take(struct store_txn *txn, enum resource_type type, const char *name,
		      const char *owner_id, uint32_t *ret)
{
	unsigned char from[CODEC_ID_SIZE], to[CODEC_ID_SIZE];
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	char kept[KEY_SIZE];
	uint32_t number;
	int r = store_import_get(txn, type, name, &number);

	import_name(type, name, kept);
	import_owner(kept, from);
	if (r == 0)
		r = codec_id_parse(owner_id, to);
	if (r == 0)
		r = ledger_hand_over(txn, number, from, to);
	if (r < 0)
		return r;
	import_key(kept, &key);
	r = table_delete(txn, TABLE_IMPORT, &key);
	if (r == 0)
		r = import_held(txn, kept, store_held_delete);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = number;
	return 0;
}

struct import_walk {
	store_import_fn each;
	void *context;
};

static int import_each(struct span key, struct span value, void *context)
{
	const struct import_walk *walk = context;
	char name[KEY_SIZE];
	uint32_t number;

	if (key.size >= sizeof(name) || import_decode(value, &number) < 0)
		return -EIO;
	memcpy(name, key.data, key.size);
	name[key.size] = '\0';
	if (name[0] == GROUP_MARK)
		return walk->each(RESOURCE_GROUP, name + 1, number, walk->context);
	return walk->each(RESOURCE_USER, name, number, walk->context);
}

int store_import_each(struct store_txn *txn, store_import_fn each, void *context)
{
	const struct bytes all = BYTES_INIT;
	struct walk walk = { .table = TABLE_IMPORT, .prefix = &all };
	struct import_walk imports = { each, context };

	return table_walk(txn, &walk, import_each, &imports);
}
