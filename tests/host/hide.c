/* hide MODE - a process of somebody who wants to stay: for test_offboard_hiding.sh.
 *   plain     sleeps
 *   become    as a setuid program: is the file's owner in every way, and sleeps
 *   headless  its first thread has ended, another one lives
 *   named     calls itself what a look at /proc/PID/status could take for root's uids
 *   login     tries to change its login uid first
 *   traced    stopped by a tracer that asked to see it end
 *   waiting   waits in the kernel for a vfork
 *   hunter    stops whatever of its uid it meets, over and over */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void stay(void)
{
	for (;;)
		pause();
}

static void *thread(void *unused)
{
	(void)unused;
	stay();
	return NULL;
}

static void plain(void)
{
}

static void become(void)
{
	if (setresuid(geteuid(), geteuid(), geteuid()) < 0)
		perror("setresuid");
}

static void headless(void)
{
	pthread_t id;

	if (pthread_create(&id, NULL, thread, NULL) == 0)
		pthread_exit(NULL);
}

static void named(void)
{
	prctl(PR_SET_NAME, "a\nUid:\t0\t0\t0\t0");
}

static void login(void)
{
	static const char *const wanted[] = { "4294967295", "0" };

	for (size_t i = 0; i < 2; i++) {
		int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

		if (fd >= 0 && write(fd, wanted[i], strlen(wanted[i])) > 0)
			printf("it was changed\n");
		close(fd);
	}
}

static void traced(void)
{
	pid_t child = fork();

	if (child == 0)
		stay();
	if (ptrace(PTRACE_SEIZE, child, NULL, PTRACE_O_TRACEEXIT) < 0 ||
	    ptrace(PTRACE_INTERRUPT, child, NULL, NULL) < 0)
		perror("ptrace");
	waitpid(child, NULL, __WALL);
}

static void waiting(void)
{
	if (vfork() == 0)
		stay();
}

static void hunter(void)
{
	sleep(1); /* its own login is met, too */
	for (;;)
		kill(-1, SIGSTOP);
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "plain", plain },   { "become", become }, { "headless", headless }, { "named", named },
	{ "login", login },   { "traced", traced }, { "waiting", waiting },   { "hunter", hunter },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, argv[1]) == 0) {
			modes[i].run();
			stay();
		}
	return 2;
}
