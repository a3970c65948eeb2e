#include "scimd/change/internal.h"

#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"

#define HELLO_TIMEOUT_MS 5000u
#define SYNC_WAIT_MS 100u
#define SYNC_WAIT_MAX_MS 5000u

/* --- everybody ---------------------------------------------------------------------------------- */

static int send_packet(struct change *change, struct packet *packet)
{
	packet_finish(packet);
	if (packet->bad)
		return -EMSGSIZE;
	return warden_client_put(change->engine->warden, packet->bytes, packet->size);
}

static int send_tombstone(uint32_t number, enum resource_type type, bool retired, void *context)
{
	struct packet packet;

	if (!retired || type != RESOURCE_USER)
		return 0;
	record_user_deleted(&packet, 0, number);
	return send_packet(context, &packet);
}

/* As evaluated just now. Memberships are sent after all users, group by group. */
static int send_user(struct change *change, const struct store_resource *row,
		     const struct identity *identity, const uint32_t *gids, size_t gid_count)
{
	struct packet packet;
	int r = record_user(&packet, 0, WARDEN_USER, row->number, identity);

	if (r == 0)
		r = send_packet(change, &packet);
	if (r == 0 && row->password) {
		record_password(&packet, 0, row->number, row->password);
		r = send_packet(change, &packet);
		explicit_bzero(packet.bytes, packet.size);
	}
	for (size_t i = 0; r == 0 && identity->allowed && i < gid_count; i++)
		r = delta_add(change, gids[i], row->number, true);
	return r;
}

/* Who was here before the store was: the name stays on the files. */
static int send_kept(enum resource_type type, const char *name, uint32_t number, void *context)
{
	_cleanup_(identity_done) struct identity identity = { 0 };
	struct change *change = context;
	struct packet packet;
	int r = type == RESOURCE_USER ? store_import_is_published(change->txn, name) : 0;

	if (r <= 0)
		return r;
	r = identity_of_name(name, HELD_REASON, &identity);
	if (r == 0)
		r = record_user(&packet, 0, WARDEN_USER, number, &identity);
	return r < 0 ? r : send_packet(change, &packet);
}

struct group_send {
	struct change *change;
	struct known_groups known; /* owned */
};

static void group_send_done(struct group_send *send)
{
	for (size_t i = 0; i < send->known.count; i++)
		free(send->known.items[i].name);
	free(send->known.items);
	if (send->known.tokener)
		json_tokener_free(send->known.tokener);
}

static int group_know(struct known_groups *known, const struct store_resource *row)
{
	struct known_group *group;

	if (known->count == known->room) {
		size_t room = known->room ? known->room * 2 : 64;
		struct known_group *larger = reallocarray(known->items, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		known->items = larger;
		known->room = room;
	}
	group = &known->items[known->count];
	*group = (struct known_group){ .name = display_name(row->json),
				       .gid = row->allowed ? row->number : 0 };
	if (!group->name)
		return -ENOMEM;
	memcpy(group->id, row->id, sizeof(group->id));
	known->count++;
	return 0;
}

static int send_group(const struct store_resource *row, void *context)
{
	struct group_send *send = context;
	struct packet packet;
	int r = group_know(&send->known, row);

	if (r < 0 || !row->allowed || row->number == 0)
		return r;
	record_group(&packet, 0, WARDEN_GROUP, row->number, row->posix_name);
	return send_packet(send->change, &packet);
}

static int known_compare(const void *a, const void *b)
{
	return strcmp(((const struct known_group *)a)->id, ((const struct known_group *)b)->id);
}

static int found_held(const char *user_id, void *context)
{
	(void)user_id;
	*(bool *)context = false;
	return 1;
}

static int found_locked(const char *user_id, const struct store_lock *lock, void *context)
{
	(void)lock;
	return found_held(user_id, context);
}

/* Usually nobody is, which spares a look for each person. */
static int know_nobody(struct store_txn *txn, struct known_groups *known)
{
	int r;

	known->tokener = json_tokener_new();
	if (!known->tokener)
		return -ENOMEM;
	known->nobody_held = known->nobody_locked = true;
	r = store_held_each(txn, found_held, &known->nobody_held);
	return r < 0 ? r : store_lock_each(txn, found_locked, &known->nobody_locked);
}

/* All of them, which everybody after them is in. */
static int send_groups(struct group_send *send)
{
	struct known_groups *known = &send->known;
	int r = store_resource_each(send->change->txn, RESOURCE_GROUP, NULL, 0, send_group, send);

	if (known->count)
		qsort(known->items, known->count, sizeof(*known->items), known_compare);
	return r;
}

static int compare_deltas(const void *a, const void *b)
{
	const struct member_delta *left = a, *right = b;

	if (left->gid != right->gid)
		return left->gid < right->gid ? -1 : 1;
	return left->uid < right->uid ? -1 : left->uid > right->uid;
}

static int send_members(struct change *change)
{
	int r;

	if (change->delta_count)
		qsort(change->deltas, change->delta_count, sizeof(*change->deltas), compare_deltas);
	r = change_deltas_flush(change);
	for (size_t i = 0; r == 0 && i < change->outbox.count; i++)
		r = warden_client_put(change->engine->warden, change->outbox.items[i].bytes,
				      change->outbox.items[i].size);
	return r;
}

static int send_canary(struct change *change)
{
	struct packet packet;
	uint32_t number;
	int r = canary_number(change->txn, engine_conf(change->engine), &number);

	if (r < 0 || number == 0)
		return r;
	r = canary_record(&packet, number);
	return r < 0 ? r : send_packet(change, &packet);
}

/* --- rows under the present configuration -------------------------------------------------------- */

struct group_ids {
	char (*items)[RESOURCE_ID_SIZE]; /* owned */
	size_t count;
};

static void group_ids_done(struct group_ids *ids)
{
	free(ids->items);
}

static int collect_group(const struct store_resource *row, void *context)
{
	struct group_ids *ids = context;
	void *larger = ids->items;

	if ((ids->count & (ids->count - 1)) == 0) /* full at powers of two */
		larger = reallocarray(ids->items, ids->count ? ids->count * 2 : 1,
				      sizeof(*ids->items));
	if (!larger)
		return -ENOMEM;
	ids->items = larger;
	memcpy(ids->items[ids->count++], row->id, RESOURCE_ID_SIZE);
	return 0;
}

/* First, because people belong to what is exposed. 1: a group is another one now. */
static int groups_update(struct change *change, store_resource_fn collect)
{
	_cleanup_(group_ids_done) struct group_ids ids = { NULL, 0 };
	int r = store_resource_each(change->txn, RESOURCE_GROUP, NULL, 0, collect, &ids);
	int changed = 0;

	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		r = unique_group(change, ids.items[i]);
		if (r == 0)
			r = evaluate_group_again(change, ids.items[i]);
		changed |= r > 0;
	}
	return r < 0 ? r : changed;
}

static int person_update(const struct store_resource *row, void *context)
{
	return row->number ? evaluate_again(context, row) : 0;
}

/* Each is evaluated once: written again if policy says something else now, and sent. Who is written again
 * keeps their place in the order of creation. */
static int people_update(struct change *change, const struct known_groups *known)
{
	int r;

	change->show = send_user;
	change->known = known;
	r = store_resource_each(change->txn, RESOURCE_USER, NULL, 0, person_update, change);
	change->known = NULL;
	return r;
}

static int begin(struct change *change, uint64_t *ret_revision)
{
	uint64_t users = 0, groups = 0;
	int r = store_resource_count(change->txn, RESOURCE_USER, NULL, &users);

	if (r == 0)
		r = store_resource_count(change->txn, RESOURCE_GROUP, NULL, &groups);
	if (r == 0)
		r = store_revision_next(change->txn, ret_revision);
	if (r == 0)
		r = store_passwords_changed(change->txn, *ret_revision);
	return r < 0 ? r
		     : apply_begin(change->engine, *ret_revision, WARDEN_FULL, (uint32_t)users + 1,
				   (uint32_t)groups);
}

/* The warden stages what it is sent, and shows nothing of it before it is told to, which is after the
 * commit. */
static int send_all(struct change *change, uint64_t *ret_revision)
{
	_cleanup_(group_send_done) struct group_send send = { .change = change };
	int r = groups_update(change, collect_group);

	if (r >= 0)
		r = begin(change, ret_revision);
	if (r == 0)
		r = store_number_each(change->txn, send_tombstone, change);
	if (r == 0)
		r = send_groups(&send);
	if (r == 0)
		r = know_nobody(change->txn, &send.known);
	if (r == 0)
		r = people_update(change, &send.known);
	if (r == 0)
		r = store_import_each(change->txn, send_kept, change);
	if (r == 0)
		r = send_canary(change);
	return r < 0 ? r : send_members(change);
}

/* --- what need not be done again ----------------------------------------------------------------- */

/* After publishing, and lost if the power is cut: then the next start does it all again. */
static int basis_keep(struct change_engine *engine,
		      const unsigned char basis[static STORE_BASIS_SIZE])
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = store_begin(engine->store, NULL, true, &txn);

	if (r == 0)
		r = store_basis_put(txn, basis);
	engine->unflushed = true;
	return r < 0 ? r : store_commit_unsynced(&txn);
}

static int collect_hidden(const struct store_resource *row, void *context)
{
	return row->allowed ? 0 : collect_group(row, context);
}

/* 1: everybody was evaluated as they would be now. A group that is not shown may have got its name by
 * now: the one who had it is gone, or it was kept long enough. */
static int basis_holds(struct change_engine *engine)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL; /* nothing of it stays */
	unsigned char basis[STORE_BASIS_SIZE];
	struct change change = { .engine = engine };
	int r;

	if (basis_make(engine, basis) < 0)
		return 0;
	r = store_begin(engine->store, NULL, true, &txn);
	if (r == 0)
		r = store_basis_is(txn, basis);
	if (r <= 0)
		return r;
	change.txn = txn;
	r = groups_update(&change, collect_hidden);
	return r < 0 ? r : !r;
}

/* --- all of it ----------------------------------------------------------------------------------- */

int sync_everything(struct change_engine *engine)
{
	_cleanup_(published_done) struct published published = { 0 };
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	struct change change = { .engine = engine };
	unsigned char basis[STORE_BASIS_SIZE]; /* before anybody is evaluated */
	bool is_known = basis_make(engine, basis) == 0;
	uint64_t revision = 0;
	int r = store_begin(engine->store, NULL, true, &txn);

	change.txn = txn;
	if (r == 0)
		r = store_basis_forget(txn);
	if (r == 0)
		r = send_all(&change, &revision);
	if (r == 0)
		r = store_commit(&txn);
	outbox_done(&change.outbox);
	free(change.dirty);
	free(change.deltas);
	if (r < 0) {
		offboardings_free(change.offboardings);
		return r;
	}
	offboardings_take(engine, TAKE_PTR(change.offboardings));
	r = apply_finish(engine, revision, &published);
	if (r == 0 && is_known && !change.unsettled && !published.refused)
		r = basis_keep(engine, basis);
	if (r == 0)
		r = offboardings_resume(engine, &published);
	if (r == 0)
		log_notice("the directory is up to date at revision %llu",
			   (unsigned long long)revision);
	return r;
}

/* --- the connection ------------------------------------------------------------------------------ */

static int hello(struct change_engine *engine, struct warden_state *ret)
{
	const struct packet *answer;
	struct packet_reader reader;
	struct packet packet;
	int r;

	packet_begin(&packet, WARDEN_HELLO, 0);
	r = warden_client_ask(engine->warden, &packet, HELLO_TIMEOUT_MS, &answer);
	if (r < 0)
		return r;
	if (warden_answer_op(answer) != WARDEN_STATE)
		return -EPROTO;
	reader = (struct packet_reader){ .at = answer->bytes + sizeof(struct warden_message),
					 .left = answer->size - sizeof(struct warden_message) };
	packet_get(&reader, ret, sizeof(*ret));
	return packet_is_done(&reader) ? 0 : -EPROTO;
}

static int store_revisions(struct change_engine *engine, uint64_t *ret_all, uint64_t *ret_passwords)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = store_begin(engine->store, NULL, false, &txn);

	if (r == 0)
		r = store_revision(txn, ret_all);
	return r < 0 ? r : store_passwords_revision(txn, ret_passwords);
}

/* 1: the warden's files show what the store holds, and everybody is in there as they would be now. */
static int is_up_to_date(struct change_engine *engine, const struct warden_state *state,
			 uint64_t revision, uint64_t passwords)
{
	if (state->revision != revision || revision == 0 ||
	    state->shadow_revision < passwords || state->shadow_revision > revision ||
	    memcmp(state->instance, store_instance(engine->store), sizeof(state->instance)) != 0 ||
	    engine->conf_changed)
		return 0;
	return engine->basis_unknown ? basis_holds(engine) : 1;
}

/* The directory shows everything already; what a crash left open is to be ended still. */
static int nothing_to_publish(struct change_engine *engine, uint64_t revision)
{
	struct published published = { .revision = revision, .durable_us = clock_now_us() };

	log_notice("the directory is up to date at revision %llu", (unsigned long long)revision);
	published.visible_us = published.durable_us;
	return offboardings_resume(engine, &published);
}

/* Everything, unless the warden would not have it just now: the next attempts are ever rarer. */
static int sync_try(struct change_engine *engine)
{
	int r;

	if (clock_monotonic_us() < engine->sync_after_us)
		return -EAGAIN;
	r = sync_everything(engine);
	if (r == 0) {
		engine->sync_wait_ms = 0;
		engine->sync_after_us = 0;
		return 0;
	}
	engine->sync_wait_ms = engine->sync_wait_ms ? engine->sync_wait_ms * 2 : SYNC_WAIT_MS;
	if (engine->sync_wait_ms > SYNC_WAIT_MAX_MS)
		engine->sync_wait_ms = SYNC_WAIT_MAX_MS;
	engine->sync_after_us = clock_monotonic_us() + engine->sync_wait_ms * UINT64_C(1000);
	return r;
}

int sync_ensure(struct change_engine *engine)
{
	struct warden_state state;
	uint64_t revision, passwords;
	int r;

	if (warden_client_is_connected(engine->warden) && engine->synced)
		return 0;
	engine->synced = false;
	r = warden_client_connect(engine->warden);
	if (r == 0)
		r = hello(engine, &state);
	if (r == 0)
		r = store_revisions(engine, &revision, &passwords);
	if (r < 0)
		return r;
	log_info("connected to the warden: revision %llu of %llu",
		 (unsigned long long)state.revision, (unsigned long long)revision);
	r = is_up_to_date(engine, &state, revision, passwords);
	if (r >= 0)
		r = r > 0 ? nothing_to_publish(engine, revision) : sync_try(engine);
	if (r < 0)
		return r;
	engine->conf_changed = engine->basis_unknown = false;
	engine->synced = true;
	pthread_mutex_lock(&engine->lock);
	if (engine->warden_revision == 0)
		engine->warden_revision = state.revision;
	engine->warden_ready = true;
	pthread_mutex_unlock(&engine->lock);
	return 0;
}
