#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "scimctl/doctor.h"
#include "shared/directory.h"
#include "shared/warden_proto.h"

#define DISK_WARNING_BYTES (512u << 20)
#define DISK_FAILURE_BYTES (64u << 20)

/* At most this mode, with its set-group-ID bit; owner and group exactly. */
static const struct wanted {
	const char *path, *owner, *group;
	mode_t mode;
	bool may_miss; /* and lies in a folder of scimd's */
} files[] = {
	{ "/etc/scimd/scimd.conf", "root", "scimd", 0640, false },
	{ "/etc/scimd/scimd.conf.d", "root", "scimd", 02750, false },
	{ "/var/lib/scimd", "root", "root", 0755, false },
	{ "/var/lib/scimd/db", "scimd", "scimd", 0700, false },
	{ "/var/lib/scimd/tls", "scimd", "scimd", 0700, false },
	{ "/var/lib/scimd/tls/key.pem", "scimd", "scimd", 0600, true },
	{ DIRECTORY_PUBLIC_DIR, "root", "root", 0755, false },
	{ DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE, "root", "root", 0644, false },
	{ DIRECTORY_PUBLIC_DIR "/" DIRECTORY_SHADOW_FILE, "root", "shadow", 0640, false },
	{ "/run/scimd", "root", "root", 0755, false },
	{ "/run/scimd/control", "scimd", "scimd-admin", 02755, false },
	{ WARDEN_SOCKET, "root", "scimd", 0660, false },
};

static bool owner_is(uid_t uid, const char *name)
{
	const struct passwd *entry = getpwnam(name);

	return entry && entry->pw_uid == uid;
}

static bool group_is(gid_t gid, const char *name)
{
	const struct group *entry = getgrnam(name);

	return entry && entry->gr_gid == gid;
}

/* What makes it as wanted; owned, NULL without memory. Where scimd may put a link to anything, root's
 * commands follow none. */
static char *file_fix(const struct wanted *wanted, const struct stat *file)
{
	const char *path = wanted->path, *owner = wanted->owner, *group = wanted->group;
	char *fix = NULL;
	int r;

	if (S_ISLNK(file->st_mode))
		r = asprintf(&fix, "rm %s; systemctl restart scimd", path);
	else if (wanted->may_miss)
		r = asprintf(&fix, "chown -h %s:%s %s; runuser -u %s -- chmod %04o %s", owner, group,
			     path, owner, wanted->mode, path);
	else
		r = asprintf(&fix, "chown %s:%s %s; chmod %04o %s", owner, group, path, wanted->mode,
			     path);
	return r < 0 ? NULL : fix;
}

/* Whether the file is as wanted; else reported. */
static bool file_is_good(struct doctor *doctor, const struct wanted *wanted)
{
	_cleanup_free_ char *fix = NULL;
	struct stat file;

	if (lstat(wanted->path, &file) < 0) {
		if (wanted->may_miss && errno == ENOENT)
			return true;
		doctor_report(doctor, "files", DOCTOR_FAILURE,
			      "systemd-tmpfiles --create; systemctl restart scimd-warden scimd",
			      "%s: %s", wanted->path, strerror(errno));
		return false;
	}
	if (!S_ISLNK(file.st_mode) && owner_is(file.st_uid, wanted->owner) &&
	    group_is(file.st_gid, wanted->group) && (file.st_mode & 07777 & ~wanted->mode) == 0 &&
	    (wanted->mode & ~file.st_mode & S_ISGID) == 0)
		return true;
	fix = file_fix(wanted, &file);
	doctor_report(doctor, "files", DOCTOR_FAILURE, fix,
		      "%s belongs to %u:%u with mode %04o, not to %s:%s with %04o", wanted->path,
		      file.st_uid, file.st_gid, file.st_mode & 07777, wanted->owner, wanted->group,
		      wanted->mode);
	return false;
}

/* Who has the webhook's secret can send its receiver events that never were. */
static bool secret_is_good(struct doctor *doctor)
{
	const char *path = doctor->conf ? doctor->conf->events.secret_file : NULL;
	_cleanup_free_ char *fix = NULL;
	struct stat file;

	if (!path)
		return true;
	if (stat(path, &file) < 0) {
		doctor_report(doctor, "files", DOCTOR_FAILURE, "see WEBHOOK in scimd.conf(5)",
			      "%s: %s", path, strerror(errno));
		return false;
	}
	if ((file.st_mode & 0027) == 0)
		return true;
	if (asprintf(&fix, "chown root:scimd %s; chmod 0640 %s", path, path) < 0)
		fix = NULL;
	doctor_report(doctor, "files", DOCTOR_FAILURE, fix,
		      "%s has the secret of the webhook and mode %04o", path,
		      file.st_mode & 07777);
	return false;
}

static void disk(struct doctor *doctor, const char *path)
{
	struct statvfs system;
	uint64_t left;

	if (statvfs(path, &system) < 0) {
		doctor_report(doctor, "disk", DOCTOR_FAILURE, NULL, "%s: %s", path,
			      strerror(errno));
		return;
	}
	left = (uint64_t)system.f_bavail * system.f_frsize;
	doctor_report(doctor, "disk",
		      left < DISK_FAILURE_BYTES	  ? DOCTOR_FAILURE
		      : left < DISK_WARNING_BYTES ? DOCTOR_WARNING
						  : DOCTOR_OK,
		      "make room: changes are refused when the disk is full", "%s has %llu MiB left",
		      path, (unsigned long long)(left >> 20));
	if (system.f_files && system.f_favail < 100)
		doctor_report(doctor, "disk", DOCTOR_FAILURE, "remove files",
			      "%s has %llu inodes left", path, (unsigned long long)system.f_favail);
}

void doctor_files(struct doctor *doctor)
{
	bool good = true;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		good &= file_is_good(doctor, &files[i]);
	good &= secret_is_good(doctor);
	if (good)
		doctor_report(doctor, "files", DOCTOR_OK, NULL,
			      "owners and modes of %zu files and folders are right",
			      ARRAY_SIZE(files));
	disk(doctor, "/var/lib/scimd");
}
