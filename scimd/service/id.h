/* id.h - ids of resources: UUIDs in the order of their making (RFC 9562 section 5.7, version 7).
 * Layer: service. Threads: any; a source is locked inside. */
#ifndef SCIMD_SERVICE_ID_H
#define SCIMD_SERVICE_ID_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "scimd/model/resource.h"
#include "shared/attrs.h"

struct id_source {
	pthread_mutex_t lock;
	uint64_t last; /* milliseconds and the 12-bit counter behind them */
};

#define ID_SOURCE_INIT { .lock = PTHREAD_MUTEX_INITIALIZER }

/* The next id at now_us (epoch): later than all before it, also when the clock stands still or goes
 * back. -errno from getrandom. */
_must_use_ int id_make(struct id_source *source, uint64_t now_us,
			char ret[static RESOURCE_ID_SIZE]);

/* The text of a UUID. */
void id_print(const unsigned char bytes[static 16], char ret[static RESOURCE_ID_SIZE]);

/* Whether text has the form of our ids; anything else names nothing. */
bool id_is_ours(const char *text);

#endif
