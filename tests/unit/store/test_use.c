/* What is kept beside the changes: people's last logins, and how connections were used. */
#include "tests/unit/store/store_t.h"

static int note(const char *connection, const struct store_use *use, void *context)
{
	char *seen = context, line[128];

	snprintf(line, sizeof(line), "%s %llu %llu %llu; ", connection,
		 (unsigned long long)use->last_us, (unsigned long long)use->requests,
		 (unsigned long long)use->errors);
	strcat(seen, line);
	return 0;
}

static void test_login(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_(store_login_done) struct store_login got = { 0 }, again = { 0 };
	struct store_login first = { 5, (char *)"sshd", (char *)"192.0.2.1" };
	struct store_login then = { 6, (char *)"cron", NULL };

	T_INT(store_login_get(txn, USER_ID(1), &got), -ENOENT);
	T_INT(store_login_get(txn, "no id", &got), -EINVAL);
	T_INT(store_login_put(txn, "no id", &first), -EINVAL);
	T_OK(store_login_put(txn, USER_ID(1), &first));
	T_OK(store_commit_unsynced(&txn));
	store_closep(&store);
	store = t_open(&dir);
	txn = t_begin(store, NULL, true);
	T_OK(store_login_get(txn, USER_ID(1), &got));
	T_INT(got.time_us, 5);
	T_STR(got.service, "sshd");
	T_STR(got.host, "192.0.2.1");
	T_OK(store_login_put(txn, USER_ID(1), &then));
	T_OK(store_login_get(txn, USER_ID(1), &again));
	T_INT(again.time_us, 6);
	T_STR(again.service, "cron");
	T_TRUE(again.host == NULL);
}

static void test_use(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	char seen[256] = "";

	T_OK(store_use_each(txn, note, seen));
	T_STR(seen, "");
	T_OK(store_use_put(txn, "okta", &(struct store_use){ 7, 3, 1 }));
	T_OK(store_use_put(txn, "entra", &(struct store_use){ 8, 1, 0 }));
	T_OK(store_use_put(txn, "okta", &(struct store_use){ 9, 4, 1 }));
	T_OK(store_commit(&txn));
	store_closep(&store);
	store = t_open(&dir);
	txn = t_begin(store, NULL, false);
	T_OK(store_use_each(txn, note, seen));
	T_STR(seen, "entra 8 1 0; okta 9 4 1; ");
}

T_MAIN("use", T(test_login), T(test_use))
