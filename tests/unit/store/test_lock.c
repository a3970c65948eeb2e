#include "tests/unit/store/store_t.h"

struct locks_seen {
	int count;
	char names[64];
};

static int note(const char *user_id, const struct store_lock *lock, void *context)
{
	struct locks_seen *seen = context;

	T_INT(strlen(user_id), RESOURCE_ID_SIZE - 1);
	seen->count++;
	strcat(strcat(seen->names, lock->name), " ");
	return 0;
}

static void test_lock(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_(store_lock_done) struct store_lock got = { 0 }, again = { 0 };
	struct store_lock ada = { 5, (char *)"ada", (char *)"root", (char *)"stolen" };
	struct store_lock bob = { 6, (char *)"bob", (char *)"root", NULL };
	struct locks_seen seen = { 0 };

	T_INT(store_lock_get(txn, USER_ID(1), &got), -ENOENT);
	T_INT(store_lock_delete(txn, USER_ID(1)), -ENOENT);
	T_INT(store_lock_get(txn, "no id", &got), -EINVAL);
	T_OK(store_lock_put(txn, USER_ID(1), &ada));
	T_OK(store_lock_put(txn, USER_ID(2), &bob));
	T_OK(store_commit(&txn));
	store_closep(&store); /* a lock is still there after a restart */
	store = t_open(&dir);
	txn = t_begin(store, NULL, true);
	T_OK(store_lock_get(txn, USER_ID(1), &got));
	T_INT(got.time_us, 5);
	T_STR(got.name, "ada");
	T_STR(got.by, "root");
	T_STR(got.reason, "stolen");
	T_OK(store_lock_each(txn, note, &seen));
	T_INT(seen.count, 2);
	T_TRUE(strstr(seen.names, "ada ") && strstr(seen.names, "bob "));
	T_OK(store_lock_delete(txn, USER_ID(1)));
	T_INT(store_lock_get(txn, USER_ID(1), &again), -ENOENT);
	T_OK(store_lock_get(txn, USER_ID(2), &again));
	T_TRUE(again.reason == NULL);
}

T_MAIN("lock", T(test_lock))
