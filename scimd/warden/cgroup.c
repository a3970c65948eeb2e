#include "scimd/warden/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The person owns what is below user@N.service and can nest and multiply as they like. */
#define DEPTH_MAX 16u
#define VISITS_MAX 4096u

/* Either may hold v2; under a v1 tree there is no user.slice at these places. */
static const char *const places[] = { "user.slice", "unified/user.slice" };

int cgroup_open_slice(const char *root, uint32_t uid)
{
	char path[PATH_MAX];
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/user-%u.slice", root, places[i], uid);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 || errno != ENOENT)
			return fd >= 0 ? fd : -errno;
	}
	return -ENOENT;
}

/* Takes fd. Units' groups are in slices, which root alone makes. */
static int find_unit(int fd, const char *unit, unsigned int depth, unsigned int *visits)
{
	const struct dirent *entry;
	DIR *dir;
	int found = openat(fd, unit, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	dir = found < 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		closep(&fd);
		return found;
	}
	while (found < 0 && (entry = readdir(dir)) && depth < DEPTH_MAX && *visits < VISITS_MAX) {
		size_t length = strlen(entry->d_name);
		int child;

		if (entry->d_type != DT_DIR || length < 6 ||
		    strcmp(entry->d_name + length - 6, ".slice") != 0)
			continue;
		(*visits)++;
		child = openat(dirfd(dir), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0)
			found = find_unit(child, unit, depth + 1, visits);
	}
	(void)closedir(dir);
	return found;
}

int cgroup_open_unit(const char *root, const char *unit)
{
	static const char *const tops[] = { "", "/unified" };
	unsigned int visits = 0;
	char path[PATH_MAX];

	if (strchr(unit, '/') || unit[0] == '.')
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
		int fd;

		(void)snprintf(path, sizeof(path), "%s%s", root, tops[i]);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			fd = find_unit(fd, unit, 0, &visits);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

int cgroup_is_populated(int slice)
{
	_cleanup_close_ int fd = openat(slice, "cgroup.events", O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return strstr(text, "populated 1") != NULL;
}

int cgroup_kill(int slice)
{
	_cleanup_close_ int fd = openat(slice, "cgroup.kill", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) < 0)
		return -errno;
	return 0;
}

static void visit_processes(int cgroup, const struct cgroup_visitor *visitor)
{
	int fd = openat(cgroup, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	int pid;

	if (!file) {
		closep(&fd);
		return;
	}
	while (fscanf(file, "%d", &pid) == 1) /* a threaded cgroup gives an error: its root has all */
		if (pid > 1)
			visitor->process(visitor->context, pid);
	(void)fclose(file);
}

static void visit_session(const char *name, const struct cgroup_visitor *visitor)
{
	static const char prefix[] = "session-", suffix[] = ".scope";
	size_t length = strlen(name), around = sizeof(prefix) + sizeof(suffix) - 2;
	char id[33];

	if (length <= around || length - around >= sizeof(id) ||
	    strncmp(name, prefix, sizeof(prefix) - 1) != 0 ||
	    strcmp(name + length - (sizeof(suffix) - 1), suffix) != 0)
		return;
	(void)snprintf(id, sizeof(id), "%.*s", (int)(length - around), name + sizeof(prefix) - 1);
	visitor->session(visitor->context, id);
}

/* Takes fd. */
static void visit(int fd, unsigned int depth, unsigned int *visits,
		  const struct cgroup_visitor *visitor)
{
	const struct dirent *entry;
	DIR *dir;

	visit_processes(fd, visitor);
	dir = fdopendir(fd);
	if (!dir) {
		closep(&fd);
		return;
	}
	while ((entry = readdir(dir)) && depth < DEPTH_MAX && *visits < VISITS_MAX) {
		int child;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child = openat(dirfd(dir), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			continue;
		(*visits)++;
		if (depth == 0)
			visit_session(entry->d_name, visitor);
		visit(child, depth + 1, visits, visitor);
	}
	(void)closedir(dir);
}

void cgroup_visit(int slice, const struct cgroup_visitor *visitor)
{
	unsigned int visits = 0;
	int fd = openat(slice, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		visit(fd, 0, &visits, visitor);
}
