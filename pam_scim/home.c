#include "pam_scim/home.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "pam_scim/decision.h"
#include "shared/conf.h"

#define HOME_UMASK "0077"
#define HOME_SKELETON "/etc/skel"

static bool is_safe(const char *home)
{
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	_cleanup_(conf_freep) struct conf *conf = NULL;
	int r = conf_load(CONF_FILE, CONF_DROPIN_DIR, &conf, &problems);

	return decision_home_is_safe(home, r < 0 ? NULL : conf->identity.home);
}

/* Nothing of the login program reaches the helper: no descriptors, signals or environment. */
static int prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int r = 0;

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

static int spawn_helper(const char *name, pid_t *ret)
{
	char *const arguments[] = { (char *)HOME_HELPER, (char *)name, (char *)HOME_UMASK,
				    (char *)HOME_SKELETON, NULL };
	char *const environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	_cleanup_(posix_spawn_file_actions_destroy) posix_spawn_file_actions_t actions;
	_cleanup_(posix_spawnattr_destroy) posix_spawnattr_t attributes;
	int r;

	(void)posix_spawn_file_actions_init(&actions); /* neither can fail in glibc */
	(void)posix_spawnattr_init(&attributes);
	r = prepare(&actions, &attributes);
	if (r < 0)
		return r;
	return -posix_spawn(ret, HOME_HELPER, &actions, &attributes, arguments, environment);
}

static int run_helper(const char *name)
{
	pid_t pid;
	int r, status;

	r = spawn_helper(name, &pid);
	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

int home_ensure(const char *name, const char *home)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	struct sigaction saved;
	struct stat st;
	int r;

	if (stat(home, &st) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (!is_safe(home))
		return -EPERM;
	/* The login program may ignore or collect children; this one is ours to wait for. */
	if (sigaction(SIGCHLD, &usual, &saved) < 0)
		return -errno;
	r = run_helper(name);
	(void)sigaction(SIGCHLD, &saved, NULL);
	return r < 0 ? r : 1;
}
