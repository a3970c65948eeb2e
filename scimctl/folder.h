/* folder.h - folders of a backup: files copied with their SHA-256 sums, durably, believing nothing about
 * what lies there. Layer: scimctl. Single thread. Functions return 0 or -errno. */
#ifndef SCIMCTL_FOLDER_H
#define SCIMCTL_FOLDER_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "shared/attrs.h"

#define FOLDER_SUM_SIZE 65 /* SHA-256 in hexadecimal */

/* Open the folder itself, no link. -errno. */
_must_use_ int folder_open(int at, const char *path);

/* Open a regular file for reading: no link and nothing that pretends to be a file, and owner's (-1:
 * anybody's). -EINVAL: no file; -EPERM: somebody else's. */
_must_use_ int folder_file(int folder, const char *name, uid_t owner);

/* Copy the open file into a new one of that name, mode and owner (-1: as it comes). ret_sum: of what was
 * written. */
_must_use_ int folder_copy(int from, int to, const char *name, mode_t mode, uid_t uid, gid_t gid,
			   char ret_sum[static FOLDER_SUM_SIZE]);

/* All of it, however many writes it takes. */
_must_use_ int bytes_write(int fd, const void *bytes, size_t size);

/* A new file with this text. */
_must_use_ int folder_write(int to, const char *name, const char *text, mode_t mode,
			    char ret_sum[static FOLDER_SUM_SIZE]);

/* The sum of a file by its path below the folder; no part of the path may be a link. */
_must_use_ int folder_sum(int folder, const char *path, char ret_sum[static FOLDER_SUM_SIZE]);

/* Remove the folder with what is in it, two levels deep, as backups are. Failures are not told. */
void folder_remove(int at, const char *path);

#endif
