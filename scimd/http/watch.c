#include "scimd/http/watch.h"

#include <pthread.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include "scimd/base/clock.h"

#define TICK_US 1000000u
#define SINCE_UNCHANGED UINT64_MAX

struct watch_entry {
	LIST_ENTRY(watch_entry) link;
	int fd;
	bool busy, trusted, guest;
	uint64_t since_us; /* CLOCK_MONOTONIC; 0: the client waits for us */
};

struct watch {
	pthread_mutex_t lock;
	pthread_cond_t drained, stopped;
	pthread_t thread;
	bool started, stop;
	unsigned int busy, count, guests;
	struct watch_options options;
	LIST_HEAD(, watch_entry) entries;
};

static struct timespec after_us(uint64_t us)
{
	uint64_t at_us = clock_monotonic_us() + us;

	return (struct timespec){ .tv_sec = (time_t)(at_us / 1000000u),
				  .tv_nsec = (long)(at_us % 1000000u * 1000u) };
}

static void cut_late(struct watch *watch)
{
	uint64_t now_us = clock_monotonic_us();
	bool is_crowded = watch->count > watch->options.crowd;
	struct watch_entry *entry;

	LIST_FOREACH(entry, &watch->entries, link) {
		uint64_t limit_us = is_crowded && !entry->trusted ? watch->options.hurry_us
								  : watch->options.patience_us;

		if (entry->since_us == 0 || now_us - entry->since_us <= limit_us)
			continue;
		/* Its own thread sees the end of the stream and closes the descriptor. */
		(void)shutdown(entry->fd, SHUT_RDWR);
		entry->since_us = now_us;
	}
}

static void *watch_main(void *context)
{
	struct watch *watch = context;

	(void)pthread_mutex_lock(&watch->lock);
	while (!watch->stop) {
		struct timespec tick = after_us(TICK_US);

		(void)pthread_cond_timedwait(&watch->stopped, &watch->lock, &tick);
		cut_late(watch);
	}
	(void)pthread_mutex_unlock(&watch->lock);
	return NULL;
}

int watch_new(const struct watch_options *options, struct watch **ret)
{
	_cleanup_(watch_freep) struct watch *watch = calloc(1, sizeof(*watch));
	pthread_condattr_t attributes;
	int r;

	if (!watch)
		return -ENOMEM;
	watch->options = *options;
	LIST_INIT(&watch->entries);
	(void)pthread_mutex_init(&watch->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&watch->drained, &attributes);
	(void)pthread_cond_init(&watch->stopped, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	r = pthread_create(&watch->thread, NULL, watch_main, watch);
	if (r != 0)
		return -r;
	watch->started = true;
	*ret = TAKE_PTR(watch);
	return 0;
}

void watch_freep(struct watch **watch)
{
	int saved = errno;

	if (!*watch)
		return;
	(void)pthread_mutex_lock(&(*watch)->lock);
	(*watch)->stop = true;
	(void)pthread_cond_signal(&(*watch)->stopped);
	(void)pthread_mutex_unlock(&(*watch)->lock);
	if ((*watch)->started)
		(void)pthread_join((*watch)->thread, NULL);
	(void)pthread_cond_destroy(&(*watch)->drained);
	(void)pthread_cond_destroy(&(*watch)->stopped);
	(void)pthread_mutex_destroy(&(*watch)->lock);
	free(*watch);
	*watch = NULL;
	errno = saved;
}

struct watch_entry *watch_add(struct watch *watch, int fd, bool guest)
{
	struct watch_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->fd = fd;
	entry->guest = guest;
	entry->since_us = clock_monotonic_us();
	(void)pthread_mutex_lock(&watch->lock);
	LIST_INSERT_HEAD(&watch->entries, entry, link);
	watch->count++;
	watch->guests += guest;
	if (guest && watch->guests > watch->options.guests_max)
		(void)shutdown(fd, SHUT_RDWR); /* as in cut_late */
	(void)pthread_mutex_unlock(&watch->lock);
	return entry;
}

void watch_remove(struct watch *watch, struct watch_entry *entry)
{
	if (!entry)
		return;
	watch_idle(watch, entry);
	(void)pthread_mutex_lock(&watch->lock);
	LIST_REMOVE(entry, link);
	watch->count--;
	watch->guests -= entry->guest;
	(void)pthread_mutex_unlock(&watch->lock);
	free(entry);
}

static void entry_set(struct watch *watch, struct watch_entry *entry, bool busy, uint64_t since_us)
{
	if (!entry)
		return;
	(void)pthread_mutex_lock(&watch->lock);
	if (busy != entry->busy)
		watch->busy = busy ? watch->busy + 1 : watch->busy - 1;
	entry->busy = busy;
	if (since_us != SINCE_UNCHANGED)
		entry->since_us = since_us;
	if (watch->busy == 0)
		(void)pthread_cond_broadcast(&watch->drained);
	(void)pthread_mutex_unlock(&watch->lock);
}

void watch_busy(struct watch *watch, struct watch_entry *entry)
{
	/* The clock runs on: the first line is no reason to start anew. */
	entry_set(watch, entry, true, SINCE_UNCHANGED);
}

void watch_working(struct watch *watch, struct watch_entry *entry)
{
	entry_set(watch, entry, true, 0);
}

void watch_waiting(struct watch *watch, struct watch_entry *entry)
{
	entry_set(watch, entry, true, clock_monotonic_us());
}

void watch_trust(struct watch *watch, struct watch_entry *entry)
{
	if (!entry)
		return;
	(void)pthread_mutex_lock(&watch->lock);
	entry->trusted = true;
	(void)pthread_mutex_unlock(&watch->lock);
}

void watch_idle(struct watch *watch, struct watch_entry *entry)
{
	entry_set(watch, entry, false, clock_monotonic_us());
}

void watch_drain(struct watch *watch, uint64_t deadline_us)
{
	struct timespec until = after_us(deadline_us);

	(void)pthread_mutex_lock(&watch->lock);
	while (watch->busy > 0)
		if (pthread_cond_timedwait(&watch->drained, &watch->lock, &until) != 0)
			break;
	(void)pthread_mutex_unlock(&watch->lock);
}
