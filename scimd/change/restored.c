/* What has to be put right before anybody believes a store that was a copy until now, or one which is
 * not the one that this host's directory was made from. The directory knows who is let in and which
 * numbers were given; it is the warden's, and newer than any backup. All of it in one transaction with
 * taking the copy's mark away, so that it happens once and whole. */
#include "scimd/change/internal.h"

#include <string.h>

#include "scimd/base/log.h"
#include "shared/canary.h"
#include "shared/directory.h"
#include "shared/names.h"

/* Nobody of the ledger: whose number was given by a store that is no more. */
#define LOST_OWNER "00000000-0000-0000-0000-000000000001"
#define LOST_NUMBERS 1000u /* left out where nothing tells which were given since */

struct restored {
	struct change *change;
	const struct conf *conf;
	const struct directory_view *view; /* NULL: there is none that can be read */
	bool is_same; /* it was made from this very store */
	uint64_t seen_revision;
	char (*held)[RESOURCE_ID_SIZE]; /* owned */
	size_t held_count;
	size_t kept, lost; /* numbers */
	uint64_t backup_us; /* 0: no copy */
};

static void restored_done(struct restored *restored)
{
	free(restored->held);
}

/* This host lets them in now: leaving them in brings nobody back. */
static bool is_in(const struct restored *restored, const struct store_resource *row)
{
	struct directory_user user;

	return restored->is_same && row->number &&
	       directory_user_by_uid(restored->view, row->number, &user) == 0 &&
	       (user.flags & (DIRECTORY_ALLOWED | DIRECTORY_DELETED)) == DIRECTORY_ALLOWED &&
	       strcmp(user.name, row->posix_name) == 0;
}

/* --- people ------------------------------------------------------------------------------------- */

static int held_collect(const struct store_resource *row, void *context)
{
	struct restored *restored = context;
	void *larger = restored->held;

	if (!row_is_active(row) || is_in(restored, row))
		return 0;
	if ((restored->held_count & (restored->held_count - 1)) == 0) /* full at powers of two */
		larger = reallocarray(restored->held,
				      restored->held_count ? restored->held_count * 2 : 1,
				      sizeof(*restored->held));
	if (!larger)
		return -ENOMEM;
	restored->held = larger;
	memcpy(restored->held[restored->held_count++], row->id, RESOURCE_ID_SIZE);
	return 0;
}

/* Out of the row at once: nobody was let in here, so that there is nothing to be ended or reported. */
static int held_put(struct restored *restored, const char *id)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	struct store_txn *txn = restored->change->txn;
	enum store_index taken;
	int r = store_resource_get(txn, id, &row);

	if (r == 0)
		r = row_set_active(&row, false);
	if (r < 0)
		return r;
	row.allowed = false;
	free(row.roles);
	row.roles = NULL;
	free(row.reason);
	row.reason = strdup(HELD_REASON);
	if (!row.reason)
		return -ENOMEM;
	r = store_resource_put(txn, &row, &taken);
	return r < 0 ? r : store_held_put(txn, id, restored->backup_us);
}

static int people_hold(struct restored *restored)
{
	int r = 0;

	if (restored->conf->access.after_restore == CONF_AFTER_RESTORE_HOLD)
		r = store_resource_each(restored->change->txn, RESOURCE_USER, NULL, 0,
					held_collect, restored);
	for (size_t i = 0; r == 0 && i < restored->held_count; i++)
		r = held_put(restored, restored->held[i]);
	return r;
}

/* --- numbers ------------------------------------------------------------------------------------ */

/* Given to somebody of whom the store knows nothing: nobody else gets it. */
static int number_retire(struct restored *restored, uint32_t number)
{
	const struct conf *conf = restored->conf;
	struct store_txn *txn = restored->change->txn;
	int r = store_number_take(txn, conf->identity.uid_min, conf->identity.uid_max, number,
				  LOST_OWNER, &number);

	if (r == 0)
		r = store_number_retire(txn, number);
	restored->kept += r == 0;
	return r == -EEXIST || r == -ERANGE ? 0 : r; /* the store knows it; never given here */
}

/* The number is kept for whoever of that name comes, and the name stays on the files until then. */
static int name_keep(struct restored *restored, enum resource_type type, const char *name,
		     uint32_t number)
{
	const struct conf *conf = restored->conf;
	struct store_txn *txn = restored->change->txn;
	char id[RESOURCE_ID_SIZE];
	int r = store_lookup(txn, STORE_BY_POSIX_NAME, NULL, name, id);

	if (r == 0)
		return number_retire(restored, number); /* has another one now */
	if (r != -ENOENT)
		return r;
	r = store_import_put(txn, type, name, conf->identity.uid_min, conf->identity.uid_max,
			     number);
	if (r == 0 && type == RESOURCE_USER)
		r = store_import_publish(txn, name);
	restored->kept += r == 0;
	return r;
}

/* Whether the number is that of the person or group of this name, in the store as in the directory. */
static int is_theirs(struct restored *restored, const char *name, uint32_t number)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	char id[RESOURCE_ID_SIZE];
	int r = store_lookup(restored->change->txn, STORE_BY_POSIX_NAME, NULL, name, id);

	if (r == 0)
		r = store_resource_get(restored->change->txn, id, &row);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return row.number == number;
}

static int user_keep(struct restored *restored, const struct directory_user *user)
{
	int r;

	if (user->flags & DIRECTORY_DELETED || strcmp(user->name, CANARY_NAME) == 0)
		return number_retire(restored, user->uid);
	r = is_theirs(restored, user->name, user->uid);
	if (r != 0)
		return r < 0 ? r : 0;
	r = name_keep(restored, RESOURCE_USER, user->name, user->uid);
	if (r == -EEXIST) {
		restored->lost++;
		log_warning("uid %u is %s on this host and somebody else's in the store: give the "
			    "files of %s to another uid", user->uid, user->name, user->name);
	}
	return r == -EEXIST || r == -ERANGE ? 0 : r;
}

static int group_keep(struct restored *restored, const struct directory_group *group)
{
	char name[NAME_MAX_BYTES + 1];
	int r;

	if (group->is_private || group->flags & DIRECTORY_LOCAL ||
	    group->name_size >= sizeof(name))
		return 0;
	memcpy(name, group->name, group->name_size);
	name[group->name_size] = '\0';
	r = is_theirs(restored, name, group->gid);
	if (r == 0)
		r = name_keep(restored, RESOURCE_GROUP, name, group->gid);
	return r == -EEXIST || r == -ERANGE || r > 0 ? 0 : r; /* no login hangs on it */
}

static int numbers_known(struct restored *restored)
{
	struct directory_group group;
	struct directory_user user;
	uint64_t cursor = 0;
	int r = 0;

	while (r == 0 && (r = directory_user_next_any(restored->view, &cursor, &user)) == 0)
		r = user_keep(restored, &user);
	if (r != -ENOENT)
		return r;
	cursor = 0;
	r = 0;
	while (r == 0 && (r = directory_group_next(restored->view, &cursor, &group)) == 0)
		r = group_keep(restored, &group);
	return r == -ENOENT ? 0 : r;
}

static int numbers_keep(struct restored *restored)
{
	const struct conf *conf = restored->conf;
	uint64_t revision;
	int r = restored->view ? numbers_known(restored) : 0;

	if (r == 0)
		r = store_revision(restored->change->txn, &revision);
	if (r < 0 || !restored->backup_us ||
	    (restored->is_same && restored->seen_revision >= revision))
		return r;
	r = store_number_skip(restored->change->txn, conf->identity.uid_min,
			      conf->identity.uid_max, LOST_NUMBERS);
	if (r != -EDQUOT)
		return r;
	log_warning("uid_range has no %u numbers to leave out: what was given after the backup "
		    "may be given again", LOST_NUMBERS);
	return 0;
}

/* --- all of it ---------------------------------------------------------------------------------- */

static int restored_tell(struct restored *restored)
{
	char time[CLOCK_TEXT_SIZE], detail[128];

	if (!restored->backup_us) {
		if (restored->kept)
			log_notice("the directory of this host was made from another store: %zu "
				   "numbers in it are kept", restored->kept);
		return 0;
	}
	(void)snprintf(detail, sizeof(detail), "backup of %s: %zu people have to be confirmed",
		       clock_format(restored->backup_us, time), restored->held_count);
	log_notice("restored from a %s; %zu numbers given since are kept", detail,
		   restored->kept);
	return event_add(restored->change, "store.restored", NULL, detail);
}

static int restored_run(struct restored *restored)
{
	struct store_txn *txn = restored->change->txn;
	uint64_t revision;
	int r = restored->backup_us ? people_hold(restored) : 0;

	if (r == 0)
		r = numbers_keep(restored);
	if (r == 0)
		r = restored_tell(restored);
	if (r == 0)
		r = store_revision_next(txn, &revision);
	return r == 0 && restored->backup_us ? store_backup_forget(txn) : r;
}

/* Only where something is to be put right. */
static int restored_look(struct store *store, struct restored *restored)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	struct change change = { 0 };
	int r = store_begin(store, NULL, true, &txn);

	if (r < 0)
		return r;
	change.txn = txn;
	restored->change = &change;
	r = store_backup_time(txn, &restored->backup_us);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT && (restored->is_same || !restored->view))
		return 0;
	r = restored_run(restored);
	return r < 0 ? r : store_commit(&txn);
}

int change_restored(struct store *store, const struct conf *conf, const char *public_folder)
{
	_cleanup_(restored_done) struct restored restored = { .conf = conf };
	struct directory_header header;
	struct directory_view view;
	int r = directory_open(public_folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view);

	if (r < 0) /* none, or none that can be believed: the warden makes another */
		return restored_look(store, &restored);
	if (pread(view.fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header)) {
		restored.view = &view;
		restored.seen_revision = header.revision;
		restored.is_same = memcmp(header.instance, store_instance(store),
					  sizeof(header.instance)) == 0;
	}
	r = restored_look(store, &restored);
	directory_release(&view);
	return r;
}
