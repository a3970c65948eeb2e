/* proc.h - processes as /proc shows them, and signals that hit nobody else.
 * Layer: warden. Threads: one. Errors: negative errno; -ENOENT or -ESRCH: the process is gone. */
#ifndef SCIMD_WARDEN_PROC_H
#define SCIMD_WARDEN_PROC_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/attrs.h"

#define PROC_ID_UNSET UINT32_MAX /* a login uid or audit session that nobody set */
#define PROC_COMM_SIZE 33u

/* A place to look at: an open /proc and the buffer that its files are read into. */
struct proc {
	DIR *dir;
	char *buffer;
};

struct proc_info {
	int pid;
	bool gone;         /* a zombie, with no living thread behind it */
	char state;        /* its letter in /proc */
	uint32_t uids[4];  /* real, effective, saved, file system */
	uint32_t gids[4];  /* the same of groups */
	const char *groups; /* supplementary gids as text; valid until the next proc_read */
	uint32_t loginuid; /* audit login uid, inherited over fork, exec, su and sudo */
	char comm[PROC_COMM_SIZE]; /* printable ASCII, anything else is '?' */
};

/* path is "/proc" but in tests. proc_close accepts what proc_open did not fill, if zeroed. */
_must_use_ int proc_open(const char *path, struct proc *ret);
void proc_close(struct proc *proc);

/* The next pid of a walk that proc_rewind starts; 0 at the end. Pids come in ascending order. */
void proc_rewind(struct proc *proc);
_must_use_ int proc_next(struct proc *proc);

_must_use_ int proc_read(struct proc *proc, int pid, struct proc_info *ret);

/* Ticks since boot at which pid was started: with the pid, the name of one process for ever.
 * -EPERM: a kernel thread. */
_must_use_ int proc_start_ticks(struct proc *proc, int pid, uint64_t *ret_ticks);
uint64_t proc_ticks_to_epoch_us(uint64_t ticks);

/* The audit session (one per login), or PROC_ID_UNSET. */
uint32_t proc_session(struct proc *proc, int pid);

bool proc_has_gid(const struct proc_info *info, uint32_t gid);

/* A handle which stays with the process that has pid now: look at the process after this, then
 * signal it. The pid may be used again meanwhile, and the signal then goes nowhere. */
_must_use_ int proc_pin(int pid); /* returns a file descriptor */
_must_use_ int proc_signal(int pidfd, int signal_number);

/* SIGKILL every process whose real or saved uid is uid, in one step that no fork can outrun: a
 * child becomes uid, loses every capability, makes sure of both, and asks the kernel to kill all
 * it may. Needs CAP_SETUID; blocks for some 20 ms at the worst. -EPERM: it cannot become uid; -EAGAIN: not
 * this time, as when uid stopped or killed the child. */
_must_use_ int proc_kill_as(uint32_t uid);

#endif
