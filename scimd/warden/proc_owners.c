#include "scimd/warden/proc.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>

/*
 * A look asks this of every process on the host, and most of what that costs is opening and closing. So
 * both descriptors are held from one look to the next. Each belongs to one process for ever: when that is
 * gone, it says so (ESRCH), whoever has the number by then, and the process of that number is opened anew.
 */

/* What a pidfd tells of its process since 6.13, as the kernel lays it out; Debian 12's headers are older. */
struct pidfd_ids {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define PIDFD_IDS_GET _IOWR(0xff, 11, struct pidfd_ids)
#define PIDFD_IDS_CREDS (UINT64_C(1) << 1)
_Static_assert(sizeof(struct pidfd_ids) == 64, "as in the kernel");

static int ask_pidfd(int pidfd, uint32_t ret[static 4])
{
	struct pidfd_ids ids = { .mask = PIDFD_IDS_CREDS };

	if (ioctl(pidfd, PIDFD_IDS_GET, &ids) < 0)
		return -errno;
	if (!(ids.mask & PIDFD_IDS_CREDS))
		return -ESRCH;
	ret[0] = ids.ruid;
	ret[1] = ids.euid;
	ret[2] = ids.suid;
	ret[3] = ids.fsuid;
	return 0;
}

void proc_let_go(struct proc_kept *kept)
{
	if (kept->pid == 0)
		return;
	closep(&kept->loginuid);
	closep(&kept->ids);
	kept->pid = 0;
}

/* The login uid first: what comes last tells whether the process was there all the time. */
static int kept_open(struct proc *proc, int pid, struct proc_kept *ret)
{
	uint32_t uids[4];
	int r;

	ret->loginuid = proc_open_file(proc, pid, "loginuid");
	if (ret->loginuid < 0 && ret->loginuid != -ENOENT) /* gone, as will show, or no audit */
		return ret->loginuid;
	ret->pid = pid;
	ret->ids = proc->asks_pidfds ? pidfd_open(pid, 0) : -1;
	r = ret->ids < 0 ? -ESRCH : ask_pidfd(ret->ids, uids);
	ret->is_status = r < 0;
	if (r >= 0)
		return 0;
	/* An older kernel, or a filter in between. But one whose parent is not in our namespace is refused
	 * as if it were gone, and then its status tells. */
	proc->asks_pidfds = proc->asks_pidfds && r == -ESRCH;
	closep(&ret->ids);
	ret->ids = proc_open_file(proc, pid, "status");
	return ret->ids < 0 ? ret->ids : 0;
}

static int kept_read(struct proc *proc, const struct proc_kept *kept, uint32_t ret[static PROC_OWNERS])
{
	struct proc_info info;
	ssize_t n = 0;
	int r;

	if (kept->loginuid >= 0)
		n = pread(kept->loginuid, proc->buffer, PROC_BUFFER_SIZE - 1, 0);
	if (n < 0)
		return -errno;
	proc->buffer[n] = '\0';
	ret[4] = n > 0 ? (uint32_t)strtoul(proc->buffer, NULL, 10) : PROC_ID_UNSET;
	if (!kept->is_status)
		return ask_pidfd(kept->ids, ret);
	n = pread(kept->ids, proc->buffer, PROC_BUFFER_SIZE - 1, 0);
	if (n < 0)
		return -errno;
	proc->buffer[n] = '\0';
	r = proc_parse_status(proc->buffer, &info);
	if (r >= 0)
		memcpy(ret, info.uids, sizeof(info.uids));
	return r;
}

/* In a /proc made of files nothing says that a process is gone, so nothing is held. */
static int read_anew(struct proc *proc, int pid, uint32_t ret[static PROC_OWNERS])
{
	struct proc_info info;
	int r = proc_read(proc, pid, &info);

	if (r < 0)
		return r;
	memcpy(ret, info.uids, sizeof(info.uids));
	ret[4] = info.loginuid;
	return 0;
}

int proc_owners(struct proc *proc, int pid, uint32_t ret[static PROC_OWNERS])
{
	struct proc_kept *kept;
	int r;

	if (proc->kept_room == 0)
		return read_anew(proc, pid, ret);
	kept = &proc->kept[(size_t)pid % proc->kept_room];
	if (kept->pid == pid && kept_read(proc, kept, ret) >= 0)
		return 0;
	proc_let_go(kept);
	r = kept_open(proc, pid, kept);
	if (r >= 0)
		r = kept_read(proc, kept, ret);
	/* Without a login uid nothing is kept: the first may have been gone, the second another one. */
	if (r < 0 || kept->loginuid < 0)
		proc_let_go(kept);
	return r;
}

void proc_tidy(struct proc *proc)
{
	uint32_t ids[PROC_OWNERS];

	for (size_t i = 0; i < proc->kept_room; i++)
		if (proc->kept[i].pid && kept_read(proc, &proc->kept[i], ids) < 0)
			proc_let_go(&proc->kept[i]);
}
