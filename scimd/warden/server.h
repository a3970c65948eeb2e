/* server.h - the warden's socket: who may ask, and which message goes where. Layer: warden.
 * Threads: one; nothing blocks but the disk. */
#ifndef SCIMD_WARDEN_SERVER_H
#define SCIMD_WARDEN_SERVER_H

#include <stdint.h>

#include "scimd/warden/publish.h"
#include "scimd/warden/reap.h"
#include "shared/attrs.h"

struct server;

struct server_options {
	const char *socket;  /* path; its folder belongs to root */
	gid_t group;         /* who may connect at all (0660); the credentials decide */
	const char *user;    /* the account that may ask ("scimd"), looked up in /etc/passwd */
	int64_t peer_uid;    /* a further uid that may ask, or -1 */
	struct publish *publish;
	struct local *local;
};

_must_use_ int server_new(const struct server_options *options, struct server **ret);
void server_freep(struct server **server);

/* The reaper is made with server_report as its report function and then given here. NULL: nothing is
 * ended (for trying scimd out beside a running host). */
void server_set_reap(struct server *server, struct reap *reap);
void server_report(void *context, const struct reap_report *report);
bool server_can_report(void *context);

/* A borrowed descriptor: once it can be read, server_step says that it is over. -1: none, as at first. */
void server_set_stop(struct server *server, int fd);

/* Whether there is something to read already. */
bool server_is_asked(const struct server *server);

/* Wait at most timeout_ms for something to read, and handle one message or one connection. 1: it is over. */
_must_use_ int server_step(struct server *server, int timeout_ms);

#endif
