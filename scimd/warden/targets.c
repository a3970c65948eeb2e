#include "scimd/warden/targets.h"

#include <string.h>

#define ROOM_FIRST 16u

uint32_t targets_place(const struct targets *targets, uint32_t uid, bool role)
{
	uint32_t low = 0, high = targets->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct target *target = targets->items[middle];

		if (target->uid < uid || (target->uid == uid && target->role < role))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct target *target_at(const struct targets *targets, uint32_t at, uint32_t uid, bool role)
{
	struct target *target = at < targets->count ? targets->items[at] : NULL;

	return target && target->uid == uid && target->role == role ? target : NULL;
}

struct target *targets_find(const struct targets *targets, uint32_t uid, bool role)
{
	return target_at(targets, targets_place(targets, uid, role), uid, role);
}

static int make_room(struct targets *targets)
{
	uint32_t room = targets->room ? targets->room * 2 : ROOM_FIRST;
	struct target **items;

	if (targets->count < targets->room)
		return 0;
	items = reallocarray(targets->items, room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	targets->items = items;
	targets->room = room;
	return 0;
}

int targets_get(struct targets *targets, uint32_t uid, bool role, struct target **ret)
{
	uint32_t at = targets_place(targets, uid, role);
	struct target *target = target_at(targets, at, uid, role);

	if (!target) {
		target = make_room(targets) < 0 ? NULL : calloc(1, sizeof(*target));
		if (!target)
			return -ENOMEM;
		target->uid = uid;
		target->role = role;
		memmove(&targets->items[at + 1], &targets->items[at],
			(targets->count - at) * sizeof(*targets->items));
		targets->items[at] = target;
		targets->count++;
	}
	*ret = target;
	return 0;
}

uint64_t targets_next_us(const struct targets *targets)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < targets->count; i++)
		if (targets->items[i]->next_us < next)
			next = targets->items[i]->next_us;
	return next;
}

void targets_drop(struct targets *targets, uint32_t at)
{
	target_freep(&targets->items[at]);
	targets->count--;
	memmove(&targets->items[at], &targets->items[at + 1],
		(targets->count - at) * sizeof(*targets->items));
}

void targets_done(struct targets *targets)
{
	for (uint32_t i = 0; i < targets->count; i++)
		target_freep(&targets->items[i]);
	free(targets->items);
	*targets = (struct targets){ 0 };
}
