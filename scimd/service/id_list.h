/* id_list.h - a growing list of resource ids. Layer: service, inside it. Threads: one at a time. */
#ifndef SCIMD_SERVICE_ID_LIST_H
#define SCIMD_SERVICE_ID_LIST_H

#include <stddef.h>

#include "scimd/model/resource.h"
#include "shared/attrs.h"

struct id_list {
	char (*ids)[RESOURCE_ID_SIZE]; /* owned (id_list_done) */
	size_t count, room;
};

/* Append a copy; longer ids than ours are cut. -ENOMEM. */
_must_use_ int id_list_add(struct id_list *list, const char *id);

void id_list_done(struct id_list *list);

#endif
