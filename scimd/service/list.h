/* list.h - queries over a resource type (RFC 7644 section 3.4.2). Layer: service, inside it. */
#ifndef SCIMD_SERVICE_LIST_H
#define SCIMD_SERVICE_LIST_H

#include "scimd/service/call.h"

#define LIST_COUNT_DEFAULT 100u
#define LIST_COUNT_MAX 1000u
#define LIST_SCAN_MAX 100000u /* resources that a filter without an index may look at */

/* Answer a query with a ListResponse in order of creation. */
_must_use_ int list_respond(struct call *call, enum resource_type type, struct fault *fault);

#endif
