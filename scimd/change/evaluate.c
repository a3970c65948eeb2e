#include "scimd/change/internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "scimd/base/log.h"
#include "scimd/model/json.h"
#include "scimd/policy/text.h"
#include "shared/directory.h"

/* --- a person's groups -------------------------------------------------------------------------- */

struct memberships {
	struct policy_group *groups; /* names and ids are owned here */
	uint32_t *gids;              /* of the exposed ones */
	size_t count, gid_count, room;
	struct store_txn *txn;
	const struct known_groups *known; /* then names and ids are theirs; or NULL */
};

static void memberships_done(struct memberships *memberships)
{
	for (size_t i = 0; !memberships->known && i < memberships->count; i++) {
		free((char *)(uintptr_t)memberships->groups[i].id);
		free((char *)(uintptr_t)memberships->groups[i].name);
	}
	free(memberships->groups);
	free(memberships->gids);
}

char *display_name(const char *json)
{
	_cleanup_(json_putp) struct json_object *object = json_tokener_parse(json);
	const char *name = object ? json_get_string(object, "displayName") : NULL;

	return name ? strdup(name) : NULL;
}

static int memberships_grow(struct memberships *memberships)
{
	size_t room = memberships->room ? memberships->room * 2 : 16;
	struct policy_group *groups = reallocarray(memberships->groups, room, sizeof(*groups));
	uint32_t *gids;

	if (!groups)
		return -ENOMEM;
	memberships->groups = groups;
	gids = reallocarray(memberships->gids, room, sizeof(*gids));
	if (!gids)
		return -ENOMEM;
	memberships->gids = gids;
	memberships->room = room;
	return 0;
}

/* Takes id and name, or borrows them where they are known. */
static int membership_put(struct memberships *memberships, const char *id, const char *name,
			  uint32_t gid)
{
	int r = memberships->count < memberships->room ? 0 : memberships_grow(memberships);

	if (r < 0)
		return r;
	memberships->groups[memberships->count++] = (struct policy_group){ id, name };
	if (gid)
		memberships->gids[memberships->gid_count++] = gid;
	return 0;
}

static int known_compare(const void *key, const void *item)
{
	return strcmp(key, ((const struct known_group *)item)->id);
}

static int memberships_recall(const char *group_id, void *context)
{
	struct memberships *memberships = context;
	const struct known_group *group =
		bsearch(group_id, memberships->known->items, memberships->known->count,
			sizeof(*group), known_compare);

	return group ? membership_put(memberships, group->id, group->name, group->gid) : -ENOENT;
}

static int memberships_read(const char *group_id, void *context)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	_cleanup_free_ char *id = strdup(group_id), *name = NULL;
	struct memberships *memberships = context;
	int r = store_resource_get(memberships->txn, group_id, &row);

	if (r < 0)
		return r;
	name = display_name(row.json);
	if (!id || !name)
		return -ENOMEM;
	r = membership_put(memberships, id, name, row.allowed ? row.number : 0);
	if (r == 0)
		id = name = NULL; /* taken */
	return r;
}

/* A home once given stays, whatever the name becomes; only the POSIX extension moves it. */
static int home_settle(const struct store_resource *row, struct json_object *resource,
		       struct identity *identity)
{
	struct json_object *posix = json_get(resource, URN_POSIX_USER);
	char *home;
	int r;

	if (row->number == 0)
		return 0; /* the uid, and with it the home, is settled later */
	r = identity_set_uid(identity, row->number);
	if (r < 0 || !row->home || (posix && json_get_string(posix, "homeDirectory")))
		return r;
	home = strdup(row->home);
	if (!home)
		return -ENOMEM;
	free(identity->home);
	identity->home = home;
	return 0;
}

/* To make a tokener takes a tenth of what parsing takes. */
static struct json_object *json_tokener_again(struct json_tokener *tokener, const char *text)
{
	json_tokener_reset(tokener);
	return json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
}

int identity_of(struct store_txn *txn, const struct conf *conf, const struct known_groups *known,
		const struct store_resource *row, struct json_object *resource, struct identity *ret,
		uint32_t **ret_gids, size_t *ret_gid_count, struct fault *fault)
{
	_cleanup_(memberships_done) struct memberships memberships = { .txn = txn, .known = known };
	_cleanup_(json_putp) struct json_object *parsed = NULL;
	struct identity identity = { 0 };
	bool is_new = row->number == 0;
	int r = 0;

	if (!resource)
		resource = parsed = known ? json_tokener_again(known->tokener, row->json)
					  : json_tokener_parse(row->json);
	if (!resource)
		return -EIO;
	if (!is_new)
		r = store_groups_each(txn, row->id, known ? memberships_recall : memberships_read,
				      &memberships);
	if (r < 0)
		return r;
	r = policy_user(conf, resource, memberships.groups, memberships.count, &identity, fault);
	if (r == 0)
		r = home_settle(row, resource, &identity);
	if (r == 0 && !is_new && !(known && known->nobody_held))
		r = held_apply(txn, row->id, &identity);
	if (r == 0 && !is_new && !(known && known->nobody_locked))
		r = lock_apply(txn, row->id, &identity);
	if (r < 0) {
		identity_done(&identity);
		return r;
	}
	if (ret_gids) {
		*ret_gids = TAKE_PTR(memberships.gids);
		*ret_gid_count = memberships.gid_count;
	}
	*ret = identity;
	return 0;
}

static char **list_none(void)
{
	return calloc(1, sizeof(char *));
}

/* What the row says, without access. */
static int identity_of_row(const struct store_resource *row, const char *reason,
			   struct identity *ret)
{
	_cleanup_(identity_done) struct identity identity = { .home_is_path = true };

	(void)snprintf(identity.name, sizeof(identity.name), "%s", row->posix_name);
	identity.gecos = strdup("");
	identity.home = strdup(row->home ? row->home : "/nonexistent");
	identity.shell = strdup(DIRECTORY_NOLOGIN);
	identity.reason = text_clean(reason, ":", FIELD_MAX_BYTES);
	identity.roles = list_none();
	identity.keys = list_none();
	identity.env = list_none();
	if (!identity.gecos || !identity.home || !identity.shell || !identity.reason ||
	    !identity.roles || !identity.keys || !identity.env)
		return -ENOMEM;
	*ret = identity;
	identity = (struct identity){ .allowed = false }; /* handed over */
	return 0;
}

int identity_of_name(const char *name, const char *reason, struct identity *ret)
{
	struct store_resource row = { .type = RESOURCE_USER };

	(void)snprintf(row.posix_name, sizeof(row.posix_name), "%s", name);
	return identity_of_row(&row, reason, ret);
}

int identity_or_deny(struct store_txn *txn, const struct conf *conf,
		     const struct known_groups *known, const struct store_resource *row,
		     struct identity *ret, uint32_t **ret_gids, size_t *ret_gid_count)
{
	struct fault fault = { 0 };
	int r = identity_of(txn, conf, known, row, NULL, ret, ret_gids, ret_gid_count,
			    &fault);

	if (r != -EPROTO)
		return r;
	*ret_gids = NULL;
	*ret_gid_count = 0;
	return identity_of_row(row, fault.detail, ret);
}

int identity_as_stored(struct store_txn *txn, const struct conf *conf,
		       const struct store_resource *row, struct identity *ret, uint32_t **ret_gids,
		       size_t *ret_gid_count)
{
	_cleanup_(identity_done) struct identity identity = { .allowed = false };
	int r = identity_or_deny(txn, conf, NULL, row, &identity, ret_gids, ret_gid_count);

	if (r < 0)
		return r;
	if (strcmp(identity.name, row->posix_name) != 0 && !row->allowed)
		return identity_of_row(row, row->reason ? row->reason : "", ret);
	*ret = identity;
	identity = (struct identity){ .allowed = false }; /* handed over */
	return 0;
}

int change_user_identity(struct store_txn *txn, const struct conf *conf,
			 const struct store_resource *row, struct identity *ret)
{
	_cleanup_free_ uint32_t *gids = NULL;
	size_t gid_count;

	return identity_as_stored(txn, conf, row, ret, &gids, &gid_count);
}

/* --- what a change collects --------------------------------------------------------------------- */

int change_mark_dirty(struct change *change, const char *user_id)
{
	if (change->dirty_count == change->dirty_room) {
		size_t room = change->dirty_room ? change->dirty_room * 2 : 16;
		void *larger = reallocarray(change->dirty, room, sizeof(*change->dirty));

		if (!larger)
			return -ENOMEM;
		change->dirty = larger;
		change->dirty_room = room;
	}
	(void)snprintf(change->dirty[change->dirty_count++], RESOURCE_ID_SIZE, "%s", user_id);
	return 0;
}

int delta_add(struct change *change, uint32_t gid, uint32_t uid, bool add)
{
	if (change->delta_count == change->delta_room) {
		size_t room = change->delta_room ? change->delta_room * 2 : 64;
		struct member_delta *larger =
			reallocarray(change->deltas, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		change->deltas = larger;
		change->delta_room = room;
	}
	change->deltas[change->delta_count++] = (struct member_delta){ gid, uid, add };
	return 0;
}

/* Runs of the same group and action become one record each. */
int change_deltas_flush(struct change *change)
{
	_cleanup_free_ uint32_t *uids = NULL;
	size_t first = 0;

	if (change->delta_count == 0)
		return 0;
	uids = reallocarray(NULL, change->delta_count, sizeof(*uids));
	if (!uids)
		return -ENOMEM;
	while (first < change->delta_count) {
		const struct member_delta *head = &change->deltas[first];
		size_t count = 0;
		int r;

		while (first + count < change->delta_count && head[count].gid == head->gid &&
		       head[count].add == head->add) {
			uids[count] = head[count].uid;
			count++;
		}
		r = records_members(&change->outbox, head->gid,
				    head->add ? WARDEN_MEMBERS_ADD : WARDEN_MEMBERS_REMOVE, uids,
				    count);
		if (r < 0)
			return r;
		first += count;
	}
	change->delta_count = 0;
	return 0;
}

/* --- users -------------------------------------------------------------------------------------- */

static char *roles_join(char *const *roles)
{
	size_t size = 1;
	char *joined, *end;

	for (size_t i = 0; roles && roles[i]; i++)
		size += strlen(roles[i]) + 1;
	joined = end = malloc(size);
	if (!joined)
		return NULL;
	*end = '\0';
	for (size_t i = 0; roles && roles[i]; i++)
		end = stpcpy(stpcpy(end, i ? "," : ""), roles[i]);
	return joined;
}

bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* The number that an administrator keeps for a person or group of this name; -ENOENT if there is none. */
static int imported_take(struct change *change, struct store_resource *row, const char *name,
			 uint32_t wanted)
{
	uint32_t number;
	int r;

	r = store_import_get(change->txn, row->type, name, &number);
	if (r < 0 || (wanted && wanted != number))
		return r < 0 ? r : -ENOENT;
	return store_import_take(change->txn, row->type, name, row->id, &row->number);
}

/* The next number that is neither in the ledger nor a local account's. */
static int free_take(struct change *change, struct store_resource *row)
{
	const struct conf *conf = engine_conf(change->engine);
	struct local_ids *local = &change->engine->local;

	if (!change->engine->local_known)
		local_ids_refresh(local);
	change->engine->local_known = true;
	return store_number_take_next(change->txn, conf->identity.uid_min, conf->identity.uid_max,
				      local_ids_has, local, row->type, row->id, &row->number);
}

/* The number of a resource: what it asked for, what it has, or the next free one. */
int number_take(struct change *change, struct store_resource *row, const char *name,
		uint32_t wanted, struct fault *fault)
{
	const struct conf *conf = engine_conf(change->engine);
	const char *what = row->type == RESOURCE_USER ? "uidNumber" : "gidNumber";
	int r;

	if (row->number) {
		if (wanted && wanted != row->number)
			return fault_set(fault, 400, "mutability",
					 "%s is %u and cannot be changed to %u: files belong to it",
					 what, row->number, wanted);
		return 0;
	}
	r = imported_take(change, row, name, wanted);
	if (r == -ENOENT && wanted == 0)
		r = free_take(change, row);
	else if (r == -ENOENT)
		r = store_number_take(change->txn, conf->identity.uid_min, conf->identity.uid_max,
				      wanted, row->id, &row->number);
	if (r == -EEXIST)
		return fault_set(fault, 409, "uniqueness", "%s %u is or was somebody else's", what,
				 wanted);
	if (r == -ERANGE)
		return fault_set(fault, 400, "invalidValue", "%s %u is outside uid_range %u-%u",
				 what, wanted, conf->identity.uid_min, conf->identity.uid_max);
	if (r == -EDQUOT)
		return fault_set(fault, 507, NULL, "uid_range %u-%u is used up",
				 conf->identity.uid_min, conf->identity.uid_max);
	return r;
}

/* Whoever pushed the one who has it is told who that is; others learn nothing of each other's people. */
static int user_name_taken(struct change *change, const struct store_resource *row,
			   struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource owner = { 0 };
	char id[RESOURCE_ID_SIZE];
	int r = store_lookup(change->txn, STORE_BY_USER_NAME, NULL, row->folded_name, id);

	if (r == 0)
		r = store_resource_get(change->txn, id, &owner);
	if (r < 0 || strcmp(owner.connection, row->connection) != 0)
		return fault_set(fault, 409, "uniqueness", "userName is taken");
	return fault_set(fault, 409, "uniqueness", "userName is taken by the user with id %s", id);
}

int row_put(struct change *change, const struct store_resource *row, struct fault *fault)
{
	enum store_index taken;
	int r = store_resource_put(change->txn, row, &taken);

	if (r != -EEXIST)
		return r;
	switch (taken) {
	case STORE_BY_USER_NAME:
		return user_name_taken(change, row, fault);
	case STORE_BY_GROUP_NAME:
		return fault_set(fault, 409, "uniqueness", "displayName is taken");
	case STORE_BY_POSIX_NAME:
		return fault_set(fault, 409, "uniqueness",
				 "the account name \"%s\" is taken by another person or group",
				 row->posix_name);
	case STORE_BY_NUMBER:
		break;
	}
	return fault_set(fault, 409, "uniqueness", "the id %u is taken", row->number);
}

static int role_events(struct change *change, const struct store_resource *row, const char *old,
		       const char *new, const char *type)
{
	_cleanup_free_ char *list = strdup(new ? new : "");
	char *save = NULL;

	if (!list)
		return -ENOMEM;
	for (char *role = strtok_r(list, ",", &save); role; role = strtok_r(NULL, ",", &save)) {
		size_t size = strlen(role);
		bool had = false;

		for (const char *at = old ? old : ""; *at;) {
			size_t length = strcspn(at, ",");

			had |= length == size && strncmp(at, role, size) == 0;
			at += length + (at[length] == ',');
		}
		if (!had) {
			int r = event_add(change, type, row->posix_name, role);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Events, and a receipt for somebody who loses access. old is zero for a new person. */
static int transitions(struct change *change, const struct store_resource *old,
		       const struct store_resource *row)
{
	bool was = old->number && old->allowed;
	int r = 0;

	if (was && !row->allowed) {
		r = event_add(change, "scim.user.deactivated", row->posix_name, row->reason);
		if (r == 0)
			r = receipt_open(change, row, row->reason);
	} else if (old->number && !old->allowed && row->allowed) {
		r = event_add(change, "scim.user.reactivated", row->posix_name, NULL);
	}
	if (r == 0)
		r = role_events(change, row, old->roles, row->roles, "role.granted");
	if (r == 0)
		r = role_events(change, row, row->roles, old->roles, "role.lost");
	return r;
}

static bool has_text(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

/* An event for each key that was sent and is not used, once: not if it was so before this change. */
static int ignored_events(struct change *change, const struct store_resource *old,
			  const struct store_resource *row, const struct identity *identity)
{
	_cleanup_(identity_done) struct identity before = { 0 };
	struct fault fault = { 0 };
	int r = 0;

	if (!identity->ignored || !identity->ignored[0])
		return 0;
	if (old->number)
		r = identity_of(change->txn, engine_conf(change->engine), NULL, old, NULL, &before,
				NULL, NULL, &fault);
	for (size_t i = 0; (r == 0 || r == -EPROTO) && identity->ignored[i]; i++)
		r = has_text(before.ignored, identity->ignored[i])
			    ? 0
			    : event_add(change, "scim.key_ignored", row->posix_name,
					identity->ignored[i]);
	return r == -EPROTO ? 0 : r;
}

/* Packets for one user as it is now. */
static int user_packets(struct change *change, const struct store_resource *old,
			const struct store_resource *row, const struct identity *identity,
			const uint32_t *gids, size_t gid_count)
{
	struct packet packet;
	int r = record_user(&packet, 0, WARDEN_USER, row->number, identity);

	if (r == 0)
		r = outbox_add(&change->outbox, &packet);
	if (r == 0 && !same_text(old->password, row->password)) {
		record_password(&packet, 0, row->number, row->password ? row->password : "");
		r = outbox_add(&change->outbox, &packet);
		explicit_bzero(packet.bytes, packet.size);
		change->passwords = true;
	}
	/* The warden forgets the groups of who is shut out: whoever is let in gets them all. */
	if (row->allowed && !old->allowed)
		for (size_t i = 0; r == 0 && i < gid_count; i++)
			r = delta_add(change, gids[i], row->number, true);
	return r;
}

static int row_take_identity(struct store_resource *row, const struct identity *identity)
{
	_cleanup_free_ char *roles = roles_join(identity->roles), *home = strdup(identity->home);
	_cleanup_free_ char *reason = identity->allowed ? NULL : strdup(identity->reason);

	if (!roles || !home || (!identity->allowed && !reason))
		return -ENOMEM;
	(void)snprintf(row->posix_name, sizeof(row->posix_name), "%s", identity->name);
	row->allowed = identity->allowed;
	free(row->reason);
	row->reason = TAKE_PTR(reason);
	free(row->roles);
	row->roles = TAKE_PTR(roles);
	free(row->home);
	row->home = TAKE_PTR(home);
	return 0;
}

/* Whether the warden would take the record. Most are taken, so nobody waits for its word before the batch
 * commits; if it refuses any, the batch runs again with each waited for. */
static int user_check(struct change *change, const struct store_resource *row,
		      const struct identity *identity, struct fault *fault)
{
	char sentence[WARDEN_REASON_MAX + 1];
	struct packet packet;
	uint64_t tag = change->engine->check_at_once ? 1 : CHECK_LATER_TAG;
	int r = record_user(&packet, tag, WARDEN_CHECK_USER, row->number, identity);

	if (r == -EMSGSIZE)
		return fault_set(fault, 400, "invalidValue",
				 "keys, roles and attributes of \"%s\" are too large together",
				 identity->name);
	if (r == 0 && !change->engine->check_at_once)
		return warden_check_later(change, &packet);
	if (r == 0)
		r = warden_check(change->engine, &packet, sentence);
	if (r == -EPROTO)
		return fault_set(fault, 400, "invalidValue", "%s", sentence);
	return r;
}

/* Read what the store has; a zero row if nothing. */
int row_before(struct change *change, const char *id, struct store_resource *ret)
{
	int r = store_resource_get(change->txn, id, ret);

	return r == -ENOENT ? 0 : r;
}

static int name_check(struct change *change, const struct store_resource *row,
		      struct fault *fault)
{
	char until[CLOCK_TEXT_SIZE];
	int r = quarantine_check(change, row->posix_name, row->id, until);

	if (r != -EEXIST)
		return r;
	return fault_set(fault, 409, "uniqueness",
			 "the account name \"%s\" was somebody else's and is kept from others "
			 "until %.10s ([identity] name_quarantine_days)",
			 row->posix_name, until);
}

int evaluate_user(struct change *change, struct store_resource *row, struct json_object *resource,
		  struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource old = { 0 };
	_cleanup_(identity_done) struct identity identity = { 0 };
	_cleanup_free_ uint32_t *gids = NULL;
	bool is_new = row->number == 0;
	size_t gid_count = 0;
	int r = row_before(change, row->id, &old);

	if (r == 0)
		r = held_settle(change, &old, row);
	if (r == 0)
		r = identity_of(change->txn, engine_conf(change->engine), NULL, row, resource,
				&identity, &gids, &gid_count, fault);
	change->unsettled |= identity.unsettled;
	if (r == 0 && is_new)
		r = lock_inherit(change, row->id, &identity);
	if (r == 0)
		r = number_take(change, row, identity.name, identity.wanted_uid, fault);
	if (r == 0)
		r = identity_set_uid(&identity, row->number);
	if (r == 0)
		r = row_take_identity(row, &identity);
	if (r == 0)
		r = name_check(change, row, fault);
	if (r == 0)
		r = user_check(change, row, &identity, fault);
	if (r == 0)
		r = row_put(change, row, fault);
	if (r == 0)
		r = quarantine_begin(change, &old, row);
	if (r == 0)
		r = event_add(change, is_new ? "scim.user.created" : "scim.user.patched",
			      row->posix_name, NULL);
	if (r == 0)
		r = ignored_events(change, &old, row, &identity);
	if (r == 0)
		r = transitions(change, &old, row);
	return r < 0 ? r : user_packets(change, &old, row, &identity, gids, gid_count);
}

static bool is_same(const struct store_resource *old, const struct store_resource *row)
{
	return row->allowed == old->allowed && same_text(row->roles, old->roles) &&
	       same_text(row->reason, old->reason) && same_text(row->home, old->home) &&
	       same_text(row->emails, old->emails) &&
	       strcmp(row->posix_name, old->posix_name) == 0;
}

/* Under another configuration two people may get one name: the later one stays what they were, and
 * out. */
static int name_settle(struct change *change, const struct store_resource *old,
		       struct store_resource *row, struct identity *identity)
{
	char holder[RESOURCE_ID_SIZE], until[CLOCK_TEXT_SIZE];
	_cleanup_free_ char *reason = NULL;
	int r;

	if (strcmp(row->posix_name, old->posix_name) == 0)
		return 0;
	r = quarantine_check(change, row->posix_name, row->id, until);
	if (r < 0 && r != -EEXIST)
		return r;
	if (r == 0) {
		r = store_lookup(change->txn, STORE_BY_POSIX_NAME, NULL, row->posix_name, holder);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		if (strcmp(holder, row->id) == 0)
			return 0;
	}
	if (asprintf(&reason, "the account name \"%s\" is taken by another person or group",
		     row->posix_name) < 0) {
		reason = NULL; /* undefined after a failure */
		return -ENOMEM;
	}
	r = identity_deny(identity, reason);
	if (r < 0)
		return r;
	change->unsettled = true; /* the name may become free */
	memcpy(identity->name, old->posix_name, sizeof(identity->name));
	return row_take_identity(row, identity);
}

static int row_again(struct change *change, const struct store_resource *old,
		     const struct store_resource *row)
{
	enum store_index taken;
	int r = store_resource_put(change->txn, row, &taken);

	if (r == 0)
		r = quarantine_begin(change, old, row);
	return r < 0 ? r : transitions(change, old, row);
}

/* What policy says of a row that borrows everything else. */
static void verdict_done(struct store_resource *row)
{
	free(row->reason);
	free(row->roles);
	free(row->home);
}

int evaluate_again(struct change *change, const struct store_resource *old)
{
	_cleanup_(verdict_done) struct store_resource row = *old;
	_cleanup_(identity_done) struct identity identity = { 0 };
	_cleanup_free_ char *emails = NULL;
	_cleanup_free_ uint32_t *gids = NULL;
	size_t gid_count = 0;
	bool same;
	int r;

	row.reason = row.roles = row.home = NULL;
	r = identity_or_deny(change->txn, engine_conf(change->engine), change->known, old, &identity,
			     &gids, &gid_count);
	if (r == 0)
		r = row_take_identity(&row, &identity);
	if (r < 0)
		return r;
	change->unsettled |= identity.unsettled;
	if (change->show) /* under other schemas, maybe */
		r = unique_missing(old, &emails);
	if (r > 0)
		row.emails = emails;
	if (r >= 0)
		r = name_settle(change, old, &row, &identity);
	same = r == 0 && is_same(old, &row);
	if (r == 0 && !same)
		r = row_again(change, old, &row);
	if (r < 0)
		return r;
	if (change->show)
		return change->show(change, &row, &identity, gids, gid_count);
	return same ? 0 : user_packets(change, old, &row, &identity, gids, gid_count);
}

static int dirty_again(struct change *change, const char *id)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	int r = row_before(change, id, &row);

	return r < 0 || row.number == 0 ? r : evaluate_again(change, &row); /* 0: deleted since */
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

int evaluate_dirty(struct change *change, struct fault *fault)
{
	(void)fault;
	if (change->dirty_count)
		qsort(change->dirty, change->dirty_count, sizeof(*change->dirty), compare_ids);
	for (size_t i = 0; i < change->dirty_count; i++) {
		int r = 0;

		if (i == 0 || strcmp(change->dirty[i], change->dirty[i - 1]) != 0)
			r = dirty_again(change, change->dirty[i]);
		if (r < 0)
			return r;
	}
	change->dirty_count = 0;
	return 0;
}

/* --- the public operations ---------------------------------------------------------------------- */

int change_user_put(struct change *change, struct store_resource *row, struct json_object *resource,
		    struct fault *fault)
{
	change->made[RESOURCE_USER] += row->number == 0;
	return evaluate_user(change, row, resource, fault);
}

int change_user_delete(struct change *change, const char *id, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	struct packet packet;
	int r = store_resource_get(change->txn, id, &row);

	(void)fault;
	if (r < 0)
		return r;
	r = event_add(change, "scim.user.deleted", row.posix_name, NULL);
	if (r == 0 && row.allowed)
		r = receipt_open(change, &row, "deleted by the identity provider");
	if (r == 0)
		r = held_forget(change, id);
	if (r == 0)
		r = store_resource_delete(change->txn, id);
	if (r == 0)
		r = store_number_retire(change->txn, row.number);
	if (r < 0)
		return r;
	record_password(&packet, 0, row.number, "");
	change->passwords |= row.password != NULL;
	if (row.password)
		r = outbox_add(&change->outbox, &packet);
	record_user_deleted(&packet, 0, row.number);
	return r < 0 ? r : outbox_add(&change->outbox, &packet);
}
