/* pack.h - from directory entries to the structures of <pwd.h>, <grp.h> and <shadow.h>.
 * Layer: nss_scim. Pure but for pack_acquire…; any thread. Everything a result points at lies in the
 * caller's buffer. Errors: 0, -ERANGE when the buffer is too small (and for nothing else), -EIO
 * when an entry says what no entry of ours may say. */
#ifndef NSS_SCIM_PACK_H
#define NSS_SCIM_PACK_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <shadow.h>

#include "shared/attrs.h"
#include "shared/directory.h"

/* The one translation of our errors into glibc's; sets *errnop except for success. */
enum nss_status pack_status(int r, int *errnop);

/* directory_acquire; -ESTALE: there is no directory; never -ENOENT or -ERANGE. */
_must_use_ int pack_acquire(struct directory_view *ret);

/* The same for a lookup by this name; -ENOENT: it cannot be a name of ours. The view is the caller's to
 * release in any case. */
_must_use_ int pack_acquire_for(const char *name, struct directory_view *ret, size_t *ret_size);

/* An error of the reader, kept from looking like a short buffer. */
int pack_lookup(int r);

/* An error of opening a file, kept from looking like "no such entry" or a short buffer; a missing
 * file is -ESTALE, as the reader says. */
int pack_open(int r);

/* The shadow file. A missing one means that no password was ever set: "*" lets nobody in, and without an
 * entry pam_unix would turn away people who log in by key. Any other fault is a fault. */
_must_use_ int pack_open_hashes(struct directory_view *ret, bool *ret_opened);

/* -EIO for a user who may not be here and yet has a shell. Names, ids and fields the reader
 * checks. */
_must_use_ int pack_check_user(const struct directory_user *user);

_must_use_ int pack_user(const struct directory_user *user, struct passwd *ret, char *buffer,
			 size_t size);
_must_use_ int pack_group(const struct directory_view *view, const struct directory_group *group,
			  struct group *ret, char *buffer, size_t size);
/* changed_day in days since the epoch; 0: not known. */
_must_use_ int pack_shadow(const struct directory_user *user, const char *hash,
			   uint32_t changed_day, struct spwd *ret, char *buffer, size_t size);

#endif
