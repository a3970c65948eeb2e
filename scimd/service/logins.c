#include "scimd/service/logins.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "scimd/base/clock.h"
#include "scimd/base/log.h"
#include "scimd/model/json.h"
#include "scimd/policy/text.h"
#include "scimd/service/call.h"
#include "shared/canary.h"
#include "shared/login_report.h"

#define MODE 0600
#define WINDOWS_MAX 128u /* and so many events in one window's time */
#define TICK_MS 1000
#define NOTE_US 1000000u

/* Begins by itself beside each first session, and is nobody's login. */
#define SERVICE_MANAGER "systemd-user"

/* A denial that was recorded; the same again is counted until the time is over. */
struct window {
	bool used;
	uint64_t until_us; /* monotonic */
	unsigned int more;
	struct login_report report; /* owned strings */
};

struct logins {
	struct service *service;
	int fd, stop_fd;
	uid_t uid;
	uint64_t window_us;
	pthread_t thread;
	bool started;
	struct window windows[WINDOWS_MAX];
};

int logins_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	const int on = 1;
	struct stat file;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (lstat(path, &file) == 0 && (!S_ISSOCK(file.st_mode) || unlink(path) < 0))
		return S_ISSOCK(file.st_mode) ? -errno : -EEXIST;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, MODE) < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* --- what was denied ---------------------------------------------------------------------------- */

static void report_done(struct login_report *report)
{
	free((char *)(uintptr_t)report->class);
	free((char *)(uintptr_t)report->user);
	free((char *)(uintptr_t)report->service);
	free((char *)(uintptr_t)report->phase);
	free((char *)(uintptr_t)report->host);
	free((char *)(uintptr_t)report->reason);
	*report = (struct login_report){ NULL };
}

/* An owned copy that is fit for JSON and a terminal. */
static int report_copy(const struct login_report *report, struct login_report *ret)
{
	struct login_report copy = {
		text_clean(report->class, "", LOGIN_REPORT_STRING_MAX),
		text_clean(report->user, "", LOGIN_REPORT_STRING_MAX),
		text_clean(report->service, "", LOGIN_REPORT_STRING_MAX),
		text_clean(report->phase, "", LOGIN_REPORT_STRING_MAX),
		text_clean(report->host, "", LOGIN_REPORT_STRING_MAX),
		text_clean(report->reason, "", LOGIN_REPORT_STRING_MAX),
	};

	if (!copy.class || !copy.user || !copy.service || !copy.phase || !copy.host ||
	    !copy.reason) {
		report_done(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

static bool report_is_same(const struct login_report *a, const struct login_report *b)
{
	return strcmp(a->user, b->user) == 0 && strcmp(a->service, b->service) == 0 &&
	       strcmp(a->host, b->host) == 0 && strcmp(a->reason, b->reason) == 0;
}

/* The person of that POSIX name; -ENOENT. */
static int person_find(struct store_txn *txn, const char *user, char ret[static RESOURCE_ID_SIZE])
{
	return store_lookup(txn, STORE_BY_POSIX_NAME, NULL, user, ret);
}

/* Who is no active person of the store's is "denied" by the host's rules, if by nothing else. */
static enum metrics_denied status_of(struct service *service, const char *user)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	_cleanup_(store_lock_done) struct store_lock lock = { 0 };
	_cleanup_(json_putp) struct json_object *resource = NULL;
	struct json_object *active;
	char id[RESOURCE_ID_SIZE];
	int r = store_begin(change_engine_store(service->engine), NULL, false, &txn);

	if (r == 0)
		r = person_find(txn, user, id);
	if (r == 0)
		r = store_resource_get(txn, id, &row);
	if (r == -ENOENT)
		return METRICS_DENIED_DELETED;
	if (r < 0)
		return METRICS_DENIED_RULES;
	if (store_lock_get(txn, id, &lock) == 0)
		return METRICS_DENIED_LOCKED;
	resource = json_tokener_parse(row.json);
	active = json_get(resource, "active");
	return active && !json_object_get_boolean(active) ? METRICS_DENIED_DEACTIVATED
							  : METRICS_DENIED_RULES;
}

static enum metrics_denied reason_of(struct service *service, const struct login_report *report)
{
	if (strcmp(report->class, LOGIN_REPORT_UNKNOWN) == 0)
		return METRICS_DENIED_UNAVAILABLE;
	if (strcmp(report->class, LOGIN_REPORT_GONE) == 0)
		return METRICS_DENIED_DELETED;
	return status_of(service, report->user);
}

static void record(struct logins *logins, const struct login_report *report, unsigned int more)
{
	struct change_source source = { .peer = *report->host ? report->host : NULL,
					.service = report->service };
	char detail[2 * LOGIN_REPORT_STRING_MAX];

	(void)snprintf(detail, sizeof(detail), "%s: %s", report->phase, report->reason);
	if (more)
		(void)snprintf(detail, sizeof(detail), "%s: %s, and %u times more", report->phase,
			       report->reason, more);
	change_event(logins->service->engine, &source, "login.denied", report->user, detail);
}

/* --- what was opened ---------------------------------------------------------------------------- */

/* More than one in a second is one: sudo in a loop costs no more than that. */
static bool is_noted(struct store_txn *txn, const char *id, uint64_t now_us)
{
	_cleanup_(store_login_done) struct store_login last = { 0 };

	return store_login_get(txn, id, &last) == 0 && last.time_us <= now_us &&
	       now_us - last.time_us < NOTE_US;
}

/* Not synced: it reaches the disk with the next change, and is lost with the power alone. */
static int note(struct logins *logins, const struct login_report *report)
{
	_cleanup_(store_abortp) struct store_txn *txn = NULL;
	struct store *store = change_engine_store(logins->service->engine);
	struct store_login login = {
		.time_us = clock_now_us(),
		.service = (char *)(uintptr_t)report->service, /* borrowed */
		.host = *report->host ? (char *)(uintptr_t)report->host : NULL,
	};
	char id[RESOURCE_ID_SIZE];
	int r = store_begin(store, NULL, false, &txn);

	if (r == 0)
		r = person_find(txn, report->user, id);
	if (r == 0 && is_noted(txn, id, login.time_us))
		return 0;
	store_abortp(&txn);
	if (r == 0)
		r = store_begin(store, NULL, true, &txn);
	if (r == 0)
		r = store_login_put(txn, id, &login);
	return r < 0 ? r : store_commit_unsynced(&txn);
}

static void opened(struct logins *logins, const struct login_report *sent)
{
	struct login_report report = { NULL };
	int r;

	if (strcmp(sent->service, SERVICE_MANAGER) == 0 || report_copy(sent, &report) < 0)
		return;
	metrics_login_opened(logins->service->metrics);
	r = note(logins, &report);
	if (r < 0 && r != -ENOENT) /* who is gone by now needs none */
		(void)log_error_errno(r, "the last login of %s cannot be kept", report.user);
	report_done(&report);
}

/* --- windows ------------------------------------------------------------------------------------ */

static struct window *window_find(struct logins *logins, const struct login_report *report)
{
	for (size_t i = 0; i < WINDOWS_MAX; i++)
		if (logins->windows[i].used &&
		    report_is_same(&logins->windows[i].report, report))
			return &logins->windows[i];
	return NULL;
}

static struct window *window_free(struct logins *logins)
{
	for (size_t i = 0; i < WINDOWS_MAX; i++)
		if (!logins->windows[i].used)
			return &logins->windows[i];
	return NULL;
}

static void denied(struct logins *logins, const struct login_report *sent)
{
	struct login_report report = { NULL };
	struct window *window;

	if (strcmp(sent->user, CANARY_NAME) == 0 || report_copy(sent, &report) < 0)
		return; /* doctor's own question, or no memory for an answer */
	metrics_login_denied(logins->service->metrics, reason_of(logins->service, &report));
	window = window_find(logins, &report);
	if (window)
		window->more++;
	else if ((window = window_free(logins))) {
		record(logins, &report, 0);
		*window = (struct window){ .used = true,
					   .until_us = clock_monotonic_us() + logins->window_us,
					   .report = report };
		return;
	}
	report_done(&report);
}

static void windows_close(struct logins *logins, bool all)
{
	uint64_t now_us = clock_monotonic_us();

	for (size_t i = 0; i < WINDOWS_MAX; i++) {
		struct window *window = &logins->windows[i];

		if (!window->used || (!all && window->until_us > now_us))
			continue;
		if (window->more)
			record(logins, &window->report, window->more);
		report_done(&window->report);
		window->used = false;
	}
}

static int windows_wait_ms(const struct logins *logins)
{
	for (size_t i = 0; i < WINDOWS_MAX; i++)
		if (logins->windows[i].used)
			return TICK_MS;
	return -1;
}

/* --- the thread --------------------------------------------------------------------------------- */

static bool is_from(struct msghdr *header, uid_t uid)
{
	struct ucred credentials;

	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
	     control = CMSG_NXTHDR(header, control)) {
		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&credentials, CMSG_DATA(control), sizeof(credentials));
		return credentials.uid == uid;
	}
	return false;
}

/* One datagram; false if there is none. */
static bool take(struct logins *logins)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	char text[LOGIN_REPORT_MAX];
	struct iovec part = { text, sizeof(text) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes) };
	ssize_t size = recvmsg(logins->fd, &header, MSG_CMSG_CLOEXEC);
	struct login_report report;

	if (size < 0)
		return errno == EINTR;
	if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !is_from(&header, logins->uid) ||
	    login_report_read(text, (size_t)size, &report) < 0)
		return true;
	if (strcmp(report.class, LOGIN_REPORT_OPENED) == 0)
		opened(logins, &report);
	else
		denied(logins, &report);
	return true;
}

static void *listen_on(void *argument)
{
	struct logins *logins = argument;
	struct pollfd fds[] = { { .fd = logins->fd, .events = POLLIN },
				{ .fd = logins->stop_fd, .events = POLLIN } };

	for (;;) {
		(void)poll(fds, ARRAY_SIZE(fds), windows_wait_ms(logins));
		if (fds[1].revents)
			break;
		while (take(logins))
			;
		windows_close(logins, false);
	}
	windows_close(logins, true);
	return NULL;
}

int logins_new(struct service *service, int fd, uid_t uid, unsigned int window_s,
	       struct logins **ret)
{
	_cleanup_(logins_freep) struct logins *logins = calloc(1, sizeof(*logins));
	int r;

	if (!logins) {
		close(fd);
		return -ENOMEM;
	}
	*logins = (struct logins){ .service = service, .fd = fd, .uid = uid,
				   .window_us = window_s * UINT64_C(1000000) };
	logins->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (logins->stop_fd < 0)
		return -errno;
	r = -pthread_create(&logins->thread, NULL, listen_on, logins);
	if (r < 0)
		return r;
	logins->started = true;
	*ret = TAKE_PTR(logins);
	return 0;
}

void logins_freep(struct logins **logins_ptr)
{
	struct logins *logins = TAKE_PTR(*logins_ptr);

	if (!logins)
		return;
	if (logins->started) {
		(void)eventfd_write(logins->stop_fd, 1);
		pthread_join(logins->thread, NULL);
	}
	closep(&logins->stop_fd);
	closep(&logins->fd);
	free(logins);
}
