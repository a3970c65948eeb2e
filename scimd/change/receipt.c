#include "scimd/change/internal.h"

#include <stdio.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/model/json.h"

#define START_SLACK_US 50000u
#define UNIT_NAME_SIZE 256u
#define UNIT_COMMAND_SIZE 128u
#define REPORTED_MAX 16u /* receipts of one person that one report completes */

/* A receipt being put together. */
struct receipt {
	struct json_object *json; /* owned */
	bool is_short;            /* memory ran out: what there is of it is not stored */
};

static void receipt_done(struct receipt *receipt)
{
	json_object_put(receipt->json);
}

/* As it is; NULL is noted. */
static struct json_object *made(struct receipt *receipt, struct json_object *object)
{
	receipt->is_short |= !object;
	return object;
}

/* Into the receipt's object or one within it. */
static void put_value(struct receipt *receipt, struct json_object *object, const char *key,
		      struct json_object *value)
{
	if (!object) {
		json_object_put(value);
		return;
	}
	json_object_object_del(object, key);
	if (value)
		receipt->is_short |= json_object_object_add(object, key, value) < 0;
}

static void put_string(struct receipt *receipt, struct json_object *object, const char *key,
		       const char *value)
{
	put_value(receipt, object, key,
		  value ? made(receipt, json_object_new_string(value)) : NULL);
}

static void put_number(struct receipt *receipt, struct json_object *object, const char *key,
		       uint64_t value)
{
	put_value(receipt, object, key, made(receipt, json_object_new_int64((int64_t)value)));
}

/* Takes the item. */
static void list_add(struct receipt *receipt, struct json_object *list, struct json_object *item)
{
	if (list && item)
		receipt->is_short |= json_object_array_add(list, item) < 0;
	else
		json_object_put(item);
}

static size_t list_size(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

/* Times are kept as text for people and in microseconds for arithmetic. */
static void put_time(struct receipt *receipt, struct json_object *object, const char *key,
		     uint64_t epoch_us)
{
	char text[CLOCK_TEXT_SIZE], numeric[48];

	(void)snprintf(numeric, sizeof(numeric), "%s_us", key);
	put_string(receipt, object, key, clock_format(epoch_us, text));
	put_number(receipt, object, numeric, epoch_us);
}

static uint64_t get_number(struct json_object *object, const char *key)
{
	return (uint64_t)json_object_get_int64(json_get(object, key));
}

bool receipt_is_open(struct json_object *receipt)
{
	return same_text(json_get_string(receipt, "state"), "open");
}

static int receipt_store(struct store_txn *txn, uint64_t number, const char *user,
			 const struct receipt *receipt, uint64_t *ret_number)
{
	_cleanup_free_ char *text = receipt->is_short ? NULL : json_text(receipt->json);

	if (!text)
		return -ENOMEM;
	return store_receipt_put(txn, number, user, text, receipt_is_open(receipt->json), ret_number);
}

static int receipt_load(struct store_txn *txn, uint64_t number, struct receipt *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = store_receipt_get(txn, number, &text);

	if (r < 0)
		return r;
	ret->json = json_tokener_parse(text);
	return ret->json ? 0 : -EIO;
}

int receipt_open(struct change *change, const struct store_resource *row, const char *reason)
{
	_cleanup_(receipt_done) struct receipt receipt = { json_object_new_object(), false };
	const struct change_source *source = change->source;
	struct offboarding *item;
	uint64_t number;
	int r;

	if (!receipt.json)
		return -ENOMEM;
	put_string(&receipt, receipt.json, "user", row->posix_name);
	put_number(&receipt, receipt.json, "uid", row->number);
	put_string(&receipt, receipt.json, "id", row->id);
	put_string(&receipt, receipt.json, "reason", reason);
	put_string(&receipt, receipt.json, "state", "open");
	put_time(&receipt, receipt.json, "received", source ? source->received_us : clock_now_us());
	if (source) {
		put_string(&receipt, receipt.json, "connection", source->connection);
		put_string(&receipt, receipt.json, "request_id", source->request_id);
		put_string(&receipt, receipt.json, "peer", source->peer);
		put_string(&receipt, receipt.json, "request", source->request);
		put_string(&receipt, receipt.json, "payload", source->payload);
	}
	r = receipt_store(change->txn, 0, row->posix_name, &receipt, &number);
	if (r < 0)
		return r;
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct offboarding){ .uid = row->number, .receipt = number,
				      .received_us = get_number(receipt.json, "received_us") };
	item->next = change->offboardings;
	change->offboardings = item;
	return 0;
}

/* What is denied from the moment the directory shows it (the promises of pam_scim and nss_scim). */
static void put_denials(struct receipt *receipt)
{
	static const char *const denied[] = { "pam_account", "pam_session", "ssh_keys", "password",
					      "shell", "groups" };
	struct json_object *list = made(receipt, json_object_new_array());

	for (size_t i = 0; i < ARRAY_SIZE(denied); i++)
		list_add(receipt, list, made(receipt, json_object_new_string(denied[i])));
	put_value(receipt, receipt->json, "denied", list);
}

/* Since when it is on the disk, and to be seen. */
static void put_published(struct receipt *receipt, const struct offboarding *item)
{
	if (get_number(receipt->json, "visible_us") != 0)
		return; /* a crash made us ask again */
	put_time(receipt, receipt->json, "durable", item->durable_us);
	put_time(receipt, receipt->json, "visible", item->visible_us);
	put_denials(receipt);
}

int receipt_published(struct store_txn *txn, const struct offboarding *item, bool nothing_to_end)
{
	_cleanup_(receipt_done) struct receipt receipt = { 0 };
	uint64_t number = item->receipt;
	int r = receipt_load(txn, number, &receipt);

	if (r < 0)
		return r;
	put_published(&receipt, item);
	if (nothing_to_end)
		put_string(&receipt, receipt.json, "state", "done");
	return receipt_store(txn, number, json_get_string(receipt.json, "user"), &receipt, &number);
}

int receipt_close(struct store_txn *txn, uint64_t number, const char *note)
{
	_cleanup_(receipt_done) struct receipt receipt = { 0 };
	int r = receipt_load(txn, number, &receipt);

	if (r < 0)
		return r;
	put_string(&receipt, receipt.json, "state", "done");
	put_string(&receipt, receipt.json, "note", note);
	return receipt_store(txn, number, json_get_string(receipt.json, "user"), &receipt, &number);
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
	case WARDEN_FOUND_UNIT:
		return "unit of sudo systemd-run";
	}
	return "unknown";
}

/* Why a process is still there although it was killed. */
static const char *left_text(uint32_t state)
{
	switch (state) {
	case 'D':
		return "in uninterruptible sleep: it ends when the kernel lets it";
	case 'T':
	case 't':
		return "stopped or traced, with its end pending";
	case 'Z':
		return "its leader has ended, its threads have not yet";
	}
	return "killed, and not gone when the deadline passed";
}

/* The list under `key`, made if there is none yet; borrowed. */
static struct json_object *get_list(struct receipt *receipt, const char *key)
{
	struct json_object *list = json_get(receipt->json, key);

	if (!list) {
		list = made(receipt, json_object_new_array());
		put_value(receipt, receipt->json, key, list);
	}
	return list;
}

/* A report that is sent again names the same processes; their start is computed from ticks each time. */
static bool is_listed(struct json_object *list, const struct warden_process *process)
{
	for (size_t i = 0; i < list_size(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		uint64_t started_us = get_number(item, "started_us");

		if (get_number(item, "pid") == (uint64_t)process->pid &&
		    started_us < process->started_us + START_SLACK_US &&
		    process->started_us < started_us + START_SLACK_US)
			return true;
	}
	return false;
}

static struct json_object *process_json(struct receipt *receipt,
					const struct warden_process *process, const char *command)
{
	struct json_object *item = made(receipt, json_object_new_object());
	uint64_t now_us = clock_now_us();

	put_number(receipt, item, "pid", (uint64_t)process->pid);
	put_string(receipt, item, "command", command);
	put_number(receipt, item, "uid", process->uid);
	put_string(receipt, item, "found_by", found_text(process->found));
	put_time(receipt, item, "started", process->started_us);
	if (now_us > process->started_us)
		put_number(receipt, item, "age_s", (now_us - process->started_us) / 1000000);
	if (process->left)
		put_string(receipt, item, "why", left_text(process->left));
	return item;
}

/* What is left, without the processes of an earlier report; owned. */
static struct json_object *units_left(struct receipt *receipt)
{
	struct json_object *old = get_list(receipt, "left");
	struct json_object *left = made(receipt, json_object_new_array());

	for (size_t i = 0; i < list_size(old); i++) {
		struct json_object *item = json_object_array_get_idx(old, i);

		if (json_get(item, "unit"))
			list_add(receipt, left, json_object_get(item));
	}
	return left;
}

/* Returns how many of the ended ones were listed before. The list of what is left starts anew. */
static uint32_t take_processes(struct packet_reader *reader, uint32_t count,
			       struct receipt *receipt)
{
	struct json_object *ended = get_list(receipt, "ended");
	struct json_object *left = units_left(receipt);
	size_t before = list_size(ended);
	uint32_t again = 0;

	for (uint32_t i = 0; i < count && !reader->bad; i++) {
		struct warden_process process;
		char command[64];

		packet_get(reader, &process, sizeof(process));
		packet_get_string(reader, command, sizeof(command));
		if (process.left)
			list_add(receipt, left, process_json(receipt, &process, command));
		else if (before && is_listed(ended, &process))
			again++;
		else
			list_add(receipt, ended, process_json(receipt, &process, command));
	}
	put_value(receipt, receipt->json, "left", left);
	return again;
}

static const char *unit_text(uint32_t what)
{
	switch (what) {
	case WARDEN_UNIT_KILLED:
		return "killed, but systemd could not be told to stop it: it may start again";
	case WARDEN_UNIT_UNCLEAR:
		return "a transient unit made after their first sudo: sudo's entries do not say whose";
	case WARDEN_UNIT_NO_JOURNAL:
		return "a transient unit, and no journal that says whose";
	case WARDEN_UNIT_NO_TIME:
		return "a transient unit, and the journal did not say in time whose";
	case WARDEN_UNIT_UNSEARCHED:
		return "not all transient units were looked at: there may be more of theirs";
	}
	return NULL;
}

static void list_unit(struct receipt *receipt, struct json_object *list, const char *name,
		      const char *command, uint32_t what)
{
	struct json_object *item;

	for (size_t i = 0; i < list_size(list); i++)
		if (same_text(json_get_string(json_object_array_get_idx(list, i), "unit"), name))
			return;
	item = made(receipt, json_object_new_object());
	put_string(receipt, item, "unit", name);
	put_string(receipt, item, "command", command);
	put_string(receipt, item, "why", unit_text(what));
	list_add(receipt, list, item);
}

/* Transient units of systemd's: theirs, which are ended; and what is left, with the reason. */
static void take_units(struct packet_reader *reader, struct receipt *receipt)
{
	uint32_t count = 0;

	if (reader->left)
		packet_get(reader, &count, sizeof(count));
	for (uint32_t i = 0; i < count && !reader->bad; i++) {
		char name[UNIT_NAME_SIZE], command[UNIT_COMMAND_SIZE];
		struct warden_transient unit;

		packet_get(reader, &unit, sizeof(unit));
		packet_get_string(reader, name, sizeof(name));
		packet_get_string(reader, command, sizeof(command));
		if (!reader->bad)
			list_unit(receipt,
				  get_list(receipt,
					   unit.what == WARDEN_UNIT_ENDED ? "units" : "left"),
				  name, command, unit.what);
	}
}

static bool has_string(struct json_object *list, const char *text)
{
	for (size_t i = 0; i < list_size(list); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), text) == 0)
			return true;
	return false;
}

static void take_sessions(struct packet_reader *reader, uint32_t count, struct receipt *receipt)
{
	struct json_object *sessions = get_list(receipt, "sessions");

	for (uint32_t i = 0; i < count && !reader->bad; i++) {
		char session[64];

		packet_get_string(reader, session, sizeof(session));
		if (!reader->bad && !has_string(sessions, session))
			list_add(receipt, sessions, made(receipt, json_object_new_string(session)));
	}
}

static bool ended_is_over(const struct warden_ended *ended)
{
	return ended->flags & (WARDEN_ENDED_DONE | WARDEN_ENDED_PARDONED);
}

static void put_ended(struct receipt *receipt, const struct warden_ended *ended,
		      struct packet_reader *reader)
{
	uint64_t received_us = get_number(receipt->json, "received_us"), last_us;
	uint32_t again;

	if (ended->first_signal_us && get_number(receipt->json, "first_signal_us") == 0)
		put_time(receipt, receipt->json, "first_signal", ended->first_signal_us);
	if (ended->last_gone_us)
		put_time(receipt, receipt->json, "last_gone", ended->last_gone_us);
	last_us = ended->last_gone_us ? ended->last_gone_us : get_number(receipt->json, "visible_us");
	if (last_us > received_us)
		put_number(receipt, receipt->json, "took_us", last_us - received_us);
	put_number(receipt, receipt->json, "took_ms",
		   (get_number(receipt->json, "took_us") + 500) / 1000);
	put_number(receipt, receipt->json, "processes_left", ended->left_count);
	put_string(receipt, receipt->json, "state", ended_is_over(ended) ? "done" : "open");
	if (ended->flags & WARDEN_ENDED_PARDONED)
		put_string(receipt, receipt->json, "note", "let in again before everything had ended");
	again = take_processes(reader, ended->item_count, receipt);
	put_number(receipt, receipt->json, "processes_ended",
		   get_number(receipt->json, "processes_ended") + ended->ended_count - again);
	take_sessions(reader, ended->session_count, receipt);
	take_units(reader, receipt);
}

struct newest {
	uint64_t number;
	uint32_t uid;
	char text[32]; /* what the receipt must hold for that: most need no parse */
};

static int newest_of_uid(uint64_t number, const char *user, const char *json, void *context)
{
	_cleanup_(json_putp) struct json_object *receipt = NULL;
	struct newest *newest = context;

	(void)user;
	if (!strstr(json, newest->text))
		return 0;
	receipt = json_tokener_parse(json);
	if (!receipt || get_number(receipt, "uid") != newest->uid)
		return 0;
	newest->number = number;
	return 1;
}

/* For a late find: the newest receipt of that uid, which is among those of the name unless they had another
 * one then. 0: there is none. */
static int newest_receipt(struct store_txn *txn, uint32_t uid, const char *name, uint64_t *ret)
{
	struct newest newest = { .uid = uid };
	int r;

	(void)snprintf(newest.text, sizeof(newest.text), "\"uid\":%u,", uid);
	r = *name ? store_receipt_each(txn, name, newest_of_uid, &newest) : 0;
	if (r == 0 && newest.number == 0)
		r = store_receipt_each(txn, NULL, newest_of_uid, &newest);
	*ret = newest.number;
	return r < 0 ? r : 0;
}

/* The name of a person, also of one who never had a receipt. "" if nobody has the uid. */
static int name_of_uid(struct store_txn *txn, uint32_t uid, char ret[static STORE_NAME_SIZE])
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	char key[16], id[RESOURCE_ID_SIZE];
	int r;

	ret[0] = '\0';
	(void)snprintf(key, sizeof(key), "%u", uid);
	r = store_lookup(txn, STORE_BY_NUMBER, NULL, key, id);
	if (r == 0)
		r = store_resource_get(txn, id, &row);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	memcpy(ret, row.posix_name, STORE_NAME_SIZE);
	return 0;
}

static int session_event(struct store_txn *txn, struct change_engine *engine, const char *user,
			 const struct warden_ended *ended)
{
	struct change change = { .engine = engine, .txn = txn };
	char detail[128];

	(void)snprintf(detail, sizeof(detail), "%u process%s and %u session%s ended, %u left%s",
		       ended->ended_count, ended->ended_count == 1 ? "" : "es",
		       ended->session_count, ended->session_count == 1 ? "" : "s",
		       ended->left_count, ended->flags & WARDEN_ENDED_LATE ? ", found by a later look" : "");
	return event_add(&change, "session.ended", user, detail);
}

/* Write a report into one receipt, with what is known of it besides; its person's name is for the event. */
static int receipt_report(struct store_txn *txn, const struct offboarding *item,
			  const struct warden_ended *ended, const struct packet_reader *rest,
			  char name[static STORE_NAME_SIZE])
{
	_cleanup_(receipt_done) struct receipt receipt = { 0 };
	struct packet_reader reader = *rest;
	uint64_t number = item->receipt;
	const char *user;
	int r = receipt_load(txn, number, &receipt);

	if (r < 0)
		return r;
	if (item->visible_us)
		put_published(&receipt, item);
	put_ended(&receipt, ended, &reader);
	user = json_get_string(receipt.json, "user");
	(void)snprintf(name, STORE_NAME_SIZE, "%s", user ? user : "");
	return receipt_store(txn, number, name, &receipt, &number);
}

/* A report that nobody waits for, or of a lost role: into the newest receipt, if there is one. */
static int late_report(struct store_txn *txn, const struct warden_ended *ended,
		       const struct packet_reader *reader, char name[static STORE_NAME_SIZE])
{
	struct offboarding item = { .uid = ended->uid };
	int r = name_of_uid(txn, ended->uid, name);

	if (r == 0 && !(ended->flags & WARDEN_ENDED_ROLE))
		r = newest_receipt(txn, ended->uid, name, &item.receipt);
	return r == 0 && item.receipt ? receipt_report(txn, &item, ended, reader, name) : r;
}

/* Whether anything was found. That nothing was is in the receipt. */
static bool is_news(const struct warden_ended *ended, const struct packet_reader *rest)
{
	struct packet_reader reader = *rest;
	uint32_t units = 0;

	if (ended->ended_count || ended->session_count || ended->left_count || ended->item_count)
		return true;
	if (reader.left)
		packet_get(&reader, &units, sizeof(units));
	return units > 0;
}

int receipt_ended(struct change_engine *engine, struct store_txn *txn, const unsigned char *message,
		  size_t size)
{
	struct packet_reader reader = { .at = message, .left = size };
	const struct offboarding *items[REPORTED_MAX];
	char name[STORE_NAME_SIZE];
	struct warden_message head;
	struct warden_ended ended;
	size_t count = 0;
	int r = 0;

	packet_get(&reader, &head, sizeof(head));
	packet_get(&reader, &ended, sizeof(ended));
	if (reader.bad)
		return -EPROTO;
	if (!(ended.flags & WARDEN_ENDED_ROLE))
		count = offboardings_of(engine, ended.uid, head.tag, items, REPORTED_MAX);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = receipt_report(txn, items[i], &ended, &reader, name);
	if (count == 0)
		r = late_report(txn, &ended, &reader, name);
	return r < 0 || !is_news(&ended, &reader) ? r : session_event(txn, engine, name, &ended);
}
