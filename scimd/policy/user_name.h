/* user_name.h - a person's name on this host. Layer: policy, private. Threads: any; no state. */
#ifndef SCIMD_POLICY_USER_NAME_H
#define SCIMD_POLICY_USER_NAME_H

#include "scimd/policy/policy.h"

/* By [identity] username. -EPROTO with *fault (400 with the rule), or -ENOMEM. */
_must_use_ int user_name_make(const struct conf *conf, struct json_object *resource,
			      char ret[static NAME_MAX_BYTES + 1], struct fault *fault);

#endif
