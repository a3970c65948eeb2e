#include "scimd/change/internal.h"

#include <stdio.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/model/json.h"

static void put_string(struct json_object *object, const char *key, const char *value)
{
	struct json_object *string = value ? json_object_new_string(value) : NULL;

	json_object_object_del(object, key);
	if (string)
		json_object_object_add(object, key, string);
}

static void put_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_del(object, key);
	json_object_object_add(object, key, json_object_new_int64((int64_t)value));
}

/* Times are kept as text for people and in microseconds for arithmetic. */
static void put_time(struct json_object *object, const char *key, uint64_t epoch_us)
{
	char text[CLOCK_TEXT_SIZE], numeric[48];

	(void)snprintf(numeric, sizeof(numeric), "%s_us", key);
	put_string(object, key, clock_format(epoch_us, text));
	put_number(object, numeric, epoch_us);
}

static uint64_t get_number(struct json_object *object, const char *key)
{
	return (uint64_t)json_object_get_int64(json_get(object, key));
}

static int receipt_store(struct store_txn *txn, uint64_t number, const char *user,
			 struct json_object *receipt, uint64_t *ret_number)
{
	_cleanup_free_ char *text = json_text(receipt);

	return text ? store_receipt_put(txn, number, user, text, ret_number) : -ENOMEM;
}

static int receipt_load(struct store_txn *txn, uint64_t number, struct json_object **ret)
{
	_cleanup_free_ char *text = NULL;
	int r = store_receipt_get(txn, number, &text);

	if (r < 0)
		return r;
	*ret = json_tokener_parse(text);
	return *ret ? 0 : -EIO;
}

int receipt_open(struct change *change, const struct store_resource *row, const char *reason)
{
	_cleanup_(json_putp) struct json_object *receipt = json_object_new_object();
	const struct change_source *source = change->source;
	struct offboarding *item;
	uint64_t number;
	int r;

	if (!receipt)
		return -ENOMEM;
	put_string(receipt, "user", row->posix_name);
	put_number(receipt, "uid", row->number);
	put_string(receipt, "id", row->id);
	put_string(receipt, "reason", reason);
	put_string(receipt, "state", "open");
	put_time(receipt, "received", source ? source->received_us : clock_now_us());
	if (source) {
		put_string(receipt, "connection", source->connection);
		put_string(receipt, "request_id", source->request_id);
		put_string(receipt, "peer", source->peer);
		put_string(receipt, "request", source->request);
		put_string(receipt, "payload", source->payload);
	}
	r = receipt_store(change->txn, 0, row->posix_name, receipt, &number);
	if (r < 0)
		return r;
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct offboarding){ .uid = row->number, .receipt = number };
	item->next = change->offboardings;
	change->offboardings = item;
	return 0;
}

/* What is denied from the moment the directory shows it (the promises of pam_scim and nss_scim). */
static void put_denials(struct json_object *receipt)
{
	static const char *const denied[] = { "pam_account", "pam_session", "ssh_keys", "password",
					      "shell", "groups" };
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < ARRAY_SIZE(denied); i++)
		json_object_array_add(list, json_object_new_string(denied[i]));
	json_object_object_del(receipt, "denied");
	json_object_object_add(receipt, "denied", list);
}

int receipt_published(struct store_txn *txn, uint64_t number, const struct published *published,
		      bool nothing_to_end)
{
	_cleanup_(json_putp) struct json_object *receipt = NULL;
	int r = receipt_load(txn, number, &receipt);

	if (r < 0)
		return r;
	put_time(receipt, "durable", published->durable_us);
	put_time(receipt, "visible", published->visible_us);
	put_denials(receipt);
	if (nothing_to_end)
		put_string(receipt, "state", "done");
	return receipt_store(txn, number, json_get_string(receipt, "user"), receipt, &number);
}

static const char *found_text(uint32_t found)
{
	switch (found) {
	case WARDEN_FOUND_UID:
		return "uid";
	case WARDEN_FOUND_LOGINUID:
		return "login uid";
	case WARDEN_FOUND_CGROUP:
		return "cgroup";
	case WARDEN_FOUND_GID:
		return "gid of a lost role";
	}
	return "unknown";
}

/* The list under `key`, made if there is none yet; borrowed. */
static struct json_object *get_list(struct json_object *receipt, const char *key)
{
	struct json_object *list = json_get(receipt, key);

	if (!list) {
		list = json_object_new_array();
		json_object_object_add(receipt, key, list);
	}
	return list;
}

static void take_processes(struct packet_reader *reader, uint32_t count, struct json_object *receipt)
{
	struct json_object *ended = get_list(receipt, "ended");
	struct json_object *left = json_object_new_array();

	for (uint32_t i = 0; i < count && !reader->bad; i++) {
		struct json_object *item = json_object_new_object();
		struct warden_process process;
		char command[64];

		packet_get(reader, &process, sizeof(process));
		packet_get_string(reader, command, sizeof(command));
		put_number(item, "pid", (uint64_t)process.pid);
		put_string(item, "command", command);
		put_number(item, "uid", process.uid);
		put_string(item, "found_by", found_text(process.found));
		put_time(item, "started", process.started_us);
		json_object_array_add(process.left ? left : ended, item);
	}
	json_object_object_del(receipt, "left");
	json_object_object_add(receipt, "left", left);
}

static void take_sessions(struct packet_reader *reader, uint32_t count, struct json_object *receipt)
{
	struct json_object *sessions = get_list(receipt, "sessions");

	for (uint32_t i = 0; i < count && !reader->bad; i++) {
		char session[64];

		packet_get_string(reader, session, sizeof(session));
		if (!reader->bad)
			json_object_array_add(sessions, json_object_new_string(session));
	}
}

static void put_ended(struct json_object *receipt, const struct warden_ended *ended,
		      struct packet_reader *reader)
{
	uint64_t received_us = get_number(receipt, "received_us"), last_us;

	if (ended->first_signal_us && get_number(receipt, "first_signal_us") == 0)
		put_time(receipt, "first_signal", ended->first_signal_us);
	if (ended->last_gone_us)
		put_time(receipt, "last_gone", ended->last_gone_us);
	last_us = ended->last_gone_us ? ended->last_gone_us : get_number(receipt, "visible_us");
	if (last_us > received_us)
		put_number(receipt, "took_us", last_us - received_us);
	put_number(receipt, "processes_ended",
		   get_number(receipt, "processes_ended") + ended->ended_count);
	put_number(receipt, "processes_left", ended->left_count);
	put_string(receipt, "state", ended->flags & WARDEN_ENDED_DONE ? "done" : "open");
	take_processes(reader, ended->item_count, receipt);
	take_sessions(reader, ended->session_count, receipt);
}

struct newest {
	uint64_t number;
	uint32_t uid;
};

static int newest_of_uid(uint64_t number, const char *user, const char *json, void *context)
{
	_cleanup_(json_putp) struct json_object *receipt = json_tokener_parse(json);
	struct newest *newest = context;

	(void)user;
	if (!receipt || get_number(receipt, "uid") != newest->uid)
		return 0;
	newest->number = number;
	return 1;
}

/* The receipt that an ENDED belongs to: the open one, else the newest of that uid (late finds). */
static int receipt_of(struct change_engine *engine, struct store_txn *txn, uint32_t uid,
		      uint64_t *ret_number)
{
	struct newest newest = { .uid = uid };
	int r;

	*ret_number = 0;
	pthread_mutex_lock(&engine->lock);
	for (struct offboarding *item = engine->offboardings; item; item = item->next)
		if (item->uid == uid && *ret_number == 0)
			*ret_number = item->receipt;
	pthread_mutex_unlock(&engine->lock);
	if (*ret_number)
		return 0;
	r = store_receipt_each(txn, NULL, newest_of_uid, &newest);
	*ret_number = newest.number;
	return r < 0 ? r : 0;
}

static int session_event(struct store_txn *txn, struct change_engine *engine, const char *user,
			 const struct warden_ended *ended)
{
	struct change change = { .engine = engine, .txn = txn };
	char detail[128];

	(void)snprintf(detail, sizeof(detail), "%u processes and %u sessions ended, %u left%s",
		       ended->ended_count, ended->session_count, ended->left_count,
		       ended->flags & WARDEN_ENDED_LATE ? ", found by a later look" : "");
	return event_add(&change, "session.ended", user, detail);
}

int receipt_ended(struct change_engine *engine, struct store_txn *txn, const unsigned char *message,
		  size_t size)
{
	_cleanup_(json_putp) struct json_object *receipt = NULL;
	struct packet_reader reader = { .at = message, .left = size };
	struct warden_message head;
	struct warden_ended ended;
	uint64_t number;
	int r;

	packet_get(&reader, &head, sizeof(head));
	packet_get(&reader, &ended, sizeof(ended));
	if (reader.bad)
		return -EPROTO;
	r = receipt_of(engine, txn, ended.uid, &number);
	if (r < 0 || number == 0)
		return r;
	r = receipt_load(txn, number, &receipt);
	if (r < 0)
		return r;
	if (!(ended.flags & WARDEN_ENDED_ROLE))
		put_ended(receipt, &ended, &reader);
	r = session_event(txn, engine, json_get_string(receipt, "user"), &ended);
	if (r == 0)
		r = receipt_store(txn, number, json_get_string(receipt, "user"), receipt, &number);
	return r;
}
