/* bulk.h - many writes in one request (RFC 7644 section 3.7). Layer: service, inside it. */
#ifndef SCIMD_SERVICE_BULK_H
#define SCIMD_SERVICE_BULK_H

#include "scimd/service/call.h"

#define BULK_OPERATIONS_MAX 1000u

#define URN_BULK_RESPONSE "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

enum bulk_state { BULK_WAITING, BULK_STARTED, BULK_DONE };

/* One operation; strings and data are borrowed from the request's body. */
struct bulk_operation {
	const char *method, *path, *bulk_id, *version; /* NULL: not given */
	struct json_object *data;
	char id[RESOURCE_ID_SIZE]; /* of what a POST with a bulkId makes: known before it is made */
	size_t *references;        /* owned; the operations whose bulkIds this one names */
	size_t reference_count, next_reference;
	enum bulk_state state;
	int status; /* once done */
	char *location, *etag; /* owned, or NULL */
	struct json_object *error; /* owned; NULL if it succeeded */
};

struct bulk {
	struct call *call;
	struct bulk_operation *operations; /* owned (bulk_done) */
	size_t count;
	size_t errors, errors_max; /* errors_max 0: never mind */
};

/* Find out which operations name which (bulk_reference.c). -ENOMEM. */
_must_use_ int bulk_find_references(struct bulk *bulk, struct bulk_operation *operation);

/* Put ids in the place of references, in the data; *ret_path is the path with them, owned. -EPROTO
 * with *fault when one names no operation, or one that failed; -ENOMEM. */
_must_use_ int bulk_resolve(struct bulk *bulk, struct bulk_operation *operation, char **ret_path,
			    struct fault *fault);

void bulk_done(struct bulk *bulk);

#endif
