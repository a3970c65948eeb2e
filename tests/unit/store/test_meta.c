/* Counters are kept in the transaction until it commits: whatever is nested in it, committed or aborted,
 * they say what the tables hold. */
#include "tests/unit/store/store_t.h"

#define GROUPS 40u
#define USERS 30u
#define DEPTH_MAX 4u

static int tally_id(const char *id, void *context)
{
	(void)id;
	(*(uint64_t *)context)++;
	return 0;
}

static int tally_row(const struct store_resource *row, void *context)
{
	(void)row;
	(*(uint64_t *)context)++;
	return 0;
}

/* Every counter against what is there. */
static void check_counts(struct store_txn *txn)
{
	for (enum resource_type type = RESOURCE_USER; type <= RESOURCE_GROUP; type++) {
		uint64_t rows = 0;

		T_OK(store_resource_each(txn, type, NULL, 0, tally_row, &rows));
		T_INT(t_count(txn, type, NULL), rows);
		T_INT(t_count(txn, type, "okta"), rows);
	}
	for (unsigned int group = 0; group < GROUPS; group++) {
		uint64_t members = 0, counted = 0;

		T_OK(store_members_each(txn, GROUP_ID(group), tally_id, &members));
		T_OK(store_member_count(txn, GROUP_ID(group), &counted));
		T_INT(counted, members);
	}
}

static bool exists(struct store_txn *txn, const char *id)
{
	_cleanup_resource_ struct store_resource row = { 0 };
	int r = store_resource_get(txn, id, &row);

	T_TRUE(r == 0 || r == -ENOENT);
	return r == 0;
}

static void alter(struct store_txn *txn, unsigned int *seed)
{
	unsigned int user = (unsigned int)rand_r(seed) % USERS;
	unsigned int group = (unsigned int)rand_r(seed) % GROUPS;
	bool both = exists(txn, USER_ID(user)) && exists(txn, GROUP_ID(group));

	switch (rand_r(seed) % 8) {
	case 0:
		if (exists(txn, GROUP_ID(group)))
			T_OK(store_resource_delete(txn, GROUP_ID(group)));
		break;
	case 1:
		if (exists(txn, USER_ID(user)))
			T_OK(store_resource_delete(txn, USER_ID(user)));
		break;
	case 2:
	case 3:
		T_OK(t_put(txn, RESOURCE_USER, user, "okta"));
		T_OK(t_put(txn, RESOURCE_GROUP, group, "okta"));
		break;
	case 4:
		T_TRUE(!both || store_member_remove(txn, GROUP_ID(group), USER_ID(user)) >= 0);
		break;
	default:
		T_TRUE(!both || store_member_add(txn, GROUP_ID(group), USER_ID(user), "t") >= 0);
	}
}

/* Nest, alter, commit and abort at random. */
static void wander(struct store *store, struct store_txn *parent, unsigned int depth,
		   unsigned int *seed)
{
	_cleanup_txn_ struct store_txn *txn = t_begin(store, parent, true);

	for (unsigned int i = 0; i < 12; i++) {
		if (depth < DEPTH_MAX && rand_r(seed) % 4 == 0)
			wander(store, txn, depth + 1, seed);
		else
			alter(txn, seed);
	}
	check_counts(txn);
	if (rand_r(seed) % 3 != 0)
		T_OK(store_commit(&txn));
}

static void test_counts(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	unsigned int seed = 20;

	for (unsigned int round = 0; round < 30; round++) {
		_cleanup_txn_ struct store_txn *reader = NULL;

		wander(store, NULL, 1, &seed);
		if (round % 10 == 0) {
			store_closep(&store);
			store = t_open(&dir);
		}
		reader = t_begin(store, NULL, false);
		check_counts(reader);
	}
}

/* A number that was taken and given back by an abort is the next one again; one that was kept is not. */
static void test_sequences(void)
{
	static const struct {
		bool inner_commits, outer_commits;
		uint64_t after; /* three were taken: outer, inner, outer */
	} cases[] = { { true, true, 4 }, { false, true, 3 }, { true, false, 1 }, { false, false, 1 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_dir_ struct dir dir = dir_make();
		_cleanup_store_ struct store *store = t_open(&dir);
		struct store_txn *outer = t_begin(store, NULL, true);
		struct store_txn *inner = t_begin(store, outer, true);
		uint64_t revision = 0, seen = 99;

		T_OK(store_revision_next(inner, &revision));
		T_INT(revision, 1);
		store_abortp(&inner);
		T_OK(store_revision_next(outer, &revision));
		T_INT(revision, 1);
		inner = t_begin(store, outer, true);
		T_OK(store_revision_next(inner, &revision));
		T_INT(revision, 2);
		if (cases[i].inner_commits)
			T_OK(store_commit(&inner));
		store_abortp(&inner);
		T_OK(store_revision_next(outer, &revision));
		T_INT(revision, cases[i].inner_commits ? 3 : 2);
		if (cases[i].outer_commits)
			T_OK(store_commit(&outer));
		store_abortp(&outer);
		store_closep(&store);
		store = t_open(&dir);
		outer = t_begin(store, NULL, true);
		T_OK(store_revision(outer, &seen));
		T_INT(seen + 1, cases[i].after);
		store_abortp(&outer);
	}
}

/* What is not committed nobody else reads. */
static void test_unseen(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_txn_ struct store_txn *writer = t_begin(store, NULL, true), *reader = NULL;
	uint64_t revision = 0;

	T_OK(store_revision_next(writer, &revision));
	reader = t_begin(store, NULL, false);
	T_OK(store_revision(reader, &revision));
	T_INT(revision, 0);
	T_OK(store_commit_unsynced(&writer));
	T_OK(store_revision(reader, &revision));
	T_INT(revision, 0);
	store_abortp(&reader);
	reader = t_begin(store, NULL, false);
	T_OK(store_revision(reader, &revision));
	T_INT(revision, 1);
}

T_MAIN("meta", T(test_counts), T(test_sequences), T(test_unseen))
