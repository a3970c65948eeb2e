#include "tests/unit/store/store_t.h"

#define MIN 70000u
#define MAX 70010u

static int count(const char *name, uint32_t number, void *context)
{
	T_TRUE(*name && number >= MIN);
	++*(int *)context;
	return 0;
}

static void test_import(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	uint32_t number;
	int kept = 0;

	T_OK(store_import_put(txn, "ada", MIN, MAX, 70000));
	T_OK(store_import_put(txn, "ada", MIN, MAX, 70000)); /* the same file again */
	T_INT(store_import_put(txn, "ada", MIN, MAX, 70001), -EEXIST);
	T_INT(store_import_put(txn, "bob", MIN, MAX, 70000), -EEXIST);
	T_INT(store_import_put(txn, "bob", MIN, MAX, 70011), -ERANGE);
	T_OK(store_import_put(txn, "bob", MIN, MAX, 70002));
	/* Nobody else gets a number that is kept. */
	T_OK(store_number_take(txn, MIN, MAX, 0, USER_ID(1), &number));
	T_INT(number, 70001);
	T_OK(store_number_take(txn, MIN, MAX, 0, USER_ID(2), &number));
	T_INT(number, 70003);
	T_INT(store_number_take(txn, MIN, MAX, 70002, USER_ID(3), &number), -EEXIST);
	T_OK(store_import_each(txn, count, &kept));
	T_INT(kept, 2);
	T_INT(store_import_take(txn, "carl", USER_ID(4), &number), -ENOENT);
	T_OK(store_import_take(txn, "bob", USER_ID(4), &number));
	T_INT(number, 70002);
	T_INT(store_import_take(txn, "bob", USER_ID(5), &number), -ENOENT);
	T_OK(store_number_take(txn, MIN, MAX, 70002, USER_ID(4), &number)); /* its own now */
	T_INT(store_number_take(txn, MIN, MAX, 70002, USER_ID(5), &number), -EEXIST);
	T_INT(store_import_put(txn, "dora", MIN, MAX, 70002), -EEXIST);
}

T_MAIN("import", T(test_import))
