/* The id ledger: a number once given is never given again. */
#include "scimd/store/table.h"
#include "tests/unit/store/store_t.h"

#define MIN 65536u
#define MAX 99999u

static int take(struct store_txn *txn, uint32_t min, uint32_t max, uint32_t wanted,
		unsigned int owner, uint32_t *ret)
{
	return store_number_take(txn, min, max, wanted, USER_ID(owner), ret);
}

static void test_next(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	uint32_t number = 0;

	for (unsigned int i = 0; i < 100; i++) {
		T_OK(take(txn, MIN, MAX, 0, i, &number));
		T_INT(number, MIN + i);
	}
	T_OK(store_commit(&txn));
	store_closep(&store);
	store = t_open(&dir);
	txn = t_begin(store, NULL, true);
	T_OK(take(txn, MIN, MAX, 0, 100, &number));
	T_INT(number, MIN + 100);
}

struct wanted_case {
	const char *what;
	uint32_t wanted;
	unsigned int owner;
	int want;
};

/* In this order; MIN + 5 is user 1's, MIN + 6 was user 2's. */
static const struct wanted_case wanted_cases[] = {
	{ "free", MIN + 10, 3, 0 },
	{ "free, again by its owner", MIN + 10, 3, 0 },
	{ "somebody else's", MIN + 5, 3, -EEXIST },
	{ "its own", MIN + 5, 1, 0 },
	{ "a tombstone", MIN + 6, 3, -EEXIST },
	{ "its own tombstone", MIN + 6, 2, 0 },
	{ "first", MIN, 4, 0 },
	{ "last", MAX, 4, 0 },
	{ "below", MIN - 1, 3, -ERANGE },
	{ "above", MAX + 1, 3, -ERANGE },
	{ "root-like", 1, 3, -ERANGE },
	{ "all ones", UINT32_MAX, 3, -ERANGE },
};

static void test_wanted(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	uint32_t number = 0;

	T_OK(take(txn, MIN, MAX, MIN + 5, 1, &number));
	T_OK(take(txn, MIN, MAX, MIN + 6, 2, &number));
	T_OK(store_number_retire(txn, MIN + 6));
	for (size_t i = 0; i < ARRAY_SIZE(wanted_cases); i++) {
		const struct wanted_case *c = &wanted_cases[i];
		int r;

		number = 0;
		r = take(txn, MIN, MAX, c->wanted, c->owner, &number);
		if (r != c->want)
			fprintf(stderr, "%s:\n", c->what);
		T_INT(r, c->want);
		T_INT(number, r == 0 ? c->wanted : 0);
	}
	T_INT(take(txn, 1000, MAX, 61184, 3, &number), -ERANGE); /* reserved inside the range */
	T_INT(take(txn, 1000, MAX, 65534, 3, &number), -ERANGE);
	T_INT(store_number_take(txn, MIN, MAX, 0, "nobody", &number), -EINVAL);
}

static void test_passes_taken(void)
{
	static const uint32_t want[] = { MIN + 1, MIN + 4, MIN + 5, MIN + 7 };
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	uint32_t number = 0;

	T_OK(take(txn, MIN, MAX, MIN, 1, &number));
	T_OK(take(txn, MIN, MAX, MIN + 2, 2, &number));
	T_OK(take(txn, MIN, MAX, MIN + 3, 3, &number));
	T_OK(take(txn, MIN, MAX, MIN + 6, 4, &number));
	T_OK(store_number_retire(txn, MIN + 3));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		T_OK(take(txn, MIN, MAX, 0, 10 + (unsigned int)i, &number));
		T_INT(number, want[i]);
	}
}

static void test_never_again(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	bool given[200] = { false };
	uint32_t number = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(given); i++) {
		T_OK(take(txn, MIN, MIN + 199, 0, i, &number));
		T_FATAL(number >= MIN && number < MIN + 200);
		T_TRUE(!given[number - MIN]);
		given[number - MIN] = true;
		T_OK(store_number_retire(txn, number));
	}
	T_INT(take(txn, MIN, MIN + 199, 0, 500, &number), -EDQUOT);
	T_INT(take(txn, MIN, MIN + 199, 0, 501, &number), -EDQUOT);
	T_OK(take(txn, MIN, MIN + 200, 0, 502, &number)); /* the range has grown */
	T_INT(number, MIN + 200);
	T_INT(store_number_retire(txn, MIN + 999), -ENOENT);
}

/* A range with another start shares the numbers, and finds the holes of its own part. */
static void test_ranges_overlap(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	uint32_t number = 0;

	for (unsigned int i = 0; i < 10; i++)
		T_OK(take(txn, MIN, MAX, 0, i, &number));
	T_OK(take(txn, MIN + 5, MAX, 0, 20, &number));
	T_INT(number, MIN + 10);
	T_OK(take(txn, 1000, MAX, 0, 21, &number));
	T_INT(number, 1000);
	T_OK(take(txn, MIN, MAX, 0, 22, &number));
	T_INT(number, MIN + 11);
	T_INT(take(txn, 10, 5, 0, 23, &number), -EDQUOT);
}

static void test_reserved_passed(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	static const uint32_t want[] = { 61183, 65520, 65521 };
	uint32_t number = 0;

	T_OK(take(txn, 61183, MAX, 65521, 9, &number));
	for (unsigned int i = 0; i < 2; i++) {
		T_OK(take(txn, 61183, MAX, 0, i, &number));
		T_INT(number, want[i]);
	}
	T_OK(take(txn, 61183, MAX, 0, 3, &number));
	T_INT(number, 65522);
	T_INT(take(txn, 65534, 65535, 0, 4, &number), -EDQUOT);
	T_OK(take(txn, 0, UINT32_MAX, 0, 5, &number));
	T_INT(number, 1000);
	T_OK(take(txn, INT32_MAX, UINT32_MAX, 0, 6, &number));
	T_INT(number, INT32_MAX);
	T_INT(take(txn, INT32_MAX, UINT32_MAX, 0, 7, &number), -EDQUOT);
}

/* What an aborted change took was given to nobody. */
static void test_abort_gives_back(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_txn_ struct store_txn *child = t_begin(store, txn, true);
	uint32_t number = 0;

	T_OK(take(child, MIN, MAX, 0, 1, &number));
	store_abortp(&child);
	T_OK(take(txn, MIN, MAX, 0, 2, &number));
	T_INT(number, MIN);
}

struct entries {
	size_t count;
	struct {
		uint32_t number;
		enum resource_type type;
		bool retired;
	} items[8];
};

static int collect(uint32_t number, enum resource_type type, bool retired, void *context)
{
	struct entries *entries = context;

	T_FATAL(entries->count < ARRAY_SIZE(entries->items));
	entries->items[entries->count].number = number;
	entries->items[entries->count].type = type;
	entries->items[entries->count++].retired = retired;
	return 0;
}

static void put_numbered(struct store_txn *txn, enum resource_type type, unsigned int n,
			 uint32_t wanted)
{
	enum store_index taken;
	struct sample s;
	uint32_t number;

	sample_make(&s, type, n, "okta");
	T_OK(store_number_take(txn, MIN, MAX, wanted, s.row.id, &number));
	s.row.number = number;
	T_OK(store_resource_put(txn, &s.row, &taken));
}

static void test_each(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct entries entries = { .count = 0 };

	put_numbered(txn, RESOURCE_GROUP, 1, MIN + 300);
	put_numbered(txn, RESOURCE_USER, 2, 0);
	put_numbered(txn, RESOURCE_GROUP, 3, 0);
	T_OK(store_resource_delete(txn, GROUP_ID(3)));
	T_OK(store_number_retire(txn, MIN + 1));
	T_OK(store_number_retire(txn, MIN + 1));
	T_OK(store_number_each(txn, collect, &entries));
	T_INT(entries.count, 3);
	T_INT(entries.items[0].number, MIN);
	T_INT(entries.items[0].type, RESOURCE_USER);
	T_TRUE(!entries.items[0].retired);
	T_INT(entries.items[1].number, MIN + 1);
	T_INT(entries.items[1].type, RESOURCE_GROUP);
	T_TRUE(entries.items[1].retired);
	T_INT(entries.items[2].number, MIN + 300);
	T_INT(entries.items[2].type, RESOURCE_GROUP);
}

static void test_skip(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	uint32_t number;

	T_OK(take(txn, MIN, MAX, 0, 1, &number));
	T_OK(take(txn, MIN, MAX, MIN + 1, 2, &number));
	T_OK(store_number_skip(txn, MIN, MAX, 100));
	T_OK(take(txn, MIN, MAX, 0, 3, &number));
	T_INT(number, MIN + 102); /* counted from the first that was free */
	T_OK(take(txn, MIN, MAX, MIN + 50, 4, &number)); /* by number it can be had */
	T_INT(store_number_skip(txn, MIN, MIN + 110, 100), -EDQUOT);
	T_OK(take(txn, MIN, MAX, 0, 5, &number)); /* and nothing was left out by that */
	T_INT(number, MIN + 103);
}

/* Every second number up to a bound is somebody's outside the store. */
static bool is_elsewhere(uint32_t number, void *context)
{
	const uint32_t *below = context;

	return number < *below && number % 2 == 0;
}

static void test_elsewhere_passed(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	uint32_t number, below = MIN + 9;
	const uint32_t want[] = { MIN + 1, MIN + 5, MIN + 7, MIN + 9, MIN + 10 };

	T_OK(take(txn, MIN, MAX, MIN + 3, 1, &number));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		T_OK(store_number_take_next(txn, MIN, MAX, is_elsewhere, &below, RESOURCE_USER,
					    USER_ID(10 + (unsigned int)i), &number));
		T_INT(number, want[i]);
	}
	T_OK(take(txn, MIN, MAX, 0, 2, &number)); /* not when they are nobody's any more */
	T_INT(number, MIN + 11);
	T_OK(take(txn, MIN, MAX, MIN + 4, 3, &number)); /* but by number */
	below = UINT32_MAX;
	T_INT(store_number_take_next(txn, MIN + 12, MIN + 12, is_elsewhere, &below, RESOURCE_USER,
				     USER_ID(4), &number), -EDQUOT);
}

static void test_damage(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_bytes_ struct bytes key = BYTES_INIT, value = BYTES_INIT;
	struct entries entries = { .count = 0 };
	uint32_t number;

	codec_put_u32(&key, MIN);
	codec_put_mem(&value, "\1\1\1short", 8);
	T_OK(table_put(txn, TABLE_LEDGER, &key, &value));
	T_INT(store_number_each(txn, collect, &entries), -EIO);
	T_INT(take(txn, MIN, MAX, MIN, 1, &number), -EIO);
	T_INT(store_number_retire(txn, MIN), -EIO);
}

/* Tens of thousands in one transaction: a scan from the start each time would take minutes. */
static void test_many(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	uint32_t number = 0, wrong = 0;

	for (unsigned int i = 0; i < 15000; i++)
		wrong += take(txn, MIN, MAX, 0, i, &number) != 0 || number != MIN + i;
	T_INT(wrong, 0);
	T_OK(store_commit(&txn));
}

T_MAIN("ledger", T(test_next), T(test_wanted), T(test_passes_taken), T(test_never_again),
       T(test_ranges_overlap), T(test_reserved_passed), T(test_abort_gives_back), T(test_each),
       T(test_skip), T(test_elsewhere_passed),
       T(test_damage), T(test_many))
