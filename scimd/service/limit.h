/* limit.h - how many requests per second one address may send (conf server.rate_limit); of IPv6, one
 * network of 64 bits. Layer: service. Threads: any. Addresses share a table of fixed size; when it is
 * full, the address that has been quiet longest gives way. */
#ifndef SCIMD_SERVICE_LIMIT_H
#define SCIMD_SERVICE_LIMIT_H

#include <stdint.h>

#include "shared/attrs.h"

struct limit;

/* Owned; limit_freep. -ENOMEM, or -errno from getrandom. */
_must_use_ int limit_new(struct limit **ret);
void limit_freep(struct limit **limit);

/* Count one request of peer at now_us (monotonic). rate per second with a burst of one second's
 * worth; 0: unlimited. Returns 0 if it may pass, else the seconds to wait, at least 1. */
unsigned int limit_take(struct limit *limit, const char *peer, uint32_t rate, uint64_t now_us);

#endif
