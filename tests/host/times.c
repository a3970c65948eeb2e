/* times.c - preloaded by a test: time() is TIMES_SHIFT seconds later, and the clock is not synchronized if
 * TIMES_UNSYNC is set. Not part of the product, which knows nothing of it. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

time_t time(time_t *ret)
{
	const char *shift = getenv("TIMES_SHIFT");
	struct timespec now;
	time_t then;

	(void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
	then = now.tv_sec + (shift ? atol(shift) : 0);
	if (ret)
		*ret = then;
	return then;
}

int adjtimex(struct timex *timex)
{
	timex->maxerror = 1000;
	timex->status = getenv("TIMES_UNSYNC") ? STA_UNSYNC : 0;
	return getenv("TIMES_UNSYNC") ? TIME_ERROR : TIME_OK;
}
