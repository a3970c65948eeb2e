#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "scimctl/doctor.h"
#include "shared/canary.h"

#define KEYS_COMMAND "/usr/libexec/scim-authorized-keys"
#define SSHD "/usr/sbin/sshd"
#define SETTINGS SSHD " -T -C user=" CANARY_NAME " -C host=localhost -C addr=127.0.0.1 2>/dev/null"

#define KEYS_DEFAULT ".ssh/authorized_keys .ssh/authorized_keys2"

/* A path of AuthorizedKeysFile for this account (TOKENS in sshd_config(5)); owned, NULL without memory. */
static char *keys_path(const char *pattern, size_t size, const struct passwd *entry)
{
	char *path = NULL;
	size_t path_size;
	FILE *out = open_memstream(&path, &path_size);

	if (!out)
		return NULL;
	if (*pattern != '/' && strncmp(pattern, "%h", 2) != 0)
		fprintf(out, "%s/", entry->pw_dir);
	for (size_t i = 0; i < size; i++) {
		if (pattern[i] != '%' || i + 1 == size) {
			fputc(pattern[i], out);
			continue;
		}
		switch (pattern[++i]) {
		case 'h':
			fputs(entry->pw_dir, out);
			break;
		case 'u':
			fputs(entry->pw_name, out);
			break;
		case 'U':
			fprintf(out, "%u", entry->pw_uid);
			break;
		default:
			fputc(pattern[i], out);
		}
	}
	if (fclose(out) == 0)
		return path;
	free(path);
	return NULL;
}

static bool has_own_keys(const char *patterns, const struct passwd *entry)
{
	bool has = false;
	size_t size;

	for (; *patterns && !has; patterns += size) {
		_cleanup_free_ char *path = NULL;

		patterns += strspn(patterns, " \t");
		size = strcspn(patterns, " \t");
		path = size ? keys_path(patterns, size, entry) : NULL;
		has = path && access(path, F_OK) == 0;
	}
	return has;
}

/* How many who may not be here have keys of their own, which sshd takes before it asks PAM. */
static size_t own_keys(struct doctor *doctor, const char *settings)
{
	_cleanup_free_ char *set = doctor_line(settings, "authorizedkeysfile");
	_cleanup_(json_putp) struct json_object *users = NULL;
	size_t count = 0;

	if (!doctor->serves || client_get(doctor->context, "/v1/users", &users) != EXIT_SUCCESS)
		return 0;
	for (size_t i = 0; i < json_count(users); i++) {
		struct json_object *user = json_object_array_get_idx(users, i);
		const struct passwd *entry;

		if (strcmp(json_string(user, "status"), "active") == 0)
			continue;
		entry = getpwnam(json_string(user, "name"));
		count += entry && has_own_keys(set ? set : KEYS_DEFAULT, entry);
	}
	return count;
}

static void use_pam(struct doctor *doctor, const char *settings)
{
	_cleanup_free_ char *value = doctor_line(settings, "usepam");

	if (value && strcmp(value, "yes") == 0)
		doctor_report(doctor, "sshd", DOCTOR_OK, NULL,
			      "UsePAM is yes; it keeps out %zu who have keys of their own and may "
			      "not be here", own_keys(doctor, settings));
	else
		doctor_report(doctor, "sshd", DOCTOR_FAILURE,
			      "set UsePAM yes in /etc/ssh/sshd_config; systemctl reload ssh",
			      "UsePAM is %s: keys of their own let deactivated people in",
			      value ? value : "not known");
}

static void keys_command(struct doctor *doctor, const char *settings)
{
	_cleanup_free_ char *value = doctor_line(settings, "authorizedkeyscommand");
	_cleanup_free_ char *user = doctor_line(settings, "authorizedkeyscommanduser");

	if (!value || strncmp(value, KEYS_COMMAND " ", strlen(KEYS_COMMAND " ")) != 0)
		doctor_report(doctor, "sshd", DOCTOR_WARNING, "scimctl enable ssh",
			      "AuthorizedKeysCommand is %s: SSH keys from the identity provider are "
			      "not used", value ? value : "not set");
	else if (user && strcmp(user, "root") == 0)
		doctor_report(doctor, "sshd", DOCTOR_WARNING,
			      "set AuthorizedKeysCommandUser nobody",
			      "AuthorizedKeysCommand runs as root");
	else
		doctor_report(doctor, "sshd", DOCTOR_OK, NULL, "AuthorizedKeysCommand is %s",
			      value);
}

/* The command itself, asked for the keys of somebody who may not be here. */
static void keys_of_canary(struct doctor *doctor)
{
	_cleanup_free_ char *text = NULL;
	int r = doctor_run(KEYS_COMMAND " " CANARY_NAME " 2>/dev/null", &text);

	if (r == 0 && !*text)
		doctor_report(doctor, "sshd", DOCTOR_OK, NULL, "no keys are handed out for the canary");
	else
		doctor_report(doctor, "sshd", DOCTOR_FAILURE, "systemctl restart scimd-warden scimd",
			      r == 0 ? "keys are handed out for the canary"
				     : KEYS_COMMAND " ends with %d", r);
}

void doctor_sshd(struct doctor *doctor)
{
	_cleanup_free_ char *settings = NULL;
	int r;

	if (access(SSHD, X_OK) < 0) {
		doctor_report(doctor, "sshd", DOCTOR_OK, NULL, "is not installed");
		return;
	}
	r = doctor_run(SETTINGS, &settings);
	if (r != 0) {
		doctor_report(doctor, "sshd", DOCTOR_FAILURE, SSHD " -t",
			      "does not tell its settings (" SSHD " -T ends with %d)", r);
		return;
	}
	use_pam(doctor, settings);
	keys_command(doctor, settings);
	keys_of_canary(doctor);
}
