/* store_t.h - what the store's tests share: a throwaway directory, ids, rows, transactions. */
#ifndef TESTS_UNIT_STORE_STORE_T_H
#define TESTS_UNIT_STORE_STORE_T_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scimd/store/store.h"
#include "tests/unit/t.h"

#ifndef DIRECTORY_TEMPLATE
#define DIRECTORY_TEMPLATE "/tmp/scimd-store-XXXXXX"
#endif

struct dir {
	char path[sizeof(DIRECTORY_TEMPLATE)];
};

static inline struct dir dir_make(void)
{
	struct dir dir = { DIRECTORY_TEMPLATE };

	T_FATAL(mkdtemp(dir.path) != NULL);
	return dir;
}

/* The store's directory is flat. */
static inline void dir_done(struct dir *dir)
{
	DIR *stream = opendir(dir->path);
	struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		(void)unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		closedir(stream);
	(void)rmdir(dir->path);
}

#define _cleanup_dir_ _cleanup_(dir_done)
#define _cleanup_store_ _cleanup_(store_closep)
#define _cleanup_txn_ _cleanup_(store_abortp)
#define _cleanup_resource_ _cleanup_(store_resource_done)

static inline struct store *t_open(const struct dir *dir)
{
	struct store *store = NULL;

	T_OK(store_open(dir->path, &store));
	T_FATAL(store != NULL);
	return store;
}

static inline struct store_txn *t_begin(struct store *store, struct store_txn *parent, bool write)
{
	struct store_txn *txn = NULL;

	T_OK(store_begin(store, parent, write, &txn));
	T_FATAL(txn != NULL);
	return txn;
}

struct id {
	char text[RESOURCE_ID_SIZE];
};

/* kind keeps users and groups apart; the number is spread over the first bytes like a random id. */
static inline struct id t_id(unsigned int kind, unsigned int number)
{
	struct id id;

	snprintf(id.text, sizeof(id.text), "%08x-%04x-4000-8000-%012x", number * 2654435761u,
		 kind & 0xffff, number);
	return id;
}

#define USER_ID(n) t_id(1, (n)).text
#define GROUP_ID(n) t_id(2, (n)).text

/* A row whose strings live in buffers of its own; nothing to free. */
struct sample {
	struct store_resource row;
	char name[64], json[64];
};

static inline void sample_make(struct sample *s, enum resource_type type, unsigned int number,
			       const char *connection)
{
	struct id id = t_id(type == RESOURCE_USER ? 1 : 2, number);

	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%s%u", type == RESOURCE_USER ? "user" : "group",
		 number);
	snprintf(s->json, sizeof(s->json), "{\"n\":%u}", number);
	strcpy(s->row.id, id.text);
	strcpy(s->row.connection, connection);
	s->row.type = type;
	s->row.version = 1;
	s->row.created_us = s->row.modified_us = 1000 + number;
	s->row.folded_name = s->name;
	s->row.json = s->json;
}

static inline int t_put(struct store_txn *txn, enum resource_type type, unsigned int number,
			const char *connection)
{
	struct sample s;
	enum store_index taken;

	sample_make(&s, type, number, connection);
	return store_resource_put(txn, &s.row, &taken);
}

static inline uint64_t t_count(struct store_txn *txn, enum resource_type type,
			       const char *connection)
{
	uint64_t count = UINT64_MAX;

	T_OK(store_resource_count(txn, type, connection, &count));
	return count;
}

/* Ids as an each() saw them, one letter's worth of memory each. */
struct seen {
	char ids[64][RESOURCE_ID_SIZE];
	size_t count, stop_at; /* 0: never */
};

static inline int seen_id(const char *id, void *context)
{
	struct seen *seen = context;

	T_FATAL(seen->count < ARRAY_SIZE(seen->ids));
	strcpy(seen->ids[seen->count++], id);
	return seen->count == seen->stop_at;
}

static inline int seen_resource(const struct store_resource *row, void *context)
{
	return seen_id(row->id, context);
}

static inline int count_resource(const struct store_resource *row, void *context)
{
	(void)row;
	++*(uint64_t *)context;
	return 0;
}

static inline int count_id(const char *id, void *context)
{
	(void)id;
	++*(uint64_t *)context;
	return 0;
}

#endif
