/* backup.h - what scimd and scimctl agree on about backups. Layer: shared, libc only; no code. */
#ifndef SHARED_BACKUP_H
#define SHARED_BACKUP_H

/* What the store's tables mean together. 1: before members carried titles (no release had it). */
#ifndef STORE_FORMAT /* another value makes a build for tests */
#define STORE_FORMAT 2u
#endif

#endif
