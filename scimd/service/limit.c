#include "scimd/service/limit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#define LIMIT_SLOTS 4096u
#define LIMIT_PROBES 8u
#define SECOND_US 1000000u
#define NETWORK_BYTES 8u /* of an IPv6 address: the network that one customer has at least */

/* An address and the time at which it will have used up nothing (the theoretical arrival time of
 * the generic cell rate algorithm). */
struct limit_slot {
	uint64_t key; /* 0: free */
	uint64_t clear_us;
};

struct limit {
	pthread_mutex_t lock;
	uint64_t seed; /* so that nobody can choose addresses which share a slot */
	struct limit_slot slots[LIMIT_SLOTS];
};

int limit_new(struct limit **ret)
{
	_cleanup_free_ struct limit *limit = calloc(1, sizeof(*limit));

	if (!limit)
		return -ENOMEM;
	if (getrandom(&limit->seed, sizeof(limit->seed), 0) != (ssize_t)sizeof(limit->seed))
		return errno ? -errno : -EIO;
	pthread_mutex_init(&limit->lock, NULL);
	*ret = TAKE_PTR(limit);
	return 0;
}

void limit_freep(struct limit **limit)
{
	if (*limit)
		pthread_mutex_destroy(&(*limit)->lock);
	free(*limit);
	*limit = NULL;
}

/* Whoever has one address of an IPv6 network has all of it. */
static uint64_t peer_key(uint64_t seed, const char *peer)
{
	uint64_t key = 0xcbf29ce484222325u ^ seed;
	const unsigned char *bytes = (const unsigned char *)peer;
	size_t size = strlen(peer);
	struct in6_addr address;

	if (inet_pton(AF_INET6, peer, &address) == 1) {
		bytes = address.s6_addr;
		size = NETWORK_BYTES;
	}
	for (; size > 0; size--)
		key = (key ^ *bytes++) * 0x100000001b3u;
	key ^= key >> 32;
	return key ? key : 1;
}

static struct limit_slot *slot_find(struct limit *limit, uint64_t key)
{
	struct limit_slot *oldest = NULL;

	for (size_t i = 0; i < LIMIT_PROBES; i++) {
		struct limit_slot *slot = &limit->slots[(key + i) % LIMIT_SLOTS];

		if (slot->key == key)
			return slot;
		if (!oldest || slot->clear_us < oldest->clear_us)
			oldest = slot;
	}
	*oldest = (struct limit_slot){ .key = key };
	return oldest;
}

unsigned int limit_take(struct limit *limit, const char *peer, uint32_t rate, uint64_t now_us)
{
	struct limit_slot *slot;
	uint64_t debt_us, cost_us;
	unsigned int wait_s = 0;

	if (rate == 0)
		return 0;
	cost_us = rate < SECOND_US ? SECOND_US / rate : 1;
	pthread_mutex_lock(&limit->lock);
	slot = slot_find(limit, peer_key(limit->seed, peer));
	debt_us = slot->clear_us > now_us ? slot->clear_us - now_us : 0;
	if (debt_us + cost_us > SECOND_US)
		wait_s = (unsigned int)((debt_us + cost_us - 1) / SECOND_US);
	else
		slot->clear_us = now_us + debt_us + cost_us;
	pthread_mutex_unlock(&limit->lock);
	return wait_s;
}
