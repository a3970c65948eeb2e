/* watch.h - the connections of a server and how long each has kept us waiting. libmicrohttpd's own
 * timeout starts anew with every byte, so a client that drips would hold its thread for ever; the
 * watch bounds the time from one answer to the next complete request as a whole.
 * Layer: http. Threads: any. */
#ifndef SCIMD_HTTP_WATCH_H
#define SCIMD_HTTP_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/attrs.h"

struct watch;
struct watch_entry;

/* How long, and when there are more connections than crowd, how long those may take that are not
 * trusted: so whoever only takes up room makes place for who has something to say. Of more guests than
 * guests_max the latest are cut at once. */
struct watch_options {
	uint64_t patience_us, hurry_us;
	unsigned int crowd, guests_max;
};

/* Starts a thread that cuts connections which keep us waiting for longer. */
_must_use_ int watch_new(const struct watch_options *options, struct watch **ret);
/* All entries have been removed. */
void watch_freep(struct watch **watch);

/* A connection came: fd is borrowed until watch_remove. NULL without memory. */
struct watch_entry *watch_add(struct watch *watch, int fd, bool guest);
/* The connection is about to be closed; entry may be NULL and is freed. */
void watch_remove(struct watch *watch, struct watch_entry *entry);

/* A request's first line is there: it is counted as under way until watch_idle. */
void watch_busy(struct watch *watch, struct watch_entry *entry);
/* The request is complete: from here on we keep the client waiting, so its clock stands still. */
void watch_working(struct watch *watch, struct watch_entry *entry);
/* Our answer is made: sending it, and all that follows, is on the client's time again. */
void watch_waiting(struct watch *watch, struct watch_entry *entry);
/* A request on it was from somebody we know. */
void watch_trust(struct watch *watch, struct watch_entry *entry);
/* The request is over, answered or not. */
void watch_idle(struct watch *watch, struct watch_entry *entry);

/* Wait until no request is under way, at most so long. */
void watch_drain(struct watch *watch, uint64_t deadline_us);

#endif
