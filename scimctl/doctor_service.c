#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "scimctl/doctor.h"
#include "shared/canary.h"
#include "shared/directory.h"

#define DAY_S ((time_t)24 * 60 * 60)
#define SILENCE_S (30 * DAY_S)  /* without any push */
#define ROTATION_S (7 * DAY_S)  /* with two tokens */
#define LAG_S 60                /* of the webhook */
#define TOKEN_S (365 * DAY_S)   /* with the same one */

static time_t time_parse(const char *text)
{
	struct tm tm = { 0 };

	return text && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? timegm(&tm) : 0;
}

/* One that is asked again and again, or that cannot keep up. Nothing without one. */
static void webhook(struct doctor *doctor, struct json_object *state)
{
	const char *host = json_string(state, "host"), *error = json_string(state, "error");
	time_t since = time_parse(json_string(state, "waiting_since"));
	struct json_object *waiting = NULL;

	(void)json_object_object_get_ex(state, "waiting", &waiting);
	if (*error)
		doctor_report(doctor, "webhook", DOCTOR_WARNING, "journalctl -u scimd -g webhook",
			      "%s does not take events since %s, %lld wait: %s", host,
			      json_string(state, "failing_since"),
			      (long long)json_object_get_int64(waiting), error);
	else if (since && time(NULL) - since > LAG_S)
		doctor_report(doctor, "webhook", DOCTOR_WARNING, "make the receiver answer sooner",
			      "%s is %ld s behind, %lld events wait", host,
			      (long)(time(NULL) - since), (long long)json_object_get_int64(waiting));
	else
		doctor_report(doctor, "webhook", DOCTOR_OK, NULL, "%s takes events", host);
}

/* Whether scimd answers. */
static bool status(struct doctor *doctor)
{
	_cleanup_(json_putp) struct json_object *answer = NULL;
	struct json_object *warden = NULL, *value = NULL;
	uint64_t pending;

	if (client_get(doctor->context, "/v1/status", &answer) != EXIT_SUCCESS) {
		doctor_report(doctor, "scimd", DOCTOR_FAILURE, "systemctl restart scimd",
			      "does not answer; changes are not taken, denials go on");
		return false;
	}
	doctor_report(doctor, "scimd", DOCTOR_OK, NULL, "answers, version %s",
		      json_string(answer, "version"));
	if (json_object_object_get_ex(answer, "warden", &warden))
		(void)json_object_object_get_ex(warden, "connected", &value);
	if (json_object_get_boolean(value))
		doctor_report(doctor, "warden", DOCTOR_OK, NULL, "is connected to scimd");
	else
		doctor_report(doctor, "warden", DOCTOR_FAILURE, "systemctl restart scimd-warden",
			      "is not connected; nobody is offboarded until it is");
	(void)json_object_object_get_ex(answer, "pending", &value);
	pending = json_object_get_uint64(value);
	if (pending)
		doctor_report(doctor, "offboarding", DOCTOR_WARNING,
			      "scimctl events --type session.ended",
			      "%llu going on: somebody who may not be here still runs something",
			      (unsigned long long)pending);
	else
		doctor_report(doctor, "offboarding", DOCTOR_OK, NULL, "none is unfinished");
	if (json_object_object_get_ex(answer, "webhook", &value) && value)
		webhook(doctor, value);
	return true;
}

static void token_age(struct doctor *doctor, const char *name, bool rotating)
{
	_cleanup_free_ char *path = NULL, *fix = NULL;
	time_t age, now = time(NULL);
	struct stat file;

	if (asprintf(&path, "%s/scimd.conf.d/connection-%s.conf", doctor->context->directory,
		     name) < 0 ||
	    asprintf(&fix, "scimctl connection rotate %s%s", name, rotating ? " --finish" : "") < 0)
		return;
	if (lstat(path, &file) < 0)
		return; /* somebody else's configuration management knows */
	age = now - file.st_mtime;
	if (rotating && age > ROTATION_S)
		doctor_report(doctor, "token", DOCTOR_WARNING, fix,
			      "%s has had two tokens for %ld days", name, (long)(age / DAY_S));
	else if (!rotating && age > TOKEN_S)
		doctor_report(doctor, "token", DOCTOR_WARNING, fix,
			      "that of %s is %ld days old", name, (long)(age / DAY_S));
	else
		doctor_report(doctor, "token", DOCTOR_OK, NULL, "that of %s is %ld days old", name,
			      (long)(age / DAY_S));
}

static void connection(struct doctor *doctor, struct json_object *item)
{
	const char *name = json_string(item, "name"), *text = json_string(item, "last_push");
	time_t last = time_parse(text), now = time(NULL);
	struct json_object *tokens = NULL;

	if (!last)
		doctor_report(doctor, "last push", DOCTOR_WARNING,
			      "look at the identity provider's provisioning log",
			      "none from %s yet", name);
	else if (now - last > SILENCE_S)
		doctor_report(doctor, "last push", DOCTOR_WARNING,
			      "look at the identity provider's provisioning log",
			      "that of %s was %ld days ago", name, (long)((now - last) / DAY_S));
	else
		doctor_report(doctor, "last push", DOCTOR_OK, NULL, "that of %s was at %s", name,
			      text);
	if (!connection_name_is_good(name))
		return; /* it would be part of a command that root is told to type */
	(void)json_object_object_get_ex(item, "tokens", &tokens);
	token_age(doctor, name, json_object_get_int(tokens) > 1);
}

static void connections(struct doctor *doctor)
{
	_cleanup_(json_putp) struct json_object *array = NULL;

	if (client_get(doctor->context, "/v1/connections", &array) != EXIT_SUCCESS)
		return;
	if (json_count(array) == 0)
		doctor_report(doctor, "connections", DOCTOR_WARNING,
			      "scimctl connection add okta", "no identity provider may push");
	for (size_t i = 0; i < json_count(array); i++)
		connection(doctor, json_object_array_get_idx(array, i));
}

static void directory(struct doctor *doctor)
{
	_cleanup_(directory_release) struct directory_view view = { 0 };
	struct directory_user user;
	int r = directory_acquire(&view);

	if (r < 0) {
		doctor_report(doctor, "directory", DOCTOR_FAILURE, "systemctl restart scimd-warden",
			      "cannot be read: %s", strerror(-r));
		return;
	}
	if (doctor->conf &&
	    doctor->conf->identity.uid_max - doctor->conf->identity.uid_min < CANARY_RANGE_MIN) {
		doctor_report(doctor, "directory", DOCTOR_WARNING, "widen [identity] uid_range",
			      "is readable, but uid_range is too small for a canary: denials "
			      "cannot be proved");
		return;
	}
	r = directory_user_by_name(&view, CANARY_NAME, strlen(CANARY_NAME), &user);
	doctor->canary = r == 0 && !(user.flags & DIRECTORY_ALLOWED);
	if (doctor->canary)
		doctor_report(doctor, "directory", DOCTOR_OK, NULL,
			      "is readable and holds the canary %s", CANARY_NAME);
	else
		doctor_report(doctor, "directory", DOCTOR_FAILURE,
			      "systemctl restart scimd-warden scimd",
			      "%s", r == 0 ? "lets the canary in, whom nobody may let in"
					   : "does not hold the canary, so denials cannot be proved");
}

void doctor_service(struct doctor *doctor)
{
	doctor->serves = status(doctor);
	directory(doctor);
	if (doctor->serves)
		connections(doctor);
}
