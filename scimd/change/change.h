/* change.h - a change's way from a request to the kernel: propose (one durable transaction) and apply
 * (the warden publishes and ends what must end). Layer: change (uses base, model, store, policy).
 *
 * Requests run their changes on the engine's one writer thread, which takes whatever waits, proposes
 * it in one transaction with one fsync, applies it in one publication, and answers all. A change that
 * fails its checks undoes itself alone. Nothing above this header knows whether propose is a local
 * commit or an append to a replicated log.
 *
 * Threads: change_run from any thread (blocks). A change_fn runs on the writer thread and must not
 * block on anything but the store. */
#ifndef SCIMD_CHANGE_CHANGE_H
#define SCIMD_CHANGE_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "scimd/model/fault.h"
#include "scimd/policy/policy.h"
#include "scimd/store/store.h"
#include "shared/attrs.h"
#include "shared/conf.h"

struct change_engine;
struct change;
struct json_object;

/* Who asked, for events and receipts. Borrowed strings that outlive change_run. */
struct change_source {
	const char *connection; /* name */
	const char *request_id;
	const char *peer;
	const char *request; /* "PATCH /Users/ID" */
	const char *payload; /* body with passwords taken out, or NULL */
	const char *service; /* of a login, or NULL */
	uint64_t received_us;
};

/* The body of a change: reads and writes through change_txn and the functions below. Returns 0; or
 * -EPROTO with *fault; or another negative errno from below, passed on as is. It may be run again from
 * the start (deadlock), so it must not keep results of a failed run. */
typedef int (*change_fn)(struct change *change, void *context, struct fault *fault);

/* Run fn as one atomic change and wait until it is durable, published, and whoever lost access has
 * nothing running any more or the deadline passed. Returns 0; -EPROTO with *fault (503 with Retry-After
 * when the warden cannot be reached, 507 when the disk is full); other faults become -EPROTO 500. */
_must_use_ int change_run(struct change_engine *engine, const struct change_source *source,
			  change_fn fn, void *context, struct fault *fault);

/* Many changes of one request, one after the other in this order: each is atomic by itself, and they
 * share commits and publications; whoever lost access is waited for once, at the end. */
struct change_item {
	const struct change_source *source;
	change_fn fn;
	void *context;
	int result;         /* as change_run returns it; those before it are known while fn runs */
	struct fault fault;
};
/* -ENOMEM if nothing was begun; else 0, and each item has its result. */
_must_use_ int change_run_many(struct change_engine *engine, struct change_item *items, size_t count);

/* For use inside a change_fn. */
struct store_txn *change_txn(struct change *change);     /* borrowed */
const struct conf *change_conf(struct change *change);   /* borrowed, constant for the change */
const struct change_source *change_source(struct change *change);

/* Create (row->id given, not in the store) or update a user. The caller fills id, type, connection,
 * folded_name, external_id, json, password and created_us/modified_us/version; policy fills in the
 * rest (name, uid, allowed, reason, roles) and writes the row. uniqueness -> 409, policy -> 400.
 * resource: what the row has as text, if it is at hand; borrowed, or NULL. */
_must_use_ int change_user_put(struct change *change, struct store_resource *row,
			       struct json_object *resource, struct fault *fault);
_must_use_ int change_user_delete(struct change *change, const char *id, struct fault *fault);

/* The same for groups; its members are re-evaluated when the name changed or it is deleted. */
_must_use_ int change_group_put(struct change *change, struct store_resource *row,
				struct fault *fault);
_must_use_ int change_group_delete(struct change *change, const char *id, struct fault *fault);

/* Memberships; both sides exist, and the user is as stored. Returns 1 if something changed, 0 if not. */
_must_use_ int change_member_add(struct change *change, const char *group_id,
				 const struct store_resource *user, struct fault *fault);
_must_use_ int change_member_remove(struct change *change, const char *group_id,
				    const char *user_id, struct fault *fault);

/* What a stored user is under a configuration; owned, identity_done. Somebody whom policy cannot map
 * is not allowed, with the rule as the reason. */
_must_use_ int change_user_identity(struct store_txn *txn, const struct conf *conf,
				    const struct store_resource *row, struct identity *ret);

/* A local lock: the person is shut out whatever the identity provider says, until it is taken away
 * here. by and reason (or NULL) are kept for administrators. 409 if it is so already. */
_must_use_ int change_user_lock(struct change *change, const char *id, const char *by,
				const char *reason, struct fault *fault);
_must_use_ int change_user_unlock(struct change *change, const char *id, struct fault *fault);
/* The id under which a person of that name, who exists no more, is locked; -ENOENT. */
_must_use_ int change_lock_of_gone(struct store_txn *txn, const char *name,
				   char ret[static RESOURCE_ID_SIZE]);

/* Somebody who came back with a backup may be here again, as far as policy goes. 409 if not held. */
_must_use_ int change_user_confirm(struct change *change, const char *id, struct fault *fault);

/* Before an engine takes the store. If it was a copy until now, hold who has to be confirmed. If it was a
 * copy, or is another one than that of the published directory, keep the numbers in there. */
_must_use_ int change_restored(struct store *store, const struct conf *conf,
			       const char *public_folder);

/* Record a failure or another fact that is no change ("scim.provisioning_failed"), on its own, now.
 * user may be "". Failure to record is logged, not returned. */
void change_event(struct change_engine *engine, const struct change_source *source,
		  const char *type, const char *user, const char *detail);

/* Where the engine finds the host; borrowed. */
struct change_files {
	const char *warden_socket;
	const char *conf_file, *conf_dropins; /* what the configuration was read from */
	const char *passwd, *group; /* of this host; ids in there are offered to nobody */
};

/* The engine. store is borrowed; conf is taken. Connects to the warden and brings the directory up to date
 * in the background; changes are answered 503 until that is done. */
_must_use_ int change_engine_new(struct store *store, const struct change_files *files,
				 struct conf *conf, struct change_engine **ret);
void change_engine_freep(struct change_engine **engine);

/* The store for reading; borrowed. */
struct store *change_engine_store(struct change_engine *engine);

/* The configuration in force, as a reference that keeps it alive: give it back. */
const struct conf *change_engine_conf(struct change_engine *engine);
void change_engine_conf_put(struct change_engine *engine, const struct conf *conf);

/* Put another configuration in force (taken) and evaluate everybody anew under it. */
_must_use_ int change_engine_reload(struct change_engine *engine, struct conf *conf,
				    struct fault *fault);
/* Reload asked for by scimctl: reads the files given at start again. Problems go into fault (400). */
_must_use_ int change_engine_reload_files(struct change_engine *engine, struct fault *fault);

/* Called after whatever was committed, on the writer's thread: it must not block, nor call back. NULL:
 * nobody. When this returns, the one before is not called any more. */
void change_engine_set_listener(struct change_engine *engine, void (*listener)(void *context),
				void *context);

struct change_status {
	bool warden_connected;
	uint64_t warden_revision; /* of the published directory */
	uint64_t pending;         /* offboardings not finished */
	uint64_t waiting;         /* changes waiting for the writer */
	/* Changes that came without a pause: those that come now, or the last that did. */
	bool push_active;
	uint64_t push_changes, push_users, push_groups; /* users and groups: new ones */
	uint64_t push_seconds, push_per_second;
};
void change_engine_status(struct change_engine *engine, struct change_status *ret);

#endif
