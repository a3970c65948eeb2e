/* internal.h - what the files of the webhook layer share. Layer: webhook.
 * Threads: "worker" fields belong to the worker; the status is under the lock. */
#ifndef SCIMD_WEBHOOK_INTERNAL_H
#define SCIMD_WEBHOOK_INTERNAL_H

#include <pthread.h>

#include <curl/curl.h>

#include "scimd/webhook/webhook.h"

struct webhook {
	struct change_engine *engine;
	struct webhook_patience patience;
	pthread_t thread;
	bool started;
	bool stop;    /* atomic */
	CURLM *multi; /* worker, but for curl_multi_wakeup */
	CURL *easy;   /* worker */
	/* worker */
	bool has_position, forgotten;
	uint64_t position, saved, saved_us; /* the last: monotonic */
	unsigned int failures;              /* in a row */
	pthread_mutex_t lock;
	struct webhook_status status;
};

/* An event on its way. Owned strings. */
struct message {
	uint64_t sequence, time_us;
	char *id;   /* of this event on this host, for ever: the receiver knows it again */
	char *body; /* JSON */
};
void message_done(struct message *message);

/* message.c: what an event is to a receiver. -EIO for a row that is no JSON. */
_must_use_ int message_make(struct store *store, const struct store_event *event,
			    struct message *ret);

/* request.c: send it and wait for the answer. Returns 0 when it was taken; -ECANCELED when the webhook
 * ends; else -EAGAIN with the sentence in error and in *ret_wait_s what the receiver asked for, or 0. */
_must_use_ int request_send(struct webhook *webhook, const struct conf *conf,
			    const struct message *message, char error[static WEBHOOK_ERROR_SIZE],
			    uint32_t *ret_wait_s);

bool webhook_stops(struct webhook *webhook);

#endif
