/* clock.h - the two clocks in use. Layer: base. Threads: any. */
#ifndef SCIMD_BASE_CLOCK_H
#define SCIMD_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Microseconds since the epoch (CLOCK_REALTIME): stored times, receipts, events. */
uint64_t clock_now_us(void);

/* Microseconds of CLOCK_MONOTONIC: deadlines and durations. */
uint64_t clock_monotonic_us(void);

#define CLOCK_TEXT_SIZE 32

/* RFC 3339 in UTC with milliseconds ("2026-11-21T10:15:30.123Z") into buf. Returns buf. */
char *clock_format(uint64_t epoch_us, char buf[static CLOCK_TEXT_SIZE]);

#endif
