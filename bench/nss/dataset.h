/* dataset.h - the people and groups of the NSS benchmark, the same for every backend: N users, N/20
 * groups of whom each user is in eight, and one group with everybody. */
#ifndef BENCH_NSS_DATASET_H
#define BENCH_NSS_DATASET_H

#include <stdint.h>

#define DATASET_GROUPS_EACH 8u
#define DATASET_UID0 100000u
#define DATASET_GID0 10000000u
#define DATASET_EVERYBODY (DATASET_GID0 - 1u)

struct dataset {
	uint32_t users, groups;
	uint32_t *member_starts; /* groups + 1: where a group's members begin in `members` */
	uint32_t *members;       /* user numbers */
};

struct dataset *dataset_new(uint32_t users);
void dataset_free(struct dataset *data);

/* The k-th (0..7) group of a user. */
static inline uint32_t dataset_group_of(const struct dataset *data, uint32_t user, uint32_t k)
{
	return (uint32_t)((user * UINT64_C(2654435761) + k * UINT64_C(40503) * 97) % data->groups);
}

/* Names into a buffer of at least 33 bytes. */
void dataset_user_name(uint32_t user, char *into);
void dataset_group_name(uint32_t group, char *into);

#endif
