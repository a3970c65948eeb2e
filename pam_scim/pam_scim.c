#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "pam_scim/decision.h"
#include "pam_scim/home.h"
#include "pam_scim/person.h"
#include "pam_scim/report.h"
#include "shared/attrs.h"

#define HOST_SIZE 65 /* HOST_NAME_MAX and the terminator */
#define SENTENCE_SIZE 256
#define REASON_SIZE 512

struct options {
	bool debug;
	const char *url; /* where passwords are changed, or NULL */
};

static void options_parse(pam_handle_t *pamh, int argc, const char **argv, struct options *ret)
{
	*ret = (struct options){ 0 };
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "debug") == 0)
			ret->debug = true;
		else if (strncmp(argv[i], "url=", 4) == 0)
			ret->url = argv[i][4] ? argv[i] + 4 : NULL;
		else
			pam_syslog(pamh, LOG_ERR, "unknown argument: %s", argv[i]);
	}
}

/* The user of this call; PAM_SUCCESS or what to return. */
static int get_name(pam_handle_t *pamh, const char **ret)
{
	const char *name = NULL;
	int r = pam_get_user(pamh, &name, NULL);

	if (r != PAM_SUCCESS)
		return r;
	if (!name || !*name)
		return PAM_USER_UNKNOWN;
	*ret = name;
	return PAM_SUCCESS;
}

static const char *get_item(pam_handle_t *pamh, int item)
{
	const void *text = NULL;

	return pam_get_item(pamh, item, &text) == PAM_SUCCESS && text ? text : "";
}

static void log_denied(pam_handle_t *pamh, const struct person *person, const char *phase)
{
	char reason[REASON_SIZE], service[REASON_SIZE], uid[16] = "unknown";

	decision_quote(person_reason(person), reason, sizeof(reason));
	decision_quote(get_item(pamh, PAM_SERVICE), service, sizeof(service));
	if (person->has_uid)
		(void)snprintf(uid, sizeof(uid), "%u", person->uid);
	pam_syslog(pamh, LOG_NOTICE,
		   "scim: denied user=%s uid=%s service=%s phase=%s reason=\"%s\"",
		   person->name, uid, service, phase, reason);
}

/* For events and counters; nobody may be listening, and then that is that. */
static void report_denied(pam_handle_t *pamh, const struct person *person, const char *phase)
{
	const struct login_report report = {
		.class = person->decision == DECISION_UNKNOWN ? LOGIN_REPORT_UNKNOWN
			 : person->is_found		      ? LOGIN_REPORT_DENIED
							      : LOGIN_REPORT_GONE,
		.user = person->name,
		.service = get_item(pamh, PAM_SERVICE),
		.phase = phase,
		.host = get_item(pamh, PAM_RHOST),
		.reason = person_reason(person),
	};

	if (geteuid() == 0)
		(void)report_send(LOGIN_REPORT_SOCKET, &report);
}

/* For the time of the last login, which lastlog has of those with a terminal alone. */
static void report_opened(pam_handle_t *pamh, const struct person *person)
{
	const struct login_report report = {
		.class = LOGIN_REPORT_OPENED,
		.user = person->name,
		.service = get_item(pamh, PAM_SERVICE),
		.phase = "session",
		.host = get_item(pamh, PAM_RHOST),
		.reason = "",
	};

	if (geteuid() == 0)
		(void)report_send(LOGIN_REPORT_SOCKET, &report);
}

static void tell_denied(pam_handle_t *pamh, const struct person *person)
{
	char sentence[SENTENCE_SIZE], host[HOST_SIZE] = "";

	if (gethostname(host, sizeof(host) - 1) < 0 || !*host)
		(void)snprintf(host, sizeof(host), "this host");
	decision_sentence(person->decision, host, sentence, sizeof(sentence));
	(void)pam_error(pamh, "%s", sentence); /* a login program without ears changes nothing */
}

/* Look the person up and settle what account and session have in common. */
static int check(pam_handle_t *pamh, int flags, const struct options *options, const char *phase,
		 struct person *person)
{
	const char *name;
	int r;

	r = get_name(pamh, &name);
	if (r != PAM_SUCCESS)
		return r;
	person_look(pamh, name, person);
	switch (person->decision) {
	case DECISION_ALLOW:
		if (options->debug)
			pam_syslog(pamh, LOG_DEBUG, "scim: allowed user=%s uid=%u phase=%s", name,
				   person->uid, phase);
		return PAM_SUCCESS;
	case DECISION_IGNORE:
		if (options->debug)
			pam_syslog(pamh, LOG_DEBUG, "scim: not ours phase=%s", phase);
		return PAM_IGNORE;
	case DECISION_DENY:
	case DECISION_UNKNOWN:
		break;
	}
	log_denied(pamh, person, phase);
	report_denied(pamh, person, phase);
	if (!(flags & PAM_SILENT))
		tell_denied(pamh, person);
	return PAM_PERM_DENIED;
}

static void set_environment(pam_handle_t *pamh, const struct person *person)
{
	const char *entry = person->detail.environment;

	for (size_t i = 0; i < person->detail.env_count; i++) {
		if (!decision_env_is_safe(entry))
			pam_syslog(pamh, LOG_WARNING, "attribute %zu of %s is not set: its name "
				   "or value may not be in an environment", i + 1, person->name);
		else if (pam_putenv(pamh, entry) != PAM_SUCCESS)
			pam_syslog(pamh, LOG_ERR, "an attribute of %s is not set", person->name);
		entry = directory_string_next(entry);
	}
}

/* Without a home a person can still log in, so this is never a reason to deny. */
static void make_home(pam_handle_t *pamh, const struct person *person)
{
	const char *home = person->user.home;
	int r;

	if (geteuid() != 0)
		return;
	r = home_ensure(home, person->uid);
	if (r > 0)
		pam_syslog(pamh, LOG_INFO, "made the home %s", home);
	else if (r == -EPERM)
		pam_syslog(pamh, LOG_WARNING, "the home %s is not made: it lies outside of /home "
			   "and of the configured folder, or in one that is not root's alone", home);
	else if (r == -EIO)
		pam_syslog(pamh, LOG_WARNING, "made the home %s, but /etc/skel is not copied", home);
	else if (r < 0)
		pam_syslog(pamh, LOG_ERR, "cannot make the home %s: %s", home,
			   strerrordesc_np(-r));
}

_public_ int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	_cleanup_(person_done) struct person person = { 0 };
	struct options options;

	options_parse(pamh, argc, argv, &options);
	return check(pamh, flags, &options, "account", &person);
}

_public_ int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	_cleanup_(person_done) struct person person = { 0 };
	struct options options;
	int r;

	options_parse(pamh, argc, argv, &options);
	r = check(pamh, flags, &options, "session", &person);
	if (r != PAM_SUCCESS)
		return r;
	set_environment(pamh, &person);
	make_home(pamh, &person);
	report_opened(pamh, &person);
	return PAM_SUCCESS;
}

_public_ int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_SUCCESS;
}

static void tell_password(pam_handle_t *pamh, const char *given)
{
	_cleanup_free_ char *configured = given ? NULL : person_password_url();
	const char *url = given ? given : configured;

	if (url)
		(void)pam_error(pamh, "Your password is managed by your organization's identity "
				"provider. Change it at %s.", url);
	else
		(void)pam_error(pamh, "Your password is managed by your organization's identity "
				"provider. Change it there.");
}

/* Called twice, to ask and to do; refused at the first, and at the second too. */
_public_ int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	_cleanup_(person_done) struct person person = { 0 };
	struct options options;
	const char *name;
	int r;

	options_parse(pamh, argc, argv, &options);
	r = get_name(pamh, &name);
	if (r != PAM_SUCCESS)
		return r;
	person_look(pamh, name, &person);
	if (person.decision == DECISION_IGNORE)
		return PAM_IGNORE;
	if (options.debug)
		pam_syslog(pamh, LOG_DEBUG, "scim: refused a password for user=%s", name);
	if (!(flags & PAM_SILENT))
		tell_password(pamh, options.url);
	return PAM_PERM_DENIED;
}

/* Passwords are pam_unix's to check, from the shadow entries of libnss_scim. */
_public_ int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}

_public_ int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}
