/* render.h - from a stored resource to its SCIM representation (RFC 7643 section 3). Layer:
 * service, inside it. Threads: those of the transaction. */
#ifndef SCIMD_SERVICE_RENDER_H
#define SCIMD_SERVICE_RENDER_H

#include <stdbool.h>

#include "scimd/service/call.h"

/* How much of a user's groups or a group's members to load. */
enum render_relations {
	RENDER_NO_RELATIONS,
	RENDER_ALL_RELATIONS,
	RENDER_ONE_RELATION, /* only the one whose id is `only`, if it is there */
};

struct render {
	struct store_txn *txn; /* borrowed */
	const char *base_url;  /* borrowed */
	enum render_relations relations;
	const char *only;
	/* members as text alone, to be shown whole: a hundred thousand take a third of the memory
	 * and of the time that they take as objects */
	bool as_text;
	uint64_t *members_left; /* counted down by each that is loaded, then -E2BIG; NULL: all may be */
	bool no_schemas, no_meta; /* nobody looks at them */
};

/* The complete representation, owned in *ret. -ENOMEM, -EIO when what is stored does not parse, or
 * the store's errors. */
_must_use_ int render_resource(const struct render *render, const struct store_resource *row,
			       struct json_object **ret);

/* The same as the query's attributes and excludedAttributes want it; relations are loaded only if
 * they will be seen. -EPROTO with *fault when those do not parse. */
_must_use_ int render_view(struct call *call, struct store_txn *txn,
			   const struct store_resource *row, struct json_object **ret,
			   struct fault *fault);

/* Answer with the resource as of row: status, ETag, Location, Content-Location, and the body. txn may be
 * NULL for a user who is in no group. */
_must_use_ int render_respond(struct call *call, struct store_txn *txn, int status,
			      const struct store_resource *row, struct fault *fault);

/* The entity tag, which is meta.version: the resource's own version, and for a user what groups it is
 * in, which change with the groups. txn may be NULL for a group, or a user who is in none. */
#define RENDER_TAG_SIZE 48
_must_use_ int render_tag(struct store_txn *txn, const struct store_resource *row,
			  char ret[static RENDER_TAG_SIZE]);

/* ETag and Location alone. txn as above. */
_must_use_ int render_headers(struct call *call, struct store_txn *txn,
			      const struct store_resource *row);

/* "/Users" or "/Groups". */
const char *render_endpoint(enum resource_type type);

#endif
