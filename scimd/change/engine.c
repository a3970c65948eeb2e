#include "scimd/change/internal.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/model/schema_file.h"

#define BATCH_MAX 256u
#define IDLE_MS 250u           /* how soon a lost warden is noticed without any change */
#define WARDEN_PATIENCE_MS 3000u /* a restarting warden is back well before */
#define RETRY_MS 50u
#define TRIM_PACKETS 4096u       /* so much published at once leaves much memory behind */
#define NOTE_MS 2u               /* mostly the warden's report comes sooner, to be written with it */
#define FLUSH_MS 20u             /* how long a commit of what is known after the answer stays unsynced */
#define RETRY_AFTER_S 2u
#define REPORT_MARGIN_MS 1500u /* the warden reports at its deadline; then this long for the receipt */
#define DEADLOCKS_MAX 5
#define EXIT_STORE_FAILED 3

const struct conf *engine_conf(struct change_engine *engine)
{
	return engine->confs->conf;
}

struct store_txn *change_txn(struct change *change)
{
	return change->txn;
}

const struct conf *change_conf(struct change *change)
{
	return engine_conf(change->engine);
}

const struct change_source *change_source(struct change *change)
{
	return change->source;
}

void change_done(struct change *change)
{
	outbox_done(&change->outbox);
	outbox_done(&change->checks);
	free(change->dirty);
	free(change->deltas);
	change_group_forget(change);
	offboardings_free(change->offboardings);
	*change = (struct change){ 0 };
}

/* --- the queue ---------------------------------------------------------------------------------- */

/* count tasks that lie side by side. */
static void tasks_queue(struct change_engine *engine, struct task *tasks, size_t count)
{
	pthread_mutex_lock(&engine->lock);
	for (size_t i = 0; i < count; i++) {
		*engine->queue_end = &tasks[i];
		engine->queue_end = &tasks[i].next;
	}
	engine->waiting += count;
	pthread_cond_signal(&engine->wake);
	pthread_mutex_unlock(&engine->lock);
}

/* Queue the caller's tasks and wait until the writer is through with all. */
static void tasks_wait(struct change_engine *engine, struct task *tasks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)sem_init(&tasks[i].done, 0, 0); /* 0 is a good value */
	tasks_queue(engine, tasks, count);
	for (size_t i = 0; i < count; i++) {
		while (sem_wait(&tasks[i].done) < 0)
			; /* a signal */
		sem_destroy(&tasks[i].done);
	}
}

static int task_run(struct change_engine *engine, struct task *task)
{
	tasks_wait(engine, task, 1);
	return task->result;
}

static void task_free(struct task *task)
{
	free(task->message);
	free(task);
}

static void time_after(unsigned int wait_ms, struct timespec *at)
{
	(void)clock_gettime(CLOCK_MONOTONIC, at);
	at->tv_nsec += (long)(wait_ms % 1000) * 1000000;
	at->tv_sec += wait_ms / 1000 + at->tv_nsec / 1000000000;
	at->tv_nsec %= 1000000000;
}

/* Everything that waits, up to a bound. False when the engine stops and nothing is left. */
static bool batch_take(struct change_engine *engine, struct task **batch, size_t *ret_count)
{
	struct timespec until;
	bool stop;

	time_after(engine->unnoted && engine->notes ? NOTE_MS :
		   engine->unflushed ? FLUSH_MS : IDLE_MS, &until);
	*ret_count = 0;
	pthread_mutex_lock(&engine->lock);
	while (!engine->queue && !engine->stop && !(engine->synced && engine->unasked_count))
		if (pthread_cond_timedwait(&engine->wake, &engine->lock, &until) != 0)
			break;
	while (engine->queue && *ret_count < BATCH_MAX) {
		batch[(*ret_count)++] = engine->queue;
		engine->queue = engine->queue->next;
		engine->waiting--;
	}
	if (!engine->queue)
		engine->queue_end = &engine->queue;
	stop = engine->stop && *ret_count == 0;
	pthread_mutex_unlock(&engine->lock);
	return !stop;
}

static void batch_finish(struct change_engine *engine, struct task **batch, size_t count)
{
	for (size_t i = 0; i < count; i++) /* after this its owner may be gone */
		if (!batch[i]->nobody_waits)
			(void)sem_post(&batch[i]->done);
	pthread_mutex_lock(&engine->lock);
	if (engine->listener)
		engine->listener(engine->listener_context);
	pthread_mutex_unlock(&engine->lock);
}

/* --- propose ------------------------------------------------------------------------------------ */

/* What an internal failure means to a client. Never returns for a store that failed: the supervisor
 * starts us anew, and recovery repairs what memory can't. */
static int fault_of(int r, struct fault *fault)
{
	if (r == -EPROTO)
		return r;
	if (r == -EIO) {
		log_error("the store failed: ending, so that the next start recovers it");
		_exit(EXIT_STORE_FAILED);
	}
	if (r == -ENOSPC)
		return fault_set(fault, 507, NULL, "the disk of the host is full");
	if (r == -ENOMEM || r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE || r == -ETIMEDOUT) {
		(void)fault_set(fault, 503, NULL, "the host cannot apply changes at the moment");
		fault->retry_after_s = RETRY_AFTER_S;
		return -EPROTO;
	}
	log_error_errno(r, "a change failed");
	return fault_set(fault, 500, NULL, "internal error");
}

static int change_body(struct task *task)
{
	int r;

	task->fault = (struct fault){ 0 };
	r = task->fn(&task->change, task->context, &task->fault);
	if (r == 0)
		r = evaluate_dirty(&task->change, &task->fault);
	if (r == 0 && task->change.unsettled)
		r = store_basis_forget(task->change.txn);
	return r < 0 ? r : change_deltas_flush(&task->change);
}

/* One change in a transaction of its own inside the batch's. */
static int propose_one(struct change_engine *engine, struct store_txn *batch, struct task *task)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	int r = store_begin(engine->store, batch, true, &txn);

	task->change = (struct change){ .engine = engine, .txn = txn, .source = task->source };
	if (r == 0)
		r = change_body(task);
	if (r == 0)
		r = store_commit(&txn);
	if (r < 0) {
		store_abortp(&txn);
		change_done(&task->change);
	}
	return r;
}

static int ended_one(struct change_engine *engine, struct store_txn *txn, const struct task *task)
{
	int r = receipt_ended(engine, txn, task->message, task->message_size);

	return r == -EPROTO ? 0 : r; /* not a message of ours: nothing to record */
}

static int event_one(struct change_engine *engine, struct store_txn *txn, const struct task *task)
{
	struct change change = { .engine = engine, .txn = txn, .source = task->source };

	return event_add(&change, task->event_type, task->event_user, task->event_detail);
}

static int propose_task(struct change_engine *engine, struct store_txn *txn, struct task *task,
			bool ready)
{
	switch (task->kind) {
	case TASK_CHANGE:
		return ready ? propose_one(engine, txn, task) : -ENOTCONN;
	case TASK_ENDED:
		return ended_one(engine, txn, task);
	case TASK_EVENT:
		return event_one(engine, txn, task);
	case TASK_RELOAD:
		break;
	}
	return 0;
}

/* Before a batch runs again: nothing of it came about. */
static void batch_undo(struct task **batch, size_t count)
{
	for (size_t i = 0; i < count; i++)
		change_done(&batch[i]->change);
}

/* What has to be on the disk before anybody hears of it. A report of the warden does not: if it is
 * lost, the receipt is still open at the next start, and the warden is asked again. */
static int batch_commit(struct change_engine *engine, struct store_txn **txn,
			struct task *const *batch, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (batch[i]->kind != TASK_ENDED) {
			engine->unflushed = false;
			return store_commit(txn);
		}
	engine->unflushed = true;
	return store_commit_unsynced(txn);
}

/* All of a batch in one transaction; *ret_revision 0: nothing of it has to be published. -EAGAIN: the
 * warden refused one of the records, so each has to be asked about by itself; -ENOTCONN: it is gone. */
static int propose(struct change_engine *engine, struct task **batch, size_t count, bool ready,
		   uint64_t *ret_revision)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	bool publishes = false, passwords = false;
	int r = store_begin(engine->store, NULL, true, &txn);

	*ret_revision = 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		batch[i]->result = propose_task(engine, txn, batch[i], ready);
		if (batch[i]->result == -EDEADLK) { /* those before it are undone with the batch */
			batch_undo(batch, i);
			return -EDEADLK;
		}
		if (batch[i]->item)
			batch[i]->item->result = batch[i]->result;
		engine->untrimmed += batch[i]->change.outbox.count + batch[i]->change.delta_room;
		publishes |= batch[i]->result == 0 && batch[i]->change.outbox.count > 0;
		passwords |= batch[i]->result == 0 && batch[i]->change.passwords;
	}
	r = warden_check_all(engine, batch, count);
	if (r != 0) {
		batch_undo(batch, count);
		return r < 0 ? -ENOTCONN : -EAGAIN;
	}
	if (publishes)
		r = store_revision_next(txn, ret_revision);
	if (r == 0 && passwords)
		r = store_passwords_changed(txn, *ret_revision);
	return r < 0 ? r : batch_commit(engine, &txn, batch, count);
}

/* --- apply -------------------------------------------------------------------------------------- */

/* The warden is up to date, now or within its time to restart. 0, -ENOTCONN or -EIO. */
static int warden_await(struct change_engine *engine)
{
	uint64_t until = clock_monotonic_us() + WARDEN_PATIENCE_MS * UINT64_C(1000);
	struct timespec pause = { .tv_nsec = RETRY_MS * 1000000L };
	int r;

	while ((r = sync_ensure(engine)) < 0 && clock_monotonic_us() < until)
		(void)nanosleep(&pause, NULL); /* cut short is fine */
	if (r == 0)
		return 0;
	log_warning("the warden cannot be brought up to date: %s", strerror(-r));
	/* Whatever it was, to a client the host cannot apply changes now. */
	return r == -EIO ? r : -ENOTCONN;
}

/* Propose until it comes through. One thread writes and readers hold snapshots, so a deadlock is not
 * expected; all of it again. */
static int propose_all(struct change_engine *engine, struct task **batch, size_t count, bool ready,
		       uint64_t *ret_revision)
{
	int r = -EDEADLK;

	engine->check_at_once = false;
	for (int i = 0; (r == -EDEADLK || r == -EAGAIN || r == -ENOTCONN) && i < DEADLOCKS_MAX; i++) {
		engine->local_known = false;
		r = propose(engine, batch, count, ready, ret_revision);
		warden_check_forget(engine);
		engine->check_at_once |= r == -EAGAIN;
		if (r == -ENOTCONN) /* what is no change is committed in any case */
			ready = warden_await(engine) == 0;
	}
	return r;
}

static void receipts_note(struct task *task)
{
	for (struct offboarding *item = task->change.offboardings;
	     item && task->receipt_count < TASK_RECEIPTS_MAX; item = item->next)
		task->receipts[task->receipt_count++] =
			(struct awaited){ .receipt = item->receipt, .uid = item->uid };
}

/* Publish what is committed. If the warden is lost on the way, bringing the next one up to date
 * publishes the same. */
static int apply(struct change_engine *engine, struct task **batch, size_t count, uint64_t revision)
{
	_cleanup_(published_done) struct published published = { 0 };
	int r;

	for (size_t i = 0; i < count; i++) {
		receipts_note(batch[i]);
		offboardings_take(engine, TAKE_PTR(batch[i]->change.offboardings));
	}
	if (revision == 0)
		return 0;
	r = apply_batch(engine, revision, batch, count, &published);
	if (r < 0) {
		log_warning("publishing failed (%s): bringing the warden up to date",
			    strerror(-r));
		engine->synced = false;
		return warden_await(engine);
	}
	return offboardings_published(engine, &published);
}

static void ended_finish(struct change_engine *engine, const struct task *task)
{
	struct packet_reader reader = { .at = task->message, .left = task->message_size };
	struct warden_message head;
	struct warden_ended ended;

	packet_get(&reader, &head, sizeof(head));
	packet_get(&reader, &ended, sizeof(ended));
	if (!reader.bad && !(ended.flags & WARDEN_ENDED_ROLE))
		offboarding_reported(engine, ended.uid, head.tag,
				     ended.flags & (WARDEN_ENDED_DONE | WARDEN_ENDED_PARDONED));
}

static void batch_run(struct change_engine *engine, struct task **batch, size_t count)
{
	uint64_t revision;
	bool ready = warden_await(engine) == 0;
	int r = propose_all(engine, batch, count, ready, &revision);

	if (r == 0)
		r = apply(engine, batch, count, revision);
	if (r == 0)
		push_note(engine, batch, count);
	for (size_t i = 0; i < count; i++) {
		struct task *task = batch[i];

		if (r < 0 && task->result == 0)
			task->result = r;
		if (task->kind == TASK_CHANGE && task->result < 0)
			task->result = fault_of(task->result, &task->fault);
		else if (task->result == -EIO)
			(void)fault_of(-EIO, &task->fault); /* ends the process */
		if (task->kind == TASK_ENDED)
			ended_finish(engine, task);
		change_done(&task->change);
	}
}

static void conf_install(struct change_engine *engine, struct task *task);

static void tasks_run(struct change_engine *engine, struct task **batch, size_t count)
{
	bool reload = false;

	for (size_t i = 0; i < count; i++)
		if (batch[i]->kind == TASK_RELOAD) {
			conf_install(engine, batch[i]);
			reload = true;
		}
	if (reload)
		engine->synced = false;
	batch_run(engine, batch, count);
	batch_finish(engine, batch, count);
}

/* Those whom nobody waits for; the others are gone when their owners look. */
static size_t tasks_split(struct task **batch, size_t count, struct task **ret_ours)
{
	size_t ours = 0;

	for (size_t i = 0; i < count; i++)
		if (batch[i]->nobody_waits)
			ret_ours[ours++] = batch[i];
	return ours;
}

/* Nothing to do for a moment after very much: the memory that it took goes back. */
static void trim(struct change_engine *engine)
{
	if (engine->untrimmed < TRIM_PACKETS)
		return;
	engine->untrimmed = 0;
	(void)malloc_trim(0);
}

/* Nothing to do for a moment: what was committed without waiting for the disk goes there. */
static void flush(struct change_engine *engine)
{
	struct fault fault;

	if (engine->unflushed && store_flush(engine->store) < 0)
		(void)fault_of(-EIO, &fault); /* ends the process */
	engine->unflushed = false;
}

/* What was published, into receipts that still wait for a report. If it cannot be written now, the report
 * brings it along. */
static void note(struct change_engine *engine)
{
	if (offboardings_note(engine) == -EIO)
		(void)fault_of(-EIO, &(struct fault){ 0 }); /* ends the process */
}

/* What could not be asked at once, a portion between two batches. */
static void ask_on(struct change_engine *engine)
{
	int r = engine->synced ? offboardings_ask(engine) : 0;

	if (r == -EIO)
		(void)fault_of(r, &(struct fault){ 0 }); /* ends the process */
	engine->synced = engine->synced && r == 0;
}

static void idle(struct change_engine *engine)
{
	flush(engine);
	note(engine);
	trim(engine);
	push_look(engine);
	/* The next change, or the next look, tries again. */
	if (sync_ensure(engine) < 0) {
		pthread_mutex_lock(&engine->lock);
		engine->warden_ready = false;
		pthread_mutex_unlock(&engine->lock);
	}
	ask_on(engine);
}

static void *writer(void *argument)
{
	struct change_engine *engine = argument;
	struct task *batch[BATCH_MAX], *ours[BATCH_MAX];
	size_t count, ours_count;

	idle(engine); /* what changed while we were away */
	while (batch_take(engine, batch, &count)) {
		if (count == 0) {
			idle(engine);
			continue;
		}
		ours_count = tasks_split(batch, count, ours);
		tasks_run(engine, batch, count);
		ask_on(engine);
		for (size_t i = 0; i < ours_count; i++)
			task_free(ours[i]);
	}
	note(engine);
	return NULL;
}

/* On the client's receiver thread. */
static void on_ended(void *context, const void *message, size_t size)
{
	struct change_engine *engine = context;
	struct task *task = calloc(1, sizeof(*task));

	if (task)
		task->message = malloc(size);
	if (!task || !task->message) {
		free(task);
		log_error("no memory for the warden's report"); /* the receipt stays open */
		return;
	}
	task->kind = TASK_ENDED;
	task->nobody_waits = true;
	task->message_size = size;
	memcpy(task->message, message, size);
	tasks_queue(engine, task, 1);
}

/* --- configuration ------------------------------------------------------------------------------ */

static void confs_sweep(struct change_engine *engine)
{
	for (struct conf_box **at = &engine->confs->next; *at;) {
		struct conf_box *box = *at;

		if (box->users) {
			at = &box->next;
			continue;
		}
		*at = box->next;
		conf_freep(&box->conf);
		free(box);
	}
}

static void conf_install(struct change_engine *engine, struct task *task)
{
	struct conf_box *box = calloc(1, sizeof(*box));

	if (!box) {
		conf_freep(&task->conf);
		task->result = -ENOMEM;
		return;
	}
	box->conf = TAKE_PTR(task->conf);
	pthread_mutex_lock(&engine->lock);
	box->next = engine->confs;
	engine->confs = box;
	confs_sweep(engine);
	pthread_mutex_unlock(&engine->lock);
	engine->conf_changed = true;
	engine->sync_after_us = 0; /* what the warden would not have may be all right now */
}

const struct conf *change_engine_conf(struct change_engine *engine)
{
	const struct conf *conf;

	pthread_mutex_lock(&engine->lock);
	engine->confs->users++;
	conf = engine->confs->conf;
	pthread_mutex_unlock(&engine->lock);
	return conf;
}

void change_engine_conf_put(struct change_engine *engine, const struct conf *conf)
{
	pthread_mutex_lock(&engine->lock);
	for (struct conf_box *box = engine->confs; box; box = box->next)
		if (box->conf == conf)
			box->users--;
	confs_sweep(engine);
	pthread_mutex_unlock(&engine->lock);
}

int change_engine_reload(struct change_engine *engine, struct conf *conf, struct fault *fault)
{
	struct task task = { .kind = TASK_RELOAD, .conf = conf };
	int r = task_run(engine, &task);

	return r < 0 ? fault_of(r, fault) : 0;
}

/* All or nothing: the schemas first, because what may be wrong with them is known only when they
 * have been read. Takes conf. */
static int reload_with_schemas(struct change_engine *engine, struct conf *conf,
			       struct fault *fault)
{
	_cleanup_(schema_set_freep) struct schema_set *schemas = NULL;
	_cleanup_(conf_freep) struct conf *wanted = conf;
	int r = schema_set_load(wanted, &schemas, fault);

	if (r >= 0)
		r = schema_set_install(&schemas);
	if (r < 0)
		return r == -EPROTO ? r : fault_of(r, fault);
	return change_engine_reload(engine, TAKE_PTR(wanted), fault);
}

int change_engine_reload_files(struct change_engine *engine, struct fault *fault)
{
	struct conf_problems problems = { 0 };
	struct conf *conf = NULL;
	int r = conf_load(engine->files.conf_file, engine->files.conf_dropins, &conf, &problems);

	if (r == 0)
		return reload_with_schemas(engine, conf, fault);
	for (size_t i = 0; i < problems.count; i++)
		log_error("%s:%u: %s", problems.items[i].file, problems.items[i].line,
			  problems.items[i].message);
	if (problems.count)
		(void)fault_set(fault, 400, "invalidValue", "%s:%u: %s", problems.items[0].file,
				problems.items[0].line, problems.items[0].message);
	else
		(void)fault_set(fault, 500, NULL, "the configuration cannot be read");
	conf_problems_done(&problems);
	return -EPROTO;
}

/* --- the public face ---------------------------------------------------------------------------- */

/* By when an offboarding that begins now is reported. */
static void report_until(struct change_engine *engine, struct timespec *ret)
{
	const struct conf *conf = change_engine_conf(engine);

	time_after(conf->offboard.grace_ms + conf->offboard.deadline_ms + REPORT_MARGIN_MS, ret);
	change_engine_conf_put(engine, conf);
}

int change_run(struct change_engine *engine, const struct change_source *source, change_fn fn,
	       void *context, struct fault *fault)
{
	struct task task = { .kind = TASK_CHANGE, .source = source, .fn = fn, .context = context };
	struct timespec until;
	int r = task_run(engine, &task);

	if (r < 0) {
		*fault = task.fault;
		return r;
	}
	report_until(engine, &until);
	offboardings_wait(engine, task.receipts, task.receipt_count, &until);
	return 0;
}

int change_run_many(struct change_engine *engine, struct change_item *items, size_t count)
{
	_cleanup_free_ struct task *tasks = calloc(count ? count : 1, sizeof(*tasks));
	struct timespec until;

	if (!tasks)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		tasks[i].kind = TASK_CHANGE;
		tasks[i].source = items[i].source;
		tasks[i].fn = items[i].fn;
		tasks[i].context = items[i].context;
		tasks[i].item = &items[i];
	}
	tasks_wait(engine, tasks, count);
	report_until(engine, &until);
	for (size_t i = 0; i < count; i++) {
		items[i].result = tasks[i].result;
		items[i].fault = tasks[i].fault;
		offboardings_wait(engine, tasks[i].receipts, tasks[i].receipt_count, &until);
	}
	return 0;
}

void change_event(struct change_engine *engine, const struct change_source *source,
		  const char *type, const char *user, const char *detail)
{
	struct task task = { .kind = TASK_EVENT, .source = source, .event_type = type,
			     .event_user = user, .event_detail = detail };

	if (task_run(engine, &task) < 0)
		log_error("the event %s could not be recorded", type);
}

void change_engine_set_listener(struct change_engine *engine, void (*listener)(void *context),
				void *context)
{
	pthread_mutex_lock(&engine->lock);
	engine->listener = listener;
	engine->listener_context = context;
	pthread_mutex_unlock(&engine->lock);
}

struct store *change_engine_store(struct change_engine *engine)
{
	return engine->store;
}

void change_engine_status(struct change_engine *engine, struct change_status *ret)
{
	*ret = (struct change_status){ 0 };
	pthread_mutex_lock(&engine->lock);
	ret->warden_connected = engine->warden_ready;
	ret->warden_revision = engine->warden_revision;
	ret->waiting = engine->waiting;
	push_status(&engine->push, ret);
	ret->pending = engine->offboarding_count;
	pthread_mutex_unlock(&engine->lock);
}

static int engine_start(struct change_engine *engine, struct conf *conf)
{
	pthread_condattr_t attributes;
	int r;

	pthread_mutex_init(&engine->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&engine->wake, &attributes);
	pthread_cond_init(&engine->finished, &attributes);
	pthread_condattr_destroy(&attributes);
	engine->queue_end = &engine->queue;
	engine->confs = calloc(1, sizeof(*engine->confs));
	if (!engine->confs)
		return -ENOMEM;
	engine->confs->conf = conf;
	engine->basis_unknown = true; /* it may have changed while we were away */
	r = warden_client_new(engine->files.warden_socket, on_ended, engine, &engine->warden);
	if (r == 0)
		r = offboardings_recover(engine);
	if (r == 0)
		r = -pthread_create(&engine->thread, NULL, writer, engine);
	engine->started = r == 0;
	return r;
}

int change_engine_new(struct store *store, const struct change_files *files, struct conf *conf,
		      struct change_engine **ret)
{
	_cleanup_(change_engine_freep) struct change_engine *engine = calloc(1, sizeof(*engine));
	int r;

	if (!engine) {
		conf_freep(&conf);
		return -ENOMEM;
	}
	engine->store = store;
	engine->files = *files;
	local_ids_set(&engine->local, files->passwd, files->group);
	r = engine_start(engine, conf);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(engine);
	return 0;
}

void change_engine_freep(struct change_engine **engine)
{
	if (!*engine)
		return;
	if ((*engine)->started) {
		pthread_mutex_lock(&(*engine)->lock);
		(*engine)->stop = true;
		pthread_cond_signal(&(*engine)->wake);
		pthread_mutex_unlock(&(*engine)->lock);
		pthread_join((*engine)->thread, NULL);
	}
	warden_client_freep(&(*engine)->warden);
	offboardings_clear(*engine);
	while ((*engine)->queue) { /* reports that came while ending */
		struct task *task = (*engine)->queue;

		(*engine)->queue = task->next;
		task_free(task);
	}
	while ((*engine)->confs) {
		struct conf_box *box = (*engine)->confs;

		(*engine)->confs = box->next;
		conf_freep(&box->conf);
		free(box);
	}
	local_ids_done(&(*engine)->local);
	free(*engine);
	*engine = NULL;
}
