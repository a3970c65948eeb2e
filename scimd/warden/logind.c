#include "scimd/warden/logind.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "scimd/base/clock.h"

#define ANSWER_US 1000000u /* nobody waits for it; it bounds what is remembered */
#define RETRY_US 1000000u  /* between attempts to find a bus */
#define MESSAGES_MAX 64    /* handled in one go */
#define ASK_AGAIN_US 20000u
#define OUTSTANDING_MAX 32 /* the bus remembers 128 */

struct logind {
	sd_bus *bus; /* NULL: none */
	uint64_t retry_us;
	uint32_t outstanding;
	bool processing; /* an answer may lead to an order */
	char asked[LOGIND_UNIT_SIZE]; /* the last question's unit */
	uint64_t ask_again_us;        /* about that */
	logind_session_fn session;
	logind_service_fn service;
	void *context;
};

int logind_new(logind_session_fn session, logind_service_fn service, void *context,
	       struct logind **ret)
{
	struct logind *logind = calloc(1, sizeof(*logind));

	if (!logind)
		return -ENOMEM;
	logind->session = session;
	logind->service = service;
	logind->context = context;
	*ret = logind;
	return 0;
}

static void disconnect(struct logind *logind)
{
	logind->bus = sd_bus_close_unref(logind->bus); /* does not flush, so it does not block */
	logind->outstanding = 0;
}

void logind_freep(struct logind **logind)
{
	if (!*logind)
		return;
	disconnect(*logind);
	free(*logind);
	*logind = NULL;
}

void logind_process(struct logind *logind)
{
	for (int i = 0; i < MESSAGES_MAX && logind->bus && !logind->processing; i++) {
		int r;

		logind->processing = true;
		r = sd_bus_process(logind->bus, NULL);
		logind->processing = false;
		if (r < 0)
			disconnect(logind);
		if (r <= 0)
			return;
	}
}

/* Connecting goes on in the background; messages queue up meanwhile. */
static bool connect_bus(struct logind *logind)
{
	uint64_t now = clock_monotonic_us();

	logind_process(logind); /* a bus that went away shows only so */
	if (logind->bus && sd_bus_is_open(logind->bus) > 0)
		return true;
	disconnect(logind);
	if (now < logind->retry_us)
		return false;
	logind->retry_us = now + RETRY_US;
	return sd_bus_open_system(&logind->bus) >= 0;
}

struct service {
	const char *name, *path, *interface;
};
static const struct service login1 = { "org.freedesktop.login1", "/org/freedesktop/login1",
				       "org.freedesktop.login1.Manager" };
static const struct service systemd1 = { "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
					 "org.freedesktop.systemd1.Manager" };

/* Without a handler no answer is asked for: an order about somebody whom logind does not know is
 * an error that says what we want to hear, and the bus remembers few outstanding answers. */
static bool call(struct logind *logind, const struct service *service,
		 sd_bus_message_handler_t answer, const char *member, const char *types, ...)
{
	sd_bus_message *message = NULL;
	va_list values;
	int r;

	if (!connect_bus(logind))
		return false;
	r = sd_bus_message_new_method_call(logind->bus, &message, service->name, service->path,
					   service->interface, member);
	if (r < 0)
		return false;
	va_start(values, types);
	r = sd_bus_message_appendv(message, types, values);
	va_end(values);
	if (r >= 0)
		r = sd_bus_message_set_auto_start(message, 0); /* not running: nothing to end */
	if (r >= 0)
		r = sd_bus_call_async(logind->bus, NULL, message, answer, logind, ANSWER_US);
	if (r >= 0 && answer)
		logind->outstanding++;
	sd_bus_message_unref(message);
	return r >= 0;
}

static int on_sessions(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	struct logind *logind = userdata;
	const char *id;
	uint32_t uid;

	(void)error;
	if (logind->outstanding > 0)
		logind->outstanding--;
	if (sd_bus_message_is_method_error(answer, NULL) ||
	    sd_bus_message_enter_container(answer, 'a', "(susso)") < 0)
		return 0;
	while (sd_bus_message_read(answer, "(susso)", &id, &uid, NULL, NULL, NULL) > 0)
		logind->session(logind->context, uid, id);
	return 0;
}

void logind_list(struct logind *logind)
{
	(void)call(logind, &login1, on_sessions, "ListSessions", "");
}

void logind_linger_off(struct logind *logind, uint32_t uid)
{
	(void)call(logind, &login1, NULL, "SetUserLinger", "ubb", uid, 0, 0);
}

void logind_terminate(struct logind *logind, uint32_t uid)
{
	(void)call(logind, &login1, NULL, "TerminateUser", "u", uid);
}

struct question {
	struct logind *logind;
	uint32_t uid;
	char unit[LOGIND_UNIT_SIZE];
};

static int on_service(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	const struct question *question = userdata;
	struct logind *logind = question->logind;
	const char *user;

	(void)error;
	if (logind->outstanding > 0)
		logind->outstanding--;
	if (!sd_bus_message_is_method_error(answer, NULL) &&
	    sd_bus_message_read(answer, "v", "s", &user) > 0)
		logind->service(logind->context, question->uid, question->unit, user);
	return 0;
}

/* Sends it, or not. Takes question, which goes with its answer or with the bus. */
static int send_question(struct logind *logind, const char *path, struct question *question)
{
	sd_bus_slot *slot = NULL;
	int r = sd_bus_call_method_async(logind->bus, &slot, systemd1.name, path,
					 "org.freedesktop.DBus.Properties", "Get", on_service,
					 question, "ss", "org.freedesktop.systemd1.Service", "User");

	if (r >= 0)
		r = sd_bus_slot_set_destroy_callback(slot, free);
	if (r < 0)
		free(question);
	else
		(void)sd_bus_slot_set_floating(slot, 1);
	sd_bus_slot_unref(slot);
	return r;
}

/* Of a service with many processes one is enough. */
static bool is_asked(const struct logind *logind, const char *unit)
{
	return logind->outstanding >= OUTSTANDING_MAX ||
	       (strcmp(unit, logind->asked) == 0 && clock_monotonic_us() < logind->ask_again_us);
}

void logind_ask_service(struct logind *logind, uint32_t uid, const char *unit)
{
	_cleanup_free_ char *path = NULL;
	struct question *question;

	if (!connect_bus(logind) || strlen(unit) >= LOGIND_UNIT_SIZE || is_asked(logind, unit) ||
	    sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) < 0)
		return;
	question = calloc(1, sizeof(*question));
	if (!question)
		return; /* the next look finds it again */
	question->logind = logind;
	question->uid = uid;
	(void)snprintf(question->unit, sizeof(question->unit), "%s", unit);
	if (send_question(logind, path, question) < 0)
		return;
	logind->outstanding++;
	(void)snprintf(logind->asked, sizeof(logind->asked), "%s", unit);
	logind->ask_again_us = clock_monotonic_us() + ASK_AGAIN_US;
}

bool logind_stop_unit(struct logind *logind, const char *unit)
{
	return call(logind, &systemd1, NULL, "StopUnit", "ss", unit, "replace");
}

void logind_stop_session(struct logind *logind, const char *id)
{
	char unit[64];

	(void)snprintf(unit, sizeof(unit), "session-%s.scope", id);
	(void)logind_stop_unit(logind, unit);
}

bool logind_is_busy(const struct logind *logind)
{
	return logind->bus && logind->outstanding > 0;
}
