/* store.h - transactional storage of resources, memberships, ids, events and receipts.
 * Layer: store (uses base and model; Berkeley DB stays behind this header).
 * Threads: struct store is shared. A transaction belongs to one thread. Who begins to write waits until
 * whoever writes is through, so a thread has one such transaction (and what is nested in it) at a time;
 * readers run beside it on snapshots, never wait for it, and it never waits for them.
 * Errors: -ENOENT no such key; -EEXIST a unique index holds the key already; -EDEADLK retry the whole
 * transaction; -ENOSPC disk full, transaction must be aborted, nothing is lost; -EIO storage failed
 * or the environment panicked: the process must end so that a restart runs recovery; -ENOMEM.
 * Strings returned in structs are owned by the struct (…_done). */
#ifndef SCIMD_STORE_STORE_H
#define SCIMD_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scimd/model/resource.h"
#include "shared/attrs.h"
#include "shared/names.h"

#define STORE_CONNECTION_SIZE 33
#define STORE_NAME_SIZE (NAME_MAX_BYTES + 1)

struct store;
struct store_txn;

/* One resource. Text fields may be NULL where they say so. */
struct store_resource {
	char id[RESOURCE_ID_SIZE];
	enum resource_type type;
	char connection[STORE_CONNECTION_SIZE];
	uint64_t order;   /* place in the order of creation, from 1; put gives it to what is new, where a
			   * 0 saves a look (and a place, if it is not new) */
	uint64_t version; /* counts changes, from 1 */
	uint64_t created_us, modified_us;
	char *folded_name; /* json_fold of userName (unique among users on the host) or of
			    * displayName (unique among a connection's groups); never NULL */
	char *title;       /* userName or displayName as sent, shown beside memberships; or NULL */
	char *emails;      /* users: json_fold of each of emails.value, each followed by a newline
			    * (those that hold one are left out); indexed, may repeat; or NULL */
	char *external_id; /* as sent, indexed per connection and type, may repeat; or NULL */
	char *json;        /* checked resource (model/resource.h) as text; never NULL */
	char *password;    /* crypt(3) hash, or NULL; wiped on free */

	/* What policy made of it. */
	char posix_name[STORE_NAME_SIZE]; /* "" if none; unique among users and groups together */
	uint32_t number;                  /* uid or gid, 0 if none; unique for ever (ledger) */
	bool allowed;                     /* users: may be here; groups: exposed */
	char *reason;                     /* why not; or NULL */
	char *roles;                      /* users: names separated by commas, or NULL */
	char *home;                       /* users: kept when the name changes; or NULL */
};

void store_resource_done(struct store_resource *row);

/* Open (or create, directory 0700 must exist) the environment; runs recovery. Owned; store_close
 * checkpoints. instance identifies this store for ever (random at creation). -EPROTONOSUPPORT: another
 * version of scimd made it, and nothing was changed. */
_must_use_ int store_open(const char *directory, struct store **ret);
void store_closep(struct store **store);
const unsigned char *store_instance(const struct store *store); /* 16 bytes, borrowed */
/* Random at creation like the instance, and known to nobody else: a key for what we sign. */
#define STORE_SECRET_SIZE 32u
const unsigned char *store_secret(const struct store *store); /* borrowed */

/* Write a checkpoint and drop log files no longer needed; call now and then from one thread. Does
 * nothing while a backup is made. */
_must_use_ int store_checkpoint(struct store *store);

/* A copy of the store as of a moment during the call, from any thread while changes go on: recovered,
 * verified, synced, and marked as a copy. It lies in a folder of the store's own until it is dropped or
 * the next one is made. */
struct store_backup {
	char path[4096];
	uint64_t time_us, revision, users, groups;
	uint32_t format;
};
_must_use_ int store_backup(struct store *store, struct store_backup *ret);
_must_use_ int store_backup_drop(struct store *store);
/* When the copy was made that this store was until now; -ENOENT: it is none. And never more of that. */
_must_use_ int store_backup_time(struct store_txn *txn, uint64_t *ret_time_us);
_must_use_ int store_backup_forget(struct store_txn *txn);

/* Bytes that the store's files take on the disk. -errno. */
_must_use_ int store_disk_usage(struct store *store, uint64_t *ret);

/* Transactions. parent NULL: top level; else nested (commits into the parent, aborts alone).
 * write: takes part in writing; else a read snapshot. Cleaning up aborts unless committed.
 * store_commit of a top-level write transaction returns when the log is on disk. */
_must_use_ int store_begin(struct store *store, struct store_txn *parent, bool write,
			   struct store_txn **ret);
_must_use_ int store_commit(struct store_txn **txn); /* frees and clears *txn in any case */
/* The same, but the log may reach the disk later: with the next store_commit, or store_flush. Killing
 * the process loses nothing, cutting the power may. */
_must_use_ int store_commit_unsynced(struct store_txn **txn);
_must_use_ int store_flush(struct store *store);
void store_abortp(struct store_txn **txn);

/* The change counter: raised once per committed batch, read back after restart. */
_must_use_ int store_revision_next(struct store_txn *txn, uint64_t *ret);
_must_use_ int store_revision(struct store_txn *txn, uint64_t *ret);
/* As it was when somebody's password was changed last; 0: never. */
_must_use_ int store_passwords_changed(struct store_txn *txn, uint64_t revision);
_must_use_ int store_passwords_revision(struct store_txn *txn, uint64_t *ret);

/* A digest of everything that decides what the rows say of people and groups, as it was when all of them
 * were last evaluated and published. is: 1, or 0 if it was another one or is not known. */
#define STORE_BASIS_SIZE 32u
_must_use_ int store_basis_put(struct store_txn *txn,
			       const unsigned char basis[static STORE_BASIS_SIZE]);
_must_use_ int store_basis_is(struct store_txn *txn,
			      const unsigned char basis[static STORE_BASIS_SIZE]);
_must_use_ int store_basis_forget(struct store_txn *txn);

/* Resources. */
_must_use_ int store_resource_get(struct store_txn *txn, const char *id, struct store_resource *ret);

enum store_index {
	STORE_BY_USER_NAME,    /* key: folded userName; connection ignored */
	STORE_BY_GROUP_NAME,   /* key: folded displayName, within connection */
	STORE_BY_POSIX_NAME,   /* key: POSIX name of a user or group; connection ignored */
	STORE_BY_NUMBER,       /* key: decimal uid or gid; connection ignored */
};

/* The id of the one resource with that key, into ret. */
_must_use_ int store_lookup(struct store_txn *txn, enum store_index index, const char *connection,
			    const char *key, char ret[static RESOURCE_ID_SIZE]);

/* Insert or replace with all indexes. -EEXIST: *ret_taken says which unique index refused, nothing of
 * this call remains after the (nested) transaction is aborted, which the caller must do. */
_must_use_ int store_resource_put(struct store_txn *txn, const struct store_resource *row,
				  enum store_index *ret_taken);

/* Remove with indexes and memberships. The ledger keeps its number. */
_must_use_ int store_resource_delete(struct store_txn *txn, const char *id);

/* Walk resources of one type in order of creation. connection NULL: all. offset resources are
 * skipped first; each() returns 0 to go on, >0 to stop, <0 to fail with that. row is borrowed for the
 * call. */
typedef int (*store_resource_fn)(const struct store_resource *row, void *context);
_must_use_ int store_resource_each(struct store_txn *txn, enum resource_type type,
				   const char *connection, uint64_t offset, store_resource_fn each,
				   void *context);
/* The same, beginning behind the place `after` in the order of creation (0: at the first). */
_must_use_ int store_resource_after(struct store_txn *txn, enum resource_type type,
				    const char *connection, uint64_t after, store_resource_fn each,
				    void *context);
_must_use_ int store_resource_count(struct store_txn *txn, enum resource_type type,
				    const char *connection, uint64_t *ret);

/* Resources with this externalId in the connection, same contract as above. */
_must_use_ int store_external_each(struct store_txn *txn, enum resource_type type,
				   const char *connection, const char *external_id,
				   store_resource_fn each, void *context);

/* Users of the connection with this address among their emails, same contract as above. */
_must_use_ int store_email_each(struct store_txn *txn, const char *connection,
				const char *folded_email, store_resource_fn each, void *context);

/* Memberships. add and remove return 1 if something changed, 0 if it was so already. title: the user's,
 * which lies beside the membership; it follows the user from then on. */
_must_use_ int store_member_add(struct store_txn *txn, const char *group_id, const char *user_id,
				const char *title);
_must_use_ int store_member_remove(struct store_txn *txn, const char *group_id, const char *user_id);
_must_use_ int store_member_has(struct store_txn *txn, const char *group_id, const char *user_id);
typedef int (*store_id_fn)(const char *id, void *context);
_must_use_ int store_members_each(struct store_txn *txn, const char *group_id, store_id_fn each,
				  void *context);
/* With the member's title, borrowed for the call, or NULL if the user has none. Reads nothing but
 * the memberships. */
typedef int (*store_member_fn)(const char *id, const char *title, void *context);
_must_use_ int store_members_titled_each(struct store_txn *txn, const char *group_id,
					 store_member_fn each, void *context);
_must_use_ int store_groups_each(struct store_txn *txn, const char *user_id, store_id_fn each,
				 void *context);
_must_use_ int store_member_count(struct store_txn *txn, const char *group_id, uint64_t *ret);

/* Members of a group who are not known yet, by what the client calls them. add and remove return 1 if
 * something changed. They go with their group. */
_must_use_ int store_pending_add(struct store_txn *txn, const char *connection,
				 const char *group_id, const char *member);
_must_use_ int store_pending_remove(struct store_txn *txn, const char *connection,
				    const char *group_id, const char *member);
_must_use_ int store_pending_has(struct store_txn *txn, const char *group_id, const char *member);
/* each is given the members, or the ids of the groups that wait for one. */
_must_use_ int store_pending_each(struct store_txn *txn, const char *group_id, store_id_fn each,
				  void *context);
_must_use_ int store_pending_groups_each(struct store_txn *txn, const char *connection,
					 const char *member, store_id_fn each, void *context);

/* The id ledger: a number once given is never given again. wanted 0: the next free one of
 * [min, max] that is not reserved (id_is_reserved); else exactly it: -EEXIST if it was ever given to
 * somebody else, -ERANGE outside [min, max] or reserved. The same owner asking again for its own
 * number gets it. -ENOSPC is for the disk; an exhausted range is -EDQUOT. */
_must_use_ int store_number_take(struct store_txn *txn, uint32_t min, uint32_t max, uint32_t wanted,
				 const char *owner_id, uint32_t *ret);
/* The next free one, passing over those that is_elsewhere says somebody outside the store has (NULL:
 * nobody). They are passed over for good, but asked for by number they can be had. */
typedef bool (*store_number_held_fn)(uint32_t number, void *context);
_must_use_ int store_number_take_next(struct store_txn *txn, uint32_t min, uint32_t max,
				      store_number_held_fn is_elsewhere, void *context,
				      enum resource_type type, const char *owner_id,
				      uint32_t *ret);
/* Leave out the next `count` numbers that would be given: they may have been given by somebody whose
 * memory is lost. Asked for by number they can still be had. */
_must_use_ int store_number_skip(struct store_txn *txn, uint32_t min, uint32_t max, uint32_t count);
/* The owner is gone; the number stays taken as a tombstone. */
_must_use_ int store_number_retire(struct store_txn *txn, uint32_t number);
typedef int (*store_number_fn)(uint32_t number, enum resource_type type, bool retired, void *context);
_must_use_ int store_number_each(struct store_txn *txn, store_number_fn each, void *context);

/* Locks of people by this host's administrators, keyed by the user's id, which need not exist any
 * more: a lock outlives its person, so that whoever comes back under the name is locked too. */
struct store_lock {
	uint64_t time_us;
	char *name;   /* POSIX name when locked; never NULL */
	char *by;     /* who locked; never NULL */
	char *reason; /* or NULL */
};
void store_lock_done(struct store_lock *lock);
_must_use_ int store_lock_put(struct store_txn *txn, const char *user_id,
			      const struct store_lock *lock);
_must_use_ int store_lock_get(struct store_txn *txn, const char *user_id, struct store_lock *ret);
_must_use_ int store_lock_delete(struct store_txn *txn, const char *user_id);
typedef int (*store_lock_fn)(const char *user_id, const struct store_lock *lock, void *context);
_must_use_ int store_lock_each(struct store_txn *txn, store_lock_fn each, void *context);

/* People who came back with a backup and whom the identity provider has not confirmed since, keyed by
 * the user's id; backup_us: when it was made. delete: -ENOENT. */
_must_use_ int store_held_put(struct store_txn *txn, const char *user_id, uint64_t backup_us);
_must_use_ int store_held_has(struct store_txn *txn, const char *user_id);
_must_use_ int store_held_delete(struct store_txn *txn, const char *user_id);
_must_use_ int store_held_each(struct store_txn *txn, store_id_fn each, void *context);

/* Numbers that an administrator keeps for names of people or groups, until somebody of these names comes.
 * put: as store_number_take; -EEXIST also if another number is kept for the name, or the name is kept
 * for the other type. take: the name's number becomes its owner's; -ENOENT if none is kept. */
_must_use_ int store_import_put(struct store_txn *txn, enum resource_type type, const char *name,
				uint32_t min, uint32_t max, uint32_t number);
_must_use_ int store_import_get(struct store_txn *txn, enum resource_type type, const char *name,
				uint32_t *ret);
_must_use_ int store_import_take(struct store_txn *txn, enum resource_type type, const char *name,
				 const char *owner_id, uint32_t *ret);
/* The name of a person who is known by that alone: this host shows it, so that files keep their owner's
 * name, and lets nobody in by it. */
_must_use_ int store_import_publish(struct store_txn *txn, const char *name);
_must_use_ int store_import_is_published(struct store_txn *txn, const char *name);
typedef int (*store_import_fn)(enum resource_type type, const char *name, uint32_t number,
			       void *context);
_must_use_ int store_import_each(struct store_txn *txn, store_import_fn each, void *context);

/* Names that were given up by a rename, so that they can be kept from others for a while. */
_must_use_ int store_name_retire(struct store_txn *txn, const char *name, const char *owner_id,
				 uint64_t time_us);
_must_use_ int store_name_retired(struct store_txn *txn, const char *name,
				  char ret_owner[static RESOURCE_ID_SIZE], uint64_t *ret_time_us);

/* Events: JSON text in commit order, numbered from 1. user is a POSIX name or "" and type such as
 * "scim.user.created"; both are kept beside the text for filtering. Newest first. */
struct store_event {
	uint64_t sequence;
	uint64_t time_us;
	const char *type, *user, *json;
};
_must_use_ int store_event_append(struct store_txn *txn, const char *type, const char *user,
				  const char *json, uint64_t *ret_sequence);
typedef int (*store_event_fn)(const struct store_event *event, void *context);
_must_use_ int store_event_each(struct store_txn *txn, store_event_fn each, void *context);
/* In commit order, those behind the number `after`. */
_must_use_ int store_event_after(struct store_txn *txn, uint64_t after, store_event_fn each,
				 void *context);
_must_use_ int store_event_last(struct store_txn *txn, uint64_t *ret); /* 0: there is none */

/* How far somebody who follows the events has come; -ENOENT if never. It has a table of its own, so that
 * a thread may write it beside the one that writes everything else. */
_must_use_ int store_position_get(struct store_txn *txn, const char *follower, uint64_t *ret);
_must_use_ int store_position_put(struct store_txn *txn, const char *follower, uint64_t position);
_must_use_ int store_position_delete(struct store_txn *txn, const char *follower);

/* When somebody's last session began, keyed by the user's id. A table of its own, for the thread that hears
 * of logins alone to write. */
struct store_login {
	uint64_t time_us;
	char *service; /* of PAM; never NULL */
	char *host;    /* from where, or NULL */
};
void store_login_done(struct store_login *login);
_must_use_ int store_login_put(struct store_txn *txn, const char *user_id,
			       const struct store_login *login);
_must_use_ int store_login_get(struct store_txn *txn, const char *user_id,
			       struct store_login *ret); /* -ENOENT */

/* How a connection was used, by its name. A table of its own, for one thread to write. */
struct store_use {
	uint64_t last_us, requests, errors;
};
_must_use_ int store_use_put(struct store_txn *txn, const char *connection,
			     const struct store_use *use);
typedef int (*store_use_fn)(const char *connection, const struct store_use *use, void *context);
_must_use_ int store_use_each(struct store_txn *txn, store_use_fn each, void *context);

/* Receipts: JSON text per offboarding. number 0 makes a new one. user is the POSIX name. Those that are
 * open are found without reading the others. */
_must_use_ int store_receipt_put(struct store_txn *txn, uint64_t number, const char *user,
				 const char *json, bool is_open, uint64_t *ret_number);
_must_use_ int store_receipt_get(struct store_txn *txn, uint64_t number, char **ret_json);
/* Newest first; user NULL: everybody's. */
typedef int (*store_receipt_fn)(uint64_t number, const char *user, const char *json, void *context);
/* Those that are open, newest first, each of which is shown to `each`; and before them all that a version
 * without an index of them wrote, which is done once. each returns 1 if it is open indeed, 0 if not. Makes
 * transactions of its own: nobody else may be writing. */
_must_use_ int store_receipt_open_each(struct store *store, store_receipt_fn each, void *context);
_must_use_ int store_receipt_each(struct store_txn *txn, const char *user, store_receipt_fn each,
				  void *context);

#endif
