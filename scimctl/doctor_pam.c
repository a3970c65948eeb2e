/* Each PAM service is asked, through the real libpam and in a process of its own, to let the canary
 * in. Only the account stack runs: it opens no session and changes nothing. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <security/pam_appl.h>

#include "scimctl/doctor.h"
#include "shared/canary.h"

#define PAM_DIR "/etc/pam.d"
#define PATIENCE_S 10u
#define SENTENCE "Your account on " /* how pam_scim's denial begins */

/* What a service said, as an exit code of the process that asked. */
enum verdict { VERDICT_DENIED, VERDICT_DENIED_BY_OTHERS, VERDICT_ALLOWED, VERDICT_BROKEN };

/* Takes every message; *data becomes true at pam_scim's. */
static int converse(int count, const struct pam_message **messages, struct pam_response **ret,
		    void *data)
{
	bool *said = data;
	struct pam_response *answers = calloc((size_t)count, sizeof(*answers));

	if (!answers)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		*said |= messages[i]->msg && strstr(messages[i]->msg, SENTENCE);
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
		    messages[i]->msg_style == PAM_PROMPT_ECHO_ON) {
			free(answers);
			return PAM_CONV_ERR;
		}
	}
	*ret = answers;
	return PAM_SUCCESS;
}

static enum verdict ask(const char *service, const char *user)
{
	bool said = false;
	struct pam_conv conversation = { .conv = converse, .appdata_ptr = &said };
	pam_handle_t *handle = NULL;
	int r = pam_start(service, user, &conversation, &handle);

	if (r != PAM_SUCCESS)
		return VERDICT_BROKEN;
	r = pam_acct_mgmt(handle, 0);
	(void)pam_end(handle, r);
	if (r == PAM_SUCCESS)
		return VERDICT_ALLOWED;
	if (r == PAM_ABORT || r == PAM_SERVICE_ERR || r == PAM_SYSTEM_ERR || r == PAM_BUF_ERR)
		return VERDICT_BROKEN;
	return said ? VERDICT_DENIED : VERDICT_DENIED_BY_OTHERS;
}

/* Modules are other people's code: they may hang, crash or leave things behind. */
static enum verdict ask_apart(const char *service, const char *user)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return VERDICT_BROKEN;
	if (pid == 0) {
		(void)signal(SIGALRM, SIG_DFL);
		(void)alarm(PATIENCE_S);
		_exit((int)ask(service, user));
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return VERDICT_BROKEN;
	return WIFEXITED(status) && WEXITSTATUS(status) <= VERDICT_BROKEN
		       ? (enum verdict)WEXITSTATUS(status)
		       : VERDICT_BROKEN;
}

bool doctor_pam_admits(const char *service, const char *user)
{
	return ask_apart(service, user) == VERDICT_ALLOWED;
}

static int service_wanted(const struct dirent *entry)
{
	const char *name = entry->d_name;

	/* Files that others include are no services; libpam itself wants small letters. */
	return name[0] != '.' && strncmp(name, "common-", 7) != 0 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(name);
}

static void service_report(struct doctor *doctor, const char *service, enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_DENIED:
		doctor_report(doctor, "pam", DOCTOR_OK, NULL, "%s denies the canary", service);
		break;
	case VERDICT_DENIED_BY_OTHERS:
		doctor_report(doctor, "pam", DOCTOR_WARNING, "scimctl enable pam",
			      "%s denies the canary, but not by pam_scim", service);
		break;
	case VERDICT_ALLOWED:
		doctor_report(doctor, "pam", DOCTOR_FAILURE, "scimctl enable pam",
			      "%s lets the canary in: deactivated people get in there", service);
		break;
	case VERDICT_BROKEN:
		doctor_report(doctor, "pam", DOCTOR_WARNING,
			      "look at its file in " PAM_DIR,
			      "%s cannot be asked: its account stack fails or does not end",
			      service);
		break;
	}
}

void doctor_pam(struct doctor *doctor)
{
	struct dirent **entries = NULL;
	int count;

	if (!doctor->canary) {
		doctor_report(doctor, "pam", DOCTOR_FAILURE, "systemctl restart scimd-warden scimd",
			      "cannot be proved without the canary");
		return;
	}
	count = scandir(PAM_DIR, &entries, service_wanted, alphasort);
	if (count <= 0)
		doctor_report(doctor, "pam", DOCTOR_FAILURE, NULL, "no services in " PAM_DIR);
	for (int i = 0; i < count; i++) {
		service_report(doctor, entries[i]->d_name,
			       ask_apart(entries[i]->d_name, CANARY_NAME));
		free(entries[i]);
	}
	free(entries);
}
