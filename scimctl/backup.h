/* backup.h - what making a backup and restoring one agree on. Layer: scimctl. Single thread. */
#ifndef SCIMCTL_BACKUP_H
#define SCIMCTL_BACKUP_H

#include <stdbool.h>

#include "shared/attrs.h"

#define BACKUP_FORMAT 1 /* of the folder */
#define BACKUP_SUMS "SHA256SUMS"
#define BACKUP_STATE_DIR "/var/lib/scimd"

/* Names of files in a backup: nothing that a shell, a sum file or a path reads otherwise. */
bool backup_name_is_plain(const char *name);

/* Only root, whose files nobody else may read, and one at a time: until *ret is closed. Exit code. */
_must_use_ int backup_enter(int *ret);

#endif
