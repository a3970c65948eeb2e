#include "scimd/service/service.h"

#include <stdarg.h>

#include "scimd/service/call.h"
#include "scimd/service/usage.h"
#include "tests/unit/service/engine.h"
#include "tests/unit/t.h"

#define ADA "00000000-0000-7000-8000-000000000001"
#define BOB "00000000-0000-7000-8000-000000000002"
#define OPS "00000000-0000-7000-8000-000000000003"

static int reloads, reload_result;

/* The rest of the engine: what only the control API calls. */
int change_engine_reload_files(struct change_engine *engine, struct fault *fault)
{
	(void)engine;
	reloads++;
	return reload_result < 0 ? fault_set(fault, 400, NULL, "scimd.conf:3: no") : 0;
}

void change_engine_status(struct change_engine *engine, struct change_status *ret)
{
	(void)engine;
	*ret = (struct change_status){ .warden_connected = true,
				       .warden_revision = 7,
				       .pending = 2 };
}

struct fixture {
	struct change_engine engine;
	struct conf conf;
	struct conf_connection connections[2];
	struct conf_attribute attributes[2];
	struct service *service;
	struct response response;
	struct json_object *json;
	uint32_t peer_uid;
};

static void put(struct store_txn *txn, enum resource_type type, const char *id, const char *folded,
		const char *json, const char *posix, uint32_t number, const char *reason)
{
	struct store_resource row = {
		.type = type,
		.connection = "okta",
		.version = 1,
		.created_us = 1000000,
		.modified_us = 2000000,
		.folded_name = (char *)folded,
		.json = (char *)json,
		.number = number,
		.allowed = reason == NULL,
		.reason = (char *)reason,
		.roles = (char *)(reason ? NULL : "admin,dev"),
	};
	enum store_index taken;

	snprintf(row.id, sizeof(row.id), "%s", id);
	snprintf(row.posix_name, sizeof(row.posix_name), "%s", posix);
	T_FATAL(store_resource_put(txn, &row, &taken) == 0);
}

static void fill(struct store *store)
{
	static const char *const events[][3] = {
		{ "scim.user.created", "ada", "{\"connection\":\"okta\",\"detail\":\"one\"}" },
		{ "scim.user.created", "bob", "{\"connection\":\"okta\"}" },
		{ "login.denied", "bob", "{}" },
	};
	const struct store_login login = { 5000000, (char *)"sshd", (char *)"192.0.2.1" };
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	uint64_t number;

	T_FATAL(store_begin(store, NULL, true, &txn) == 0);
	T_OK(store_login_put(txn, ADA, &login));
	put(txn, RESOURCE_USER, ADA, "ada@example.com",
	    "{\"userName\":\"Ada@example.com\",\"displayName\":\"Ada L\",\"active\":true}", "ada",
	    65536, NULL);
	put(txn, RESOURCE_USER, BOB, "bob@example.com",
	    "{\"userName\":\"bob@example.com\",\"active\":false}", "bob", 65537,
	    "deactivated there");
	put(txn, RESOURCE_GROUP, OPS, "ops team", "{\"displayName\":\"Ops Team\"}", "", 0,
	    "no name for a group");
	T_INT(store_member_add(txn, OPS, ADA, NULL), 1);
	T_INT(store_member_add(txn, OPS, BOB, NULL), 1);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		T_FATAL(store_event_append(txn, events[i][0], events[i][1], events[i][2],
					   &number) == 0);
	T_FATAL(store_receipt_put(txn, 0, "bob", "{\"user\":\"bob\",\"n\":1}", false, &number) == 0);
	T_FATAL(store_receipt_put(txn, 0, "bob", "{\"user\":\"bob\",\"n\":2,\"took_us\":70000}",
				  false, &number) == 0);
	T_FATAL(store_commit(&txn) == 0);
}

static struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	T_FATAL(f != NULL);
	f->connections[0] = (struct conf_connection){ .name = (char *)"okta", .token_count = 2 };
	f->connections[1] = (struct conf_connection){ .name = (char *)"entra", .token_count = 1 };
	f->attributes[0] = (struct conf_attribute){ .name = (char *)"login",
						    .source = (char *)"userName" };
	f->attributes[1] = (struct conf_attribute){ .name = (char *)"nick",
						    .source = (char *)"nickName" };
	f->conf.attributes = f->attributes;
	f->conf.attribute_count = ARRAY_SIZE(f->attributes);
	f->conf.connections = f->connections;
	f->conf.connection_count = 2;
	T_FATAL(engine_open(&f->engine, &f->conf) == 0);
	T_FATAL(service_new(&f->engine, &f->service) == 0);
	fill(f->engine.store);
	return f;
}

static void fixture_freep(struct fixture **f)
{
	T_INT((*f)->engine.conf_references, 0);
	json_putp(&(*f)->json);
	response_done(&(*f)->response);
	service_freep(&(*f)->service);
	engine_close(&(*f)->engine);
	free(*f);
}

#define FIXTURE(name) _cleanup_(fixture_freep) struct fixture *name = fixture_new()

/* Returns the status; the answer is in f->json. */
static int ask(struct fixture *f, const char *method, const char *path, const char *query)
{
	struct request request = { .method = method,
				   .path = path,
				   .query = query,
				   .peer = "unix",
				   .peer_uid = f->peer_uid,
				   .id = "request-1" };
	struct fault fault = { 0 };

	response_done(&f->response);
	f->response = (struct response){ 0 };
	json_putp(&f->json);
	control_handle(f->service, &request, &f->response);
	T_FATAL(f->response.body != NULL);
	T_STR(f->response.content_type, "application/json");
	T_FATAL(json_parse(f->response.body, f->response.body_size, &f->json, &fault) == 0);
	return f->response.status;
}

/* The answer, or a member of it or of item index of it, as JSON text. */
static const char *text(struct json_object *object, const char *key)
{
	return json_object_to_json_string_ext(key ? json_get(object, key) : object,
					      JSON_C_TO_STRING_PLAIN |
						      JSON_C_TO_STRING_NOSLASHESCAPE);
}

static struct json_object *item(const struct fixture *f, size_t index)
{
	return json_object_array_get_idx(f->json, index);
}

static void test_users(void)
{
	FIXTURE(f);

	T_INT(ask(f, "GET", "/v1/users", NULL), 200);
	T_INT(json_object_array_length(f->json), 2);
	T_STR(text(item(f, 0), NULL),
	      "{\"name\":\"ada\",\"uid\":65536,\"status\":\"active\",\"reason\":null,"
	      "\"userName\":\"Ada@example.com\",\"displayName\":\"Ada L\",\"id\":\"" ADA "\","
	      "\"connection\":\"okta\",\"changed\":\"1970-01-01T00:00:02.000Z\","
	      "\"roles\":[\"admin\",\"dev\"],\"groups\":[\"Ops Team\"],"
	      "\"last_login\":\"1970-01-01T00:00:05.000Z\",\"last_login_service\":\"sshd\","
	      "\"last_login_from\":\"192.0.2.1\",\"lock\":null}");
	T_STR(text(item(f, 1), "last_login"), "null");
	T_STR(text(item(f, 1), "status"), "\"deactivated\"");
	T_STR(text(item(f, 1), "reason"), "\"deactivated there\"");
	T_STR(text(item(f, 1), "roles"), "[]");
}

static void test_one_user(void)
{
	FIXTURE(f);

	T_INT(ask(f, "GET", "/v1/users/bob", NULL), 200);
	T_STR(text(f->json, "uid"), "65537");
	T_STR(text(f->json, "gecos"), "\"Ge Cos\"");
	T_STR(text(f->json, "home"), "\"/home/x\"");
	T_STR(text(f->json, "shell"), "\"/bin/sh\"");
	T_STR(text(f->json, "attributes"), "{\"login\":\"bob@example.com\"}");
	T_INT(ask(f, "GET", "/v1/users/ADA%40example.com", NULL), 200);
	T_STR(text(f->json, "name"), "\"ada\"");
	T_INT(ask(f, "GET", "/v1/users/carol", NULL), 404);
	T_INT(ask(f, "GET", "/v1/users/%zz", NULL), 400);
	T_INT(ask(f, "GET", "/v1/users/a/b", NULL), 404);
}

static void test_groups(void)
{
	FIXTURE(f);

	T_INT(ask(f, "GET", "/v1/groups", NULL), 200);
	T_INT(json_object_array_length(f->json), 1);
	T_STR(text(item(f, 0), "members"), "2");
	T_STR(text(item(f, 0), "exposed"), "false");
	T_STR(text(item(f, 0), "reason"), "\"no name for a group\"");
	T_INT(ask(f, "GET", "/v1/groups/Ops%20Team", NULL), 200);
	T_STR(text(f->json, "memberNames"), "[\"ada\",\"bob\"]");
	T_INT(ask(f, "GET", "/v1/groups/ada", NULL), 404); /* a user's name */
}

static const struct {
	const char *query;
	int status;
	size_t count;
	const char *first; /* sequence */
} event_cases[] = {
	{ "user=bob&type=scim.user.created", 200, 1, "2" },
	{ "limit=1", 200, 1, "3" },
	{ "after=1", 200, 2, "2" },
	{ "type=scim.*", 200, 2, "1" },
	{ "type=*.denied", 200, 1, "3" },
	{ "type=scim", 200, 0, NULL },
	{ "connection=okta", 200, 2, "1" },
	{ "connection=entra", 200, 0, NULL },
	{ "since=1000", 200, 3, "1" },
	{ "since=99999999999", 200, 0, NULL },
	{ "limit=x", 400, 0, NULL },
	{ "since=-1", 400, 0, NULL },
	{ "user=%0", 400, 0, NULL },
};

static void test_events(void)
{
	FIXTURE(f);

	T_INT(ask(f, "GET", "/v1/events", NULL), 200);
	T_INT(json_object_array_length(f->json), 3);
	T_STR(text(item(f, 0), "sequence"), "1");
	T_STR(text(item(f, 0), "detail"), "\"one\"");
	T_STR(text(item(f, 2), "type"), "\"login.denied\"");
	for (size_t i = 0; i < ARRAY_SIZE(event_cases); i++) {
		T_INT(ask(f, "GET", "/v1/events", event_cases[i].query), event_cases[i].status);
		if (event_cases[i].status != 200)
			continue;
		T_INT(json_object_array_length(f->json), event_cases[i].count);
		if (event_cases[i].count)
			T_STR(text(item(f, 0), "sequence"), event_cases[i].first);
	}
}

static void test_receipt(void)
{
	FIXTURE(f);

	T_INT(ask(f, "GET", "/v1/receipts/bob", NULL), 200);
	T_STR(text(f->json, "n"), "2"); /* the newest */
	T_INT(ask(f, "GET", "/v1/receipts/bob%40example.com", NULL), 200);
	T_STR(text(f->json, "user"), "\"bob\"");
	T_INT(ask(f, "GET", "/v1/receipts", NULL), 200);
	T_INT(json_object_array_length(f->json), 2);
	T_STR(text(item(f, 0), "n"), "1"); /* the newest last */
	T_INT(ask(f, "GET", "/v1/receipts", "limit=1&user=bob"), 200);
	T_INT(json_object_array_length(f->json), 1);
	T_STR(text(item(f, 0), "n"), "2");
	T_INT(ask(f, "GET", "/v1/receipts", "user=ada"), 200);
	T_INT(json_object_array_length(f->json), 0);
	T_INT(ask(f, "GET", "/v1/receipts/ada", NULL), 404);
	T_INT(ask(f, "GET", "/v1/receipts/carol", NULL), 404);
}

static void test_status(void)
{
	FIXTURE(f);

	T_INT(ask(f, "GET", "/v1/status", NULL), 200);
	T_STR(text(f->json, "users"), "2");
	T_STR(text(f->json, "groups"), "1");
	T_STR(text(f->json, "pending"), "2");
	T_STR(text(f->json, "warden"), "{\"connected\":true,\"revision\":7}");
	T_INT(ask(f, "GET", "/v1/connections", NULL), 200);
	T_INT(json_object_array_length(f->json), 2);
	T_STR(text(item(f, 0), "tokens"), "2");
	T_TRUE(json_get_string(item(f, 0), "last_push") != NULL);
	T_STR(text(item(f, 1), "last_push"), "null");
}

static void test_reload(void)
{
	FIXTURE(f);

	reloads = reload_result = 0;
	T_INT(ask(f, "POST", "/v1/reload", NULL), 200);
	T_INT(reloads, 1);
	reload_result = -1;
	T_INT(ask(f, "POST", "/v1/reload", NULL), 400);
	T_STR(json_get_string(f->json, "detail"), "scimd.conf:3: no");
	T_INT(ask(f, "GET", "/v1/reload", NULL), 405);
	T_INT(ask(f, "POST", "/v1/users", NULL), 405);
	T_INT(ask(f, "GET", "/v1", NULL), 404);
	T_INT(ask(f, "GET", "/v1/usersx", NULL), 404);
	T_INT(reloads, 2);
}

static void test_metrics(void)
{
	static const char *const lines[] = {
		"scimd_users{status=\"active\"} 1\n", "scimd_users{status=\"deactivated\"} 1\n",
		"scimd_users{status=\"locked\"} 0\n", "scimd_groups 1\n",
		"scimd_users{status=\"unconfirmed\"} 0\n",
		"scimd_warden_connected 1\n",		"scimd_offboardings_pending 2\n",
		"scimd_offboarding_duration_seconds_count 1\n",
		"scimd_offboarding_duration_seconds_bucket{le=\"0.05\"} 0\n",
		"scimd_offboarding_duration_seconds_bucket{le=\"0.1\"} 1\n",
		"scimd_offboarding_duration_seconds_sum 0.070000\n",
		"scimd_last_push_timestamp_seconds{connection=\"entra\"} 0.000\n",
		"scimd_requests_total{connection=\"okta\",method=\"PATCH\",code=\"2xx\"} 2\n",
		"scimd_requests_total{connection=\"a\\\"b\",method=\"other\",code=\"4xx\"} 1\n",
		"scimd_request_duration_seconds_count 3\n",
	};
	struct request request = { .method = "GET", .path = "/metrics", .peer = "unix" };
	FIXTURE(f);

	metrics_count(f->service->metrics, "okta", "PATCH", 200, 10);
	metrics_count(f->service->metrics, "okta", "PATCH", 204, 2000);
	metrics_count(f->service->metrics, "a\"b", "BREW", 405, 20000000);
	control_handle(f->service, &request, &f->response);
	T_INT(f->response.status, 200);
	T_STR(f->response.content_type, "text/plain; version=0.0.4; charset=utf-8");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		bool there = f->response.body && strstr(f->response.body, lines[i]);

		if (!there)
			fprintf(stderr, "missing: %s", lines[i]);
		T_TRUE(there);
	}
	T_INT(ask(f, "GET", "/v1/connections", NULL), 200);
	T_STR(text(item(f, 0), "requests"), "2");
	T_STR(text(item(f, 0), "errors"), "0");
	T_TRUE(json_get_string(item(f, 0), "last_used") != NULL);
}

/* A restart of the service: what it counted itself is gone, what was kept is not. */
static void service_restart(struct fixture *f)
{
	service_freep(&f->service);
	T_FATAL(service_new(&f->engine, &f->service) == 0);
}

static void use_is(struct fixture *f, const char *requests, const char *errors, const char *last_used)
{
	T_INT(ask(f, "GET", "/v1/connections", NULL), 200);
	T_STR(text(item(f, 0), "requests"), requests);
	T_STR(text(item(f, 0), "errors"), errors);
	if (last_used)
		T_STR(json_get_string(item(f, 0), "last_used"), last_used);
	T_INT(text(item(f, 1), "requests")[0], '0');
	T_TRUE(json_get(item(f, 1), "last_used") == NULL);
}

static void test_usage(void)
{
	FIXTURE(f);
	_cleanup_(usage_freep) struct usage *usage = NULL;
	_cleanup_(usage_freep) struct usage *running = NULL; /* ends before its service */
	_cleanup_free_ char *last_used = NULL;
	struct metrics_connection sum;
	const char *name;

	T_OK(usage_new(f->service, USAGE_PERIOD_MS, &usage));
	metrics_count(f->service->metrics, "okta", "GET", 200, 10);
	metrics_count(f->service->metrics, "okta", "POST", 409, 10);
	metrics_count(f->service->metrics, NULL, "GET", 401, 10); /* nobody's */
	use_is(f, "2", "1", NULL);
	last_used = strdup(json_get_string(item(f, 0), "last_used"));
	usage_freep(&usage); /* at the end */
	service_restart(f);
	use_is(f, "0", "0", NULL);
	T_OK(usage_new(f->service, 20, &running));
	use_is(f, "2", "1", last_used);
	T_TRUE(!metrics_connection_used(f->service->metrics, &name, &sum));
	metrics_count(f->service->metrics, "okta", "GET", 500, 10);
	use_is(f, "3", "2", NULL);
	for (int i = 0; i < 300; i++) { /* within its period, without an end */
		struct service *next;

		usleep(10000);
		T_FATAL(service_new(&f->engine, &next) == 0);
		T_OK(usage_new(next, USAGE_PERIOD_MS, &usage));
		metrics_connection(next->metrics, "okta", &sum);
		usage_freep(&usage);
		service_freep(&next);
		if (sum.requests == 3)
			break;
	}
	T_INT(sum.requests, 3);
	T_INT(sum.errors, 2);
}

static void test_ids(void)
{
	static const struct {
		const char *body;
		int status;
	} cases[] = {
		{ "[{\"name\":\"carol\",\"number\":70001}]", 200 },
		{ "[{\"name\":\"carol\",\"number\":70001}]", 200 },
		{ "[{\"name\":\"carol\",\"number\":70002}]", 409 },
		{ "[{\"name\":\"dora\",\"number\":70003},{\"name\":\"eve\",\"number\":70001}]", 409 },
		{ "[{\"name\":\"ada\",\"number\":65536}]", 200 }, /* has it */
		{ "[{\"name\":\"ada\",\"number\":70004}]", 409 },
		{ "[{\"name\":\"dora\",\"number\":1000}]", 400 },
		{ "[{\"name\":\"root\",\"number\":70005}]", 400 },
		{ "[{\"name\":\"no name\",\"number\":70005}]", 400 },
		{ "[{\"name\":\"dora\"}]", 400 },
		{ "[{\"type\":\"group\",\"name\":\"dev\",\"number\":70006}]", 200 },
		{ "[{\"type\":\"group\",\"name\":\"dev\",\"number\":70007}]", 409 },
		{ "[{\"name\":\"dev\",\"number\":70006}]", 409 },
		{ "[{\"type\":\"group\",\"name\":\"carol\",\"number\":70001}]", 409 },
		{ "[{\"type\":\"group\",\"name\":\"ada\",\"number\":65536}]", 409 }, /* a person */
		{ "[{\"type\":\"team\",\"name\":\"qa\",\"number\":70008}]", 400 },
		{ "{}", 400 },
		{ "", 400 },
	};
	FIXTURE(f);

	f->conf.identity.uid_min = 65000;
	f->conf.identity.uid_max = 80000;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct request request = { .method = "POST", .path = "/v1/ids", .peer = "unix",
					   .body = cases[i].body,
					   .body_size = strlen(cases[i].body) };

		response_done(&f->response);
		f->response = (struct response){ 0 };
		control_handle(f->service, &request, &f->response);
		T_INT(f->response.status, cases[i].status);
	}
	T_INT(ask(f, "GET", "/v1/ids", NULL), 200);
	T_INT(json_object_array_length(f->json), 4); /* none of a list that was refused */
	T_STR(text(item(f, 0), NULL), "{\"name\":\"ada\",\"type\":\"user\",\"number\":65536,"
				      "\"state\":\"given\"}");
	T_STR(text(item(f, 2), NULL), "{\"name\":\"dev\",\"type\":\"group\",\"number\":70006,"
				      "\"state\":\"kept\"}");
	T_STR(text(item(f, 3), NULL), "{\"name\":\"carol\",\"type\":\"user\",\"number\":70001,"
				      "\"state\":\"kept\"}");
}

static void hold(struct store *store, const char *id)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;

	T_FATAL(store_begin(store, NULL, true, &txn) == 0);
	T_FATAL(store_held_put(txn, id, 5000000) == 0);
	T_FATAL(store_commit(&txn) == 0);
}

static void test_confirm(void)
{
	static const struct {
		const char *path;
		unsigned int status;
	} cases[] = {
		{ "/v1/confirm/bob", 200 },
		{ "/v1/confirm/bob", 409 },
		{ "/v1/confirm/carol", 404 },
		{ "/v1/confirm", 200 },
	};
	FIXTURE(f);

	T_INT(ask(f, "GET", "/v1/status", NULL), 200);
	T_STR(text(f->json, "unconfirmed"), "0");
	hold(f->engine.store, BOB);
	T_INT(ask(f, "GET", "/v1/status", NULL), 200);
	T_STR(text(f->json, "unconfirmed"), "1");
	T_INT(ask(f, "GET", "/v1/users/bob", NULL), 200);
	T_STR(text(f->json, "status"), "\"unconfirmed\"");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask(f, "POST", cases[i].path, NULL), cases[i].status);
		T_INT(ask(f, "GET", "/v1/status", NULL), 200);
		T_STR(text(f->json, "unconfirmed"), "0");
	}
	hold(f->engine.store, ADA);
	hold(f->engine.store, BOB);
	T_INT(ask(f, "POST", "/v1/confirm", NULL), 200);
	T_STR(text(f->json, "confirmed"), "2");
	T_STR(f->engine.request, "scimctl confirm");
	f->peer_uid = 4242;
	T_INT(ask(f, "POST", "/v1/confirm", NULL), 403);
}

static void test_backup(void)
{
	FIXTURE(f);
	char folder[128];

	snprintf(folder, sizeof(folder), "%s/backup", f->engine.directory);
	T_INT(ask(f, "POST", "/v1/backup", NULL), 200);
	T_STR(text(f->json, "users"), "2");
	T_STR(text(f->json, "groups"), "1");
	T_STR(json_get_string(f->json, "path"), folder);
	T_INT(strlen(json_get_string(f->json, "instance")), 32);
	T_INT(access(folder, F_OK), 0);
	T_INT(ask(f, "POST", "/v1/backup/drop", NULL), 200);
	T_INT(access(folder, F_OK), -1);
	T_INT(ask(f, "GET", "/v1/backup", NULL), 405);
	f->peer_uid = 4242;
	T_INT(ask(f, "POST", "/v1/backup", NULL), 403);
	T_INT(access(folder, F_OK), -1);
}

static void test_lock(void)
{
	static const struct {
		const char *path, *query;
		int status;
		const char *user_status, *lock; /* of bob, afterwards */
	} cases[] = {
		{ "/v1/unlock/bob", NULL, 409, "\"deactivated\"", "null" },
		{ "/v1/lock/carol", NULL, 404, "\"deactivated\"", "null" },
		{ "/v1/lock/bob", "by=", 400, "\"deactivated\"", "null" },
		{ "/v1/lock/bob", "by=a%0ab", 400, "\"deactivated\"", "null" },
		{ "/v1/lock/bob", "by=alice&reason=laptop%20stolen", 200, "\"locked\"",
		  "{\"by\":\"alice\",\"at\":\"1970-01-01T00:00:03.000Z\","
		  "\"reason\":\"laptop stolen\"}" },
		{ "/v1/unlock/bob%40example.com", NULL, 200, "\"deactivated\"", "null" },
		{ "/v1/lock/bob", NULL, 200, "\"locked\"",
		  "{\"by\":\"uid 0\",\"at\":\"1970-01-01T00:00:03.000Z\",\"reason\":null}" },
	};
	FIXTURE(f);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(ask(f, "POST", cases[i].path, cases[i].query), cases[i].status);
		T_INT(ask(f, "GET", "/v1/users/bob", NULL), 200);
		T_STR(text(f->json, "status"), cases[i].user_status);
		T_STR(text(f->json, "lock"), cases[i].lock);
	}
	T_INT(ask(f, "POST", "/v1/unlock/gone", NULL), 409); /* known by its lock alone */
	T_STR(f->engine.request, "scimctl unlock");
}

static void test_others_may_look(void)
{
	static const uint32_t others[] = { 1, 65536 };
	FIXTURE(f);

	reloads = reload_result = 0;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		f->peer_uid = others[i];
		T_INT(ask(f, "GET", "/v1/users", NULL), 200);
		T_INT(ask(f, "POST", "/v1/reload", NULL), 403);
		T_INT(ask(f, "POST", "/v1/lock/bob", NULL), 403);
	}
	f->peer_uid = UINT32_MAX; /* not from the control socket */
	T_INT(ask(f, "GET", "/v1/users", NULL), 403);
	T_INT(reloads, 0);
	f->peer_uid = geteuid();
	T_INT(ask(f, "POST", "/v1/reload", NULL), 200);
}

T_MAIN("control", T(test_users), T(test_one_user), T(test_groups), T(test_events), T(test_receipt),
       T(test_status), T(test_metrics), T(test_usage), T(test_ids), T(test_lock), T(test_confirm),
       T(test_backup), T(test_reload),
       T(test_others_may_look))
