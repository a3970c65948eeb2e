/* TABLE_LEDGER: number in 4 bytes -> version, retired, type, owner's id. Entries are never deleted.
 * TABLE_META 'h', start of a range in 4 bytes: all numbers from the start up to below the hint are
 * taken, reserved, left out on purpose or were seen to be a local account's. As no number ever becomes
 * free again, that stays true, whatever the end of the range: a search begins at the hint, never misses
 * a hole, and passes each entry once in all. */
#include "scimd/store/ledger.h"

#include <string.h>

#define LEDGER_VERSION 1
#define TYPE_UNKNOWN 0xff     /* taken, its resource not stored yet */
#define NUMBER_LAST INT32_MAX /* everything above is reserved (names.h) */

struct entry {
	bool retired;
	uint8_t type;
	unsigned char owner[CODEC_ID_SIZE];
};

static int entry_decode(struct span value, struct entry *ret)
{
	struct entry entry;
	uint8_t retired;

	if (codec_get_version(&value, LEDGER_VERSION) < 0 || codec_get_u8(&value, &retired) < 0 ||
	    codec_get_u8(&value, &entry.type) < 0 ||
	    codec_get_mem(&value, sizeof(entry.owner), entry.owner) < 0 ||
	    codec_get_end(&value) < 0)
		return -EIO;
	if (retired > 1 || (entry.type != RESOURCE_USER && entry.type != RESOURCE_GROUP &&
			    entry.type != TYPE_UNKNOWN))
		return -EIO;
	entry.retired = retired;
	*ret = entry;
	return 0;
}

static int entry_get(struct store_txn *txn, uint32_t number, struct entry *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	int r;

	codec_put_u32(&key, number);
	r = table_get(txn, TABLE_LEDGER, &key, &value);
	return r < 0 ? r : entry_decode(codec_span(&value), ret);
}

static int entry_put(struct store_txn *txn, uint32_t number, const struct entry *entry)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;

	codec_put_u32(&key, number);
	codec_put_u8(&value, LEDGER_VERSION);
	codec_put_u8(&value, entry->retired);
	codec_put_u8(&value, entry->type);
	codec_put_mem(&value, entry->owner, sizeof(entry->owner));
	return table_put(txn, TABLE_LEDGER, &key, &value);
}

/* Enter the number for owner, or confirm that it is. type TYPE_UNKNOWN keeps what is known. */
static int entry_claim(struct store_txn *txn, uint32_t number, uint8_t type,
		       const unsigned char *owner)
{
	struct entry entry = { .type = TYPE_UNKNOWN };
	int r;

	r = entry_get(txn, number, &entry);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && memcmp(entry.owner, owner, CODEC_ID_SIZE) != 0)
		return -EEXIST;
	if (r == 0 && !entry.retired && (type == TYPE_UNKNOWN || type == entry.type))
		return 0;
	memcpy(entry.owner, owner, CODEC_ID_SIZE);
	entry.retired = false;
	if (type != TYPE_UNKNOWN)
		entry.type = type;
	return entry_put(txn, number, &entry);
}

int ledger_claim(struct store_txn *txn, uint32_t number, enum resource_type type,
		 const unsigned char owner[static CODEC_ID_SIZE])
{
	return entry_claim(txn, number, (uint8_t)type, owner);
}

int ledger_hand_over(struct store_txn *txn, uint32_t number,
		     const unsigned char from[static CODEC_ID_SIZE],
		     const unsigned char to[static CODEC_ID_SIZE])
{
	struct entry entry;
	int r = entry_get(txn, number, &entry);

	if (r < 0)
		return r;
	if (memcmp(entry.owner, from, CODEC_ID_SIZE) != 0)
		return -EEXIST;
	memcpy(entry.owner, to, CODEC_ID_SIZE);
	return entry_put(txn, number, &entry);
}

static int hint_get(struct store_txn *txn, const struct bytes *key, uint32_t min, uint32_t *ret)
{
	_cleanup_bytes_ struct bytes value = BYTES_INIT;
	struct span span;
	uint32_t hint = min;
	int r;

	r = table_get(txn, TABLE_META, key, &value);
	if (r < 0 && r != -ENOENT)
		return r;
	span = codec_span(&value);
	if (r == 0 &&
	    (codec_get_u32(&span, &hint) < 0 || codec_get_end(&span) < 0 || hint < min))
		return -EIO;
	*ret = hint;
	return 0;
}

static int hint_put(struct store_txn *txn, const struct bytes *key, uint32_t hint)
{
	_cleanup_bytes_ struct bytes value = BYTES_INIT;

	codec_put_u32(&value, hint);
	return table_put(txn, TABLE_META, key, &value);
}

struct search {
	uint32_t candidate, max;
	store_number_held_fn is_elsewhere; /* NULL: nothing is */
	void *context;
};

static void search_pass(struct search *search)
{
	while (search->candidate <= search->max &&
	       (id_is_reserved(search->candidate) ||
		(search->is_elsewhere && search->is_elsewhere(search->candidate, search->context))))
		search->candidate++;
}

/* Move the candidate past this entry, or stop because the candidate has none. */
static int search_step(struct span key, struct span value, void *context)
{
	struct search *search = context;
	uint32_t number;

	(void)value;
	if (codec_get_u32(&key, &number) < 0 || codec_get_end(&key) < 0)
		return -EIO;
	if (number < search->candidate)
		return 0; /* inside a range that was passed in one go */
	if (number > search->candidate || search->candidate > search->max)
		return 1;
	search->candidate++;
	search_pass(search);
	return 0;
}

/* Move the candidate to the first free number from it on, or to max + 1. */
static int number_search(struct store_txn *txn, struct search *search)
{
	_cleanup_bytes_ struct bytes start = BYTES_INIT;
	const struct bytes all = BYTES_INIT;
	struct walk walk = { .table = TABLE_LEDGER, .prefix = &all, .from = &start };

	search_pass(search);
	codec_put_u32(&start, search->candidate);
	return table_walk(txn, &walk, search_step, search);
}

/* The lowest free number that was not left out, where search->max is the range's end; key becomes that
 * of its hint. -EDQUOT: there is none. */
static int number_next(struct store_txn *txn, uint32_t min, struct search *search,
		       struct bytes *key)
{
	int r;

	if (search->max > NUMBER_LAST)
		search->max = NUMBER_LAST;
	if (min > search->max)
		return -EDQUOT;
	codec_put_u8(key, META_NUMBER_HINT);
	codec_put_u32(key, min);
	if ((r = hint_get(txn, key, min, &search->candidate)) < 0)
		return r;
	if (search->candidate > search->max)
		return -EDQUOT;
	if ((r = number_search(txn, search)) < 0)
		return r;
	return search->candidate > search->max ? -EDQUOT : 0;
}

static int take_next(struct store_txn *txn, uint32_t min, struct search *search, uint8_t type,
		     const char *owner_id, uint32_t *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	struct entry entry = { .type = type };
	int r;

	if ((r = codec_id_parse(owner_id, entry.owner)) < 0 ||
	    (r = number_next(txn, min, search, &key)) < 0 ||
	    (r = entry_put(txn, search->candidate, &entry)) < 0 ||
	    (r = hint_put(txn, &key, search->candidate + 1)) < 0)
		return r;
	*ret = search->candidate;
	return 0;
}

int store_number_take_next(struct store_txn *txn, uint32_t min, uint32_t max,
			   store_number_held_fn is_elsewhere, void *context,
			   enum resource_type type, const char *owner_id, uint32_t *ret)
{
	struct search search = { .max = max, .is_elsewhere = is_elsewhere, .context = context };

	return take_next(txn, min, &search, (uint8_t)type, owner_id, ret);
}

int store_number_skip(struct store_txn *txn, uint32_t min, uint32_t max, uint32_t count)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	struct search search = { .max = max };
	int r = number_next(txn, min, &search, &key);

	if (r < 0)
		return r;
	if (count > search.max - search.candidate)
		return -EDQUOT;
	return hint_put(txn, &key, search.candidate + count);
}

int store_number_take(struct store_txn *txn, uint32_t min, uint32_t max, uint32_t wanted,
		      const char *owner_id, uint32_t *ret)
{
	struct search search = { .max = max };
	unsigned char owner[CODEC_ID_SIZE];
	int r;

	if (wanted == 0)
		return take_next(txn, min, &search, TYPE_UNKNOWN, owner_id, ret);
	if ((r = codec_id_parse(owner_id, owner)) < 0)
		return r;
	if (wanted < min || wanted > max || id_is_reserved(wanted))
		return -ERANGE;
	if ((r = entry_claim(txn, wanted, TYPE_UNKNOWN, owner)) < 0)
		return r;
	*ret = wanted;
	return 0;
}

int store_number_retire(struct store_txn *txn, uint32_t number)
{
	struct entry entry;
	int r;

	if ((r = entry_get(txn, number, &entry)) < 0)
		return r;
	if (entry.retired)
		return 0;
	entry.retired = true;
	return entry_put(txn, number, &entry);
}

struct number_walk {
	store_number_fn each;
	void *context;
};

static int number_each(struct span key, struct span value, void *context)
{
	const struct number_walk *walk = context;
	struct entry entry;
	uint32_t number;

	if (codec_get_u32(&key, &number) < 0 || codec_get_end(&key) < 0 ||
	    entry_decode(value, &entry) < 0)
		return -EIO;
	if (entry.type == TYPE_UNKNOWN)
		entry.type = RESOURCE_USER; /* kept from everybody all the same */
	return walk->each(number, (enum resource_type)entry.type, entry.retired, walk->context);
}

int store_number_each(struct store_txn *txn, store_number_fn each, void *context)
{
	const struct bytes all = BYTES_INIT;
	struct walk walk = { .table = TABLE_LEDGER, .prefix = &all };
	struct number_walk numbers = { each, context };

	return table_walk(txn, &walk, number_each, &numbers);
}
