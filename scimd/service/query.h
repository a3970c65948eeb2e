/* query.h - the query string of a request (RFC 7644 section 3.4.2, RFC 3986). Layer: service, but
 * it needs the model alone. Threads: any. */
#ifndef SCIMD_SERVICE_QUERY_H
#define SCIMD_SERVICE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scimd/model/fault.h"
#include "shared/attrs.h"

/* What we understand of it. Strings are owned (query_done), NULL when absent. Parameters we do not
 * know, and sortBy and sortOrder, are ignored as the RFC allows. */
struct query {
	char *filter;
	char *attributes;
	char *excluded; /* excludedAttributes */
	uint64_t start; /* startIndex, from 1 */
	uint64_t count;
	bool has_count;
};

/* Decode %XX (and '+' as a space if plus is set) of len bytes into an owned string. -EINVAL for a
 * bad escape, a NUL byte, or what is not UTF-8; -ENOMEM. */
_must_use_ int query_decode(const char *text, size_t len, bool plus, char **ret);

/* Parse the raw text after '?', which may be NULL. Returns 0 and *ret filled, -EPROTO with *fault
 * and *ret untouched, or -ENOMEM. */
_must_use_ int query_parse(const char *text, struct query *ret, struct fault *fault);

void query_done(struct query *query);

#endif
