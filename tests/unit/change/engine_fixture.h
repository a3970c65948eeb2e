/* engine_fixture.h - a change engine over a real store, and in the same process the warden's real
 * server and publisher on a thread of their own, without a reaper or with one that only reports. Needs
 * root, as the warden does. Include it in one file of a test program. */
#ifndef TESTS_UNIT_CHANGE_ENGINE_FIXTURE_H
#define TESTS_UNIT_CHANGE_ENGINE_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "scimd/base/clock.h"
#include "scimd/change/change.h"
#include "scimd/model/json.h"
#include "scimd/warden/server.h"
#include "tests/unit/warden/publish_fixture.h"

#define ENGINE_CONF                                                                             \
	"[identity]\nuid_range = 70000-79999\npasswords = on\nname_quarantine_days = 0\n"       \
	"[role admin]\ngroups = Admins\nlocal_groups = sudo\n"                                  \
	"[role late]\ngroups = Late Shift\nlocal_groups = docker\n"                             \
	"[offboard]\ndeadline_ms = 200\n"

#ifdef __SANITIZE_ADDRESS__
/* Berkeley DB forgets the details of committed transactions, which it keeps for snapshots, when a
 * private environment is closed. Its frames end at its own allocator. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:__os_malloc\n";
}
#endif

/* --- a reaper that reports what it is told to --- */

enum reap_manner {
	REAP_NONE,   /* the warden has no reaper */
	REAP_DONE,   /* one process found, and gone after delay_ms */
	REAP_LEFT,   /* one process found, and still there after delay_ms */
	REAP_EMPTY,  /* nothing found, as is said after delay_ms */
	REAP_SILENT, /* never says a word */
};

struct reap_job {
	uint32_t uid;
	uint64_t tag, due_us;
	bool is_role;
};

struct reap {
	struct reap_job jobs[4096];
	uint32_t count;
};

static atomic_uint reap_manner, reap_delay_ms, reap_left, reap_asked;
static struct reap reaper;

static int reap_add(struct reap *reap, uint32_t uid, uint64_t tag, bool is_role)
{
	T_FATAL(reap->count < ARRAY_SIZE(reap->jobs));
	reap->jobs[reap->count++] = (struct reap_job){
		.uid = uid, .tag = tag, .is_role = is_role,
		.due_us = clock_monotonic_us() + reap_delay_ms * UINT64_C(1000),
	};
	reap_asked++;
	return 0;
}

int reap_user(struct reap *reap, uint32_t uid, const char *name, uint64_t tag, uint32_t deadline_ms,
	      uint32_t grace_ms)
{
	(void)name, (void)deadline_ms, (void)grace_ms;
	return reap_add(reap, uid, tag, false);
}

int reap_gids(struct reap *reap, uint32_t uid, const uint32_t *gids, uint32_t gid_count, uint64_t tag,
	      uint32_t deadline_ms)
{
	(void)gids, (void)gid_count, (void)deadline_ms;
	return reap_add(reap, uid, tag, true);
}

void reap_recall(struct reap *reap, uint32_t uid, uint64_t since_us)
{
	(void)reap, (void)uid, (void)since_us;
}

uint32_t reap_pending(const struct reap *reap)
{
	return reap->count + reap_left;
}

static struct server *warden_server;

static inline void reap_report_job(const struct reap_job *job, uint32_t flags, bool left)
{
	const struct reap_item item = { .pid = 4711, .uid = job->uid, .found = WARDEN_FOUND_UID,
					.left = left, .started_us = 1, .comm = "sleep" };
	bool empty = reap_manner == REAP_EMPTY;
	const struct reap_report report = {
		.uid = job->uid, .tag = job->tag,
		.flags = flags | (left ? 0 : WARDEN_ENDED_DONE) |
			 (job->is_role ? WARDEN_ENDED_ROLE : 0),
		.started_us = clock_now_us(), .first_signal_us = empty ? 0 : clock_now_us(),
		.last_gone_us = left || empty ? 0 : clock_now_us(), .ended_count = !left && !empty,
		.left_count = left, .items = &item, .item_count = !empty,
	};

	server_report(warden_server, &report);
}

static inline void reap_run(struct reap *reap)
{
	for (uint32_t i = 0; i < reap->count;) {
		struct reap_job job = reap->jobs[i];

		if (reap_manner == REAP_SILENT || clock_monotonic_us() < job.due_us) {
			i++;
			continue;
		}
		reap->jobs[i] = reap->jobs[--reap->count];
		reap_left += reap_manner == REAP_LEFT;
		reap_report_job(&job, 0, reap_manner == REAP_LEFT);
	}
}

/* --- the warden --- */

static pthread_t warden_thread;
static atomic_bool warden_stop_asked;
static _Atomic(struct reap_job *) warden_late; /* one more report, to be made by the thread */

static inline void *warden_loop(void *argument)
{
	(void)argument;
	while (!warden_stop_asked) {
		struct reap_job *late = atomic_exchange(&warden_late, NULL);

		if (late) {
			reap_left = 0;
			reap_report_job(late, WARDEN_ENDED_LATE, false);
		}
		if (server_step(warden_server, 5) < 0)
			break;
		if (publish_is_due(fixture.publish))
			publish_work(fixture.publish, clock_monotonic_us() + 1000);
		reap_run(&reaper);
	}
	return NULL;
}

static inline void warden_start(enum reap_manner manner)
{
	struct server_options options = { .socket = fixture.socket, .user = "scimd",
					  .peer_uid = -1 };

	fixture_start();
	options.publish = fixture.publish;
	options.local = fixture.local;
	T_FATAL(server_new(&options, &warden_server) == 0);
	reaper = (struct reap){ 0 };
	reap_manner = manner;
	reap_left = 0;
	reap_asked = 0;
	reap_delay_ms = 0;
	if (manner != REAP_NONE)
		server_set_reap(warden_server, &reaper);
	warden_stop_asked = false;
	T_FATAL(pthread_create(&warden_thread, NULL, warden_loop, NULL) == 0);
}

/* As kill -9 leaves it: nothing is said, nothing finished. */
static inline void warden_kill(void)
{
	if (!warden_server)
		return;
	warden_stop_asked = true;
	T_OK(pthread_join(warden_thread, NULL));
	server_freep(&warden_server);
	(void)unlink(fixture.socket);
	fixture_stop();
}

/* --- the engine --- */

static struct store *store;
static struct change_engine *engine;

static inline void engine_start(const char *text)
{
	struct conf_problems problems = { 0 };
	struct conf *conf = NULL;
	const struct change_files files = {
		.warden_socket = fixture.socket, .conf_file = fixture.conf,
		.conf_dropins = fixture.dropins, .passwd = fixture.passwd, .group = fixture.group,
	};
	char path[FIXTURE_PATH + 8];

	if (text) /* else it is there already */
		file_write(fixture.conf, text);
	T_FATAL(conf_load(fixture.conf, fixture.dropins, &conf, &problems) == 0);
	snprintf(path, sizeof(path), "%s/db", fixture.root);
	T_FATAL(store_open(path, &store) == 0);
	T_FATAL(change_engine_new(store, &files, conf, &engine) == 0);
}

static inline void engine_stop(void)
{
	change_engine_freep(&engine);
	store_closep(&store);
}

static inline void setup(enum reap_manner manner)
{
	char path[FIXTURE_PATH + 8];

	fixture_make(ENGINE_CONF);
	snprintf(path, sizeof(path), "%s/db", fixture.root);
	T_FATAL(mkdir(path, 0700) == 0);
	warden_start(manner);
	engine_start(ENGINE_CONF);
}

static inline void teardown(void)
{
	engine_stop();
	warden_kill();
	fixture_close();
}

/* --- changes --- */

static const struct change_source source = {
	.connection = "okta", .request_id = "r1", .peer = "127.0.0.1", .request = "POST /Users",
	.received_us = 1000000,
};

static inline void id_make(char id[static RESOURCE_ID_SIZE], char kind, unsigned int number)
{
	snprintf(id, RESOURCE_ID_SIZE, "%c0000000-0000-4000-8000-%012u", kind, number % 1000000u);
}

enum change_what { PUT_USER, DELETE_USER, PUT_GROUP, DELETE_GROUP, ADD_MEMBER, REMOVE_MEMBER };

/* One thing that a change does. Users and groups are numbered. */
struct change_step {
	enum change_what what;
	unsigned int user, group;
	const char *name;     /* userName or displayName */
	const char *more;     /* JSON members after it, with a comma in front; or NULL */
	const char *password; /* crypt(3) string, or NULL */
};

struct change_plan {
	const struct change_step *steps;
	size_t count;
	void (*then)(void); /* on the writer thread, before the commit; or NULL */
};

static const char *row_connection = "okta"; /* whose the rows are that are put */

static inline int row_load(struct change *change, enum resource_type type, const char *id,
			   struct store_resource *row)
{
	int r = store_resource_get(change_txn(change), id, row);

	if (r != -ENOENT)
		return r;
	*row = (struct store_resource){ .type = type, .created_us = clock_now_us() };
	snprintf(row->id, sizeof(row->id), "%s", id);
	snprintf(row->connection, sizeof(row->connection), "%s", row_connection);
	return 0;
}

static inline int step_put(struct change *change, const struct change_step *step, bool is_user,
			   const char *id, struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	int r = row_load(change, is_user ? RESOURCE_USER : RESOURCE_GROUP, id, &row);

	if (r < 0)
		return r;
	free(row.folded_name);
	row.folded_name = json_fold(step->name);
	free(row.json);
	if (asprintf(&row.json, "{\"%s\":\"%s\"%s}", is_user ? "userName" : "displayName",
		     step->name, step->more ? step->more : "") < 0)
		row.json = NULL;
	if (!row.folded_name || !row.json)
		return -ENOMEM;
	if (step->password) {
		free(row.password);
		row.password = strdup(step->password);
	}
	row.version++;
	row.modified_us = clock_now_us();
	return is_user ? change_user_put(change, &row, NULL, fault) : change_group_put(change, &row, fault);
}

static inline int member_add(struct change *change, const char *group, const char *user,
			     struct fault *fault)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	int r = store_resource_get(change_txn(change), user, &row);

	return r < 0 ? r : change_member_add(change, group, &row, fault);
}

static inline int step_run(struct change *change, const struct change_step *step, struct fault *fault)
{
	char user[RESOURCE_ID_SIZE], group[RESOURCE_ID_SIZE];
	int r;

	id_make(user, 'a', step->user);
	id_make(group, 'b', step->group);
	switch (step->what) {
	case PUT_USER:
		return step_put(change, step, true, user, fault);
	case PUT_GROUP:
		return step_put(change, step, false, group, fault);
	case DELETE_USER:
		return change_user_delete(change, user, fault);
	case DELETE_GROUP:
		return change_group_delete(change, group, fault);
	case ADD_MEMBER:
		r = member_add(change, group, user, fault);
		return r < 0 ? r : 0;
	case REMOVE_MEMBER:
		r = change_member_remove(change, group, user, fault);
		return r < 0 ? r : 0;
	}
	return -EINVAL;
}

static inline int plan_run(struct change *change, void *context, struct fault *fault)
{
	const struct change_plan *plan = context;
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->count; i++)
		r = step_run(change, &plan->steps[i], fault);
	if (r == 0 && plan->then)
		plan->then();
	return r;
}

static struct fault fault; /* of the last change */

static inline int change_do(const struct change_step *steps, size_t count)
{
	struct change_plan plan = { .steps = steps, .count = count };

	fault = (struct fault){ 0 };
	return change_run(engine, &source, plan_run, &plan, &fault);
}

#define CHANGE(...)                                                                             \
	change_do((const struct change_step[]){ __VA_ARGS__ },                                  \
		  ARRAY_SIZE(((const struct change_step[]){ __VA_ARGS__ })))

static inline int put_user(unsigned int number, const char *name, const char *more)
{
	return CHANGE({ .what = PUT_USER, .user = number, .name = name, .more = more });
}

#define OFF ",\"active\":false"
#define ON ",\"active\":true"

/* --- looking --- */

static inline uint64_t now_ms(void)
{
	return clock_monotonic_us() / 1000;
}

static inline bool wait_until(bool (*is_so)(void), unsigned int patience_ms)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000000L };
	uint64_t until = now_ms() + patience_ms;

	while (!is_so()) {
		if (now_ms() > until)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

struct seen_user {
	bool exists;
	uint32_t uid;
	uint16_t flags;
	char home[64], shell[64];
	uint32_t gids[32];
	size_t gid_count;
};

/* What a process on the host sees now. */
static inline struct seen_user seen(const char *name)
{
	struct seen_user ret = { 0 };
	struct directory_view view;
	struct directory_user user;

	if (directory_open(fixture.folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view) < 0)
		return ret;
	if (directory_user_by_name(&view, name, strlen(name), &user) == 0) {
		ret = (struct seen_user){ .exists = true, .uid = user.uid, .flags = user.flags };
		snprintf(ret.home, sizeof(ret.home), "%s", user.home);
		snprintf(ret.shell, sizeof(ret.shell), "%s", user.shell);
		for (size_t i = 0; i < user.group_count && i < ARRAY_SIZE(ret.gids); i++)
			ret.gids[ret.gid_count++] = user.gids[i];
	}
	directory_release(&view);
	return ret;
}

static inline bool seen_allowed(const char *name)
{
	return seen(name).flags & DIRECTORY_ALLOWED;
}

/* The gid of a group on the host, 0: there is none. */
static inline uint32_t seen_gid(const char *name)
{
	struct directory_view view;
	struct directory_group group;
	uint32_t gid = 0;

	T_FATAL(directory_open(fixture.folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view) == 0);
	if (directory_group_by_name(&view, name, strlen(name), &group) == 0)
		gid = group.gid;
	directory_release(&view);
	return gid;
}

static inline bool seen_in(const char *user, uint32_t gid)
{
	struct seen_user found = seen(user);

	for (size_t i = 0; i < found.gid_count; i++)
		if (found.gids[i] == gid)
			return true;
	return false;
}

struct event_search {
	const char *type, *user;
	size_t count;
	char last[1024]; /* newest */
};

static inline int event_visit(const struct store_event *event, void *context)
{
	struct event_search *search = context;

	if (strcmp(event->type, search->type) == 0 && strcmp(event->user, search->user) == 0 &&
	    search->count++ == 0)
		snprintf(search->last, sizeof(search->last), "%s", event->json);
	return 0;
}

static inline struct event_search events(const char *type, const char *user)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	struct event_search search = { .type = type, .user = user };

	T_FATAL(store_begin(store, NULL, false, &txn) == 0);
	T_OK(store_event_each(txn, event_visit, &search));
	return search;
}

struct receipt_search {
	size_t count, open;
	char newest[4096];
};

static inline int receipt_visit(uint64_t number, const char *user, const char *json, void *context)
{
	struct receipt_search *search = context;

	(void)number, (void)user;
	if (search->count++ == 0)
		snprintf(search->newest, sizeof(search->newest), "%s", json);
	search->open += strstr(json, "\"state\":\"open\"") != NULL;
	return 0;
}

static inline struct receipt_search receipts(const char *user)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	struct receipt_search search = { 0 };

	T_FATAL(store_begin(store, NULL, false, &txn) == 0);
	T_OK(store_receipt_each(txn, user, receipt_visit, &search));
	return search;
}

static inline bool nothing_is_open(void)
{
	return receipts(NULL).open == 0;
}

static inline bool nothing_is_pending(void)
{
	struct change_status status;

	change_engine_status(engine, &status);
	return status.pending == 0;
}

static inline bool is_ready(void)
{
	struct change_status status;

	change_engine_status(engine, &status);
	return status.warden_connected;
}

/* A row of the store; number 0: there is none. */
static inline uint32_t row_number(char kind, unsigned int number, char reason[static 128])
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	char id[RESOURCE_ID_SIZE];

	id_make(id, kind, number);
	T_FATAL(store_begin(store, NULL, false, &txn) == 0);
	if (store_resource_get(txn, id, &row) < 0)
		return 0;
	snprintf(reason, 128, "%s", row.reason ? row.reason : "");
	return row.number;
}

static inline uint64_t revision_now(void)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	uint64_t revision = 0;

	T_FATAL(store_begin(store, NULL, false, &txn) == 0);
	T_OK(store_revision(txn, &revision));
	return revision;
}

/* --- offboarding --- */

#define DEADLINE_MS 200u /* of ENGINE_CONF */
#define MARGIN_MS 1500u

static inline void two_people(enum reap_manner manner)
{
	setup(manner);
	T_OK(put_user(1, "ann", NULL));
	T_OK(put_user(2, "bob", NULL));
	T_TRUE(seen_allowed("ann") && seen_allowed("bob"));
}

static inline bool newest_has(const char *user, const char *text)
{
	return strstr(receipts(user).newest, text) != NULL;
}

static inline void *deactivate_ann(void *argument)
{
	const struct change_step step = { .what = PUT_USER, .user = 1, .name = "ann", .more = OFF };
	struct change_plan plan = { .steps = &step, .count = 1 };
	struct fault own = { 0 };
	uint64_t *took_ms = argument;
	uint64_t started = now_ms();
	int r = change_run(engine, &source, plan_run, &plan, &own);

	*took_ms = r == 0 ? now_ms() - started : 0;
	return NULL;
}

static inline bool ann_is_ending(void)
{
	return reap_asked > 0;
}

#endif
