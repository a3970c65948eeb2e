#include "scimd/service/id.h"

#include <stdio.h>
#include <string.h>

#include <sys/random.h>

#define COUNTER_BITS 12u

/* The time and a counter behind it as one number, so that "later" is one comparison. */
static uint64_t source_next(struct id_source *source, uint64_t now_us)
{
	uint64_t next = (now_us / 1000) << COUNTER_BITS;

	pthread_mutex_lock(&source->lock);
	if (next <= source->last)
		next = source->last + 1;
	source->last = next;
	pthread_mutex_unlock(&source->lock);
	return next;
}

int id_make(struct id_source *source, uint64_t now_us, char ret[static RESOURCE_ID_SIZE])
{
	unsigned char random[8];
	uint64_t next;
	ssize_t n;

	do
		n = getrandom(random, sizeof(random), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(random))
		return n < 0 ? -errno : -EIO;
	next = source_next(source, now_us);
	snprintf(ret, RESOURCE_ID_SIZE, "%08x-%04x-7%03x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 (unsigned int)(next >> 28 & 0xffffffff), (unsigned int)(next >> 12 & 0xffff),
		 (unsigned int)(next & 0xfff), (random[0] & 0x3fu) | 0x80u, random[1], random[2],
		 random[3], random[4], random[5], random[6], random[7]);
	return 0;
}

bool id_is_ours(const char *text)
{
	return strlen(text) == RESOURCE_ID_SIZE - 1 &&
	       strspn(text, "0123456789abcdef-") == RESOURCE_ID_SIZE - 1;
}
