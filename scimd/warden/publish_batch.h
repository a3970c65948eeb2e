/* publish_batch.h - a batch of records being put together: what the files of publish share.
 * Layer: warden, private to publish*.c. Threads: one. Errors: negative errno; the batch is lost then. */
#ifndef SCIMD_WARDEN_PUBLISH_BATCH_H
#define SCIMD_WARDEN_PUBLISH_BATCH_H

#include "scimd/warden/id_list.h"
#include "scimd/warden/publish.h"
#include "scimd/warden/record.h"

/* A membership that a batch adds or takes away, applied at its end. */
struct pending_member {
	uint32_t uid, gid;
	uint32_t order;
	bool add;
};

struct publish {
	struct publish_options options;
	struct conf *conf; /* NULL: root's configuration does not load */
	uint64_t conf_seen;
	struct directory_writer *directory, *shadow;
	struct lost_roles *lost_roles; /* NULL: none */
	bool open, full; /* a batch is open */
	bool may_revive; /* root says so: the store was put back to a day before */
	struct id_list shut; /* uids that a full batch was refused; they are not buried */
	struct warden_begin begin;
	struct pending_member *pending;
	size_t pending_count, pending_room;
	struct id_list touched; /* uids named by the batch that are let in so far */
	struct publish_refusal *refusals;
	size_t refusal_count;
	struct user_record record; /* too large for the stack */
};

/* A copy of a user that survives staging calls. */
struct user_copy {
	bool exists;
	uint16_t flags;
	char name[NAME_MAX_BYTES + 1];
	char gecos[FIELD_MAX_BYTES + 1], home[FIELD_MAX_BYTES + 1], shell[FIELD_MAX_BYTES + 1];
	uint32_t *gids; /* ascending */
	uint32_t gid_count, gid_room;
};

/* publish_members.c: users as they are staged, and both sides of their memberships. */
void user_copy_done(struct user_copy *copy);
/* The staged user; an absent one is a zero copy. */
_must_use_ int user_copy_get(struct publish *publish, uint32_t uid, struct user_copy *ret);
/* record: for the details; NULL: they stay. */
_must_use_ int user_copy_put(struct publish *publish, uint32_t uid, const struct user_copy *copy,
			     const struct user_record *record);
bool gids_have(const struct user_copy *copy, uint32_t gid);
_must_use_ int gids_add(struct user_copy *copy, uint32_t gid); /* 1: it was not there */
/* Bring the groups' side of memberships from old to new (a renamed user is put again). */
_must_use_ int batch_members_sync(struct publish *publish, uint32_t uid, const struct user_copy *old,
				  const struct user_copy *new);
_must_use_ int batch_is_local_group(struct publish *publish, uint32_t gid);
_must_use_ int batch_pending_add(struct publish *publish, uint32_t uid, uint32_t gid, bool add);
_must_use_ int batch_pending_flush(struct publish *publish);
_must_use_ int batch_group_delete(struct publish *publish, uint32_t gid);
_must_use_ int batch_local_group_put(struct publish *publish, uint32_t gid, const char *name);

/* publish_loss.c: what a batch takes away. Note a uid that may lose something; shut out whose record was
 * refused; with WARDEN_FULL, deal with whom the batch did not name; and who lost what, at the end. */
_must_use_ int batch_touch(struct publish *publish, uint32_t uid);
_must_use_ int batch_shut_out(struct publish *publish, uint32_t uid);
_must_use_ int batch_bury(struct publish *publish);
_must_use_ int batch_losses(struct publish *publish, struct publish_result *result);

#endif
