/* TABLE_EVENT: sequence in 8 bytes -> version, time, type, user and JSON, each with its length.
 * TABLE_POSITION: follower -> version, sequence. */
#include "scimd/base/clock.h"
#include "scimd/store/table.h"

#define EVENT_VERSION 1
#define POSITION_VERSION 1

int store_event_append(struct store_txn *txn, const char *type, const char *user, const char *json,
		       uint64_t *ret_sequence)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	uint64_t sequence;
	int r;

	if ((r = table_sequence_next(txn, META_EVENT, &sequence)) < 0)
		return r;
	codec_put_u64(&key, sequence);
	codec_put_u8(&value, EVENT_VERSION);
	codec_put_u64(&value, clock_now_us());
	codec_put_text(&value, type);
	codec_put_text(&value, user);
	codec_put_text(&value, json);
	r = table_insert(txn, TABLE_EVENT, &key, &value);
	if (r < 0)
		return r == -EEXIST ? -EIO : r; /* the counter is behind the table: damage */
	*ret_sequence = sequence;
	return 0;
}

struct event_walk {
	store_event_fn each;
	void *context;
};

static int event_each(struct span key, struct span value, void *context)
{
	const struct event_walk *walk = context;
	_cleanup_free_ char *type = NULL, *user = NULL, *json = NULL;
	struct store_event event;
	int r;

	if (codec_get_u64(&key, &event.sequence) < 0 || codec_get_end(&key) < 0 ||
	    codec_get_version(&value, EVENT_VERSION) < 0 ||
	    codec_get_u64(&value, &event.time_us) < 0)
		return -EIO;
	if ((r = codec_get_text(&value, &type)) < 0 || (r = codec_get_text(&value, &user)) < 0 ||
	    (r = codec_get_text(&value, &json)) < 0)
		return r;
	if (codec_get_end(&value) < 0 || !type || !user || !json)
		return -EIO;
	event.type = type;
	event.user = user;
	event.json = json;
	return walk->each(&event, walk->context);
}

int store_event_each(struct store_txn *txn, store_event_fn each, void *context)
{
	const struct bytes all = BYTES_INIT;
	struct walk walk = { .table = TABLE_EVENT, .prefix = &all, .backward = true };
	struct event_walk events = { each, context };

	return table_walk(txn, &walk, event_each, &events);
}

int store_event_after(struct store_txn *txn, uint64_t after, store_event_fn each, void *context)
{
	_cleanup_bytes_ struct bytes from = BYTES_INIT;
	const struct bytes all = BYTES_INIT;
	struct walk walk = { .table = TABLE_EVENT, .prefix = &all, .from = &from };
	struct event_walk events = { each, context };

	if (after == UINT64_MAX)
		return 0;
	codec_put_u64(&from, after + 1);
	return table_walk(txn, &walk, event_each, &events);
}

int store_event_last(struct store_txn *txn, uint64_t *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;

	codec_put_u8(&key, META_EVENT);
	return table_counter_get(txn, &key, ret);
}

int store_position_get(struct store_txn *txn, const char *follower, uint64_t *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	struct span span;
	uint64_t position;
	int r;

	codec_put_word(&key, follower);
	if ((r = table_get(txn, TABLE_POSITION, &key, &value)) < 0)
		return r;
	span = codec_span(&value);
	if ((r = codec_get_version(&span, POSITION_VERSION)) < 0 ||
	    (r = codec_get_u64(&span, &position)) < 0 || (r = codec_get_end(&span)) < 0)
		return r;
	*ret = position;
	return 0;
}

int store_position_put(struct store_txn *txn, const char *follower, uint64_t position)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;

	codec_put_word(&key, follower);
	codec_put_u8(&value, POSITION_VERSION);
	codec_put_u64(&value, position);
	return table_put(txn, TABLE_POSITION, &key, &value);
}

int store_position_delete(struct store_txn *txn, const char *follower)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;

	codec_put_word(&key, follower);
	return table_delete(txn, TABLE_POSITION, &key);
}
