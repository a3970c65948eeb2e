/* members.h - what a request's member operations come to. Layer: service, but it needs the model
 * alone. Threads: any. */
#ifndef SCIMD_SERVICE_MEMBERS_H
#define SCIMD_SERVICE_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "scimd/model/resource.h"
#include "shared/attrs.h"

struct member_wish {
	const char *user_id; /* borrowed from the edit */
	bool member;         /* to be, or not to be */
};

/* One wish per user that the operations name, sorted by id. For each user the last operation
 * decides, so that nobody is taken out and put back, which would end their sessions. cleared:
 * whoever has no wish goes. */
struct member_plan {
	struct member_wish *wishes;
	size_t count;
	bool cleared;
};

/* Owned in *ret (member_plan_done), borrowing from edit; -ENOMEM. */
_must_use_ int member_plan_make(const struct resource_edit *edit, struct member_plan *ret);
void member_plan_done(struct member_plan *plan);

/* Whether the plan wants this user in; for users of a cleared group who are members now. */
bool member_plan_wants(const struct member_plan *plan, const char *user_id);

#endif
