#include "scimd/warden/id_list.h"

#define ROOM_FIRST 64u

int id_compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

void id_list_sort(struct id_list *list)
{
	size_t kept = 0;

	if (list->count == 0)
		return;
	qsort(list->ids, list->count, sizeof(*list->ids), id_compare);
	for (size_t i = 0; i < list->count; i++)
		if (i == 0 || list->ids[i] != list->ids[i - 1])
			list->ids[kept++] = list->ids[i];
	list->count = kept;
}

/* It grows only if more than half of a full one is different ids, so sorting stays seldom. */
static int make_room(struct id_list *list)
{
	size_t room = list->room ? list->room * 2 : ROOM_FIRST;
	uint32_t *larger;

	id_list_sort(list);
	if (list->count * 2 < list->room)
		return 0;
	larger = reallocarray(list->ids, room, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	list->ids = larger;
	list->room = room;
	return 0;
}

int id_list_add(struct id_list *list, uint32_t id)
{
	int r = list->count == list->room ? make_room(list) : 0;

	if (r == 0)
		list->ids[list->count++] = id;
	return r;
}

bool id_list_has(const struct id_list *list, uint32_t id)
{
	return list->count != 0 &&
	       bsearch(&id, list->ids, list->count, sizeof(id), id_compare) != NULL;
}

void id_list_done(struct id_list *list)
{
	free(list->ids);
	*list = (struct id_list){ 0 };
}
