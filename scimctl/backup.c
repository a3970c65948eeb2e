/* scimctl backup - a folder with all that scimd knows: a hot copy of the store, which scimd makes; the
 * configuration; the certificate that scimd made for itself; who has which number, as text; what it is;
 * and the sum of each file. It is complete when it has its name. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "scimctl/backup.h"
#include "scimctl/folder.h"
#include "scimctl/scimctl.h"
#include "shared/conf.h"

#define LOCK_FILE "/run/scimd/backup.lock"
#define HOST_SIZE 65

struct source {
	const char *path, *part; /* in the backup */
	uid_t owner; /* of each file, so that scimd hands out nothing but its own; -1: anybody */
	bool (*is_wanted)(const char *name);
};

struct backup {
	const struct context *context;
	uid_t scimd; /* whose process answers, and whose its files are */
	char *partial;	/* the folder's path until it is complete, owned */
	int fd;		/* of it */
	FILE *sums;
	char *sums_text; /* owned; behind sums */
	size_t sums_size;
	struct json_object *store; /* scimd's answer, owned */
};

static void backup_done(struct backup *backup)
{
	if (backup->partial && *backup->partial)
		folder_remove(AT_FDCWD, backup->partial);
	free(backup->partial);
	closep(&backup->fd);
	if (backup->sums)
		fclose(backup->sums);
	free(backup->sums_text);
	json_putp(&backup->store);
}

static int complain_at(const char *what, const char *name, int r)
{
	return complain("%s/%s: %s", what, name, strerror(-r));
}

/* A folder below the backup's, opened; -1 when that was told. */
static int part_open(struct backup *backup, const char *part)
{
	int fd;

	if (mkdirat(backup->fd, part, 0700) < 0) {
		complain_at(backup->partial, part, -errno);
		return -1;
	}
	fd = folder_open(backup->fd, part);
	if (fd < 0)
		complain_at(backup->partial, part, fd);
	return fd < 0 ? -1 : fd;
}

static int file_add(struct backup *backup, int from, int to, const struct source *source,
		    const char *name)
{
	_cleanup_close_ int file = folder_file(from, name, source->owner);
	const char *part = source->part;
	char sum[FOLDER_SUM_SIZE];
	int r = file < 0 ? file : folder_copy(file, to, name, 0600, (uid_t)-1, (gid_t)-1, sum);

	if (r < 0)
		return complain_at(part, name, r);
	fprintf(backup->sums, "%s  %s/%s\n", sum, part, name);
	return EXIT_SUCCESS;
}

static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);

	return size > end_size && strcmp(text + size - end_size, end) == 0;
}

static bool is_store(const char *name)
{
	return ends_with(name, ".db") || strncmp(name, "log.", 4) == 0;
}

static bool is_main(const char *name)
{
	return strcmp(name, "scimd.conf") == 0;
}

static bool is_dropin(const char *name)
{
	return name[0] != '.' && ends_with(name, ".conf");
}

static bool is_pem(const char *name)
{
	return ends_with(name, ".pem");
}

static int files_copy(struct backup *backup, DIR *dir, int to, const struct source *source)
{
	const struct dirent *entry;
	int code = EXIT_SUCCESS;

	while (code == EXIT_SUCCESS && (entry = readdir(dir))) {
		if (!source->is_wanted(entry->d_name))
			continue;
		if (!backup_name_is_plain(entry->d_name))
			return complain("a file in %s has a name that is not of letters, digits, "
					"and . _ - alone", source->part);
		code = file_add(backup, dirfd(dir), to, source, entry->d_name);
	}
	return code == EXIT_SUCCESS && fsync(to) < 0
		       ? complain_at(backup->partial, source->part, -errno)
		       : code;
}

/* The wanted files of a folder, which need not be there. */
static int files_add(struct backup *backup, const struct source *source)
{
	_cleanup_close_ int to = part_open(backup, source->part);
	DIR *dir;
	int code;

	if (to < 0)
		return EXIT_FAILURE;
	dir = opendir(source->path);
	if (!dir)
		return errno == ENOENT ? EXIT_SUCCESS
				       : complain("%s: %s", source->path, strerror(errno));
	code = files_copy(backup, dir, to, source);
	closedir(dir);
	return code;
}

static int store_add(struct backup *backup)
{
	_cleanup_(json_putp) struct json_object *dropped = NULL;
	int code = client_post(backup->context, "/v1/backup", &backup->store), dropping;

	if (code != EXIT_SUCCESS)
		return code;
	if (!json_object_is_type(backup->store, json_type_object))
		return complain("scimd's answer is not what was asked for");
	code = files_add(backup, &(struct source){ json_string(backup->store, "path"), "store",
						   backup->scimd, is_store });
	if (code == EXIT_SUCCESS && faccessat(backup->fd, "store/meta.db", F_OK, 0) < 0)
		code = complain("scimd's copy of the store is not there, or not whole");
	dropping = client_post(backup->context, "/v1/backup/drop", &dropped);
	return code == EXIT_SUCCESS ? dropping : code;
}

static int configuration_add(struct backup *backup)
{
	_cleanup_free_ char *dropins = NULL;
	int code;

	if (asprintf(&dropins, "%s/scimd.conf.d", backup->context->directory) < 0) {
		dropins = NULL; /* undefined after a failure */
		return complain("out of memory");
	}
	code = files_add(backup, &(struct source){ backup->context->directory, "conf", (uid_t)-1,
						   is_main });
	if (code == EXIT_SUCCESS)
		code = files_add(backup, &(struct source){ dropins, "conf.d", (uid_t)-1,
							   is_dropin });
	if (code == EXIT_SUCCESS)
		code = files_add(backup, &(struct source){ BACKUP_STATE_DIR "/tls", "tls",
							   backup->scimd, is_pem });
	return code;
}

static int text_add(struct backup *backup, const char *name, const char *text)
{
	char sum[FOLDER_SUM_SIZE];
	int r = folder_write(backup->fd, name, text, 0600, sum);

	if (r < 0)
		return complain_at(backup->partial, name, r);
	fprintf(backup->sums, "%s  %s\n", sum, name);
	return EXIT_SUCCESS;
}

static int ids_add(struct backup *backup)
{
	_cleanup_(json_putp) struct json_object *ids = NULL;
	int code = client_get(backup->context, "/v1/ids", &ids);

	return code == EXIT_SUCCESS
		       ? text_add(backup, "ids.json",
				  json_object_to_json_string_ext(ids, JSON_C_TO_STRING_PRETTY))
		       : code;
}

static int manifest_add(struct backup *backup)
{
	struct json_object *manifest = backup->store;
	char host[HOST_SIZE] = "";

	(void)gethostname(host, sizeof(host) - 1);
	json_object_object_del(manifest, "path"); /* of no use to anybody now */
	if (json_object_object_add(manifest, "format", json_object_new_int(BACKUP_FORMAT)) < 0 ||
	    json_object_object_add(manifest, "version", json_object_new_string(SCIMD_VERSION)) < 0 ||
	    json_object_object_add(manifest, "host", json_object_new_string(host)) < 0)
		return complain("out of memory");
	return text_add(backup, "manifest.json",
			json_object_to_json_string_ext(manifest, JSON_C_TO_STRING_PRETTY));
}

/* The sums last, then the name. */
static int backup_finish(struct backup *backup, const char *path)
{
	char sum[FOLDER_SUM_SIZE];
	int r;

	if (fflush(backup->sums) != 0)
		return complain("out of memory");
	r = folder_write(backup->fd, BACKUP_SUMS, backup->sums_text, 0600, sum);
	if (r < 0)
		return complain_at(backup->partial, BACKUP_SUMS, r);
	if (fsync(backup->fd) < 0 ||
	    renameat2(AT_FDCWD, backup->partial, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		return complain("%s: %s", path, strerror(errno));
	*backup->partial = '\0'; /* nothing is to be removed any more */
	return EXIT_SUCCESS;
}

static int backup_begin(struct backup *backup, const char *path)
{
	const char *socket = backup->context->socket;
	struct stat there;

	if (lstat(path, &there) == 0)
		return complain("%s: is there already; each backup gets a folder of its own", path);
	if (lstat(socket, &there) < 0)
		return complain("%s: %s", socket, strerror(errno));
	backup->scimd = there.st_uid;
	if (asprintf(&backup->partial, "%s.partial", path) < 0) {
		backup->partial = NULL; /* undefined after a failure */
		return complain("out of memory");
	}
	folder_remove(AT_FDCWD, backup->partial); /* of one that was killed */
	if (mkdir(backup->partial, 0700) < 0) {
		complain("%s: %s", backup->partial, strerror(errno));
		*backup->partial = '\0';
		return EXIT_FAILURE;
	}
	backup->fd = folder_open(AT_FDCWD, backup->partial);
	if (backup->fd < 0)
		return complain("%s: %s", backup->partial, strerror(-backup->fd));
	backup->sums = open_memstream(&backup->sums_text, &backup->sums_size);
	return backup->sums ? EXIT_SUCCESS : complain("out of memory");
}

bool backup_name_is_plain(const char *name)
{
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_.-");

	return size > 0 && !name[size] && name[0] != '.';
}

int backup_enter(int *ret)
{
	_cleanup_close_ int fd = -1;

	if (geteuid() != 0)
		return complain("only root may do this");
	(void)umask(0077);
	fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return complain("%s: %s", LOCK_FILE, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return complain(errno == EWOULDBLOCK
					? "another backup or restore is going on"
					: "cannot lock " LOCK_FILE);
	*ret = TAKE_FD(fd);
	return EXIT_SUCCESS;
}

int backup_make(const struct context *context, char **operands)
{
	_cleanup_(backup_done) struct backup backup = { .context = context, .fd = -1 };
	_cleanup_close_ int lock = -1;
	int code;

	code = backup_enter(&lock);
	if (code == EXIT_SUCCESS)
		code = backup_begin(&backup, operands[0]);
	if (code == EXIT_SUCCESS)
		code = store_add(&backup);
	if (code == EXIT_SUCCESS)
		code = configuration_add(&backup);
	if (code == EXIT_SUCCESS)
		code = ids_add(&backup);
	if (code == EXIT_SUCCESS)
		code = manifest_add(&backup);
	if (code == EXIT_SUCCESS)
		code = backup_finish(&backup, operands[0]);
	if (code != EXIT_SUCCESS)
		return code;
	if (context->json)
		return print_json(backup.store);
	if (!context->quiet)
		print_line("%s: %lld users and %lld groups, as of %s. Whoever has it can read "
			   "password hashes: keep it like /etc/shadow.",
			   operands[0], json_number(backup.store, "users"),
			   json_number(backup.store, "groups"), json_string(backup.store, "time"));
	return EXIT_SUCCESS;
}
