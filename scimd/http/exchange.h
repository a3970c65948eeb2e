/* exchange.h - one request and its answer, from the request line to the last byte. Layer: http.
 * Threads: an exchange belongs to its connection's thread. Bodies may hold passwords: wiped. */
#ifndef SCIMD_HTTP_EXCHANGE_H
#define SCIMD_HTTP_EXCHANGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "scimd/http/http.h"
#include "scimd/model/fault.h"

struct exchange {
	char *path;        /* raw, owned; cut at '?' */
	const char *query; /* behind the '?' in path, or NULL */
	char *authority;   /* of a target in absolute form, owned; else NULL */
	const char *target_end; /* in the library's buffer, see guard.h */
	char id[REQUEST_ID_SIZE];
	uint64_t received_us, started_us; /* epoch, monotonic */
	char peer[INET6_ADDRSTRLEN];
	uint32_t peer_uid;
	struct request_token token;
	char method[16]; /* for the log */
	int status;      /* answered; 0: not yet */

	bool headers_seen;
	bool is_strange;    /* from nobody known: its body is read, but not kept */
	struct fault fault; /* status != 0: refused, and this is why */

	char *body; /* owned */
	size_t body_size, body_capacity;
	size_t body_discarded; /* bytes read and not kept */
};

/* target is the raw request target, borrowed. Owned; NULL without memory. */
struct exchange *exchange_new(struct MHD_Connection *connection, const char *target);
void exchange_freep(struct exchange **exchange);

/* Make room for a body announced with this size. */
_must_use_ int exchange_body_reserve(struct exchange *exchange, uint64_t size);

/* Append to the body. More than max_body bytes: the exchange becomes refused with 413, and what
 * follows is thrown away, as is all of a strange one; -EFBIG when even that gets too much. -ENOMEM. */
_must_use_ int exchange_body_append(struct exchange *exchange, const char *data, size_t size,
				    uint64_t max_body);

/* The request as the service sees it, borrowing from the exchange and the connection. */
void exchange_request(struct exchange *exchange, struct MHD_Connection *connection,
		      const char *method, struct request *ret);

/* Queue the response, whose body is taken. */
enum MHD_Result exchange_respond(struct exchange *exchange, struct MHD_Connection *connection,
				 struct response *response, bool close_after);

/* Queue the SCIM Error for exchange->fault; the connection ends with it. */
enum MHD_Result exchange_refuse(struct exchange *exchange, struct MHD_Connection *connection);

/* One line in the log. */
void exchange_log(const struct exchange *exchange);

#endif
