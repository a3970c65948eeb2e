/* warden_client.h - scimd's side of the warden's protocol (shared/warden_proto.h). Layer: change.
 * Threads: one asks (the engine's writer); a receiver thread of its own reads answers. */
#ifndef SCIMD_CHANGE_WARDEN_CLIENT_H
#define SCIMD_CHANGE_WARDEN_CLIENT_H

#include <stdbool.h>

#include "shared/attrs.h"
#include "shared/packet.h"

struct warden_client;

/* Called on the receiver thread with each WARDEN_ENDED message, borrowed. */
typedef void (*warden_ended_fn)(void *context, const void *message, size_t size);

/* path is borrowed. */
_must_use_ int warden_client_new(const char *path, warden_ended_fn ended, void *context,
				 struct warden_client **ret);
void warden_client_freep(struct warden_client **client);

/* Connect if not connected. -ENOENT, -ECONNREFUSED, …: the warden is not there. */
_must_use_ int warden_client_connect(struct warden_client *client);
bool warden_client_is_connected(struct warden_client *client);
void warden_client_disconnect(struct warden_client *client);

/* Send a finished packet, behind the records that wait. A failure disconnects. */
_must_use_ int warden_client_send(struct warden_client *client, const void *message, size_t size);

/* Let a finished BEGIN or record go with others in one packet: when it is full, with the COMMIT that is asked,
 * or before anything else is sent. */
_must_use_ int warden_client_put(struct warden_client *client, const void *message, size_t size);

/* Send a packet and wait for the answer with its tag, borrowed until the next call. -ETIMEDOUT and
 * connection errors disconnect. */
_must_use_ int warden_client_ask(struct warden_client *client, struct packet *packet,
				 unsigned int timeout_ms, const struct packet **ret_answer);

/* The second half of that: there is room for one answer, so one at a time is waited for. */
_must_use_ int warden_client_wait(struct warden_client *client, uint64_t tag, unsigned int timeout_ms,
				  const struct packet **ret_answer);

/* The operation of an answer, and for WARDEN_REFUSED its sentence. */
enum warden_op warden_answer_op(const struct packet *answer);
void warden_answer_sentence(const struct packet *answer, char text[static WARDEN_REASON_MAX + 1]);

#endif
