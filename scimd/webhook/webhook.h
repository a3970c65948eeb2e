/* webhook.h - sends each event to [events] webhook, in commit order, at least once, signed as the
 * Standard Webhooks specification has it. Layer: webhook (uses base, model, store, change).
 *
 * One thread follows the store's events from a position that the store keeps, one request at a time,
 * and tries each until the receiver answers 2xx. A receiver that is slow or gone costs nothing but the
 * thread's patience: no change waits for it, and events wait on the disk. Without a webhook in the
 * configuration the position is forgotten, and a new one begins with what happens from then on.
 * Threads: any. */
#ifndef SCIMD_WEBHOOK_WEBHOOK_H
#define SCIMD_WEBHOOK_WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "scimd/change/change.h"
#include "shared/attrs.h"

struct webhook;

/* How long to wait after a failure: first_ms, then twice as long each time, up to longest_ms; of each a
 * random part between a half and the whole. */
struct webhook_patience {
	uint32_t first_ms, longest_ms, timeout_ms; /* the last: of one request */
};
#define WEBHOOK_PATIENCE ((struct webhook_patience){ 1000, 300000, 15000 })

/* engine is borrowed and must outlive the webhook. -ENOMEM or what starting a thread said. */
_must_use_ int webhook_new(struct change_engine *engine, struct webhook_patience patience,
			   struct webhook **ret);
/* Ends what is being sent, at once. */
void webhook_freep(struct webhook **webhook);

#define WEBHOOK_HOST_SIZE 128
#define WEBHOOK_ERROR_SIZE 256

struct webhook_status {
	bool configured;
	char host[WEBHOOK_HOST_SIZE]; /* "https://hooks.example.com", without the path */
	uint64_t position;            /* the last event that was taken */
	uint64_t delivered, failed;   /* requests since the start */
	uint64_t last_delivered_us;   /* epoch; 0: not since the start */
	uint64_t failing_since_us;    /* epoch; 0: the last one was taken */
	char error[WEBHOOK_ERROR_SIZE]; /* of the last failure; "" if the last one was taken */
};
void webhook_status(struct webhook *webhook, struct webhook_status *ret);

#endif
