/* scimd-warden: the root process without network that decides what this host believes and who may
 * live on it. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/base/notify.h"
#include "scimd/warden/server.h"
#include "shared/conf.h"

#define SWEEP_MS 30000u
#define LOST_ROLE_DEADLINE_MS 2000u /* as in scimd.conf when it says nothing */
#define WORK_US 1000u       /* a piece of tidying up: nobody waits longer for it */
#define WORK_EACH_US 10000u /* one piece in so long, however much is asked */
#define WORK_BESIDE_MS 5    /* until a look at what is done beside */

struct options {
	const char *socket, *folder, *conf_file, *dropins;
	int64_t peer_uid;
	bool reap;
};

static int usage(void)
{
	fprintf(stderr, "usage: scimd-warden [-c FILE] [-C DROPIN_DIR] [--socket PATH]\n"
			"                    [--public DIR] [--peer-uid UID] [--no-reap]\n");
	return 2;
}

static int options_parse(int argc, char **argv, struct options *options)
{
	enum { SOCKET = 256, PUBLIC, PEER, NO_REAP, VERSION };
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, SOCKET },
		{ "public", required_argument, NULL, PUBLIC },
		{ "peer-uid", required_argument, NULL, PEER },
		{ "no-reap", no_argument, NULL, NO_REAP },
		{ "version", no_argument, NULL, VERSION },
		{ 0 },
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "c:C:", longs, NULL)) >= 0) {
		switch (c) {
		case 'c':
			options->conf_file = optarg;
			break;
		case 'C':
			options->dropins = optarg;
			break;
		case SOCKET:
			options->socket = optarg;
			break;
		case PUBLIC:
			options->folder = optarg;
			break;
		case PEER:
			errno = 0;
			options->peer_uid = strtol(optarg, &end, 10);
			if (errno || *end || end == optarg || options->peer_uid < 0 ||
			    options->peer_uid >= UINT32_MAX)
				return -EINVAL;
			break;
		case NO_REAP:
			options->reap = false;
			break;
		case VERSION:
			printf("scimd-warden %s\n", SCIMD_VERSION);
			exit(0);
		default:
			return -EINVAL;
		}
	}
	return optind == argc ? 0 : -EINVAL;
}

static enum reap_verdict verdict(void *context, uint32_t uid)
{
	return publish_shuts_out(context, uid) ? REAP_END : REAP_UNTOUCHABLE;
}

static bool is_named(void *context, uint32_t uid, const char *name)
{
	return publish_is_named(context, uid, name);
}

static bool may_carry(void *context, uint32_t uid, uint32_t gid)
{
	return publish_grants(context, uid, gid);
}

/* The warden before us may have been killed in the middle of it. */
static void end_lost_role(void *context, uint32_t uid, uint32_t gid)
{
	int r = reap_gids(context, uid, &gid, 1, 0, LOST_ROLE_DEADLINE_MS);

	if (r < 0)
		log_error_errno(r, "ending what uid %u has with gid %u", uid, gid);
}

struct warden {
	int stop; /* readable when we are told to */
	struct local *local;
	struct publish *publish;
	struct server *server;
	struct reap *reap;
};

static void warden_done(struct warden *warden)
{
	reap_freep(&warden->reap);
	server_freep(&warden->server);
	publish_freep(&warden->publish);
	local_freep(&warden->local);
	closep(&warden->stop);
}

/* The group's id, or root's where it does not exist yet. */
static gid_t group_or_root(const struct local *local, const char *name)
{
	uint32_t gid = 0;

	if (local_group_gid(local, name, &gid) < 0)
		log_warning("there is no group %s: using root's", name);
	return gid;
}

static int warden_start(struct warden *warden, const struct options *options)
{
	struct publish_options publish = { .folder = options->folder,
					   .conf_file = options->conf_file,
					   .dropins = options->dropins,
					   .lost_roles = options->reap ? LOST_ROLES_FILE : NULL };
	struct server_options server = { .socket = options->socket, .user = "scimd",
					 .peer_uid = options->peer_uid };
	struct reap_options reap = { .proc = "/proc", .cgroup = "/sys/fs/cgroup",
				     .linger = "/var/lib/systemd/linger", .logind = true,
				     .report = server_report, .can_report = server_can_report,
				     .transient = "/run/systemd/transient",
				     .tally = WARDEN_TALLY };
	int r = local_new("/etc/passwd", "/etc/group", &warden->local);

	if (r < 0)
		return log_error_errno(r, "reading /etc/passwd and /etc/group");
	publish.local = server.local = warden->local;
	publish.shadow_group = group_or_root(warden->local, "shadow");
	r = publish_new(&publish, &warden->publish);
	if (r < 0)
		return log_error_errno(r, "opening the directory in %s", options->folder);
	server.publish = warden->publish;
	server.group = group_or_root(warden->local, "scimd");
	r = server_new(&server, &warden->server);
	if (r < 0)
		return log_error_errno(r, "listening on %s", options->socket);
	server_set_stop(warden->server, warden->stop);
	if (!options->reap)
		return 0;
	reap.policy = (struct reap_policy){ .verdict = verdict, .is_named = is_named,
					     .context = warden->publish };
	reap.may_carry = may_carry;
	reap.report_context = warden->server;
	r = reap_new(&reap, &warden->reap);
	if (r < 0)
		return log_error_errno(r, "preparing to end processes");
	server_set_reap(warden->server, warden->reap);
	publish_lost_roles(warden->publish, end_lost_role, warden->reap);
	return 0;
}

/* The smaller of two waits; -1 is for ever. */
static int sooner(int a, int b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

static void sweep(struct warden *warden)
{
	int r;

	r = local_refresh(warden->local);
	if (r < 0)
		log_error_errno(r, "reading the local accounts (going on with the last good state)");
	r = reap_sweep(warden->reap);
	if (r < 0)
		log_error_errno(r, "looking for people who may not be here");
}

/* Tidying up is for when nothing is asked; but it has to come to an end. How long until there is more. */
static int work(struct warden *warden, uint64_t *next_us)
{
	uint64_t now = clock_monotonic_us(), due = publish_next_us(warden->publish);

	if (!publish_has_work(warden->publish))
		return due ? (int)((due - now) / 1000 + 1) : -1;
	if (!publish_is_due(warden->publish))
		return WORK_BESIDE_MS;
	if (now < *next_us && server_is_asked(warden->server))
		return 0;
	publish_work(warden->publish, now + WORK_US);
	*next_us = clock_monotonic_us() + WORK_EACH_US;
	return 0;
}

static int warden_run(struct warden *warden)
{
	uint64_t watchdog_ms = notify_watchdog_ms();
	uint64_t next_sweep_us = 0, next_ping_us = 0, next_work_us = 0;
	int r = 0;

	while (r == 0) {
		uint64_t now = clock_monotonic_us();
		int wait_ms = -1;

		if (warden->reap && now >= next_sweep_us) {
			sweep(warden);
			next_sweep_us = now + SWEEP_MS * UINT64_C(1000);
		}
		if (watchdog_ms && now >= next_ping_us) {
			notify_send("WATCHDOG=1");
			next_ping_us = now + watchdog_ms * 1000;
		}
		/* Whom root has made a local account since the last sweep is not ours any more. If the
		 * files cannot be read, the last good state holds; the sweep says so. */
		if (warden->reap && reap_pending(warden->reap) > 0)
			(void)local_refresh(warden->local);
		if (warden->reap)
			wait_ms = sooner(reap_step(warden->reap),
					 (int)((next_sweep_us - now) / 1000 + 1));
		if (watchdog_ms)
			wait_ms = sooner(wait_ms, (int)((next_ping_us - now) / 1000 + 1));
		wait_ms = sooner(wait_ms, work(warden, &next_work_us));
		r = server_step(warden->server, wait_ms);
	}
	return r < 0 ? log_error_errno(r, "waiting for requests") : 0; /* 1: told to stop */
}

/* No signal comes between looking and waiting. -1: one ends us on the spot, which loses nothing. */
static int stop_open(void)
{
	sigset_t signals;
	int fd;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd >= 0)
		(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	return fd;
}

int main(int argc, char **argv)
{
	struct options options = { .socket = WARDEN_SOCKET, .folder = DIRECTORY_PUBLIC_DIR,
				   .conf_file = CONF_FILE, .dropins = CONF_DROPIN_DIR,
				   .peer_uid = -1, .reap = true };
	_cleanup_(warden_done) struct warden warden = { .stop = -1 };
	struct rlimit no_core = { 0 };

	log_open("scimd-warden", LOG_LEVEL_INFO);
	if (options_parse(argc, argv, &options) < 0)
		return usage();
	/* Password hashes pass through this process. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	warden.stop = stop_open();
	if (warden_start(&warden, &options) < 0)
		return 1;
	notify_send("READY=1\nSTATUS=watching");
	log_notice("started");
	if (warden_run(&warden) < 0)
		return 1;
	notify_send("STOPPING=1");
	return 0;
}
