/* number.h - ids that the POSIX extension asks for. Layer: policy, private. Threads: any. */
#ifndef SCIMD_POLICY_NUMBER_H
#define SCIMD_POLICY_NUMBER_H

#include <stdint.h>

#include "scimd/model/json.h"

/* A member that can be a uid or gid at all, else 0. extension may be NULL. */
static inline uint32_t number_read(struct json_object *extension, const char *name)
{
	struct json_object *value = json_get(extension, name);
	int64_t number;

	if (!json_object_is_type(value, json_type_int))
		return 0;
	number = json_object_get_int64(value);
	return number > 0 && number < UINT32_MAX ? (uint32_t)number : 0;
}

#endif
