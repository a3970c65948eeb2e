#include "scimd/serve.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "scimd/base/log.h"
#include "scimd/http/tls.h"
#include "shared/login_report.h"

#define CONTROL_CONNECTIONS_MAX 64u
#define IDLE_TIMEOUT_S 60u
#define CONTROL_MODE 0660u

static int self_signed(const struct options *options, const struct conf *conf,
		       char **ret_certificate, char **ret_key)
{
	char directory[PATH_MAX], fingerprint[TLS_FINGERPRINT_SIZE];
	int r, made;

	if (snprintf(directory, sizeof(directory), "%s/tls", options->state_dir) >= PATH_MAX)
		return log_error_errno(-ENAMETOOLONG, "%s", options->state_dir);
	r = tls_self_signed(directory, ret_certificate, ret_key, &made);
	if (r < 0)
		return log_error_errno(r, "self-signed certificate in %s", directory);
	r = tls_fingerprint(*ret_certificate, fingerprint);
	if (r < 0)
		return log_error_errno(r, "certificate in %s", directory);
	log_notice("no tls_cert is configured: %s a self-signed certificate in %s, "
		   "SHA-256 fingerprint %s",
		   made ? "made" : "using", directory, fingerprint);
	if (!http_address_is_loopback(conf->server.listen))
		log_warning("%s is reachable from outside and identity providers refuse "
			    "self-signed certificates: set tls_cert and tls_key",
			    conf->server.listen);
	return 0;
}

static int certificate_find(const struct options *options, const struct conf *conf,
			    char **ret_certificate, char **ret_key)
{
	int r;

	if (!conf->server.tls_cert)
		return self_signed(options, conf, ret_certificate, ret_key);
	r = tls_load(conf->server.tls_cert, conf->server.tls_key, ret_certificate, ret_key);
	if (r < 0)
		return log_error_errno(r, "certificate %s with key %s", conf->server.tls_cert,
				       conf->server.tls_key);
	return 0;
}

int serve_certificate(const struct options *options, const struct conf *conf)
{
	_cleanup_free_ char *certificate = NULL;
	_cleanup_(tls_key_freep) char *key = NULL;
	int r = certificate_find(options, conf, &certificate, &key);

	return r < 0 ? r : tls_current_set(certificate, key);
}

int serve_scim(const struct options *options, const struct conf *conf, struct service *service,
	       struct http_server **ret)
{
	_cleanup_free_ char *certificate = NULL;
	_cleanup_(tls_key_freep) char *key = NULL;
	int r, fd;

	/* There is always a certificate here, so there is no plain HTTP to refuse. */
	r = certificate_find(options, conf, &certificate, &key);
	if (r < 0)
		return r;
	fd = http_listen_tcp(conf->server.listen);
	if (fd < 0)
		return log_error_errno(fd, "listen on %s", conf->server.listen);
	r = http_server_open(
		&(struct http_options){
			.listen_fd = fd,
			.certificate = certificate,
			.key = key,
			.max_body = conf->server.max_body,
			.connections_max = conf->limits.connections,
			.connections_per_address_max = conf->limits.connections_per_address,
			.idle_timeout_s = conf->limits.idle_s,
			.handler = service_handle,
			.knows = service_knows,
			.service = service,
		},
		ret);
	return r < 0 ? log_error_errno(r, "serve %s", conf->server.listen) : 0;
}

int serve_control(const struct options *options, const struct conf *conf, struct service *service,
		  struct http_server **ret)
{
	int r, fd;

	fd = http_listen_unix(options->control_socket, CONTROL_MODE);
	if (fd < 0)
		return log_error_errno(fd, "listen on %s", options->control_socket);
	r = http_server_open(
		&(struct http_options){
			.listen_fd = fd,
			.max_body = conf->server.max_body,
			.connections_max = CONTROL_CONNECTIONS_MAX,
			.idle_timeout_s = IDLE_TIMEOUT_S,
			.handler = control_handle,
			.service = service,
		},
		ret);
	return r < 0 ? log_error_errno(r, "serve %s", options->control_socket) : 0;
}

void serve_logins(const struct options *options, struct service *service, struct logins **ret)
{
	const char *control = options->control_socket, *slash = strrchr(control, '/');
	const char *name = strrchr(LOGIN_REPORT_SOCKET, '/') + 1;
	char path[PATH_MAX];
	int r;

	*ret = NULL;
	r = snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash - control) + 1 : 0, control,
		     name) < (int)sizeof(path) ? logins_listen(path) : -ENAMETOOLONG;
	if (r >= 0)
		r = logins_new(service, r, 0, LOGINS_WINDOW_S, ret);
	if (r < 0)
		log_warning("denied logins will not be seen here: %s: %s", path,
			    strerrordesc_np(-r));
}
