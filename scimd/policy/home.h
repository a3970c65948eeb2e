/* home.h - a person's home directory. Layer: policy, private. Threads: any; no state. */
#ifndef SCIMD_POLICY_HOME_H
#define SCIMD_POLICY_HOME_H

#include "scimd/policy/policy.h"

/* The POSIX extension's, else by [identity] home, as a template for identity_set_uid. Owned.
 * -EPROTO with *fault, or -ENOMEM. */
_must_use_ int home_make(const struct conf *conf, struct json_object *resource, const char *name,
			 char **ret, struct fault *fault);

#endif
