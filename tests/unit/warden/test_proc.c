/* Killing by uid, against somebody who kills back. Needs root. */
#include "scimd/warden/proc.h"
#include "tests/unit/warden/reap_fixture.h"

#define HUNTED 70011u
#define ROUNDS 40

/* Stops whatever of its uid it meets. */
static void hunt(int ready)
{
	say_ready(ready);
	for (;;)
		(void)kill(-1, SIGSTOP);
}

/* It may stop or kill the child that was to kill it, and that proves nothing about what the warden can do. */
static void test_kill_as_hunted(void)
{
	int outcomes[2] = { 0 };

	lock_uids();
	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = spawn(&(struct child){ HUNTED, HUNTED, HUNTED, HUNTED, .live = hunt });
		int r = proc_kill_as(HUNTED);

		T_TRUE(r == 0 || r == -EAGAIN);
		outcomes[r < 0]++;
		(void)kill(pid, SIGKILL);
		T_INT(waitpid(pid, NULL, 0), pid);
	}
	T_INT(outcomes[0] + outcomes[1], ROUNDS);
}

static void test_kill_as_nobody_else(void)
{
	pid_t theirs, others;
	int status;

	lock_uids();
	theirs = spawn_uid(HUNTED);
	others = spawn_uid(HUNTED + 1);
	T_INT(proc_kill_as(0), -EPERM);
	T_INT(proc_kill_as(999), -EPERM);
	T_OK(proc_kill_as(HUNTED));
	T_INT(waitpid(theirs, &status, 0), theirs);
	T_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	T_INT(waitpid(others, &status, WNOHANG), 0);
	(void)kill(others, SIGKILL);
	T_INT(waitpid(others, NULL, 0), others);
}

T_MAIN("warden/proc", T(test_kill_as_hunted), T(test_kill_as_nobody_else))
