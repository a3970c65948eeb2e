/* match.h - which groups of the identity provider the configuration means. Layer: policy, private.
 * Threads: any; no state. */
#ifndef SCIMD_POLICY_MATCH_H
#define SCIMD_POLICY_MATCH_H

#include <stddef.h>

#include "scimd/policy/policy.h"

/* Whether an item of the list is the text, ignoring case in any script. 1, 0 or -ENOMEM: a deny
 * list must not be passed by for want of memory. */
_must_use_ int match_name(conf_list list, const char *name);

/* The first group that the list has by displayName or SCIM id: 1 and *ret_index, 0 if there is
 * none, or -ENOMEM. */
_must_use_ int match_groups(conf_list list, const struct policy_group *groups, size_t count,
			    size_t *ret_index);

#endif
