/* logind.h - what systemd-logind, and systemd, are asked and told, over D-Bus, without ever waiting.
 * Layer: warden. Threads: one. Nothing can fail here as far as the caller is concerned: a host
 * without a bus or without logind has no sessions, and one that does not answer gets no wait. The
 * processes of a session are ended by other means; this ends what logind remembers of it. */
#ifndef SCIMD_WARDEN_LOGIND_H
#define SCIMD_WARDEN_LOGIND_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/attrs.h"

#define LOGIND_UNIT_SIZE 256u /* of a unit's name, with its end */

struct logind;

/* Told of each session of anybody, in answer to logind_list. */
typedef void (*logind_session_fn)(void *context, uint32_t uid, const char *id);

/* Told in answer to logind_ask_service: user is its User=, a name, a number, or empty. */
typedef void (*logind_service_fn)(void *context, uint32_t uid, const char *unit, const char *user);

_must_use_ int logind_new(logind_session_fn session, logind_service_fn service, void *context,
			  struct logind **ret);
void logind_freep(struct logind **logind);

/* Questions and orders; all are sent in order, and answered, if at all, from logind_process. */
void logind_list(struct logind *logind);
void logind_linger_off(struct logind *logind, uint32_t uid);
void logind_terminate(struct logind *logind, uint32_t uid);

/* As whom does systemd run this service, in which something of uid was found? */
void logind_ask_service(struct logind *logind, uint32_t uid, const char *unit);

/* Tell systemd to stop a unit of the system's; false: it could not be told. */
bool logind_stop_unit(struct logind *logind, const char *unit);

/* End a session in which nothing runs. systemd (252) leaves a scope active for ever whose first
 * process died while it was being put there: then logind keeps the session as "closing", and
 * TerminateUser, which it was told before, ends nothing. */
void logind_stop_session(struct logind *logind, const char *id);

/* Send and receive what is possible without blocking. */
void logind_process(struct logind *logind);

/* Some answer is outstanding: call logind_process again soon. */
bool logind_is_busy(const struct logind *logind);

#endif
