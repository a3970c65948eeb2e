#include "bench/nss/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Eight different groups, or fewer where there are fewer. */
static int is_first(const struct dataset *data, uint32_t user, uint32_t k)
{
	for (uint32_t i = 0; i < k; i++)
		if (dataset_group_of(data, user, i) == dataset_group_of(data, user, k))
			return 0;
	return 1;
}

struct dataset *dataset_new(uint32_t users)
{
	struct dataset *data = calloc(1, sizeof(*data));
	uint32_t *filled;

	data->users = users;
	data->groups = users / 20;
	data->member_starts = calloc(data->groups + 2, sizeof(uint32_t));
	data->members = calloc((size_t)users * DATASET_GROUPS_EACH, sizeof(uint32_t));
	filled = calloc(data->groups, sizeof(uint32_t));
	for (uint32_t u = 0; u < users; u++)
		for (uint32_t k = 0; k < DATASET_GROUPS_EACH; k++)
			if (is_first(data, u, k))
				data->member_starts[dataset_group_of(data, u, k) + 1]++;
	for (uint32_t g = 0; g < data->groups; g++)
		data->member_starts[g + 1] += data->member_starts[g];
	for (uint32_t u = 0; u < users; u++)
		for (uint32_t k = 0; k < DATASET_GROUPS_EACH; k++) {
			uint32_t g = dataset_group_of(data, u, k);

			if (is_first(data, u, k))
				data->members[data->member_starts[g] + filled[g]++] = u;
		}
	free(filled);
	return data;
}

void dataset_free(struct dataset *data)
{
	free(data->member_starts);
	free(data->members);
	free(data);
}

void dataset_user_name(uint32_t user, char *into)
{
	static const char *const first[] = { "ada", "grace", "alan", "edsger", "barbara", "ken",
					     "dennis", "donald", "tony", "niklaus" };

	sprintf(into, "%s.%c%u", first[user % 10], 'a' + user / 10 % 26, user);
}

void dataset_group_name(uint32_t group, char *into)
{
	sprintf(into, "team-%u", group);
}
