/* steps.c - preloaded into one of the daemons by a test: kills it -9 at one step of an offboarding, or
 * has it wait there until the test goes on. Not part of the product, which knows nothing of it. The step
 * is the word in /run/scimd-step; with "pause " before it, the thread calls itself "paused" and waits
 * until the file says something else, for 10 s at most:
 *
 *   send-N, sent-N  before and after sending message N of the warden's protocol
 *   received-N      after receiving it
 *   sync            the first time the directory is synced after message 12 (RECORDS, with a COMMIT) came
 *   cgroup, cgrouped, signal, signalled, linger
 *                   around a kill by control group, around a signal by pidfd, before lingering ends */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static _Bool committing;

static _Bool is_wanted(const char *what, const char *name)
{
	char wanted[64], here[64];
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/run/scimd-step", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : (ssize_t)syscall(SYS_read, fd, wanted, sizeof(wanted) - 1);

	if (fd >= 0)
		(void)syscall(SYS_close, fd);
	if (n <= 0)
		return 0;
	wanted[n] = '\0';
	wanted[strcspn(wanted, "\n")] = '\0';
	(void)snprintf(here, sizeof(here), "%s%s", what, name);
	return strcmp(wanted, here) == 0;
}

static void step(const char *name)
{
	const struct timespec nap = { .tv_nsec = 5000000 };
	char own[16];

	if (is_wanted("", name))
		(void)syscall(SYS_kill, getpid(), SIGKILL);
	if (!is_wanted("pause ", name))
		return;
	(void)prctl(PR_GET_NAME, own);
	(void)prctl(PR_SET_NAME, "paused");
	for (int i = 0; i < 2000 && is_wanted("pause ", name); i++)
		(void)nanosleep(&nap, NULL);
	(void)prctl(PR_SET_NAME, own);
}

static void step_of_message(const char *when, const void *message, size_t size)
{
	uint16_t op;
	char name[32];

	if (size < 16)
		return;
	memcpy(&op, (const char *)message + 2, sizeof(op));
	(void)snprintf(name, sizeof(name), "%s-%u", when, op);
	step(name);
}

ssize_t send(int fd, const void *message, size_t size, int flags)
{
	ssize_t n;

	step_of_message("send", message, size);
	n = sendto(fd, message, size, flags, NULL, 0);
	step_of_message("sent", message, size);
	return n;
}

ssize_t recv(int fd, void *message, size_t size, int flags)
{
	ssize_t n = recvfrom(fd, message, size, flags, NULL, NULL);
	uint16_t op;

	if (n >= 16 && (size_t)n <= size) {
		memcpy(&op, (const char *)message + 2, sizeof(op));
		committing |= op == 9 || op == 12;
		step_of_message("received", message, (size_t)n);
	}
	return n;
}

static void step_of_sync(void)
{
	if (committing)
		step("sync");
}

int fdatasync(int fd)
{
	step_of_sync();
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	step_of_sync();
	return (int)syscall(SYS_fsync, fd);
}

ssize_t pwritev2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	ssize_t n = syscall(SYS_pwritev2, fd, pieces, count, offset, 0L, flags & ~RWF_DSYNC);

	if (n >= 0 && (flags & RWF_DSYNC)) { /* written, and not synced yet */
		step_of_sync();
		n = syscall(SYS_pwritev2, fd, pieces, count, offset, 0L, flags);
	}
	return n;
}

int msync(void *at, size_t size, int flags)
{
	step_of_sync();
	return (int)syscall(SYS_msync, at, size, flags);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	_Bool kills = size == 1 && *(const char *)bytes == '1';
	ssize_t n;

	if (kills)
		step("cgroup");
	n = syscall(SYS_write, fd, bytes, size);
	if (kills)
		step("cgrouped");
	return n;
}

int pidfd_send_signal(int fd, int number, siginfo_t *info, unsigned int flags)
{
	int r;

	step("signal");
	r = (int)syscall(SYS_pidfd_send_signal, fd, number, info, flags);
	step("signalled");
	return r;
}

int unlink(const char *path)
{
	if (strstr(path, "/linger/"))
		step("linger");
	return (int)syscall(SYS_unlink, path);
}
