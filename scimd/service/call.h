/* call.h - one request on its way through the service, and the handlers that answer it.
 * Layer: service, inside it. Threads: a call belongs to its request's thread, which waits while the
 * writer's thread runs the call's change_fn. */
#ifndef SCIMD_SERVICE_CALL_H
#define SCIMD_SERVICE_CALL_H

#include <semaphore.h>
#include <stdbool.h>

#include <json-c/json.h>

#include "scimd/service/id.h"
#include "scimd/service/limit.h"
#include "scimd/service/metrics.h"
#include "scimd/service/query.h"
#include "scimd/service/route.h"
#include "scimd/service/service.h"

#define CALL_REQUEST_SIZE 320

struct service {
	struct change_engine *engine; /* borrowed */
	struct limit *limit, *failures; /* requests, and tokens that are not known, by address */
	struct metrics *metrics;
	struct webhook *webhook; /* borrowed, or NULL */
	struct id_source ids;
	sem_t hashing;     /* how many passwords are hashed at once */
	uint64_t scan_max; /* resources that a filter without an index may look at */
};

struct call {
	struct service *service;
	struct change_engine *engine; /* borrowed */
	const struct request *request;
	struct response *response;
	const struct conf *conf;                  /* a reference */
	const struct conf_connection *connection; /* within conf */
	struct route_match route;
	struct query query;
	char *base_url;           /* owned, "https://HOST/scim/v2" */
	struct json_object *body; /* owned; the parsed body where one is needed, an object */
	bool has_password;        /* the body holds one */
	const char *given_id;     /* for a create, chosen before; borrowed, or NULL */
	char *payload;            /* owned; the body for events, or NULL */
	char request_line[CALL_REQUEST_SIZE];
	struct change_source source;       /* borrows from the above */
	char subject[STORE_NAME_SIZE];     /* POSIX name of whom a write is about, once known */
};

/* Handlers: 0 with *response filled; -EPROTO with *fault; another negative errno. */
typedef int (*call_handler)(struct call *call, struct fault *fault);

int user_list(struct call *call, struct fault *fault);
int user_read(struct call *call, struct fault *fault);
int user_write(struct call *call, struct fault *fault); /* create, replace, patch */
int user_delete(struct call *call, struct fault *fault);
int user_search(struct call *call, struct fault *fault);
int group_list(struct call *call, struct fault *fault);
int group_read(struct call *call, struct fault *fault);
int group_write(struct call *call, struct fault *fault);
int group_delete(struct call *call, struct fault *fault);
int group_search(struct call *call, struct fault *fault);
int root_list(struct call *call, struct fault *fault);
int root_search(struct call *call, struct fault *fault);
int bulk_write(struct call *call, struct fault *fault);
int discovery_provider_config(struct call *call, struct fault *fault);
int discovery_resource_types(struct call *call, struct fault *fault);
int discovery_schemas(struct call *call, struct fault *fault);

/* One operation of a Bulk request as if it had come alone. Begin: request (borrowed) and body (an object
 * or NULL) are its own, everything else is the outer call's; *ret is given back with call_nested_done in
 * any case. A route that writes is found and the body described, or -EPROTO with *fault. */
_must_use_ int call_nested_begin(const struct call *outer, const struct request *request,
				 struct json_object *body, const char *given_id,
				 struct response *response, struct call *ret, struct fault *fault);
/* It failed with r: *fault is made complete and reported. */
void call_nested_failed(struct call *call, int r, struct fault *fault);
void call_nested_done(struct call *call);

/* Answer with JSON; object is borrowed. */
_must_use_ int call_respond(struct call *call, int status, struct json_object *object);
/* The same with its text, which is taken; NULL is a lack of memory. */
_must_use_ int call_respond_text(struct call *call, int status, char *text);

#endif
