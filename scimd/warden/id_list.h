/* id_list.h - a growing set of ids. Layer: warden. Threads: one. A zeroed list is empty. Whatever is added
 * again and again: it takes no more than four times the room of the different ones. Errors: -ENOMEM, and
 * then nothing changed. */
#ifndef SCIMD_WARDEN_ID_LIST_H
#define SCIMD_WARDEN_ID_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/attrs.h"

struct id_list {
	uint32_t *ids; /* owned; may repeat, until it is sorted */
	size_t count, room;
};

_must_use_ int id_list_add(struct id_list *list, uint32_t id);
/* Ascending, each once. */
void id_list_sort(struct id_list *list);
/* Of a sorted one. */
bool id_list_has(const struct id_list *list, uint32_t id);
void id_list_done(struct id_list *list);

int id_compare(const void *a, const void *b); /* uint32_t, for qsort(3) */

#endif
