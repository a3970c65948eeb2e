/* The control API: what scimctl shows, for root and scimd's own account. */
#include <stdio.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/model/json.h"
#include "scimd/service/call.h"
#include "scimd/service/query.h"
#include "scimd/service/service.h"

#define MEDIA_TYPE "application/json"
#define EVENTS_DEFAULT 100u
#define EVENTS_MAX 100000u
#define LAST_PUSH_SCAN_MAX 10000u /* events looked at for a connection's last push */

struct control {
	struct change_engine *engine; /* borrowed */
	const struct request *request;
	const struct conf *conf;    /* a reference */
	struct store_txn *txn;	    /* a read snapshot, owned; NULL for what needs none */
	char *name;		    /* decoded last segment of the path, owned, or NULL */
	struct json_object *answer; /* owned */
};

/* --- JSON --- */

/* Add a member; value is taken, NULL becomes null. */
static int put(struct json_object *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int put_text(struct json_object *object, const char *key, const char *text)
{
	struct json_object *value = text && *text ? json_object_new_string(text) : NULL;

	if (text && *text && !value)
		return -ENOMEM;
	return put(object, key, value);
}

static int put_number(struct json_object *object, const char *key, uint64_t number)
{
	struct json_object *value = json_object_new_int64((int64_t)number);

	return value ? put(object, key, value) : -ENOMEM;
}

static int put_bool(struct json_object *object, const char *key, bool flag)
{
	struct json_object *value = json_object_new_boolean(flag);

	return value ? put(object, key, value) : -ENOMEM;
}

/* A new empty array under key; borrowed, NULL without memory. */
static struct json_object *put_array(struct json_object *object, const char *key)
{
	struct json_object *array = json_object_new_array();

	return array && put(object, key, array) == 0 ? array : NULL;
}

/* Append value, which is taken and may be NULL for want of memory. */
static int append(struct json_object *array, struct json_object *value)
{
	if (value && json_object_array_add(array, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int append_text(struct json_object *array, const char *text, size_t len)
{
	return append(array, json_object_new_string_len(text, (int)len));
}

static int parse_stored(const char *text, struct json_object **ret)
{
	struct fault fault;
	int r = json_parse(text, strlen(text), ret, &fault);

	return r == -EPROTO ? -EIO : r;
}

/* --- users --- */

struct names {
	struct control *control;
	struct json_object *array; /* borrowed */
	const char *attribute;	   /* NULL: POSIX names */
};

/* Append the name of the resource with this id. */
static int name_add(const char *id, void *context)
{
	struct names *names = context;
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	_cleanup_(json_putp) struct json_object *resource = NULL;
	const char *text;
	int r = store_resource_get(names->control->txn, id, &row);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (!names->attribute)
		return *row.posix_name
			       ? append_text(names->array, row.posix_name, strlen(row.posix_name))
			       : 0;
	r = parse_stored(row.json, &resource);
	if (r < 0)
		return r;
	text = json_get_string(resource, names->attribute);
	return text ? append_text(names->array, text, strlen(text)) : 0;
}

static int put_roles(struct json_object *object, const char *roles)
{
	struct json_object *array = put_array(object, "roles");
	int r = array ? 0 : -ENOMEM;

	while (r == 0 && roles && *roles) {
		size_t len = strcspn(roles, ",");

		r = append_text(array, roles, len);
		roles += len + (roles[len] == ',');
	}
	return r;
}

static const char *user_status(const struct store_resource *row, struct json_object *resource)
{
	struct json_object *active = json_get(resource, "active");

	if (row->allowed)
		return "active";
	return active && !json_object_get_boolean(active) ? "deactivated" : "denied";
}

static int put_common(struct json_object *object, const struct store_resource *row,
		      struct json_object *resource)
{
	char changed[CLOCK_TEXT_SIZE];
	int r = put_text(object, "displayName", json_get_string(resource, "displayName"));

	if (r == 0)
		r = put_text(object, "id", row->id);
	if (r == 0)
		r = put_text(object, "connection", row->connection);
	if (r == 0)
		r = put_text(object, "changed", clock_format(row->modified_us, changed));
	return r;
}

static int user_fill(struct control *control, const struct store_resource *row,
		     struct json_object *resource, struct json_object *object)
{
	struct names groups = { control, NULL, "displayName" };
	int r = put_text(object, "name", row->posix_name);

	if (r == 0)
		r = put_number(object, "uid", row->number);
	if (r == 0)
		r = put_text(object, "status", user_status(row, resource));
	if (r == 0)
		r = put_text(object, "reason", row->reason);
	if (r == 0)
		r = put_text(object, "userName", json_get_string(resource, "userName"));
	if (r == 0)
		r = put_common(object, row, resource);
	if (r == 0)
		r = put_roles(object, row->roles);
	if (r < 0)
		return r;
	groups.array = put_array(object, "groups");
	if (!groups.array)
		return -ENOMEM;
	return store_groups_each(control->txn, row->id, name_add, &groups);
}

/* --- groups --- */

static int group_fill(struct control *control, const struct store_resource *row,
		      struct json_object *resource, struct json_object *object)
{
	uint64_t members;
	int r = store_member_count(control->txn, row->id, &members);

	if (r == 0)
		r = put_text(object, "name", row->posix_name);
	if (r == 0 && row->number)
		r = put_number(object, "gid", row->number);
	if (r == 0)
		r = put_common(object, row, resource);
	if (r == 0)
		r = put_bool(object, "exposed", row->allowed);
	if (r == 0)
		r = put_text(object, "reason", row->reason);
	return r == 0 ? put_number(object, "members", members) : r;
}

/* --- both --- */

static int resource_object(struct control *control, const struct store_resource *row,
			   struct json_object **ret)
{
	_cleanup_(json_putp) struct json_object *resource = NULL;
	_cleanup_(json_putp) struct json_object *object = json_object_new_object();
	int r = object ? parse_stored(row->json, &resource) : -ENOMEM;

	if (r == 0)
		r = row->type == RESOURCE_USER ? user_fill(control, row, resource, object)
					       : group_fill(control, row, resource, object);
	if (r == 0)
		*ret = TAKE_PTR(object);
	return r;
}

static int row_add(const struct store_resource *row, void *context)
{
	struct control *control = context;
	struct json_object *object;
	int r = resource_object(control, row, &object);

	return r == 0 ? append(control->answer, object) : r;
}

static int resources_list(struct control *control, enum resource_type type)
{
	control->answer = json_object_new_array();
	if (!control->answer)
		return -ENOMEM;
	return store_resource_each(control->txn, type, NULL, 0, row_add, control);
}

static int control_users(struct control *control, struct fault *fault)
{
	(void)fault;
	return resources_list(control, RESOURCE_USER);
}

static int control_groups(struct control *control, struct fault *fault)
{
	(void)fault;
	return resources_list(control, RESOURCE_GROUP);
}

/* Find by POSIX name, else by what the identity provider calls it. */
static int resource_find(struct control *control, enum resource_type type,
			 struct store_resource *ret)
{
	_cleanup_free_ char *folded = json_fold(control->name);
	char id[RESOURCE_ID_SIZE];
	int r = store_lookup(control->txn, STORE_BY_POSIX_NAME, NULL, control->name, id);

	if (!folded)
		return -ENOMEM;
	if (r == 0) {
		r = store_resource_get(control->txn, id, ret);
		if (r != 0 || ret->type == type)
			return r;
		store_resource_done(ret);
		*ret = (struct store_resource){ 0 };
		r = -ENOENT;
	}
	if (r == -ENOENT && type == RESOURCE_USER)
		r = store_lookup(control->txn, STORE_BY_USER_NAME, NULL, folded, id);
	for (size_t i = 0;
	     r == -ENOENT && type == RESOURCE_GROUP && i < control->conf->connection_count; i++)
		r = store_lookup(control->txn, STORE_BY_GROUP_NAME,
				 control->conf->connections[i].name, folded, id);
	return r == 0 ? store_resource_get(control->txn, id, ret) : r;
}

static int control_user(struct control *control, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	int r = resource_find(control, RESOURCE_USER, &row);

	if (r == -ENOENT)
		return fault_set(fault, 404, NULL,
				 "there is nobody of that name from a connection");
	return r == 0 ? resource_object(control, &row, &control->answer) : r;
}

static int control_group(struct control *control, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	struct names members = { control, NULL, NULL };
	int r = resource_find(control, RESOURCE_GROUP, &row);

	if (r == -ENOENT)
		return fault_set(fault, 404, NULL,
				 "there is no group of that name from a connection");
	if (r == 0)
		r = resource_object(control, &row, &control->answer);
	if (r < 0)
		return r;
	members.array = put_array(control->answer, "memberNames");
	if (!members.array)
		return -ENOMEM;
	return store_members_each(control->txn, row.id, name_add, &members);
}

/* --- events and receipts --- */

struct event_query {
	struct control *control;
	char *user, *type; /* owned, NULL: all */
	uint64_t after, limit, found;
};

static void event_query_done(struct event_query *query)
{
	free(query->user);
	free(query->type);
}

/* The decoded value of a parameter, owned in *ret, or NULL there if it is absent. */
static int parameter(const struct request *request, const char *key, char **ret,
		     struct fault *fault)
{
	size_t key_len = strlen(key);
	const char *text = request->query ? request->query : "";
	int r;

	while (*text) {
		size_t len = strcspn(text, "&");

		if (len > key_len && text[key_len] == '=' && strncmp(text, key, key_len) == 0) {
			r = query_decode(text + key_len + 1, len - key_len - 1, true, ret);
			return r == -EINVAL ? fault_set(fault, 400, NULL, "bad value of %s", key)
					    : r;
		}
		text += len + (text[len] == '&');
	}
	*ret = NULL;
	return 0;
}

static int parameter_number(const struct request *request, const char *key, uint64_t *ret,
			    struct fault *fault)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long number;
	char *end;
	int r = parameter(request, key, &text, fault);

	if (r < 0 || !text)
		return r;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end)
		return fault_set(fault, 400, NULL, "%s must be a number", key);
	*ret = number;
	return 0;
}

static int event_add(const struct store_event *event, void *context)
{
	struct event_query *query = context;
	struct json_object *object = NULL;
	char time[CLOCK_TEXT_SIZE];
	int r;

	if (event->sequence <= query->after || query->found == query->limit)
		return 1;
	if ((query->user && strcmp(query->user, event->user) != 0) ||
	    (query->type && strcmp(query->type, event->type) != 0))
		return 0;
	r = parse_stored(event->json, &object);
	if (r < 0)
		return r;
	r = put_number(object, "sequence", event->sequence);
	if (r == 0)
		r = put_text(object, "time", clock_format(event->time_us, time));
	if (r == 0)
		r = put_text(object, "type", event->type);
	if (r == 0)
		r = put_text(object, "user", event->user);
	if (r < 0) {
		json_putp(&object);
		return r;
	}
	query->found++;
	return append(query->control->answer, object);
}

/* The latest events that match, in the order in which they happened. */
static int control_events(struct control *control, struct fault *fault)
{
	_cleanup_(event_query_done) struct event_query query = { .control = control,
								 .limit = EVENTS_DEFAULT };
	_cleanup_(json_putp) struct json_object *newest_first = NULL;
	const struct request *request = control->request;
	int r = parameter(request, "user", &query.user, fault);

	if (r == 0)
		r = parameter(request, "type", &query.type, fault);
	if (r == 0)
		r = parameter_number(request, "after", &query.after, fault);
	if (r == 0)
		r = parameter_number(request, "limit", &query.limit, fault);
	if (r < 0)
		return r;
	if (query.limit > EVENTS_MAX)
		query.limit = EVENTS_MAX;
	control->answer = json_object_new_array();
	if (!control->answer)
		return -ENOMEM;
	r = store_event_each(control->txn, event_add, &query);
	if (r < 0)
		return r;
	newest_first = TAKE_PTR(control->answer);
	control->answer = json_object_new_array();
	for (size_t i = json_object_array_length(newest_first); i > 0 && control->answer; i--) {
		struct json_object *event = json_object_array_get_idx(newest_first, i - 1);

		r = append(control->answer, json_object_get(event));
		if (r < 0)
			return r;
	}
	return control->answer ? 0 : -ENOMEM;
}

static int receipt_take(uint64_t number, const char *user, const char *json, void *context)
{
	struct control *control = context;
	int r = parse_stored(json, &control->answer);

	(void)user;
	if (r == 0)
		r = put_number(control->answer, "number", number);
	return r < 0 ? r : 1; /* the newest comes first */
}

static int control_receipt(struct control *control, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	int r = store_receipt_each(control->txn, control->name, receipt_take, control);

	if (r >= 0 && !control->answer) {
		/* Perhaps it is the identity provider's name of somebody who is still known. */
		r = resource_find(control, RESOURCE_USER, &row);
		if (r == 0)
			r = store_receipt_each(control->txn, row.posix_name, receipt_take, control);
		else if (r == -ENOENT)
			r = 0;
	}
	if (r >= 0 && !control->answer)
		return fault_set(fault, 404, NULL, "there is no receipt for that name");
	return r < 0 ? r : 0;
}

/* --- status, connections, reload --- */

struct pushes {
	const struct conf *conf;
	uint64_t *times_us; /* one per connection, 0: not found yet */
	size_t missing, looked_at;
};

static int push_note(const struct store_event *event, void *context)
{
	struct pushes *pushes = context;
	_cleanup_(json_putp) struct json_object *object = NULL;
	const char *name;
	int r = parse_stored(event->json, &object);

	if (r < 0)
		return r;
	name = json_get_string(object, "connection");
	for (size_t i = 0; name && i < pushes->conf->connection_count; i++) {
		if (pushes->times_us[i] || strcmp(pushes->conf->connections[i].name, name) != 0)
			continue;
		pushes->times_us[i] = event->time_us;
		pushes->missing--;
	}
	return pushes->missing == 0 || ++pushes->looked_at == LAST_PUSH_SCAN_MAX;
}

static int connection_append(struct json_object *array, const struct conf_connection *connection,
			     uint64_t pushed_us)
{
	_cleanup_(json_putp) struct json_object *object = json_object_new_object();
	char time[CLOCK_TEXT_SIZE] = "";
	int r = object ? put_text(object, "name", connection->name) : -ENOMEM;

	if (r == 0)
		r = put_number(object, "tokens", connection->token_count);
	if (r == 0)
		r = put_text(object, "last_push", pushed_us ? clock_format(pushed_us, time) : NULL);
	return r == 0 ? append(array, TAKE_PTR(object)) : r;
}

static int connections_fill(struct control *control, struct json_object *array)
{
	size_t count = control->conf->connection_count;
	_cleanup_free_ uint64_t *times_us = calloc(count + 1, sizeof(*times_us));
	struct pushes pushes = { control->conf, times_us, count, 0 };
	int r;

	if (!times_us)
		return -ENOMEM;
	r = count > 0 ? store_event_each(control->txn, push_note, &pushes) : 0;
	for (size_t i = 0; i < count && r >= 0; i++)
		r = connection_append(array, &control->conf->connections[i], times_us[i]);
	return r < 0 ? r : 0;
}

static int control_connections(struct control *control, struct fault *fault)
{
	(void)fault;
	control->answer = json_object_new_array();
	return control->answer ? connections_fill(control, control->answer) : -ENOMEM;
}

static int status_counts(struct control *control, struct json_object *object)
{
	uint64_t users, groups, revision;
	int r = store_resource_count(control->txn, RESOURCE_USER, NULL, &users);

	if (r == 0)
		r = store_resource_count(control->txn, RESOURCE_GROUP, NULL, &groups);
	if (r == 0)
		r = store_revision(control->txn, &revision);
	if (r == 0)
		r = put_number(object, "users", users);
	if (r == 0)
		r = put_number(object, "groups", groups);
	return r == 0 ? put_number(object, "revision", revision) : r;
}

static int control_status(struct control *control, struct fault *fault)
{
	struct json_object *object = json_object_new_object(), *warden, *array;
	struct change_status status;
	int r;

	(void)fault;
	if (!object)
		return -ENOMEM;
	control->answer = object;
	change_engine_status(control->engine, &status);
	r = put_text(object, "version", SCIMD_VERSION);
	if (r == 0)
		r = status_counts(control, object);
	warden = json_object_new_object();
	if (r == 0)
		r = warden ? put(object, "warden", warden) : -ENOMEM;
	else
		json_putp(&warden);
	if (r == 0)
		r = put_bool(warden, "connected", status.warden_connected);
	if (r == 0)
		r = put_number(warden, "revision", status.warden_revision);
	if (r == 0)
		r = put_number(object, "pending", status.pending);
	if (r == 0)
		r = put_number(object, "waiting", status.waiting);
	if (r < 0)
		return r;
	array = put_array(object, "connections");
	return array ? connections_fill(control, array) : -ENOMEM;
}

static int control_reload(struct control *control, struct fault *fault)
{
	int r = change_engine_reload_files(control->engine, fault);

	if (r < 0)
		return r;
	log_notice("configuration reloaded by uid %u", control->request->peer_uid);
	control->answer = json_object_new_object();
	return control->answer ? put_bool(control->answer, "reloaded", true) : -ENOMEM;
}

/* --- from the request to the answer --- */

static const struct {
	const char *method, *path;
	bool name;  /* one more segment follows */
	bool reads; /* the store */
	int (*run)(struct control *control, struct fault *fault);
} routes[] = {
	{ "GET", "/v1/users", false, true, control_users },
	{ "GET", "/v1/users", true, true, control_user },
	{ "GET", "/v1/groups", false, true, control_groups },
	{ "GET", "/v1/groups", true, true, control_group },
	{ "GET", "/v1/events", false, true, control_events },
	{ "GET", "/v1/receipts", true, true, control_receipt },
	{ "GET", "/v1/status", false, true, control_status },
	{ "GET", "/v1/connections", false, true, control_connections },
	{ "POST", "/v1/reload", false, false, control_reload },
};

/* The index of the route, with the name in control; -EPROTO with *fault; -ENOMEM. */
static int control_route(struct control *control, struct fault *fault)
{
	const struct request *request = control->request;
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		size_t len = strlen(routes[i].path);
		const char *rest = request->path + len;
		int r;

		if (strncmp(request->path, routes[i].path, len) != 0)
			continue;
		if (routes[i].name ? rest[0] != '/' || !rest[1] || strchr(rest + 1, '/') : *rest)
			continue;
		known = true;
		if (strcmp(request->method, routes[i].method) != 0)
			continue;
		r = routes[i].name ? query_decode(rest + 1, strlen(rest + 1), false, &control->name)
				   : 0;
		if (r == -EINVAL)
			return fault_set(fault, 400, NULL, "the name cannot be decoded");
		return r < 0 ? r : (int)i;
	}
	return known ? fault_set(fault, 405, NULL, "not with this method")
		     : fault_set(fault, 404, NULL, "there is no such endpoint");
}

static int control_run(struct control *control, struct fault *fault)
{
	uint32_t peer = control->request->peer_uid;
	int route, r;

	if (peer != 0 && peer != (uint32_t)geteuid())
		return fault_set(fault, 403, NULL, "only root may do this");
	route = control_route(control, fault);
	if (route < 0)
		return route;
	if (routes[route].reads) {
		r = store_begin(change_engine_store(control->engine), NULL, false, &control->txn);
		if (r < 0)
			return r;
	}
	return routes[route].run(control, fault);
}

static void control_done(struct control *control)
{
	store_abortp(&control->txn); /* it has read only */
	free(control->name);
	json_putp(&control->answer);
	change_engine_conf_put(control->engine, control->conf);
}

void control_handle(struct service *service, const struct request *request,
		    struct response *response)
{
	_cleanup_(control_done) struct control control = {
		.engine = service->engine,
		.request = request,
		.conf = change_engine_conf(service->engine),
	};
	struct fault fault = {};
	int r = control_run(&control, &fault);

	response->status = 200;
	if (r >= 0) {
		response->body = json_text(control.answer);
		r = response->body ? 0 : -ENOMEM;
	}
	if (r < 0) {
		if (r != -EPROTO || fault.status == 0) {
			log_error_errno(r, "%s: control request failed", request->id);
			fault_set(&fault, 500, NULL, "internal error, see the log for request %s",
				  request->id);
		}
		response->status = fault.status;
		response->body = fault_to_json(&fault);
	}
	response->body_size = response->body ? strlen(response->body) : 0;
	response->content_type = response->body ? MEDIA_TYPE : NULL;
}
