#include "scimd/warden/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scimd/base/clock.h"
#include "shared/names.h"

#define KEPT_MAX 4096u
#define KERNEL_THREAD_FLAG 0x00200000ul /* PF_KTHREAD */
#define KILL_AS_WAIT_MS 20

/* How many processes to hold open, two descriptors each: half of what we may have. */
static size_t kept_room(int dir)
{
	struct rlimit files;
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC ||
	    getrlimit(RLIMIT_NOFILE, &files) < 0)
		return 0;
	return files.rlim_cur / 4 < KEPT_MAX ? files.rlim_cur / 4 : KEPT_MAX;
}

int proc_open(const char *path, struct proc *ret)
{
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *buffer = malloc(PROC_BUFFER_SIZE);
	_cleanup_free_ struct proc_kept *kept = NULL;
	size_t room;

	if (dir < 0)
		return -errno;
	room = kept_room(dir);
	kept = calloc(room, sizeof(*kept));
	if (!buffer || (room && !kept))
		return -ENOMEM;
	*ret = (struct proc){ .asks_pidfds = room > 0, .kept_room = room };
	ret->dir = TAKE_FD(dir);
	ret->buffer = TAKE_PTR(buffer);
	ret->kept = TAKE_PTR(kept);
	return 0;
}

void proc_close(struct proc *proc)
{
	if (!proc->buffer)
		return;
	for (size_t i = 0; i < proc->kept_room; i++)
		proc_let_go(&proc->kept[i]);
	closep(&proc->dir);
	free(proc->buffer);
	free(proc->kept);
	*proc = (struct proc){ 0 };
}

void proc_rewind(struct proc *proc)
{
	(void)lseek(proc->dir, 0, SEEK_SET);
	proc->list_at = proc->list_end = 0;
}

static int parse_pid(const char *name)
{
	char *end;
	long pid;

	if (*name < '1' || *name > '9')
		return 0;
	pid = strtol(name, &end, 10);
	return *end == '\0' && pid <= INT32_MAX ? (int)pid : 0;
}

int proc_next(struct proc *proc)
{
	for (;;) {
		const struct dirent64 *entry = (const void *)(proc->list + proc->list_at);
		ssize_t n;
		int pid;

		if (proc->list_at == proc->list_end) {
			n = getdents64(proc->dir, proc->list, sizeof(proc->list));
			if (n <= 0)
				return n < 0 ? -errno : 0;
			proc->list_at = 0;
			proc->list_end = (size_t)n;
			continue;
		}
		proc->list_at += entry->d_reclen;
		pid = parse_pid(entry->d_name);
		if (pid > 0)
			return pid;
	}
}

int proc_open_file(const struct proc *proc, int pid, const char *name)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "%d/%s", pid, name);
	fd = openat(proc->dir, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Reads a file of pid whole, in one read: each is one record to the kernel. */
static int read_file(struct proc *proc, int pid, const char *name, char *buffer, size_t size)
{
	_cleanup_close_ int fd = proc_open_file(proc, pid, name);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, buffer, size - 1);
	if (n < 0)
		return -errno;
	buffer[n] = '\0';
	return 0;
}

/* The text after "\nKey:\t", or NULL. Nobody can forge one: newlines in names are escaped. */
static const char *find_field(const char *text, const char *key)
{
	const char *found = strstr(text, key);

	return found ? found + strlen(key) : NULL;
}

static int parse_ids(const char *text, uint32_t ret[4])
{
	for (size_t i = 0; i < 4; i++) {
		char *end;

		ret[i] = (uint32_t)strtoul(text, &end, 10);
		if (end == text)
			return -EIO;
		text = end;
	}
	return 0;
}

static void copy_comm(const char *from, char to[static PROC_COMM_SIZE])
{
	size_t i;

	for (i = 0; i < PROC_COMM_SIZE - 1 && from[i] && from[i] != '\n'; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = '\0';
}

/* A leader that ended its own thread shows as a zombie while the others live on. */
static bool parse_gone(const char *text, const char *state)
{
	const char *threads;

	if (*state == 'X' || *state == 'x')
		return true;
	if (*state != 'Z')
		return false;
	threads = find_field(text, "\nThreads:\t");
	return !threads || strtoul(threads, NULL, 10) <= 1;
}

static int read_id(struct proc *proc, int pid, const char *name, uint32_t *ret)
{
	char text[32];
	int r = read_file(proc, pid, name, text, sizeof(text));

	if (r == -ENOENT) /* gone, as the next file will tell, or a kernel without audit */
		*ret = PROC_ID_UNSET;
	else if (r >= 0)
		*ret = (uint32_t)strtoul(text, NULL, 10);
	return r == -ENOENT ? 0 : r;
}

int proc_parse_status(const char *text, struct proc_info *ret)
{
	const char *state, *uids, *gids, *groups;

	if (strncmp(text, "Name:\t", 6) != 0)
		return -ESRCH; /* nothing to read any more */
	copy_comm(text + 6, ret->comm);
	state = find_field(text, "\nState:\t");
	uids = state ? find_field(state, "\nUid:\t") : NULL;
	gids = uids ? find_field(uids, "\nGid:\t") : NULL;
	groups = gids ? find_field(gids, "\nGroups:\t") : NULL;
	if (!groups || parse_ids(uids, ret->uids) < 0 || parse_ids(gids, ret->gids) < 0)
		return -EIO;
	ret->groups = groups;
	ret->state = *state;
	ret->gone = parse_gone(groups, state);
	return 0;
}

int proc_read(struct proc *proc, int pid, struct proc_info *ret)
{
	struct proc_info info = { .pid = pid };
	int r = read_id(proc, pid, "loginuid", &info.loginuid);

	if (r >= 0)
		r = read_file(proc, pid, "status", proc->buffer, PROC_BUFFER_SIZE);
	if (r >= 0)
		r = proc_parse_status(proc->buffer, &info);
	if (r >= 0)
		*ret = info;
	return r;
}

int proc_start_ticks(struct proc *proc, int pid, uint64_t *ret_ticks)
{
	unsigned long long ticks;
	unsigned long flags;
	char text[1024];
	const char *rest;
	int r = read_file(proc, pid, "stat", text, sizeof(text));

	if (r < 0)
		return r;
	rest = strrchr(text, ')'); /* the name may hold anything, brackets too */
	if (!rest)
		return -ESRCH;
	if (sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
			     " %*d %*d %llu", &flags, &ticks) != 2)
		return -EIO;
	if (flags & KERNEL_THREAD_FLAG)
		return -EPERM;
	*ret_ticks = ticks;
	return 0;
}

uint64_t proc_ticks_to_epoch_us(uint64_t ticks)
{
	struct timespec up = { 0 };
	uint64_t up_us;

	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	up_us = (uint64_t)up.tv_sec * 1000000u + (uint64_t)up.tv_nsec / 1000u;
	return clock_now_us() - up_us + ticks * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

uint32_t proc_session(struct proc *proc, int pid)
{
	uint32_t session;

	return read_id(proc, pid, "sessionid", &session) < 0 ? PROC_ID_UNSET : session;
}

int proc_service(struct proc *proc, int pid, char ret_unit[static PROC_UNIT_SIZE])
{
	const char *name, *end;
	char text[4096];
	int r = read_file(proc, pid, "cgroup", text, sizeof(text));

	if (r < 0)
		return r;
	name = strncmp(text, "0::/", 4) == 0 ? text + 3 : find_field(text, "\n0::");
	if (!name || strncmp(name, "/user.slice/", 12) == 0)
		return -ENOENT;
	while (*name == '/') {
		size_t size = strcspn(++name, "/\n");

		end = name + size;
		if (size < PROC_UNIT_SIZE && size > 8 && strncmp(end - 8, ".service", 8) == 0) {
			memcpy(ret_unit, name, size);
			ret_unit[size] = '\0';
			return 0;
		}
		name = end;
	}
	return -ENOENT;
}

bool proc_has_gid(const struct proc_info *info, uint32_t gid)
{
	const char *at = info->groups;

	for (size_t i = 0; i < 4; i++)
		if (info->gids[i] == gid)
			return true;
	while (*at >= '0' && *at <= '9') {
		char *end;

		if (strtoul(at, &end, 10) == gid)
			return true;
		at = *end == ' ' ? end + 1 : end;
	}
	return false;
}

int proc_pin(int pid)
{
	int fd = pidfd_open(pid, 0);

	return fd < 0 ? -errno : fd;
}

int proc_signal(int pidfd, int signal_number)
{
	return pidfd_send_signal(pidfd, signal_number, NULL, 0) < 0 ? -errno : 0;
}

static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return true; /* not known is too many */
	return data[0].effective || data[0].permitted || data[1].effective || data[1].permitted;
}

/* In the child. As root, or with CAP_KILL left, this would be the end of the whole host: hence the
 * doubts. */
__attribute__((noreturn)) static void become_and_kill(uid_t uid)
{
	uid_t real, effective, saved;

	if (id_is_reserved(uid) || setresuid(uid, uid, uid) < 0)
		_exit(1);
	if (getresuid(&real, &effective, &saved) < 0 || real != uid || effective != uid ||
	    saved != uid || has_capabilities())
		_exit(1);
	(void)kill(-1, SIGKILL);
	_exit(0);
}

int proc_kill_as(uint32_t uid)
{
	_cleanup_close_ int fd = -1;
	struct pollfd ended = { .events = POLLIN };
	int status = 0;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0)
		become_and_kill(uid);
	fd = pidfd_open(child, 0);
	ended.fd = fd;
	(void)poll(&ended, 1, KILL_AS_WAIT_MS); /* uid may stop or kill the child: do not wait for it */
	(void)kill(child, SIGKILL); /* it is not waited for yet, so the pid is still its own */
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -EAGAIN;
	return WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}
