/* read.h - answering with one resource (RFC 7644 section 3.4.1). Layer: service, inside it.
 * Threads: as the call, which is borrowed and takes the answer. Errors: -EPROTO with *fault, or another
 * negative errno, from which the caller makes the answer. */
#ifndef SCIMD_SERVICE_READ_H
#define SCIMD_SERVICE_READ_H

#include "scimd/service/call.h"

/* The resource of the path, if it is of this type and of the caller's connection; 304 when
 * If-None-Match names its version. */
_must_use_ int read_respond(struct call *call, enum resource_type type, struct fault *fault);

#endif
