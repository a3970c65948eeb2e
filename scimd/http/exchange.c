#include "scimd/http/exchange.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/http/guard.h"
#include "scimd/service/id.h"

#define BODY_FIRST_BYTES 4096u

/* A random UUID (RFC 9562 version 4). */
static int request_id_make(char ret[static REQUEST_ID_SIZE])
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return -EIO;
	b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
	id_print(b, ret);
	return 0;
}

static uint32_t uid_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return UINT32_MAX;
	return credentials.uid;
}

/* Who is at the other end: an address as text, an IPv4 one in its own form even if it came through
 * an IPv6 socket; or "unix" with the peer's user. */
static void peer_find(struct exchange *exchange, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address = info ? info->client_addr : NULL;
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)address;

	exchange->peer_uid = UINT32_MAX;
	(void)snprintf(exchange->peer, sizeof(exchange->peer), "unknown");
	if (!address)
		return;
	if (address->sa_family == AF_UNIX) {
		(void)snprintf(exchange->peer, sizeof(exchange->peer), "unix");
		exchange->peer_uid = uid_of(connection);
	} else if (address->sa_family == AF_INET) {
		(void)inet_ntop(AF_INET, &sin->sin_addr, exchange->peer, sizeof(exchange->peer));
	} else if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
		(void)inet_ntop(AF_INET, &sin6->sin6_addr.s6_addr[12], exchange->peer,
				sizeof(exchange->peer));
	} else if (address->sa_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &sin6->sin6_addr, exchange->peer, sizeof(exchange->peer));
	}
}

/* "https://host/path" means that path, at that host whatever the header Host says (RFC 9112, 3.2.2). What
 * is none of that stays as it is, to be refused. */
static int absolute_form_split(struct exchange *exchange)
{
	static const char scheme[] = "https://";
	size_t scheme_len = strlen(scheme), len;
	char *authority = exchange->path + scheme_len;

	if (strncasecmp(exchange->path, scheme, scheme_len) != 0)
		return 0;
	len = strcspn(authority, "/?#");
	if (len == 0 || authority[len] != '/' || !guard_is_authority(authority, len))
		return 0;
	exchange->authority = strndup(authority, len);
	if (!exchange->authority)
		return -ENOMEM;
	memmove(exchange->path, authority + len, strlen(authority + len) + 1);
	return 0;
}

struct exchange *exchange_new(struct MHD_Connection *connection, const char *target)
{
	_cleanup_(exchange_freep) struct exchange *exchange = calloc(1, sizeof(*exchange));
	char *mark;

	if (!exchange || request_id_make(exchange->id) < 0)
		return NULL;
	exchange->path = strdup(target);
	if (!exchange->path || absolute_form_split(exchange) < 0)
		return NULL;
	exchange->target_end = target + strlen(target);
	mark = strchr(exchange->path, '?');
	if (mark) {
		*mark = '\0';
		exchange->query = mark + 1;
	}
	exchange->received_us = clock_now_us();
	exchange->started_us = clock_monotonic_us();
	peer_find(exchange, connection);
	return TAKE_PTR(exchange);
}

static void body_drop(struct exchange *exchange)
{
	if (exchange->body)
		explicit_bzero(exchange->body, exchange->body_size);
	free(exchange->body);
	exchange->body = NULL;
	exchange->body_size = exchange->body_capacity = 0;
}

void exchange_freep(struct exchange **exchange)
{
	int saved = errno;

	if (!*exchange)
		return;
	body_drop(*exchange);
	free((*exchange)->path);
	free((*exchange)->authority);
	explicit_bzero(&(*exchange)->token, sizeof((*exchange)->token));
	free(*exchange);
	*exchange = NULL;
	errno = saved;
}

int exchange_body_reserve(struct exchange *exchange, uint64_t size)
{
	char *grown;

	if (size <= exchange->body_capacity)
		return 0;
	/* Not realloc: it may leave a copy behind which nobody wipes. */
	grown = malloc(size);
	if (!grown)
		return -ENOMEM;
	if (exchange->body) {
		memcpy(grown, exchange->body, exchange->body_size);
		explicit_bzero(exchange->body, exchange->body_size);
		free(exchange->body);
	}
	exchange->body = grown;
	exchange->body_capacity = size;
	return 0;
}

int exchange_body_append(struct exchange *exchange, const char *data, size_t size,
			 uint64_t max_body)
{
	uint64_t need, room;
	int r;

	if (!exchange->is_strange && exchange->fault.status == 0 && size > max_body - exchange->body_size) {
		(void)fault_set(&exchange->fault, 413, NULL,
				"the request's body exceeds %llu bytes (maxPayloadSize)",
				(unsigned long long)max_body);
		body_drop(exchange);
	}
	if (exchange->is_strange || exchange->fault.status != 0) {
		/* libmicrohttpd can answer only once the body has ended. */
		exchange->body_discarded += size;
		return exchange->body_discarded > max_body ? -EFBIG : 0;
	}
	need = exchange->body_size + size;
	if (need > exchange->body_capacity) {
		room = exchange->body_capacity * 2 > BODY_FIRST_BYTES ? exchange->body_capacity * 2
								      : BODY_FIRST_BYTES;
		r = exchange_body_reserve(exchange, need > room ? need : room);
		if (r < 0)
			return r;
	}
	memcpy(exchange->body + exchange->body_size, data, size);
	exchange->body_size = need;
	return 0;
}

/* A header's value without white space around it. It lies in the library's buffer, which is this
 * request's alone; the library itself takes white space away in front, but not behind. */
static const char *header(struct MHD_Connection *connection, const char *name)
{
	char *value = (char *)MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
	size_t size = value ? strlen(value) : 0;

	while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t'))
		value[--size] = '\0';
	return value;
}

void exchange_request(struct exchange *exchange, struct MHD_Connection *connection,
		      const char *method, struct request *ret)
{
	*ret = (struct request){
		/* libmicrohttpd leaves the body out of the answer to a HEAD. */
		.method = strcmp(method, "HEAD") == 0 ? "GET" : method,
		.path = exchange->path,
		.query = exchange->query,
		.authorization = header(connection, "Authorization"),
		.token = &exchange->token,
		.content_type = header(connection, "Content-Type"),
		.accept = header(connection, "Accept"),
		.if_match = header(connection, "If-Match"),
		.if_none_match = header(connection, "If-None-Match"),
		.host = exchange->authority ? exchange->authority : header(connection, "Host"),
		.body = exchange->body_size > 0 ? exchange->body : NULL,
		.body_size = exchange->body_size,
		.peer = exchange->peer,
		.peer_uid = exchange->peer_uid,
		.received_us = exchange->received_us,
	};
	memcpy(ret->id, exchange->id, sizeof(ret->id));
}

static void mhd_response_freep(struct MHD_Response **response)
{
	if (*response)
		MHD_destroy_response(*response); /* drops our reference only */
}

enum MHD_Result exchange_respond(struct exchange *exchange, struct MHD_Connection *connection,
				 struct response *response, bool close_after)
{
	_cleanup_(mhd_response_freep) struct MHD_Response *answer = NULL;
	bool has_body = response->body != NULL;

	answer = MHD_create_response_from_buffer(has_body ? response->body_size : 0,
						 has_body ? response->body : (char *)"",
						 has_body ? MHD_RESPMEM_MUST_FREE
							  : MHD_RESPMEM_PERSISTENT);
	if (!answer)
		return MHD_NO;
	response->body = NULL; /* the answer's now */
	if (has_body && response->content_type &&
	    MHD_add_response_header(answer, "Content-Type", response->content_type) != MHD_YES)
		return MHD_NO;
	for (size_t i = 0; i < response->header_count; i++)
		if (MHD_add_response_header(answer, response->headers[i].name,
					    response->headers[i].value) != MHD_YES)
			log_warning("request %s: header %s cannot be sent", exchange->id,
				    response->headers[i].name);
	if (close_after && MHD_add_response_header(answer, "Connection", "close") != MHD_YES)
		return MHD_NO;
	exchange->status = response->status;
	return MHD_queue_response(connection, (unsigned int)response->status, answer);
}

enum MHD_Result exchange_refuse(struct exchange *exchange, struct MHD_Connection *connection)
{
	_cleanup_(response_done) struct response response = { 0 };

	response.status = exchange->fault.status;
	response.body = fault_to_json(&exchange->fault);
	if (response.body) {
		response.body_size = strlen(response.body);
		response.content_type = "application/scim+json";
	}
	if (exchange->fault.retry_after_s > 0)
		response_header(&response, "Retry-After", "%u", exchange->fault.retry_after_s);
	return exchange_respond(exchange, connection, &response, true);
}

/* Looked up and answered: changes and refusals would not be seen among lines of that. Over the control
 * socket, where administrators and metrics timers look, what is not there is no refusal either. */
static bool is_look(const struct exchange *exchange)
{
	static const char search[] = "/.search";
	size_t size = strlen(exchange->path), tail = strlen(search);
	bool reads = strcmp(exchange->method, "GET") == 0 || strcmp(exchange->method, "HEAD") == 0 ||
		     (strcmp(exchange->method, "POST") == 0 && size >= tail &&
		      strcmp(exchange->path + size - tail, search) == 0);

	return reads && exchange->status < (exchange->peer_uid != UINT32_MAX ? 500 : 400);
}

void exchange_log(const struct exchange *exchange)
{
	uint64_t took_us = clock_monotonic_us() - exchange->started_us;
	const char *method = exchange->method[0] ? exchange->method : "-";

	if (exchange->status == 0)
		log_info("request %s from %s: %s %s was not completed, %llu.%03llu ms",
			 exchange->id, exchange->peer, method, exchange->path,
			 (unsigned long long)(took_us / 1000u),
			 (unsigned long long)(took_us % 1000u));
	else
		log_write(is_look(exchange) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
			  "request %s from %s: %s %s %d, %llu.%03llu ms", exchange->id,
			  exchange->peer, method, exchange->path, exchange->status,
			  (unsigned long long)(took_us / 1000u),
			  (unsigned long long)(took_us % 1000u));
}
