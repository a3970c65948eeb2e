/* password.h - from a SCIM password to what shadow holds. Layer: service. Threads: any. */
#ifndef SCIMD_SERVICE_PASSWORD_H
#define SCIMD_SERVICE_PASSWORD_H

#include "scimd/model/fault.h"
#include "shared/attrs.h"

/* Hash with yescrypt at its default cost, which takes tens of milliseconds: never on the writer's
 * thread. Owned in *ret (password_wipep); -EPROTO with *fault for what crypt(3) cannot take;
 * -ENOMEM or -errno. */
_must_use_ int password_hash(const char *password, char **ret, struct fault *fault);

/* Wipe and free; for _cleanup_. */
void password_wipep(char **password);

#endif
