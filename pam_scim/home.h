/* home.h - a person's home, made at the first session. Layer: pam_scim.
 * Threads: any, but SIGCHLD is the default's while the skeleton is copied, in the whole process. */
#ifndef PAM_SCIM_HOME_H
#define PAM_SCIM_HOME_H

#include <sys/types.h>

#include "shared/attrs.h"

/* Make `home` for `uid` unless there is something of that path: as root in folders that nobody else can
 * change, missing ones on the way included; what the skeleton has is copied as the person. 1 made, 0 was
 * there; -EPERM outside of the folders of homes, or in a folder that is not root's alone; -EIO made, and
 * the skeleton not copied; other negative errno. */
_must_use_ int home_ensure(const char *home, uid_t uid);

#endif
