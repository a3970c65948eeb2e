#include "scimd/service/id.h"

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

void id_print(const unsigned char bytes[static 16], char ret[static RESOURCE_ID_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 16; i++) {
		*ret++ = digits[bytes[i] >> 4];
		*ret++ = digits[bytes[i] & 0xf];
		if (i == 3 || i == 5 || i == 7 || i == 9)
			*ret++ = '-';
	}
	*ret = '\0';
}

int id_make(struct id_source *source, uint64_t now_us, char ret[static RESOURCE_ID_SIZE])
{
	unsigned char bytes[16];
	unsigned char *random = bytes + 8;
	uint64_t next;
	ssize_t n;

	do
		n = getrandom(random, 8, 0);
	while (n < 0 && errno == EINTR);
	if (n != 8)
		return n < 0 ? -errno : -EIO;
	next = source_next(source, now_us);
	/* 48 bits of time, the version, 12 bits of the counter, the variant. */
	for (int i = 0; i < 6; i++)
		bytes[i] = (unsigned char)(next >> COUNTER_BITS >> (40 - 8 * i));
	bytes[6] = (unsigned char)(0x70 | (next >> 8 & 0xf));
	bytes[7] = (unsigned char)next;
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	id_print(bytes, ret);
	return 0;
}

bool id_is_ours(const char *text)
{
	return strlen(text) == RESOURCE_ID_SIZE - 1 &&
	       strspn(text, "0123456789abcdef-") == RESOURCE_ID_SIZE - 1;
}
