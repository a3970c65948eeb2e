#include "scimd/service/usage.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

#include "scimd/base/log.h"
#include "scimd/service/call.h"

struct usage {
	struct service *service;
	int stop_fd, period_ms;
	pthread_t thread;
	bool started;
};

static int resume(const char *connection, const struct store_use *use, void *context)
{
	struct usage *usage = context;
	const struct metrics_connection from = { use->requests, use->errors, use->last_us };

	return metrics_connection_resume(usage->service->metrics, connection, &from);
}

static int load(struct usage *usage)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = store_begin(change_engine_store(usage->service->engine), NULL, false, &txn);

	return r < 0 ? r : store_use_each(txn, resume, usage);
}

/* Not synced: the next change's sync takes it along. */
static int save(struct usage *usage)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	struct store *store = change_engine_store(usage->service->engine);
	struct metrics_connection sum;
	const char *name;
	int r = 0;

	while (r == 0 && metrics_connection_used(usage->service->metrics, &name, &sum)) {
		const struct store_use use = { sum.last_used_us, sum.requests, sum.errors };

		if (!txn)
			r = store_begin(store, NULL, true, &txn);
		if (r == 0)
			r = store_use_put(txn, name, &use);
	}
	return r < 0 || !txn ? r : store_commit_unsynced(&txn);
}

static void *keep(void *argument)
{
	struct usage *usage = argument;
	struct pollfd stop = { .fd = usage->stop_fd, .events = POLLIN };

	do {
		int r;

		(void)poll(&stop, 1, usage->period_ms);
		r = save(usage);
		if (r < 0)
			(void)log_error_errno(r, "the use of connections cannot be kept");
	} while (!stop.revents);
	return NULL;
}

int usage_new(struct service *service, int period_ms, struct usage **ret)
{
	_cleanup_(usage_freep) struct usage *usage = calloc(1, sizeof(*usage));
	int r;

	if (!usage)
		return -ENOMEM;
	*usage = (struct usage){ .service = service, .period_ms = period_ms };
	usage->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (usage->stop_fd < 0)
		return -errno;
	r = load(usage);
	if (r == 0)
		r = -pthread_create(&usage->thread, NULL, keep, usage);
	if (r < 0)
		return r;
	usage->started = true;
	*ret = TAKE_PTR(usage);
	return 0;
}

void usage_freep(struct usage **usage_ptr)
{
	struct usage *usage = TAKE_PTR(*usage_ptr);

	if (!usage)
		return;
	if (usage->started) {
		(void)eventfd_write(usage->stop_fd, 1);
		pthread_join(usage->thread, NULL);
	}
	closep(&usage->stop_fd);
	free(usage);
}
