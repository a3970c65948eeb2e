/* local.h - is a name one of /etc/passwd's? Local accounts always win.
 * Layer: pam_scim; the module and scim-authorized-keys. Reads the file itself: NSS may ask
 * others. */
#ifndef PAM_SCIM_LOCAL_H
#define PAM_SCIM_LOCAL_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/attrs.h"

#ifndef LOCAL_PASSWD_FILE /* another value makes a build for tests */
#define LOCAL_PASSWD_FILE "/etc/passwd"
#endif

static inline void local_closep(FILE **file)
{
	if (*file)
		(void)fclose(*file); /* only read */
}

/* 1: it is; 0: it is not, or there is no such file; negative errno: not known. */
_must_use_ static inline int local_has_user(const char *name)
{
	_cleanup_(local_closep) FILE *file = fopen(LOCAL_PASSWD_FILE, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0, name_size = strlen(name);

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (getline(&line, &size, file) >= 0)
		if (strncmp(line, name, name_size) == 0 && line[name_size] == ':')
			return 1;
	return feof(file) ? 0 : -EIO;
}

#endif
