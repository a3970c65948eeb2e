/* Events and receipts: order, numbering, indexes. */
#include "scimd/base/clock.h"
#include "scimd/store/table.h"
#include "tests/unit/store/store_t.h"

static uint64_t append(struct store_txn *txn, const char *type, const char *user, const char *json)
{
	uint64_t sequence = 0;

	T_OK(store_event_append(txn, type, user, json, &sequence));
	return sequence;
}

/* What an each() saw, as one line. */
struct line {
	char text[256];
	unsigned int left; /* stop when it reaches 0 */
};

static int line_event(const struct store_event *event, void *context)
{
	struct line *line = context;
	size_t used = strlen(line->text);

	T_TRUE(event->time_us > 0 && event->time_us <= clock_now_us());
	snprintf(line->text + used, sizeof(line->text) - used, "%llu:%s:%s:%s ",
		 (unsigned long long)event->sequence, event->type, event->user, event->json);
	return --line->left == 0;
}

static void test_events(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct line none = { .left = 9 }, all = { .left = 9 }, two = { .left = 2 };

	T_OK(store_event_each(txn, line_event, &none));
	T_STR(none.text, "");
	T_INT(append(txn, "scim.user.created", "ada", "{}"), 1);
	T_INT(append(txn, "scim.group.created", "", "{\"a\":1}"), 2);
	T_OK(store_commit(&txn));
	txn = t_begin(store, NULL, true);
	T_INT(append(txn, "lost", "", ""), 3);
	store_abortp(&txn);
	store_closep(&store);
	store = t_open(&dir);
	txn = t_begin(store, NULL, true);
	T_INT(append(txn, "t", "bob", "3"), 3); /* the aborted one left no gap */
	T_OK(store_event_each(txn, line_event, &all));
	T_STR(all.text,
	      "3:t:bob:3 2:scim.group.created::{\"a\":1} 1:scim.user.created:ada:{} ");
	T_OK(store_event_each(txn, line_event, &two));
	T_STR(two.text, "3:t:bob:3 2:scim.group.created::{\"a\":1} ");
}

static int order_event(const struct store_event *event, void *context)
{
	uint64_t *expected = context;

	T_INT(event->sequence, *expected);
	--*expected;
	return 0;
}

/* Over the byte borders of the key. */
static void test_events_many(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	uint64_t expected = 700;

	for (unsigned int i = 1; i <= 700; i++)
		T_INT(append(txn, "t", "u", "{}"), i);
	T_OK(store_event_each(txn, order_event, &expected));
	T_INT(expected, 0);
}

static void test_event_damage(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	struct line line = { .left = 9 };
	uint64_t sequence;

	append(txn, "t", "u", "{}");
	codec_put_u64(&key, 2);
	codec_put_mem(&value, "\1x", 2);
	T_OK(table_put(txn, TABLE_EVENT, &key, &value));
	T_INT(store_event_each(txn, line_event, &line), -EIO);
	T_INT(store_event_append(txn, "t", "u", "{}", &sequence), -EIO); /* 2 is there already */
}

static uint64_t receipt(struct store_txn *txn, uint64_t number, const char *user, const char *json)
{
	uint64_t got = 0;

	T_OK(store_receipt_put(txn, number, user, json, strchr(json, '!') != NULL, &got));
	return got;
}

static int line_receipt(uint64_t number, const char *user, const char *json, void *context)
{
	struct line *line = context;
	size_t used = strlen(line->text);

	snprintf(line->text + used, sizeof(line->text) - used, "%llu:%s:%s ",
		 (unsigned long long)number, user, json);
	return --line->left == 0;
}

static void check_receipts(struct store_txn *txn, const char *user, unsigned int most,
			   const char *want)
{
	struct line line = { .left = most };

	T_OK(store_receipt_each(txn, user, line_receipt, &line));
	T_STR(line.text, want);
}

static void test_receipts(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_free_ char *json = NULL;
	uint64_t number = 77;

	T_INT(receipt(txn, 0, "ada", "a"), 1);
	T_INT(receipt(txn, 0, "bob", "b"), 2);
	T_INT(receipt(txn, 0, "ada", "c"), 3);
	T_INT(receipt(txn, 0, "adam", "d"), 4);
	T_INT(receipt(txn, 1, "ada", "a2"), 1);
	check_receipts(txn, NULL, 9, "4:adam:d 3:ada:c 2:bob:b 1:ada:a2 ");
	check_receipts(txn, NULL, 1, "4:adam:d ");
	check_receipts(txn, "ada", 9, "3:ada:c 1:ada:a2 ");
	check_receipts(txn, "ada", 1, "3:ada:c ");
	check_receipts(txn, "ad", 9, "");
	check_receipts(txn, "", 9, "");
	T_INT(receipt(txn, 3, "bob", "c2"), 3);
	check_receipts(txn, "ada", 9, "1:ada:a2 ");
	check_receipts(txn, "bob", 9, "3:bob:c2 2:bob:b ");
	T_OK(store_receipt_get(txn, 3, &json));
	T_STR(json, "c2");
	T_INT(store_receipt_put(txn, 99, "ada", "x", false, &number), -ENOENT);
	T_INT(number, 77);
	freep(&json);
	json = NULL;
	T_INT(store_receipt_get(txn, 99, &json), -ENOENT);
	T_TRUE(json == NULL);
}

static void test_receipt_damage(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	struct line line = { .left = 9 };
	char *json = NULL;

	receipt(txn, 0, "ada", "a");
	codec_put_u64(&key, 1);
	codec_put_mem(&value, "\1\0\0\0\5ada", 8);
	T_OK(table_put(txn, TABLE_RECEIPT, &key, &value));
	T_INT(store_receipt_get(txn, 1, &json), -EIO);
	T_INT(store_receipt_each(txn, "ada", line_receipt, &line), -EIO);
	T_INT(store_receipt_each(txn, NULL, line_receipt, &line), -EIO);
	T_OK(table_delete(txn, TABLE_RECEIPT, &key));
	T_INT(store_receipt_each(txn, "ada", line_receipt, &line), -EIO);
}

/* What is shown as open, in the order in which it is; a "!" says that it is open indeed. */
static int line_open(uint64_t number, const char *user, const char *json, void *context)
{
	struct line *line = context;

	line->left = 9;
	(void)line_receipt(number, user, json, line);
	return strchr(json, '!') != NULL;
}

static void check_open(struct store *store, const char *want)
{
	struct line line = { .left = 9 };

	T_OK(store_receipt_open_each(store, line_open, &line));
	T_STR(line.text, want);
}

static void receipt_alone(struct store *store, uint64_t number, const char *user, const char *json)
{
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);

	receipt(txn, number, user, json);
	T_OK(store_commit(&txn));
}

/* Leave it as a version without the index would have: its table empty, and how far it goes. */
static void index_forget(struct store *store, unsigned int numbers)
{
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_bytes_ struct bytes counter = BYTES_INIT;

	codec_put_u8(&counter, META_RECEIPT_OPEN);
	T_OK(table_delete(txn, TABLE_META, &counter));
	for (unsigned int i = 1; i <= numbers; i++) {
		_cleanup_bytes_ struct bytes key = BYTES_INIT;
		int r;

		codec_put_u64(&key, i);
		r = table_delete(txn, TABLE_RECEIPT_OPEN, &key);
		T_TRUE(r == 0 || r == -ENOENT);
	}
	T_OK(store_commit(&txn));
}

static void test_receipts_open(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);

	check_open(store, "");
	receipt_alone(store, 0, "ada", "a!");
	receipt_alone(store, 0, "bob", "b");
	receipt_alone(store, 0, "cleo", "c!");
	receipt_alone(store, 0, "dora", "d!");
	/* Those alone: nobody else's is read. */
	check_open(store, "4:dora:d! 3:cleo:c! 1:ada:a! ");
	receipt_alone(store, 3, "cleo", "c2");
	receipt_alone(store, 2, "bob", "b2!");
	check_open(store, "4:dora:d! 2:bob:b2! 1:ada:a! ");
	store_closep(&store);
	store = t_open(&dir);
	check_open(store, "4:dora:d! 2:bob:b2! 1:ada:a! ");
	/* Of a version without the index: all are read, once. */
	index_forget(store, 4);
	check_open(store, "1:ada:a! 2:bob:b2! 3:cleo:c2 4:dora:d! ");
	check_open(store, "4:dora:d! 2:bob:b2! 1:ada:a! ");
	receipt_alone(store, 0, "eve", "e!");
	check_open(store, "5:eve:e! 4:dora:d! 2:bob:b2! 1:ada:a! ");
	/* A new one does not make believe that those before it were indexed. */
	index_forget(store, 5);
	receipt_alone(store, 0, "fred", "f!");
	check_open(store, "1:ada:a! 2:bob:b2! 3:cleo:c2 4:dora:d! 5:eve:e! 6:fred:f! ");
	check_open(store, "6:fred:f! 5:eve:e! 4:dora:d! 2:bob:b2! 1:ada:a! ");
}

/* Closed by a version that knows nothing of the index: shown once more, then dropped. */
static void test_receipts_closed_elsewhere(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = NULL;
	_cleanup_bytes_ struct bytes key = BYTES_INIT;

	receipt_alone(store, 0, "ada", "a");
	codec_put_u64(&key, 1);
	txn = t_begin(store, NULL, true);
	T_OK(table_put(txn, TABLE_RECEIPT_OPEN, &key, NULL));
	T_OK(store_commit(&txn));
	check_open(store, "1:ada:a ");
	check_open(store, "");
}

T_MAIN("events", T(test_events), T(test_events_many), T(test_event_damage), T(test_receipts),
       T(test_receipt_damage), T(test_receipts_open), T(test_receipts_closed_elsewhere))
