/* Denied logins as pam_scim reports them: who is believed, what becomes of them, and that a flood of
 * them stays small. */
#include "scimd/service/logins.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "pam_scim/report.h"
#include "scimd/base/clock.h"
#include "scimd/service/call.h"
#include "tests/unit/store/store_t.h"

/* --- the engine --- */

#define EVENTS_MAX 512

struct change_engine {
	struct dir dir;
	struct store *store;
	struct conf conf;
	pthread_mutex_t lock;
	size_t count;
	char events[EVENTS_MAX][512];
};

struct store *change_engine_store(struct change_engine *engine)
{
	return engine->store;
}

void change_event(struct change_engine *engine, const struct change_source *source,
		  const char *type, const char *user, const char *detail)
{
	pthread_mutex_lock(&engine->lock);
	if (engine->count < EVENTS_MAX)
		snprintf(engine->events[engine->count++], sizeof(engine->events[0]), "%s %s %s %s %s",
			 type, user, source->service, source->peer ? source->peer : "-", detail);
	pthread_mutex_unlock(&engine->lock);
}

struct fixture {
	struct change_engine engine;
	struct service service;
	struct logins *logins;
	char path[64];
};

static void put(struct store_txn *txn, int number, const char *name, bool active)
{
	struct store_resource row = { .type = RESOURCE_USER, .connection = "okta", .version = 1,
				      .folded_name = (char *)(uintptr_t)name,
				      .json = (char *)(uintptr_t)(active ? "{\"active\":true}"
								 : "{\"active\":false}"),
				      .reason = (char *)(uintptr_t)"no" };
	enum store_index taken;

	snprintf(row.id, sizeof(row.id), "00000000-0000-7000-8000-00000000000%d", number);
	snprintf(row.posix_name, sizeof(row.posix_name), "%s", name);
	row.number = 65536 + (uint32_t)number;
	T_FATAL(store_resource_put(txn, &row, &taken) == 0);
}

static void begin(struct fixture *f, uid_t uid, unsigned int window_s)
{
	struct store_lock lock = { .name = (char *)(uintptr_t)"eve", .by = (char *)(uintptr_t)"root" };
	struct store_txn *txn;
	int fd;

	*f = (struct fixture){ .engine = { .dir = dir_make() } };
	pthread_mutex_init(&f->engine.lock, NULL);
	f->engine.store = t_open(&f->engine.dir);
	txn = t_begin(f->engine.store, NULL, true);
	put(txn, 1, "ada", false);
	put(txn, 2, "bob", true);
	put(txn, 3, "eve", true);
	T_OK(store_lock_put(txn, "00000000-0000-7000-8000-000000000003", &lock));
	T_OK(store_commit(&txn));
	f->service.engine = &f->engine;
	T_OK(metrics_new(&f->service.metrics));
	snprintf(f->path, sizeof(f->path), "%s/login.sock", f->engine.dir.path);
	fd = logins_listen(f->path);
	T_FATAL(fd >= 0);
	T_FATAL(logins_new(&f->service, fd, uid, window_s, &f->logins) == 0);
	/* As it is on a host: not root's. */
	T_TRUE(geteuid() != 0 || chown(f->path, 1234, 1234) == 0);
}

static void end(struct fixture *f)
{
	logins_freep(&f->logins);
	metrics_freep(&f->service.metrics);
	store_closep(&f->engine.store);
	dir_done(&f->engine.dir);
}

static struct login_report report(const char *user, const char *host)
{
	return (struct login_report){ LOGIN_REPORT_DENIED, user, "sshd", "account", host,
				      "deactivated by the identity provider" };
}

static size_t events_wait(struct fixture *f, size_t count)
{
	size_t now = 0;

	for (int i = 0; i < 300 && now < count; i++) {
		pthread_mutex_lock(&f->engine.lock);
		now = f->engine.count;
		pthread_mutex_unlock(&f->engine.lock);
		usleep(10000);
	}
	return now;
}

static void metrics_are(struct fixture *f, const char *want)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	metrics_write(f->service.metrics, out);
	fclose(out);
	if (!strstr(text, want))
		fprintf(stderr, "no %s in\n%s", want, text);
	T_TRUE(strstr(text, want) != NULL);
	free(text);
}

/* --- tests --- */

static void test_text(void)
{
	struct login_report sent = report("ada", "192.0.2.1"), got = { NULL };
	char buffer[LOGIN_REPORT_MAX], longest[2000];
	size_t size = login_report_write(&sent, buffer);

	T_OK(login_report_read(buffer, size, &got));
	T_STR(got.class, "denied");
	T_STR(got.user, "ada");
	T_STR(got.service, "sshd");
	T_STR(got.phase, "account");
	T_STR(got.host, "192.0.2.1");
	T_STR(got.reason, "deactivated by the identity provider");
	for (size_t cut = 0; cut < size; cut++)
		T_INT(login_report_read(buffer, cut, &got), -EINVAL);
	buffer[size] = '\0';
	T_INT(login_report_read(buffer, size + 1, &got), -EINVAL);
	buffer[0] = 'S';
	T_INT(login_report_read(buffer, size, &got), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	sent = (struct login_report){ longest, longest, longest, longest, longest, longest };
	size = login_report_write(&sent, buffer);
	T_INT(size, LOGIN_REPORT_MAX);
	T_OK(login_report_read(buffer, size, &got));
	T_INT(strlen(got.reason), LOGIN_REPORT_STRING_MAX);
}

static void test_reasons(void)
{
	static const struct {
		const char *class, *user, *want;
	} cases[] = {
		{ LOGIN_REPORT_DENIED, "ada", "{reason=\"deactivated\"} 1" },
		{ LOGIN_REPORT_DENIED, "bob", "{reason=\"denied\"} 1" },
		{ LOGIN_REPORT_DENIED, "eve", "{reason=\"locked\"} 1" },
		{ LOGIN_REPORT_DENIED, "nobody-here", "{reason=\"deleted\"} 1" },
		{ LOGIN_REPORT_GONE, "ada", "{reason=\"deleted\"} 2" },
		{ LOGIN_REPORT_UNKNOWN, "ada", "{reason=\"unavailable\"} 1" },
	};
	struct login_report sent;
	struct fixture f;

	begin(&f, geteuid(), 60);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char host[16];

		snprintf(host, sizeof(host), "192.0.2.%zu", i);
		sent = report(cases[i].user, host);
		sent.class = cases[i].class;
		T_OK(report_send(f.path, &sent));
		T_INT(events_wait(&f, i + 1), i + 1);
		metrics_are(&f, cases[i].want);
	}
	T_STR(f.engine.events[0], "login.denied ada sshd 192.0.2.0 account: deactivated by the "
				  "identity provider");
	end(&f);
}

/* The same again is counted and told once when the time is over; others are told at once. */
static void test_coalesced(void)
{
	struct login_report sent;
	struct fixture f;

	begin(&f, geteuid(), 1);
	for (int i = 0; i < 5; i++) {
		sent = report("ada", "192.0.2.1");
		T_OK(report_send(f.path, &sent));
	}
	sent = report("ada", "");
	T_OK(report_send(f.path, &sent));
	T_INT(events_wait(&f, 3), 3);
	T_STR(f.engine.events[1],
	      "login.denied ada sshd - account: deactivated by the identity provider");
	T_STR(f.engine.events[2], "login.denied ada sshd 192.0.2.1 account: deactivated by the "
				  "identity provider, and 4 times more");
	metrics_are(&f, "{reason=\"deactivated\"} 6");
	end(&f);
}

static void test_flood(void)
{
	struct login_report sent;
	struct fixture f;
	char host[32];

	begin(&f, geteuid(), 60);
	for (int i = 0; i < 500; i++) {
		snprintf(host, sizeof(host), "host-%d", i);
		sent = report("ada", host);
		while (report_send(f.path, &sent) == -EAGAIN)
			usleep(1000);
	}
	usleep(200000);
	T_INT(events_wait(&f, 128), 128);
	metrics_are(&f, "{reason=\"deactivated\"} 500");
	end(&f);
	T_INT(f.engine.count, 128);
}

static bool login_get(struct fixture *f, int number, struct store_login *ret)
{
	struct store_txn *txn = t_begin(f->engine.store, NULL, false);
	char id[RESOURCE_ID_SIZE];
	int r;

	snprintf(id, sizeof(id), "00000000-0000-7000-8000-00000000000%d", number);
	r = store_login_get(txn, id, ret);
	store_abortp(&txn);
	T_TRUE(r == 0 || r == -ENOENT);
	return r == 0;
}

static void opened(struct fixture *f, const char *user, const char *service, const char *host)
{
	const struct login_report sent = { LOGIN_REPORT_OPENED, user, service, "session", host, "" };

	T_OK(report_send(f->path, &sent));
}

/* A session is the person's last login, and no event. */
static void test_opened(void)
{
	_cleanup_(store_login_done) struct store_login bob = { 0 }, again = { 0 }, eve = { 0 };
	struct login_report denied = report("ada", "192.0.2.1");
	uint64_t begin_us = clock_now_us();
	struct fixture f;

	begin(&f, geteuid(), 60);
	opened(&f, "bob", "systemd-user", ""); /* beside a login */
	opened(&f, "bob", "sshd", "192.0.2.1");
	opened(&f, "bob", "sudo", ""); /* within a second */
	opened(&f, "eve\x1b", "cron", "");
	opened(&f, "eve", "cr\x1bon", "");
	opened(&f, "nobody-here", "cron", "");
	T_OK(report_send(f.path, &denied)); /* which tells when the others are through */
	T_INT(events_wait(&f, 1), 1);
	metrics_are(&f, "scimd_login_opened_total 5");
	metrics_are(&f, "{reason=\"deactivated\"} 1");
	T_TRUE(login_get(&f, 2, &bob));
	T_STR(bob.service, "sshd");
	T_STR(bob.host, "192.0.2.1");
	T_TRUE(bob.time_us >= begin_us && bob.time_us <= clock_now_us());
	T_TRUE(login_get(&f, 3, &eve));
	T_TRUE(strchr(eve.service, '\x1b') == NULL && eve.host == NULL);
	T_TRUE(!login_get(&f, 1, &again));
	usleep(1100000);
	opened(&f, "bob", "su-l", "");
	denied.host = "192.0.2.2";
	T_OK(report_send(f.path, &denied));
	T_INT(events_wait(&f, 2), 2);
	T_TRUE(login_get(&f, 2, &again));
	T_STR(again.service, "su-l");
	T_TRUE(again.host == NULL && again.time_us > bob.time_us);
	end(&f);
	T_INT(f.engine.count, 2);
}

/* Another sender, the canary of doctor, and what is no report leave no trace. */
static void test_not_believed(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct login_report sent = report("ada", "192.0.2.1");
	struct store_login login;
	struct fixture f;
	int fd;

	begin(&f, geteuid() + 1, 60);
	T_OK(report_send(f.path, &sent));
	opened(&f, "bob", "sshd", "");
	usleep(50000);
	T_TRUE(!login_get(&f, 2, &login));
	metrics_are(&f, "scimd_login_opened_total 0");
	end(&f);
	T_INT(f.engine.count, 0);
	begin(&f, geteuid(), 60);
	sent.user = "scim-canary";
	T_OK(report_send(f.path, &sent));
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s", f.path);
	T_INT(sendto(fd, "nonsense", 8, 0, (struct sockaddr *)&address, sizeof(address)), 8);
	close(fd);
	sent = report("ada\x1b[31m\xff", "a\nb");
	T_OK(report_send(f.path, &sent));
	T_INT(events_wait(&f, 1), 1);
	T_TRUE(strchr(f.engine.events[0], '\x1b') == NULL && strchr(f.engine.events[0], '\n') == NULL);
	end(&f);
	T_INT(f.engine.count, 1);
}

/* No login is held, and nothing is sent, where scimd does not listen or somebody else does. */
static void test_nobody_listens(void)
{
	struct login_report sent = report("ada", "192.0.2.1");
	char link[80];
	struct fixture f;
	uint64_t begin_us;
	int full = 0;

	T_INT(report_send("/nonexistent/login.sock", &sent), -ENOENT);
	T_INT(report_send("/dev/null", &sent), -EPERM);
	begin(&f, geteuid(), 60);
	snprintf(link, sizeof(link), "%s/link", f.engine.dir.path);
	T_OK(symlink(f.path, link));
	T_INT(report_send(link, &sent), -EPERM);
	if (geteuid() == 0) {
		T_OK(chown(f.path, 0, 0));
		T_INT(report_send(f.path, &sent), -EPERM);
		T_OK(chown(f.path, 1234, 1234));
	}
	logins_freep(&f.logins);
	T_INT(report_send(f.path, &sent), -ECONNREFUSED);
	/* A socket that nobody reads. */
	full = logins_listen(f.path);
	T_FATAL(full >= 0);
	T_TRUE(geteuid() != 0 || chown(f.path, 1234, 1234) == 0);
	begin_us = clock_monotonic_us();
	for (int i = 0; i < 1000; i++)
		(void)!report_send(f.path, &sent);
	T_INT(report_send(f.path, &sent), -EAGAIN);
	T_TRUE(clock_monotonic_us() - begin_us < 1000000);
	close(full);
	/* Nothing but a socket is taken away. */
	T_INT(logins_listen("/dev/null"), -EEXIST);
	end(&f);
	T_INT(f.engine.count, 0);
}

T_MAIN("logins", T(test_text), T(test_reasons), T(test_coalesced), T(test_flood), T(test_opened),
       T(test_not_believed), T(test_nobody_listens))
