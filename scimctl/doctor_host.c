#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <time.h>

#include "scimctl/doctor.h"
#include "shared/canary.h"
#include "shared/directory.h"

#define NSSWITCH "/etc/nsswitch.conf"
#define EARLIEST_S 1700000000 /* the clock of a host that knows the time is later */
#define TEXT_MAX 65536u

static char *file_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, TEXT_MAX + 1);
	size_t size = file && text ? fread(text, 1, TEXT_MAX, file) : 0;

	if (file)
		fclose(file);
	if (!file || !text) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

/* Where a service stands in a line's value, -1 if it does not. */
static int service_place(const char *value, const char *service)
{
	size_t len = strlen(service);
	int place = 0;

	for (; *value && *value != '#'; value += strcspn(value, " \t")) {
		value += strspn(value, " \t");
		if (strncmp(value, service, len) == 0 &&
		    (value[len] == '\0' || strchr(" \t#", value[len])))
			return place;
		place++;
	}
	return -1;
}

static void nsswitch_database(struct doctor *doctor, const char *text, const char *database)
{
	_cleanup_free_ char *key = NULL, *value = NULL;
	int local, ours;

	if (asprintf(&key, "%s:", database) < 0)
		return;
	value = doctor_line(text, key);
	if (!value) {
		doctor_report(doctor, "nsswitch", DOCTOR_FAILURE, "scimctl enable nss",
			      "%s has no line %s", NSSWITCH, key);
		return;
	}
	local = service_place(value, "files");
	if (local < 0)
		local = service_place(value, "compat");
	ours = service_place(value, "scim");
	if (ours < 0)
		doctor_report(doctor, "nsswitch", DOCTOR_FAILURE, "scimctl enable nss",
			      "%s does not ask scim: \"%s\"", database, value);
	else if (local < 0 || local > ours)
		doctor_report(doctor, "nsswitch", DOCTOR_FAILURE,
			      "put files before scim in " NSSWITCH,
			      "%s asks scim before local files: \"%s\"", database, value);
	else if (strcmp(database, "group") == 0 && !strstr(value, "[SUCCESS=merge]"))
		doctor_report(doctor, "nsswitch", DOCTOR_WARNING,
			      "group: files [SUCCESS=merge] systemd [SUCCESS=merge] scim",
			      "group does not merge, so local groups do not show their members from "
			      "roles: \"%s\"", value);
	else
		doctor_report(doctor, "nsswitch", DOCTOR_OK, NULL, "%s: %s", database, value);
}

static void nsswitch(struct doctor *doctor)
{
	static const char *const databases[] = { "passwd", "group", "shadow" };
	_cleanup_free_ char *text = file_text(NSSWITCH);
	const struct passwd *canary;

	if (!text) {
		doctor_report(doctor, "nsswitch", DOCTOR_FAILURE, "scimctl enable nss",
			      NSSWITCH " cannot be read");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(databases); i++)
		nsswitch_database(doctor, text, databases[i]);
	if (!doctor->canary)
		return;
	canary = getpwnam(CANARY_NAME);
	if (!canary)
		doctor_report(doctor, "lookups", DOCTOR_FAILURE, "scimctl enable nss",
			      "this host's lookups do not find the canary");
	else if (strcmp(canary->pw_shell, DIRECTORY_NOLOGIN) != 0)
		doctor_report(doctor, "lookups", DOCTOR_FAILURE,
			      "look for a local account " CANARY_NAME " or a cache",
			      "the canary has the shell %s", canary->pw_shell);
	else
		doctor_report(doctor, "lookups", DOCTOR_OK, NULL,
			      "the canary is found and has no shell");
}

static bool somebody_listens(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool nscd_keeps(const char *text, const char *database)
{
	size_t len = strlen("enable-cache");

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *word;

		line += strspn(line, " \t\n");
		if (strncmp(line, "enable-cache", len) != 0)
			continue;
		word = line + len + strspn(line + len, " \t");
		if (strncmp(word, database, strlen(database)) != 0)
			continue;
		word += strlen(database);
		return strncmp(word + strspn(word, " \t"), "no", 2) != 0;
	}
	return true;
}

static void nscd(struct doctor *doctor)
{
	_cleanup_free_ char *text = NULL;

	if (!somebody_listens("/var/run/nscd/socket")) {
		doctor_report(doctor, "cache", DOCTOR_OK, NULL, "nscd does not run");
		return;
	}
	text = file_text("/etc/nscd.conf");
	if (text && !nscd_keeps(text, "passwd") && !nscd_keeps(text, "group"))
		doctor_report(doctor, "cache", DOCTOR_OK, NULL,
			      "nscd runs and keeps neither passwd nor group");
	else
		doctor_report(doctor, "cache", DOCTOR_FAILURE, "systemctl disable --now nscd",
			      "nscd keeps answers, so lookups show people as they were minutes ago");
}

static void clock_check(struct doctor *doctor)
{
	struct timex timex = { 0 };
	int state = adjtimex(&timex);

	if (time(NULL) < EARLIEST_S)
		doctor_report(doctor, "clock", DOCTOR_FAILURE, "timedatectl set-ntp true",
			      "the host's time lies in the past: TLS and receipts are wrong");
	else if (state < 0 || state == TIME_ERROR || (timex.status & STA_UNSYNC))
		doctor_report(doctor, "clock", DOCTOR_WARNING, "timedatectl set-ntp true",
			      "is not synchronized: times in receipts may be wrong");
	else
		doctor_report(doctor, "clock", DOCTOR_OK, NULL, "is synchronized, within %ld ms",
			      timex.maxerror / 1000);
}

void doctor_host(struct doctor *doctor)
{
	nsswitch(doctor);
	nscd(doctor);
	clock_check(doctor);
}
