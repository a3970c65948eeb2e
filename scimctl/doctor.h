/* doctor.h - what the examinations of `scimctl doctor` share.
 * Layer: scimctl. Single thread. An examination reports what it found and never fails otherwise. */
#ifndef SCIMCTL_DOCTOR_H
#define SCIMCTL_DOCTOR_H

#include "scimctl/scimctl.h"
#include "shared/conf.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_FAILURE };

struct doctor {
	const struct context *context;
	const struct conf *conf;    /* NULL if it cannot be read */
	struct json_object *checks; /* owned by the caller */
	enum doctor_level worst;
	bool serves; /* scimd answers */
	bool canary; /* the directory has one */
};

/* Report one line: which check, how bad, what to type about it (NULL: nothing), and the finding. */
void doctor_report(struct doctor *doctor, const char *check, enum doctor_level level,
		   const char *fix, const char *fmt, ...) _printf_(5, 6);

/* A command's standard output, at most 64 KiB; owned. The exit code, or negative errno. The command
 * line is ours alone: nothing from outside may be in it. */
_must_use_ int doctor_run(const char *command, char **ret);

void doctor_service(struct doctor *doctor);   /* scimd, the warden, the directory, pushes */
void doctor_files(struct doctor *doctor);     /* owners and modes, disk */
void doctor_host(struct doctor *doctor);      /* nsswitch, nscd, clock */
void doctor_sshd(struct doctor *doctor);
void doctor_pam(struct doctor *doctor);
void doctor_certificate(struct doctor *doctor);

/* Whether a PAM service's account stack, asked in a process of its own, lets a user in. */
bool doctor_pam_admits(const char *service, const char *user);

/* The word after `key` and blanks at the start of a line of text, to the line's end; owned, NULL if no
 * line has it. */
char *doctor_line(const char *text, const char *key);

#endif
