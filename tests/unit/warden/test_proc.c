/* Whose a process is, as a look asks it; and killing by uid, against somebody who kills back. Needs root. */
#include "scimd/warden/proc.h"

#include <dirent.h>
#include <linux/sched.h>
#include <sys/syscall.h>

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

/* --- whose it is --- */

/* A kernel before 6.13, a table of one place, and the one that is here. */
static const struct {
	bool old_kernel;
	size_t room;
} ways[] = { { false, 1024 }, { true, 1024 }, { false, 1 }, { true, 1 }, { false, 0 } };

static void open_proc(size_t way, struct proc *ret)
{
	T_OK(proc_open("/proc", ret));
	T_FATAL(ret->kept_room >= 64);
	ret->asks_pidfds = ret->asks_pidfds && !ways[way].old_kernel;
	if (ways[way].room < ret->kept_room)
		ret->kept_room = ways[way].room;
}

static void check_owners(struct proc *proc, pid_t pid, const struct child *child)
{
	const uint32_t want[PROC_OWNERS] = { child->real, child->effective, child->saved, child->fs,
					     child->loginuid ? child->loginuid : PROC_ID_UNSET };
	uint32_t got[PROC_OWNERS] = { 0 };

	T_OK(proc_owners(proc, pid, got));
	for (size_t i = 0; i < PROC_OWNERS; i++)
		T_INT(got[i], want[i]);
}

/* Once it is told to, it becomes another one. */
static void change(int ready)
{
	sigset_t signals;
	int number;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	say_ready(ready);
	(void)sigwait(&signals, &number);
	(void)setresuid(HUNTED + 5, HUNTED + 6, HUNTED + 7);
}

static void wait_for_uid(pid_t pid, uint32_t uid)
{
	struct proc_info info = { 0 };
	struct proc proc;

	T_OK(proc_open("/proc", &proc));
	for (int i = 0; i < 1000 && info.uids[0] != uid; i++) {
		(void)usleep(1000);
		T_OK(proc_read(&proc, pid, &info));
	}
	proc_close(&proc);
}

static void test_owners(void)
{
	for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
		uint32_t login = have_loginuid() ? HUNTED + 4 : 0, none[PROC_OWNERS];
		/* The filesystem uid follows the effective one. */
		const struct child children[] = {
			{ HUNTED, HUNTED + 1, HUNTED + 2, HUNTED + 1, .loginuid = login },
			{ HUNTED, 0, HUNTED + 3, 0, .live = change },
			{ 0, 0, 0, HUNTED, .loginuid = 0 },
		};
		const struct child changed = { HUNTED + 5, HUNTED + 6, HUNTED + 7, HUNTED + 6,
					       .loginuid = 0 };
		pid_t pids[ARRAY_SIZE(children)];
		struct proc proc;

		open_proc(way, &proc);
		for (size_t i = 0; i < ARRAY_SIZE(children); i++)
			pids[i] = spawn(&children[i]);
		for (size_t round = 0; round < 3; round++)
			for (size_t i = 0; i < ARRAY_SIZE(children); i++)
				check_owners(&proc, pids[i], &children[i]);
		T_OK(kill(pids[1], SIGUSR1));
		wait_for_uid(pids[1], HUNTED + 5);
		check_owners(&proc, pids[1], &changed);
		T_OK(kill(pids[0], SIGKILL));
		T_OK(waitid(P_PID, (id_t)pids[0], NULL, WEXITED | WNOWAIT));
		check_owners(&proc, pids[0], &children[0]); /* nobody has waited for it */
		for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
			put_down(pids[i]);
			T_TRUE(proc_owners(&proc, pids[i], none) < 0);
		}
		T_TRUE(proc.asks_pidfds || ways[way].old_kernel || !proc.kept_room || is_old_kernel());
		proc_close(&proc);
	}
}

/* A child with a number that was somebody else's. */
static pid_t spawn_as(pid_t pid, uid_t uid)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid,
				   .set_tid_size = 1 };
	pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (child == 0) {
		(void)alarm(CHILD_LIFE_S);
		(void)syscall(SYS_setresuid, uid, uid, uid);
		for (;;)
			(void)pause();
	}
	return child;
}

/* What is held of a process says nothing of the next one that has its number. */
static void test_owners_of_a_number_used_again(void)
{
	for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
		uint32_t login = have_loginuid() ? HUNTED + 4 : 0;
		const struct child first = { HUNTED, HUNTED, HUNTED, HUNTED, .loginuid = login };
		const struct child second = { HUNTED + 1, HUNTED + 1, HUNTED + 1, HUNTED + 1,
					      .loginuid = 0 };
		struct proc proc;
		pid_t pid;

		open_proc(way, &proc);
		pid = spawn(&first);
		check_owners(&proc, pid, &first);
		put_down(pid);
		T_INT(spawn_as(pid, HUNTED + 1), pid);
		wait_for_uid(pid, HUNTED + 1);
		check_owners(&proc, pid, &second);
		put_down(pid);
		proc_close(&proc);
	}
}

static size_t count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count;
}

static void test_owners_are_let_go(void)
{
	size_t before = count_open();
	uint32_t ids[PROC_OWNERS];
	struct proc proc;
	pid_t dead, alive;

	T_OK(proc_open("/proc", &proc));
	dead = spawn_uid(HUNTED);
	alive = spawn_uid(HUNTED);
	T_OK(proc_owners(&proc, dead, ids));
	T_OK(proc_owners(&proc, alive, ids));
	T_INT(count_open(), before + 1 + 4);
	put_down(dead);
	proc_tidy(&proc);
	T_INT(count_open(), before + 1 + 2);
	proc_close(&proc);
	T_INT(count_open(), before);
	put_down(alive);
	proc_close(&proc);
}

/* A walk meets all that there are, in ascending order, more than fit into one answer of the kernel's. */
static void test_walk(void)
{
	pid_t pids[100];
	size_t met = 0;
	struct proc proc;

	T_OK(proc_open("/proc", &proc));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = spawn_uid(HUNTED);
	for (int round = 0; round < 2; round++) {
		int pid, last = 0;

		met = 0;
		proc_rewind(&proc);
		while ((pid = proc_next(&proc)) > 0) {
			T_TRUE(pid > last);
			last = pid;
			for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
				met += pids[i] == pid;
		}
		T_INT(pid, 0);
		T_INT(met, ARRAY_SIZE(pids));
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		put_down(pids[i]);
	proc_close(&proc);
}

T_MAIN("warden/proc", T(test_owners), T(test_owners_of_a_number_used_again), T(test_owners_are_let_go),
       T(test_walk), T(test_kill_as_hunted), T(test_kill_as_nobody_else))
