/* guard.h - what libmicrohttpd lets through and we do not: ambiguous framing, repeated headers,
 * hidden terminators. Layer: http. Threads: the connection's own. RFC 9112, 3, 5, 6, 11.2. */
#ifndef SCIMD_HTTP_GUARD_H
#define SCIMD_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

#include "scimd/model/fault.h"
#include "shared/attrs.h"

/* The first line of a request. All three point into the library's buffer. */
struct guard_line {
	const char *method;
	const char *target_end; /* the first NUL after the target, when it had just come */
	const char *version;
};

/* Returns 0 or -EPROTO with *fault. path and query are the target's parts; query may be "". */
_must_use_ int guard_line(const struct guard_line *line, const char *path, const char *query,
			  struct fault *fault);

/* The headers, and the announced size of the body against max_body. *ret_length is that size, or 0
 * if there is none or it is unknown. Returns 0 or -EPROTO with *fault. */
_must_use_ int guard_headers(struct MHD_Connection *connection, const struct guard_line *line,
			     uint64_t max_body, uint64_t *ret_length, struct fault *fault);

/* Whether text can be a host with or without a port (RFC 3986, 3.2), or is empty: no user before it. A
 * comma, which the grammar allows, joins two hosts and so is none. */
bool guard_is_authority(const char *text, size_t size);

/* For MHD_OPTION_UNESCAPE_CALLBACK: leaves the text as it is, because each path segment is to be
 * decoded on its own, after the split. */
size_t guard_unescape(void *context, struct MHD_Connection *connection, char *text);

#endif
