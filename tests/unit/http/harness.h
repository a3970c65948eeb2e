/* harness.h - a real server on a free loopback port (or a unix socket) with a handler that answers
 * with what it was given, and a client that sends bytes as they are. */
#ifndef TESTS_UNIT_HTTP_HARNESS_H
#define TESTS_UNIT_HTTP_HARNESS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "scimd/base/clock.h"
#include "scimd/http/http.h"

#define HARNESS_MAX_BODY 8192u
#define HARNESS_REPLY_SIZE 65536u

static atomic_int harness_calls;
static atomic_int harness_signal_mask_open; /* signals a handler's thread would take */

static inline void harness_handle(struct service *service, const struct request *request,
				  struct response *response)
{
	sigset_t mask;
	int size;

	(void)service;
	harness_calls++;
	if (pthread_sigmask(SIG_SETMASK, NULL, &mask) != 0 || !sigismember(&mask, SIGTERM) ||
	    !sigismember(&mask, SIGHUP) || !sigismember(&mask, SIGCHLD))
		harness_signal_mask_open = 1;
	if (strcmp(request->path, "/slow") == 0)
		(void)nanosleep(&(struct timespec){ .tv_sec = 2, .tv_nsec = 500000000 }, NULL);
	if (strcmp(request->path, "/silent") == 0)
		return;
	response->status = strcmp(request->path, "/none") == 0	   ? 204
			   : strcmp(request->path, "/unknown") == 0 ? 401
			   : strcmp(request->path, "/often") == 0   ? 429
								    : 200;
	response_header(response, "ETag", "W/\"%d\"", 7);
	response_header(response, "X-Method", "%s", request->method); /* HEAD shows no body */
	if (response->status == 204)
		return;
	size = asprintf(&response->body,
			"id=%s\nmethod=%s\npath=%s\nquery=%s\nauthorization=%s\ncontent_type=%s\n"
			"accept=%s\nif_match=%s\nif_none_match=%s\nhost=%s\npeer=%s\nuid=%u\n"
			"body_size=%zu\nbody=%.*s\n",
			request->id, request->method, request->path,
			request->query ? request->query : "-",
			request->authorization ? request->authorization : "-",
			request->content_type ? request->content_type : "-",
			request->accept ? request->accept : "-",
			request->if_match ? request->if_match : "-",
			request->if_none_match ? request->if_none_match : "-",
			request->host ? request->host : "-", request->peer, request->peer_uid,
			request->body_size, (int)request->body_size,
			request->body ? request->body : "");
	response->body_size = size > 0 ? (size_t)size : 0;
	response->content_type = "text/plain";
}

static inline bool harness_knows(struct service *service, const struct request *request)
{
	(void)service;
	return request->authorization && strcmp(request->authorization, "Bearer friend") == 0;
}

static inline struct http_options harness_options(void)
{
	return (struct http_options){
		.listen_fd = -1,
		.max_body = HARNESS_MAX_BODY,
		.connections_max = 32,
		.idle_timeout_s = 5,
		.handler = harness_handle,
	};
}

/* Start on a free port of 127.0.0.1. Returns the port, 0 on failure. */
static inline in_port_t harness_start(struct http_options *options, struct http_server **ret)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	int fd = http_listen_tcp("127.0.0.1:0");

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return 0;
	options->listen_fd = fd;
	return http_server_open(options, ret) == 0 ? ntohs(address.sin_port) : 0;
}

static inline void harness_patience(int fd)
{
	const struct timeval patience = { .tv_sec = 20 };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static inline int harness_connect(in_port_t port)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(port),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	harness_patience(fd);
	return fd;
}

/* All of it, or until the other end has had enough. */
static inline void harness_send(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes += n;
		size -= (size_t)n;
	}
}

/* Read until the connection ends; ret is terminated. Returns whether it did end in time. */
static inline bool harness_read(int fd, char ret[static HARNESS_REPLY_SIZE])
{
	size_t used = 0;

	for (;;) {
		ssize_t n = recv(fd, ret + used, HARNESS_REPLY_SIZE - 1 - used, 0);

		if (n > 0) {
			used += (size_t)n;
			continue;
		}
		ret[used] = '\0';
		return n == 0 || errno == ECONNRESET;
	}
}

/* Read one answer with Content-Length on a connection that stays open. */
static inline bool harness_read_one(int fd, char ret[static HARNESS_REPLY_SIZE])
{
	size_t used = 0, want = SIZE_MAX;

	while (used < want) {
		ssize_t n = recv(fd, ret + used, 1, 0);
		const char *end, *length;

		if (n <= 0)
			return false;
		ret[++used] = '\0';
		if (want != SIZE_MAX)
			continue;
		end = strstr(ret, "\r\n\r\n");
		length = end ? strstr(ret, "Content-Length: ") : NULL;
		if (end)
			want = used + (length ? strtoul(length + 16, NULL, 10) : 0);
	}
	return true;
}

/* The status of an answer, 0 if there is none. */
static inline int harness_status(const char *reply)
{
	return strncmp(reply, "HTTP/1.1 ", 9) == 0 ? atoi(reply + 9) : 0;
}

static inline bool harness_has(const char *reply, const char *text)
{
	if (strstr(reply, text))
		return true;
	fprintf(stderr, "missing \"%s\" in:\n%s\n", text, reply);
	return false;
}

/* One connection, one request, all of the answer. Returns its status. */
static inline int harness_ask(in_port_t port, const char *bytes, size_t size,
			      char ret[static HARNESS_REPLY_SIZE])
{
	int fd = harness_connect(port);
	bool ended;

	harness_send(fd, bytes, size);
	ended = harness_read(fd, ret);
	(void)close(fd);
	if (!ended)
		fprintf(stderr, "the connection did not end\n");
	return ended ? harness_status(ret) : -1;
}

#endif
