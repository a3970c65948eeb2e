/* overlay.h - slot values staged by a batch: a map from file offset to the new 8 bytes. Layer:
 * warden, below directory_writer.c. Threads: one. A zeroed overlay is empty. Errors: -ENOMEM, and
 * then nothing changed. */
#ifndef SCIMD_WARDEN_OVERLAY_H
#define SCIMD_WARDEN_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/attrs.h"

struct overlay_entry {
	uint64_t offset; /* 0: empty; no slot lies in the header */
	uint64_t value;
};

struct overlay {
	struct overlay_entry *entries; /* owned */
	size_t capacity, count;
};

_must_use_ int overlay_set(struct overlay *overlay, uint64_t offset, uint64_t value);
bool overlay_get(const struct overlay *overlay, uint64_t offset, uint64_t *ret);
/* Empty it for the next batch, without giving memory back. */
void overlay_clear(struct overlay *overlay);
void overlay_done(struct overlay *overlay);

#endif
