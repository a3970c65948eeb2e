/* auth.h - which connection a request belongs to (RFC 6750). Layer: service; needs GnuTLS and the
 * configuration. Threads: any; no state. */
#ifndef SCIMD_SERVICE_AUTH_H
#define SCIMD_SERVICE_AUTH_H

#include "scimd/service/service.h"
#include "shared/conf.h"

/* The connection whose token the Authorization header holds, borrowed from conf; NULL if there is
 * no token or it is nobody's. "Bearer TOKEN" and the bare TOKEN are the same. Every configured
 * hash is compared in constant time, whichever matches and also without a header. token: what was
 * read of this header before, or is read of it now; NULL: not kept. */
const struct conf_connection *auth_connection(const struct conf *conf, const char *authorization,
					      struct request_token *token);

#endif
