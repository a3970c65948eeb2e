/* notify.h - the sd_notify protocol without libsystemd. Layer: base. Threads: any. */
#ifndef SCIMD_BASE_NOTIFY_H
#define SCIMD_BASE_NOTIFY_H

#include <stdint.h>

/* Send state lines such as "READY=1" or "STOPPING=1\nSTATUS=…" to $NOTIFY_SOCKET. Without that
 * variable, and on errors, nothing happens: supervision must not break service. */
void notify_send(const char *state);

/* Half of the watchdog period in milliseconds if the supervisor wants pings from this process, else 0. */
uint64_t notify_watchdog_ms(void);

#endif
