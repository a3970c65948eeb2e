/* TABLE_ID: id -> order in 8 bytes, the key of the row. Indexes, values are ids:
 * TABLE_USER_NAME: folded name. TABLE_GROUP_NAME: connection, terminator, folded name.
 * TABLE_POSIX_NAME: name. TABLE_NUMBER: 4 bytes.
 * TABLE_EXTERNAL: type, connection, terminator, external id, terminator, order -> nothing.
 * TABLE_ORDER: scope, order -> nothing. TABLE_META 'c', scope: how many.
 * A scope is type and 0, for all connections, or type, 1, connection and terminator. */
#include <string.h>

#include "scimd/store/email.h"
#include "scimd/store/ledger.h"
#include "scimd/store/member.h"
#include "scimd/store/pending.h"
#include "scimd/store/row.h"
#include "scimd/store/table.h"

/* An order without its row is damage. */
static int row_get(struct store_txn *txn, uint64_t order, struct row *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	int r;

	codec_put_u64(&key, order);
	r = table_get(txn, TABLE_RESOURCE, &key, &value);
	if (r < 0)
		return r == -ENOENT ? -EIO : r;
	return row_decode(order, codec_span(&value), ret);
}

int row_find(struct store_txn *txn, const unsigned char id[static CODEC_ID_SIZE], struct row *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	struct span span;
	uint64_t order;
	int r;

	codec_put_mem(&key, id, CODEC_ID_SIZE);
	if ((r = table_get(txn, TABLE_ID, &key, &value)) < 0)
		return r;
	span = codec_span(&value);
	if (codec_get_u64(&span, &order) < 0 || codec_get_end(&span) < 0)
		return -EIO;
	return row_get(txn, order, ret);
}

int store_resource_get(struct store_txn *txn, const char *id, struct store_resource *ret)
{
	unsigned char raw[CODEC_ID_SIZE];
	struct row row;
	int r;

	if (codec_id_parse(id, raw) < 0)
		return -ENOENT;
	if ((r = row_find(txn, raw, &row)) < 0)
		return r;
	*ret = row.resource;
	return 0;
}

/* Decimal without sign, spaces or leading zero. */
static int number_parse(const char *text, uint32_t *ret)
{
	uint64_t number = 0;

	if (text[0] < '1' || text[0] > '9')
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		number = number * 10 + (uint64_t)(*text - '0');
		if (number > UINT32_MAX)
			return -EINVAL;
	}
	*ret = (uint32_t)number;
	return 0;
}

static void put_group_name(struct bytes *bytes, const char *connection, const char *folded_name)
{
	codec_put_word(bytes, connection);
	codec_put_word(bytes, folded_name);
}

int store_lookup(struct store_txn *txn, enum store_index index, const char *connection,
		 const char *key, char ret[static RESOURCE_ID_SIZE])
{
	static const enum table tables[] = {
		[STORE_BY_USER_NAME] = TABLE_USER_NAME,
		[STORE_BY_GROUP_NAME] = TABLE_GROUP_NAME,
		[STORE_BY_POSIX_NAME] = TABLE_POSIX_NAME,
		[STORE_BY_NUMBER] = TABLE_NUMBER,
	};
	_cleanup_bytes_ struct bytes raw = BYTES_INIT, value = BYTES_INIT;
	uint32_t number;
	int r;

	if (index == STORE_BY_GROUP_NAME) {
		put_group_name(&raw, connection, key);
	} else if (index == STORE_BY_NUMBER) {
		if (number_parse(key, &number) < 0)
			return -ENOENT;
		codec_put_u32(&raw, number);
	} else {
		codec_put_word(&raw, key);
	}
	if ((r = table_get(txn, tables[index], &raw, &value)) < 0)
		return r;
	if (value.size != CODEC_ID_SIZE)
		return -EIO;
	codec_id_format(value.data, ret);
	return 0;
}

/* A new resource's way from its id to its order; an update finds it there. */
static int id_insert(struct store_txn *txn, const unsigned char *id, uint64_t order)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;

	codec_put_mem(&key, id, CODEC_ID_SIZE);
	codec_put_u64(&value, order);
	return table_insert(txn, TABLE_ID, &key, &value);
}

static int id_delete(struct store_txn *txn, const unsigned char *id)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;

	codec_put_mem(&key, id, CODEC_ID_SIZE);
	return table_delete(txn, TABLE_ID, &key);
}

/* One index: where it lies, what a resource's key in it is (empty: it has none). */
struct index {
	enum table table;
	bool unique;
	enum store_index name; /* if unique */
	void (*key)(const struct row *row, struct bytes *ret);
};

static void key_user_name(const struct row *row, struct bytes *ret)
{
	if (row->resource.type == RESOURCE_USER)
		codec_put_word(ret, row->resource.folded_name);
}

static void key_group_name(const struct row *row, struct bytes *ret)
{
	if (row->resource.type == RESOURCE_GROUP)
		put_group_name(ret, row->resource.connection, row->resource.folded_name);
}

static void key_posix_name(const struct row *row, struct bytes *ret)
{
	if (row->resource.posix_name[0] != '\0')
		codec_put_word(ret, row->resource.posix_name);
}

static void key_number(const struct row *row, struct bytes *ret)
{
	if (row->resource.number != 0)
		codec_put_u32(ret, row->resource.number);
}

static void put_external(struct bytes *bytes, enum resource_type type, const char *connection,
			 const char *external_id)
{
	codec_put_u8(bytes, (uint8_t)type);
	codec_put_word(bytes, connection);
	codec_put_word(bytes, external_id);
}

static void key_external(const struct row *row, struct bytes *ret)
{
	const struct store_resource *resource = &row->resource;

	if (!resource->external_id)
		return;
	put_external(ret, resource->type, resource->connection, resource->external_id);
	codec_put_u64(ret, row->order);
}

static void put_scope(struct bytes *bytes, enum resource_type type, const char *connection)
{
	codec_put_u8(bytes, (uint8_t)type);
	codec_put_u8(bytes, connection != NULL);
	if (connection)
		codec_put_word(bytes, connection);
}

static void key_order_all(const struct row *row, struct bytes *ret)
{
	put_scope(ret, row->resource.type, NULL);
	codec_put_u64(ret, row->order);
}

static void key_order_connection(const struct row *row, struct bytes *ret)
{
	put_scope(ret, row->resource.type, row->resource.connection);
	codec_put_u64(ret, row->order);
}

static const struct index indexes[] = {
	{ TABLE_USER_NAME, true, STORE_BY_USER_NAME, key_user_name },
	{ TABLE_GROUP_NAME, true, STORE_BY_GROUP_NAME, key_group_name },
	{ TABLE_POSIX_NAME, true, STORE_BY_POSIX_NAME, key_posix_name },
	{ TABLE_NUMBER, true, STORE_BY_NUMBER, key_number },
	{ TABLE_EXTERNAL, false, 0, key_external },
	{ TABLE_ORDER, false, 0, key_order_all },
	{ TABLE_ORDER, false, 0, key_order_connection },
};

static bool bytes_equal(const struct bytes *a, const struct bytes *b)
{
	return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* Move one index from row to row; NULL for the side that does not exist. */
static int index_update(struct store_txn *txn, const struct index *index,
			const unsigned char *id, const struct row *from, const struct row *to)
{
	_cleanup_bytes_ struct bytes old = BYTES_INIT, new = BYTES_INIT, value = BYTES_INIT;
	int r;

	if (from)
		index->key(from, &old);
	if (to)
		index->key(to, &new);
	if (old.failed || new.failed)
		return -ENOMEM;
	if (bytes_equal(&old, &new))
		return 0;
	if (old.size > 0 && (r = table_delete(txn, index->table, &old)) < 0)
		return r == -ENOENT ? -EIO : r;
	if (new.size == 0)
		return 0;
	if (index->unique)
		codec_put_mem(&value, id, CODEC_ID_SIZE);
	return table_insert(txn, index->table, &new, &value);
}

static int indexes_update(struct store_txn *txn, const unsigned char *id, const struct row *from,
			  const struct row *to, enum store_index *ret_taken)
{
	for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
		int r = index_update(txn, &indexes[i], id, from, to);

		if (r == -EEXIST && !indexes[i].unique)
			return -EIO; /* ids and orders are ours alone: damage */
		if (r == -EEXIST)
			*ret_taken = indexes[i].name;
		if (r < 0)
			return r;
	}
	return 0;
}

static int count_add(struct store_txn *txn, const struct store_resource *resource, int64_t by)
{
	_cleanup_bytes_ struct bytes all = BYTES_INIT, connection = BYTES_INIT;
	uint64_t count;
	int r;

	codec_put_u8(&all, META_RESOURCES);
	put_scope(&all, resource->type, NULL);
	codec_put_u8(&connection, META_RESOURCES);
	put_scope(&connection, resource->type, resource->connection);
	r = table_counter_add(txn, &all, by, &count);
	return r < 0 ? r : table_counter_add(txn, &connection, by, &count);
}

/* Keep the counters in step with a change from row to row. */
static int counts_update(struct store_txn *txn, const struct row *from, const struct row *to)
{
	int r = 0;

	if (from && to && strcmp(from->resource.connection, to->resource.connection) == 0)
		return 0;
	if (from)
		r = count_add(txn, &from->resource, -1);
	return r < 0 || !to ? r : count_add(txn, &to->resource, 1);
}

static int number_claim(struct store_txn *txn, const struct store_resource *resource,
			const unsigned char *id, enum store_index *ret_taken)
{
	int r;

	if (resource->number == 0)
		return 0;
	r = ledger_claim(txn, resource->number, resource->type, id);
	if (r == -EEXIST)
		*ret_taken = STORE_BY_NUMBER;
	return r;
}

static bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* A user's title lies beside each membership as well. */
static int title_update(struct store_txn *txn, const unsigned char *id, const struct row *from,
			const struct row *to)
{
	if (to->resource.type != RESOURCE_USER || from->order == 0 ||
	    text_equal(from->resource.title, to->resource.title))
		return 0;
	return member_retitle(txn, id, to->resource.title);
}

/* What is to be replaced (owned in *ret_old, its order 0: nothing), and the order of what replaces it. A row
 * that was never read is new, as a rule, and then its entry is all that there is to look for. */
static int place_find(struct store_txn *txn, const struct store_resource *row,
		      const unsigned char *id, struct row *ret_old, uint64_t *ret_order)
{
	uint64_t order;
	int r = row->order == 0 ? -ENOENT : row_find(txn, id, ret_old);

	if (r == -ENOENT && (r = table_sequence_next(txn, META_SEQUENCE, &order)) == 0 &&
	    (r = id_insert(txn, id, order)) == 0) {
		*ret_order = order;
		return 0;
	}
	if (r == -EEXIST)
		r = row_find(txn, id, ret_old);
	if (r == 0)
		*ret_order = ret_old->order;
	return r;
}

int store_resource_put(struct store_txn *txn, const struct store_resource *row,
		       enum store_index *ret_taken)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	_cleanup_(row_done) struct row old = { 0 };
	struct row new = { .resource = *row }; /* borrows */
	unsigned char id[CODEC_ID_SIZE];
	const struct row *from;
	int r;

	if ((r = codec_id_parse(row->id, id)) < 0 || (r = row_encode(row, &value)) < 0 ||
	    (r = place_find(txn, row, id, &old, &new.order)) < 0)
		return r;
	from = old.order ? &old : NULL;
	if (from && old.resource.type != row->type)
		return -EINVAL;
	if ((r = indexes_update(txn, id, from, &new, ret_taken)) < 0 ||
	    (r = number_claim(txn, row, id, ret_taken)) < 0 ||
	    (r = email_update(txn, from, &new)) < 0 ||
	    (r = counts_update(txn, from, &new)) < 0 ||
	    (r = title_update(txn, id, &old, &new)) < 0)
		return r;
	codec_put_u64(&key, new.order);
	if (from)
		return table_put(txn, TABLE_RESOURCE, &key, &value);
	/* Not put: for that libdb looks first at the page where the last one went, long after, which makes
	 * it worth more than its old version (store.c). */
	r = table_insert(txn, TABLE_RESOURCE, &key, &value);
	return r == -EEXIST ? -EIO : r; /* the counter is behind the table: damage */
}

int store_resource_delete(struct store_txn *txn, const char *id)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;
	_cleanup_(row_done) struct row old = { 0 };
	unsigned char raw[CODEC_ID_SIZE];
	enum store_index unused;
	int r;

	if (codec_id_parse(id, raw) < 0)
		return -ENOENT;
	if ((r = row_find(txn, raw, &old)) < 0)
		return r;
	if ((r = id_delete(txn, raw)) < 0 ||
	    (r = indexes_update(txn, raw, &old, NULL, &unused)) < 0 ||
	    (r = email_update(txn, &old, NULL)) < 0 ||
	    (r = counts_update(txn, &old, NULL)) < 0)
		return r;
	r = old.resource.type == RESOURCE_GROUP ? member_drop_group(txn, raw)
						: member_drop_user(txn, raw);
	if (r >= 0 && old.resource.type == RESOURCE_GROUP)
		r = pending_drop_group(txn, old.resource.connection, raw);
	if (r < 0)
		return r;
	codec_put_u64(&key, old.order);
	r = table_delete(txn, TABLE_RESOURCE, &key);
	return r == -ENOENT ? -EIO : r;
}

struct resource_walk {
	struct store_txn *txn;
	store_resource_fn each;
	void *context;
};

/* Show the resource whose order ends a key of TABLE_ORDER or TABLE_EXTERNAL. */
static int order_each(struct span key, struct span value, void *context)
{
	const struct resource_walk *walk = context;
	_cleanup_(row_done) struct row row = { 0 };
	uint64_t order;
	int r;

	if (key.size < sizeof(order) || value.size != 0)
		return -EIO;
	key.data += key.size - sizeof(order);
	key.size = sizeof(order);
	if ((r = codec_get_u64(&key, &order)) < 0 || (r = row_get(walk->txn, order, &row)) < 0)
		return r;
	return walk->each(&row.resource, walk->context);
}

struct everybody_walk {
	enum resource_type type;
	store_resource_fn each;
	void *context;
};

static int row_each(struct span key, struct span value, void *context)
{
	const struct everybody_walk *walk = context;
	_cleanup_(row_done) struct row row = { 0 };
	uint64_t order;
	int r;

	if (codec_get_u64(&key, &order) < 0 || codec_get_end(&key) < 0)
		return -EIO;
	r = row_decode(order, value, &row);
	return r < 0 || row.resource.type != walk->type ? r
							: walk->each(&row.resource, walk->context);
}

/* People are most of the rows, which lie in order of creation: without looking each up. */
static int everybody_each(struct store_txn *txn, store_resource_fn each, void *context)
{
	const struct bytes all = BYTES_INIT;
	struct walk walk = { .table = TABLE_RESOURCE, .prefix = &all };
	struct everybody_walk everybody = { RESOURCE_USER, each, context };

	return table_walk(txn, &walk, row_each, &everybody);
}

int store_resource_each(struct store_txn *txn, enum resource_type type, const char *connection,
			uint64_t offset, store_resource_fn each, void *context)
{
	_cleanup_bytes_ struct bytes scope = BYTES_INIT;
	struct walk walk = { .table = TABLE_ORDER, .prefix = &scope, .skip = offset };
	struct resource_walk resources = { txn, each, context };

	if (type == RESOURCE_USER && !connection && offset == 0)
		return everybody_each(txn, each, context);
	put_scope(&scope, type, connection);
	return table_walk(txn, &walk, order_each, &resources);
}

int store_resource_after(struct store_txn *txn, enum resource_type type, const char *connection,
			 uint64_t after, store_resource_fn each, void *context)
{
	_cleanup_bytes_ struct bytes scope = BYTES_INIT, from = BYTES_INIT;
	struct walk walk = { .table = TABLE_ORDER, .prefix = &scope, .from = &from };
	struct resource_walk resources = { txn, each, context };

	if (after == UINT64_MAX)
		return 0;
	put_scope(&scope, type, connection);
	put_scope(&from, type, connection);
	codec_put_u64(&from, after + 1);
	return table_walk(txn, &walk, order_each, &resources);
}

int store_resource_count(struct store_txn *txn, enum resource_type type, const char *connection,
			 uint64_t *ret)
{
	_cleanup_bytes_ struct bytes key = BYTES_INIT;

	codec_put_u8(&key, META_RESOURCES);
	put_scope(&key, type, connection);
	return table_counter_get(txn, &key, ret);
}

int store_external_each(struct store_txn *txn, enum resource_type type, const char *connection,
			const char *external_id, store_resource_fn each, void *context)
{
	_cleanup_bytes_ struct bytes prefix = BYTES_INIT;
	struct walk walk = { .table = TABLE_EXTERNAL, .prefix = &prefix };
	struct resource_walk resources = { txn, each, context };

	put_external(&prefix, type, connection, external_id);
	return table_walk(txn, &walk, order_each, &resources);
}

int store_email_each(struct store_txn *txn, const char *connection, const char *folded_email,
		     store_resource_fn each, void *context)
{
	_cleanup_bytes_ struct bytes prefix = BYTES_INIT;
	struct walk walk = { .table = TABLE_EMAIL, .prefix = &prefix };
	struct resource_walk resources = { txn, each, context };

	email_put_key(&prefix, connection, folded_email, strlen(folded_email));
	return table_walk(txn, &walk, order_each, &resources);
}
