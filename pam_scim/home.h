/* home.h - a person's home, made at the first session. Layer: pam_scim.
 * Threads: any, but SIGCHLD is the default's while the helper runs, in the whole process. */
#ifndef PAM_SCIM_HOME_H
#define PAM_SCIM_HOME_H

#include "shared/attrs.h"

#define HOME_HELPER "/usr/sbin/mkhomedir_helper" /* pam_mkhomedir's; of libpam-modules-bin */

/* Make `home` for the user `name` unless there is something of that path. 1 made, 0 was there;
 * -EPERM outside of the folders of homes; -EIO the helper failed (it logs why); other negative
 * errno. */
_must_use_ int home_ensure(const char *name, const char *home);

#endif
