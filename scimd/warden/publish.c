#include "scimd/warden/publish.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/warden/publish_batch.h"
#include "shared/canary.h"
#include "shared/packet.h"

#define CRYPT_MAX 255u
#define LOST_ROLES_US 600000000u /* the warden is back much sooner, or root has seen to it */
#define PENDING_MAX (1u << 20) /* memberships kept back before they are worked off: 16 MiB */

/* --- opening ------------------------------------------------------------------------------------ */

/* Another number for another state of a file; none for a missing one. */
static uint64_t file_stamp(int folder, const char *path)
{
	struct stat st;
	uint64_t stamp;

	if (fstatat(folder, path, &st, 0) < 0)
		return 0;
	stamp = directory_hash_name(path, strlen(path), st.st_ino);
	stamp = directory_fold(stamp ^ (uint64_t)st.st_ctim.tv_sec, DIRECTORY_K1);
	stamp = directory_fold(stamp ^ (uint64_t)st.st_ctim.tv_nsec, DIRECTORY_K2);
	return directory_fold(stamp ^ (uint64_t)st.st_size, DIRECTORY_K1);
}

static void folder_closep(DIR **folder)
{
	if (*folder)
		(void)closedir(*folder);
}

/* The drop-ins one by one: a file that is written in place leaves its folder's times alone. */
static uint64_t conf_stamp(const struct publish *publish)
{
	_cleanup_(folder_closep) DIR *folder = opendir(publish->options.dropins);
	uint64_t stamp = file_stamp(AT_FDCWD, publish->options.conf_file);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			stamp += file_stamp(dirfd(folder), entry->d_name);
	return stamp;
}

/* Readers take the managed range from the files. */
static void range_set(struct publish *publish)
{
	uint32_t min = publish->conf->identity.uid_min, max = publish->conf->identity.uid_max;

	if (publish->directory)
		directory_writer_set_range(publish->directory, min, max);
	if (publish->shadow)
		directory_writer_set_range(publish->shadow, min, max);
}

int publish_reload(struct publish *publish)
{
	struct conf_problems problems = { 0 };
	uint64_t stamp = conf_stamp(publish);
	struct conf *conf = NULL;
	int r;

	if (publish->conf && stamp == publish->conf_seen)
		return 0;
	r = conf_load(publish->options.conf_file, publish->options.dropins, &conf, &problems);
	if (r < 0) {
		for (size_t i = 0; i < problems.count; i++)
			log_error("%s:%u: %s", problems.items[i].file, problems.items[i].line,
				  problems.items[i].message);
		conf_problems_done(&problems);
		return r;
	}
	conf_freep(&publish->conf);
	publish->conf = conf;
	publish->conf_seen = stamp;
	range_set(publish);
	return 0;
}

static int open_file(const struct publish *publish, bool shadow, struct directory_writer **ret)
{
	struct directory_writer_options options = {
		.folder = publish->options.folder,
		.name = shadow ? DIRECTORY_SHADOW_FILE : DIRECTORY_FILE,
		.magic = shadow ? DIRECTORY_SHADOW_MAGIC : DIRECTORY_MAGIC,
		.mode = shadow ? 0640 : 0644,
		.group = shadow ? publish->options.shadow_group : 0,
		.segment = !shadow,
		.uid_min = publish->conf ? publish->conf->identity.uid_min : UID_MIN_DEFAULT,
		.uid_max = publish->conf ? publish->conf->identity.uid_max : UID_MAX_DEFAULT,
	};
	bool damaged;
	int r = directory_writer_open(&options, ret, &damaged);

	if (r == 0 && damaged)
		log_error("%s/%s is damaged; it will be made anew", options.folder, options.name);
	return r;
}

int publish_new(const struct publish_options *options, struct publish **ret)
{
	_cleanup_(publish_freep) struct publish *publish = calloc(1, sizeof(*publish));
	int r;

	if (!publish)
		return -ENOMEM;
	publish->options = *options;
	r = publish_reload(publish);
	if (r < 0)
		log_error("the configuration is not usable: nothing new will be published");
	r = open_file(publish, false, &publish->directory);
	if (r == 0)
		r = open_file(publish, true, &publish->shadow);
	if (r < 0)
		return r;
	if (options->lost_roles &&
	    (r = lost_roles_open(options->lost_roles, &publish->lost_roles)) < 0)
		log_error_errno(r, "%s (lost roles will not be remembered)", options->lost_roles);
	*ret = TAKE_PTR(publish);
	return 0;
}

static void batch_end(struct publish *publish)
{
	publish->open = publish->full = publish->may_revive = false;
	publish->shut.count = publish->touched.count = 0;
	publish->pending_count = publish->refusal_count = 0;
}

void publish_freep(struct publish **publish)
{
	if (!*publish)
		return;
	directory_writer_closep(&(*publish)->directory);
	directory_writer_closep(&(*publish)->shadow);
	lost_roles_freep(&(*publish)->lost_roles);
	conf_freep(&(*publish)->conf);
	free((*publish)->pending);
	free((*publish)->refusals);
	id_list_done(&(*publish)->touched);
	id_list_done(&(*publish)->shut);
	free(*publish);
	*publish = NULL;
}

static const struct directory_header *header_of(const struct directory_view *view)
{
	return (const void *)view->base;
}

/* A directory without its shadow file (or the other way round) is made anew together. */
static bool is_usable(const struct publish *publish)
{
	const struct directory_view *directory = directory_writer_view(publish->directory);
	const struct directory_view *shadow = directory_writer_view(publish->shadow);

	return directory && shadow &&
	       memcmp(header_of(directory)->instance, header_of(shadow)->instance,
		      DIRECTORY_INSTANCE_SIZE) == 0;
}

void publish_state(const struct publish *publish, struct warden_state *ret)
{
	const struct directory_view *view = directory_writer_view(publish->directory);
	struct directory_writer_usage usage;

	*ret = (struct warden_state){ 0 };
	if (!is_usable(publish))
		return;
	if (!directory_writer_is_in_place(publish->directory) ||
	    !directory_writer_is_in_place(publish->shadow)) {
		log_error("the files in %s are not what was written there; they will be made anew",
			  publish->options.folder);
		return;
	}
	ret->revision = directory_writer_revision(publish->directory);
	memcpy(ret->instance, header_of(view)->instance, sizeof(ret->instance));
	ret->shadow_revision = directory_writer_revision(publish->shadow);
	directory_writer_usage(publish->directory, &usage);
	ret->users = (uint32_t)usage.users;
	ret->groups = (uint32_t)usage.groups;
}

/* --- small parts of a batch --------------------------------------------------------------------- */

static void note_refusal(struct publish *publish, uint32_t id, bool is_group,
			 const struct refusal *why)
{
	log_warning("refused %s %u: %s", is_group ? "group" : "user", id, why->text);
	if (!publish->refusals)
		publish->refusals = calloc(PUBLISH_REFUSALS_MAX, sizeof(*publish->refusals));
	if (!publish->refusals || publish->refusal_count == PUBLISH_REFUSALS_MAX)
		return; /* the log has it */
	publish->refusals[publish->refusal_count++] =
		(struct publish_refusal){ .id = id, .is_group = is_group, .why = *why };
}

/* --- users -------------------------------------------------------------------------------------- */

/* The local groups of one role, by root's configuration and root's /etc/group alone: into copy, or
 * (NULL) into the directory. */
static int grant_role(struct publish *publish, const char *role_name, struct user_copy *copy)
{
	for (size_t i = 0; i < publish->conf->role_count; i++) {
		const struct conf_role *role = &publish->conf->roles[i];

		if (strcmp(role->name, role_name) != 0)
			continue;
		for (conf_list name = role->local_groups; *name; name++) {
			uint32_t gid;
			int r = local_group_gid(publish->options.local, *name, &gid);

			if (r < 0 || gid == 0) {
				if (copy)
					continue; /* said already */
				log_warning("role %s: no local group %s that could be granted",
					    role_name, *name);
				continue;
			}
			r = copy ? gids_add(copy, gid) : batch_local_group_put(publish, gid, *name);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* The roles' groups are in the directory before anybody's record is touched. */
static int prepare_roles(struct publish *publish, const struct user_record *record)
{
	const char *role = record->roles;
	int r = 0;

	if (!(record->fixed.flags & WARDEN_USER_ALLOWED))
		return 0;
	for (uint16_t i = 0; r >= 0 && i < record->fixed.role_count; i++) {
		r = grant_role(publish, role, NULL);
		role = directory_string_next(role);
	}
	return r;
}

/* The groups that a new record leaves or gives: SCIM groups stay, local ones follow the roles. */
static int compute_gids(struct publish *publish, const struct user_copy *old,
			const struct user_record *record, struct user_copy *new)
{
	const char *role = record->roles;
	int r = 0;

	if (!(new->flags & DIRECTORY_ALLOWED))
		return 0;
	for (uint32_t i = 0; r >= 0 && i < old->gid_count; i++) {
		r = batch_is_local_group(publish, old->gids[i]);
		if (r == 0)
			r = gids_add(new, old->gids[i]);
	}
	for (uint16_t i = 0; r >= 0 && i < record->fixed.role_count; i++) {
		r = grant_role(publish, role, new);
		role = directory_string_next(role);
	}
	return r < 0 ? r : 0;
}

/* A full batch begins without anything staged, but what was published still counts. */
static bool is_dead(struct publish *publish, uint32_t uid)
{
	const struct directory_view *view = directory_writer_view(publish->directory);
	struct directory_user user;

	if (directory_writer_user(publish->directory, uid, &user) == 0)
		return user.flags & DIRECTORY_DELETED;
	return publish->full && !publish->may_revive && view &&
	       directory_user_by_uid(view, uid, &user) == 0 &&
	       (user.flags & DIRECTORY_DELETED) && (user.flags & DIRECTORY_RETIRED);
}

static bool was_group(const struct publish *publish, uint32_t gid)
{
	const struct directory_view *view = directory_writer_view(publish->directory);
	struct directory_group group;

	return publish->full && view && directory_group_by_gid(view, gid, &group) == 0 &&
	       !group.is_private && !(group.flags & DIRECTORY_LOCAL);
}

/* A tombstone stays one, and a name belongs to one uid or gid. */
static int check_place(struct publish *publish, const struct user_record *record,
		       struct refusal *why)
{
	struct directory_group group;
	struct directory_user user;
	size_t size = strlen(record->name);

	if (record->fixed.flags & WARDEN_USER_DELETED)
		return 0;
	if (is_dead(publish, record->fixed.uid))
		return refuse(why, "uid %u belonged to a deleted user", record->fixed.uid);
	if (directory_writer_group(publish->directory, record->fixed.uid, &group) == 0 ||
	    was_group(publish, record->fixed.uid))
		return refuse(why, "uid %u is the gid of a group", record->fixed.uid);
	if (directory_writer_user_named(publish->directory, record->name, size, &user) == 0 &&
	    user.uid != record->fixed.uid)
		return refuse(why, "the name \"%s\" is taken by uid %u", record->name, user.uid);
	if (directory_writer_group_named(publish->directory, record->name, size, &group) == 0)
		return refuse(why, "the name \"%s\" is taken by a group", record->name);
	return 0;
}

static void copy_from_record(const struct user_record *record, struct user_copy *copy)
{
	*copy = (struct user_copy){ .exists = true };
	if (record->fixed.flags & WARDEN_USER_DELETED) {
		copy->flags = DIRECTORY_DELETED | DIRECTORY_RETIRED;
		return;
	}
	if (record->fixed.flags & WARDEN_USER_ALLOWED)
		copy->flags = DIRECTORY_ALLOWED;
	memcpy(copy->name, record->name, sizeof(copy->name));
	memcpy(copy->gecos, record->gecos, sizeof(copy->gecos));
	memcpy(copy->home, record->home, sizeof(copy->home));
	(void)snprintf(copy->shell, sizeof(copy->shell), "%s",
		       copy->flags & DIRECTORY_ALLOWED ? record->shell : DIRECTORY_NOLOGIN);
}

static int apply_user(struct publish *publish, const struct user_record *record)
{
	_cleanup_(user_copy_done) struct user_copy old = { 0 }, new = { 0 };
	int r = prepare_roles(publish, record);

	if (r >= 0)
		r = user_copy_get(publish, record->fixed.uid, &old);
	if (r < 0)
		return r;
	copy_from_record(record, &new);
	r = compute_gids(publish, &old, record, &new);
	if (r == 0)
		r = batch_members_sync(publish, record->fixed.uid, &old, &new);
	return r < 0 ? r : user_copy_put(publish, record->fixed.uid, &new, record);
}

static int user_check(struct publish *publish, const void *body, size_t size, struct refusal *why)
{
	int r = record_parse_user(body, size, &publish->record, why);

	if (r == 0 && !publish->conf)
		r = refuse(why, "the configuration is not usable");
	if (r == 0)
		r = record_check_user(&publish->record, publish->conf, publish->options.local, why);
	return r;
}

/* The host's own accounts as they are now: what would be refused at publishing is refused here. */
static void local_look(struct publish *publish)
{
	int r = local_refresh(publish->options.local);

	if (r < 0)
		log_error_errno(r, "reading the local accounts (going on with the last good state)");
}

int publish_check_user(struct publish *publish, const void *body, size_t size, struct refusal *why)
{
	const struct directory_view *view = directory_writer_view(publish->directory);
	const struct warden_user *fixed = &publish->record.fixed;
	struct directory_user user;
	int r;

	local_look(publish);
	r = user_check(publish, body, size, why);
	if (r < 0 || fixed->flags & WARDEN_USER_DELETED || !view)
		return r;
	if (directory_user_by_uid(view, fixed->uid, &user) == 0 && user.flags & DIRECTORY_DELETED)
		return refuse(why, "uid %u belonged to a deleted user", fixed->uid);
	return 0;
}

int publish_user(struct publish *publish, const void *body, size_t size, struct refusal *why)
{
	uint32_t uid;
	int r;

	if (!publish->open)
		return refuse(why, "no batch is open");
	r = user_check(publish, body, size, why);
	uid = publish->record.fixed.uid;
	if (r == 0)
		r = check_place(publish, &publish->record, why);
	if (r == 0)
		r = apply_user(publish, &publish->record);
	else if (r == -EINVAL && uid != 0) {
		note_refusal(publish, uid, false, why);
		r = batch_shut_out(publish, uid);
	}
	return r < 0 ? r : batch_touch(publish, uid);
}

/* --- groups, members, passwords ----------------------------------------------------------------- */

int publish_check_group(struct publish *publish, const void *body, size_t size, struct refusal *why)
{
	struct group_record record;
	int r = record_parse_group(body, size, &record, why);

	local_look(publish);
	if (r == 0 && !publish->conf)
		r = refuse(why, "the configuration is not usable");
	return r < 0 ? r : record_check_group(&record, publish->conf, publish->options.local, why);
}

static int check_group_place(struct publish *publish, const struct group_record *record,
			     struct refusal *why)
{
	const struct directory_view *view = directory_writer_view(publish->directory);
	struct directory_group group;
	struct directory_user user;
	size_t size = strlen(record->name);

	if (directory_writer_user(publish->directory, record->fixed.gid, &user) == 0 ||
	    (view && directory_user_by_uid(view, record->fixed.gid, &user) == 0))
		return refuse(why, "gid %u is the uid of a user", record->fixed.gid);
	if (directory_writer_user_named(publish->directory, record->name, size, &user) == 0)
		return refuse(why, "the name \"%s\" is taken by a user", record->name);
	if (directory_writer_group_named(publish->directory, record->name, size, &group) == 0 &&
	    group.gid != record->fixed.gid)
		return refuse(why, "the name \"%s\" is taken by gid %u", record->name, group.gid);
	return 0;
}

int publish_group(struct publish *publish, const void *body, size_t size, struct refusal *why)
{
	struct group_record record;
	int r;

	if (!publish->open)
		return refuse(why, "no batch is open");
	r = record_parse_group(body, size, &record, why);
	if (r < 0)
		return r;
	if (record.fixed.flags & WARDEN_GROUP_DELETED)
		return batch_group_delete(publish, record.fixed.gid);
	r = record_check_group(&record, publish->conf, publish->options.local, why);
	if (r == 0)
		r = check_group_place(publish, &record, why);
	if (r == -EINVAL) {
		note_refusal(publish, record.fixed.gid, true, why);
		return batch_group_delete(publish, record.fixed.gid);
	}
	return directory_writer_put_group(publish->directory, record.fixed.gid, 0, record.name);
}

int publish_members(struct publish *publish, const void *body, size_t size, struct refusal *why)
{
	struct packet_reader reader = { .at = body, .left = size };
	struct warden_members members;
	struct directory_group group;
	int r = 0;

	if (!publish->open)
		return refuse(why, "no batch is open");
	packet_get(&reader, &members, sizeof(members));
	if (reader.bad || reader.left != (uint64_t)members.count * sizeof(uint32_t) ||
	    (members.action != WARDEN_MEMBERS_ADD && members.action != WARDEN_MEMBERS_REMOVE))
		return refuse(why, "malformed members record");
	r = directory_writer_group(publish->directory, members.gid, &group);
	if (r == -ENOENT || (r == 0 && (group.flags & DIRECTORY_LOCAL)))
		return refuse(why, "no group with gid %u whose members could be set", members.gid);
	if (r == 0 && publish->pending_count + members.count > PENDING_MAX)
		r = batch_pending_flush(publish);
	for (uint32_t i = 0; r == 0 && i < members.count; i++) {
		uint32_t uid;

		packet_get(&reader, &uid, sizeof(uid));
		r = batch_pending_add(publish, uid, members.gid, members.action == WARDEN_MEMBERS_ADD);
		if (r == 0)
			r = batch_touch(publish, uid);
	}
	return r;
}

static int password_put(struct publish *publish, const struct warden_password *password,
			const char *hash, struct refusal *why)
{
	struct directory_user user;
	int r;

	if (hash[0] != '\0' && !publish->conf->identity.passwords)
		return refuse(why, "the configuration has no passwords");
	if (hash[0] != '\0' && (hash[0] != '$' || !field_is_valid(hash, strlen(hash))))
		return refuse(why, "not a crypt(3) hash");
	r = directory_writer_user(publish->directory, password->uid, &user);
	if (r == -ENOENT)
		return refuse(why, "no user with uid %u", password->uid);
	return r < 0 ? r : directory_writer_put_shadow(publish->shadow, password->uid, hash,
						       password->changed_day);
}

int publish_password(struct publish *publish, const void *body, size_t size, struct refusal *why)
{
	struct packet_reader reader = { .at = body, .left = size };
	struct warden_password password;
	char hash[CRYPT_MAX + 1];
	int r;

	if (!publish->open)
		return refuse(why, "no batch is open");
	packet_get(&reader, &password, sizeof(password));
	packet_get_string(&reader, hash, sizeof(hash));
	r = packet_is_done(&reader) ? password_put(publish, &password, hash, why)
				    : refuse(why, "malformed password record");
	explicit_bzero(hash, sizeof(hash));
	return r;
}

/* --- the batch as a whole ----------------------------------------------------------------------- */

/* Blocks are allocated for as many; there can't be more than ids. */
static uint32_t hint_bound(const struct publish *publish, uint32_t hint)
{
	uint32_t ids = publish->conf->identity.uid_max - publish->conf->identity.uid_min + 1;

	return hint < ids ? hint : ids;
}

/* Root's word that the store was put back. The folder is root's, so whatever is in it is. */
static bool restored_is_said(const struct publish *publish)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/" WARDEN_RESTORED_FILE, publish->options.folder);
	return access(path, F_OK) == 0;
}

static void restored_forget(const struct publish *publish)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/" WARDEN_RESTORED_FILE, publish->options.folder);
	if (unlink(path) < 0)
		log_error_errno(-errno, "removing %s", path);
}

int publish_begin(struct publish *publish, const void *body, size_t size, struct refusal *why)
{
	struct packet_reader reader = { .at = body, .left = size };
	struct warden_begin begin;
	int r;

	publish_abort(publish);
	packet_get(&reader, &begin, sizeof(begin));
	if (!packet_is_done(&reader) || begin.flags & ~WARDEN_FULL || begin.unused != 0 ||
	    begin.users_hint > 1u << 24 || begin.groups_hint > 1u << 24)
		return refuse(why, "malformed begin");
	if (publish_reload(publish) < 0 || !publish->conf)
		return refuse(why, "the configuration is not usable");
	local_look(publish);
	if (!(begin.flags & WARDEN_FULL)) {
		if (!is_usable(publish) ||
		    memcmp(begin.instance,
			   header_of(directory_writer_view(publish->directory))->instance,
			   sizeof(begin.instance)) != 0)
			return refuse(why, "there is no directory of this store: send everything");
		if (begin.revision <= directory_writer_revision(publish->directory))
			return refuse(why, "revision %llu is not newer",
				      (unsigned long long)begin.revision);
	} else {
		r = directory_writer_start_over(publish->directory, begin.instance,
						hint_bound(publish, begin.users_hint),
						hint_bound(publish, begin.groups_hint));
		if (r == 0)
			r = directory_writer_start_over(publish->shadow, begin.instance,
							hint_bound(publish, begin.users_hint), 0);
		if (r < 0)
			return r;
	}
	publish->begin = begin;
	publish->full = begin.flags & WARDEN_FULL;
	publish->may_revive = publish->full && restored_is_said(publish);
	publish->open = true;
	return 0;
}

void publish_abort(struct publish *publish)
{
	directory_writer_abort(publish->directory);
	directory_writer_abort(publish->shadow);
	batch_end(publish);
}

/* Before anybody can see it, so that whoever comes after us knows all that was published. */
static void lost_roles_keep(struct publish *publish, const struct publish_result *result)
{
	for (size_t i = 0; publish->lost_roles && i < result->loss_count; i++)
		for (uint32_t n = 0; n < result->losses[i].gid_count; n++)
			lost_roles_note(publish->lost_roles, result->losses[i].uid,
					result->losses[i].gids[n], clock_monotonic_us());
}

static int commit(struct publish *publish, struct publish_result *result)
{
	uint64_t ignored;
	int r = batch_pending_flush(publish);

	if (r == 0)
		r = batch_bury(publish);
	if (r == 0)
		r = batch_losses(publish, result);
	if (r == 0)
		lost_roles_keep(publish, result);
	/* Hashes first: they count only for people whom the directory lets in. */
	if (r == 0 && directory_writer_is_staged(publish->shadow))
		r = directory_writer_commit(publish->shadow, publish->begin.revision, &ignored,
					    &ignored);
	if (r == 0)
		r = directory_writer_commit(publish->directory, publish->begin.revision,
					    &result->durable_us, &result->visible_us);
	return r;
}

int publish_commit(struct publish *publish, struct publish_result *ret, struct refusal *why)
{
	_cleanup_(publish_result_done) struct publish_result result = {
		.revision = publish->begin.revision
	};
	int r;

	if (!publish->open)
		return refuse(why, "no batch is open");
	r = commit(publish, &result);
	if (r < 0) {
		publish_abort(publish);
		return r;
	}
	if (publish->may_revive)
		restored_forget(publish);
	result.refusals = TAKE_PTR(publish->refusals);
	result.refusal_count = publish->refusal_count;
	batch_end(publish);
	*ret = result;
	result = (struct publish_result){ 0 };
	return 0;
}

void publish_result_done(struct publish_result *result)
{
	for (size_t i = 0; i < result->loss_count; i++)
		free(result->losses[i].gids);
	free(result->losses);
	free(result->refusals);
	*result = (struct publish_result){ 0 };
}

/* --- in between ---------------------------------------------------------------------------------- */

bool publish_has_work(const struct publish *publish)
{
	return directory_writer_has_work(publish->directory) ||
	       directory_writer_has_work(publish->shadow);
}

bool publish_is_due(const struct publish *publish)
{
	return directory_writer_is_due(publish->directory) ||
	       directory_writer_is_due(publish->shadow);
}

uint64_t publish_next_us(const struct publish *publish)
{
	uint64_t directory = directory_writer_next_us(publish->directory);
	uint64_t shadow = directory_writer_next_us(publish->shadow);

	return !shadow || (directory && directory < shadow) ? directory : shadow;
}

void publish_work(struct publish *publish, uint64_t until_us)
{
	directory_writer_work(publish->directory, until_us);
	directory_writer_work(publish->shadow, until_us);
}

/* --- questions ---------------------------------------------------------------------------------- */

bool publish_shuts_out(const struct publish *publish, uint32_t uid)
{
	const struct directory_view *view = directory_writer_view(publish->directory);
	struct directory_user user;
	uint32_t min, max;

	if (!view || id_is_reserved(uid) || local_has_uid(publish->options.local, uid))
		return false;
	min = publish->conf ? publish->conf->identity.uid_min : header_of(view)->uid_min;
	max = publish->conf ? publish->conf->identity.uid_max : header_of(view)->uid_max;
	if (uid < min || uid > max)
		return false;
	if (directory_user_by_uid(view, uid, &user) < 0 || (user.flags & DIRECTORY_ALLOWED))
		return false;
	/* The canary is nobody: what runs under its number was never let in by us and is not ours. */
	return (user.flags & DIRECTORY_DELETED) || strcmp(user.name, CANARY_NAME) != 0;
}

bool publish_is_named(const struct publish *publish, uint32_t uid, const char *name)
{
	const struct directory_view *view = directory_writer_view(publish->directory);
	struct directory_user user;

	return view && directory_user_by_uid(view, uid, &user) >= 0 && strcmp(user.name, name) == 0;
}

bool publish_grants(const struct publish *publish, uint32_t uid, uint32_t gid)
{
	const struct directory_view *view = directory_writer_view(publish->directory);
	struct directory_user user;

	if (!view || directory_user_by_uid(view, uid, &user) < 0 ||
	    !(user.flags & DIRECTORY_ALLOWED))
		return false;
	for (size_t i = 0; i < user.group_count; i++)
		if (user.gids[i] == gid)
			return true;
	return false;
}

bool publish_ends_lost_roles(const struct publish *publish)
{
	return publish->conf && publish->conf->offboard.on_role_loss == CONF_ROLE_LOSS_END_SESSIONS;
}

struct lost_roles_walk {
	const struct publish *publish;
	lost_roles_fn each;
	void *context;
};

static void lost_role_look(void *context, uint32_t uid, uint32_t gid)
{
	const struct lost_roles_walk *walk = context;

	if (!local_has_uid(walk->publish->options.local, uid) &&
	    !publish_grants(walk->publish, uid, gid))
		walk->each(walk->context, uid, gid);
}

void publish_lost_roles(const struct publish *publish, lost_roles_fn each, void *context)
{
	struct lost_roles_walk walk = { publish, each, context };
	uint64_t now = clock_monotonic_us();

	if (publish->lost_roles && directory_writer_view(publish->directory) &&
	    publish_ends_lost_roles(publish))
		lost_roles_each(publish->lost_roles, now > LOST_ROLES_US ? now - LOST_ROLES_US : 0,
				lost_role_look, &walk);
}
