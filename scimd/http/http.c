#include "scimd/http/http.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "scimd/base/log.h"
#include "scimd/http/exchange.h"
#include "scimd/http/guard.h"
#include "scimd/http/tls.h"
#include "scimd/http/watch.h"

#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:%SERVER_PRECEDENCE"
#define HEADER_BYTES_MAX ((size_t)64 * 1024)
#define STACK_BYTES ((size_t)512 * 1024)
/* From one answer to the next complete request: the idle time, and as much again for sending it. */
#define PATIENCE_IDLE_TIMES 2u
#define HURRY_US 3000000u
#define DRAIN_US 10000000u

struct http_server {
	struct MHD_Daemon *daemon;
	struct watch *watch;
	uint64_t max_body;
	http_handler handler;
	http_doorkeeper knows;
	struct service *service;
};

static struct watch_entry *entry_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* Somebody on a unix socket who is neither root nor our own user. */
static bool is_guest(int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);
	int domain = AF_INET;
	socklen_t domain_size = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) < 0 || domain != AF_UNIX)
		return false;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	       (peer.uid != 0 && peer.uid != geteuid());
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	const struct http_server *server = context;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		watch_remove(server->watch, *socket_context);
		*socket_context = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	*socket_context = info ? watch_add(server->watch, info->connect_fd,
					   is_guest(info->connect_fd)) : NULL;
}

static void *on_request_line(void *context, const char *target, struct MHD_Connection *connection)
{
	const struct http_server *server = context;

	watch_busy(server->watch, entry_of(connection));
	return exchange_new(connection, target);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
			 enum MHD_RequestTerminationCode code)
{
	const struct http_server *server = context;
	_cleanup_(exchange_freep) struct exchange *exchange = *request_context;

	(void)code;
	*request_context = NULL;
	if (exchange)
		exchange_log(exchange);
	watch_idle(server->watch, entry_of(connection));
}

static enum MHD_Result answer(const struct http_server *server, struct exchange *exchange,
			      struct MHD_Connection *connection, const char *method)
{
	_cleanup_(response_done) struct response response = { 0 };
	struct watch_entry *entry = entry_of(connection);
	struct request request;

	exchange_request(exchange, connection, method, &request);
	watch_working(server->watch, entry);
	server->handler(server->service, &request, &response);
	watch_waiting(server->watch, entry);
	if (response.status < 200 || response.status > 599) {
		(void)fault_set(&exchange->fault, 500, NULL, "the request got no answer");
		return exchange_refuse(exchange, connection);
	}
	/* Who is not known has to come again for each attempt. */
	if (response.status == 401 || response.status == 429)
		return exchange_respond(exchange, connection, &response, response.status == 401);
	watch_trust(server->watch, entry);
	return exchange_respond(exchange, connection, &response, false);
}

static bool has_body(struct MHD_Connection *connection, uint64_t length)
{
	return length > 0 || MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/* The headers are there, the body is not read yet. */
static enum MHD_Result begin(const struct http_server *server, struct exchange *exchange,
			     struct MHD_Connection *connection, const char *method,
			     const char *version)
{
	const struct guard_line line = { method, exchange->target_end, version };
	const char *query = exchange->query ? exchange->query : "";
	struct request request;
	uint64_t length = 0;

	exchange->headers_seen = true;
	(void)snprintf(exchange->method, sizeof(exchange->method), "%s", method);
	if (guard_line(&line, exchange->path, query, &exchange->fault) < 0 ||
	    guard_headers(connection, &line, server->max_body, &length, &exchange->fault) < 0)
		return exchange_refuse(exchange, connection);
	if (server->knows && has_body(connection, length)) {
		exchange_request(exchange, connection, method, &request);
		exchange->is_strange = !server->knows(server->service, &request);
	}
	if (!exchange->is_strange && exchange_body_reserve(exchange, length) < 0) {
		(void)fault_set(&exchange->fault, 503, NULL, "out of memory");
		exchange->fault.retry_after_s = 1;
		return exchange_refuse(exchange, connection);
	}
	return MHD_YES;
}

/* Called first with the headers, then with each piece of the body, then once more at its end. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *data_size, void **request_context)
{
	const struct http_server *server = context;
	struct exchange *exchange = *request_context;

	(void)url; /* without query; ours is the text as it came */
	if (!exchange)
		return MHD_NO;
	if (!exchange->headers_seen)
		return begin(server, exchange, connection, method, version);
	if (*data_size > 0) {
		if (exchange_body_append(exchange, data, *data_size, server->max_body) < 0)
			return MHD_NO;
		*data_size = 0;
		return MHD_YES;
	}
	if (exchange->fault.status != 0)
		return exchange_refuse(exchange, connection);
	return answer(server, exchange, connection, method);
}

__attribute__((format(printf, 2, 0))) static void on_library_log(void *context, const char *fmt,
								 va_list args)
{
	char text[512];
	int size = vsnprintf(text, sizeof(text), fmt, args);

	(void)context;
	if (size < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	log_debug("http: %s", text);
}

static struct MHD_Daemon *daemon_start(struct http_server *server,
				       const struct http_options *options)
{
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
			     MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)tls_current_retrieve },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};

	if (options->certificate)
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	return MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, server, /* the log first: it serves the rest */
		MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, options->listen_fd,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_UNESCAPE_CALLBACK, guard_unescape, NULL,
		MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADER_BYTES_MAX,
		MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->connections_per_address_max,
		MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s,
		MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES,
		MHD_OPTION_ARRAY, tls,
		MHD_OPTION_END);
}

static int watch_start(const struct http_options *options, struct watch **ret)
{
	uint64_t patience_us = (uint64_t)options->idle_timeout_s * PATIENCE_IDLE_TIMES * 1000000u;

	return watch_new(&(struct watch_options){ .patience_us = patience_us,
						  .hurry_us = patience_us < HURRY_US ? patience_us
										     : HURRY_US,
						  .crowd = options->connections_max / 4 * 3,
						  .guests_max = options->connections_max / 2 },
			 ret);
}

int http_server_open(const struct http_options *options, struct http_server **ret)
{
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	_cleanup_close_ int fd = options->listen_fd;
	sigset_t all, before;
	int r;

	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->max_body = options->max_body;
	server->handler = options->handler;
	server->knows = options->knows;
	server->service = options->service;
	if (options->certificate) {
		r = tls_check(options->certificate, options->key);
		if (r == 0)
			r = tls_current_set(options->certificate, options->key);
		if (r < 0)
			return r;
	}
	/* Every thread of the server inherits this: signals are for the main thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = watch_start(options, &server->watch);
	if (r == 0) {
		server->daemon = daemon_start(server, options);
		(void)TAKE_FD(fd); /* the library closes it when it fails, too */
		r = server->daemon ? 0 : -EIO;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(server);
	return 0;
}

void http_server_closep(struct http_server **server)
{
	_cleanup_close_ int listen_fd = -1;
	int saved = errno;

	if (!*server)
		return;
	if ((*server)->daemon) {
		/* Nobody new comes in, and whoever asked gets the answer. */
		listen_fd = MHD_quiesce_daemon((*server)->daemon);
		watch_drain((*server)->watch, DRAIN_US);
		MHD_stop_daemon((*server)->daemon);
	}
	watch_freep(&(*server)->watch);
	free(*server);
	*server = NULL;
	errno = saved;
}
