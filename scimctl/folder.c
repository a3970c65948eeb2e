#include "scimctl/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#define BUFFER_SIZE 65536u
#define SUM_BYTES 32u

static void hash_endp(gnutls_hash_hd_t *hash)
{
	if (*hash)
		gnutls_hash_deinit(*hash, NULL);
}

static void hash_text(gnutls_hash_hd_t hash, char ret[static FOLDER_SUM_SIZE])
{
	unsigned char bytes[SUM_BYTES];

	gnutls_hash_output(hash, bytes);
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

int folder_open(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int folder_file(int folder, const char *name, uid_t owner)
{
	_cleanup_close_ int fd =
		openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat file;

	if (fd < 0 || fstat(fd, &file) < 0)
		return -errno;
	if (!S_ISREG(file.st_mode))
		return -EINVAL;
	return owner == (uid_t)-1 || file.st_uid == owner ? TAKE_FD(fd) : -EPERM;
}

int bytes_write(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* All of from into hash, and into `to` unless that is -1. */
static int stream(int from, int to, gnutls_hash_hd_t hash)
{
	static char buffer[BUFFER_SIZE];

	for (;;) {
		ssize_t n = read(from, buffer, sizeof(buffer));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (gnutls_hash(hash, buffer, (size_t)n) < 0)
			return -EIO;
		r = to < 0 ? 0 : bytes_write(to, buffer, (size_t)n);
		if (r < 0)
			return r;
	}
}

static int file_create(int folder, const char *name)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

int folder_copy(int from, int to_folder, const char *name, mode_t mode, uid_t uid, gid_t gid,
		char ret_sum[static FOLDER_SUM_SIZE])
{
	_cleanup_(hash_endp) gnutls_hash_hd_t hash = NULL;
	_cleanup_close_ int to = file_create(to_folder, name);
	int r;

	if (to < 0)
		return to;
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return -ENOMEM;
	r = stream(from, to, hash);
	if (r < 0)
		return r;
	if (fchown(to, uid, gid) < 0 || fchmod(to, mode) < 0 || fsync(to) < 0)
		return -errno;
	hash_text(hash, ret_sum);
	return 0;
}

int folder_write(int to_folder, const char *name, const char *text, mode_t mode,
		 char ret_sum[static FOLDER_SUM_SIZE])
{
	_cleanup_(hash_endp) gnutls_hash_hd_t hash = NULL;
	_cleanup_close_ int to = file_create(to_folder, name);
	int r;

	if (to < 0)
		return to;
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0 ||
	    gnutls_hash(hash, text, strlen(text)) < 0)
		return -ENOMEM;
	r = bytes_write(to, text, strlen(text));
	if (r < 0)
		return r;
	if (fchmod(to, mode) < 0 || fsync(to) < 0)
		return -errno;
	hash_text(hash, ret_sum);
	return 0;
}

int folder_sum(int folder, const char *path, char ret_sum[static FOLDER_SUM_SIZE])
{
	_cleanup_(hash_endp) gnutls_hash_hd_t hash = NULL;
	_cleanup_close_ int below = -1, fd = -1;
	_cleanup_free_ char *first = NULL;
	const char *slash = strchr(path, '/');
	int r;

	if (slash) {
		first = strndup(path, (size_t)(slash - path));
		if (!first)
			return -ENOMEM;
		below = folder_open(folder, first);
		return below < 0 ? below : folder_sum(below, slash + 1, ret_sum);
	}
	fd = folder_file(folder, path, (uid_t)-1);
	if (fd < 0)
		return fd;
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return -ENOMEM;
	r = stream(fd, -1, hash);
	if (r == 0)
		hash_text(hash, ret_sum);
	return r;
}

static void folder_empty(int fd, unsigned int depth)
{
	DIR *dir = fdopendir(fd); /* takes fd */
	const struct dirent *entry;

	if (!dir) {
		closep(&fd);
		return;
	}
	while ((entry = readdir(dir))) {
		int below;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    unlinkat(dirfd(dir), entry->d_name, 0) == 0 || depth == 0)
			continue;
		below = folder_open(dirfd(dir), entry->d_name);
		if (below < 0)
			continue;
		folder_empty(below, depth - 1);
		(void)unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

void folder_remove(int at, const char *path)
{
	int fd = folder_open(at, path);

	if (fd < 0)
		return;
	folder_empty(fd, 2);
	(void)unlinkat(at, path, AT_REMOVEDIR);
}
