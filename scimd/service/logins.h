/* logins.h - takes pam_scim's word that a login was denied: counts it, and records an event; or that a
 * session begins: counts it, and keeps it as the person's last login. Layer: service. A thread of its own reads a datagram socket; what comes is bounded here, because everybody
 * who can reach a login prompt can have denials made: one event for a user, service and host, and
 * another one a minute later with how many there were, and so many altogether. The counters count
 * all. Threads: any. */
#ifndef SCIMD_SERVICE_LOGINS_H
#define SCIMD_SERVICE_LOGINS_H

#include <sys/types.h>

#include "scimd/service/service.h"
#include "shared/attrs.h"

struct logins;

/* A datagram socket at path, which only its owner and root may write to; what is left there of a socket
 * is replaced. -errno. */
_must_use_ int logins_listen(const char *path);

/* fd is taken, service borrowed; only what comes from the uid is believed. window_s: how long the same
 * denial is only counted. */
_must_use_ int logins_new(struct service *service, int fd, uid_t uid, unsigned int window_s,
			  struct logins **ret);
void logins_freep(struct logins **logins);

#define LOGINS_WINDOW_S 60u

#endif
