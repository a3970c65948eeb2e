/* login_report.h - what pam_scim tells scimd about a login that it denied, or a session that it let begin,
 * in one datagram. Layer: shared, libc only. Threads: any; no state.
 *
 * Nothing depends on it: what is told is settled and logged before, and if nobody listens the datagram is
 * lost. scimd believes only root (SCM_CREDENTIALS). The text is a magic word and six strings, each
 * with its terminator. */
#ifndef SHARED_LOGIN_REPORT_H
#define SHARED_LOGIN_REPORT_H

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "shared/attrs.h"

#define LOGIN_REPORT_SOCKET "/run/scimd/control/login.sock"
#define LOGIN_REPORT_MAGIC "scimd-login-2"
#define LOGIN_REPORT_STRINGS 6u
#define LOGIN_REPORT_STRING_MAX 255u /* longer ones are cut */
#define LOGIN_REPORT_MAX (sizeof(LOGIN_REPORT_MAGIC) + \
			  LOGIN_REPORT_STRINGS * (LOGIN_REPORT_STRING_MAX + 1))

/* Let in; or why not: found and not let in, known before and gone by now, or the directory could not
 * say. */
#define LOGIN_REPORT_OPENED "opened"
#define LOGIN_REPORT_DENIED "denied"
#define LOGIN_REPORT_GONE "gone"
#define LOGIN_REPORT_UNKNOWN "unknown"

struct login_report {
	const char *class; /* one of the above */
	const char *user, *service, *phase, *host, *reason; /* "" if there is none; host: from where */
};

/* Returns the size. */
static inline size_t login_report_write(const struct login_report *report,
					char buffer[static LOGIN_REPORT_MAX])
{
	const char *const strings[] = { report->class, report->user, report->service,
					report->phase, report->host, report->reason };
	size_t size = strlen(LOGIN_REPORT_MAGIC) + 1;

	memcpy(buffer, LOGIN_REPORT_MAGIC, size);
	for (size_t i = 0; i < LOGIN_REPORT_STRINGS; i++) {
		size_t len = strnlen(strings[i], LOGIN_REPORT_STRING_MAX);

		memcpy(buffer + size, strings[i], len);
		size += len;
		buffer[size++] = '\0';
	}
	return size;
}

/* What ret gets points into the buffer. -EINVAL unless it is such a report, whole. */
_must_use_ static inline int login_report_read(const char *buffer, size_t size,
					       struct login_report *ret)
{
	const char *strings[LOGIN_REPORT_STRINGS];
	size_t at = strlen(LOGIN_REPORT_MAGIC) + 1;

	if (size < at || memcmp(buffer, LOGIN_REPORT_MAGIC, at) != 0)
		return -EINVAL;
	for (size_t i = 0; i < LOGIN_REPORT_STRINGS; i++) {
		const char *end = memchr(buffer + at, '\0', size - at);

		if (!end)
			return -EINVAL;
		strings[i] = buffer + at;
		at = (size_t)(end - buffer) + 1;
	}
	if (at != size)
		return -EINVAL;
	*ret = (struct login_report){ strings[0], strings[1], strings[2],
				      strings[3], strings[4], strings[5] };
	return 0;
}

#endif
