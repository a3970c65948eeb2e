#include "scimd/service/members.h"

#include <stdlib.h>
#include <string.h>

static int change_compare(const void *a, const void *b)
{
	const struct member_change *const *left = a, *const *right = b;
	int order = strcmp((*left)->user_id, (*right)->user_id);

	if (order != 0)
		return order;
	return (*left > *right) - (*left < *right); /* in one array: in order of the request */
}

static size_t after_last_clear(const struct resource_edit *edit)
{
	for (size_t i = edit->member_count; i > 0; i--)
		if (edit->members[i - 1].op == MEMBER_CLEAR)
			return i;
	return 0;
}

int member_plan_make(const struct resource_edit *edit, struct member_plan *ret)
{
	size_t first = after_last_clear(edit);
	size_t count = edit->member_count - first;
	_cleanup_free_ const struct member_change **sorted = NULL;
	struct member_plan plan = { .cleared = first > 0 };

	sorted = calloc(count + 1, sizeof(*sorted));
	plan.wishes = calloc(count + 1, sizeof(*plan.wishes));
	if (!sorted || !plan.wishes) {
		member_plan_done(&plan);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = &edit->members[first + i];
	qsort(sorted, count, sizeof(*sorted), change_compare);
	for (size_t i = 0; i < count; i++) {
		bool last = i + 1 == count ||
			    strcmp(sorted[i]->user_id, sorted[i + 1]->user_id) != 0;

		if (last)
			plan.wishes[plan.count++] = (struct member_wish){
				.user_id = sorted[i]->user_id,
				.member = sorted[i]->op == MEMBER_ADD,
			};
	}
	*ret = plan;
	return 0;
}

void member_plan_done(struct member_plan *plan)
{
	free(plan->wishes);
	*plan = (struct member_plan){};
}

static int wish_compare(const void *key, const void *element)
{
	return strcmp(key, ((const struct member_wish *)element)->user_id);
}

bool member_plan_wants(const struct member_plan *plan, const char *user_id)
{
	const struct member_wish *wish = bsearch(user_id, plan->wishes, plan->count,
						 sizeof(*plan->wishes), wish_compare);

	return wish ? wish->member : !plan->cleared;
}
