/* bulk.h - many writes in one request (RFC 7644 section 3.7). Layer: service, inside it. Threads:
 * as the call that it answers, and a bulk_work as its call: the writer's thread runs its change
 * while the request's waits. Errors: -EPROTO with *fault for the whole request; what is wrong with
 * one operation is told in that operation's own answer; -ENOMEM. */
#ifndef SCIMD_SERVICE_BULK_H
#define SCIMD_SERVICE_BULK_H

#include "scimd/service/call.h"
#include "scimd/service/write.h"

#define BULK_OPERATIONS_MAX 1000u

#define URN_BULK_RESPONSE "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

enum bulk_state { BULK_WAITING, BULK_ORDERED, BULK_DONE };

struct bulk;

/* What an operation needs while it is performed. */
struct bulk_work {
	struct bulk *bulk;                /* borrowed, as the next two */
	struct bulk_operation *operation;
	struct change_item *item;         /* among those that are performed together */
	struct request request;
	char *method, *path;              /* owned; path is below the base URL, or NULL */
	char *full_path;                  /* owned */
	struct response response;
	struct call call;
	struct write write;
	const struct write_operation *how; /* NULL: it failed before, with this: */
	struct fault fault;
	bool skipped; /* enough others have failed */
};

/* One operation; strings and data are borrowed from the request's body. */
struct bulk_operation {
	const char *method, *path, *bulk_id, *version; /* NULL: not given */
	struct json_object *json, *data; /* json: all of it */
	char id[RESOURCE_ID_SIZE]; /* of what a POST with a bulkId makes: known before it is made */
	size_t *references;        /* owned; the operations whose bulkIds this one names */
	size_t reference_count, next_reference;
	enum bulk_state state;
	struct bulk_work *work; /* owned, while it is performed */
	int status; /* once done */
	char *location, *etag; /* owned, or NULL */
	struct json_object *error; /* owned; NULL if it succeeded */
};

struct bulk {
	struct call *call; /* borrowed */
	struct bulk_operation *operations; /* owned (bulk_done) */
	size_t count;
	size_t *order; /* owned; in which they are performed */
	struct change_item *items; /* owned; of those that are performed together: */
	size_t item_count;
	size_t errors, errors_max; /* errors_max 0: never mind */
};

/* Find out which operations name which (bulk_reference.c). -ENOMEM. */
_must_use_ int bulk_find_references(struct bulk *bulk, struct bulk_operation *operation);

/* Put ids in the place of references, in the data; *ret_path is the path with them, owned. -EPROTO
 * with *fault when one names no operation, or one that failed; -ENOMEM. */
_must_use_ int bulk_resolve(struct bulk *bulk, struct bulk_operation *operation, char **ret_path,
			    struct fault *fault);

/* Free everything but the call. */
void bulk_done(struct bulk *bulk);

#endif
