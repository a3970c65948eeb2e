/* list.h - queries over resources (RFC 7644 section 3.4.2, RFC 9865). Layer: service, inside it.
 * Threads: as the call, which is borrowed and takes the answer. Errors: -EPROTO with *fault, or another
 * negative errno, from which the caller makes the answer. */
#ifndef SCIMD_SERVICE_LIST_H
#define SCIMD_SERVICE_LIST_H

#include "scimd/service/call.h"

#define LIST_COUNT_DEFAULT 100u
#define LIST_COUNT_MAX 1000u
#define LIST_SCAN_MAX 100000u /* resources that a filter without an index may look at */

#define LIST_USERS (1u << RESOURCE_USER)
#define LIST_GROUPS (1u << RESOURCE_GROUP)

/* Answer the call's query over these types with a ListResponse: sorted if it says so, else users
 * before groups and each in order of creation; a page by startIndex or by cursor. */
_must_use_ int list_respond(struct call *call, unsigned int types, struct fault *fault);

#endif
