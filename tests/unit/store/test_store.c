/* Environment, transactions, resources with their indexes, memberships, damage, a full disk. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "scimd/store/row.h"
#include "scimd/store/table.h"
#include "tests/unit/store/store_t.h"

static void test_open(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	struct store *second = NULL;
	unsigned char instance[16];

	T_INT(store_open(dir.path, &second), -EBUSY);
	T_TRUE(second == NULL);
	memcpy(instance, store_instance(store), sizeof(instance));
	store_closep(&store);
	T_TRUE(store == NULL);
	store = t_open(&dir);
	T_INT(memcmp(instance, store_instance(store), sizeof(instance)), 0);
	T_INT(store_open("/nonexistent/scimd", &second), -ENOENT);
}

static void test_instances_differ(void)
{
	_cleanup_dir_ struct dir a = dir_make();
	_cleanup_dir_ struct dir b = dir_make();
	_cleanup_store_ struct store *store_a = t_open(&a);
	_cleanup_store_ struct store *store_b = t_open(&b);

	T_TRUE(memcmp(store_instance(store_a), store_instance(store_b), 16) != 0);
}

static void test_files_are_private(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	DIR *stream = opendir(dir.path);
	struct dirent *entry;
	struct stat st;

	T_FATAL(stream != NULL);
	while ((entry = readdir(stream))) {
		if (entry->d_name[0] == '.')
			continue;
		T_OK(fstatat(dirfd(stream), entry->d_name, &st, 0));
		T_INT(st.st_mode & 0077, 0);
	}
	closedir(stream);
}

static void full_sample(struct sample *s)
{
	sample_make(s, RESOURCE_USER, 7, "okta");
	s->row.version = 3;
	s->row.created_us = UINT64_C(0x1122334455667788);
	s->row.modified_us = UINT64_MAX;
	s->row.title = (char *)"User7";
	s->row.emails = (char *)"user7@b.example\n";
	s->row.external_id = (char *)"00u1";
	s->row.password = (char *)"$y$j9T$hash";
	strcpy(s->row.posix_name, "user7");
	s->row.number = 65536;
	s->row.allowed = true;
	s->row.reason = (char *)"";
	s->row.roles = (char *)"admin,dev";
	s->row.home = (char *)"/home/ada";
}

static void check_full(const struct store_resource *row)
{
	T_STR(row->id, USER_ID(7));
	T_INT(row->type, RESOURCE_USER);
	T_STR(row->connection, "okta");
	T_INT(row->version, 3);
	T_TRUE(row->created_us == UINT64_C(0x1122334455667788));
	T_TRUE(row->modified_us == UINT64_MAX);
	T_STR(row->folded_name, "user7");
	T_STR(row->title, "User7");
	T_STR(row->emails, "user7@b.example\n");
	T_STR(row->external_id, "00u1");
	T_STR(row->json, "{\"n\":7}");
	T_STR(row->password, "$y$j9T$hash");
	T_STR(row->posix_name, "user7");
	T_INT(row->number, 65536);
	T_TRUE(row->allowed);
	T_STR(row->reason, "");
	T_STR(row->roles, "admin,dev");
	T_STR(row->home, "/home/ada");
}

static void test_put_get_reopen(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_resource_ struct store_resource row = { 0 }, plain = { 0 };
	enum store_index taken;
	struct sample s;

	full_sample(&s);
	T_OK(store_resource_put(txn, &s.row, &taken));
	T_OK(t_put(txn, RESOURCE_GROUP, 1, "okta"));
	T_OK(store_commit(&txn));
	T_TRUE(txn == NULL);
	store_closep(&store);
	store = t_open(&dir);
	txn = t_begin(store, NULL, false);
	T_OK(store_resource_get(txn, USER_ID(7), &row));
	check_full(&row);
	T_OK(store_resource_get(txn, GROUP_ID(1), &plain));
	T_INT(plain.type, RESOURCE_GROUP);
	T_TRUE(!plain.external_id && !plain.password && !plain.reason && !plain.roles);
	T_TRUE(!plain.allowed && plain.number == 0);
	T_STR(plain.posix_name, "");
}

static void test_unknown_ids(void)
{
	static const char *const ids[] = {
		"", "x", "00000000-0000-4000-8000-00000000000",
		"00000000-0000-4000-8000-0000000000000", "00000000-0000-4000-8000-00000000000G",
		"00000000-0000-4000-8000-00000000000A", "00000000x0000-4000-8000-000000000000",
		"00000000-0000-4000-8000-000000000000",
	};
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct store_resource row = { 0 };
	uint64_t count = 1;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		T_INT(store_resource_get(txn, ids[i], &row), -ENOENT);
		T_INT(store_resource_delete(txn, ids[i]), -ENOENT);
		T_INT(store_member_has(txn, ids[i], USER_ID(1)), 0);
		T_INT(store_member_remove(txn, ids[i], USER_ID(1)), 0);
		T_OK(store_member_count(txn, ids[i], &count));
		T_INT(count, 0);
	}
}

struct unique_case {
	const char *what;
	enum resource_type type;
	const char *connection, *folded, *posix;
	uint32_t number;
	int want;
	enum store_index taken;
};

/* Against user7 (POSIX user7, 65536) and group1 of okta (POSIX staff, 65537). */
static const struct unique_case unique_cases[] = {
	{ "userName on the host", RESOURCE_USER, "entra", "user7", "", 0, -EEXIST,
	  STORE_BY_USER_NAME },
	{ "displayName in the connection", RESOURCE_GROUP, "okta", "group1", "", 0, -EEXIST,
	  STORE_BY_GROUP_NAME },
	{ "displayName in another", RESOURCE_GROUP, "entra", "group1", "", 0, 0, 0 },
	{ "a group named like a user", RESOURCE_GROUP, "okta", "user7", "", 0, 0, 0 },
	{ "a user named like a group", RESOURCE_USER, "okta", "group1", "", 0, 0, 0 },
	{ "POSIX name of a user", RESOURCE_GROUP, "okta", "new", "user7", 0, -EEXIST,
	  STORE_BY_POSIX_NAME },
	{ "POSIX name of a group", RESOURCE_USER, "okta", "new", "staff", 0, -EEXIST,
	  STORE_BY_POSIX_NAME },
	{ "uid as gid", RESOURCE_GROUP, "okta", "new", "", 65536, -EEXIST, STORE_BY_NUMBER },
	{ "gid as uid", RESOURCE_USER, "okta", "new", "", 65537, -EEXIST, STORE_BY_NUMBER },
	{ "all new", RESOURCE_USER, "okta", "new", "new", 65538, 0, 0 },
};

static void unique_check(struct store *store, struct store_txn *parent,
			 const struct unique_case *c)
{
	_cleanup_txn_ struct store_txn *txn = t_begin(store, parent, true);
	enum store_index taken = 99;
	struct sample s;
	int r;

	sample_make(&s, c->type, 50, c->connection);
	strcpy(s.name, c->folded);
	strcpy(s.row.posix_name, c->posix);
	s.row.number = c->number;
	r = store_resource_put(txn, &s.row, &taken);
	if (r != c->want || (r < 0 && taken != c->taken))
		fprintf(stderr, "%s: %d, index %d\n", c->what, r, taken);
	T_INT(r, c->want);
	T_TRUE(r == 0 || taken == c->taken);
}

static void test_unique(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	enum store_index taken;
	struct sample s;

	full_sample(&s);
	T_OK(store_resource_put(txn, &s.row, &taken));
	sample_make(&s, RESOURCE_GROUP, 1, "okta");
	strcpy(s.row.posix_name, "staff");
	s.row.number = 65537;
	T_OK(store_resource_put(txn, &s.row, &taken));
	for (size_t i = 0; i < ARRAY_SIZE(unique_cases); i++)
		unique_check(store, txn, &unique_cases[i]);
	T_INT(t_count(txn, RESOURCE_USER, NULL), 1);
	T_INT(t_count(txn, RESOURCE_GROUP, NULL), 1);
}

static int lookup(struct store_txn *txn, enum store_index index, const char *connection,
		  const char *key, const char *want)
{
	char id[RESOURCE_ID_SIZE] = "unset";
	int r = store_lookup(txn, index, connection, key, id);

	T_STR(id, r == 0 ? want : "unset");
	return r;
}

static void test_indexes_follow(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	enum store_index taken;
	struct sample s;

	full_sample(&s);
	T_OK(store_resource_put(txn, &s.row, &taken));
	T_OK(t_put(txn, RESOURCE_GROUP, 1, "okta"));
	T_OK(lookup(txn, STORE_BY_USER_NAME, NULL, "user7", USER_ID(7)));
	T_OK(lookup(txn, STORE_BY_POSIX_NAME, NULL, "user7", USER_ID(7)));
	T_OK(lookup(txn, STORE_BY_NUMBER, NULL, "65536", USER_ID(7)));
	T_OK(lookup(txn, STORE_BY_GROUP_NAME, "okta", "group1", GROUP_ID(1)));
	T_INT(lookup(txn, STORE_BY_GROUP_NAME, "entra", "group1", ""), -ENOENT);
	T_INT(lookup(txn, STORE_BY_NUMBER, NULL, "065536", ""), -ENOENT);
	T_INT(lookup(txn, STORE_BY_NUMBER, NULL, "4295032832", ""), -ENOENT);
	strcpy(s.name, "renamed");
	strcpy(s.row.posix_name, "other");
	s.row.external_id = NULL;
	T_OK(store_resource_put(txn, &s.row, &taken));
	T_INT(lookup(txn, STORE_BY_USER_NAME, NULL, "user7", ""), -ENOENT);
	T_INT(lookup(txn, STORE_BY_POSIX_NAME, NULL, "user7", ""), -ENOENT);
	T_OK(lookup(txn, STORE_BY_USER_NAME, NULL, "renamed", USER_ID(7)));
	T_OK(lookup(txn, STORE_BY_POSIX_NAME, NULL, "other", USER_ID(7)));
	T_INT(t_count(txn, RESOURCE_USER, "okta"), 1);
	T_OK(store_resource_delete(txn, USER_ID(7)));
	T_INT(lookup(txn, STORE_BY_USER_NAME, NULL, "renamed", ""), -ENOENT);
	T_INT(lookup(txn, STORE_BY_POSIX_NAME, NULL, "other", ""), -ENOENT);
	T_INT(lookup(txn, STORE_BY_NUMBER, NULL, "65536", ""), -ENOENT);
	T_INT(t_count(txn, RESOURCE_USER, "okta"), 0);
	T_INT(t_count(txn, RESOURCE_USER, NULL), 0);
}

/* The ledger stands behind the number index: a deleted user's uid is refused to the next one. */
static void test_number_of_the_dead(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	enum store_index taken = 99;
	struct sample s;

	full_sample(&s);
	T_OK(store_resource_put(txn, &s.row, &taken));
	T_OK(store_resource_delete(txn, USER_ID(7)));
	sample_make(&s, RESOURCE_USER, 8, "okta");
	s.row.number = 65536;
	T_INT(store_resource_put(txn, &s.row, &taken), -EEXIST);
	T_INT(taken, STORE_BY_NUMBER);
}

static void check_page(struct store_txn *txn, enum resource_type type, const char *connection,
		       uint64_t offset, const unsigned int *want, size_t count)
{
	struct seen seen = { .count = 0 };

	T_OK(store_resource_each(txn, type, connection, offset, seen_resource, &seen));
	T_INT(seen.count, count);
	for (size_t i = 0; i < count && i < seen.count; i++)
		T_STR(seen.ids[i], t_id(type == RESOURCE_USER ? 1 : 2, want[i]).text);
}

static void test_listing(void)
{
	static const unsigned int all[] = { 5, 3, 9, 1, 7 }, okta[] = { 5, 9, 7 };
	static const unsigned int entra[] = { 3, 1 }, left[] = { 5, 3, 1, 7 };
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct seen seen = { .stop_at = 2 };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		T_OK(t_put(txn, RESOURCE_USER, all[i], i % 2 ? "entra" : "okta"));
	T_OK(t_put(txn, RESOURCE_GROUP, 1, "okta"));
	T_OK(t_put(txn, RESOURCE_USER, 5, "okta")); /* a change keeps the place */
	for (size_t offset = 0; offset <= 5; offset++)
		check_page(txn, RESOURCE_USER, NULL, offset, all + offset, 5 - offset);
	for (size_t offset = 0; offset <= 3; offset++)
		check_page(txn, RESOURCE_USER, "okta", offset, okta + offset, 3 - offset);
	check_page(txn, RESOURCE_USER, "entra", 0, entra, 2);
	check_page(txn, RESOURCE_USER, "entra", 2, entra, 0); /* not into the next scope */
	check_page(txn, RESOURCE_USER, "entra", UINT64_MAX, entra, 0);
	check_page(txn, RESOURCE_USER, "okt", 0, all, 0);
	check_page(txn, RESOURCE_GROUP, "entra", 0, all, 0);
	T_INT(t_count(txn, RESOURCE_USER, "entra"), 2);
	T_INT(t_count(txn, RESOURCE_USER, "none"), 0);
	T_OK(store_resource_each(txn, RESOURCE_USER, NULL, 1, seen_resource, &seen));
	T_INT(seen.count, 2);
	T_STR(seen.ids[1], USER_ID(9));
	T_OK(store_resource_delete(txn, USER_ID(9)));
	for (size_t offset = 0; offset <= 4; offset++)
		check_page(txn, RESOURCE_USER, NULL, offset, left + offset, 4 - offset);
}

static int fail_each(const struct store_resource *row, void *context)
{
	(void)row, (void)context;
	return -EPROTO;
}

static int delete_each(const struct store_resource *row, void *context)
{
	return store_resource_delete(context, row->id);
}

static void test_each_may_write_and_fail(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);

	for (unsigned int i = 0; i < 500; i++)
		T_OK(t_put(txn, RESOURCE_USER, i, "okta"));
	T_INT(store_resource_each(txn, RESOURCE_USER, NULL, 0, fail_each, NULL), -EPROTO);
	T_OK(store_resource_each(txn, RESOURCE_USER, "okta", 0, delete_each, txn));
	T_INT(t_count(txn, RESOURCE_USER, NULL), 0);
	check_page(txn, RESOURCE_USER, NULL, 0, NULL, 0);
	T_OK(store_commit(&txn));
}

static void external_put(struct store_txn *txn, enum resource_type type, unsigned int number,
			 const char *connection, const char *external_id)
{
	enum store_index taken;
	struct sample s;

	sample_make(&s, type, number, connection);
	s.row.external_id = (char *)external_id;
	T_OK(store_resource_put(txn, &s.row, &taken));
}

static void test_external(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct seen seen = { .count = 0 }, none = { .count = 0 };

	external_put(txn, RESOURCE_USER, 1, "okta", "same");
	external_put(txn, RESOURCE_USER, 2, "okta", "same");
	external_put(txn, RESOURCE_USER, 3, "okta", "samesame");
	external_put(txn, RESOURCE_USER, 4, "entra", "same");
	external_put(txn, RESOURCE_GROUP, 5, "okta", "same");
	external_put(txn, RESOURCE_USER, 2, "okta", "moved");
	T_OK(store_external_each(txn, RESOURCE_USER, "okta", "same", seen_resource, &seen));
	T_INT(seen.count, 1);
	T_STR(seen.ids[0], USER_ID(1));
	T_OK(store_external_each(txn, RESOURCE_USER, "okta", "moved", seen_resource, &seen));
	T_STR(seen.ids[1], USER_ID(2));
	T_OK(store_external_each(txn, RESOURCE_GROUP, "entra", "same", seen_resource, &none));
	T_INT(none.count, 0);
}

static void emails_put(struct store_txn *txn, unsigned int number, const char *connection,
		       const char *emails)
{
	enum store_index taken;
	struct sample s;

	sample_make(&s, RESOURCE_USER, number, connection);
	s.row.emails = (char *)emails;
	T_OK(store_resource_put(txn, &s.row, &taken));
}

static void emails_check(struct store_txn *txn, const char *connection, const char *email,
			 const char *first, const char *second)
{
	struct seen seen = { .count = 0 };

	T_OK(store_email_each(txn, connection, email, seen_resource, &seen));
	T_INT(seen.count, (first != NULL) + (second != NULL));
	if (first && seen.count > 0)
		T_STR(seen.ids[0], first);
	if (second && seen.count > 1)
		T_STR(seen.ids[1], second);
}

static void test_emails(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct id one = t_id(1, 1), two = t_id(1, 2);

	emails_put(txn, 1, "okta", "a@x\nb@x\na@x\n");
	emails_put(txn, 2, "okta", "b@x\n");
	emails_put(txn, 3, "entra", "b@x\n");
	emails_check(txn, "okta", "a@x", one.text, NULL);
	emails_check(txn, "okta", "b@x", one.text, two.text);
	emails_check(txn, "okta", "b@", NULL, NULL);
	emails_put(txn, 1, "okta", "c@x\nb@x\n");
	emails_check(txn, "okta", "a@x", NULL, NULL);
	emails_check(txn, "okta", "c@x", one.text, NULL);
	emails_check(txn, "okta", "b@x", one.text, two.text);
	emails_put(txn, 2, "okta", NULL);
	emails_check(txn, "okta", "b@x", one.text, NULL);
	T_OK(store_resource_delete(txn, one.text));
	emails_check(txn, "okta", "b@x", NULL, NULL);
}

static void test_after(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_(store_resource_done) struct store_resource row = { .version = 0 };
	struct seen seen = { .count = 0 };
	struct id second = t_id(1, 2), third = t_id(1, 3);

	for (unsigned int i = 1; i <= 4; i++)
		T_OK(t_put(txn, RESOURCE_USER, i, i == 4 ? "entra" : "okta"));
	T_OK(store_resource_get(txn, second.text, &row));
	T_TRUE(row.order > 0);
	T_OK(store_resource_after(txn, RESOURCE_USER, "okta", row.order, seen_resource, &seen));
	T_INT(seen.count, 1);
	T_STR(seen.ids[0], third.text);
	T_OK(store_resource_after(txn, RESOURCE_USER, "okta", 0, seen_resource, &seen));
	T_INT(seen.count, 4);
	T_OK(store_resource_after(txn, RESOURCE_USER, "okta", UINT64_MAX, seen_resource, &seen));
	T_INT(seen.count, 4);
}

static void test_secret_stays(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	static const unsigned char nothing[STORE_SECRET_SIZE];
	unsigned char before[STORE_SECRET_SIZE];

	memcpy(before, store_secret(store), sizeof(before));
	T_TRUE(memcmp(before, nothing, sizeof(before)) != 0);
	T_TRUE(memcmp(before, store_instance(store), 16) != 0);
	store_closep(&store);
	store = t_open(&dir);
	T_TRUE(memcmp(before, store_secret(store), sizeof(before)) == 0);
}

static void test_connection_change_moves_counts(void)
{
	static const unsigned int one[] = { 1 };
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);

	T_OK(t_put(txn, RESOURCE_USER, 1, "okta"));
	T_OK(t_put(txn, RESOURCE_USER, 1, "entra"));
	T_INT(t_count(txn, RESOURCE_USER, "okta"), 0);
	T_INT(t_count(txn, RESOURCE_USER, "entra"), 1);
	T_INT(t_count(txn, RESOURCE_USER, NULL), 1);
	check_page(txn, RESOURCE_USER, "okta", 0, one, 0);
	check_page(txn, RESOURCE_USER, "entra", 0, one, 1);
}

static uint64_t members(struct store_txn *txn, const char *group_id)
{
	uint64_t count = UINT64_MAX, walked = 0;

	T_OK(store_member_count(txn, group_id, &count));
	T_OK(store_members_each(txn, group_id, count_id, &walked));
	T_INT(walked, count);
	return count;
}

static void test_members(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct seen seen = { .count = 0 };

	T_OK(t_put(txn, RESOURCE_USER, 1, "okta"));
	T_OK(t_put(txn, RESOURCE_USER, 2, "okta"));
	T_OK(t_put(txn, RESOURCE_GROUP, 1, "okta"));
	T_OK(t_put(txn, RESOURCE_GROUP, 2, "okta"));
	T_INT(store_member_add(txn, GROUP_ID(1), USER_ID(1), NULL), 1);
	T_INT(store_member_add(txn, GROUP_ID(1), USER_ID(1), NULL), 0);
	T_INT(store_member_add(txn, GROUP_ID(1), USER_ID(2), NULL), 1);
	T_INT(store_member_add(txn, GROUP_ID(2), USER_ID(1), NULL), 1);
	T_INT(store_member_add(txn, GROUP_ID(2), "nonsense", NULL), -EINVAL);
	T_INT(members(txn, GROUP_ID(1)), 2);
	T_INT(store_member_has(txn, GROUP_ID(1), USER_ID(2)), 1);
	T_INT(store_member_has(txn, GROUP_ID(2), USER_ID(2)), 0);
	T_OK(store_groups_each(txn, USER_ID(1), seen_id, &seen));
	T_INT(seen.count, 2);
	T_INT(store_member_remove(txn, GROUP_ID(1), USER_ID(2)), 1);
	T_INT(store_member_remove(txn, GROUP_ID(1), USER_ID(2)), 0);
	T_INT(members(txn, GROUP_ID(1)), 1);
	T_OK(store_resource_delete(txn, USER_ID(1)));
	T_INT(members(txn, GROUP_ID(1)), 0);
	T_INT(members(txn, GROUP_ID(2)), 0);
	seen.count = 0;
	T_OK(store_groups_each(txn, USER_ID(1), seen_id, &seen));
	T_INT(seen.count, 0);
}

/* More than one batch of memberships on either side. */
static int title_collect(const char *id, const char *title, void *context)
{
	char *text = context;

	(void)id;
	strcat(text, title ? title : "-");
	strcat(text, " ");
	return 0;
}

static void test_members_have_titles(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct id group = t_id(2, 1), user = t_id(1, 1), bare = t_id(1, 2);
	char text[64] = "";
	enum store_index taken;
	struct sample s;

	sample_make(&s, RESOURCE_USER, 1, "okta");
	s.row.title = (char *)"Ada";
	T_OK(store_resource_put(txn, &s.row, &taken));
	T_OK(t_put(txn, RESOURCE_USER, 2, "okta"));
	T_OK(t_put(txn, RESOURCE_GROUP, 1, "okta"));
	T_INT(store_member_add(txn, group.text, user.text, "Ada"), 1);
	T_OK(store_members_titled_each(txn, group.text, title_collect, text));
	T_STR(text, "Ada ");
	s.row.title = (char *)"Grace";
	T_OK(store_resource_put(txn, &s.row, &taken));
	strcpy(text, "");
	T_OK(store_members_titled_each(txn, group.text, title_collect, text));
	T_STR(text, "Grace ");
	T_INT(store_member_remove(txn, group.text, user.text), 1);
	T_INT(store_member_add(txn, group.text, bare.text, NULL), 1);
	strcpy(text, "");
	T_OK(store_members_titled_each(txn, group.text, title_collect, text));
	T_STR(text, "- ");
}

static void pending_check(struct store_txn *txn, const char *group, const char *want)
{
	struct seen seen = { .count = 0 };
	char text[256] = "";

	T_OK(store_pending_each(txn, group, seen_id, &seen));
	for (size_t i = 0; i < seen.count; i++) {
		strcat(text, seen.ids[i]);
		strcat(text, " ");
	}
	T_STR(text, want);
}

static void test_pending(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct id one = t_id(2, 1), two = t_id(2, 2);
	struct seen seen = { .count = 0 };

	T_OK(t_put(txn, RESOURCE_GROUP, 1, "okta"));
	T_OK(t_put(txn, RESOURCE_GROUP, 2, "okta"));
	T_INT(store_pending_add(txn, "okta", one.text, "x1"), 1);
	T_INT(store_pending_add(txn, "okta", one.text, "x1"), 0);
	T_INT(store_pending_add(txn, "okta", one.text, "x"), 1);
	T_INT(store_pending_add(txn, "okta", two.text, "x"), 1);
	pending_check(txn, one.text, "x x1 ");
	T_INT(store_pending_has(txn, one.text, "x"), 1);
	T_INT(store_pending_has(txn, two.text, "x1"), 0);
	T_OK(store_pending_groups_each(txn, "okta", "x", seen_id, &seen));
	T_INT(seen.count, 2);
	T_OK(store_pending_groups_each(txn, "entra", "x", seen_id, &seen));
	T_OK(store_pending_groups_each(txn, "okta", "", seen_id, &seen));
	T_INT(seen.count, 2);
	T_INT(store_pending_remove(txn, "okta", one.text, "x"), 1);
	T_INT(store_pending_remove(txn, "okta", one.text, "x"), 0);
	pending_check(txn, one.text, "x1 ");
	T_OK(store_resource_delete(txn, one.text));
	pending_check(txn, one.text, "");
	seen.count = 0;
	T_OK(store_pending_groups_each(txn, "okta", "x1", seen_id, &seen));
	T_INT(seen.count, 0);
	pending_check(txn, two.text, "x ");
}

static void test_members_many(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	uint64_t groups = 0;

	T_OK(t_put(txn, RESOURCE_GROUP, 0, "okta"));
	T_OK(t_put(txn, RESOURCE_USER, 0, "okta"));
	for (unsigned int i = 0; i < 600; i++) {
		T_INT(store_member_add(txn, GROUP_ID(0), USER_ID(i), NULL), 1);
		T_INT(store_member_add(txn, GROUP_ID(i), USER_ID(0), NULL), i > 0);
	}
	T_INT(members(txn, GROUP_ID(0)), 600);
	T_INT(members(txn, GROUP_ID(599)), 1);
	T_OK(store_resource_delete(txn, GROUP_ID(0)));
	T_INT(members(txn, GROUP_ID(0)), 0);
	T_OK(store_groups_each(txn, USER_ID(0), count_id, &groups));
	T_INT(groups, 599);
	T_OK(store_resource_delete(txn, USER_ID(0)));
	T_INT(members(txn, GROUP_ID(599)), 0);
}

static void test_nested(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *batch = t_begin(store, NULL, true);
	struct store_resource row = { 0 };
	uint64_t revision = 99;

	for (unsigned int i = 0; i < 20; i++) {
		_cleanup_txn_ struct store_txn *one = t_begin(store, batch, true);

		T_OK(t_put(one, RESOURCE_USER, i, "okta"));
		T_INT(store_member_add(one, GROUP_ID(1), USER_ID(i), NULL), 1);
		if (i % 2)
			T_OK(store_commit(&one));
	}
	T_OK(store_revision_next(batch, &revision));
	T_INT(revision, 1);
	T_OK(store_commit(&batch));
	batch = t_begin(store, NULL, false);
	T_INT(t_count(batch, RESOURCE_USER, "okta"), 10);
	T_INT(members(batch, GROUP_ID(1)), 10);
	T_INT(store_resource_get(batch, USER_ID(2), &row), -ENOENT);
	T_OK(store_resource_get(batch, USER_ID(3), &row));
	store_resource_done(&row);
	T_OK(store_revision(batch, &revision));
	T_INT(revision, 1);
}

static void test_abort_leaves_nothing(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_txn_ struct store_txn *child = t_begin(store, txn, true);
	uint64_t revision;

	T_OK(t_put(child, RESOURCE_USER, 1, "okta"));
	T_OK(store_commit(&child));
	T_OK(store_revision_next(txn, &revision));
	store_abortp(&txn);
	T_TRUE(txn == NULL);
	txn = t_begin(store, NULL, false);
	T_INT(t_count(txn, RESOURCE_USER, NULL), 0);
	T_OK(store_revision(txn, &revision));
	T_INT(revision, 0);
	T_INT(t_put(txn, RESOURCE_USER, 1, "okta"), -EINVAL); /* a reader does not write */
	T_INT(store_begin(store, txn, true, &child), -EINVAL);
}

/* Reads beside an open write transaction, in its own thread: a wait would never end (alarm). */
static void test_snapshots(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *write = t_begin(store, NULL, true);
	_cleanup_txn_ struct store_txn *before = NULL, *idle = NULL, *after = NULL;
	_cleanup_resource_ struct store_resource row = { 0 };
	static const unsigned int one[] = { 1 };
	enum store_index taken;
	struct sample s;

	alarm(20);
	T_OK(t_put(write, RESOURCE_USER, 1, "okta"));
	T_OK(store_commit(&write));
	before = t_begin(store, NULL, false);
	idle = t_begin(store, NULL, false); /* reads nothing until all is over */
	write = t_begin(store, NULL, true);
	sample_make(&s, RESOURCE_USER, 1, "okta");
	s.row.version = 2;
	T_OK(store_resource_put(write, &s.row, &taken));
	for (unsigned int i = 2; i < 2000; i++)
		T_OK(t_put(write, RESOURCE_USER, i, "okta"));
	T_INT(t_count(before, RESOURCE_USER, NULL), 1);
	T_OK(store_commit(&write));
	T_INT(t_count(before, RESOURCE_USER, NULL), 1);
	check_page(before, RESOURCE_USER, NULL, 0, one, 1);
	T_OK(store_resource_get(before, USER_ID(1), &row));
	T_INT(row.version, 1);
	T_INT(t_count(idle, RESOURCE_USER, NULL), 1);
	after = t_begin(store, NULL, false);
	T_INT(t_count(after, RESOURCE_USER, NULL), 1999);
	alarm(0);
}

struct reading {
	struct store *store;
	bool stop;
	uint64_t rounds, wrong; /* CUnit's own counters are not for threads */
};

/* In a snapshot the counters agree with the walks. */
static bool snapshot_agrees(struct store *store)
{
	_cleanup_txn_ struct store_txn *txn = NULL;
	uint64_t walked = 0, members_walked = 0, all, okta, count;

	if (store_begin(store, NULL, false, &txn) < 0 ||
	    store_resource_each(txn, RESOURCE_USER, NULL, 0, count_resource, &walked) < 0 ||
	    store_members_each(txn, GROUP_ID(1), count_id, &members_walked) < 0 ||
	    store_resource_count(txn, RESOURCE_USER, NULL, &all) < 0 ||
	    store_resource_count(txn, RESOURCE_USER, "okta", &okta) < 0 ||
	    store_member_count(txn, GROUP_ID(1), &count) < 0)
		return false;
	return walked == all && walked == okta && walked == members_walked && walked == count;
}

static void *read_loop(void *context)
{
	struct reading *reading = context;

	while (!__atomic_load_n(&reading->stop, __ATOMIC_ACQUIRE)) {
		if (!snapshot_agrees(reading->store))
			__atomic_add_fetch(&reading->wrong, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&reading->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void test_readers_beside_writer(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	struct reading reading = { .store = store };
	pthread_t threads[2];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		T_OK(pthread_create(&threads[i], NULL, read_loop, &reading));
	for (unsigned int i = 0; i < 150; i++) {
		_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);

		T_OK(t_put(txn, RESOURCE_USER, i, "okta"));
		T_INT(store_member_add(txn, GROUP_ID(1), USER_ID(i), NULL), 1);
		if (i % 3 == 2) /* the one before goes, and its membership */
			T_OK(store_resource_delete(txn, USER_ID(i - 1)));
		T_OK(store_commit(&txn));
		if (i % 50 == 49)
			T_OK(store_checkpoint(store));
	}
	__atomic_store_n(&reading.stop, true, __ATOMIC_RELEASE);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		T_OK(pthread_join(threads[i], NULL));
	T_TRUE(reading.rounds > 0);
	T_INT(reading.wrong, 0);
}

static void *write_beside(void *context)
{
	struct reading *reading = context;
	_cleanup_txn_ struct store_txn *txn = NULL;

	if (store_begin(reading->store, NULL, true, &txn) < 0)
		return NULL;
	__atomic_store_n(&reading->stop, true, __ATOMIC_RELEASE);
	/* It is seen here, whoever committed it. */
	if (t_put(txn, RESOURCE_USER, 1, "okta") < 0 || t_count(txn, RESOURCE_USER, NULL) != 2 ||
	    store_commit(&txn) < 0)
		__atomic_add_fetch(&reading->wrong, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Who writes is alone in that: nothing below locks pages. */
static void test_writers_take_turns(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true), *nested = NULL;
	struct reading other = { .store = store };
	pthread_t thread;

	alarm(20);
	T_OK(pthread_create(&thread, NULL, write_beside, &other));
	nested = t_begin(store, txn, true);
	T_OK(t_put(nested, RESOURCE_USER, 0, "okta"));
	T_OK(store_commit(&nested));
	usleep(50000);
	T_TRUE(!__atomic_load_n(&other.stop, __ATOMIC_ACQUIRE));
	T_OK(store_commit(&txn));
	T_OK(pthread_join(thread, NULL));
	T_TRUE(other.stop);
	T_INT(other.wrong, 0);
	txn = t_begin(store, NULL, true);
	store_abortp(&txn); /* ends a turn, too */
	txn = t_begin(store, NULL, true);
	T_INT(t_count(txn, RESOURCE_USER, NULL), 2);
	alarm(0);
}

/* What nearly every request begins with. */
static void *glance_loop(void *context)
{
	struct reading *reading = context;

	while (!__atomic_load_n(&reading->stop, __ATOMIC_ACQUIRE)) {
		_cleanup_txn_ struct store_txn *txn = NULL;
		uint64_t count;

		if (store_begin(reading->store, NULL, false, &txn) < 0 ||
		    store_resource_count(txn, RESOURCE_USER, NULL, &count) < 0)
			__atomic_add_fetch(&reading->wrong, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* However many begin to read all the time, changes and checkpoints come through. */
static void test_many_readers_let_the_writer_in(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	struct reading reading = { .store = store };
	pthread_t threads[24];
	uint64_t revision;

	alarm(60);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		T_OK(pthread_create(&threads[i], NULL, glance_loop, &reading));
	for (unsigned int i = 0; i < 100; i++) {
		_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);

		T_OK(store_revision_next(txn, &revision));
		T_OK(store_commit_unsynced(&txn));
		if (i % 2 == 0)
			T_OK(store_checkpoint(store));
	}
	__atomic_store_n(&reading.stop, true, __ATOMIC_RELEASE);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		T_OK(pthread_join(threads[i], NULL));
	alarm(0);
	T_INT(reading.wrong, 0);
}

static void damage(struct store_txn *txn, enum table table, struct bytes *key, struct bytes *value)
{
	T_OK(table_put(txn, table, key, value));
	bytes_done(key);
	bytes_done(value);
}

static void test_damaged_rows(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct bytes key = BYTES_INIT, value = BYTES_INIT;
	struct store_resource row = { 0 };
	char found[RESOURCE_ID_SIZE];
	uint64_t count;

	T_OK(t_put(txn, RESOURCE_USER, 1, "okta"));
	codec_put_u64(&key, 1);
	codec_put_mem(&value, "\1garbage", 8);
	damage(txn, TABLE_RESOURCE, &key, &value);
	T_INT(store_resource_get(txn, USER_ID(1), &row), -EIO);
	T_INT(t_put(txn, RESOURCE_USER, 1, "okta"), -EIO);
	T_INT(store_resource_delete(txn, USER_ID(1)), -EIO);
	T_INT(store_resource_each(txn, RESOURCE_USER, NULL, 0, fail_each, NULL), -EIO);
	codec_put_word(&key, "user1");
	codec_put_mem(&value, "short", 5);
	damage(txn, TABLE_USER_NAME, &key, &value);
	T_INT(store_lookup(txn, STORE_BY_USER_NAME, NULL, "user1", found), -EIO);
	codec_put_u8(&key, META_REVISION);
	codec_put_mem(&value, "1", 1);
	damage(txn, TABLE_META, &key, &value);
	T_INT(store_revision(txn, &count), -EIO);
}

/* A counter that would go below zero is damage, not a large number. */
static void test_damaged_count(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	struct bytes key = BYTES_INIT, value = BYTES_INIT;
	unsigned char id[CODEC_ID_SIZE];

	T_INT(store_member_add(txn, GROUP_ID(1), USER_ID(1), NULL), 1);
	T_OK(codec_id_parse(GROUP_ID(1), id));
	codec_put_u8(&key, META_MEMBERS);
	codec_put_mem(&key, id, sizeof(id));
	codec_put_u64(&value, 0);
	damage(txn, TABLE_META, &key, &value);
	T_INT(store_member_remove(txn, GROUP_ID(1), USER_ID(1)), -EIO);
}

/* Cut anywhere or with any one byte set to any of four values, a row is refused or decodes to
 * bounded strings; under ASan this finds every read beyond it. */
static void test_row_fuzz(void)
{
	static const unsigned char values[] = { 0x00, 0x01, 0x7f, 0xff };
	_cleanup_bytes_ struct bytes good = BYTES_INIT;
	struct sample s;
	struct row row;

	full_sample(&s);
	T_OK(row_encode(&s.row, &good));
	for (size_t size = 0; size < good.size; size++) {
		_cleanup_free_ unsigned char *cut = malloc(size ? size : 1);

		memcpy(cut, good.data, size);
		T_INT(row_decode(1, (struct span){ cut, size }, &row), -EIO);
	}
	for (size_t i = 0; i < good.size * ARRAY_SIZE(values); i++) {
		_cleanup_free_ unsigned char *bad = malloc(good.size);
		int r;

		memcpy(bad, good.data, good.size);
		bad[i / ARRAY_SIZE(values)] = values[i % ARRAY_SIZE(values)];
		r = row_decode(1, (struct span){ bad, good.size }, &row);
		T_TRUE(r == 0 || r == -EIO);
		if (r == 0)
			row_done(&row);
	}
	good.data[0]++; /* a version we do not know */
	T_INT(row_decode(1, codec_span(&good), &row), -EIO);
}

static void test_put_refuses(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	enum store_index taken;
	struct sample s;

	sample_make(&s, RESOURCE_USER, 1, "okta");
	s.row.json = NULL;
	T_INT(store_resource_put(txn, &s.row, &taken), -EINVAL);
	sample_make(&s, RESOURCE_USER, 1, "okta");
	memset(s.row.connection, 'x', sizeof(s.row.connection));
	T_INT(store_resource_put(txn, &s.row, &taken), -EINVAL);
	sample_make(&s, RESOURCE_USER, 1, "okta");
	strcpy(s.row.id, "not-a-uuid");
	T_INT(store_resource_put(txn, &s.row, &taken), -EINVAL);
	sample_make(&s, RESOURCE_USER, 1, "okta");
	T_OK(store_resource_put(txn, &s.row, &taken));
	s.row.type = RESOURCE_GROUP;
	T_INT(store_resource_put(txn, &s.row, &taken), -EINVAL);
}

/* Rows larger than a page, and keys too. */
static void test_large(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_resource_ struct store_resource row = { 0 };
	_cleanup_free_ char *text = malloc(300001), *name = malloc(20001);
	enum store_index taken;
	struct sample s;

	memset(text, 'j', 300000);
	text[300000] = '\0';
	memset(name, 'n', 20000);
	name[20000] = '\0';
	sample_make(&s, RESOURCE_USER, 1, "okta");
	s.row.json = text;
	s.row.folded_name = s.row.external_id = name;
	T_OK(store_resource_put(txn, &s.row, &taken));
	T_OK(store_commit(&txn));
	txn = t_begin(store, NULL, false);
	T_OK(store_resource_get(txn, USER_ID(1), &row));
	T_STR(row.json, text);
	T_OK(lookup(txn, STORE_BY_USER_NAME, NULL, name, USER_ID(1)));
}

/* Writes until the files may not grow (in a child: the limit and the signal are the process's).
 * Returns 0 if the store said -ENOSPC, kept what was committed and works again afterwards. */
static int fill_disk(const struct dir *dir)
{
	struct rlimit limit = { 3 << 20, RLIM_INFINITY };
	_cleanup_store_ struct store *store = t_open(dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	int r;

	if (t_put(txn, RESOURCE_USER, 0, "okta") < 0 || store_commit(&txn) < 0)
		return 1;
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 2;
	txn = t_begin(store, NULL, true);
	r = 0;
	for (unsigned int i = 1; r == 0 && i < 20000; i++)
		r = t_put(txn, RESOURCE_USER, i, "okta");
	if (r == 0)
		r = store_commit(&txn);
	store_abortp(&txn);
	if (r != -ENOSPC)
		return 3;
	txn = t_begin(store, NULL, false);
	if (t_count(txn, RESOURCE_USER, NULL) != 1)
		return 4;
	store_abortp(&txn);
	limit.rlim_cur = RLIM_INFINITY;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 5;
	txn = t_begin(store, NULL, true);
	if (t_put(txn, RESOURCE_USER, 1, "okta") < 0 || store_commit(&txn) < 0)
		return 6;
	return CU_get_number_of_failures() == 0 ? 0 : 7;
}

static void test_disk_full(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = NULL;
	_cleanup_txn_ struct store_txn *txn = NULL;
	int status = -1;
	pid_t pid = fork();

	T_FATAL(pid >= 0);
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr)) /* libdb says what it could not do */
			_exit(8);
		_exit(fill_disk(&dir));
	}
	T_INT(waitpid(pid, &status, 0), pid);
	T_TRUE(WIFEXITED(status));
	T_INT(WEXITSTATUS(status), 0);
	store = t_open(&dir);
	txn = t_begin(store, NULL, false);
	T_INT(t_count(txn, RESOURCE_USER, NULL), 2);
}

static unsigned int log_files(const struct dir *dir)
{
	DIR *stream = opendir(dir->path);
	struct dirent *entry;
	unsigned int count = 0;

	T_FATAL(stream != NULL);
	while ((entry = readdir(stream)))
		count += strncmp(entry->d_name, "log.", 4) == 0;
	closedir(stream);
	return count;
}

static void test_checkpoint_drops_logs(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);
	_cleanup_free_ char *text = malloc(1000001);
	enum store_index taken;
	struct sample s;

	memset(text, 'x', 1000000);
	text[1000000] = '\0';
	for (unsigned int i = 0; i < 20; i++) {
		sample_make(&s, RESOURCE_USER, i, "okta");
		s.row.json = text;
		T_OK(store_resource_put(txn, &s.row, &taken));
	}
	T_OK(store_commit(&txn));
	T_TRUE(log_files(&dir) > 2);
	T_OK(store_checkpoint(store));
	T_INT(log_files(&dir), 1);
}

T_MAIN("store", T(test_open), T(test_instances_differ), T(test_files_are_private),
       T(test_put_get_reopen), T(test_unknown_ids), T(test_unique), T(test_indexes_follow),
       T(test_number_of_the_dead), T(test_listing), T(test_each_may_write_and_fail),
       T(test_external), T(test_emails), T(test_after), T(test_secret_stays),
       T(test_members_have_titles), T(test_pending),
       T(test_connection_change_moves_counts), T(test_members),
       T(test_members_many), T(test_nested), T(test_abort_leaves_nothing), T(test_snapshots),
       T(test_readers_beside_writer), T(test_writers_take_turns),
       T(test_many_readers_let_the_writer_in), T(test_damaged_rows), T(test_damaged_count),
       T(test_row_fuzz), T(test_put_refuses), T(test_large), T(test_disk_full),
       T(test_checkpoint_drops_logs))
