/* local_user.h - is a name one of /etc/passwd's? Local accounts always win.
 * Layer: shared, libc only. No stdio, no allocation, no NSS: it runs inside NSS and login programs.
 * Threads: any. Keeps errno. */
#ifndef SHARED_LOCAL_USER_H
#define SHARED_LOCAL_USER_H

#include <stddef.h>

#include "shared/attrs.h"

#ifndef LOCAL_PASSWD_FILE /* another value makes a build for tests */
#define LOCAL_PASSWD_FILE "/etc/passwd"
#endif

/* 1: it is; 0: it is not, or there is no such file; negative errno (never -ENOENT): not known. */
_must_use_ int local_has_user(const char *name, size_t name_size);

#endif
