#include "scimd/service/id_list.h"

#include <stdio.h>
#include <string.h>

int id_list_add(struct id_list *list, const char *id)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		void *ids = reallocarray(list->ids, room, sizeof(*list->ids));

		if (!ids)
			return -ENOMEM;
		list->ids = ids;
		list->room = room;
	}
	snprintf(list->ids[list->count++], RESOURCE_ID_SIZE, "%s", id);
	return 0;
}

static int id_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

void id_list_sort(struct id_list *list)
{
	if (list->count > 1)
		qsort(list->ids, list->count, sizeof(*list->ids), id_compare);
}

void id_list_done(struct id_list *list)
{
	free(list->ids);
	*list = (struct id_list){};
}
