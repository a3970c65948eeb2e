/* scimd - takes people and groups from an identity provider over SCIM, keeps them, and asks
 * scimd-warden to make this host believe it. Runs without privileges. */
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/base/notify.h"
#include "scimd/change/change.h"
#include "scimd/model/schema_file.h"
#include "scimd/options.h"
#include "scimd/serve.h"
#include "scimd/service/service.h"
#include "scimd/service/usage.h"
#include "scimd/store/store.h"
#include "scimd/webhook/webhook.h"
#include "shared/attrs.h"
#include "shared/conf.h"

#define TICK_MS 5000u
#define CHECKPOINT_US 60000000u
#define STATUS_SIZE 256
#define EXIT_FORMAT 78 /* sysexits' EX_CONFIG: the unit does not try again */

static int conf_check(const struct options *options)
{
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	_cleanup_(schema_set_freep) struct schema_set *schemas = NULL;
	_cleanup_(conf_freep) struct conf *conf = NULL;
	struct fault fault = { 0 };
	int r;

	r = conf_load(options->conf_file, options->dropin_dir, &conf, &problems);
	for (size_t i = 0; i < problems.count; i++)
		(void)fprintf(stderr, "%s:%u: %s\n", problems.items[i].file,
			      problems.items[i].line, problems.items[i].message);
	if (r < 0) {
		if (problems.count == 0)
			(void)fprintf(stderr, "%s: %s\n", options->conf_file, strerror(-r));
		return EXIT_FAILURE;
	}
	r = schema_set_load(conf, &schemas, &fault);
	if (r < 0) {
		(void)fprintf(stderr, "%s\n", r == -EPROTO ? fault.detail : strerror(-r));
		return EXIT_FAILURE;
	}
	conf_print(conf, stdout);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int conf_open(const struct options *options, struct conf **ret)
{
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	int r;

	r = conf_load(options->conf_file, options->dropin_dir, ret, &problems);
	for (size_t i = 0; i < problems.count; i++)
		log_error("%s:%u: %s", problems.items[i].file, problems.items[i].line,
			  problems.items[i].message);
	return r < 0 ? log_error_errno(r, "configuration %s", options->conf_file) : 0;
}

static int schemas_open(const struct conf *conf)
{
	_cleanup_(schema_set_freep) struct schema_set *schemas = NULL;
	struct fault fault = { 0 };
	int r;

	r = schema_set_load(conf, &schemas, &fault);
	if (r >= 0)
		r = schema_set_install(&schemas);
	if (r == -EPROTO)
		log_error("%s", fault.detail);
	return r < 0 ? log_error_errno(r, "schemas of the configuration") : 0;
}

static int database_open(const struct options *options, struct store **ret)
{
	char directory[PATH_MAX];
	int r;

	if (snprintf(directory, sizeof(directory), "%s/db", options->state_dir) >= PATH_MAX)
		return log_error_errno(-ENAMETOOLONG, "%s", options->state_dir);
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return log_error_errno(-errno, "%s", directory);
	r = store_open(directory, ret);
	if (r == -EPROTONOSUPPORT)
		log_error("the store in %s was made by another version of scimd, which can read it: "
			  "nothing was changed, install that version again", directory);
	else if (r < 0)
		(void)log_error_errno(r, "store in %s", directory);
	return r;
}

static bool text_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What the listening side has taken over at start and does not look at again. */
static bool server_differs(const struct conf *a, const struct conf *b)
{
	return !text_equal(a->server.listen, b->server.listen) ||
	       a->server.max_body != b->server.max_body ||
	       a->limits.connections != b->limits.connections ||
	       a->limits.connections_per_address != b->limits.connections_per_address ||
	       a->limits.idle_s != b->limits.idle_s;
}

static void reload(const struct options *options, struct change_engine *engine)
{
	const struct conf *before = change_engine_conf(engine), *after;
	struct fault fault = { 0 };
	char state[STATUS_SIZE];
	int r;

	(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
		       (unsigned long long)clock_monotonic_us());
	notify_send(state);
	r = change_engine_reload_files(engine, &fault);
	after = change_engine_conf(engine);
	if (r == -EPROTO)
		log_error("reload refused, the old configuration stays: %s", fault.detail);
	else if (r < 0)
		(void)log_error_errno(r, "reload, the old configuration stays");
	else
		log_notice("configuration reloaded");
	if (server_differs(before, after))
		log_warning("listen, max_body and the limits of connections take effect at "
			    "the next start");
	/* Also when the configuration is as it was: a renewed certificate has the old names. */
	if (serve_certificate(options, after) < 0)
		log_error("the certificate stays the one it was");
	change_engine_conf_put(engine, before);
	change_engine_conf_put(engine, after);
	notify_send("READY=1");
}

/* Tell the supervisor how things are, if that has changed. */
static void status_tell(struct change_engine *engine, char told[static STATUS_SIZE])
{
	struct change_status status;
	char now[STATUS_SIZE];

	change_engine_status(engine, &status);
	(void)snprintf(now, sizeof(now),
		       "STATUS=%s; directory revision %llu, %llu changes waiting, "
		       "%llu offboardings going on",
		       status.warden_connected ? "Serving" : "No warden: changes are refused",
		       (unsigned long long)status.warden_revision,
		       (unsigned long long)status.waiting, (unsigned long long)status.pending);
	if (strcmp(now, told) == 0)
		return;
	notify_send(now);
	memcpy(told, now, sizeof(now));
}

/* The main thread's life: signals, watchdog, status, checkpoints. Returns 0 when asked to end, or
 * -errno when the store is lost. */
static int loop(const struct options *options, struct store *store,
		struct change_engine *engine, const sigset_t *signals)
{
	uint64_t watchdog_ms = notify_watchdog_ms(), checkpoint_us = clock_monotonic_us();
	uint64_t tick_ms = watchdog_ms > 0 && watchdog_ms < TICK_MS ? watchdog_ms : TICK_MS;
	const struct timespec tick = { .tv_sec = (time_t)(tick_ms / 1000u),
				       .tv_nsec = (long)(tick_ms % 1000u * 1000000u) };
	char told[STATUS_SIZE] = "";
	int r, number;

	for (;;) {
		if (watchdog_ms > 0)
			notify_send("WATCHDOG=1");
		status_tell(engine, told);
		number = sigtimedwait(signals, NULL, &tick);
		if (number == SIGTERM || number == SIGINT)
			return 0;
		if (number == SIGHUP)
			reload(options, engine);
		if (clock_monotonic_us() - checkpoint_us < CHECKPOINT_US)
			continue;
		r = store_checkpoint(store);
		if (r == -EIO)
			return log_error_errno(r, "the store is lost; a restart recovers it");
		if (r < 0)
			log_warning("checkpoint: %s", strerrordesc_np(-r));
		checkpoint_us = clock_monotonic_us();
	}
}

static int run(const struct options *options, const sigset_t *signals)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_(change_engine_freep) struct change_engine *engine = NULL;
	_cleanup_(webhook_freep) struct webhook *webhook = NULL;
	_cleanup_(service_freep) struct service *service = NULL;
	_cleanup_(usage_freep) struct usage *usage = NULL;
	_cleanup_(logins_freep) struct logins *logins = NULL;
	_cleanup_(http_server_closep) struct http_server *control = NULL;
	_cleanup_(http_server_closep) struct http_server *scim = NULL;
	const struct change_files files = {
		.warden_socket = options->warden_socket, .conf_file = options->conf_file,
		.conf_dropins = options->dropin_dir, .passwd = "/etc/passwd", .group = "/etc/group",
	};
	const struct conf *in_force;
	int r;

	r = conf_open(options, &conf);
	if (r >= 0)
		r = schemas_open(conf);
	if (r < 0)
		return r;
	r = database_open(options, &store);
	if (r < 0)
		return r;
	r = change_restored(store, conf, options->public_dir);
	if (r < 0)
		return log_error_errno(r, "compare the store with the directory in %s",
				       options->public_dir);
	r = change_engine_new(store, &files, TAKE_PTR(conf), &engine);
	if (r < 0)
		return log_error_errno(r, "start the change engine");
	r = service_new(engine, &service);
	if (r < 0)
		return log_error_errno(r, "start the service");
	r = webhook_new(engine, WEBHOOK_PATIENCE, &webhook);
	if (r < 0)
		return log_error_errno(r, "start the webhook");
	service_set_webhook(service, webhook);
	r = usage_new(service, USAGE_PERIOD_MS, &usage);
	if (r < 0)
		log_warning("the use of connections is not kept: %s", strerrordesc_np(-r));
	serve_logins(options, service, &logins);
	in_force = change_engine_conf(engine);
	r = serve_control(options, in_force, service, &control);
	if (r >= 0)
		r = serve_scim(options, in_force, service, &scim);
	if (r >= 0)
		log_notice("serving SCIM on https://%s", in_force->server.listen);
	change_engine_conf_put(engine, in_force);
	if (r < 0)
		return r;
	notify_send("READY=1\nSTATUS=Serving");
	r = loop(options, store, engine, signals);
	notify_send("STOPPING=1\nSTATUS=Finishing what was asked");
	log_notice("ending");
	return r;
}

/* A thread for each connection, each with short bursts of small pieces: few heaps among them, which do
 * not give back and take again a page at a time. */
static void memory_configure(void)
{
	(void)mallopt(M_ARENA_MAX, 4);
	(void)mallopt(M_TOP_PAD, 256 * 1024);
	(void)mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
	(void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
}

int main(int argc, char **argv)
{
	struct options options;
	sigset_t signals;
	int code;

	code = options_parse(argc, argv, &options);
	if (code >= 0)
		return code;
	if (options.check)
		return conf_check(&options);
	memory_configure();
	log_open("scimd", LOG_LEVEL_INFO);
	if (geteuid() == 0 && !options.allow_root) {
		log_error("scimd needs no privileges and refuses to run as root");
		return EXIT_FAILURE;
	}
	/* Tokens and passwords pass through here: no core files, no ptrace by our own user. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		log_warning("PR_SET_DUMPABLE: %s", strerrordesc_np(errno));
	(void)umask(0077);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Before the first thread: all of them inherit the mask, and only loop() takes signals. */
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	code = run(&options, &signals);
	if (code == -EPROTONOSUPPORT)
		return EXIT_FORMAT;
	return code < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
