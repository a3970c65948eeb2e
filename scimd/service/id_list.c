#include "scimd/service/id_list.h"

#include <stdio.h>

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

void id_list_done(struct id_list *list)
{
	free(list->ids);
	*list = (struct id_list){};
}
