#include "pam_scim/home.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "pam_scim/decision.h"
#include "shared/conf.h"

#define HOME_MODE 0700
#define PARENT_MODE 0755

/* Run as the person, in the home. */
#define SETPRIV "/usr/bin/setpriv"
#define FILL "umask 0077 && exec cp -rT /etc/skel ."

static bool is_safe(const char *home)
{
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	_cleanup_(conf_freep) struct conf *conf = NULL;
	int r = conf_load(CONF_FILE, CONF_DROPIN_DIR, &conf, &problems);

	return decision_home_is_safe(home, r < 0 ? NULL : conf->identity.home);
}

/* --- the folder --------------------------------------------------------------------------------- */

/* A folder in `parent`, made if it is missing. What lies in a folder of root's alone is root's, links
 * too; so each that is gone through has to be one. */
static int enter(int parent, const char *name, bool make)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (make && (mkdirat(parent, name, PARENT_MODE) < 0 ? errno != EEXIST :
		     fchmodat(parent, name, PARENT_MODE, 0) < 0)) /* whatever the umask */
		return -errno;
	fd = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT && !make ? enter(parent, name, true) : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	return TAKE_FD(fd);
}

/* The folder that the home lies in, and the home's name in it: a part of path, which is taken apart. */
static int enter_parent(char *path, const char **ret_name)
{
	_cleanup_close_ int fd = enter(AT_FDCWD, "/", false);
	char *rest = NULL, *name = strtok_r(path, "/", &rest), *next;

	if (fd < 0)
		return fd;
	if (!name)
		return -EEXIST;
	for (; (next = strtok_r(NULL, "/", &rest)); name = next) {
		int inner = enter(fd, name, false);

		if (inner < 0)
			return inner;
		closep(&fd);
		fd = inner;
	}
	*ret_name = name;
	return TAKE_FD(fd);
}

/* The new home, empty and the person's; -EEXIST. */
static int make(const char *home, uid_t uid)
{
	_cleanup_close_ int parent = -1, fd = -1;
	char path[PATH_MAX];
	const char *name;
	int r;

	if (strlen(home) >= sizeof(path))
		return -ENAMETOOLONG;
	strcpy(path, home);
	parent = enter_parent(path, &name);
	if (parent < 0)
		return parent;
	if (mkdirat(parent, name, HOME_MODE) < 0)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fchmod(fd, HOME_MODE) == 0 && /* whatever the umask */
	    fchown(fd, uid, uid) == 0)
		return TAKE_FD(fd);
	r = -errno;
	(void)unlinkat(parent, name, AT_REMOVEDIR); /* root's own would only be in the way */
	return r;
}

/* --- what is in it ------------------------------------------------------------------------------ */

/* Nothing of the login program reaches the helper: no descriptors, signals or environment. */
static int prepare(int home, posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int r = posix_spawn_file_actions_addfchdir_np(actions, home);

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	for (int fd = 0; fd < 3 && r == 0; fd++)
		r = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(actions, 3);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attributes, &all);
	if (r == 0)
		r = posix_spawnattr_setflags(attributes,
					     POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return -r;
}

static int spawn_helper(int home, uid_t uid, pid_t *ret)
{
	char user[32], group[32];
	char *const arguments[] = { (char *)SETPRIV, user, group, (char *)"--clear-groups",
				    (char *)"--no-new-privs", (char *)"/bin/sh", (char *)"-c",
				    (char *)FILL, NULL };
	char *const environment[] = { (char *)"PATH=/usr/bin:/bin", NULL };
	_cleanup_(posix_spawn_file_actions_destroy) posix_spawn_file_actions_t actions;
	_cleanup_(posix_spawnattr_destroy) posix_spawnattr_t attributes;
	int r;

	(void)snprintf(user, sizeof(user), "--reuid=%u", uid);
	(void)snprintf(group, sizeof(group), "--regid=%u", uid);
	(void)posix_spawn_file_actions_init(&actions); /* neither can fail in glibc */
	(void)posix_spawnattr_init(&attributes);
	r = prepare(home, &actions, &attributes);
	if (r < 0)
		return r;
	return -posix_spawn(ret, SETPRIV, &actions, &attributes, arguments, environment);
}

static int run_helper(int home, uid_t uid)
{
	pid_t pid;
	int r, status;

	r = spawn_helper(home, uid, &pid);
	if (r < 0)
		return -EIO;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -EIO;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int fill(int home, uid_t uid)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	struct sigaction saved;
	int r;

	/* The login program may ignore or collect children; this one is ours to wait for. */
	if (sigaction(SIGCHLD, &usual, &saved) < 0)
		return -EIO;
	r = run_helper(home, uid);
	(void)sigaction(SIGCHLD, &saved, NULL);
	return r;
}

int home_ensure(const char *home, uid_t uid)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (stat(home, &st) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (!is_safe(home))
		return -EPERM;
	fd = make(home, uid);
	if (fd < 0)
		return fd == -EEXIST ? 0 : fd; /* another login was first */
	r = fill(fd, uid);
	return r < 0 ? r : 1;
}
