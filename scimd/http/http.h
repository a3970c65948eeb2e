/* http.h - the only part that knows libmicrohttpd: TLS, framing guards, limits, and the sockets.
 * Layer: http (uses base and service). Threads: one per connection, with a bound on their number. */
#ifndef SCIMD_HTTP_HTTP_H
#define SCIMD_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scimd/service/service.h"
#include "shared/attrs.h"

typedef void (*http_handler)(struct service *service, const struct request *request,
			     struct response *response);
typedef bool (*http_doorkeeper)(struct service *service, const struct request *request);

struct http_options {
	int listen_fd;            /* bound and listening, TCP or AF_UNIX; taken */
	const char *certificate;  /* PEM text of chain and key; NULL: no TLS. In force for the whole
				   * process until tls_current_set changes it (tls.h) */
	const char *key;
	uint64_t max_body;        /* bytes; more is 413 */
	/* Of those of a unix socket, others than root and our own user have half. */
	unsigned int connections_max, connections_per_address_max;
	unsigned int idle_timeout_s;
	http_handler handler;
	http_doorkeeper knows; /* whether a body is kept for the handler; NULL: of all */
	struct service *service; /* borrowed, outlives the server */
};

struct http_server;

_must_use_ int http_server_open(const struct http_options *options, struct http_server **ret);
void http_server_closep(struct http_server **server);

/* Sockets: "127.0.0.1:8643", "[::1]:8643" or a path. Returns a listening descriptor or -errno.
 * For a path: an old socket is replaced, anything else is refused (-EEXIST). */
_must_use_ int http_listen_tcp(const char *address);
_must_use_ int http_listen_unix(const char *path, unsigned int mode);
/* Whether the address is a loopback one. */
int http_address_is_loopback(const char *address);

/* Load certificate and key from files, or make a self-signed pair (ECDSA P-256, ten years, names:
 * localhost, this host's name, 127.0.0.1, ::1) in directory as cert.pem (0644) and key.pem (0600) at
 * first use. Owned PEM texts, the key for tls_key_freep. *ret_made says if it was made. */
_must_use_ int tls_load(const char *certificate_path, const char *key_path, char **ret_certificate,
			char **ret_key);
_must_use_ int tls_self_signed(const char *directory, char **ret_certificate, char **ret_key,
			       int *ret_made);

/* Wipes and frees the text of a key, if there is one. */
void tls_key_freep(char **key);

#endif
