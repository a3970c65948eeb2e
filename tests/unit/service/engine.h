/* engine.h - a change engine for tests of the service: the real store, but no policy, no warden and
 * no writer's thread. Every change is run twice, the first time for nothing, because change.h says
 * that a change may be run again. Include it in one file; it defines what change.h declares. */
#ifndef TESTS_UNIT_SERVICE_ENGINE_H
#define TESTS_UNIT_SERVICE_ENGINE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ftw.h>

#include "scimd/change/change.h"
#include "scimd/model/json.h"

struct change_engine {
	char directory[32];
	struct store *store;
	struct conf *conf;
	int conf_references;
	int changes;               /* that were committed */
	int writes;                /* user, group and member calls of the last one */
	int refuse_status;         /* answer changes with this fault instead, as without a warden */
	char payload[32768];       /* of the last change or event */
	char request[512];
	char event_type[64], event_user[64], event_detail[1024];
};

struct change {
	struct change_engine *engine;
	struct store_txn *txn;
	const struct change_source *source;
	int writes;
};

static inline void engine_note(struct change_engine *engine, const struct change_source *source)
{
	snprintf(engine->payload, sizeof(engine->payload), "%s",
		 source->payload ? source->payload : "");
	snprintf(engine->request, sizeof(engine->request), "%s", source->request);
}

static int engine_try(struct change_engine *engine, const struct change_source *source,
		      change_fn fn, void *context, struct fault *fault, bool keep)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	struct change change = { .engine = engine, .source = source };
	int r;

	r = store_begin(engine->store, NULL, true, &txn);
	if (r < 0)
		return r;
	change.txn = txn;
	r = fn(&change, context, fault);
	if (r < 0 || !keep)
		return r;
	engine->writes = change.writes;
	engine->changes++;
	return store_commit(&txn);
}

int change_run(struct change_engine *engine, const struct change_source *source, change_fn fn,
	       void *context, struct fault *fault)
{
	int r;

	engine_note(engine, source);
	if (engine->refuse_status) {
		fault_set(fault, engine->refuse_status, NULL, "not now");
		fault->retry_after_s = 7;
		return -EPROTO;
	}
	r = engine_try(engine, source, fn, context, fault, false);
	return r < 0 ? r : engine_try(engine, source, fn, context, fault, true);
}

int change_run_many(struct change_engine *engine, struct change_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		items[i].result = change_run(engine, items[i].source, items[i].fn,
					     items[i].context, &items[i].fault);
	return 0;
}

struct store_txn *change_txn(struct change *change)
{
	return change->txn;
}

const struct conf *change_conf(struct change *change)
{
	return change->engine->conf;
}

static int engine_put(struct change *change, const struct store_resource *row,
		      struct fault *fault)
{
	enum store_index taken;
	int r;

	change->writes++;
	r = store_resource_put(change->txn, row, &taken);
	if (r != -EEXIST)
		return r;
	return fault_set(fault, 409, "uniqueness", "%s is taken",
			 taken == STORE_BY_USER_NAME ? "userName" : "displayName");
}

int change_user_put(struct change *change, struct store_resource *row, struct json_object *resource,
		    struct fault *fault)
{
	(void)resource;
	snprintf(row->posix_name, sizeof(row->posix_name), "%.*s",
		 (int)strcspn(row->folded_name, "@"), row->folded_name);
	return engine_put(change, row, fault);
}

int change_group_put(struct change *change, struct store_resource *row, struct fault *fault)
{
	return engine_put(change, row, fault);
}

int change_user_delete(struct change *change, const char *id, struct fault *fault)
{
	(void)fault;
	change->writes++;
	return store_resource_delete(change->txn, id);
}

int change_group_delete(struct change *change, const char *id, struct fault *fault)
{
	return change_user_delete(change, id, fault);
}

int change_member_add(struct change *change, const char *group_id,
		      const struct store_resource *user, struct fault *fault)
{
	(void)fault;
	change->writes++;
	return store_member_add(change->txn, group_id, user->id, user->title);
}

int change_member_remove(struct change *change, const char *group_id, const char *user_id,
			 struct fault *fault)
{
	(void)fault;
	change->writes++;
	return store_member_remove(change->txn, group_id, user_id);
}

int change_user_identity(struct store_txn *txn, const struct conf *conf,
			 const struct store_resource *row, struct identity *ret)
{
	(void)txn;
	(void)conf;
	*ret = (struct identity){ .allowed = row->allowed };
	ret->gecos = strdup("Ge Cos");
	ret->shell = strdup("/bin/sh");
	ret->home = strdup("/home/x");
	return ret->gecos && ret->shell && ret->home ? 0 : -ENOMEM;
}

int change_user_lock(struct change *change, const char *id, const char *by, const char *reason,
		     struct fault *fault)
{
	struct store_lock lock = { .time_us = 3000000, .name = (char *)"bob", .by = (char *)by,
				   .reason = (char *)reason };

	(void)fault;
	change->writes++;
	return store_lock_put(change->txn, id, &lock);
}

int change_user_unlock(struct change *change, const char *id, struct fault *fault)
{
	int r = store_lock_delete(change->txn, id);

	change->writes++;
	return r == -ENOENT ? fault_set(fault, 409, NULL, "not locked") : r;
}

int change_user_confirm(struct change *change, const char *id, struct fault *fault)
{
	int r = store_held_delete(change->txn, id);

	change->writes++;
	return r == -ENOENT ? fault_set(fault, 409, NULL, "does not wait to be confirmed") : r;
}

int change_lock_of_gone(struct store_txn *txn, const char *name, char ret[static RESOURCE_ID_SIZE])
{
	(void)txn;
	if (strcmp(name, "gone") != 0)
		return -ENOENT;
	strcpy(ret, "00000000-0000-7000-8000-00000000dead");
	return 0;
}

void change_event(struct change_engine *engine, const struct change_source *source,
		  const char *type, const char *user, const char *detail)
{
	engine_note(engine, source);
	snprintf(engine->event_type, sizeof(engine->event_type), "%s", type);
	snprintf(engine->event_user, sizeof(engine->event_user), "%s", user);
	snprintf(engine->event_detail, sizeof(engine->event_detail), "%s", detail);
}

struct store *change_engine_store(struct change_engine *engine)
{
	return engine->store;
}

const struct conf *change_engine_conf(struct change_engine *engine)
{
	engine->conf_references++;
	return engine->conf;
}

void change_engine_conf_put(struct change_engine *engine, const struct conf *conf)
{
	(void)conf;
	engine->conf_references--;
}

static int engine_remove(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

#ifdef __SANITIZE_ADDRESS__
/* Berkeley DB forgets the details of committed transactions, which it keeps for snapshots, when a
 * private environment is closed. Its frames end at its own allocator. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:__os_malloc\n";
}
#endif

static int engine_open(struct change_engine *engine, struct conf *conf)
{
	*engine = (struct change_engine){ .conf = conf };
	strcpy(engine->directory, "/tmp/scimd-service-XXXXXX");
	if (!mkdtemp(engine->directory))
		return -errno;
	return store_open(engine->directory, &engine->store);
}

static void engine_close(struct change_engine *engine)
{
	store_closep(&engine->store);
	(void)nftw(engine->directory, engine_remove, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
