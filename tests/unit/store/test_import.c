#include "tests/unit/store/store_t.h"

#define MIN 70000u
#define MAX 70010u

static int count(enum resource_type type, const char *name, uint32_t number, void *context)
{
	T_TRUE(*name && *name != ':' && number >= MIN && type == RESOURCE_USER);
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

	T_OK(store_import_put(txn, RESOURCE_USER, "ada", MIN, MAX, 70000));
	T_OK(store_import_put(txn, RESOURCE_USER, "ada", MIN, MAX, 70000)); /* the same file again */
	T_INT(store_import_put(txn, RESOURCE_USER, "ada", MIN, MAX, 70001), -EEXIST);
	T_INT(store_import_put(txn, RESOURCE_USER, "bob", MIN, MAX, 70000), -EEXIST);
	T_INT(store_import_put(txn, RESOURCE_USER, "bob", MIN, MAX, 70011), -ERANGE);
	T_OK(store_import_put(txn, RESOURCE_USER, "bob", MIN, MAX, 70002));
	/* Nobody else gets a number that is kept. */
	T_OK(store_number_take(txn, MIN, MAX, 0, USER_ID(1), &number));
	T_INT(number, 70001);
	T_OK(store_number_take(txn, MIN, MAX, 0, USER_ID(2), &number));
	T_INT(number, 70003);
	T_INT(store_number_take(txn, MIN, MAX, 70002, USER_ID(3), &number), -EEXIST);
	T_OK(store_import_each(txn, count, &kept));
	T_INT(kept, 2);
	T_INT(store_import_take(txn, RESOURCE_USER, "carl", USER_ID(4), &number), -ENOENT);
	T_OK(store_import_take(txn, RESOURCE_USER, "bob", USER_ID(4), &number));
	T_INT(number, 70002);
	T_INT(store_import_take(txn, RESOURCE_USER, "bob", USER_ID(5), &number), -ENOENT);
	T_OK(store_number_take(txn, MIN, MAX, 70002, USER_ID(4), &number)); /* its own now */
	T_INT(store_number_take(txn, MIN, MAX, 70002, USER_ID(5), &number), -EEXIST);
	T_INT(store_import_put(txn, RESOURCE_USER, "dora", MIN, MAX, 70002), -EEXIST);
}

static int line(enum resource_type type, const char *name, uint32_t number, void *context)
{
	char *text = context;

	sprintf(text + strlen(text), "%s:%s:%u ", type == RESOURCE_GROUP ? "g" : "u", name, number);
	return 0;
}

/* People and groups share names and numbers. */
static void test_groups(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	char text[256] = "";
	uint32_t number;

	T_OK(store_import_put(txn, RESOURCE_USER, "ada", MIN, MAX, 70000));
	T_INT(store_import_put(txn, RESOURCE_GROUP, "ada", MIN, MAX, 70000), -EEXIST);
	T_INT(store_import_put(txn, RESOURCE_GROUP, "ada", MIN, MAX, 70001), -EEXIST);
	T_INT(store_import_put(txn, RESOURCE_GROUP, "dev", MIN, MAX, 70000), -EEXIST);
	T_OK(store_import_put(txn, RESOURCE_GROUP, "dev", MIN, MAX, 70001));
	T_OK(store_import_put(txn, RESOURCE_GROUP, "dev", MIN, MAX, 70001));
	T_INT(store_import_put(txn, RESOURCE_USER, "dev", MIN, MAX, 70002), -EEXIST);
	T_OK(store_import_each(txn, line, text));
	T_STR(text, "g:dev:70001 u:ada:70000 ");
	T_INT(store_import_take(txn, RESOURCE_USER, "dev", USER_ID(1), &number), -ENOENT);
	T_INT(store_import_take(txn, RESOURCE_GROUP, "ada", USER_ID(1), &number), -ENOENT);
	T_OK(store_import_take(txn, RESOURCE_GROUP, "dev", USER_ID(1), &number));
	T_INT(number, 70001);
}

T_MAIN("import", T(test_import), T(test_groups))
