/* fixture.h - a service over the test engine, requests to it and looks at its answers. */
#ifndef TESTS_UNIT_SERVICE_FIXTURE_H
#define TESTS_UNIT_SERVICE_FIXTURE_H

#include "scimd/service/service.h"

#include <stdarg.h>

#include <gnutls/crypto.h>

#include "scimd/service/call.h"
#include "tests/unit/service/engine.h"
#include "tests/unit/t.h"

#define BASE "https://host.example:8643/scim/v2"
#define NOBODY "00000000-0000-7000-8000-000000000000"

struct fixture {
	struct change_engine engine;
	struct conf conf;
	struct conf_connection connections[2];
	struct service *service;
	struct request with; /* headers of the next requests */
	struct response response;
	struct json_object *json; /* the last answer */
	char ids[8][RESOURCE_ID_SIZE];
};

static inline struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	T_FATAL(f != NULL);
	f->connections[0] = (struct conf_connection){ .name = (char *)"okta", .token_count = 1 };
	f->connections[1] = (struct conf_connection){ .name = (char *)"entra", .token_count = 1 };
	gnutls_hash_fast(GNUTLS_DIG_SHA256, "one", 3, f->connections[0].token_sha256[0]);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, "two", 3, f->connections[1].token_sha256[0]);
	f->conf.connections = f->connections;
	f->conf.connection_count = 2;
	f->conf.server.listen = (char *)"127.0.0.1:8643";
	f->conf.server.max_body = 65536;
	f->with = (struct request){
		.authorization = "Bearer one",
		.content_type = "application/scim+json",
		.host = "host.example:8643",
		.peer = "192.0.2.1",
		.peer_uid = UINT32_MAX,
		.id = "request-1",
	};
	T_FATAL(engine_open(&f->engine, &f->conf) == 0);
	T_FATAL(service_new(&f->engine, &f->service) == 0);
	return f;
}

static inline void fixture_freep(struct fixture **f)
{
	T_INT((*f)->engine.conf_references, 0);
	json_putp(&(*f)->json);
	response_done(&(*f)->response);
	service_freep(&(*f)->service);
	engine_close(&(*f)->engine);
	free(*f);
}

#define FIXTURE(name) _cleanup_(fixture_freep) struct fixture *name = fixture_new()

/* Send a request; target is path and query below the base, a format. Returns the status. */
static inline int ask(struct fixture *f, const char *method, const char *body,
		      const char *target, ...)
	_printf_(4, 5);
static inline int ask(struct fixture *f, const char *method, const char *body,
		      const char *target, ...)
{
	struct request request = f->with;
	struct fault fault = {};
	char path[2048] = "/scim/v2";
	size_t used = strlen(path);
	va_list args;
	char *query;

	va_start(args, target);
	vsnprintf(path + used, sizeof(path) - used, target, args);
	va_end(args);
	query = strchr(path, '?');
	if (query)
		*query++ = '\0';
	request.method = method;
	request.path = path;
	request.query = query;
	request.body = body;
	request.body_size = body ? strlen(body) : 0;
	response_done(&f->response);
	json_putp(&f->json);
	f->json = NULL;
	service_handle(f->service, &request, &f->response);
	if (!f->response.body)
		return f->response.status;
	T_STR(f->response.content_type, "application/scim+json");
	T_FATAL(json_parse(f->response.body, f->response.body_size, &f->json, &fault) == 0);
	return f->response.status;
}

static inline const char *header(const struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->response.header_count; i++)
		if (strcmp(f->response.headers[i].name, name) == 0)
			return f->response.headers[i].value;
	return NULL;
}

/* The value at a path such as "members/0/value" in the last answer, as text; NULL without one. */
static inline const char *at(const struct fixture *f, const char *path)
{
	struct json_object *value = f->json;

	while (value && *path) {
		char step[128];
		size_t len = strcspn(path, "/");

		snprintf(step, sizeof(step), "%.*s", (int)len, path);
		if (json_object_is_type(value, json_type_array))
			value = json_object_array_get_idx(value, (size_t)atoi(step));
		else
			value = json_object_object_get(value, step);
		path += len + (path[len] == '/');
	}
	return value ? json_object_get_string(value) : NULL;
}

static inline size_t length_of(const struct fixture *f, const char *member)
{
	struct json_object *value = json_object_object_get(f->json, member);

	return value ? json_object_array_length(value) : 0;
}

static inline const char *create_user(struct fixture *f, size_t slot, const char *name)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"schemas\":[\"" URN_USER "\"],\"userName\":\"%s@b.example\","
		 "\"externalId\":\"ext-%s\",\"emails\":[{\"value\":\"%s@b.example\","
		 "\"type\":\"work\",\"primary\":true}],\"groups\":[],\"active\":true}",
		 name, name, name);
	T_INT(ask(f, "POST", body, "/Users"), 201);
	snprintf(f->ids[slot], RESOURCE_ID_SIZE, "%s", at(f, "id") ? at(f, "id") : "");
	return f->ids[slot];
}

static inline const char *create_group(struct fixture *f, size_t slot, const char *name,
				       const char *members)
{
	char body[1024];

	snprintf(body, sizeof(body), "{\"displayName\":\"%s\",\"members\":[%s]}", name, members);
	T_INT(ask(f, "POST", body, "/Groups"), 201);
	snprintf(f->ids[slot], RESOURCE_ID_SIZE, "%s", at(f, "id") ? at(f, "id") : "");
	return f->ids[slot];
}

static inline const char *patch(char *room, size_t size, const char *operations, ...) _printf_(3, 4);
static inline const char *patch(char *room, size_t size, const char *operations, ...)
{
	int used = snprintf(room, size, "{\"schemas\":[\"" URN_PATCH "\"],\"Operations\":[");
	va_list args;

	va_start(args, operations);
	used += vsnprintf(room + used, size - (size_t)used, operations, args);
	va_end(args);
	snprintf(room + used, size - (size_t)used, "]}");
	return room;
}

#endif
