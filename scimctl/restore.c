/* scimctl restore - put a backup in place. All of it is checked first and made beside what is there; then
 * folders change places, and what was there stays under another name. */
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "scimctl/backup.h"
#include "scimctl/doctor.h"
#include "scimctl/folder.h"
#include "scimctl/scimctl.h"
#include "shared/backup.h"
#include "shared/conf.h"
#include "shared/directory.h"
#include "shared/warden_proto.h"

#define DB BACKUP_STATE_DIR "/db"
#define TLS BACKUP_STATE_DIR "/tls"
#define CONF_DIR "/etc/scimd"
#define STAMP_SIZE 32
#define LINE_SIZE 512

struct restore {
	const char *path; /* as given */
	int fd;
	struct json_object *manifest; /* owned */
	uid_t uid; /* scimd's */
	gid_t gid;
	char stamp[STAMP_SIZE];
	char **files; /* paths in it, checked; owned */
	size_t file_count;
};

static void restore_done(struct restore *restore)
{
	closep(&restore->fd);
	json_putp(&restore->manifest);
	for (size_t i = 0; i < restore->file_count; i++)
		free(restore->files[i]);
	free(restore->files);
}

/* --- what it is ----------------------------------------------------------------------------------- */

/* "part/name" or "name", both plain. */
static bool path_is_plain(char *path)
{
	char *slash = strchr(path, '/');
	bool plain;

	if (!slash)
		return backup_name_is_plain(path);
	*slash = '\0';
	plain = backup_name_is_plain(path);
	*slash = '/';
	return plain && backup_name_is_plain(slash + 1);
}

static int file_note(struct restore *restore, const char *path)
{
	void *larger = reallocarray(restore->files, restore->file_count + 1,
				    sizeof(*restore->files));
	char *copy = strdup(path);

	if (larger)
		restore->files = larger;
	if (!larger || !copy) {
		free(copy);
		return complain("out of memory");
	}
	restore->files[restore->file_count++] = copy;
	return EXIT_SUCCESS;
}

/* "SUM  PATH": the file is there and has that sum. */
static int line_check(struct restore *restore, char *line)
{
	char sum[FOLDER_SUM_SIZE];
	char *path = line + FOLDER_SUM_SIZE + 1;
	int r;

	line[strcspn(line, "\n")] = '\0';
	if (strlen(line) <= FOLDER_SUM_SIZE + 1 || strncmp(line + FOLDER_SUM_SIZE - 1, "  ", 2) != 0 ||
	    !path_is_plain(path))
		return complain("%s/" BACKUP_SUMS ": no line of a backup: %s", restore->path, line);
	r = folder_sum(restore->fd, path, sum);
	if (r < 0)
		return complain("%s/%s: %s", restore->path, path, strerror(-r));
	if (strncmp(sum, line, FOLDER_SUM_SIZE - 1) != 0)
		return complain("%s/%s: damaged: its sum is not the one in " BACKUP_SUMS,
				restore->path, path);
	return file_note(restore, path);
}

static bool has_file(const struct restore *restore, const char *path)
{
	for (size_t i = 0; i < restore->file_count; i++)
		if (strcmp(restore->files[i], path) == 0)
			return true;
	return false;
}

static int sums_check(struct restore *restore)
{
	int fd = folder_file(restore->fd, BACKUP_SUMS, (uid_t)-1);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[LINE_SIZE];
	int code = EXIT_SUCCESS;

	if (!file)
		return complain("%s: no backup: %s: %s", restore->path, BACKUP_SUMS,
				strerror(fd < 0 ? -fd : errno));
	while (code == EXIT_SUCCESS && fgets(line, sizeof(line), file))
		code = line_check(restore, line);
	fclose(file);
	if (code == EXIT_SUCCESS &&
	    (!has_file(restore, "manifest.json") || !has_file(restore, "store/meta.db")))
		return complain("%s: not a whole backup", restore->path);
	return code;
}

static int manifest_check(struct restore *restore)
{
	_cleanup_close_ int fd = folder_file(restore->fd, "manifest.json", (uid_t)-1);

	restore->manifest = fd < 0 ? NULL : json_object_from_fd(fd);
	if (!json_object_is_type(restore->manifest, json_type_object))
		return complain("%s/manifest.json: cannot be read", restore->path);
	if (json_number(restore->manifest, "format") != BACKUP_FORMAT ||
	    json_number(restore->manifest, "store_format") != STORE_FORMAT)
		return complain("%s was made by scimd %s, whose backups this version (%s) cannot "
				"restore: install that version",
				restore->path, json_string(restore->manifest, "version"),
				SCIMD_VERSION);
	return EXIT_SUCCESS;
}

/* --- making it beside ------------------------------------------------------------------------------ */

struct place {
	const char *folder; /* where it goes */
	const char *part;   /* in the backup */
	mode_t mode, file_mode;
	bool root_owns;
};

/* PATH.WHAT-STAMP; owned, NULL without memory. */
static char *beside(const struct restore *restore, const char *path, const char *what)
{
	char *text;

	return asprintf(&text, "%s.%s-%s", path, what, restore->stamp) < 0 ? NULL : text;
}

static int file_copy(int from, int to, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	_cleanup_close_ int file = folder_file(from, name, (uid_t)-1);
	char sum[FOLDER_SUM_SIZE];

	return file < 0 ? file : folder_copy(file, to, name, mode, uid, gid, sum);
}

static int part_copy(const struct restore *restore, const struct place *place, int to)
{
	size_t size = strlen(place->part);
	_cleanup_close_ int from = folder_open(restore->fd, place->part);

	if (from < 0)
		return complain("%s/%s: %s", restore->path, place->part, strerror(-from));
	for (size_t i = 0; i < restore->file_count; i++) {
		const char *file = restore->files[i], *name = file + size + 1;
		int r;

		if (strncmp(file, place->part, size) != 0 || file[size] != '/')
			continue;
		r = file_copy(from, to, name, place->file_mode, place->root_owns ? 0 : restore->uid,
			      restore->gid);
		if (r < 0)
			return complain("%s/%s: %s", place->folder, name, strerror(-r));
	}
	return EXIT_SUCCESS;
}

/* The new folder under `path`. */
static int place_make(const struct restore *restore, const struct place *place, const char *path)
{
	_cleanup_close_ int fd = -1;
	int code;

	if (mkdir(path, 0700) < 0)
		return complain("%s: %s", path, strerror(errno));
	fd = folder_open(AT_FDCWD, path);
	if (fd < 0)
		return complain("%s: %s", path, strerror(-fd));
	code = part_copy(restore, place, fd);
	if (code != EXIT_SUCCESS)
		return code;
	if (fchown(fd, place->root_owns ? 0 : restore->uid, restore->gid) < 0 ||
	    fchmod(fd, place->mode) < 0 || fsync(fd) < 0)
		return complain("%s: %s", path, strerror(errno));
	return EXIT_SUCCESS;
}

/* The new folder takes the place in one step; what was there gets another name. */
static int place_exchange(const struct restore *restore, const char *folder, const char *new)
{
	_cleanup_free_ char *before = beside(restore, folder, "before");
	bool was_there = renameat2(AT_FDCWD, new, AT_FDCWD, folder, RENAME_EXCHANGE) == 0;

	if (!before)
		return complain("out of memory");
	if (!was_there && (errno != ENOENT || rename(new, folder) < 0))
		return complain("%s: %s", folder, strerror(errno));
	if (was_there && rename(new, before) < 0)
		return complain("%s: %s", before, strerror(errno));
	return EXIT_SUCCESS;
}

static int place_fill(const struct restore *restore, const struct place *place)
{
	_cleanup_free_ char *new = beside(restore, place->folder, "new");
	int code;

	if (!new)
		return complain("out of memory");
	code = place_make(restore, place, new);
	if (code == EXIT_SUCCESS)
		code = place_exchange(restore, place->folder, new);
	if (code != EXIT_SUCCESS)
		folder_remove(AT_FDCWD, new);
	return code;
}

/* --- the configuration ----------------------------------------------------------------------------- */

/* A host that has a connection has a configuration of its own. */
static bool is_configured(void)
{
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	_cleanup_(conf_freep) struct conf *conf = NULL;

	return conf_load(CONF_FILE, CONF_DROPIN_DIR, &conf, &problems) < 0 ||
	       conf->connection_count > 0;
}

static int configuration_fill(const struct restore *restore)
{
	const struct place tls = { TLS, "tls", 0700, 0600, false };
	const struct place dropins = { CONF_DROPIN_DIR, "conf.d", 02750, 0640, true };
	_cleanup_close_ int from = folder_open(restore->fd, "conf"), to = folder_open(AT_FDCWD, CONF_DIR);
	_cleanup_free_ char *before = beside(restore, CONF_FILE, "before");
	int code = place_fill(restore, &dropins), r;

	if (code != EXIT_SUCCESS || !before)
		return code != EXIT_SUCCESS ? code : complain("out of memory");
	if (from < 0 || to < 0 || (rename(CONF_FILE, before) < 0 && errno != ENOENT))
		return complain(CONF_DIR ": %s", strerror(errno));
	r = file_copy(from, to, "scimd.conf", 0640, 0, restore->gid);
	if (r < 0) {
		(void)rename(before, CONF_FILE);
		return complain(CONF_FILE ": %s", strerror(-r));
	}
	return has_file(restore, "tls/key.pem") ? place_fill(restore, &tls) : EXIT_SUCCESS;
}

/* --- scimd ------------------------------------------------------------------------------------------ */

static bool has_systemd(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

static bool systemctl(const char *command)
{
	_cleanup_free_ char *text = NULL;

	return doctor_run(command, &text) == 0;
}

/* Nobody may have the store open. Held in *ret_lock; -1 if there is no store. */
static int scimd_stop(int *ret_lock)
{
	if (has_systemd() && !systemctl("systemctl stop scimd"))
		return complain("systemctl stop scimd: failed");
	*ret_lock = open(DB "/lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_lock < 0)
		return errno == ENOENT ? EXIT_SUCCESS : complain(DB "/lock: %s", strerror(errno));
	if (flock(*ret_lock, LOCK_EX | LOCK_NB) < 0)
		return complain("scimd runs, not as a service: stop it first");
	return EXIT_SUCCESS;
}

/* The warden lets nobody have the uid of somebody deleted again, whoever asks; only root may say that
 * the store is of a day when they were not. */
static int warden_tell(void)
{
	_cleanup_close_ int fd = open(DIRECTORY_PUBLIC_DIR "/" WARDEN_RESTORED_FILE,
				      O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 || errno == ENOENT ? EXIT_SUCCESS
					  : complain(DIRECTORY_PUBLIC_DIR "/" WARDEN_RESTORED_FILE
								  ": %s", strerror(errno));
}

static int scimd_start(const struct context *context, const struct restore *restore)
{
	if (!has_systemd()) {
		printf("systemd does not run: start scimd yourself\n");
		return EXIT_SUCCESS;
	}
	if (!systemctl("systemctl reset-failed scimd 2>/dev/null; systemctl start scimd"))
		return complain("scimd does not start with it: see journalctl -u scimd. What was "
				"there before is " DB ".before-%s", restore->stamp);
	if (!context->quiet)
		print_line("Restored as of %s. scimctl status counts who has to be confirmed "
			   "(unconfirmed); what was there before is " DB ".before-%s.",
			   json_string(restore->manifest, "time"), restore->stamp);
	return EXIT_SUCCESS;
}

/* --- all of it -------------------------------------------------------------------------------------- */

static int restore_begin(struct restore *restore, const char *path)
{
	const struct passwd *scimd = getpwnam("scimd");
	time_t now = time(NULL);
	struct tm tm;

	restore->path = path;
	if (!scimd)
		return complain("there is no user scimd: install the package first");
	restore->uid = scimd->pw_uid;
	restore->gid = scimd->pw_gid;
	if (!gmtime_r(&now, &tm) ||
	    strftime(restore->stamp, sizeof(restore->stamp), "%Y%m%dT%H%M%SZ", &tm) == 0)
		return complain("the clock cannot be read");
	restore->fd = folder_open(AT_FDCWD, path);
	return restore->fd < 0 ? complain("%s: %s", path, strerror(-restore->fd)) : EXIT_SUCCESS;
}

static int restore_run(const struct context *context, const struct restore *restore)
{
	const struct place db = { DB, "store", 0700, 0600, false };
	bool configured = is_configured();
	int code = warden_tell();

	if (code == EXIT_SUCCESS)
		code = place_fill(restore, &db);
	if (code == EXIT_SUCCESS && !configured)
		code = configuration_fill(restore);
	if (code == EXIT_SUCCESS && configured && !context->quiet)
		printf("This host has connections already: its configuration and certificate stay. "
		       "The backup's are in %s.\n", restore->path);
	return code;
}

int backup_restore(const struct context *context, char **operands)
{
	_cleanup_(restore_done) struct restore restore = { .fd = -1 };
	_cleanup_close_ int lock = -1, store_lock = -1;
	int code;

	code = backup_enter(&lock);
	if (code == EXIT_SUCCESS)
		code = restore_begin(&restore, operands[0]);
	if (code == EXIT_SUCCESS)
		code = sums_check(&restore);
	if (code == EXIT_SUCCESS)
		code = manifest_check(&restore);
	if (code == EXIT_SUCCESS)
		code = scimd_stop(&store_lock);
	if (code != EXIT_SUCCESS)
		return code;
	code = restore_run(context, &restore);
	closep(&store_lock);
	store_lock = -1;
	if (code != EXIT_SUCCESS && has_systemd())
		(void)systemctl("systemctl start scimd"); /* with what there is */
	return code == EXIT_SUCCESS ? scimd_start(context, &restore) : code;
}
