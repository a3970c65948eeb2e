/* media.h - the request headers that decide whether a request is looked at (RFC 9110 sections 8.3,
 * 12.5.1, 13.1). Layer: service. Threads: any; pure. */
#ifndef SCIMD_SERVICE_MEDIA_H
#define SCIMD_SERVICE_MEDIA_H

#include <stdbool.h>

/* Whether Content-Type names SCIM or JSON, in UTF-8 if it names a charset; other parameters aside.
 * NULL (not sent) is taken as SCIM. */
bool media_is_scim(const char *content_type);

/* Whether Accept lets application/scim+json or application/json through. NULL and "" accept all. */
bool media_is_accepted(const char *accept);

/* Whether the list of entity tags of If-Match or If-None-Match holds tag (W/"…" or "…"), "*" being
 * any. Tags compare weakly. */
bool media_etag_matches(const char *tags, const char *tag);

#endif
