/* password.h - from a SCIM password to what shadow holds. Layer: service. Threads: any. */
#ifndef SCIMD_SERVICE_PASSWORD_H
#define SCIMD_SERVICE_PASSWORD_H

#include <semaphore.h>

#include "scimd/model/fault.h"
#include "shared/attrs.h"

/* Hash with yescrypt at its default cost, which takes tens of milliseconds: never on the writer's
 * thread. Owned in *ret (password_wipep); -EPROTO with *fault for what crypt(3) cannot take;
 * -ENOMEM or -errno. */
_must_use_ int password_hash(const char *password, char **ret, struct fault *fault);

/* The same by at most as many threads at once as turns was made for; the others wait. */
_must_use_ int password_hash_in_turn(sem_t *turns, const char *password, char **ret,
				     struct fault *fault);

/* Wipe and free; for _cleanup_. */
void password_wipep(char **password);

#endif
