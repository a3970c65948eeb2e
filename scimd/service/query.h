/* query.h - the query of a request, from its URL or body (RFC 7644 section 3.4.2, RFC 3986).
 * Layer: service, but it needs the model alone. Threads: any. */
#ifndef SCIMD_SERVICE_QUERY_H
#define SCIMD_SERVICE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "scimd/model/fault.h"
#include "shared/attrs.h"

/* What we understand of it. Strings are owned (query_done), NULL when absent. Parameters we do not
 * know are ignored as the RFC asks. */
struct query {
	char *filter;
	char *attributes; /* a comma list */
	char *excluded;   /* excludedAttributes, the same */
	char *sort_by;
	char *cursor;   /* "" asks for the first page (RFC 9865 section 2) */
	uint64_t start; /* startIndex, from 1 */
	uint64_t count;
	bool has_start, has_count;
	bool has_order, descending; /* sortOrder */
};

/* Decode %XX (and '+' as a space if plus is set) of len bytes into an owned string. -EINVAL for a
 * bad escape, a NUL byte, or what is not UTF-8; -ENOMEM. */
_must_use_ int query_decode(const char *text, size_t len, bool plus, char **ret);

/* Parse the raw text after '?', which may be NULL. Returns 0 and *ret filled, -EPROTO with *fault
 * and *ret untouched, or -ENOMEM. */
_must_use_ int query_parse(const char *text, struct query *ret, struct fault *fault);

/* The same from the body of a .search request (RFC 7644 section 3.4.3), an object. */
_must_use_ int query_read(struct json_object *body, struct query *ret, struct fault *fault);

/* Neither attributes nor excludedAttributes ask for less than everything. */
bool query_shows_all(const struct query *query);

void query_done(struct query *query);

#endif
