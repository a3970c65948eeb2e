#include "scimctl/dropin.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "scimctl/scimctl.h"

static int folder_sync(const char *folder)
{
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Write the file at path, which must not exist. */
static int file_write(const char *path, gid_t group, const char *text)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t left = strlen(text);

	if (fd < 0)
		return -errno;
	/* scimd, which is in the folder's group, has to read it, and nobody else. */
	if (fchown(fd, (uid_t)-1, group) < 0 || fchmod(fd, 0640) < 0)
		return -errno;
	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno != EINTR)
			return -errno;
		text += n > 0 ? n : 0;
		left -= n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* Make path hold text, keeping what it held at before. */
static int file_replace(struct dropin *dropin, const char *folder, const char *temporary,
			const char *text)
{
	struct stat status;
	int r = 0;

	if (stat(folder, &status) < 0)
		return -errno;
	if (text) {
		(void)unlink(temporary); /* left behind by one that was killed */
		r = file_write(temporary, status.st_gid, text);
	}
	if (r < 0) {
		(void)unlink(temporary);
		return r;
	}
	(void)unlink(dropin->before);
	dropin->had = link(dropin->path, dropin->before) == 0;
	if (!dropin->had && errno != ENOENT)
		return -errno;
	if (text ? rename(temporary, dropin->path) < 0 : unlink(dropin->path) < 0) {
		r = -errno;
		(void)unlink(dropin->before);
		return r;
	}
	dropin->pending = true;
	return folder_sync(folder);
}

int dropin_change(struct dropin *dropin, const char *conf_dir, const char *name, const char *text)
{
	_cleanup_free_ char *folder = NULL;
	_cleanup_free_ char *temporary = NULL;
	int r;

	if (asprintf(&folder, "%s/scimd.conf.d", conf_dir) < 0 ||
	    asprintf(&temporary, "%s/.connection-%s.conf.new", folder, name) < 0 ||
	    asprintf(&dropin->path, "%s/connection-%s.conf", folder, name) < 0 ||
	    asprintf(&dropin->before, "%s/.connection-%s.conf.before", folder, name) < 0)
		return complain("out of memory");
	r = file_replace(dropin, folder, temporary, text);
	return r < 0 ? complain("%s: %s", dropin->path, strerror(-r)) : EXIT_SUCCESS;
}

void dropin_keep(struct dropin *dropin)
{
	if (dropin->had)
		(void)unlink(dropin->before);
	dropin->pending = false;
}

void dropin_done(struct dropin *dropin)
{
	if (dropin->pending &&
	    (dropin->had ? rename(dropin->before, dropin->path) : unlink(dropin->path)) < 0)
		complain("cannot take back %s: %s", dropin->path, strerror(errno));
	free(dropin->path);
	free(dropin->before);
}
