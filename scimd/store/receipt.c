/* TABLE_RECEIPT: number in 8 bytes -> version, user and JSON with their lengths.
 * TABLE_RECEIPT_USER: user, its terminator, number in 8 bytes -> nothing.
 * TABLE_RECEIPT_OPEN: number in 8 bytes -> nothing: it is open.
 * TABLE_META 'o': receipts up to this one are in TABLE_RECEIPT_OPEN if they are open. Behind it are those
 * of a version that did not have the table. */
#include "scimd/store/table.h"

#include <string.h>

#define RECEIPT_VERSION 1

struct receipt {
	char *user, *json;
};

static void receipt_done(struct receipt *receipt)
{
	freep(&receipt->user);
	freep(&receipt->json);
}

/* Owned in *ret, which was empty. */
static int receipt_decode(struct span value, struct receipt *ret)
{
	_cleanup_(receipt_done) struct receipt receipt = { NULL, NULL };
	int r;

	if (codec_get_version(&value, RECEIPT_VERSION) < 0)
		return -EIO;
	if ((r = codec_get_text(&value, &receipt.user)) < 0 ||
	    (r = codec_get_text(&value, &receipt.json)) < 0)
		return r;
	if (codec_get_end(&value) < 0 || !receipt.user || !receipt.json)
		return -EIO;
	*ret = receipt;
	receipt = (struct receipt){ NULL, NULL };
	return 0;
}

static int receipt_get(struct store_txn *txn, uint64_t number, struct receipt *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	int r;

	codec_put_u64(&key, number);
	r = table_get(txn, TABLE_RECEIPT, &key, &value);
	return r < 0 ? r : receipt_decode(codec_span(&value), ret);
}

static void put_user_key(struct bytes *bytes, const char *user, uint64_t number)
{
	codec_put_word(bytes, user);
	codec_put_u64(bytes, number);
}

/* Take a receipt that is written again out of the index if it moves to another user. 1: it stays. */
static int receipt_unindex(struct store_txn *txn, uint64_t number, const char *user)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	_cleanup_(receipt_done) struct receipt old = { NULL, NULL };
	int r;

	if ((r = receipt_get(txn, number, &old)) < 0)
		return r;
	if (strcmp(old.user, user) == 0)
		return 1;
	put_user_key(&key, old.user, number);
	r = table_delete(txn, TABLE_RECEIPT_USER, &key);
	return r == -ENOENT ? -EIO : r;
}

static int open_set(struct store_txn *txn, uint64_t number, bool is_open)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	int r;

	codec_put_u64(&key, number);
	if (is_open)
		return table_put(txn, TABLE_RECEIPT_OPEN, &key, NULL);
	r = table_delete(txn, TABLE_RECEIPT_OPEN, &key);
	return r == -ENOENT ? 0 : r;
}

/* How many receipts there are, and up to which they are indexed. */
static int counters_get(struct store_txn *txn, uint64_t *ret_last, uint64_t *ret_indexed)
{
	_cleanup_bytes_ struct bytes last = BYTES_INIT, indexed = BYTES_INIT;
	int r;

	codec_put_u8(&last, META_RECEIPT);
	codec_put_u8(&indexed, META_RECEIPT_OPEN);
	r = table_counter_get(txn, &last, ret_last);
	return r < 0 ? r : table_counter_get(txn, &indexed, ret_indexed);
}

static int indexed_move(struct store_txn *txn, uint64_t from, uint64_t to)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	uint64_t now;

	codec_put_u8(&key, META_RECEIPT_OPEN);
	return table_counter_add(txn, &key, (int64_t)(to - from), &now);
}

static int receipt_number(struct store_txn *txn, uint64_t *ret)
{
	uint64_t last, indexed;
	int r = counters_get(txn, &last, &indexed);

	if (r == 0)
		r = table_sequence_next(txn, META_RECEIPT, ret);
	return r < 0 || indexed != last ? r : indexed_move(txn, last, *ret);
}

int store_receipt_put(struct store_txn *txn, uint64_t number, const char *user, const char *json,
		      bool is_open, uint64_t *ret_number)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT, index = BYTES_INIT;
	int r = number == 0 ? receipt_number(txn, &number) : receipt_unindex(txn, number, user);
	bool is_indexed = r > 0;

	if (r < 0)
		return r;
	codec_put_u64(&key, number);
	codec_put_u8(&value, RECEIPT_VERSION);
	codec_put_text(&value, user);
	codec_put_text(&value, json);
	put_user_key(&index, user, number);
	if ((r = table_put(txn, TABLE_RECEIPT, &key, &value)) < 0 ||
	    (r = is_indexed ? 0 : table_put(txn, TABLE_RECEIPT_USER, &index, NULL)) < 0 ||
	    (r = open_set(txn, number, is_open)) < 0)
		return r;
	*ret_number = number;
	return 0;
}

int store_receipt_get(struct store_txn *txn, uint64_t number, char **ret_json)
{
	_cleanup_(receipt_done) struct receipt receipt = { NULL, NULL };
	int r;

	if ((r = receipt_get(txn, number, &receipt)) < 0)
		return r;
	*ret_json = TAKE_PTR(receipt.json);
	return 0;
}

struct receipt_walk {
	struct store_txn *txn;
	store_receipt_fn each;
	void *context;
};

static int receipt_each(struct span key, struct span value, void *context)
{
	const struct receipt_walk *walk = context;
	_cleanup_(receipt_done) struct receipt receipt = { NULL, NULL };
	uint64_t number;
	int r;

	if (codec_get_u64(&key, &number) < 0 || codec_get_end(&key) < 0)
		return -EIO;
	if ((r = receipt_decode(value, &receipt)) < 0)
		return r;
	return walk->each(number, receipt.user, receipt.json, walk->context);
}

/* An index says that it is there. */
static int receipt_show(const struct receipt_walk *walk, uint64_t number)
{
	_cleanup_(receipt_done) struct receipt receipt = { NULL, NULL };
	int r = receipt_get(walk->txn, number, &receipt);

	if (r < 0)
		return r == -ENOENT ? -EIO : r;
	return walk->each(number, receipt.user, receipt.json, walk->context);
}

static int receipt_user_each(struct span key, struct span value, void *context)
{
	const char *user;
	uint64_t number;

	if (codec_get_word(&key, &user) < 0 || codec_get_u64(&key, &number) < 0 ||
	    codec_get_end(&key) < 0 || value.size != 0)
		return -EIO;
	return receipt_show(context, number);
}

static int receipt_open_each(struct span key, struct span value, void *context)
{
	uint64_t number;

	if (codec_get_u64(&key, &number) < 0 || codec_get_end(&key) < 0 || value.size != 0)
		return -EIO;
	return receipt_show(context, number);
}

int store_receipt_each(struct store_txn *txn, const char *user, store_receipt_fn each,
		       void *context)
{
	_cleanup_bytes_ struct bytes prefix = BYTES_INIT;
	struct walk walk = { .table = TABLE_RECEIPT, .prefix = &prefix, .backward = true };
	struct receipt_walk receipts = { txn, each, context };

	if (!user)
		return table_walk(txn, &walk, receipt_each, &receipts);
	codec_put_word(&prefix, user);
	walk.table = TABLE_RECEIPT_USER;
	return table_walk(txn, &walk, receipt_user_each, &receipts);
}

/* What the index has to be told: the walks are over a snapshot, the rest is a transaction of its own. */
struct settle {
	store_receipt_fn each;
	void *context;
	struct settle_item {
		uint64_t number;
		bool is_open;
	} *items; /* owned */
	size_t count, room;
	uint64_t last, indexed; /* counters_get */
	bool is_indexed; /* those that are shown now */
};

static void settle_done(struct settle *settle)
{
	free(settle->items);
}

static int settle_add(struct settle *settle, uint64_t number, bool is_open)
{
	size_t room = settle->room ? settle->room * 2 : 16;
	struct settle_item *larger;

	if (settle->count == settle->room) {
		larger = reallocarray(settle->items, room, sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		settle->items = larger;
		settle->room = room;
	}
	settle->items[settle->count++] = (struct settle_item){ number, is_open };
	return 0;
}

static int settle_each(uint64_t number, const char *user, const char *json, void *context)
{
	struct settle *settle = context;
	int r;

	if (settle->is_indexed && number > settle->indexed && number <= settle->last)
		return 0; /* was shown with those behind the index */
	r = settle->each(number, user, json, settle->context);

	if (r < 0 || (r > 0) == settle->is_indexed)
		return r < 0 ? r : 0;
	return settle_add(settle, number, r > 0);
}

/* Show everything that is, or may be, open. */
static int settle_look(struct store *store, struct settle *settle)
{
	_cleanup_bytes_ struct bytes from = BYTES_INIT;
	const struct bytes all = BYTES_INIT;
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	struct walk open = { .table = TABLE_RECEIPT_OPEN, .prefix = &all, .backward = true };
	struct walk behind = { .table = TABLE_RECEIPT, .prefix = &all, .from = &from };
	struct receipt_walk receipts = { NULL, settle_each, settle };
	int r = store_begin(store, NULL, false, &txn);

	receipts.txn = txn;
	if (r == 0)
		r = counters_get(txn, &settle->last, &settle->indexed);
	if (r < 0)
		return r;
	if (settle->indexed < settle->last) {
		codec_put_u64(&from, settle->indexed + 1);
		r = table_walk(txn, &behind, receipt_each, &receipts);
	}
	settle->is_indexed = true;
	return r < 0 ? r : table_walk(txn, &open, receipt_open_each, &receipts);
}

int store_receipt_open_each(struct store *store, store_receipt_fn each, void *context)
{
	_cleanup_(settle_done) struct settle settle = { .each = each, .context = context };
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = settle_look(store, &settle);

	if (r < 0 || (settle.count == 0 && settle.indexed >= settle.last))
		return r;
	r = store_begin(store, NULL, true, &txn);
	for (size_t i = 0; r == 0 && i < settle.count; i++)
		r = open_set(txn, settle.items[i].number, settle.items[i].is_open);
	if (r == 0 && settle.indexed < settle.last)
		r = indexed_move(txn, settle.indexed, settle.last);
	return r < 0 ? r : store_commit(&txn);
}
