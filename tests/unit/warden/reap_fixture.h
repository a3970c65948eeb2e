/* reap_fixture.h - real children with any ids, and a reaper stepped as the warden's loop does.
 * Needs root. Uids are 70001 and up: whoever runs this has nobody there. */
#ifndef TESTS_UNIT_WARDEN_REAP_FIXTURE_H
#define TESTS_UNIT_WARDEN_REAP_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scimd/warden/reap.h"
#include "tests/unit/t.h"

#define SAME ((uid_t)-1)
#define CHILD_LIFE_S 20 /* so that nothing stays behind should a test fail */

/* --- what was reported --- */

#define SEEN_ITEMS 64u
struct seen_report {
	struct reap_report report;
	struct reap_item items[SEEN_ITEMS];
	char sessions[4][33];
};
static struct seen_report reports[32];
static uint32_t report_count;

static inline void on_report(void *context, const struct reap_report *report)
{
	struct seen_report *seen = &reports[report_count];

	(void)context;
	if (report_count >= ARRAY_SIZE(reports))
		return;
	report_count++;
	*seen = (struct seen_report){ .report = *report };
	for (uint32_t i = 0; i < report->item_count && i < SEEN_ITEMS; i++)
		seen->items[i] = report->items[i];
	for (uint32_t i = 0; i < report->session_count && i < ARRAY_SIZE(seen->sessions); i++)
		(void)snprintf(seen->sessions[i], sizeof(seen->sessions[i]), "%s", report->sessions[i]);
}

static inline const struct reap_item *report_item(const struct seen_report *seen, pid_t pid)
{
	for (uint32_t i = 0; i < seen->report.item_count && i < SEEN_ITEMS; i++)
		if (seen->items[i].pid == pid)
			return &seen->items[i];
	return NULL;
}

/* --- policy: 70001..70019 may not be here --- */

static uint32_t verdicts_asked, verdicts_that_end = UINT32_MAX;

static inline enum reap_verdict verdict(void *context, uint32_t uid)
{
	(void)context;
	if (uid < 70001 || uid > 70019)
		return REAP_UNTOUCHABLE;
	return verdicts_asked++ < verdicts_that_end ? REAP_END : REAP_UNTOUCHABLE;
}

/* Two of these tests at a time would end each other's children; those do not inherit the lock. */
static inline void lock_uids(void)
{
	struct flock lock = { .l_type = F_WRLCK };
	static int fd = -1;

	if (fd >= 0)
		return;
	fd = open("/tmp/scimd-test-reap.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	T_FATAL(fd >= 0 && fcntl(fd, F_SETLKW, &lock) == 0);
}

/* --- a kernel that tells nothing by pidfd, as before 6.13 --- */

#define PIDFD_ASKED 0xc040ff0bu /* PIDFD_GET_INFO with its first layout */

static inline bool is_old_kernel(void)
{
	uint64_t info[8] = { 2 };
	int fd = pidfd_open(getpid(), 0), r;

	T_FATAL(fd >= 0);
	r = ioctl(fd, PIDFD_ASKED, info);
	(void)close(fd);
	return r < 0;
}

/* From now on, for this process and its children. */
static inline void become_old_kernel(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PIDFD_ASKED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	if (is_old_kernel())
		return;
	T_FATAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	T_TRUE(is_old_kernel());
}

static inline struct reap *make_reap(struct reap_options options)
{
	struct reap *reap = NULL;

	lock_uids();
#ifdef OLD_KERNEL
	become_old_kernel();
#endif
	options.proc = options.proc ? options.proc : "/proc";
	options.cgroup = options.cgroup ? options.cgroup : "/nonexistent";
	options.linger = options.linger ? options.linger : "/nonexistent";
	options.policy.verdict = options.policy.verdict ? options.policy.verdict : verdict;
	options.report = on_report;
	report_count = verdicts_asked = 0;
	(void)setpriority(PRIO_PROCESS, 0, -10); /* as the warden, so that a bomb can't starve it */
	verdicts_that_end = UINT32_MAX;
	T_OK(reap_new(&options, &reap));
	return reap;
}

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

/* Step until there are `want` reports or the time is over. */
static inline void drive(struct reap *reap, uint32_t want, uint64_t limit_ms)
{
	uint64_t end = now_ms() + limit_ms;

	while (report_count < want && now_ms() < end) {
		int wait = reap_step(reap);

		if (report_count < want && wait != 0)
			(void)usleep(wait < 0 || wait > 10 ? 10000 : (useconds_t)wait * 1000u);
	}
}

/* --- children --- */

struct child {
	uid_t real, effective, saved, fs; /* SAME: stays root; all four 0: all root */
	uint32_t loginuid;                /* 0: not set */
	gid_t group;                      /* supplementary; 0: none */
	void (*prepare)(void);            /* as root, before the ids change */
	void (*live)(int ready);          /* instead of pausing; writes its pid into ready */
};

static inline void say_ready(int ready)
{
	pid_t pid = getpid();

	if (write(ready, &pid, sizeof(pid)) != sizeof(pid))
		_exit(3);
}

static inline bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/* Containers may refuse login uids; then those tests say so and do without. */
static inline bool set_loginuid(uint32_t uid)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", uid);
	return write_text("/proc/self/loginuid", text);
}

__attribute__((noreturn)) static inline void be_child(const struct child *child, int ready)
{
	(void)alarm(CHILD_LIFE_S);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	if (child->loginuid && !set_loginuid(child->loginuid))
		_exit(4);
	if (child->prepare)
		child->prepare();
	if (child->group && setgroups(1, &child->group) < 0)
		_exit(5);
	if (child->fs)
		(void)setfsuid(child->fs);
	if (child->real && setresuid(child->real, child->effective, child->saved) < 0)
		_exit(6);
	if (child->live)
		child->live(ready);
	else
		say_ready(ready);
	for (;;)
		(void)pause();
}

/* The pid of what lives on in the end, which is ours to wait for. */
static inline pid_t spawn(const struct child *child)
{
	pid_t pid = -1, first;
	int ends[2];

	lock_uids();
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	T_FATAL(pipe(ends) == 0);
	first = fork();
	T_FATAL(first >= 0);
	if (first == 0)
		be_child(child, ends[1]);
	(void)close(ends[1]);
	T_FATAL(read(ends[0], &pid, sizeof(pid)) == sizeof(pid));
	(void)close(ends[0]);
	if (pid != first)
		(void)waitpid(first, NULL, 0);
	return pid;
}

static inline pid_t spawn_uid(uid_t uid)
{
	return spawn(&(struct child){ .real = uid, .effective = uid, .saved = uid });
}

/* How pid ended: a signal, 0 for an exit, -1 for not at all. */
static inline int ended_by(pid_t pid)
{
	int status;

	for (int i = 0; i < 200; i++) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
		if (got < 0)
			return -1;
		(void)usleep(1000);
	}
	return -1;
}

static inline bool is_alive(pid_t pid)
{
	int status;

	return waitpid(pid, &status, WNOHANG) == 0;
}

static inline void put_down(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static inline bool have_loginuid(void)
{
	static int have = -1;

	if (have < 0) {
		pid_t pid = fork();
		int status = 1;

		if (pid == 0)
			_exit(set_loginuid(70019) ? 0 : 1);
		(void)waitpid(pid, &status, 0);
		have = status == 0;
		if (!have)
			fprintf(stderr, "login uids can't be set here: tested without them\n");
	}
	return have;
}

#endif
