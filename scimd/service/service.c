#include "scimd/service/service.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/model/json.h"
#include "scimd/service/auth.h"
#include "scimd/service/bounds.h"
#include "scimd/service/call.h"
#include "scimd/service/list.h"
#include "scimd/service/media.h"
#include "scimd/service/payload.h"

#define HASHING_MAX 2u /* yescrypt takes memory and a core: the rest of the host needs some too */
#define FAILURES_PER_S 32u
#define SUBJECT_MAX 128 /* bytes of a userName in an event */
#define MEDIA_TYPE "application/scim+json"
#define URN_SEARCH "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
#define URN_BULK_REQUEST "urn:ietf:params:scim:api:messages:2.0:BulkRequest"

/* What can be done here (RFC 9110 section 9.3.7). */
static int options_answer(struct call *call, struct fault *fault)
{
	(void)fault;
	call->response->status = 204;
	response_header(call->response, "Allow", "%s", call->route.allow);
	return 0;
}

/* What a route does, and whether it takes a body or changes anything. */
static const struct {
	call_handler handler;
	bool body, write;
} actions[ROUTE_ACTIONS] = {
	[ROUTE_USER_LIST] = { user_list, false, false },
	[ROUTE_USER_SEARCH] = { user_search, true, false },
	[ROUTE_USER_CREATE] = { user_write, true, true },
	[ROUTE_USER_READ] = { user_read, false, false },
	[ROUTE_USER_REPLACE] = { user_write, true, true },
	[ROUTE_USER_PATCH] = { user_write, true, true },
	[ROUTE_USER_DELETE] = { user_delete, false, true },
	[ROUTE_GROUP_LIST] = { group_list, false, false },
	[ROUTE_GROUP_SEARCH] = { group_search, true, false },
	[ROUTE_GROUP_CREATE] = { group_write, true, true },
	[ROUTE_GROUP_READ] = { group_read, false, false },
	[ROUTE_GROUP_REPLACE] = { group_write, true, true },
	[ROUTE_GROUP_PATCH] = { group_write, true, true },
	[ROUTE_GROUP_DELETE] = { group_delete, false, true },
	[ROUTE_ROOT_LIST] = { root_list, false, false },
	[ROUTE_ROOT_SEARCH] = { root_search, true, false },
	[ROUTE_BULK] = { bulk_write, true, true },
	[ROUTE_OPTIONS] = { options_answer, false, false },
	[ROUTE_PROVIDER_CONFIG] = { discovery_provider_config, false, false },
	[ROUTE_RESOURCE_TYPES] = { discovery_resource_types, false, false },
	[ROUTE_SCHEMAS] = { discovery_schemas, false, false },
};

int service_new(struct change_engine *engine, struct service **ret)
{
	_cleanup_free_ struct service *service = calloc(1, sizeof(*service));
	int r;

	if (!service)
		return -ENOMEM;
	service->engine = engine;
	service->scan_max = LIST_SCAN_MAX;
	service->ids = (struct id_source)ID_SOURCE_INIT;
	r = limit_new(&service->limit);
	if (r >= 0)
		r = limit_new(&service->failures);
	if (r >= 0)
		r = metrics_new(&service->metrics);
	if (r >= 0 && sem_init(&service->hashing, 0, HASHING_MAX) < 0)
		r = -errno;
	if (r < 0) {
		metrics_freep(&service->metrics);
		limit_freep(&service->failures);
		limit_freep(&service->limit);
		return r;
	}
	*ret = TAKE_PTR(service);
	return 0;
}

void service_freep(struct service **service)
{
	if (!*service)
		return;
	limit_freep(&(*service)->limit);
	limit_freep(&(*service)->failures);
	metrics_freep(&(*service)->metrics);
	sem_destroy(&(*service)->hashing);
	pthread_mutex_destroy(&(*service)->ids.lock);
	free(*service);
	*service = NULL;
}

void service_set_webhook(struct service *service, struct webhook *webhook)
{
	service->webhook = webhook;
}

int call_respond(struct call *call, int status, struct json_object *object)
{
	return call_respond_text(call, status, json_text(object));
}

int call_respond_text(struct call *call, int status, char *text)
{
	if (!text)
		return -ENOMEM;
	call->response->status = status;
	call->response->body = text;
	call->response->body_size = strlen(text);
	call->response->content_type = MEDIA_TYPE;
	return 0;
}

/* A Host header goes into URLs that we hand out, so it must be a plain host and port. */
static bool host_is_plain(const char *host)
{
	size_t len = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789.-_:[]");

	return len > 0 && len <= 255 && host[len] == '\0';
}

/* The configured URL may be given with or without the base path. */
static int base_url_make(const struct call *call, char **ret)
{
	const char *url = call->conf->server.public_url;
	const char *host = call->request->host;
	size_t base_len = strlen(ROUTE_BASE);
	size_t len;
	int r;

	if (!url) {
		if (!host || !host_is_plain(host))
			host = call->conf->server.listen;
		r = asprintf(ret, "https://%s%s", host, ROUTE_BASE);
		return r < 0 ? -ENOMEM : 0;
	}
	len = strlen(url);
	while (len > 0 && url[len - 1] == '/')
		len--;
	if (len >= base_len && strncmp(url + len - base_len, ROUTE_BASE, base_len) == 0)
		len -= base_len;
	r = asprintf(ret, "%.*s%s", (int)len, url, ROUTE_BASE);
	return r < 0 ? -ENOMEM : 0;
}

static int check_rate(struct call *call, struct fault *fault)
{
	const char *peer = call->request->peer ? call->request->peer : "";
	unsigned int wait_s = limit_take(call->service->limit, peer, call->conf->server.rate_limit,
					 clock_monotonic_us());

	if (wait_s == 0)
		return 0;
	fault_set(fault, 429, NULL, "more than %u requests per second",
		  call->conf->server.rate_limit);
	fault->retry_after_s = wait_s;
	return -EPROTO;
}

static int check_token(struct call *call, struct fault *fault)
{
	const struct request *request = call->request;
	unsigned int wait_s;

	call->connection = auth_connection(call->conf, request->authorization,
					   request->token);
	if (call->connection)
		return 0;
	/* A known token is never refused for the sake of others behind the same address. */
	wait_s = limit_take(call->service->failures, request->peer ? request->peer : "",
			    FAILURES_PER_S, clock_monotonic_us());
	if (wait_s > 0) {
		fault_set(fault, 429, NULL, "more than %u unknown tokens per second",
			  FAILURES_PER_S);
		fault->retry_after_s = wait_s;
		return -EPROTO;
	}
	log_info("%s: refused %s: %s", request->id, request->peer ? request->peer : "",
		 request->authorization ? "unknown token" : "no token");
	response_header(call->response, "WWW-Authenticate", "Bearer realm=\"scim\"");
	return fault_set(fault, 401, NULL, "%s",
			 request->authorization ? "the bearer token is not known here"
						: "a bearer token is needed");
}

static int check_headers(const struct call *call, struct fault *fault)
{
	const struct request *request = call->request;
	bool body = actions[call->route.action].body;

	if (body && !media_is_scim(request->content_type))
		return fault_set(fault, 415, NULL,
				 "Content-Type must be " MEDIA_TYPE " or application/json");
	/* A DELETE has nothing to say, so nothing can be unacceptable about it. */
	if ((body || !actions[call->route.action].write) && !media_is_accepted(request->accept))
		return fault_set(fault, 406, NULL, "only " MEDIA_TYPE " is offered");
	return 0;
}

/* What a request says that it is, if it says so; dialect = rfc wants it said. What other bodies say
 * is checked with what they change. */
static int check_envelope(const struct call *call, struct fault *fault)
{
	enum route_action action = call->route.action;
	const char *urn = action == ROUTE_BULK ? URN_BULK_REQUEST : URN_SEARCH;
	bool is_ours = action == ROUTE_BULK || action == ROUTE_ROOT_SEARCH ||
		       action == ROUTE_USER_SEARCH || action == ROUTE_GROUP_SEARCH;

	if (!is_ours || resource_body_is(call->body, urn) ||
	    (!json_get(call->body, "schemas") &&
	     call->connection->dialect != CONF_DIALECT_RFC))
		return 0;
	return fault_set(fault, 400, "invalidSyntax", "schemas must name %s", urn);
}

/* What events say of the body. */
static int body_describe(struct call *call)
{
	int r;

	call->has_password = payload_has_password(call->body);
	r = payload_text(call->body, call->has_password, &call->payload);
	call->source.payload = call->payload;
	return r;
}

/* Parse the body and keep a text of it, without passwords, for events. */
static int body_read(struct call *call, struct fault *fault)
{
	const struct request *request = call->request;
	int r;

	if (!actions[call->route.action].body)
		return 0;
	if (!request->body || request->body_size == 0)
		return fault_set(fault, 400, "invalidSyntax", "a body is needed here");
	if (request->body_size > call->conf->server.max_body)
		return fault_set(fault, 413, NULL, "the body is larger than %llu bytes"
				 " (maxPayloadSize)",
				 (unsigned long long)call->conf->server.max_body);
	r = json_parse(request->body, request->body_size, &call->body, fault);
	if (r < 0)
		return r;
	if (!json_object_is_type(call->body, json_type_object))
		return fault_set(fault, 400, "invalidSyntax", "the body must be a JSON object");
	r = check_envelope(call, fault);
	if (r >= 0)
		r = bounds_check_body(call->conf, call->body, fault);
	return r < 0 ? r : body_describe(call);
}

/* "PATCH /Users/ID" of printable characters, for events. */
static void source_fill(struct call *call)
{
	const struct request *request = call->request;
	char *line = call->request_line;

	snprintf(line, sizeof(call->request_line), "%s %s", request->method,
		 request->path + strlen(ROUTE_BASE));
	for (; *line; line++)
		if (!isascii((unsigned char)*line) || !isprint((unsigned char)*line))
			*line = '?';
	call->source = (struct change_source){
		.connection = call->connection->name,
		.request_id = request->id,
		.peer = request->peer,
		.request = call->request_line,
		.received_us = request->received_us,
	};
}

/* From the router on: the caller is known. */
static int call_perform(struct call *call, struct fault *fault)
{
	enum route_action action;
	int r;

	r = route_find(call->request->method, call->request->path, &call->route, fault);
	if (r < 0)
		return r;
	action = call->route.action;
	if (!actions[action].handler)
		return fault_set(fault, 501, NULL, "this part of SCIM is not offered here");
	source_fill(call);
	r = check_headers(call, fault);
	if (r >= 0)
		r = query_parse(call->request->query, &call->query, fault);
	if (r >= 0)
		r = base_url_make(call, &call->base_url);
	if (r >= 0)
		r = body_read(call, fault);
	return r < 0 ? r : actions[action].handler(call, fault);
}

static int call_run(struct call *call, struct fault *fault)
{
	int r;

	r = check_rate(call, fault);
	if (r >= 0)
		r = check_token(call, fault);
	return r < 0 ? r : call_perform(call, fault);
}

/* What failed without being the client's mistake. */
static void fault_from_errno(const struct call *call, int error, struct fault *fault)
{
	switch (error) {
	case -ENOSPC:
		fault_set(fault, 507, NULL, "the disk is full; nothing was changed");
		break;
	case -ENOMEM:
	case -EDEADLK:
		fault_set(fault, 503, NULL, "too busy at the moment");
		fault->retry_after_s = 1;
		break;
	default:
		fault_set(fault, 500, NULL, "internal error, see the log for request %s",
			  call->request->id);
	}
	log_error_errno(error, "%s: request failed", call->request->id);
}

static bool is_failed_provisioning(const struct call *call, const struct fault *fault)
{
	if (!call->connection || !actions[call->route.action].write)
		return false;
	switch (fault->status) {
	case 400:
	case 409:
	case 413:
	case 415:
	case 507: /* of numbers; with a full disk it cannot be kept */
		return true;
	case 404: /* deleting what is gone already failed to provision nothing */
		return actions[call->route.action].body;
	default:
		return false;
	}
}

static void report_failure(struct call *call, const struct fault *fault)
{
	char detail[FAULT_DETAIL_SIZE + 64 + SUBJECT_MAX];
	const char *name = NULL;

	if (!is_failed_provisioning(call, fault))
		return;
	/* Who is not here has no name here, but the one that they were to be made with. */
	if (!call->subject[0] && call->body)
		name = json_get_string(call->body, "userName");
	snprintf(detail, sizeof(detail), "%d%s%s: %s%s%.*s", fault->status,
		 fault->scim_type ? " " : "", fault->scim_type ? fault->scim_type : "",
		 fault->detail, name ? "; userName " : "", SUBJECT_MAX, name ? name : "");
	change_event(call->engine, &call->source, "scim.provisioning_failed", call->subject,
		     detail);
}

int call_nested_begin(const struct call *outer, const struct request *request,
		      struct json_object *body, const char *given_id, struct response *response,
		      struct call *ret, struct fault *fault)
{
	enum route_action action;
	int r;

	*ret = (struct call){
		.service = outer->service,
		.engine = outer->engine,
		.request = request,
		.response = response,
		.conf = outer->conf,
		.connection = outer->connection,
		.base_url = outer->base_url,
		.given_id = given_id,
	};
	r = route_find(request->method, request->path, &ret->route, fault);
	if (r < 0)
		return r;
	action = ret->route.action;
	if (!actions[action].write || action == ROUTE_BULK)
		return fault_set(fault, 400, "invalidSyntax",
				 "only users and groups can be written in bulk");
	source_fill(ret);
	if (!actions[action].body)
		return 0;
	if (!json_object_is_type(body, json_type_object))
		return fault_set(fault, 400, "invalidSyntax", "data must be an object");
	ret->body = json_object_get(body);
	return body_describe(ret);
}

void call_nested_failed(struct call *call, int r, struct fault *fault)
{
	if (r != -EPROTO || fault->status == 0)
		fault_from_errno(call, r, fault);
	report_failure(call, fault);
}

void call_nested_done(struct call *call)
{
	json_putp(&call->body); /* the outer call wipes what is secret in it */
	free(call->payload);
}

static void respond_fault(struct call *call, const struct fault *fault)
{
	struct response *response = call->response;

	free(response->body);
	response->status = fault->status;
	response->body = fault_to_json(fault);
	response->body_size = response->body ? strlen(response->body) : 0;
	response->content_type = response->body ? MEDIA_TYPE : NULL;
	if (fault->retry_after_s > 0)
		response_header(response, "Retry-After", "%u", fault->retry_after_s);
	if (fault->status == 405)
		response_header(response, "Allow", "%s", call->route.allow);
}

static void call_done(struct call *call)
{
	/* What was refused before it was described may hold a password, too. */
	if (call->has_password || !call->payload)
		payload_wipe(call->body);
	json_putp(&call->body);
	query_done(&call->query);
	free(call->payload);
	free(call->base_url);
	change_engine_conf_put(call->engine, call->conf);
}

bool service_knows(struct service *service, const struct request *request)
{
	const struct conf *conf = change_engine_conf(service->engine);
	bool knows = auth_connection(conf, request->authorization, request->token) != NULL;

	change_engine_conf_put(service->engine, conf);
	return knows;
}

void service_handle(struct service *service, const struct request *request,
		    struct response *response)
{
	_cleanup_(call_done) struct call call = {
		.service = service,
		.engine = service->engine,
		.request = request,
		.response = response,
		.conf = change_engine_conf(service->engine),
	};
	const uint64_t started_us = clock_monotonic_us();
	struct fault fault = {};
	int r;

	r = call_run(&call, &fault);
	if (r < 0) {
		if (r != -EPROTO || fault.status == 0)
			fault_from_errno(&call, r, &fault);
		report_failure(&call, &fault);
		respond_fault(&call, &fault);
	}
	metrics_count(service->metrics, call.connection ? call.connection->name : NULL,
		      request->method, response->status, clock_monotonic_us() - started_us);
}
