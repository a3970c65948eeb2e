/* serve.h - the two doors of scimd: SCIM over TLS, and the control socket. Layer: main.
 * Threads: main's. Errors are logged here already, and negative errno is returned. service is borrowed
 * and outlives the servers, which are the caller's to close. */
#ifndef SCIMD_SERVE_H
#define SCIMD_SERVE_H

#include "scimd/http/http.h"
#include "scimd/options.h"
#include "scimd/service/logins.h"
#include "shared/attrs.h"
#include "shared/conf.h"

_must_use_ int serve_scim(const struct options *options, const struct conf *conf,
			  struct service *service, struct http_server **ret);
_must_use_ int serve_control(const struct options *options, const struct conf *conf,
			     struct service *service, struct http_server **ret);

/* Hear of denied logins, beside the control socket. Without that scimd serves all the same: NULL. */
void serve_logins(const struct options *options, struct service *service, struct logins **ret);

/* Read the certificate again, for connections from now on. With any error the old one stays. */
_must_use_ int serve_certificate(const struct options *options, const struct conf *conf);

#endif
