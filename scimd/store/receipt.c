/* TABLE_RECEIPT: number in 8 bytes -> version, user and JSON with their lengths.
 * TABLE_RECEIPT_USER: user, its terminator, number in 8 bytes -> nothing. */
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

/* Take a receipt that is written again out of the index if it moves to another user. */
static int receipt_unindex(struct store_txn *txn, uint64_t number, const char *user)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	_cleanup_(receipt_done) struct receipt old = { NULL, NULL };
	int r;

	if ((r = receipt_get(txn, number, &old)) < 0)
		return r;
	if (strcmp(old.user, user) == 0)
		return 0;
	put_user_key(&key, old.user, number);
	r = table_delete(txn, TABLE_RECEIPT_USER, &key);
	return r == -ENOENT ? -EIO : r;
}

int store_receipt_put(struct store_txn *txn, uint64_t number, const char *user, const char *json,
		      uint64_t *ret_number)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT, index = BYTES_INIT;
	int r;

	if (number == 0)
		r = table_sequence_next(txn, META_RECEIPT, &number);
	else
		r = receipt_unindex(txn, number, user);
	if (r < 0)
		return r;
	codec_put_u64(&key, number);
	codec_put_u8(&value, RECEIPT_VERSION);
	codec_put_text(&value, user);
	codec_put_text(&value, json);
	put_user_key(&index, user, number);
	if ((r = table_put(txn, TABLE_RECEIPT, &key, &value)) < 0 ||
	    (r = table_put(txn, TABLE_RECEIPT_USER, &index, NULL)) < 0)
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

static int receipt_user_each(struct span key, struct span value, void *context)
{
	const struct receipt_walk *walk = context;
	_cleanup_(receipt_done) struct receipt receipt = { NULL, NULL };
	const char *user;
	uint64_t number;
	int r;

	if (codec_get_word(&key, &user) < 0 || codec_get_u64(&key, &number) < 0 ||
	    codec_get_end(&key) < 0 || value.size != 0)
		return -EIO;
	if ((r = receipt_get(walk->txn, number, &receipt)) < 0)
		return r == -ENOENT ? -EIO : r;
	return walk->each(number, receipt.user, receipt.json, walk->context);
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
