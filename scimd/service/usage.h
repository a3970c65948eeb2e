/* usage.h - keeps how the connections were used (metrics.h) across restarts: read at the start, written by a
 * thread of its own every minute in which there was something, and at the end. No request waits for it, and
 * what a crash loses is a minute's worth. Layer: service. Threads: any. */
#ifndef SCIMD_SERVICE_USAGE_H
#define SCIMD_SERVICE_USAGE_H

#include "scimd/service/service.h"
#include "shared/attrs.h"

#define USAGE_PERIOD_MS 60000

struct usage;

/* service is borrowed, and not asked anything yet. -errno: nothing is kept. */
_must_use_ int usage_new(struct service *service, int period_ms, struct usage **ret);
/* Writes what is not written; after the last request. */
void usage_freep(struct usage **usage);

#endif
