/* Where ids lie in an index: nobody of a dense range is displaced, and a search for anybody else ends
 * soon, whatever the length of the table and however much of it the range fills. */
#include <stdint.h>
#include <stdlib.h>

#include "shared/directory_format.h"
#include "tests/unit/t.h"

#define FIRST 65536u
#define SEARCHES 50000u
#define STEPS_MAX 64u

/* Steps from the home slot of `id` to an empty one. */
static uint32_t steps_to_empty(const unsigned char *used, uint32_t mask, uint32_t id)
{
	uint32_t at = (uint32_t)directory_hash_id(id) & mask, steps = 0;

	for (; used[at]; at = (at + 1) & mask)
		steps++;
	return steps;
}

static void check_table(uint32_t log2, uint32_t count)
{
	uint32_t mask = (1u << log2) - 1, displaced = 0, longest = 0;
	unsigned char *used = calloc(mask + 1, 1);

	T_FATAL(used != NULL);
	for (uint32_t id = FIRST; id < FIRST + count; id++) {
		uint32_t home = (uint32_t)directory_hash_id(id) & mask;

		displaced += used[home];
		used[home] = 1;
	}
	T_INT(displaced, 0);
	for (uint32_t i = 0; i < SEARCHES; i++) {
		uint32_t steps = steps_to_empty(used, mask, i * 7919u + 1000);

		longest = steps > longest ? steps : longest;
	}
	T_TRUE(longest <= STEPS_MAX);
	free(used);
}

static void test_dense(void)
{
	for (uint32_t log2 = 6; log2 <= 21; log2++) {
		check_table(log2, (1u << log2) / 3);
		check_table(log2, (1u << log2) / 2 - 1);
	}
}

/* What an index's slots tell apart: no two ids near one another share all of it. */
static void test_distinct(void)
{
	for (uint32_t id = FIRST; id < FIRST + 100000; id++)
		T_TRUE(directory_hash_id(id) != directory_hash_id(id + 1) &&
		       directory_hash_id(id) != directory_hash_id(id ^ 1u << 20));
}

/* A walk meets each slot once, and a dense range in its order. */
static void check_walk(uint32_t log2)
{
	uint32_t mask = (1u << log2) - 1, count = (1u << log2) / 3, id = 0, met = 0;
	uint32_t *ids = calloc(mask + 1, sizeof(*ids));

	T_FATAL(ids != NULL);
	for (uint32_t i = FIRST; i < FIRST + count; i++)
		ids[directory_hash_id(i) & mask] = i;
	for (uint64_t position = 0; position <= mask; position++) {
		uint64_t slot = directory_walk_slot(position, mask);

		T_TRUE(ids[slot] != UINT32_MAX);
		if (ids[slot] != 0) {
			T_TRUE(met == 0 || ids[slot] == id + 1 || ids[slot] == FIRST);
			id = ids[slot];
			met++;
		}
		ids[slot] = UINT32_MAX;
	}
	T_INT(met, count);
	free(ids);
}

static void test_walk(void)
{
	for (uint32_t log2 = 1; log2 <= 21; log2++)
		check_walk(log2);
}

T_MAIN("directory_hash", T(test_dense), T(test_distinct), T(test_walk))
