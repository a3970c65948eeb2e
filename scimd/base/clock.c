#include "scimd/base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t clock_read_us(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now); /* cannot fail for these two clocks */
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t clock_now_us(void)
{
	return clock_read_us(CLOCK_REALTIME);
}

uint64_t clock_monotonic_us(void)
{
	return clock_read_us(CLOCK_MONOTONIC);
}

char *clock_format(uint64_t epoch_us, char buf[static CLOCK_TEXT_SIZE])
{
	time_t seconds = (time_t)(epoch_us / 1000000u);
	struct tm utc;
	size_t used;

	buf[0] = '\0';
	if (!gmtime_r(&seconds, &utc))
		return buf;
	used = strftime(buf, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
	if (used > 0)
		(void)snprintf(buf + used, CLOCK_TEXT_SIZE - used, ".%03uZ",
			       (unsigned int)(epoch_us / 1000u % 1000u));
	return buf;
}
