#include "tests/unit/store/store_t.h"

static void test_retired_names(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	char owner[RESOURCE_ID_SIZE];
	uint64_t time_us;

	T_INT(store_name_retired(txn, "ada", owner, &time_us), -ENOENT);
	T_INT(store_name_retire(txn, "ada", "no id", 1), -EINVAL);
	T_OK(store_name_retire(txn, "ada", USER_ID(1), 1));
	T_OK(store_name_retire(txn, "ada", USER_ID(2), 7)); /* the last one counts */
	T_OK(store_commit(&txn));
	txn = t_begin(store, NULL, false);
	T_OK(store_name_retired(txn, "ada", owner, &time_us));
	T_STR(owner, USER_ID(2));
	T_INT(time_us, 7);
	T_INT(store_name_retired(txn, "ad", owner, &time_us), -ENOENT);
	T_INT(store_name_retired(txn, "adaa", owner, &time_us), -ENOENT);
}

T_MAIN("name", T(test_retired_names))
