/* What snapshots need of pages stays in memory: libdb puts versions into files of their own when it takes
 * those that nobody can need any more for needed, which costs more than all else that a change does. */
#include "tests/unit/store/store_t.h"

#define ROWS 26000u /* more than the cache holds */
#define BATCH 16u   /* few pages in a transaction, as in life */
#define TEXT_BYTES 900u

static bool frozen_files(const struct dir *dir)
{
	DIR *stream = opendir(dir->path);
	const struct dirent *entry;
	bool found = false;

	T_FATAL(stream != NULL);
	while (!found && (entry = readdir(stream)))
		found = strstr(entry->d_name, "freezer");
	closedir(stream);
	return found;
}

static void batch_put(struct store *store, unsigned int first, char *text)
{
	_cleanup_txn_ struct store_txn *txn = t_begin(store, NULL, true);

	for (unsigned int i = first; i < first + BATCH; i++) {
		enum store_index taken;
		struct sample s;
		char emails[80];

		sample_make(&s, RESOURCE_USER, i, "okta");
		snprintf(s.name, sizeof(s.name), "%.8s@corp.example", s.row.id);
		snprintf(emails, sizeof(emails), "%s\n", s.name);
		snprintf(s.row.posix_name, sizeof(s.row.posix_name), "u%.8s", s.row.id);
		s.row.external_id = s.name;
		s.row.emails = emails;
		s.row.number = 100000 + i;
		s.row.json = text;
		T_OK(store_resource_put(txn, &s.row, &taken));
	}
	T_OK(store_commit_unsynced(&txn));
}

/* Names go all over their indexes, rows behind the last one. Somebody reads beside it, each a moment. */
static void test_nothing_freezes(void)
{
	_cleanup_dir_ struct dir dir = dir_make();
	_cleanup_store_ struct store *store = t_open(&dir);
	_cleanup_free_ char *text = malloc(TEXT_BYTES + 1);
	bool frozen = false;

	memset(text, 'x', TEXT_BYTES);
	text[TEXT_BYTES] = '\0';
	for (unsigned int first = 0; !frozen && first < ROWS; first += BATCH) {
		_cleanup_resource_ struct store_resource row = { 0 };
		_cleanup_txn_ struct store_txn *reader = NULL;

		batch_put(store, first, text);
		reader = t_begin(store, NULL, false);
		T_OK(store_resource_get(reader, USER_ID(first / 2), &row));
		if (first % 512 == 0)
			frozen = frozen_files(&dir);
	}
	T_TRUE(!frozen);
}

T_MAIN("versions", T(test_nothing_freezes))
