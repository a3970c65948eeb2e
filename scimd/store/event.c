/* TABLE_EVENT: sequence in 8 bytes -> version, time, type, user and JSON, each with its length. */
#include "scimd/base/clock.h"
#include "scimd/store/table.h"

#define EVENT_VERSION 1

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
