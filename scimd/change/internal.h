/* internal.h - what the files of the change layer share. Layer: change.
 * Threads: "writer" fields belong to the writer thread; "shared" ones are under engine->lock. */
#ifndef SCIMD_CHANGE_INTERNAL_H
#define SCIMD_CHANGE_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>

#include "scimd/base/clock.h"
#include "scimd/change/change.h"
#include "scimd/change/warden_client.h"
#include "scimd/policy/policy.h"

/* Packets to be sent when a change is durable, in order. */
struct outbox {
	struct outbox_item {
		size_t size;
		unsigned char *bytes;
	} *items;
	size_t count, room;
};
_must_use_ int outbox_add(struct outbox *outbox, struct packet *packet);
void outbox_done(struct outbox *outbox);

/* A configuration that somebody may still be using. */
struct conf_box {
	struct conf_box *next;
	struct conf *conf;
	unsigned int users;
};

/* Somebody is losing access, from the commit until the receipt is complete. A list of these belongs
 * to a change while it is proposed, and to the engine afterwards. */
struct offboarding {
	struct offboarding *next;
	uint32_t uid;
	uint64_t receipt;
	bool published; /* the directory shows it */
	uint64_t revision; /* and this one was the first to */
	uint64_t durable_us, visible_us; /* epoch: since when */
	struct offboarding **unnoted_at, *unnoted_next; /* until the receipt says so; writer */
	uint64_t received_us; /* epoch: when it was asked for */
	bool refused;   /* the warden has nothing to end: let in again meanwhile */
	bool unasked;   /* whether a report will come is not known: END has to be sent */
	bool reported;  /* the warden told once: done, or the deadline passed; nobody waits longer */
};

struct member_delta {
	uint32_t gid, uid;
	bool add;
};

/* What groups are to their members, ordered by id; and whether there is anybody to be looked for who is
 * held or locked. */
struct known_groups {
	bool nobody_held, nobody_locked;
	struct json_tokener *tokener; /* owned */
	struct known_group {
		char id[RESOURCE_ID_SIZE];
		char *name;   /* owned */
		uint32_t gid; /* 0: not exposed */
	} *items;
	size_t count, room;
};

/* The group whose members were changed last, as far as it matters for them. */
struct change_group {
	char id[RESOURCE_ID_SIZE]; /* "": none */
	char *name;                /* owned */
	uint32_t gid;              /* 0: not exposed */
	bool decides;              /* about their access or roles */
};

/* One change at work on the writer thread. */
struct change {
	struct change_engine *engine;
	struct store_txn *txn;
	const struct change_source *source;
	struct outbox outbox;         /* groups first, then users, then members */
	struct outbox checks;         /* what the warden is asked before the batch commits */
	char (*dirty)[RESOURCE_ID_SIZE]; /* users to be evaluated at the end */
	size_t dirty_count, dirty_room;
	struct member_delta *deltas;
	size_t delta_count, delta_room;
	unsigned int made[RESOURCE_GROUP + 1]; /* new users and groups, by type */
	struct change_group group;
	bool payload_told; /* by the event of a member; the others leave it out */
	bool passwords; /* one of them was changed */
	bool unsettled; /* something was decided that time, or another's change, decides otherwise */
	struct offboarding *offboardings; /* made by this change */
	/* Everybody who is evaluated again is shown to this, changed or not, instead of packets for
	 * who changed; NULL: nobody is. */
	int (*show)(struct change *change, const struct store_resource *row,
		    const struct identity *identity, const uint32_t *gids, size_t gid_count);
	const struct known_groups *known; /* while everybody is evaluated; or NULL */
};

void change_done(struct change *change);
void change_group_forget(struct change *change);

#define TASK_RECEIPTS_MAX 256u /* a change that ends more people does not wait for all of them */
#define OFFBOARDING_BUCKETS 4096u /* by uid: a host may lose all its people at once */

struct timespec;

struct awaited {
	uint64_t receipt;
	uint32_t uid;
};

enum task_kind { TASK_CHANGE, TASK_ENDED, TASK_RELOAD, TASK_EVENT };

/* Something for the writer thread to do. */
struct task {
	struct task *next;
	enum task_kind kind;
	const struct change_source *source;
	change_fn fn; /* TASK_CHANGE */
	void *context;
	struct change_item *item; /* TASK_CHANGE: of many, or NULL */
	const char *event_type, *event_user, *event_detail; /* TASK_EVENT */
	struct conf *conf;                                   /* TASK_RELOAD, taken */
	unsigned char *message;                              /* TASK_ENDED, owned */
	size_t message_size;
	sem_t done; /* unless nobody waits: raised when the writer is through with it */
	bool nobody_waits;
	struct awaited receipts[TASK_RECEIPTS_MAX]; /* to wait for, after done */
	size_t receipt_count;
	int result;
	struct fault fault;
	struct change change; /* writer, then the waiting thread */
};

/* Changes with no pause between them (push.c). Times are monotonic. */
struct push {
	uint64_t began_us, last_us;
	uint64_t changes, users, groups; /* new ones */
	bool told; /* in the log that it is large */
};

/* local_ids.c: ids of the host's own accounts (and groups), which nobody is given by chance. */
struct local_ids {
	struct local_file {
		const char *path; /* borrowed for ever */
		struct stat seen;
	} files[2];
	uint32_t *ids; /* owned, ordered */
	size_t count, room;
};
void local_ids_set(struct local_ids *local, const char *passwd, const char *group);
void local_ids_done(struct local_ids *local);
/* Read both again if either changed. What cannot be read leaves what was known. */
void local_ids_refresh(struct local_ids *local);
bool local_ids_has(uint32_t id, void *context); /* context: the struct local_ids */

struct change_engine {
	struct store *store;
	struct local_ids local; /* writer */
	bool local_known;       /* writer: as it is since this batch began */
	struct warden_client *warden; /* writer */
	bool synced;                  /* writer: the directory shows what the store holds */
	bool conf_changed;            /* writer: everybody has to be evaluated anew */
	bool basis_unknown;           /* writer: unless the store says that it was done as it is now */
	bool check_at_once;           /* writer: wait for the warden's word on each record by itself */
	bool checking, check_failed;  /* writer: one was put to it, whose answer is to come; one was refused */
	uint64_t checks;              /* writer: so many were put to it in that way */
	size_t untrimmed;             /* writer: packets since memory was given back */
	bool unflushed;               /* writer: commits that are not on the disk yet */
	struct offboarding *unnoted;  /* writer: whose receipts do not say yet when they were published */
	bool notes;                   /* writer: some of them were, since it was tried to write that */
	uint32_t sync_wait_ms;        /* writer: since the warden would not have everything, */
	uint64_t sync_after_us;       /* it is not sent again before then (monotonic) */
	struct change_files files;    /* borrowed */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t wake, finished;
	/* shared */
	struct task *queue, **queue_end;
	size_t waiting;
	bool stop;
	struct conf_box *confs; /* the first is in force */
	struct offboarding *offboardings[OFFBOARDING_BUCKETS];
	size_t offboarding_count, unasked_count;
	struct push push;
	uint64_t warden_revision;
	bool warden_ready;
	void (*listener)(void *context); /* shared */
	void *listener_context;
};

/* The configuration in force, for the writer thread. */
const struct conf *engine_conf(struct change_engine *engine);

/* push.c: count a batch that came through; see whether a large push is over; what the status says of it
 * (under the lock). */
void push_note(struct change_engine *engine, struct task *const *batch, size_t count);
void push_look(struct change_engine *engine);
void push_status(const struct push *push, struct change_status *ret);

/* evaluate.c: policy, and what it means for rows and packets. */
_must_use_ int evaluate_user(struct change *change, struct store_resource *row,
			     struct json_object *resource, struct fault *fault);
_must_use_ int evaluate_dirty(struct change *change, struct fault *fault);
/* Somebody as stored (borrowed), whose groups or configuration changed: written and published only if that
 * makes a difference. */
_must_use_ int evaluate_again(struct change *change, const struct store_resource *old);
bool same_text(const char *a, const char *b); /* NULL is "" */
/* The displayName in a stored resource; owned, NULL if there is none. */
char *display_name(const char *json);
/* What the store has; a zero row if nothing. */
_must_use_ int row_before(struct change *change, const char *id, struct store_resource *ret);
/* Write it; 409 for what is taken. */
_must_use_ int row_put(struct change *change, const struct store_resource *row,
		       struct fault *fault);
/* The number of a resource: what it asked for, what it has, or the next free one. */
_must_use_ int number_take(struct change *change, struct store_resource *row, const char *name,
			   uint32_t wanted, struct fault *fault);
_must_use_ int delta_add(struct change *change, uint32_t gid, uint32_t uid, bool add);

/* evaluate_group.c */
_must_use_ int evaluate_group(struct change *change, struct store_resource *row, bool is_new,
			      struct fault *fault);
/* A group under another configuration: 1 if it differs and was written again; nothing is sent. */
_must_use_ int evaluate_group_again(struct change *change, const char *id);
_must_use_ int change_mark_dirty(struct change *change, const char *user_id);
_must_use_ int change_deltas_flush(struct change *change);

/* unique.c: 1 if the row's emails have to hold more by now, and all of it (owned); 0: they do not. */
_must_use_ int unique_missing(const struct store_resource *row, char **ret_emails);
/* Write a group again if so. */
_must_use_ int unique_group(struct change *change, const char *id);

/* records.c: packets of the warden's protocol. */
_must_use_ int record_user(struct packet *packet, uint64_t tag, enum warden_op op, uint32_t uid,
			   const struct identity *identity);
void record_user_deleted(struct packet *packet, uint64_t tag, uint32_t uid);
void record_group(struct packet *packet, uint64_t tag, enum warden_op op, uint32_t gid,
		  const char *name);
void record_group_deleted(struct packet *packet, uint64_t tag, uint32_t gid);
void record_password(struct packet *packet, uint64_t tag, uint32_t uid, const char *hash);
_must_use_ int records_members(struct outbox *outbox, uint32_t gid, uint32_t action,
			       const uint32_t *uids, size_t count);

/* The identity of a user under the present configuration; owned. One without a number is new: nobody could
 * put them into a group or lock them. resource: what the row has as text, or NULL. known: all groups, or
 * NULL, which has those of the person read. *ret_groups: numbers of its exposed groups (owned), or NULL if not wanted. */
_must_use_ int identity_of(struct store_txn *txn, const struct conf *conf,
			   const struct known_groups *known, const struct store_resource *row,
			   struct json_object *resource, struct identity *ret, uint32_t **ret_gids,
			   size_t *ret_gid_count, struct fault *fault);

/* The same; somebody whom policy cannot map (the configuration changed) is denied, with the rule as the
 * reason, and keeps what the row says. */
_must_use_ int identity_or_deny(struct store_txn *txn, const struct conf *conf,
				const struct known_groups *known, const struct store_resource *row,
				struct identity *ret, uint32_t **ret_gids, size_t *ret_gid_count);

/* Somebody of whom nothing is known but the name, without access. */
_must_use_ int identity_of_name(const char *name, const char *reason, struct identity *ret);

/* The same for a row that was evaluated: somebody who was not given the name that policy makes, as
 * another has it, is what the row says. */
_must_use_ int identity_as_stored(struct store_txn *txn, const struct conf *conf,
				  const struct store_resource *row, struct identity *ret,
				  uint32_t **ret_gids, size_t *ret_gid_count);

/* checks.c: put a record to the warden, at once and without waiting for the answer if there is none to come,
 * else together with the others of the batch, before it commits. */
#define CHECK_LATER_TAG 2u
_must_use_ int warden_check_later(struct change *change, struct packet *packet);
/* The batch is over, whatever is still to come. */
void warden_check_forget(struct change_engine *engine);
/* Ask the warden about all that were put off, and take its answers. 1: it refused some; 0; or a connection
 * error. */
_must_use_ int warden_check_all(struct change_engine *engine, struct task *const *tasks,
				size_t count);
/* Ask the warden whether it would take a record. 0, -EPROTO with the sentence, or a connection error. */
_must_use_ int warden_check(struct change_engine *engine, struct packet *packet,
			    char sentence[static WARDEN_REASON_MAX + 1]);

/* quarantine.c: names given up by a rename are kept from others for a while. Remember that the row
 * had another name before; and -EEXIST with when it is over if the row's name is kept for somebody. */
_must_use_ int quarantine_begin(struct change *change, const struct store_resource *old,
				const struct store_resource *row);
_must_use_ int quarantine_check(struct change *change, const char *name, const char *id,
				char ret_until[static CLOCK_TEXT_SIZE]);

/* canary.c: its number under this configuration, 0 if it has none; and its record. */
_must_use_ int canary_number(struct store_txn *txn, const struct conf *conf, uint32_t *ret);
_must_use_ int canary_record(struct packet *packet, uint32_t number);

/* lock.c: identity as it is with the person's lock, if there is one. */
_must_use_ int lock_apply(struct store_txn *txn, const char *user_id, struct identity *identity);
/* A new person takes over the lock of somebody gone who had the name. */
_must_use_ int lock_inherit(struct change *change, const char *user_id, struct identity *identity);
/* Not allowed, and nothing that goes with being allowed. */
_must_use_ int identity_deny(struct identity *identity, const char *reason);

/* held.c: who came back with a backup stays out until confirmed. apply before the lock, whose reason is
 * stronger; settle when a row is written: active is what the identity provider says by now. */
#define HELD_REASON "not confirmed by the identity provider since this host was restored from a backup"
_must_use_ int held_apply(struct store_txn *txn, const char *user_id, struct identity *identity);
_must_use_ int held_settle(struct change *change, const struct store_resource *old,
			   const struct store_resource *row);
_must_use_ int held_forget(struct change *change, const char *user_id);
/* Write "active" into a stored user as a change of it. */
_must_use_ int row_set_active(struct store_resource *row, bool active);
bool row_is_active(const struct store_resource *row);

/* events.c */
_must_use_ int event_add(struct change *change, const char *type, const char *user,
			 const char *detail);

/* receipt.c */
_must_use_ int receipt_open(struct change *change, const struct store_resource *row,
			    const char *reason);
_must_use_ int receipt_published(struct store_txn *txn, const struct offboarding *item,
				 bool nothing_to_end);
/* There is nothing to wait for any more, for the reason given. */
bool receipt_is_open(struct json_object *receipt); /* borrowed */
_must_use_ int receipt_close(struct store_txn *txn, uint64_t number, const char *note);
_must_use_ int receipt_ended(struct change_engine *engine, struct store_txn *txn,
			     const unsigned char *message, size_t size);

/* sync.c: bring the warden up to date; connects if need be. */
_must_use_ int sync_ensure(struct change_engine *engine);
/* Evaluate everybody and publish everything. */
_must_use_ int sync_everything(struct change_engine *engine);

/* basis.c: a digest of what evaluation depends on, as it is now: the rules, the configuration, the schemas,
 * the files of the host. */
_must_use_ int basis_make(struct change_engine *engine,
			  unsigned char ret[static STORE_BASIS_SIZE]);

/* apply.c: send an outbox as one batch and wait until it is published. */
struct published {
	uint64_t revision, durable_us, visible_us;
	uint32_t *ending; /* uids for which an ENDED follows; owned */
	uint32_t ending_count;
	bool partial; /* there may be more than `ending` lists; it is sorted */
	bool refused; /* the warden would not have some of it */
};
void published_done(struct published *published);
_must_use_ int apply_batch(struct change_engine *engine, uint64_t revision,
			   struct task *const *tasks, size_t count, struct published *ret);
_must_use_ int apply_finish(struct change_engine *engine, uint64_t revision,
			    struct published *ret);
_must_use_ int apply_begin(struct change_engine *engine, uint64_t revision, uint32_t flags,
			   uint32_t users, uint32_t groups);

/* offboarding.c: put new offboardings (taken) on the engine's list; after a publication keep its times for
 * their receipts, and finish those for whom nothing has to be ended. */
void offboardings_take(struct change_engine *engine, struct offboarding *list);
void offboardings_free(struct offboarding *list);
void offboardings_clear(struct change_engine *engine);
_must_use_ int offboardings_published(struct change_engine *engine,
				      const struct published *published);
/* Those times, into the receipts of which no report has come by now: a report brings them along. */
_must_use_ int offboardings_note(struct change_engine *engine);
/* After (re)connecting: reports may have been lost with the warden or with us. Whoever is on the list
 * and not in `published` is ended and reported on again. */
_must_use_ int offboardings_resume(struct change_engine *engine, const struct published *published);
/* Ask the warden for the next portion of reports that may not come by themselves. */
_must_use_ int offboardings_ask(struct change_engine *engine);
/* The warden reported on a uid; done: nothing is left. tag: the revision that it was told with, and all
 * before that are meant; 0: any. */
void offboarding_reported(struct change_engine *engine, uint32_t uid, uint64_t tag, bool done);
/* Those whose receipts such a report is about, borrowed by the writer; returns how many, at most room. */
size_t offboardings_of(struct change_engine *engine, uint32_t uid, uint64_t tag,
		       const struct offboarding **ret, size_t room);
/* Receipts that a crash left open are on the list again. */
_must_use_ int offboardings_recover(struct change_engine *engine);
/* Wait until none of the receipts is unreported, or the time is over. */
void offboardings_wait(struct change_engine *engine, const struct awaited *receipts, size_t count,
		       const struct timespec *until);

#endif
