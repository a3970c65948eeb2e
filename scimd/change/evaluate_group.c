/* Groups: what policy and the warden make of them, and what that means for their members. */
#include "scimd/change/internal.h"

#include <stdio.h>
#include <string.h>

#include "scimd/model/json.h"

/* 1: the members' access or roles hang on this group. */
static int group_decides(struct change *change, const char *id, const char *name)
{
	struct policy_group group = { .id = id, .name = name };

	return name ? policy_group_decides(engine_conf(change->engine), &group) : 0;
}

/* Whether the name is free and the warden would have it; else not exposed, with the reason. */
static int group_expose(struct change *change, struct store_resource *row,
			struct group_identity *identity)
{
	char holder[RESOURCE_ID_SIZE], sentence[WARDEN_REASON_MAX + 1], until[CLOCK_TEXT_SIZE];
	struct packet packet;
	int r;

	if (!identity->exposed)
		return 0;
	r = quarantine_check(change, identity->name, row->id, until);
	if (r == -EEXIST) {
		identity->exposed = false;
		(void)snprintf(identity->reason, sizeof(identity->reason),
			       "the name \"%s\" was somebody else's and is kept until %.10s",
			       identity->name, until);
		return 0;
	}
	if (r < 0)
		return r;
	r = store_lookup(change->txn, STORE_BY_POSIX_NAME, NULL, identity->name, holder);
	if (r == 0 && strcmp(holder, row->id) != 0) {
		identity->exposed = false;
		(void)snprintf(identity->reason, sizeof(identity->reason),
			       "the name \"%s\" is taken", identity->name);
		return 0;
	}
	if (r < 0 && r != -ENOENT)
		return r;
	record_group(&packet, 1, WARDEN_CHECK_GROUP, row->number, identity->name);
	r = warden_check(change->engine, &packet, sentence);
	if (r == -EPROTO) {
		identity->exposed = false;
		(void)snprintf(identity->reason, sizeof(identity->reason), "%.127s", sentence);
		r = 0;
	}
	return r;
}

struct member_walk {
	struct change *change;
	uint32_t gid;   /* deltas for this group; 0: none */
	bool dirty;     /* mark each for evaluation */
};

static int member_visit(const char *user_id, void *context)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	struct member_walk *walk = context;
	int r = store_resource_get(walk->change->txn, user_id, &row);

	if (r == 0 && walk->gid && row.allowed)
		r = delta_add(walk->change, walk->gid, row.number, true);
	if (r == 0 && walk->dirty)
		r = change_mark_dirty(walk->change, user_id);
	return r;
}

/* What the warden has to hear, from old to row. */
static int group_packets(struct change *change, const struct store_resource *old,
			 const struct store_resource *row, bool named)
{
	struct member_walk walk = { .change = change, .dirty = named };
	struct packet packet;
	int r = 0;

	if (row->allowed && (!old->allowed || strcmp(old->posix_name, row->posix_name) != 0)) {
		record_group(&packet, 0, WARDEN_GROUP, row->number, row->posix_name);
		r = outbox_add(&change->outbox, &packet);
		walk.gid = old->allowed ? 0 : row->number;
	} else if (!row->allowed && old->allowed) {
		record_group_deleted(&packet, 0, row->number);
		r = outbox_add(&change->outbox, &packet);
	}
	if (r == 0 && (walk.gid || walk.dirty))
		r = store_members_each(change->txn, row->id, member_visit, &walk);
	return r;
}

/* 1: the group has another name now, and that matters to its members. */
static int rename_decides(struct change *change, const struct store_resource *old,
			  const struct store_resource *row)
{
	_cleanup_free_ char *before = old->json ? display_name(old->json) : NULL;
	_cleanup_free_ char *after = display_name(row->json);
	int r;

	if (same_text(before, after))
		return 0;
	r = group_decides(change, row->id, before);
	return r != 0 ? r : group_decides(change, row->id, after);
}

static int row_take_group(struct store_resource *row, const struct group_identity *identity)
{
	char *reason = identity->exposed ? NULL : strdup(identity->reason);

	if (!identity->exposed && !reason)
		return -ENOMEM;
	row->allowed = identity->exposed;
	(void)snprintf(row->posix_name, sizeof(row->posix_name), "%s",
		       identity->exposed ? identity->name : "");
	free(row->reason);
	row->reason = reason;
	return 0;
}

/* Tells of a group by its name, and why it is none of this host's. */
static int group_event(struct change *change, const char *type, const struct store_resource *row)
{
	_cleanup_free_ char *name = display_name(row->json), *detail = NULL;

	if (!name || !row->reason || !*row->reason)
		return event_add(change, type, "", name);
	if (asprintf(&detail, "%s: %s", name, row->reason) < 0) {
		detail = NULL; /* undefined after a failure */
		return -ENOMEM;
	}
	return event_add(change, type, "", detail);
}

int evaluate_group_again(struct change *change, const char *id)
{
	_cleanup_(store_resource_done) struct store_resource old = { 0 }, row = { 0 };
	_cleanup_(json_putp) struct json_object *resource = NULL;
	struct group_identity identity = { 0 };
	struct fault fault = { 0 };
	enum store_index taken;
	int r = row_before(change, id, &old);

	if (r < 0 || old.number == 0)
		return r;
	r = store_resource_get(change->txn, id, &row);
	if (r < 0)
		return r;
	resource = json_tokener_parse(row.json);
	if (!resource)
		return -EIO;
	r = policy_group(engine_conf(change->engine), resource, &identity, &fault);
	if (r == -EPROTO) {
		identity = (struct group_identity){ .exposed = false };
		(void)snprintf(identity.reason, sizeof(identity.reason), "%.127s", fault.detail);
		r = 0;
	}
	if (r < 0)
		return r;
	if (identity.exposed && old.allowed && strcmp(identity.name, old.posix_name) == 0)
		return 0; /* without asking the warden, which looks again at publishing */
	r = group_expose(change, &row, &identity);
	if (r == 0)
		r = row_take_group(&row, &identity);
	if (r < 0 || (row.allowed == old.allowed && same_text(row.reason, old.reason) &&
		      strcmp(row.posix_name, old.posix_name) == 0))
		return r;
	r = store_resource_put(change->txn, &row, &taken);
	if (r == 0)
		r = quarantine_begin(change, &old, &row);
	if (r == 0)
		r = group_event(change, "scim.group.patched", &row);
	return r < 0 ? r : 1;
}

int evaluate_group(struct change *change, struct store_resource *row, bool is_new,
		   struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *resource = json_tokener_parse(row->json);
	_cleanup_(store_resource_done) struct store_resource old = { 0 };
	const struct conf *conf = engine_conf(change->engine);
	struct group_identity identity = { 0 };
	int r = row_before(change, row->id, &old);

	change_group_forget(change);
	if (!resource)
		return -EIO;
	if (r == 0)
		r = policy_group(conf, resource, &identity, fault);
	if (r == 0)
		r = number_take(change, row, identity.name, identity.wanted_gid, fault);
	if (r == 0)
		r = group_expose(change, row, &identity);
	if (r < 0)
		return r;
	r = row_take_group(row, &identity);
	if (r == 0)
		r = row_put(change, row, fault);
	if (r == 0)
		r = quarantine_begin(change, &old, row);
	if (r == 0)
		r = group_event(change, is_new ? "scim.group.created" : "scim.group.patched", row);
	if (r == 0)
		r = rename_decides(change, &old, row);
	return r < 0 ? r : group_packets(change, &old, row, r > 0);
}

/* --- the public operations ---------------------------------------------------------------------- */

int change_group_put(struct change *change, struct store_resource *row, struct fault *fault)
{
	change->made[RESOURCE_GROUP] += row->number == 0;
	return evaluate_group(change, row, row->number == 0, fault);
}

int change_group_delete(struct change *change, const char *id, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	struct member_walk walk = { .change = change };
	_cleanup_free_ char *name = NULL;
	struct packet packet;
	int r = store_resource_get(change->txn, id, &row);

	(void)fault;
	change_group_forget(change);
	if (r < 0)
		return r;
	name = display_name(row.json);
	r = group_decides(change, id, name);
	walk.dirty = r > 0;
	if (walk.dirty)
		r = store_members_each(change->txn, id, member_visit, &walk);
	if (r == 0)
		r = event_add(change, "scim.group.deleted", "", name);
	if (r == 0)
		r = store_resource_delete(change->txn, id);
	if (r == 0)
		r = store_number_retire(change->txn, row.number);
	if (r < 0 || !row.allowed)
		return r;
	record_group_deleted(&packet, 0, row.number);
	return outbox_add(&change->outbox, &packet);
}

/* The body of the request is told once, not ten thousand times. */
static int member_event(struct change *change, const char *user, const char *group)
{
	const struct change_source *source = change->source;
	struct change_source shorter;
	int r;

	if (source && change->payload_told) {
		shorter = *source;
		shorter.payload = NULL;
		change->source = &shorter;
	}
	r = event_add(change, "scim.group.patched", user, group);
	change->source = source;
	change->payload_told = true;
	return r;
}

void change_group_forget(struct change *change)
{
	free(change->group.name);
	change->group = (struct change_group){ 0 };
}

/* A request names one group and very many members: what they need of it is looked up once. */
static int group_recall(struct change *change, const char *id)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	struct change_group *group = &change->group;
	int r;

	if (strcmp(group->id, id) == 0)
		return 0;
	change_group_forget(change);
	r = store_resource_get(change->txn, id, &row);
	if (r < 0)
		return r;
	group->name = display_name(row.json);
	r = group_decides(change, id, group->name);
	if (r < 0)
		return r;
	group->decides = r > 0;
	group->gid = row.allowed ? row.number : 0;
	memcpy(group->id, row.id, sizeof(group->id));
	return 0;
}

static int member_changed(struct change *change, const char *group_id,
			  const struct store_resource *user, bool add)
{
	const struct change_group *group = &change->group;
	int r = group_recall(change, group_id);

	if (r == 0)
		r = member_event(change, user->posix_name, group->name);
	if (r == 0 && group->gid && user->allowed)
		r = delta_add(change, group->gid, user->number, add);
	return r == 0 && group->decides ? change_mark_dirty(change, user->id) : r;
}

int change_member_add(struct change *change, const char *group_id,
		      const struct store_resource *user, struct fault *fault)
{
	int r = store_member_add(change->txn, group_id, user->id, user->title);

	(void)fault;
	if (r <= 0)
		return r;
	r = member_changed(change, group_id, user, true);
	return r < 0 ? r : 1;
}

int change_member_remove(struct change *change, const char *group_id, const char *user_id,
			 struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource user = { 0 };
	int r = store_member_remove(change->txn, group_id, user_id);

	(void)fault;
	if (r <= 0)
		return r;
	r = store_resource_get(change->txn, user_id, &user);
	if (r == 0)
		r = member_changed(change, group_id, &user, false);
	return r < 0 ? r : 1;
}
