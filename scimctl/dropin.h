/* dropin.h - one connection's file in scimd.conf.d, replaced so that it can be taken back.
 * Layer: scimctl. Functions print what goes wrong and return an exit code. */
#ifndef SCIMCTL_DROPIN_H
#define SCIMCTL_DROPIN_H

#include <stdbool.h>

#include "shared/attrs.h"

struct dropin {
	char *path;   /* …/scimd.conf.d/connection-NAME.conf, owned */
	char *before; /* the file it replaced, kept beside it under a hidden name, owned */
	bool had;     /* there was one */
	bool pending; /* changed, and neither kept nor taken back */
};

/* Put a file with this text in place, mode 0640 and the folder's group, durably; or remove it
 * (text NULL). */
_must_use_ int dropin_change(struct dropin *dropin, const char *conf_dir, const char *name,
			     const char *text);

/* The change stays. */
void dropin_keep(struct dropin *dropin);

/* Takes a pending change back, and frees. For _cleanup_. */
void dropin_done(struct dropin *dropin);

#endif
