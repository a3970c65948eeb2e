/* proc.h - processes as /proc shows them, and signals that hit nobody else.
 * Layer: warden. Threads: one. Errors: negative errno; -ENOENT or -ESRCH: the process is gone. */
#ifndef SCIMD_WARDEN_PROC_H
#define SCIMD_WARDEN_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/attrs.h"

#define PROC_ID_UNSET UINT32_MAX /* a login uid or audit session that nobody set */
#define PROC_COMM_SIZE 33u
#define PROC_UNIT_SIZE 256u

#define PROC_LIST_SIZE 1024u

/* Whose a process may be: its real, effective, saved and filesystem uid, and its audit login uid. */
#define PROC_OWNERS 5u

/* What is held open of a process, so that proc_owners need not open it again. */
struct proc_kept {
	int pid;      /* 0: nothing */
	int loginuid; /* -1: there is no such file */
	int ids;      /* a pidfd, or its status */
	bool is_status;
};

/* A place to look at: an open /proc and the buffer that its files are read into. */
struct proc {
	int dir;
	char *buffer;
	bool asks_pidfds; /* the kernel tells ids by pidfd; cleared at the first refusal */
	struct proc_kept *kept;
	size_t kept_room; /* by pid, modulo this; 0: it is no real /proc */
	/* Some forty entries at a time: the longer ago a process was listed, the more often it is gone. */
	_Alignas(uint64_t) char list[PROC_LIST_SIZE];
	size_t list_at, list_end;
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

/* Those ids alone, for a fraction of what proc_read costs, above all where the kernel is 6.13 or later; of
 * the dead too, until somebody has waited for them. */
_must_use_ int proc_owners(struct proc *proc, int pid, uint32_t ret[static PROC_OWNERS]);
/* From time to time: lets go of what was held of those who are gone. */
void proc_tidy(struct proc *proc);
void proc_let_go(struct proc_kept *kept);

/* For proc_owners.c: a descriptor of one of its files; what a whole status says, but the login uid. */
_must_use_ int proc_open_file(const struct proc *proc, int pid, const char *name);
_must_use_ int proc_parse_status(const char *text, struct proc_info *ret);
/* 65,536 supplementary groups of ten digits and a blank, and the rest of the file. Only the pages that are
 * used cost memory. */
#define PROC_BUFFER_SIZE (768u * 1024u)

/* Ticks since boot at which pid was started: with the pid, the name of one process for ever.
 * -EPERM: a kernel thread. */
_must_use_ int proc_start_ticks(struct proc *proc, int pid, uint64_t *ret_ticks);
uint64_t proc_ticks_to_epoch_us(uint64_t ticks);

/* The audit session (one per login), or PROC_ID_UNSET. */
uint32_t proc_session(struct proc *proc, int pid);

/* The service of the system's that pid is in, by its control group; -ENOENT: in none, but in a person's slice,
 * a scope, nowhere. */
_must_use_ int proc_service(struct proc *proc, int pid, char ret_unit[static PROC_UNIT_SIZE]);

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
