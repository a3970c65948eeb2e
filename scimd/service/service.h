/* service.h - the SCIM service provider without HTTP: a request in, a response out. Layer: service
 * (uses base, model, store, policy, change). Threads: service_handle and control_handle may run in any
 * number of threads; they block until the answer is known. */
#ifndef SCIMD_SERVICE_SERVICE_H
#define SCIMD_SERVICE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scimd/change/change.h"
#include "scimd/webhook/webhook.h"
#include "shared/attrs.h"
#include "shared/conf.h"

#define REQUEST_ID_SIZE 37 /* a UUID */

/* What was read of a request's token, so that it is hashed once: zeroed at first, wiped by whose it is. */
struct request_token {
	bool is_read, is_there;
	unsigned char sha256[CONF_TOKEN_HASH_BYTES];
};

/* A request, borrowed for the call. Header values NULL when absent; if a header that may come once
 * came twice, the HTTP layer has refused it already. */
struct request {
	const char *method;        /* "GET", "PATCH", … */
	const char *path;          /* raw, still percent-encoded, without query: "/scim/v2/Users/x" */
	const char *query;         /* raw text after '?', or NULL */
	const char *authorization; /* header */
	struct request_token *token; /* of that header; NULL: not kept */
	const char *content_type;
	const char *accept;
	const char *if_match, *if_none_match;
	const char *host;
	const char *body; /* body_size bytes, no terminator; NULL if none */
	size_t body_size;
	const char *peer;          /* "203.0.113.7" or "unix" */
	uint32_t peer_uid;         /* control socket only; UINT32_MAX elsewhere */
	char id[REQUEST_ID_SIZE];  /* made by the HTTP layer, in logs, events and receipts */
	uint64_t received_us;      /* epoch */
};

#define RESPONSE_HEADERS_MAX 8

/* A response. Zeroed by the caller; body and header values are owned by it (response_done). */
struct response {
	int status;
	char *body; /* NULL: none */
	size_t body_size;
	const char *content_type; /* literal; NULL without body */
	struct {
		const char *name; /* literal */
		char *value;      /* owned */
	} headers[RESPONSE_HEADERS_MAX];
	size_t header_count;
};

void response_done(struct response *response);

/* Add a header (printf); a lack of memory drops it. */
void response_header(struct response *response, const char *name, const char *fmt, ...)
	_printf_(3, 4);

struct service;

/* engine is borrowed and must outlive the service; configuration is taken from
 * change_engine_conf() for each request. */
_must_use_ int service_new(struct change_engine *engine, struct service **ret);
void service_freep(struct service **service);

/* What the control API shows of it; borrowed, NULL: nothing. Before the first request. */
void service_set_webhook(struct service *service, struct webhook *webhook);

/* Answer one SCIM request. Always fills in *response; a lack of memory is a 500 or 503. */
void service_handle(struct service *service, const struct request *request,
		    struct response *response);

/* Whether the request's token is a connection's: before its body is there, to know if that is worth
 * keeping. */
bool service_knows(struct service *service, const struct request *request);

/* Answer one request of the control socket (scimctl). Peer uid 0 and scimd's own may do everything,
 * others, whom the socket's mode has let in, may look. */
void control_handle(struct service *service, const struct request *request,
		    struct response *response);

#endif
